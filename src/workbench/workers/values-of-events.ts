import { tensorInputs } from '../../replay/inputs.ts';
import type { ProgramValues, ValueReader } from '../../replay/program-values.ts';
import type { ProgramSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { ChosenValues } from '../value-views.ts';
import { Recent } from './blobs.ts';
import { framesFor } from './frames-for.ts';
import { openReader } from './program-values.ts';
import { metaModel } from './replays.ts';
import { heldTrace } from './traces.ts';

interface Args {
  readonly program: ProgramSpec;
  readonly trace: BlobRef;
  /** Numbers of events, ascending. */
  readonly events: readonly number[];
  /** The program keeps something from event to event. */
  readonly remembers: boolean;
}

/** A machine on its way through a trace: events come in order, and those between them are run too where the program remembers. */
const walks = new Recent<{ readonly reader: ValueReader; next: number }>(1);

/** What the program has in memory at each of some events. */
export async function valuesOfEvents(
  { program: spec, trace, events, remembers }: Args,
  context: CallContext,
): Promise<Transferred<readonly ChosenValues[]>> {
  const key = `${spec.key} ${trace.hash}`;
  const { meta, open } = await openReader(spec, context);
  const known = walks.get(key);
  const own = known && !(remembers && known.next > events[0]!) ? known : walks.set(key, { reader: open(), next: 0 });
  const chosen: ChosenValues[] = [];
  const add = (event: number, { ran, values }: ProgramValues) => chosen.push({ event, values: ran ? values : [] });
  const held = await heldTrace(trace, context);
  if (held.kind === 'tensors') {
    const inputs = tensorInputs(metaModel(meta), held.arrays);
    for (const event of events) add(event, own.reader.tensors(inputs[event]!));
  } else if (held.kind === 'calls') {
    for (const event of events) {
      for (const call of held.calls.slice(own.next, event)) own.reader.afterCall(call);
      add(event, own.reader.call(held.calls[event]!));
      own.next = event + 1;
    }
  } else {
    const { packets } = held;
    for await (const { at, frame, chosen: wanted } of framesFor(packets, events, remembers ? own.next : null, context)) {
      if (wanted) add(at, own.reader.packet(frame, undefined, packets.timeNs(at)));
      else own.reader.after(frame, packets.timeNs(at));
      own.next = at + 1;
    }
  }
  const buffers = new Set(chosen.flatMap(({ values }) => values.map(({ data }) => data.buffer as ArrayBuffer)));
  return new Transferred(chosen, [...buffers]);
}

import { InputError } from '../../base/errors.ts';
import type { ProgramMeta } from '../../compiler/api.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import { type ProgramValue, type ProgramValues, ValueReader } from '../../replay/program-values.ts';
import { loadParts } from '../../vm/load-parts.ts';
import type { ProgramSpec } from '../clients.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { EventSpec, ProgramValuesView } from '../value-views.ts';
import { Recent } from './blobs.ts';
import { heldProgram } from './programs.ts';
import { metaModel } from './replays.ts';
import { heldTensors, heldTrace } from './traces.ts';

/** Machines of their own, so that counters of the replay stay those of the trace. */
const readers = new Recent<ValueReader>(2);

/** Machines that read the values of a compiled program. Throws {@link InputError} for one that was not compiled here. */
export async function openReader(
  spec: ProgramSpec,
  context: CallContext,
): Promise<{ readonly meta: ProgramMeta; readonly open: () => ValueReader }> {
  const { program, compiled } = await heldProgram(spec, context);
  if (!compiled) {
    throw new InputError(
      'where this program keeps its tensors is not known, since it was not compiled here',
      '',
      'Open the model that it was made from',
    );
  }
  await loadParts(program);
  return { meta: compiled.meta, open: () => new ValueReader(program, compiled.meta, compiled.tensors) };
}

/** Every value that the program has in memory for one event. */
export async function programValues(
  { program: spec, event }: { program: ProgramSpec; event: EventSpec },
  context: CallContext,
): Promise<Transferred<ProgramValuesView>> {
  const { meta, open } = await openReader(spec, context);
  // What a program remembers must be what came before this event, and nothing else.
  const reader = event.kind !== 'tensors' && event.after ? open() : (readers.get(spec.key) ?? readers.set(spec.key, open()));
  const report = (done: number, total: number) => context.progress('running the program', done, total);
  const { values, ...rest } =
    event.kind === 'tensors'
      ? reader.tensors(tensorInputs(metaModel(meta), await heldTensors(event.trace))[event.index]!, report)
      : await valuesAt(reader, event, report);
  const view: ProgramValuesView = { ...rest, values, foldedInto: folded(values, meta.model.nodes) };
  return new Transferred(view, [...new Set(values.map(({ data }) => data.buffer as ArrayBuffer))]);
}

/** Runs what came before the event, and reads the values of the event. */
async function valuesAt(
  reader: ValueReader,
  event: Exclude<EventSpec, { kind: 'tensors' }>,
  report: (done: number, total: number) => void,
): Promise<ProgramValues> {
  const held = event.after ? await heldTrace(event.after.trace) : null;
  const index = event.after?.index ?? 0;
  if (held?.kind === 'calls') for (const call of held.calls.slice(0, index)) reader.afterCall(call);
  if (event.kind === 'call') return reader.call(event.call, report);
  if (held?.kind !== 'packets') return reader.packet(event.bytes, report);
  const { packets } = held;
  for await (const { from, frames } of packets.frames(0, index))
    for (const [at, frame] of frames.entries()) reader.after(frame, packets.timeNs(from + at));
  return reader.packet(event.bytes, report, packets.timeNs(index));
}

/** Which values the kernels leave that a node was folded into. */
function folded(values: readonly ProgramValue[], nodes: readonly { index: number }[]): ProgramValuesView['foldedInto'] {
  const byNode = new Map<number, Set<string>>();
  for (const { name, nodes: served } of values) {
    for (const node of served) {
      const names = byNode.get(node) ?? new Set();
      names.add(name);
      byNode.set(node, names);
    }
  }
  return nodes.flatMap(({ index }) => {
    const names = byNode.get(index);
    return names ? [{ node: index, values: [...names] }] : [];
  });
}

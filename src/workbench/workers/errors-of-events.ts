import { InputError } from '../../base/errors.ts';
import type { Binding } from '../../hooks/binding.ts';
import type { Tensors } from '../../reference/reference.ts';
import { valueError } from '../../reference/value-error.ts';
import { type PacketInputs, tensorInputs } from '../../replay/inputs.ts';
import type { ModelSpec } from '../clients.ts';
import type { BlobRef } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import type { ChosenErrors, ChosenValues } from '../value-views.ts';
import { fitted, inputsOfPackets } from './bound.ts';
import { framesFor } from './frames-for.ts';
import { modelOf } from './models.ts';
import { floatsOf, ownErrorsOf, sessionOf } from './reference-values.ts';
import { heldTrace } from './traces.ts';

interface Args {
  readonly model: ModelSpec;
  readonly binding: Binding;
  readonly trace: BlobRef;
  /** In the order of the trace. */
  readonly chosen: readonly ChosenValues[];
  /** The binding keeps something from event to event. */
  readonly remembers: boolean;
}

/** On its way through a trace, with what the binding remembers of it. */
let walk: { readonly key: string; readonly inputsOf: PacketInputs; next: number } | null = null;

/** How far each of the program's values is from ONNX Runtime's at each of some events, and what each step adds by itself. */
export async function errorsOfEvents(args: Args, context: CallContext): Promise<readonly ChosenErrors[]> {
  const inputs = await inputsOfEvents(args, context);
  const session = await sessionOf(args.model);
  const errors: ChosenErrors[] = [];
  for (const { event, values } of args.chosen) {
    const given = inputs.get(event);
    if (!given || values.length === 0) continue;
    const expected = { ...given, ...(await session.run(given)) };
    const error = values.flatMap(({ name, data }, at): [string, number][] => {
      const other = expected[name];
      return other?.data.length === data.length ? [[name, valueError(values[at]!, floatsOf(other.data)).relative]] : [];
    });
    const own = await (await ownErrorsOf(args.model, values, expected)).run(given, values, expected);
    errors.push({ event, error, own: [...own].map(([name, { relative }]) => [name, relative]) });
  }
  return errors;
}

async function inputsOfEvents(
  { model: spec, binding, trace, chosen, remembers }: Args,
  context: CallContext,
): Promise<ReadonlyMap<number, Tensors>> {
  const events = chosen.map(({ event }) => event);
  const model = await modelOf(spec.model, spec.dims);
  const held = await heldTrace(trace, context);
  const inputs = new Map<number, Tensors>();
  if (held.kind === 'tensors') {
    const all = tensorInputs(model, held.arrays);
    for (const event of events) inputs.set(event, all[event]!);
    return inputs;
  }
  const fit = await fitted(binding, model);
  if (!fit) throw new InputError('a tensor binding takes no packets', 'binding');
  if (held.kind === 'calls') {
    const { callInputsByIndex } = await import('../../replay/syscalls.ts');
    return callInputsByIndex(held.calls, fit, model);
  }
  const key = JSON.stringify([spec.key, binding, trace.hash]);
  if (walk?.key !== key || (remembers && walk.next > events[0]!)) walk = { key, inputsOf: await inputsOfPackets(fit, model), next: 0 };
  const own = walk;
  const { packets } = held;
  for await (const { at, frame, chosen: wanted } of framesFor(packets, events, remembers ? own.next : null, context)) {
    const made = own.inputsOf(frame, packets.timeNs(at));
    if (wanted && made) inputs.set(at, made);
    own.next = at + 1;
  }
  return inputs;
}

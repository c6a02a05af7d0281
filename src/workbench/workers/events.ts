import { InputError } from '../../base/errors.ts';
import type { VerdictName } from '../../hooks/binding.ts';
import { otherwiseOf, VERDICT_ORDER } from '../../hooks/decide.ts';
import type { FittedBinding } from '../../hooks/fit.ts';
import type { Model } from '../../onnx/model.ts';
import type { Tensors } from '../../reference/reference.ts';
import type { FrameBatch } from '../../replay/packet-trace.ts';
import { NO_VERDICT } from '../../replay/verdicts.ts';
import { keepsState } from '../selectors.ts';
import type { EventSpec } from '../value-views.ts';
import { inputsOfPackets } from './bound.ts';
import { type HeldTrace, heldTrace } from './traces.ts';

/** A verdict in the columns of packets: TAG lets the packet pass with its metadata. */
export const packetCode = (verdict: VerdictName): number => VERDICT_ORDER.indexOf(verdict === 'TAG' ? 'PASS' : verdict);

/** What the reference is given of a trace of packets or calls, and how its verdicts stand in the replay's columns. */
interface EventInputs {
  /** The events from number `from` on, in order, some at a time; null for one at which the model does not run. */
  from(from: number): AsyncIterable<Iterable<Tensors | null>>;
  code(verdict: VerdictName): number;
  /** What stands for an event at which the model does not run. */
  readonly unseen: number;
}

/** Inputs of events: flows and processes are followed from the beginning of the trace. */
export async function eventInputs(held: Exclude<HeldTrace, { kind: 'tensors' }>, fit: FittedBinding, model: Model): Promise<EventInputs> {
  const takesCalls = fit.input.kind === 'syscalls';
  if (held.kind === 'calls') {
    if (!takesCalls) throw new InputError('the trace holds system calls, but the binding takes packets', 'binding');
    const { calls } = held;
    const { callInputsByIndex } = await import('../../replay/syscalls.ts');
    const inputs = callInputsByIndex(calls, fit, model);
    return {
      async *from(from) {
        yield Array.from({ length: calls.length - from }, (_, i) => inputs.get(from + i) ?? null);
      },
      code: (verdict) => VERDICT_ORDER.indexOf(verdict),
      unseen: NO_VERDICT,
    };
  }
  if (takesCalls) throw new InputError('the trace holds packets, but the binding takes system calls', 'binding');
  const { packets } = held;
  const remembers = keepsState(fit.binding);
  return {
    async *from(from) {
      const inputsOf = await inputsOfPackets(fit, model);
      for await (const batch of packets.frames(remembers ? 0 : from))
        yield inputsIn(batch, from, (frame, at) => inputsOf(frame, packets.timeNs(at)));
    },
    code: packetCode,
    unseen: packetCode(otherwiseOf(fit)),
  };
}

/** The inputs of a batch's packets from number `from` on, made as they are taken: a batch may be large. */
function* inputsIn(
  batch: FrameBatch,
  from: number,
  inputsOf: (frame: Uint8Array, at: number) => Tensors | null,
): Generator<Tensors | null> {
  for (const [i, frame] of batch.frames.entries()) {
    const inputs = inputsOf(frame, batch.from + i);
    if (batch.from + i >= from) yield inputs;
  }
}

/** What the reference is given of one event, after those before it where the binding remembers them. */
export async function inputsAfter(
  event: Exclude<EventSpec, { kind: 'tensors' }>,
  fit: FittedBinding,
  model: Model,
): Promise<Tensors | null> {
  const held = event.after ? await heldTrace(event.after.trace) : null;
  const index = event.after?.index ?? 0;
  if (event.kind === 'call') {
    if (held?.kind !== 'calls') return null;
    const { callInputsByIndex } = await import('../../replay/syscalls.ts');
    return callInputsByIndex(held.calls.slice(0, index + 1), fit, model).get(index) ?? null;
  }
  const inputsOf = await inputsOfPackets(fit, model);
  if (held?.kind !== 'packets') return inputsOf(event.bytes);
  const { packets } = held;
  for await (const { from, frames } of packets.frames(0, index))
    for (const [at, frame] of frames.entries()) inputsOf(frame, packets.timeNs(from + at));
  return inputsOf(event.bytes, packets.timeNs(index));
}

import type { Program } from '../bpf/program.ts';
import type { ProgramMeta, TensorPlan } from '../compiler/api.ts';
import type { Model } from '../onnx/model.ts';
import type { Reference, Tensors } from '../reference/reference.ts';
import { isMask, scaleAt } from '../reference/value-error.ts';
import { type ProgramValue, ValueReader } from './program-values.ts';

/** How far the integers of one value are from ONNX Runtime's numbers, over some events. */
export interface ValueAccuracy {
  readonly value: string;
  /** Elements that were compared; masks are not. */
  readonly elements: number;
  readonly maxAbs: number;
  readonly meanAbs: number;
  /** Signal to quantisation noise in decibels: 10·log₁₀(Σ reference² / Σ difference²). */
  readonly sqnr: number;
  /** Elements at the limit of their integers. */
  readonly saturated: number;
  /** Largest magnitude among the integers, as a share of what they can hold. */
  readonly rangeUsed: number;
}

interface Sums {
  elements: number;
  maxAbs: number;
  sumAbs: number;
  signal: number;
  noise: number;
  saturated: number;
  top: number;
}

/** Adds up the differences of every value that a program has in memory. */
export class AccuracyMeter {
  readonly #sums = new Map<string, Sums>();

  add(values: readonly ProgramValue[], reference: Readonly<Record<string, ArrayLike<number | bigint>>>): void {
    for (const value of values) {
      const expected = reference[value.name];
      if (expected && expected.length === value.data.length) this.#addValue(value, expected);
    }
  }

  #addValue({ name, data, scale, scales, max, masks }: ProgramValue, reference: ArrayLike<number | bigint>): void {
    let sums = this.#sums.get(name);
    if (!sums) {
      sums = { elements: 0, maxAbs: 0, sumAbs: 0, signal: 0, noise: 0, saturated: 0, top: 0 };
      this.#sums.set(name, sums);
    }
    for (let i = 0; i < data.length; i++) {
      const expected = Number(reference[i]);
      if (isMask(masks, expected)) continue;
      const integer = Math.abs(data[i]!);
      const error = Math.abs(data[i]! * scaleAt({ scale, scales }, i) - expected);
      sums.elements++;
      sums.sumAbs += error;
      sums.signal += expected * expected;
      sums.noise += error * error;
      if (error > sums.maxAbs) sums.maxAbs = error;
      if (integer >= max) sums.saturated++;
      const used = integer / max;
      if (used > sums.top) sums.top = used;
    }
  }

  result(): Map<string, ValueAccuracy> {
    return new Map(
      [...this.#sums].map(([value, { elements, maxAbs, sumAbs, signal, noise, saturated, top }]) => [
        value,
        {
          value,
          elements,
          maxAbs,
          meanAbs: elements > 0 ? sumAbs / elements : 0,
          sqnr: noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise),
          saturated,
          rangeUsed: Math.min(1, top),
        },
      ]),
    );
  }
}

/** One event as the program takes it and as the reference does. */
export interface AccuracyEvent {
  readonly inputs: Tensors;
  /** Of a binding that takes packets. */
  readonly packet?: Uint8Array;
  /** When it came, where the binding has flows; such events must be the first of their trace. */
  readonly timeNs?: number;
}

/** By value, over `events`. The reference must give all values. `report` hears how many events of how many are done. */
export async function measureAccuracy(
  { program, meta, tensors }: { readonly program: Program; readonly meta: ProgramMeta; readonly tensors: TensorPlan },
  reference: Reference,
  events: readonly AccuracyEvent[],
  report?: (done: number, total: number) => Promise<void> | void,
): Promise<Map<string, ValueAccuracy>> {
  const reader = new ValueReader(program, meta, tensors);
  const meter = new AccuracyMeter();
  for (const [i, { inputs, packet, timeNs }] of events.entries()) {
    const { values } = packet ? reader.packet(packet, undefined, timeNs) : reader.tensors(inputs);
    const expected = { ...inputs, ...(await reference.run(inputs)) };
    meter.add(values, Object.fromEntries(Object.entries(expected).map(([name, { data }]) => [name, data])));
    await report?.(i + 1, events.length);
  }
  return meter.result();
}

/** Accuracy of each node by its first output; null for nodes that became part of a neighbour's kernel. */
export const nodeAccuracy = (model: Pick<Model, 'nodes'>, byValue: ReadonlyMap<string, ValueAccuracy>): (ValueAccuracy | null)[] =>
  model.nodes.map(({ outputs: [first] }) => byValue.get(first ?? '') ?? null);

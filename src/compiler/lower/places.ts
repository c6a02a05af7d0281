import type { Buf, Const } from '../graph/hops.ts';
import { broadcastMap, denseMap } from '../graph/view.ts';
import type { Level, Space } from '../kernels/frame.ts';
import type { PairForm } from '../kernels/pair.ts';
import type { RowShape } from '../kernels/rows.ts';
import type { Parts } from '../parts.ts';
import type { Group } from '../plan/groups.ts';
import type { Scales } from '../plan/scales.ts';
import type { Access, Step } from '../plan/steps.ts';
import type { WeightBytes } from '../plan/weights.ts';
import type { Operand } from '../stages.ts';

/** Sizes and places of the input and output maps. */
export interface IoLayout {
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly inputOff: ReadonlyMap<Buf, number>;
  readonly outputOff: readonly number[];
  /** What an output's integers are multiplied by, so that they stand in the unit that the program promises whatever its weights are. */
  readonly outputFactor: readonly number[];
}

const levelsOf = (sizes: readonly number[], operands: readonly (readonly number[])[]): Level[] =>
  sizes.map((n, i) => ({ n, strides: operands.map((strides) => strides[i]) }));

/** Where the operands of integer kernels lie, and their scales: what every step needs to become a call. */
export class Places {
  readonly scales: Scales;
  readonly weights: WeightBytes;
  readonly io: IoLayout;
  readonly parts: Parts;
  readonly #offsets: ReadonlyMap<Buf, number>;

  constructor(scales: Scales, weights: WeightBytes, io: IoLayout, offsets: ReadonlyMap<Buf, number>, parts: Parts = {}) {
    this.scales = scales;
    this.weights = weights;
    this.io = io;
    this.parts = parts;
    this.#offsets = offsets;
  }

  /** Where an access lies, in bytes, and how far apart its two lanes are. */
  operand(access: Access, group: Group): { operand: Operand; lane: number } {
    const { buf } = access;
    const elem = this.scales.bytes(buf);
    const row = group.internal.get(buf);
    if (row !== undefined) {
      const off = (this.#offsets.get(buf) as number) + access.off * (group.words?.has(buf) ? 8 : elem);
      return { operand: { space: 'scratch', off, strides: access.outer.map(() => 0) }, lane: row * elem };
    }
    const space: Space = buf.kind === 'act' ? 'scratch' : 'input';
    const base = buf.kind === 'act' ? this.#offsets.get(buf) : this.io.inputOff.get(buf);
    if (base === undefined) throw new Error(`${buf.name} has no place`);
    return {
      operand: { space, off: base + access.off * elem, strides: access.outer.map((s) => s * elem) },
      lane: (access.outer[access.outer.length - 1] ?? 0) * elem,
    };
  }

  /** How a pair of rows of an access lies, `lane` bytes apart where it is rows. */
  form({ buf }: Access, group: Group, lane: number): PairForm {
    return group.words?.has(buf) ? { words: true } : { words: false, lane };
  }
  /** What the integers of a buffer are raised by where they lie. */
  zero(buf: Buf, group: Group): number {
    return group.words?.has(buf) ? this.scales.of(buf).max + 1 : 0;
  }

  /** Puts parameters or a table into the weights. */
  param(data: ArrayBufferView): Operand {
    return { space: 'weights', off: this.weights.add(data), strides: [] };
  }

  /** Operands of a kernel over rows: the output first. */
  shape(step: Step, group: Group): { shape: RowShape; args: Operand[] } {
    const accesses = [step.out as Access, ...step.reads];
    const operands = accesses.map((a) => this.operand(a, group));
    return {
      shape: {
        lanes: step.lanes,
        levels: levelsOf(
          step.inner,
          accesses.map((a) => a.inner.map((s) => s * this.scales.bytes(a.buf))),
        ),
        laneStrides: operands.map((o) => o.lane),
        spaces: operands.map((o) => o.operand.space),
        outMax: this.scales.limit((step.out as Access).buf),
      },
      args: operands.map((o) => o.operand),
    };
  }

  /** A constant in 32-bit integers of `1/unit`, without leading broadcast dimensions. */
  constant(t: Const, dims: readonly number[], unit: number): { off: number; dims: readonly number[] } {
    const data = Int32Array.from(t.data, (v) => Math.max(-(2 ** 30), Math.min(2 ** 30, Math.round(v * unit))));
    return { off: this.weights.add(data), dims: t.dims.length > dims.length ? t.dims.slice(-dims.length) : t.dims };
  }
}

/** Strides of a dense constant over a step's loops, by broadcasting it to the output's shape. */
export function constStrides(dims: readonly number[], outDims: readonly number[], step: Step): { outer: number[]; inner: number[] } {
  const map = broadcastMap(denseMap(dims), outDims);
  const sizes = [...step.outer, ...step.inner];
  const flat = map.dims.flat();
  // The output is dense, so its loops split every dimension in order; find each loop's factor in the constant.
  const strides: number[] = [];
  let at = 0;
  let left = flat[0]?.n ?? 1;
  for (const n of sizes) {
    const f = flat[at];
    if (!f || left % n !== 0) throw new Error('constant does not fit the loops of its op');
    left /= n;
    strides.push(f.stride * left);
    if (left === 1) left = flat[++at]?.n ?? 1;
  }
  return { outer: strides.slice(0, step.outer.length), inner: strides.slice(step.outer.length) };
}

import { InputError } from '../../base/errors.ts';
import type { Calibration, CalibrationMethod } from '../api.ts';
import { type Buf, type Const, type HGraph, type HOp, isView, opViews, type View } from '../graph/hops.ts';
import { moderate } from '../graph/masks.ts';
import { mapDims } from '../graph/view.ts';
import type { Limit } from '../kernels/arith.ts';
import { dotWeights, largestSum, sumUnit } from '../kernels/dot.ts';
import { PROBABILITY_ONE } from '../kernels/softmax.ts';
import { activationBitsOf, DEFAULT_PRECISION, weightBitsOf } from '../precision.ts';

/** What the integers of a buffer mean: real = scale × integer, |integer| ≤ max. */
export interface Quantised {
  readonly scale: number;
  /** 2^bits − 1. */
  readonly max: number;
  /** The lowest integer where it is not −max. */
  readonly min?: number;
}

/** Ranges measured on a trace may be exceeded a little by other events; generated inputs say less. */
const HEADROOM = { trace: 1.25, generated: 2 } as const;
/** More for what the model says: two classes that both saturate would tie, and the clearest inputs would be decided by chance. */
const OUTPUT_HEADROOM = 2;
/** A difference of which only the sign counts is kept in units this much finer than what it comes from; it saturates. */
const SHARPNESS = 64;
/** A lane holds sums below 2³⁰ (a saturated operand may reach −2^bits). */
const LANE_BITS = 30;

/** Bits that the operands of a product of two activations may have, for sums of `k` terms. */
export function productBits(k: number): [number, number] {
  const total = LANE_BITS - Math.ceil(Math.log2(k));
  return [Math.ceil(total / 2), Math.floor(total / 2)];
}

/** Scale and width of every buffer: static and symmetric. */
export class Scales {
  readonly #calibration: Calibration;
  readonly #scales = new Map<Buf, Quantised>();
  readonly #bits = new Map<Buf, number>();
  readonly #sums: ReadonlySet<Buf>;
  readonly #outputs: ReadonlySet<Buf>;
  /** Values that only products with activations of 8 bits read. */
  readonly #narrow: ReadonlySet<Buf>;
  readonly method: CalibrationMethod | undefined;
  readonly #graph: HGraph;

  /** `given`: scales of inputs that are decided already, by name. */
  constructor(graph: HGraph, calibration: Calibration, given: ReadonlyMap<string, number> = new Map()) {
    this.#calibration = calibration;
    this.method = calibration.method;
    this.#narrow = narrowBuffers(graph);
    this.#graph = graph;
    this.#limitWidths(graph);
    this.#sums = scoreBuffers(graph);
    this.#outputs = new Set(graph.outputs.map(({ view }) => view.buf));
    for (const buf of graph.inputs) {
      const own = this.#quantise(buf, null);
      this.#scales.set(buf, { ...own, scale: given.get(buf.name) ?? own.scale });
    }
    for (const op of graph.ops) this.#scales.set(op.out, this.#quantise(op.out, op));
  }

  of(buf: Buf): Quantised {
    const found = this.#scales.get(buf);
    if (!found) throw new Error(`no scale for ${buf.name}`);
    return found;
  }
  /** Values whose integers are larger than the products that read them allow. */
  get wide(): ReadonlySet<Buf> {
    return new Set([...this.#bits].flatMap(([buf, bits]) => (!buf.grid && this.of(buf).max > 2 ** bits - 1 ? [buf] : [])));
  }
  /** What the integers of a buffer saturate at. */
  limit(buf: Buf): Limit {
    const { min, max } = this.of(buf);
    return min === undefined ? max : { min, max };
  }
  /** Bytes of an element: 4 where a softmax takes the sums of a product as they are. */
  bytes(buf: Buf): 2 | 4 | 8 {
    return buf.bytes ?? (this.#sums.has(buf) ? 4 : 2);
  }
  /** Real value of one unit of a view. */
  unit(view: View): number {
    return this.of(view.buf).scale * view.gain;
  }

  /** Products of two activations must fit a lane: both sides give up bits, unless one is a probability distribution. */
  #limitWidths(graph: HGraph): void {
    const distributions = new Set(graph.ops.filter((op) => op.kind === 'softmax').map((op) => op.out));
    const limit = (buf: Buf, bits: number): void => void this.#bits.set(buf, Math.min(bits, this.#bits.get(buf) ?? 15));
    for (const op of graph.ops) {
      if (op.kind === 'own') for (const { buf, bits } of op.passes.widths?.(op) ?? []) limit(buf, bits);
      if (op.kind !== 'matmul' || op.precision === 'w16a16' || distributions.has(op.a.buf)) continue;
      const [a, b] = productBits(mapDims(op.a.map).slice(-1)[0]);
      limit(op.a.buf, a);
      limit(op.b.buf, b);
    }
  }

  /** For the result of a product with constant weights. */
  ofProduct({ a, weights, out }: Pick<HOp & { kind: 'linear' }, 'a' | 'weights' | 'out'>): Quantised {
    return this.#ofSum(out, null, 2 ** (this.#bits.get(out) ?? 15) - 1, this.unit(a) * largestRowScale(weights));
  }

  /** An output unit below a tenth of an accumulator unit would be noise, and its multiplier would not fit. */
  #ofSum(buf: Buf, op: HOp | null, max: number, unit: number, units = 2): Quantised {
    if (buf.grid) return buf.grid;
    const least = Math.abs(unit) * units;
    if (buf.clamped && buf.known) return clampedScale(buf.known.max, max, least);
    return { scale: Math.max(this.#range(buf, op) / max, least), max };
  }

  #quantise(buf: Buf, op: HOp | null): Quantised {
    const max = 2 ** (this.#bits.get(buf) ?? 15) - 1;
    if (buf.kind === 'token') return { scale: 1, max: 65535 };
    if (buf.float) return { scale: 1, max: 2 ** 31 - 1 };
    if (buf.grid) return buf.grid;
    const given = op?.kind === 'own' ? op.passes.scale?.(op, this) : undefined;
    if (given) return given;
    if (op?.kind === 'softmax') return { scale: 1 / PROBABILITY_ONE, max: PROBABILITY_ONE };
    if (op?.kind === 'matmul' && this.#sums.has(buf)) return { scale: this.unit(op.a) * this.unit(op.b), max: 2 ** 31 - 1 };
    if (buf.whole && buf.known) {
      const bound = Math.max(1, -buf.known.min, buf.known.max);
      return { scale: 2 ** Math.ceil(Math.log2(bound / max)), max };
    }
    if (buf.sharp) return { scale: Math.abs(this.unit(buf.sharp)) / SHARPNESS, max };
    if (op?.kind === 'matmul') return this.#ofSum(buf, op, max, this.unit(op.a) * this.unit(op.b));
    if (op?.kind === 'linear') return this.#ofSum(buf, op, max, this.unit(op.a) * largestRowScale(op.weights), this.#leastUnits(op));
    return { scale: this.#range(buf, op) / max, max };
  }

  /** The largest magnitude that the calibration gives a value, with head room. */
  bound(buf: Buf): number {
    return this.#range(buf);
  }

  /** Units of an int8 × int16 product that one unit of its result must have, so that the multiplier between them fits. */
  #leastUnits(op: HOp & { kind: 'linear' }): number {
    if (!op.precision || op.precision === DEFAULT_PRECISION) return 2;
    const how = dotWeights(op.weights.dims[1], op.precision === 'w16a16' ? 1 : 2, op.precision);
    // `unit · 2³² / scale · sum ≤ 2⁶²`, with weights whose unit is that of int8 times what their width makes of it.
    return (sumUnit(how) * (127 / how.most) * largestSum(op.weights.dims[1], how)) / 2 ** 30;
  }

  /** The largest magnitude that a buffer must hold. */
  #range(buf: Buf, op: HOp | null = null): number {
    if (buf.bound) {
      const top = (v: View): number => this.of(v.buf).scale * this.of(v.buf).max * Math.abs(v.gain);
      return buf.bound((name) => this.#calibrated(name), top) || 1;
    }
    if (buf.masked) {
      const { lo, hi } = this.#maskedBounds(buf.masked);
      return Math.max(hi, buf.masked.below - lo, this.#depth(buf));
    }
    if (buf.known) return Math.max(-buf.known.min, buf.known.max) || 1;
    const range = this.#calibration.ranges[buf.name];
    // Values inside an operator, a function or a branch have no name outside.
    if (!range && op && /[./]/.test(buf.name)) return this.#derived(op);
    // What the model says is never cut: two clear classes would tie.
    if (range?.clip && !this.#outputs.has(buf))
      return Math.min(this.#measured(buf.name), this.#narrow.has(buf) ? range.clip.narrow : range.clip.wide) || 1;
    return this.#calibrated(buf.name) * (this.#outputs.has(buf) ? OUTPUT_HEADROOM : 1) || 1;
  }

  /** The largest magnitude that a named value had, with head room. */
  #calibrated(name: string): number {
    return this.#measured(name) * HEADROOM[this.#calibration.source];
  }

  #measured(name: string): number {
    const range = this.#calibration.ranges[name];
    if (!range) throw new InputError(`the calibration has no range for value "${name}"`, '', 'Calibrate with every intermediate value');
    const bound = Math.max(-range.min, range.max);
    if (!Number.isFinite(bound))
      throw new InputError(
        `value "${name}" is not finite on the calibration data`,
        '',
        'Check the model with ONNX Runtime on the same inputs',
      );
    return bound;
  }

  /** Masks to which more is added must still be low enough when the largest of it is. */
  #depth(mask: Buf): number {
    let depth = 0;
    for (const op of this.#graph.ops) {
      if (!op.out.masked || (op.kind !== 'add' && op.kind !== 'affine')) continue;
      const views = opViews(op);
      if (!views.some((v) => v.buf === mask)) continue;
      const others = views.filter((v) => v.buf !== mask).reduce((sum, v) => sum + Math.max(0, this.#viewBounds(v).hi), 0);
      depth = Math.max(depth, this.#range(op.out) + others + (op.kind === 'affine' && op.add ? moderate(op.add.data) : 0));
    }
    return depth;
  }

  #maskedBounds({ of, extra }: NonNullable<Buf['masked']>): { lo: number; hi: number } {
    const parts = of.map((view) => this.#viewBounds(view));
    return { lo: parts.reduce((sum, p) => sum + p.lo, -extra), hi: parts.reduce((sum, p) => sum + p.hi, extra) };
  }

  /** A bound for values that exist only inside one ONNX node, by interval arithmetic. */
  #derived(op: HOp): number {
    const top = (v: View): number => this.of(v.buf).scale * this.of(v.buf).max * Math.abs(v.gain);
    switch (op.kind) {
      case 'matmul':
        return top(op.b) * (op.a.buf.known?.max === 1 ? 1 : top(op.a) * (mapDims(op.a.map).slice(-1)[0] ?? 1));
      case 'linear':
        return top(op.a) * largestRowScale(op.weights) * 127 * op.weights.dims[1];
      case 'mul':
        return top(op.a) * top(op.b);
      case 'add':
        return top(op.a) + top(op.b);
      case 'affine':
        return top(op.x) * (op.mul ? largest(op.mul) : 1) + (op.add ? largest(op.add) : 0);
      case 'unary':
        return this.#functionRange(op.fn, top(op.x));
      case 'concat':
        return Math.max(...op.parts.map((part) => (isView(part) ? top(part) : largest(part))));
      case 'reduce':
        return top(op.x) * (op.mode === 'sum' ? op.axes.reduce((n, axis) => n * (mapDims(op.x.map)[axis] ?? 1), 1) : 1);
      default:
        throw new InputError(`the calibration has no range for value "${op.out.name}"`, '', 'Calibrate with every intermediate value');
    }
  }

  #functionRange(fn: (x: number) => number, bound: number): number {
    let range = 0;
    for (let i = -512; i <= 512; i++) {
      const y = Math.abs(fn((i / 512) * bound));
      if (Number.isFinite(y) && y > range) range = y;
    }
    return range || 1;
  }

  /** What the integers of a value that the calibration does not know can say. */
  #bounds(buf: Buf): { min: number; max: number } | undefined {
    const made = this.#scales.get(buf);
    return made && { min: -made.scale * made.max, max: made.scale * made.max };
  }

  #viewBounds(view: View): { lo: number; hi: number } {
    if (view.buf.masked) {
      const inner = this.#maskedBounds(view.buf.masked);
      return view.gain >= 0
        ? { lo: inner.lo * view.gain, hi: inner.hi * view.gain }
        : { lo: inner.hi * view.gain, hi: inner.lo * view.gain };
    }
    const range = view.buf.known ?? this.#calibration.ranges[view.buf.name] ?? this.#bounds(view.buf);
    const room = view.buf.known ? 1 : HEADROOM[this.#calibration.source];
    const a = (range?.min ?? -1) * view.gain * room;
    const b = (range?.max ?? 1) * view.gain * room;
    return { lo: Math.min(a, b, 0), hi: Math.max(a, b, 0) };
  }
}

/** A bound at the largest integer, of as many bits as leave a unit of at least `least`. */
function clampedScale(bound: number, max: number, least: number): Quantised {
  while (max > 1 && bound / max < least) max = (max - 1) / 2;
  return { scale: bound / max, max };
}

/** Values that only products with activations of 8 bits read; where weights are ternary or binary they keep more. */
function narrowBuffers(graph: HGraph): Set<Buf> {
  const [narrow, wide] = [new Set<Buf>(), new Set<Buf>(graph.outputs.map(({ view }) => view.buf))];
  for (const op of graph.ops) {
    const small =
      op.kind === 'linear' && op.precision !== undefined && weightBitsOf(op.precision) > 2 && activationBitsOf(op.precision) === 8;
    for (const { buf } of opViews(op)) (small ? narrow : wide).add(buf);
  }
  return new Set([...narrow].filter((buf) => !wide.has(buf)));
}

/** Products of activations that only a softmax reads: scores without a mask. */
function scoreBuffers(graph: HGraph): Set<Buf> {
  const scores = new Set<Buf>();
  for (const op of graph.ops) {
    if (op.kind !== 'matmul' || op.out.grid || op.precision === 'w16a16' || graph.outputs.some((o) => o.view.buf === op.out)) continue;
    const readers = graph.ops.filter((reader) => opViews(reader).some((v) => v.buf === op.out));
    const [only] = readers;
    // A lane that is one of two is below 2³¹; a single row's sum is bounded in the same way.
    if (readers.length === 1 && only.kind === 'softmax' && only.x.gain > 0) scores.add(op.out);
  }
  return scores;
}

const largest = (t: Const): number => t.data.reduce((top, v) => Math.max(top, Math.abs(v)), 0);

function largestRowScale(weights: Const): number {
  let top = 0;
  for (const w of weights.data) if (Math.abs(w) > top) top = Math.abs(w);
  return top / 127;
}

import type { FuncBuilder, Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp } from './arith.ts';
import { kernelFunc, type Layout, type Port, type Space } from './frame.ts';

/** Probabilities are integers of 2⁻³⁰. */
export const ONE_BITS = 30;
const ONE = 2 ** ONE_BITS;
/** A unit of the tables' arguments, in bits: 1/128. */
const STEP_BITS = 7;
/** Arguments of the tables end here: e⁻²² and σ(−22) are below 2⁻³¹. */
const REACH = 22;
const POINTS = REACH << STEP_BITS;
/** Fraction bits of an argument of a table. */
export const ARG_BITS = 24;

/** `e^-x` in 2⁻³⁰, a point for every 1/128. */
export const decayTable = (): Int32Array => Int32Array.from({ length: POINTS + 2 }, (_, i) => Math.round(Math.exp(-i / 128) * ONE));
/** `σ(−x)` in 2⁻³⁰, a point for every 1/128; between them it is a straight line to 8·10⁻⁷. */
export const sigmoidTable = (): Int32Array => Int32Array.from({ length: POINTS + 2 }, (_, i) => Math.round(ONE / (1 + Math.exp(i / 128))));
const TABLE_BYTES = 4 * (POINTS + 2);
export const SIGMOID_BYTES = TABLE_BYTES;

/** A number of 2⁻²⁴ that is not negative, as an argument of a table: `0 … 22`. */
export function argument(b: FuncBuilder, x: Reg): void {
  // A comparison rather than a clamp without a branch: the verifier takes bounds of a table's index from it.
  const most = REACH * 2 ** ARG_BITS - 1;
  b.when('ugt', x, most, () => b.assign(x, most));
}

/** `table(x)`, a straight line between points. */
function line(b: FuncBuilder, table: Reg, x: Reg): Reg {
  const at = b.rsh(x, ARG_BITS - STEP_BITS);
  b.aluTo(at, 'lsh', at, 2);
  b.aluTo(at, 'add', table, at);
  const fraction = b.and(x, 2 ** (ARG_BITS - STEP_BITS) - 1);
  const y = b.load(at, 0, 4, true);
  const next = b.load(at, 4, 4, true);
  b.aluTo(next, 'sub', next, y);
  b.aluTo(next, 'mul', next, fraction);
  b.aluTo(next, 'arsh', next, ARG_BITS - STEP_BITS);
  b.aluTo(y, 'add', y, next);
  return y;
}

/** σ(x) in 2⁻³⁰ of a number of 2⁻²⁴, which is lost: `σ(x) = 1 − σ(−x)`, so that the table serves |x|. */
export function sigmoidOf(b: FuncBuilder, table: Reg, x: Reg): Reg {
  const positive = b.rsh(b.sub(0, x), 63);
  const sign = b.arsh(x, 63);
  b.aluTo(x, 'xor', x, sign);
  b.aluTo(x, 'sub', x, sign);
  argument(b, x);
  const low = line(b, table, x);
  // One multiplication by 1 or −1 chooses the side.
  const whole = b.mul(positive, ONE);
  b.aluTo(positive, 'mul', positive, 2);
  b.aluTo(positive, 'sub', 1, positive);
  b.aluTo(low, 'mul', low, positive);
  b.aluTo(low, 'add', low, whole);
  return low;
}

/** `e^-x` to 10⁻⁸: the point below, times 1 − f + f²/2 for the rest. */
export function decay(b: FuncBuilder, table: Reg, x: Reg): Reg {
  const at = b.rsh(x, ARG_BITS - STEP_BITS);
  b.aluTo(at, 'lsh', at, 2);
  b.aluTo(at, 'add', table, at);
  const y = b.load(at, 0, 4);
  const f = b.and(x, 2 ** (ARG_BITS - STEP_BITS) - 1);
  const square = b.mul(f, f);
  b.aluTo(square, 'rsh', square, 2 * ARG_BITS - ONE_BITS + 1);
  b.aluTo(f, 'lsh', f, ONE_BITS - ARG_BITS);
  b.aluTo(square, 'sub', square, f);
  b.aluTo(square, 'add', square, ONE);
  b.aluTo(y, 'mul', y, square);
  b.aluTo(y, 'rsh', y, ONE_BITS);
  return y;
}

/** What becomes of scores: integers of another scale, or probabilities. */
export type Transform = 'none' | 'logistic' | 'softmax';
/**
 * What a second class gets that has no scores of its own: nothing (every class has its own), the negative or the complement of the first
 * one's result, or the transform of zero. `mirror` and `complement` put the scored class second.
 */
export type Second = 'own' | 'mirror' | 'complement' | 'zero';

export interface FinishShape {
  readonly transform: Transform;
  readonly second: Second;
  /** Scores that are read. */
  readonly scores: number;
}
/** Parameters of {@link finishKernel}: how far scores are shifted right, half of that, and the integer that stands for one. */
export const finishParams = (shift: number, one: number): BigInt64Array =>
  BigInt64Array.of(BigInt(shift), shift > 0 ? 1n << BigInt(shift - 1) : 0n, BigInt(one));

/** Results of a row of 64-bit scores as 32-bit integers. Arguments: out, scores, {@link finishParams}, and the table of `e^-x` or `σ(−x)` where there is one. */
export function finishKernel(name: string, s: FinishShape, layout: Layout, origin: OriginId): IrFunc {
  const outputs = s.second === 'own' ? s.scores : 2;
  const ports: Port[] = [
    { space: 'scratch', extent: 4 * outputs },
    { space: 'scratch', extent: 8 * s.scores },
    { space: 'weights', extent: 24 },
    ...(s.transform === 'none' ? [] : [{ space: 'weights' as const, extent: TABLE_BYTES }]),
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, scores, params, table] = ptrs as [Reg, Reg, Reg, Reg];
    const shift = b.and(b.load(params, 0, 8), 63);
    const plain = (x: Reg): Reg => {
      b.aluTo(x, 'add', x, b.load(params, 8, 8));
      b.aluTo(x, 'arsh', x, shift);
      clamp(b, x, -(2 ** 31 - 1), 2 ** 31 - 1);
      return x;
    };
    const sigmoid = (x: Reg): Reg => {
      b.aluTo(x, 'arsh', x, shift);
      return sigmoidOf(b, table, x);
    };
    if (s.second === 'mirror' || s.second === 'complement') {
      const score = b.load(scores, 0, 8);
      const one = s.transform === 'logistic' ? sigmoid(score) : plain(score);
      b.store(out, 4, one, 4);
      const other =
        s.transform === 'logistic' || s.second === 'complement'
          ? b.sub(s.transform === 'logistic' ? ONE : b.load(params, 16, 8), one)
          : b.sub(0, one);
      b.store(out, 0, other, 4);
      return;
    }
    if (s.second === 'zero') {
      // The second score is not kept anywhere: it is zero.
      const score = b.load(scores, 0, 8);
      if (s.transform === 'softmax') {
        const one = sigmoid(score);
        b.store(out, 0, one, 4);
        b.store(out, 4, b.sub(ONE, one), 4);
      } else {
        b.store(out, 0, s.transform === 'logistic' ? sigmoid(score) : plain(score), 4);
        b.store(out, 4, s.transform === 'logistic' ? ONE / 2 : 0, 4);
      }
      return;
    }
    if (s.transform === 'softmax') softmax(b, s, out, scores, table, shift);
    else
      b.strided(
        s.scores,
        [
          [out, 4],
          [scores, 8],
        ],
        ([to, from]) => {
          const x = b.load(from!, 0, 8);
          b.store(to!, 0, s.transform === 'logistic' ? sigmoid(x) : plain(x), 4);
        },
      );
  });
}

function softmax(b: FuncBuilder, s: FinishShape, out: Reg, scores: Reg, table: Reg, shift: Reg): void {
  const top = b.copy(b.load(scores, 0, 8));
  b.strided(s.scores, [[scores, 8]], ([from]) => {
    const x = b.load(from!, 0, 8);
    b.when('sgt', x, top, () => b.assign(top, x));
  });
  const sum = b.copy(0);
  const pairs = [
    [out, 4],
    [scores, 8],
  ] as const;
  b.strided(s.scores, pairs, ([to, from]) => {
    const x = b.sub(top, b.load(from!, 0, 8));
    b.aluTo(x, 'arsh', x, shift);
    argument(b, x);
    const y = decay(b, table, x);
    b.aluTo(sum, 'add', sum, y);
    b.store(to!, 0, y, 4);
  });
  b.strided(s.scores, [[out, 4]], ([to]) => {
    const y = b.load(to!, 0, 4);
    b.aluTo(y, 'lsh', y, ONE_BITS);
    b.aluTo(y, 'div', y, sum);
    b.store(to!, 0, y, 4);
  });
}

/** How a label follows from scores: the index of the largest one, or whether the first is above a constant. */
export type Choice = 'largest' | 'above';

/**
 * The class of a row of scores as a 32-bit index. Arguments: out, scores, and for `above` the constant (64 bits). With `hits` only
 * scores that some leaf gave are candidates, and index 0 is chosen without any.
 */
export function labelKernel(
  name: string,
  s: {
    readonly choice: Choice;
    readonly scores: number;
    readonly place: number;
    readonly hitsAt: number | null;
    readonly bytes: 2 | 4 | 8;
    readonly space: Space;
  },
  layout: Layout,
  origin: OriginId,
): IrFunc {
  const extent = s.bytes * s.scores + (s.hitsAt ?? 0);
  const ports: Port[] = [
    { space: 'scratch', extent: 4 },
    { space: s.space, extent: Math.max(extent, s.bytes * (s.place + 1)) },
    ...(s.choice === 'above' ? [{ space: 'weights' as const, extent: 8 }] : []),
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, scores, border] = ptrs as [Reg, Reg, Reg];
    if (s.choice === 'above') {
      const chosen = b.copy(0);
      b.when('sgt', b.load(scores, s.bytes * s.place, s.bytes, true), b.load(border, 0, 8), () => b.assign(chosen, 1));
      b.store(out, 0, chosen, 4);
      return;
    }
    const top = b.const(-(2n ** 63n));
    const chosen = b.copy(0);
    const index = b.copy(0);
    b.strided(s.scores, [[scores, s.bytes]], ([from]) => {
      const x = b.load(from!, 0, s.bytes, true);
      const take = (): void => {
        b.assign(top, x);
        b.assign(chosen, index);
      };
      if (s.hitsAt === null) b.when('sgt', x, top, take);
      else b.when('ne', b.load(from!, s.hitsAt, 8), 0, () => b.when('sgt', x, top, take));
      b.aluTo(index, 'add', index, 1);
    });
    b.store(out, 0, chosen, 4);
  });
}

export interface NormalizeShape {
  readonly norm: 'L1' | 'L2' | 'MAX';
  readonly count: number;
  readonly bytes: 2 | 4;
  readonly space: Space;
}

/** Fraction bits of a normalised row. */
export const NORMAL_BITS = 30;

/** A row divided by the sum of its magnitudes, its length, or its largest element, in 2⁻³⁰; a row of zeros stays. Arguments: out, x. */
export function normalizeKernel(name: string, s: NormalizeShape, layout: Layout, origin: OriginId): IrFunc {
  const ports: Port[] = [
    { space: 'scratch', extent: 4 * s.count },
    { space: s.space, extent: s.bytes * s.count },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, x] = ptrs as [Reg, Reg];
    const total = b.copy(s.norm === 'MAX' ? -(2 ** 31) : 0);
    b.strided(s.count, [[x, s.bytes]], ([from]) => {
      const value = b.load(from!, 0, s.bytes, true);
      if (s.norm === 'MAX') {
        b.when('sgt', value, total, () => b.assign(total, value));
        return;
      }
      const sign = b.arsh(value, 63);
      b.aluTo(value, 'xor', value, sign);
      b.aluTo(value, 'sub', value, sign);
      if (s.norm === 'L2') {
        // 30 bits squared, and sums of up to 16 of them in 64 bits.
        if (s.bytes === 4) b.aluTo(value, 'rsh', value, 3);
        b.aluTo(value, 'mul', value, value);
        if (s.bytes === 4) b.aluTo(value, 'rsh', value, 6);
      }
      b.aluTo(total, 'add', total, value);
    });
    if (s.norm === 'L2') {
      root(b, total);
      if (s.bytes === 4) b.aluTo(total, 'lsh', total, 6);
    }
    const flip = b.arsh(total, 63);
    b.aluTo(total, 'xor', total, flip);
    b.aluTo(total, 'sub', total, flip);
    b.when('eq', total, 0, () => b.assign(total, ONE));
    b.strided(
      s.count,
      [
        [out, 4],
        [x, s.bytes],
      ],
      ([to, from]) => {
        const value = b.load(from!, 0, s.bytes, true);
        const sign = b.arsh(value, 63);
        b.aluTo(value, 'xor', value, sign);
        b.aluTo(value, 'sub', value, sign);
        b.aluTo(value, 'lsh', value, NORMAL_BITS);
        b.aluTo(value, 'div', value, total);
        b.aluTo(sign, 'xor', sign, flip);
        b.aluTo(value, 'xor', value, sign);
        b.aluTo(value, 'sub', value, sign);
        b.store(to!, 0, value, 4);
      },
    );
  });
}

/** `x = ⌊√x⌋` of up to 62 bits, by one bit after the other. */
function root(b: FuncBuilder, x: Reg): void {
  const result = b.copy(0);
  const bit = b.const(1n << 60n);
  b.repeat(31, 1, () => {
    const trial = b.add(result, bit);
    b.aluTo(result, 'rsh', result, 1);
    // 1 where x is not below the trial: a branch would double the verifier's paths 31 times.
    const fits = b.sub(x, trial);
    b.aluTo(fits, 'rsh', fits, 63);
    b.aluTo(fits, 'xor', fits, 1);
    b.aluTo(trial, 'mul', trial, fits);
    b.aluTo(x, 'sub', x, trial);
    b.aluTo(fits, 'mul', fits, bit);
    b.aluTo(result, 'add', result, fits);
    b.aluTo(bit, 'rsh', bit, 2);
  });
  b.assign(x, result);
}

import type { FuncBuilder, Reg, Stride } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { type Limit, notNegative, requant, saturator } from './arith.ts';
import { DOT_SHIFT, ROW_PARAM_BYTES } from './dot.ts';
import { kernelFunc, type Layout, type Space } from './frame.ts';

/**
 * How a matrix meets a single row. With the terms of a sum packed into words, `x0 + x1·B + …` times `… + w1·B + w0` has the sum of products at
 * the highest power of B that fits in 64 bits: one multiply does several terms.
 * `dot3`: three int8 × int8 terms, B = 2²¹, 8 bytes for 3 weights. `dot2`: two int8 × int16 terms, B = 2³², 8 bytes for 2 weights. `bytes`: one
 * int8 × int16 term, a byte for a weight: for matrices so large that memory is the limit.
 */
export type MatvecPacking = 'dot3' | 'dot2' | 'bytes';

interface PackingFacts {
  /** Terms in a word. */
  readonly terms: 1 | 2 | 3;
  readonly wordBytes: 1 | 8;
  /** Terms whose sum is exact before it must leave its lane: 65 · 127² < 2²⁰ and 512 · 127 · 2¹⁵ < 2³¹; a byte at a time has 64 bits. */
  readonly run: number;
  /** Largest magnitude of a weight. */
  readonly weight: number;
  /** Bits of an activation, with its sign. */
  readonly bits: 8 | 16;
}

export const MATVEC: Readonly<Record<MatvecPacking, PackingFacts>> = {
  dot3: { terms: 3, wordBytes: 8, run: 65, weight: 127, bits: 8 },
  dot2: { terms: 2, wordBytes: 8, run: 512, weight: 127, bits: 16 },
  bytes: { terms: 1, wordBytes: 1, run: Number.POSITIVE_INFINITY, weight: 127, bits: 16 },
};

/** Rows of the matrix that share a load of the vector. */
const ROWS = 4;
/** Words that are unrolled at once. */
const UNROLL = 32;
const LANE3 = 21;

export interface MatvecShape {
  readonly packing: MatvecPacking;
  /** Length of the sums; the vector's elements are int16, one after the other. */
  readonly k: number;
  /** Rows of the matrix that a call does. */
  readonly n: number;
  readonly xSpace: Space;
  /** The vector's integers are rounded by this many bits on their way into words; they must then fit {@link PackingFacts.bits}. */
  readonly xShift: number;
  /** What the output saturates at. */
  readonly outMax: Limit;
  readonly relu: boolean;
}

/** Words of one row, in runs of equal length. */
export function runsOf({ packing, k }: Pick<MatvecShape, 'packing' | 'k'>): { words: number; runs: number } {
  const { terms, run } = MATVEC[packing];
  const all = Math.ceil(k / terms);
  if (k <= run) return { words: all, runs: 1 };
  const runs = Math.ceil(all / Math.floor(run / terms));
  return { words: Math.ceil(all / runs), runs };
}

/** Bytes of the weights of four rows, then {@link ROW_PARAM_BYTES} for each. */
export function matvecBlockBytes(shape: Pick<MatvecShape, 'packing' | 'k'>): number {
  const { words, runs } = runsOf(shape);
  return Math.ceil((ROWS * words * runs * MATVEC[shape.packing].wordBytes) / 8) * 8 + ROWS * ROW_PARAM_BYTES;
}

export const matvecName = (s: MatvecShape): string => `${s.packing}_k${s.k}_n${s.n}${s.relu ? '_relu' : ''}`;

/**
 * `out[n] = clamp((Σk x[k]·w[n, k] · mul[n] + add[n]) s>> 32)` for one row `x`. Arguments: the places of x and of the results, and the offset of
 * the first block of four rows in the weights ({@link packMatvec}). A decoder that has more rows than one call should do (a vocabulary) calls it
 * in a loop, results and weights moving by `2n` and `n / 4 · matvecBlockBytes`, n a multiple of four.
 * The vector's words lie in the packing area, 8 bytes each, as long as the call runs.
 */
export function matvecKernel(name: string, s: MatvecShape, layout: Layout, origin: OriginId): IrFunc {
  const { terms, wordBytes } = MATVEC[s.packing];
  const { words, runs } = runsOf(s);
  const block = matvecBlockBytes(s);
  const weightBytes = block - ROWS * ROW_PARAM_BYTES;
  const ports = [
    { space: s.xSpace, extent: 2 * s.k },
    { space: 'scratch' as const, extent: 2 * s.n },
    { space: 'weights' as const, extent: Math.ceil(s.n / ROWS) * block },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: true }, ({ b, ptrs, pack }) => {
    packVector(b, s, ptrs[0]!, pack, words * runs);
    const dotRun = (sums: readonly Reg[] | null, rows: number, x: Reg, w: Reg): Reg[] => {
      const accs = Array.from({ length: rows }, () => b.copy(0));
      const step = (n: number, p: Reg, q: Reg): void => {
        for (let i = 0; i < n; i++) {
          const value = b.load(p, 8 * i, 8);
          for (let r = 0; r < rows; r++) {
            const t = b.load(q, (ROWS * i + r) * wordBytes, wordBytes, wordBytes === 1);
            b.aluTo(t, 'mul', t, value);
            b.aluTo(accs[r]!, 'add', accs[r]!, t);
          }
        }
      };
      if (words <= UNROLL) step(words, x, w);
      else {
        const [p, q] = b.strided(
          Math.floor(words / UNROLL),
          [
            [x, 8 * UNROLL],
            [w, ROWS * UNROLL * wordBytes],
          ],
          ([from, to]) => step(UNROLL, from!, to!),
        );
        step(words % UNROLL, p!, q!);
      }
      return accs.map((acc, r) => {
        extract(b, acc, terms);
        if (!sums) return acc;
        b.aluTo(sums[r]!, 'add', sums[r]!, acc);
        return sums[r]!;
      });
    };
    const doBlock = (rows: number, [w, out]: readonly Reg[]): void => {
      let sums: readonly Reg[];
      if (runs === 1) sums = dotRun(null, rows, pack, w!);
      else {
        const totals = Array.from({ length: rows }, () => b.copy(0));
        b.strided(
          runs,
          [
            [pack, 8 * words],
            [w!, ROWS * words * wordBytes],
          ],
          ([x, q]) => void dotRun(totals, rows, x!, q!),
        );
        sums = totals;
      }
      const outputs = saturator(b, rows, s.outMax);
      for (const [r, y] of sums.entries()) {
        const at = weightBytes + r * ROW_PARAM_BYTES;
        requant(b, y, b.load(w!, at + 8, 8), b.load(w!, at, 8), DOT_SHIFT);
        if (s.relu) notNegative(b, y);
        outputs.put(y, (value) => b.store(out!, 2 * r, value, 2));
      }
      outputs.finish();
    };
    const strides: Stride[] = [
      [ptrs[2]!, block],
      [ptrs[1]!, 2 * ROWS],
    ];
    const full = Math.floor(s.n / ROWS);
    const rest = full > 0 ? b.strided(full, strides, (at) => doBlock(ROWS, at)) : strides.map(([pointer]) => pointer);
    if (s.n % ROWS) doBlock(s.n % ROWS, rest);
  });
}

/** The sum out of its lane. */
export function extract(b: FuncBuilder, acc: Reg, terms: 1 | 2 | 3): void {
  if (terms === 2) {
    // What lies below may be negative.
    b.aluTo(acc, 'add', acc, b.const(1n << 31n));
    b.aluTo(acc, 'arsh', acc, 32);
  } else if (terms === 3) {
    // The next power of B reaches bit 63.
    b.aluTo(acc, 'add', acc, b.const(1n << 41n));
    b.aluTo(acc, 'lsh', acc, 1);
    b.aluTo(acc, 'arsh', acc, 64 - LANE3);
  }
}

/** The vector's words, for {@link matvecKernel} and for who calls it once for several matrices. */
export function packVector(b: FuncBuilder, s: Pick<MatvecShape, 'packing' | 'k' | 'xShift'>, x: Reg, pack: Reg, words: number): void {
  const { terms } = MATVEC[s.packing];
  const lane = terms === 3 ? LANE3 : 32;
  const word = (count: number, from: Reg, at: number, to: Reg, out: number): void => {
    const whole = b.copy(0);
    // The last term stands highest; sums of signed lanes borrow from the one above, which the product undoes.
    for (let i = count - 1; i >= 0; i--) {
      const value = b.load(from, at + 2 * i, 2, true);
      if (s.xShift) {
        b.aluTo(value, 'add', value, 1 << (s.xShift - 1));
        b.aluTo(value, 'arsh', value, s.xShift);
        if (terms === 3) minByte(b, value);
      }
      if (i < count - 1) b.aluTo(whole, 'lsh', whole, lane);
      b.aluTo(whole, 'add', whole, value);
    }
    b.store(to, out, whole, 8);
  };
  const full = Math.floor(s.k / terms);
  const group = 4;
  const strides: Stride[] = [
    [x, 2 * terms * group],
    [pack, 8 * group],
  ];
  const body = (n: number, [from, to]: readonly Reg[]): void => {
    for (let i = 0; i < n; i++) word(terms, from!, 2 * terms * i, to!, 8 * i);
  };
  const rounds = Math.floor(full / group);
  const [from, to] = rounds > 0 ? b.strided(rounds, strides, (at) => body(group, at)) : [x, pack];
  body(full % group, [from!, to!]);
  let at = full % group;
  if (s.k % terms) word(s.k % terms, from!, 2 * terms * at, to!, 8 * at++);
  for (let w = Math.ceil(s.k / terms); w < words; w++) b.store(to!, 8 * at++, 0, 8);
}

/** Rounding takes 127.5 and more to 128, which a lane of three has no room for. */
function minByte(b: FuncBuilder, value: Reg): void {
  b.aluTo(value, 'sub', value, 127);
  const mask = b.arsh(value, 63);
  b.aluTo(value, 'and', value, mask);
  b.aluTo(value, 'add', value, 127);
}

/**
 * Bytes of a matrix for {@link matvecKernel}: `weights[n][k]` as integers of at most 127, then rounding term and multiplier of each row. Words of four
 * rows stand side by side, so that memory is read from one end to the other.
 */
export function packMatvec(
  shape: Pick<MatvecShape, 'packing' | 'k' | 'n'>,
  weights: (row: number, k: number) => number,
  params: (row: number) => { readonly add: bigint; readonly mul: bigint },
): Uint8Array {
  const { terms, wordBytes } = MATVEC[shape.packing];
  const { words, runs } = runsOf(shape);
  const block = matvecBlockBytes(shape);
  const bytes = new Uint8Array(Math.ceil(shape.n / ROWS) * block);
  const view = new DataView(bytes.buffer);
  const all = words * runs;
  for (let row = 0; row < shape.n; row++) {
    const base = Math.floor(row / ROWS) * block;
    for (let word = 0; word < all; word++) {
      const at = base + (word * ROWS + (row % ROWS)) * wordBytes;
      const w = (i: number): number => (i < terms && word * terms + i < shape.k ? weights(row, word * terms + i) : 0);
      if (terms === 1) view.setInt8(at, w(0));
      else {
        // The first term stands highest: its product with the vector's lowest lands in the lane that is read. Below 2⁵³ with room to spare in parts.
        const high = terms === 3 ? w(0) * 2 ** 10 : w(0);
        const low = terms === 3 ? w(2) + w(1) * 2 ** LANE3 : w(1);
        view.setUint32(at, low, true);
        view.setInt32(at + 4, high + Math.floor(low / 2 ** 32), true);
      }
    }
    const at = base + block - (ROWS - (row % ROWS)) * ROW_PARAM_BYTES;
    const { add, mul } = params(row);
    view.setBigInt64(at, add, true);
    view.setBigInt64(at + 8, mul, true);
  }
  return bytes;
}

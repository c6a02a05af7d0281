import type { FuncBuilder, Reg, Stride } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { notNegative, requant, saturator } from './arith.ts';
import { DOT_SHIFT, ROW_PARAM_BYTES, requantWith, residualPorts } from './dot.ts';
import { extentOf, kernelFunc, type Lanes, type Layout } from './frame.ts';
import { packLanes, TRI_LANE, TRI_RAISE, type TriShape, takeApart } from './tri.ts';

/**
 * Products with ternary or binary weights, without a multiplication: of a few neighbouring activations all sums that their weights can make are
 * written into a table, once for all rows of the matrix. A row then has a byte for each such group, which is the offset of its sum. The words of the table hold
 * several token rows in lanes, so that a load and an addition serve them all.
 */
const ROWS = 4;
/** Groups that are unrolled at once. */
const UNROLL = 24;
const WORD = 8;
/** Behind the start of a table an offset of one byte and a word reach at most this far. */
const REACH = 256 + WORD;

export interface SumsForm {
  readonly binary: boolean;
  /** Values that a weight may have: −1, 1 or −1, 0, 1. */
  readonly base: 2 | 3;
  /** Weights in a byte: as many as leave offsets below 256. */
  readonly terms: 3 | 5;
  /** Bytes of the table of a group. */
  readonly stride: number;
}

export const sumsForm = (binary: boolean): SumsForm =>
  binary ? { binary, base: 2, terms: 5, stride: WORD * 2 ** 5 } : { binary, base: 3, terms: 3, stride: WORD * 3 ** 3 };

/** As for three rows, of which there may also be one or two. */
export interface SumsShape extends TriShape {
  readonly binary: boolean;
  readonly lanes: Lanes;
}

const groupsOf = (binary: boolean, k: number): number => Math.ceil(k / sumsForm(binary).terms);

/** Bytes of the packing area: a word for each term, then the tables. */
export const sumsPackBytes = (binary: boolean, k: number): number => WORD * k + (groupsOf(binary, k) - 1) * sumsForm(binary).stride + REACH;

/**
 * Bits that activations lose. Pairs have lanes of 32 bits and single rows the whole word, which int16 never fill here; three rows have 21 bits each,
 * and a sum of k terms must stay below 2²⁰.
 */
export const sumsShift = (lanes: Lanes, k: number): number =>
  lanes === 3 ? Math.max(0, 15 - Math.floor(Math.log2((TRI_RAISE - 1) / k))) : 0;

const weightBytes = (binary: boolean, k: number): number => Math.ceil((ROWS * groupsOf(binary, k)) / 8) * 8;
/** Bytes of a block: offsets of four rows, then rounding term and multiplier (8 bytes each) of each row. */
export const sumsBlockBytes = (binary: boolean, k: number): number => weightBytes(binary, k) + ROWS * ROW_PARAM_BYTES;
export const sumsName = (s: SumsShape): string =>
  `${s.binary ? 'bin' : 'ter'}${s.lanes}_k${s.k}_n${s.n}${s.residual ? '_plus' : ''}${s.relu ? '_relu' : ''}`;

/** Arguments: the first row of `a`, the place of its results, the weights ({@link packSums}); then the residual and its multiplier. */
export function sumsKernel(name: string, s: SumsShape, layout: Layout, origin: OriginId): IrFunc {
  const groups = groupsOf(s.binary, s.k);
  const { stride } = sumsForm(s.binary);
  const block = sumsBlockBytes(s.binary, s.k);
  const ports = [
    { space: s.aSpace, extent: extentOf(s.aLevels, 0, 2) + (s.lanes - 1) * s.aLane },
    { space: 'scratch' as const, extent: 2 * s.n + (s.lanes - 1) * s.outLane },
    { space: 'weights' as const, extent: Math.ceil(s.n / ROWS) * block },
    ...(s.residual ? residualPorts(s.residual, s.n, s.lanes) : []),
  ];
  return kernelFunc(name, layout, ports, { origin, pack: true, noCallbacks: true }, ({ b, ptrs, pack }) => {
    const lane = s.lanes === 3 ? TRI_LANE : 32;
    packLanes(b, s, { lanes: s.lanes, lane, shift: sumsShift(s.lanes, s.k) }, ptrs[0]!, pack);
    const tables = b.add(pack, WORD * s.k);
    buildTables(b, s, pack, tables);
    const factor = s.residual ? b.load(ptrs[4]!, 0, 8) : null;
    const sumsOf = (rows: number, w: Reg): Reg[] => {
      const accs: (Reg | null)[] = Array.from({ length: rows }, () => null);
      const step = (count: number, table: Reg, at: Reg): void => {
        for (let g = 0; g < count; g++) {
          for (let r = 0; r < rows; r++) {
            const place = b.load(at, r * groups + g, 1);
            b.aluTo(place, 'add', place, table);
            const sum = b.load(place, g * stride, WORD);
            const acc = accs[r];
            if (acc) b.aluTo(acc, 'add', acc, sum);
            else accs[r] = sum;
          }
        }
      };
      if (groups <= UNROLL) step(groups, tables, w);
      else {
        for (let r = 0; r < rows; r++) accs[r] = b.copy(0);
        const [table, at] = b.strided(
          Math.floor(groups / UNROLL),
          [
            [tables, UNROLL * stride],
            [w, UNROLL],
          ],
          ([from, to]) => step(UNROLL, from!, to!),
        );
        step(groups % UNROLL, table!, at!);
      }
      return accs as Reg[];
    };
    const doBlock = (rows: number, [w, out, residual]: readonly Reg[]): void => {
      const sums = sumsOf(rows, w!);
      const outputs = saturator(b, rows * s.lanes, s.outMax);
      for (const [r, acc] of sums.entries()) {
        const at = weightBytes(s.binary, s.k) + r * ROW_PARAM_BYTES;
        const add = b.load(w!, at, 8);
        const mul = b.load(w!, at + 8, 8);
        for (const [i, y] of lanesOf(b, s.lanes, acc).entries()) {
          if (factor) requantWith(b, y, { mul, add, residual: residual!, off: i * s.residual!.lane + 2 * r, factor });
          else requant(b, y, mul, add, DOT_SHIFT);
          if (s.relu) notNegative(b, y);
          outputs.put(y, (value) => b.store(out!, i * s.outLane + 2 * r, value, 2));
        }
      }
      outputs.finish();
    };
    const strides: Stride[] = [[ptrs[2]!, block], [ptrs[1]!, 2 * ROWS], ...(s.residual ? ([[ptrs[3]!, 2 * ROWS]] as const) : [])];
    const full = Math.floor(s.n / ROWS);
    const rest = full > 0 ? b.strided(full, strides, (at) => doBlock(ROWS, at)) : strides.map(([pointer]) => pointer);
    if (s.n % ROWS) doBlock(s.n % ROWS, rest);
  });
}

/** The sums of the rows that a word holds; the word is lost. Those of three rows are raised. */
function lanesOf(b: FuncBuilder, lanes: Lanes, acc: Reg): Reg[] {
  if (lanes === 1) return [acc];
  if (lanes === 3) return takeApart(b, acc);
  const low = b.sext(acc, 32);
  b.aluTo(acc, 'sub', acc, low);
  b.aluTo(acc, 'arsh', acc, 32);
  return [low, acc];
}

/**
 * The tables of all groups. Entries are visited so that each differs from the one before by a step of one weight: one addition each. Lanes of three rows are raised
 * in the first table, so that no sum of them is ever negative.
 */
function buildTables(b: FuncBuilder, { binary, lanes, k }: SumsShape, words: Reg, tables: Reg): void {
  const { terms, stride } = sumsForm(binary);
  const group = (count: number, first: boolean, from: Reg, to: Reg): void => {
    const xs = Array.from({ length: count }, (_, i) => b.load(from, WORD * i, WORD));
    const sum = first && lanes === 3 ? b.const(RAISED) : b.copy(0);
    for (const x of xs) b.aluTo(sum, 'sub', sum, x);
    // From −1 a binary weight goes to 1 at once.
    if (binary) for (const x of xs) b.aluTo(x, 'add', x, x);
    walkSums(sumsForm(binary).base, count, (index, step) => {
      if (step) b.aluTo(sum, step.up ? 'add' : 'sub', sum, xs[step.term]!);
      b.store(to, WORD * index, sum, WORD);
    });
  };
  const whole = Math.floor(k / terms);
  let [from, to] = [words, tables];
  if (whole > 0) {
    group(terms, true, from, to);
    [from, to] = [b.add(from, WORD * terms), b.add(to, stride)];
    if (whole > 1) {
      const moved = b.strided(
        whole - 1,
        [
          [from, WORD * terms],
          [to, stride],
        ],
        ([x, table]) => group(terms, false, x!, table!),
      );
      [from, to] = [moved[0]!, moved[1]!];
    }
  }
  if (k % terms) group(k % terms, whole === 0, from, to);
}

const RAISED = BigInt(TRI_RAISE) * (1n + (1n << BigInt(TRI_LANE)) + (1n << BigInt(2 * TRI_LANE)));

/**
 * Visits all combinations of `count` digits below `base` in reflected Gray order, the first all zero: `step` says which digit moved, and where. An index
 * has the first term as its lowest digit.
 */
function walkSums(base: 2 | 3, count: number, visit: (index: number, step: { term: number; up: boolean } | null) => void): void {
  const digits = new Array<number>(count).fill(0);
  const ups = new Array<boolean>(count).fill(true);
  const index = (): number => digits.reduceRight((sum, d) => sum * base + d, 0);
  visit(0, null);
  for (let n = 1; n < base ** count; n++) {
    let term = 0;
    while (digits[term] === (ups[term] ? base - 1 : 0)) ups[term] = !ups[term++];
    digits[term]! += ups[term] ? 1 : -1;
    visit(index(), { term, up: ups[term]! });
  }
}

/** Real value of a sum's unit, and what it becomes: `(sum · mul + add) s>> 32`. */
export interface SumsParams {
  readonly add: bigint;
  readonly mul: bigint;
}

/** Bytes of a matrix for {@link sumsKernel}: `weights[n][k]` as integers −1, 0 and 1 (binary: without 0); `params` of each row are those of plain sums. */
export function packSums(
  { binary, lanes, k, n }: Pick<SumsShape, 'binary' | 'lanes' | 'k' | 'n'>,
  weights: (row: number, k: number) => number,
  params: (row: number) => SumsParams,
): Uint8Array {
  const { base, terms } = sumsForm(binary);
  const groups = groupsOf(binary, k);
  const block = sumsBlockBytes(binary, k);
  const bytes = new Uint8Array(Math.ceil(n / ROWS) * block);
  const view = new DataView(bytes.buffer);
  const shift = sumsShift(lanes, k);
  // The mean of what an arithmetic shift by `shift` bits cuts off, in units of what is left.
  const cut = shift === 0 ? 0 : 0.5 - 2 ** -(shift + 1);
  for (let row = 0; row < n; row++) {
    const start = Math.floor(row / ROWS) * block;
    let total = 0;
    for (let g = 0; g < groups; g++) {
      let index = 0;
      for (let i = Math.min(k, (g + 1) * terms) - 1; i >= g * terms; i--) {
        const w = weights(row, i);
        total += w;
        index = index * base + (binary ? (w + 1) / 2 : w + 1);
      }
      bytes[start + (row % ROWS) * groups + g] = WORD * index;
    }
    const at = start + weightBytes(binary, k) + (row % ROWS) * ROW_PARAM_BYTES;
    const { add, mul } = params(row);
    const raised = lanes === 3 ? mul * BigInt(TRI_RAISE) : 0n;
    view.setBigInt64(at, add + BigInt(Math.round(Number(mul) * cut * total)) - raised, true);
    view.setBigInt64(at + 8, mul, true);
  }
  return bytes;
}

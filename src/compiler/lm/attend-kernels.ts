import type { FuncBuilder, Reg, Val } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { maxInto, saturator } from '../kernels/arith.ts';
import { type Layout, MAP_OF } from '../kernels/frame.ts';
import type { HeadRow, Heads } from './decoder.ts';
import { decoderFunc, keyOf, type MapPort } from './frame.ts';
import { POSITION_BLOCK } from './layout.ts';

/** Keys and values of all layers: [layer][keys, values][key head][position][element] of int16. */
export const CACHE = 'cache';
/** Of one attention: for each query head the scores by position, their maximum, the sum of exponentials, sums by element; 8 bytes each. */
export const ATTENTION = 'attention';

export interface AttendShape extends Heads {
  /** Positions that there is room for, a multiple of {@link POSITION_BLOCK}. */
  readonly positions: number;
  readonly cacheBytes: number;
  readonly outMax: number;
  readonly q: Strides;
  readonly k: Strides;
  readonly v: Strides;
  /** Entries of the table of biases for each head, a power of two; 0: none. */
  readonly biasEntries: number;
}
type Strides = Pick<HeadRow, 'headStride' | 'elemStride'>;

/** Bytes of keys, or of values, of a layer. */
export const layerBytes = (s: Pick<AttendShape, 'kvHeads' | 'positions' | 'size'>): number => 2 * s.kvHeads * s.positions * s.size;
const headBytes = (s: AttendShape): number => 8 * (s.positions + 2 + s.size);
export const attentionBytes = (s: AttendShape): number => s.kvHeads * s.groups * headBytes(s);
const topOff = (s: AttendShape): number => 8 * s.positions;
const sumOff = (s: AttendShape): number => topOff(s) + 8;
const accOff = (s: AttendShape): number => topOff(s) + 16;
/** Scores of positions that are still to come: below every other, and a difference from any fits. */
const MASKED_BITS = 61;

const reach = (s: Strides, heads: number, size: number): number => 2 * ((heads - 1) * s.headStride + (size - 1) * s.elemStride + 1);
const scratch = (layout: Layout, extent: number): MapPort => ({ map: MAP_OF.scratch, bytes: layout.bytes.scratch, extent });
const whole = (s: AttendShape): MapPort => ({ map: ATTENTION, bytes: attentionBytes(s), extent: attentionBytes(s) });
const rowOf = (s: AttendShape, elems: number): number => 2 * ((s.kvHeads - 1) * s.positions * s.size + elems);

/** For each query head in turn, with what moves by query head and by key head. */
function eachHead(
  b: FuncBuilder,
  s: AttendShape,
  byHead: readonly (readonly [Reg, number])[],
  byKeyHead: readonly (readonly [Reg, number])[],
  body: (byHead: readonly Reg[], byKeyHead: readonly Reg[]) => void,
): void {
  const outer = byHead.map(([p, stride]) => [p, stride * s.groups] as const);
  b.strided(s.kvHeads, [...outer, ...byKeyHead], (at) => {
    const keys = at.slice(byHead.length);
    b.strided(
      s.groups,
      byHead.map(([, stride], i) => [at[i], stride] as const),
      (heads) => body(heads, keys),
    );
  });
}

/** Keeps key and value of this position and clears the sums. Arguments: key, value, their places in the cache, the attention's memory (0). */
export function storeKernel(name: string, s: AttendShape, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    scratch(layout, reach(s.k, s.kvHeads, s.size)),
    scratch(layout, reach(s.v, s.kvHeads, s.size)),
    { map: CACHE, bytes: s.cacheBytes, extent: rowOf(s, s.size) },
    { map: CACHE, bytes: s.cacheBytes, extent: rowOf(s, s.size) },
    whole(s),
  ];
  return decoderFunc(name, layout, ports, [], origin, (b, [k, v, keys, values, memory]) => {
    const headStep = 2 * s.positions * s.size;
    for (const [from, strides, to] of [
      [k, s.k, keys],
      [v, s.v, values],
    ] as const) {
      b.strided(
        s.kvHeads,
        [
          [from, 2 * strides.headStride],
          [to, headStep],
        ],
        ([src, dst]) => {
          for (let d = 0; d < s.size; d++) b.store(dst, 2 * d, b.load(src, 2 * d * strides.elemStride, 2), 2);
        },
      );
    }
    const lowest = b.const(-(1n << BigInt(MASKED_BITS)));
    b.strided(s.kvHeads * s.groups, [[b.add(memory, topOff(s)), headBytes(s)]], ([head]) => {
      b.store(head, 0, lowest, 8);
      for (let d = 0; d <= s.size; d++) b.store(head, 8 + 8 * d, 0, 8);
    });
  });
}

/**
 * Scores of all heads for one block of positions, and their maxima so far. Arguments: queries, keys of the block, the attention's memory at the
 * block, how many positions this one is after the block's first, biases.
 */
export function scoresKernel(name: string, s: AttendShape, layout: Layout, origin: OriginId): IrFunc {
  const heads = s.kvHeads * s.groups;
  const ports = [
    scratch(layout, reach(s.q, heads, s.size)),
    { map: CACHE, bytes: s.cacheBytes, extent: rowOf(s, POSITION_BLOCK * s.size) },
    // The maximum stands behind the scores of all blocks: it is reached from the block by what is left.
    { map: ATTENTION, bytes: attentionBytes(s), extent: attentionBytes(s) - 8 * (s.positions - POSITION_BLOCK) },
    ...(s.biasEntries ? [{ map: MAP_OF.weights, bytes: layout.bytes.weights, extent: 8 * heads * s.biasEntries }] : []),
  ];
  return decoderFunc(name, layout, ports, [s.positions - 1], origin, (b, [q, keys, at, biases], [after]) => {
    // Maxima do not move with the block.
    const memory = entry(b, at);
    eachHead(
      b,
      s,
      [[q, 2 * s.q.headStride], [at, headBytes(s)], [memory, headBytes(s)], ...(biases ? [[biases, 8 * s.biasEntries] as const] : [])],
      [[keys, 2 * s.positions * s.size]],
      ([query, scores, head, bias], [key]) => {
        const top = b.load(head, topOff(s), 8);
        b.repeat(POSITION_BLOCK / 4, 4, (first) => {
          const [from, to] = [b.add(key, times(b, first, 2 * s.size)), b.add(scores, times(b, first, 8))];
          const sums = Array.from({ length: 4 }, () => b.copy(0));
          for (let d = 0; d < s.size; d++) {
            const x = b.load(query, 2 * d * s.q.elemStride, 2, true);
            for (let r = 0; r < 4; r++) {
              const t = b.load(from, 2 * (r * s.size + d), 2, true);
              b.aluTo(t, 'mul', t, x);
              b.aluTo(sums[r], 'add', sums[r], t);
            }
          }
          for (const [r, sum] of sums.entries()) {
            const distance = b.sub(after, first);
            if (r > 0) b.aluTo(distance, 'sub', distance, r);
            if (bias) {
              const index = b.and(distance, s.biasEntries - 1);
              b.aluTo(index, 'lsh', index, 3);
              b.aluTo(sum, 'add', sum, b.load(b.add(bias, index), 0, 8));
            }
            const later = b.arsh(distance, 63);
            const keep = b.xor(later, -1);
            b.aluTo(sum, 'and', sum, keep);
            b.aluTo(later, 'lsh', later, MASKED_BITS);
            b.aluTo(sum, 'add', sum, later);
            b.store(to, 8 * r, sum, 8);
            maxInto(b, top, sum);
          }
        });
        b.store(head, topOff(s), top, 8);
      },
    );
  });
}

const times = (b: FuncBuilder, value: Val, factor: number): Val => (typeof value === 'number' ? value * factor : b.mul(value, factor));

/** The start of the attention's memory again, for what does not move with the block. */
function entry(b: FuncBuilder, _at: Reg): Reg {
  const found = b.callHelper('bpf_map_lookup_elem', [b.mapPtr(ATTENTION), keyOf(b)]);
  const [none, next] = [b.newBlock(), b.newBlock()];
  b.branch('eq', found, 0, none, next);
  b.startBlock(none);
  b.ret(0);
  b.startBlock(next);
  return found;
}

/** exp(−u) is looked up for u up to 16 in steps of 1/256. */
const EXP_ENTRIES = 4096;
const EXP_PER_UNIT = 256;

/** Multiplier, shift, rounding term and largest difference that turn differences of scores into places in the table of exponentials. */
export function expParams(unit: number): BigInt64Array {
  const wanted = unit * EXP_PER_UNIT;
  const shift = Math.max(0, Math.min(50, 20 - Math.floor(Math.log2(wanted))));
  const m = Math.max(1, Math.round(wanted * 2 ** shift));
  const most = Math.floor(((EXP_ENTRIES - 1) * 2 ** shift) / m);
  return BigInt64Array.of(BigInt(m), BigInt(shift), shift > 0 ? 1n << BigInt(shift - 1) : 0n, BigInt(most));
}
export const EXP_PARAM_BYTES = 32;

/** `exp(−difference)` in units of 1/65535 by the parameters of {@link expParams}; `difference`, not negative, is lost. */
export function lookUpExp(b: FuncBuilder, difference: Reg, table: Reg, [m, shift, half, most]: readonly Reg[]): Reg {
  b.aluTo(difference, 'sub', difference, most);
  const below = b.arsh(difference, 63);
  b.aluTo(difference, 'and', difference, below);
  b.aluTo(difference, 'add', difference, most);
  b.aluTo(difference, 'mul', difference, m);
  b.aluTo(difference, 'add', difference, half);
  b.aluTo(difference, 'rsh', difference, shift);
  b.aluTo(difference, 'and', difference, EXP_ENTRIES - 1);
  b.aluTo(difference, 'lsh', difference, 1);
  return b.load(b.add(table, difference), 0, 2);
}

function loadExpParams(b: FuncBuilder, at: Reg): Reg[] {
  return [b.load(at, 0, 8), b.and(b.load(at, 8, 8), 63), b.load(at, 16, 8), b.load(at, 24, 8)];
}

/** Exponentials of one block's scores, which take their place, and their sum. Arguments: the attention's memory at the block, parameters. */
export function weighKernel(name: string, s: AttendShape, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    { map: ATTENTION, bytes: attentionBytes(s), extent: attentionBytes(s) - 8 * (s.positions - POSITION_BLOCK) },
    { map: MAP_OF.weights, bytes: layout.bytes.weights, extent: EXP_PARAM_BYTES },
  ];
  return decoderFunc(name, layout, ports, [], origin, (b, [at, params]) => {
    const memory = entry(b, at);
    const exp = loadExpParams(b, params);
    const table = b.mapValue(MAP_OF.weights, layout.expOff);
    eachHead(
      b,
      s,
      [
        [at, headBytes(s)],
        [memory, headBytes(s)],
      ],
      [],
      ([scores, head]) => {
        const top = b.load(head, topOff(s), 8);
        const sum = b.load(head, sumOff(s), 8);
        b.repeat(POSITION_BLOCK / 4, 8 * 4, (off) => {
          const from = b.add(scores, off);
          for (let r = 0; r < 4; r++) {
            const e = lookUpExp(b, b.sub(top, b.load(from, 8 * r, 8)), table, exp);
            b.store(from, 8 * r, e, 8);
            b.aluTo(sum, 'add', sum, e);
          }
        });
        b.store(head, sumOff(s), sum, 8);
      },
    );
  });
}

/** Values of one block, weighed with its exponentials, are added up. Arguments: the values, the attention's memory at the block. */
export function mixKernel(name: string, s: AttendShape, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    { map: CACHE, bytes: s.cacheBytes, extent: rowOf(s, POSITION_BLOCK * s.size) },
    { map: ATTENTION, bytes: attentionBytes(s), extent: attentionBytes(s) - 8 * (s.positions - POSITION_BLOCK) },
  ];
  return decoderFunc(name, layout, ports, [], origin, (b, [values, at]) => {
    const memory = entry(b, at);
    eachHead(
      b,
      s,
      [
        [at, headBytes(s)],
        [memory, headBytes(s)],
      ],
      [[values, 2 * s.positions * s.size]],
      ([scores, head], [value]) => {
        const group = (lanes: number, [acc, element]: readonly Reg[]): void => {
          const sums = Array.from({ length: lanes }, (_, r) => b.load(acc, accOff(s) + 8 * r, 8));
          b.repeat(POSITION_BLOCK / 8, 8, (first) => {
            const [from, row] = [b.add(scores, times(b, first, 8)), b.add(element, times(b, first, 2 * s.size))];
            for (let j = 0; j < 8; j++) {
              const e = b.load(from, 8 * j, 8);
              for (let r = 0; r < lanes; r++) {
                const t = b.load(row, 2 * (j * s.size + r), 2, true);
                b.aluTo(t, 'mul', t, e);
                b.aluTo(sums[r], 'add', sums[r], t);
              }
            }
          });
          for (const [r, sumOfElement] of sums.entries()) b.store(acc, accOff(s) + 8 * r, sumOfElement, 8);
        };
        // A loop, not one piece of code for each: callbacks would keep a structure on the stack for each of them.
        const full = Math.floor(s.size / 4);
        const rest =
          full > 0
            ? b.strided(
                full,
                [
                  [head, 32],
                  [value, 8],
                ],
                (at) => group(4, at),
              )
            : [head, value];
        if (s.size % 4) group(s.size % 4, rest);
      },
    );
  });
}

/** Fraction bits of one over the sum of exponentials, and of a weighed mean. */
const INVERSE = 46;
const MEAN = 16;
/** Multiplier from units of the values to units of the result, and the rounding half. */
export const outParams = (ratio: number): number[] => [ratio * 2 ** (32 - MEAN), 2 ** 31];

/** Weighed means of the values. Arguments: results, the attention's memory (0), parameters. */
export function resultKernel(name: string, s: AttendShape, layout: Layout, origin: OriginId): IrFunc {
  const heads = s.kvHeads * s.groups;
  const ports = [scratch(layout, 2 * heads * s.size), whole(s), { map: MAP_OF.weights, bytes: layout.bytes.weights, extent: 16 }];
  return decoderFunc(name, layout, ports, [], origin, (b, [out, memory, params]) => {
    const m = b.load(params, 0, 8);
    const half = b.load(params, 8, 8);
    b.strided(
      heads,
      [
        [out, 2 * s.size],
        [memory, headBytes(s)],
      ],
      ([to, head]) => {
        // The sum is at least one exponential of zero, so the inverse is below 2³¹ and no product reaches bit 62.
        const inverse = b.const(1n << BigInt(INVERSE));
        b.aluTo(inverse, 'div', inverse, b.load(head, sumOff(s), 8));
        const group = (count: number, [dst, acc]: readonly Reg[]): void => {
          const results = saturator(b, count, s.outMax);
          for (let r = 0; r < count; r++) {
            const mean = b.load(acc, accOff(s) + 8 * r, 8);
            b.aluTo(mean, 'mul', mean, inverse);
            b.aluTo(mean, 'arsh', mean, INVERSE - MEAN);
            b.aluTo(mean, 'mul', mean, m);
            b.aluTo(mean, 'add', mean, half);
            b.aluTo(mean, 'arsh', mean, 32);
            results.put(mean, (value) => b.store(dst, 2 * r, value, 2));
          }
          results.finish();
        };
        const full = Math.floor(s.size / 4);
        const rest =
          full > 0
            ? b.strided(
                full,
                [
                  [to, 8],
                  [head, 32],
                ],
                (at) => group(4, at),
              )
            : [to, head];
        if (s.size % 4) group(s.size % 4, rest);
      },
    );
  });
}

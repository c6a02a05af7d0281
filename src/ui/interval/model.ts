import { assemble } from '../../bpf/asm.ts';
import { decodeInsns } from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import type { After, Interval } from '../../verifier/lab/interval.ts';
import { sliceFrom } from '../../verifier/lab/slice.ts';
import type { ValueRow } from '../../verifier/query/told.ts';
import {
  MASK_HI,
  MASK_LO,
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VALUE_HI,
  VALUE_LO,
} from '../../verifier/reg.ts';
import { toBigSigned, toBigUnsigned } from '../../verifier/w64.ts';
import type { Traces } from '../../vm/samples.ts';

export const SAMPLES = 256;
const S64_MIN = -(2n ** 63n);
const S64_MAX = 2n ** 63n - 1n;
export const ANY: Interval = { min: S64_MIN, max: S64_MAX };

/** Shows bounds that stay, bits that are learnt, a branch that splits, and where the product of linked numbers loses precision. */
const EXAMPLE = `.section xdp
r7 = r6
r7 &= 0xff
r7 *= 3
if r7 > 300 goto out
r8 = r7
r8 <<= 2
r8 ^= r7
r9 = r7
r9 -= r7
r8 |= 1
out:
r0 = 2
exit`;
export const exampleInsns = (): readonly Insn[] => assemble(EXAMPLE).program!.insns;
export const EXAMPLE_INPUT: Interval = { min: 10n, max: 150n };

const decoded = new WeakMap<Uint8Array, readonly Insn[]>();
export function insnsOf(code: Uint8Array): readonly Insn[] {
  const known = decoded.get(code) ?? decodeInsns(code);
  decoded.set(code, known);
  return known;
}

/** Steps of arithmetic that make a line worth a look. */
const WORTH = 4;

/** The first instruction of [from, to) from which some arithmetic follows; null where there is none. */
export function arithmeticIn(insns: readonly Insn[], from: number, to: number): number | null {
  for (let at = from; at < to; at++) {
    const { steps, inputs } = sliceFrom(insns, at, NO_NUMBERS, new Set());
    // Where nothing comes in there is nothing to drag.
    if (inputs.length === 0 && !steps.some(({ kind }) => kind === 'source')) continue;
    if (steps.filter(({ kind }) => kind === 'alu').length >= WORTH && steps[0]!.kind !== 'pass') return at;
  }
  return null;
}

/** What is no number where nothing is known: the context. */
export const NO_NUMBERS: ReadonlySet<number> = new Set([1]);

/** A row of a state that holds a number. */
export const isNumber = (row: ValueRow): boolean => row.smin !== undefined && /^P?(?:scalar|inv|-?\d|0x)/.test(row.text);

/** Everything that a state says of a number. */
export function intervalOf({ smin, smax, tnumValue, tnumMask, umin, umax, s32, u32 }: ValueRow): Interval {
  return {
    min: smin!,
    max: smax!,
    ...(tnumValue !== undefined && tnumMask !== undefined ? { bits: { value: tnumValue, mask: tnumMask } } : {}),
    ...(umin !== undefined && umax !== undefined && s32 && u32 ? { views: { umin, umax, s32, u32 } } : {}),
  };
}

/** A whole number of 64 bits, signed or unsigned, in decimal or hexadecimal; null for anything else. */
export function parseBound(text: string): bigint | null {
  const plain = text
    .trim()
    .replaceAll(/[\s_,\u2009]/g, '')
    .replace('\u2212', '-');
  if (!/^-?(?:\d+|0x[0-9a-f]+)$/i.test(plain)) return null;
  const value = plain.startsWith('-') ? -BigInt(plain.slice(1)) : BigInt(plain);
  return value < S64_MIN || value > 2n ** 64n - 1n ? null : BigInt.asIntN(64, value);
}

/** Places from 0 to 1 that fill the range evenly and do not change while it moves; another sequence for each input. */
const place = (sample: number, input: number): number =>
  (sample * [0.6180339887, 0.7548776662, 0.8191725134, 0.5698402909][input % 4]! + input * 0.37) % 1;

const FINE = 2 ** 40;

/** Numbers of an interval: both ends, half of the others spread evenly, half by magnitude. */
export function samplesOf({ min, max, bits, views }: Interval, input: number): Int32Array {
  const fits = (value: bigint): boolean => {
    if (value < min || value > max) return false;
    if (!views) return true;
    const [u, s32, u32] = [BigInt.asUintN(64, value), Number(BigInt.asIntN(32, value)), Number(BigInt.asUintN(32, value))];
    const within = u >= views.umin && u <= views.umax;
    return within && s32 >= views.s32[0] && s32 <= views.s32[1] && u32 >= views.u32[0] >>> 0 && u32 <= views.u32[1] >>> 0;
  };
  // The ends are members in every view but where the views are sparser than the bounds.
  const some = [min, max, ...(views ? [BigInt.asIntN(64, views.umin), BigInt.asIntN(64, views.umax)] : [])].find(fits) ?? min;
  const column = new Int32Array(2 * SAMPLES);
  const span = max - min;
  const width = Math.log2(Number(span) + 1);
  for (let i = 0; i < SAMPLES; i++) {
    let value: bigint;
    if (i < 2 && input === 0) value = i === 0 ? min : max;
    else {
      const t = place(i, input);
      const even = i % 2 === 0 || span < 2n;
      const offset = even
        ? (span * BigInt(Math.round(t * FINE))) / BigInt(FINE)
        : BigInt(Math.floor(Math.min(2 ** (t * width) - 1, Number(span))));
      value = min + (offset > span ? span : offset);
    }
    if (bits) value = BigInt.asIntN(64, (value & bits.mask) | bits.value);
    if (!fits(value)) value = some;
    column[2 * i] = Number(BigInt.asIntN(32, value));
    column[2 * i + 1] = Number(BigInt.asIntN(32, value >> 32n));
  }
  return column;
}

export interface Ranges {
  readonly s64: readonly [bigint, bigint];
  readonly u64: readonly [bigint, bigint];
  readonly s32: readonly [bigint, bigint];
  readonly u32: readonly [bigint, bigint];
  readonly value: bigint;
  readonly mask: bigint;
}

/** What a register's words say, in all four views. */
export function rangesOf(r: Int32Array): Ranges {
  return {
    s64: [toBigSigned(r[SMIN_LO]!, r[SMIN_HI]!), toBigSigned(r[SMAX_LO]!, r[SMAX_HI]!)],
    u64: [toBigUnsigned(r[UMIN_LO]!, r[UMIN_HI]!), toBigUnsigned(r[UMAX_LO]!, r[UMAX_HI]!)],
    s32: [BigInt(r[S32_MIN]!), BigInt(r[S32_MAX]!)],
    u32: [BigInt(r[U32_MIN]! >>> 0), BigInt(r[U32_MAX]! >>> 0)],
    value: toBigUnsigned(r[VALUE_LO]!, r[VALUE_HI]!),
    mask: toBigUnsigned(r[MASK_LO]!, r[MASK_HI]!),
  };
}

/** The same of those samples that come past step `k`; null where none does. */
export function hullOf({ samples, values, leaves }: Traces, k: number): Ranges | null {
  let hull: { -readonly [Key in keyof Ranges]: Ranges[Key] } | null = null;
  let ones = 0n;
  let any = 0n;
  const grow = ([a, b]: readonly [bigint, bigint], x: bigint): readonly [bigint, bigint] => [x < a ? x : a, x > b ? x : b];
  for (let i = 0; i < samples; i++) {
    if (leaves[i]! <= k) continue;
    const at = 2 * (k * samples + i);
    const u64 = toBigUnsigned(values[at]!, values[at + 1]!);
    const s64 = BigInt.asIntN(64, u64);
    const u32 = BigInt(values[at]! >>> 0);
    const s32 = BigInt(values[at]!);
    if (!hull) {
      hull = { s64: [s64, s64], u64: [u64, u64], s32: [s32, s32], u32: [u32, u32], value: 0n, mask: 0n };
      ones = u64;
    } else {
      hull.s64 = grow(hull.s64, s64);
      hull.u64 = grow(hull.u64, u64);
      hull.s32 = grow(hull.s32, s32);
      hull.u32 = grow(hull.u32, u32);
    }
    ones &= u64;
    any |= u64;
  }
  if (hull) {
    hull.value = ones;
    hull.mask = any & ~ones;
  }
  return hull;
}

/** How many bits wider the verifier's range is than the samples', in the narrower of the two 64-bit views. */
export function slack(known: Ranges, hull: Ranges): number {
  const bits = ([a, b]: readonly [bigint, bigint]): number => Math.log2(Number(b - a) + 1);
  return Math.max(0, Math.min(bits(known.s64) - bits(hull.s64), bits(known.u64) - bits(hull.u64)));
}

/** From so many bits on it is worth a word. */
export const SLACK_BITS = 2;

/** Steps at which the slack is more than anything before it had. */
export function losses(after: readonly After[], traces: Traces): Map<number, number> {
  const found = new Map<number, number>();
  let worst = 0;
  for (const [k, { reg }] of after.entries()) {
    const hull = reg && hullOf(traces, k);
    if (!hull) continue;
    const bits = slack(rangesOf(reg), hull);
    if (bits > worst + SLACK_BITS) found.set(k, Math.round(bits));
    worst = Math.max(worst, bits);
  }
  return found;
}

/** All 64 bits of a tnum in groups of eight, x where unknown. */
export function allBits(value: bigint, mask: bigint): string {
  let text = '';
  for (let bit = 63n; bit >= 0n; bit--) {
    text += (mask >> bit) & 1n ? 'x' : (value >> bit) & 1n ? '1' : '0';
    if (bit % 8n === 0n && bit > 0n) text += ' ';
  }
  return text;
}

/** The part of the number line that bars and sliders show: doublings to the side of 0, or to both sides. */
export interface Reach {
  readonly bits: number;
  readonly signed: boolean;
}

const magnitudeBits = (value: bigint): number => Math.log2(Number(value < 0n ? -value : value) + 1);

/** Room for what is known, and for dragging it on; in steps, so that the scale seldom changes. */
export function reachOf(intervals: readonly Interval[], after: readonly After[]): Reach {
  let bits = 0;
  let signed = false;
  const take = (min: bigint, max: bigint): void => {
    bits = Math.max(bits, magnitudeBits(min), magnitudeBits(max));
    if (min < 0n) signed = true;
  };
  for (const { min, max } of intervals) take(min, max);
  for (const { reg } of after) if (reg) take(...rangesOf(reg).s64);
  return { bits: Math.min(63, 8 * Math.ceil((bits + 1) / 8)), signed };
}

/** Where a number lies, from 0 to 1, each doubling one equal step. */
export function positionOf(value: number, { bits, signed }: Reach): number {
  const at = Math.min(1, Math.log2(Math.abs(value) + 1) / bits) * Math.sign(value);
  return signed ? 0.5 + at / 2 : Math.max(0, at);
}

/** The number at a place; the ends of the scale of 63 bits are those of 64-bit numbers. */
export function valueAt(position: number, { bits, signed }: Reach): bigint {
  const t = Math.max(signed ? -1 : 0, Math.min(1, signed ? 2 * position - 1 : position));
  if (bits === 63 && Math.abs(t) === 1) return t < 0 ? S64_MIN : S64_MAX;
  const magnitude = BigInt(Math.round(2 ** (Math.abs(t) * bits) - 1));
  return t < 0 ? -magnitude : magnitude;
}

import { describe, expect, it } from 'vitest';
import { boundsSync, coerceLoaded, coerceToSize, coerceToSizeSigned, prepareLoads } from './range.ts';
import { setRangeRules } from './range-rules.ts';
import {
  MASK_HI,
  MASK_LO,
  markUnknown,
  REG,
  type Regs,
  S32_MAX,
  S32_MIN,
  SMAX_LO,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { Dice } from './testing/dice.ts';

/** A scalar in big integers: the rules of 6.18 written down a second time, one after the other and without any shortcut. */
interface Big {
  value: bigint;
  mask: bigint;
  smin: bigint;
  smax: bigint;
  umin: bigint;
  umax: bigint;
  s32min: bigint;
  s32max: bigint;
  u32min: bigint;
  u32max: bigint;
}

const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const s64 = (x: bigint): bigint => BigInt.asIntN(64, x);
const u32 = (x: bigint): bigint => BigInt.asUintN(32, x);
const s32 = (x: bigint): bigint => BigInt.asIntN(32, x);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

function bigOf(r: Regs): Big {
  const pair = (lo: number): bigint => (BigInt(r[lo + 1]! >>> 0) << 32n) | BigInt(r[lo]! >>> 0);
  return {
    value: pair(VALUE_LO),
    mask: pair(MASK_LO),
    smin: s64(pair(SMIN_LO)),
    smax: s64(pair(SMAX_LO)),
    umin: pair(UMIN_LO),
    umax: pair(UMAX_LO),
    s32min: BigInt(r[S32_MIN]!),
    s32max: BigInt(r[S32_MAX]!),
    u32min: BigInt(r[U32_MIN]! >>> 0),
    u32max: BigInt(r[U32_MAX]! >>> 0),
  };
}

/** The smallest member of the tnum above `z`, by trying; the kernel's answer beyond its ends. */
function step(b: Big, z: bigint): bigint {
  const top = b.value | b.mask;
  if (z >= top) return top;
  if (z < b.value) return b.value;
  let found = top;
  // Members above z agree with it above some unknown bit that z lacks, have that bit, and no unknown bit below.
  for (let bit = 0n; bit < 64n; bit++) {
    const above = ~((1n << (bit + 1n)) - 1n);
    if (!(b.mask & (1n << bit))) {
      // A known bit may be what makes a member larger, too.
      if (!(b.value & (1n << bit)) || z & (1n << bit)) continue;
    }
    const member = u64((z & b.mask & above) | b.value | (b.mask & (1n << bit)));
    if (member > z && (member & ~b.mask) === b.value) found = min(found, member);
  }
  return found;
}

function setKnown(b: Big, v: bigint): void {
  Object.assign(b, { value: v, mask: 0n, smin: s64(v), smax: s64(v), umin: v, umax: v });
  Object.assign(b, { s32min: s32(v), s32max: s32(v), u32min: u32(v), u32max: u32(v) });
}

function fromTnum(b: Big): void {
  const sign32 = 1n << 31n;
  const v32 = u32(b.value);
  const m32 = u32(b.mask);
  b.s32min = max(b.s32min, s32(v32 | (m32 & sign32)));
  b.s32max = min(b.s32max, s32(v32 | (m32 & ~sign32)));
  b.u32min = max(b.u32min, v32);
  b.u32max = min(b.u32max, v32 | m32);
  const sign = 1n << 63n;
  b.smin = max(b.smin, s64(b.value | (b.mask & sign)));
  b.smax = min(b.smax, s64(b.value | (b.mask & ~sign)));
  b.umin = max(b.umin, b.value);
  b.umax = min(b.umax, b.value | b.mask);
  const next = step(b, b.umin);
  if ((b.umin & ~b.mask) === b.value) {
    if (next > b.umax) setKnown(b, b.umin);
  } else if (next === (b.value | b.mask)) {
    setKnown(b, next);
  } else if (next <= b.umax && step(b, next) > b.umax) {
    setKnown(b, next);
  }
}

function clamp32(b: Big, lo: bigint, hi: bigint): void {
  b.s32min = max(b.s32min, s32(lo));
  b.s32max = min(b.s32max, s32(hi));
}

function clampU32(b: Big, lo: bigint, hi: bigint): void {
  b.u32min = max(b.u32min, u32(lo));
  b.u32max = min(b.u32max, u32(hi));
}

function teach32(b: Big): void {
  if (b.umin >> 32n === b.umax >> 32n) {
    clampU32(b, b.umin, b.umax);
    if (s32(b.umin) <= s32(b.umax)) clamp32(b, b.umin, b.umax);
  }
  if (b.smin >> 32n === b.smax >> 32n) {
    if (u32(b.smin) <= u32(b.smax)) clampU32(b, b.smin, b.smax);
    if (s32(b.smin) <= s32(b.smax)) clamp32(b, b.smin, b.smax);
  }
  if (u32((b.umin >> 32n) + 1n) === u32(b.umax >> 32n) && s32(b.umin) < 0n && s32(b.umax) >= 0n) clamp32(b, b.umin, b.umax);
  if (u32((b.smin >> 32n) + 1n) === u32(b.smax >> 32n) && s32(b.smin) < 0n && s32(b.smax) >= 0n) clamp32(b, b.smin, b.smax);
  if (s32(b.u32min) <= s32(b.u32max)) clamp32(b, b.u32min, b.u32max);
  if (u32(b.s32min) <= u32(b.s32max)) {
    clampU32(b, b.s32min, b.s32max);
  } else if (b.u32max < u32(b.s32min)) {
    b.s32min = s32(b.u32min);
    b.u32max = min(b.u32max, u32(b.s32max));
  } else if (u32(b.s32max) < b.u32min) {
    b.s32max = s32(b.u32max);
    b.u32min = max(b.u32min, u32(b.s32min));
  }
}

function teach64(b: Big): void {
  if (s64(b.umin) <= s64(b.umax)) {
    b.smin = max(b.smin, s64(b.umin));
    b.smax = min(b.smax, s64(b.umax));
  }
  if (u64(b.smin) <= u64(b.smax)) {
    b.umin = max(b.umin, u64(b.smin));
    b.umax = min(b.umax, u64(b.smax));
  } else if (b.umax < u64(b.smin)) {
    b.smin = s64(b.umin);
    b.umax = min(b.umax, u64(b.smax));
  } else if (u64(b.smax) < b.umin) {
    b.smax = s64(b.umax);
    b.umin = max(b.umin, u64(b.smin));
  }
}

function rangeTnum(lo: bigint, hi: bigint): { value: bigint; mask: bigint } {
  const bits = BigInt((lo ^ hi).toString(2).length - (lo === hi ? 1 : 0));
  if (bits > 63n) return { value: 0n, mask: u64(-1n) };
  const mask = (1n << bits) - 1n;
  return { value: lo & ~mask, mask };
}

function meet(b: Big, t: { value: bigint; mask: bigint }): void {
  b.mask &= t.mask;
  b.value = (b.value | t.value) & ~b.mask;
}

function teachMixed(b: Big): void {
  const high = (x: bigint): bigint => (x >> 32n) << 32n;
  b.umin = max(b.umin, high(b.umin) | b.u32min);
  b.umax = min(b.umax, high(b.umax) | b.u32max);
  b.smin = max(b.smin, s64(high(b.smin) | b.u32min));
  b.smax = min(b.smax, s64(high(b.smax) | b.u32max));
  if (b.s32min < 0n || b.smin < -(1n << 31n) || b.smax > (1n << 31n) - 1n) return;
  b.smin = b.s32min;
  b.smax = b.s32max;
  b.umin = u64(b.s32min);
  b.umax = u64(b.s32max);
  meet(b, rangeTnum(u64(b.smin), u64(b.smax)));
}

function sync(b: Big): void {
  fromTnum(b);
  for (let round = 0; round < 3; round++) {
    teach32(b);
    teach64(b);
    teachMixed(b);
  }
  meet(b, rangeTnum(b.umin, b.umax));
  const low = { value: u32(b.value), mask: u32(b.mask) } as Big;
  meet(low, rangeTnum(b.u32min, b.u32max));
  b.value = ((b.value >> 32n) << 32n) | low.value;
  b.mask = ((b.mask >> 32n) << 32n) | low.mask;
  fromTnum(b);
}

const EDGES = [0, 1, -1, 2147483647, -2147483648, 65535, 32767, -32768, 255, 256];

function word(dice: Dice): number {
  switch (dice.below(4)) {
    case 0:
      return dice.pick(EDGES);
    case 1:
      return dice.below(16);
    case 2:
      return (dice.below(2 ** 32) | 0) >> dice.below(32);
    default:
      return dice.below(2 ** 32) | 0;
  }
}

/** A register of which some views know something, or, for `how` 0, all of them anything. */
function someRegister(dice: Dice, r: Regs, how: number): void {
  markUnknown(r, 0);
  const [a, b] = [word(dice), word(dice)].sort((x, y) => x - y) as [number, number];
  if (how === 0) for (let i = VALUE_LO; i <= U32_MAX; i++) r[i] = word(dice);
  if (how & 1 || how === 0) {
    r[MASK_LO] = word(dice) | word(dice);
    r[MASK_HI] = dice.chance(50) ? 0 : word(dice);
    r[VALUE_LO] = word(dice) & ~r[MASK_LO]!;
    r[VALUE_HI] = word(dice) & ~r[MASK_HI]!;
  }
  if (how & 2) {
    r.set([a, a >> 31, b, b >> 31], SMIN_LO);
    if (a >= 0) r.set([a, 0, b, 0], UMIN_LO);
  }
  if (how & 4) {
    r.set([a, b], S32_MIN);
    if (a >= 0) r.set([a, b], U32_MIN);
  }
  if (how & 8) {
    r[UMIN_LO] = word(dice);
    r[UMIN_HI] = dice.below(3) - 1;
    r[UMAX_LO] = word(dice);
    r[UMAX_HI] = dice.chance(50) ? r[UMIN_HI]! : r[UMIN_HI]! + 1;
  }
}

describe('bounds that teach each other', () => {
  it('end where the rules end that are applied one by one in full', () => {
    setRangeRules('steps');
    const dice = new Dice(1);
    const r = new Int32Array(REG);
    for (let i = 0; i < 20_000; i++) {
      someRegister(dice, r, i % 16);
      const before = [...r];
      const expected = bigOf(r);
      sync(expected);
      boundsSync(r, 0);
      expect(bigOf(r), `from ${before}`).toEqual(expected);
      // What is settled in all views stays so when the tnum learns something more.
      r[MASK_LO]! &= ~word(dice);
      r[VALUE_LO]! &= ~r[MASK_LO]!;
      const again = bigOf(r);
      sync(again);
      boundsSync(r, 0);
      expect(bigOf(r), `again from ${before}`).toEqual(again);
    }
  });

  it('of what a load yields are those of a number cut to its size', () => {
    const dice = new Dice(2);
    const r = new Int32Array(REG);
    for (const rules of ['signs', 'mixed', 'steps'] as const) {
      setRangeRules(rules);
      prepareLoads();
      for (let i = 0; i < 600; i++) {
        markUnknown(r, 0);
        if (dice.chance(70)) someRegister(dice, r, dice.below(16));
        const size = dice.pick([1, 2, 4]);
        const signed = dice.chance(50);
        const expected = r.slice();
        if (signed) coerceToSizeSigned(expected, 0, size);
        else coerceToSize(expected, 0, size);
        coerceLoaded(r, 0, size, signed);
        expect([...r]).toEqual([...expected]);
      }
    }
    setRangeRules('steps');
  });
});

import { InputError } from '../../base/errors.ts';
import type { TensorSlot } from '../../compiler/api.ts';
import { FuncBuilder, type Reg } from '../../compiler/ir/builder.ts';
import type { IrFunc, OriginId } from '../../compiler/ir/ir.ts';
import { entryOf } from '../entry.ts';
import { greatest, isEqual, isZero, least, notNegative, select } from './branchless.ts';
import type { FeatureSource } from './catalogue.ts';
import { FEATURES_MAP, RECORD_MAP } from './maps.ts';
import { type Entry, type FeaturePlan, LOG2_UNIT, quantiserOf, type Transform } from './plan.ts';
import { MAX_RAW, PACKET, SEQUENCE_WORD } from './words.ts';

/** `features_input()`: the record's features into map `features` and, in the model's integers, into its input. */
export const INPUT_FUNC = 'features_input';
const LOG2_FUNC = 'log2_q8';
const MAX_I16 = 32_767;

export function inputFuncs(plan: FeaturePlan, slot: TensorSlot, origin: OriginId): IrFunc[] {
  const b = new FuncBuilder(INPUT_FUNC, 'global', []);
  b.setOrigin(origin);
  new InputBuilder(b, plan, slot).build();
  const logarithms = plan.entries.some((entry) =>
    entry.kind === 'value' ? entry.transform.log2 : entry.kind === 'channels' && entry.channels.some(({ transform }) => transform.log2),
  );
  return [b.finish(), ...(logarithms ? [log2Func(origin)] : [])];
}

class InputBuilder {
  readonly #b: FuncBuilder;
  readonly #plan: FeaturePlan;
  readonly #slot: TensorSlot;
  readonly #record: Reg;
  readonly #features: Reg;
  readonly #input: Reg;
  readonly #width: 2 | 4;

  constructor(b: FuncBuilder, plan: FeaturePlan, slot: TensorSlot) {
    this.#b = b;
    this.#plan = plan;
    this.#slot = slot;
    this.#width = slot.elem === 'f32' ? 4 : 2;
    this.#record = entryOf(b, RECORD_MAP, 1);
    this.#features = entryOf(b, FEATURES_MAP, 1);
    this.#input = b.add(entryOf(b, slot.map, 1), slot.byteOff);
  }

  build(): void {
    for (const entry of this.#plan.entries) {
      if (entry.kind === 'value') this.#put(entry.at, this.#value(this.#raw(entry.source), entry.transform, false), entry.transform);
      else if (entry.kind === 'equals') this.#putFlag(entry.at, isEqual(this.#b, this.#raw(entry.source), entry.value));
      else this.#channels(entry);
    }
    if (this.#plan.tokens) this.#tokens(this.#plan.tokens);
    this.#b.ret(0);
  }

  #raw({ word, bit, per }: FeatureSource): Reg {
    const b = this.#b;
    const value = b.load(this.#record, word * 8, 8);
    if (bit !== undefined) return b.and(b.rsh(value, bit), 1);
    if (!per) return least(b, value, b.const(MAX_RAW));
    const by = notNegative(b, b.sub(b.load(this.#record, per.word * 8, 8), per.less));
    // BPF's division by 0 gives 0.
    return least(b, b.alu('div', value, by), b.const(MAX_RAW));
  }

  #value(raw: Reg, { log2, min, max }: Transform, signed: boolean): Reg {
    const b = this.#b;
    let value = raw;
    if (log2 && signed) {
      const sign = b.arsh(raw, 63);
      value = b.sub(b.xor(b.call(LOG2_FUNC, [b.sub(b.xor(raw, sign), sign)]), sign), sign);
    } else if (log2) value = b.call(LOG2_FUNC, [raw]);
    return greatest(b, least(b, value, b.const(max)), b.const(min));
  }

  /** Keeps a value, and puts its integer into the input. */
  #put(at: number, value: Reg, transform: Transform, features = this.#features, input = this.#input): void {
    this.#b.store(features, at * 8, value, 8);
    this.#b.store(input, at * this.#width, this.#stored(value, transform), this.#width);
  }

  #putFlag(at: number, flag: Reg): void {
    const b = this.#b;
    b.store(this.#features, at * 8, flag, 8);
    const one = this.#slot.elem === 'f32' ? 0x3f80_0000 : Math.min(MAX_I16, Math.round(1 / this.#slot.scale));
    b.store(this.#input, at * this.#width, b.mul(flag, one), this.#width);
  }

  #stored(value: Reg, transform: Transform): Reg {
    const b = this.#b;
    if (this.#slot.elem === 'f32') return this.#float(value, transform);
    const { shiftIn, factor, add, shiftOut } = quantiserOf(transform, this.#slot.scale);
    const scaled = b.arsh(b.add(b.mul(shiftIn ? b.arsh(value, shiftIn) : value, b.const(factor)), b.const(add)), shiftOut);
    return greatest(b, least(b, scaled, MAX_I16), -MAX_I16 - 1);
  }

  /** Bits of float32 of (value − mean × unit) × scale / unit, where both are powers of two, rounded to the nearest even one. */
  #float(value: Reg, { mean, scale, unit }: Transform): Reg {
    const b = this.#b;
    const shift = Math.log2(scale / unit);
    if (!Number.isInteger(shift) || !Number.isInteger(mean * unit))
      throw new InputError(
        `a feature has mean ${mean} and scale ${scale}, and the model compares float32 exactly`,
        'binding',
        `Use a scale that is a power of two and a mean in steps of ${1 / unit}, or none`,
      );
    const moved = b.sub(value, b.const(Math.round(mean * unit)));
    const sign = b.rsh(moved, 63);
    const mask = b.arsh(moved, 63);
    const size = b.sub(b.xor(moved, mask), mask);
    const exponent = exponentOf(b, size);
    // 24 bits of mantissa: fewer are shifted up, more are shifted down and rounded.
    const down = notNegative(b, b.sub(exponent, 23));
    const up = notNegative(b, b.sub(b.copy(23), exponent));
    const odd = b.and(b.rsh(size, down), 1);
    const half = b.rsh(b.lsh(b.copy(1), down), 1);
    // Half less one, and one more where the last bit is odd; nothing where nothing is cut.
    const cut = b.xor(isZero(b, down), 1);
    const rounded = b.rsh(b.add(size, b.mul(cut, b.add(b.sub(half, 1), odd))), down);
    const mantissa = b.lsh(rounded, up);
    // The mantissa's leading bit adds 1 to the exponent, and so does one that rounding carried.
    const bits = b.add(b.lsh(b.add(exponent, 126 + shift), 23), mantissa);
    return b.or(b.mul(bits, b.xor(isZero(b, size), 1)), b.lsh(sign, 31));
  }

  #channels({ at, length, channels }: Extract<Entry, { kind: 'channels' }>): void {
    const b = this.#b;
    const source = b.copy(this.#record);
    const features = b.add(this.#features, at * 8);
    const input = b.add(this.#input, at * this.#width);
    const first = SEQUENCE_WORD + this.#plan.sequence - length;
    b.loop(0, length, 1, () => {
      const { size, direction, iat } = this.#packet(b.load(source, first * 8, 8));
      const raws = { size, direction, iat, signed_size: b.mul(size, direction) };
      for (const [i, { channel, transform }] of channels.entries()) {
        const signed = channel === 'direction' || channel === 'signed_size';
        this.#put(i, this.#value(raws[channel], transform, signed), transform, features, input);
      }
      b.aluTo(source, 'add', source, 8);
      b.aluTo(features, 'add', features, channels.length * 8);
      b.aluTo(input, 'add', input, channels.length * this.#width);
    });
  }

  #packet(word: Reg): { size: Reg; direction: Reg; iat: Reg } {
    const b = this.#b;
    const back = b.and(b.rsh(word, PACKET.direction), 1);
    const there = b.and(b.rsh(word, PACKET.present), 1);
    return {
      size: b.and(word, 2 ** PACKET.sizeBits - 1),
      direction: b.mul(there, b.sub(b.copy(1), b.lsh(back, 1))),
      iat: b.rsh(word, PACKET.iat),
    };
  }

  #tokens({ shift, buckets }: NonNullable<FeaturePlan['tokens']>): void {
    const b = this.#b;
    const source = b.copy(this.#record);
    const features = b.copy(this.#features);
    const input = b.copy(this.#input);
    b.loop(0, this.#plan.sequence, 1, () => {
      const { size, direction } = this.#packet(b.load(source, SEQUENCE_WORD * 8, 8));
      const bucket = least(b, b.rsh(size, shift), buckets - 1);
      const sided = b.add(bucket, b.mul(b.rsh(direction, 63), buckets));
      const token = select(b, isZero(b, direction), 2 * buckets, sided);
      b.store(features, 0, token, 8);
      b.store(input, 0, token, 2);
      b.aluTo(source, 'add', source, 8);
      b.aluTo(features, 'add', features, 8);
      b.aluTo(input, 'add', input, 2);
    });
  }
}

/** The place of the highest bit that is set, of a number below 2^62 (0 of 0), by halves. */
function exponentOf(b: FuncBuilder, value: Reg): Reg {
  const exponent = b.copy(0);
  const rest = b.copy(value);
  for (const step of [32, 16, 8, 4, 2, 1]) {
    const more = b.xor(isZero(b, b.rsh(rest, step)), 1);
    const by = b.mul(more, step);
    b.aluTo(exponent, 'add', exponent, by);
    b.aluTo(rest, 'rsh', rest, by);
  }
  return exponent;
}

/** `log2_q8(value)`: {@link log2Of} of a number below 2^48. */
function log2Func(origin: OriginId): IrFunc {
  const b = new FuncBuilder(LOG2_FUNC, 'global', ['scalar']);
  b.setOrigin(origin);
  const u = b.add(b.arg(0), 1);
  const exponent = exponentOf(b, u);
  const fraction = b.and(b.rsh(b.mul(u, LOG2_UNIT), exponent), LOG2_UNIT - 1);
  b.ret(b.add(b.mul(exponent, LOG2_UNIT), fraction));
  return b.finish();
}

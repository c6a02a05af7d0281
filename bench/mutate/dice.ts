import { randomOf } from '../../src/base/random.ts';

/** Values at which lengths, counts and offsets go wrong. */
const ODD = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 4095, 4096, 32_767, 32_768, 65_535, 65_536, 0x7fffff,
  0xffffff,
];
const LARGE = [2 ** 24, 2 ** 27, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 8, 2 ** 32 - 2, 2 ** 32 - 1];
const HUGE = [2 ** 32, 2 ** 33, 2 ** 40, 2 ** 48, 2 ** 53 - 1, 2 ** 53, 2 ** 62, 2 ** 63, 2 ** 64 - 2048];

/** Choices by a seed: one input, one seed. */
export class Dice {
  readonly random: () => number;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.random() * count);
  }

  one<T>(of: ArrayLike<T>): T {
    return of[this.below(of.length)]!;
  }

  chance(of: number): boolean {
    return this.random() < of;
  }

  /** A number at which something may go wrong, of up to `bits` bits; often near `value`. */
  odd(bits: 8 | 16 | 32 | 64, value = 0): number {
    const most = 2 ** bits;
    const draw = this.below(6);
    if (draw === 0) return (value + this.one([-1, 1, -4, 4, -8, 8, 16]) + most) % most;
    if (draw === 1) return Math.floor(this.random() * most);
    if (draw === 2 && value > 0) return Math.floor(value * this.one([0.5, 2, 3, 256])) % most;
    const all = bits >= 64 && this.chance(0.4) ? HUGE : bits >= 32 && this.chance(0.5) ? LARGE : ODD;
    return this.one(all) % most;
  }

  /** A few, seldom many. */
  few(): number {
    return 1 + (this.chance(0.5) ? 0 : this.below(this.chance(0.1) ? 40 : 5));
  }
}

import type { FuncBuilder, Reg } from '../compiler/ir/builder.ts';
import type { FittedBinding } from './fit.ts';
import {
  EXP_STEP_BITS,
  EXP_STEPS,
  LIMIT_OFF,
  MULTIPLIER_OFF,
  REAL_LIMIT,
  SIGMOID_STEP_BITS,
  SIGMOID_STEPS,
  scoreMethod,
  TABLE_OFF,
  THRESHOLD_OFF,
} from './score-table.ts';

/** Registers that the code for a decision leaves. */
export interface Scored {
  /** Probability in Q16, 0 to 65,536. */
  readonly score: Reg;
  /** Lead of the deciding class over the best other one, in units of the output's scale. */
  readonly lead: Reg;
  /** Argmax: the class. Threshold: 1 at the threshold or above, else 0. */
  readonly class: Reg;
}

const ONE_Q16 = 65536;

/** Decision of `fit` from the i32 values at `outputs`; `table` is the address of `scoreTable`. Without branches, so it forks no verifier state. */
export function scoreCode(b: FuncBuilder, fit: FittedBinding, outputs: Reg, table: Reg): Scored {
  const code = new ScoreCode(b, fit, table);
  const values = Array.from({ length: fit.classes }, (_, i) => b.load(outputs, i * 4, 4, true));
  return fit.output.kind === 'argmax' ? code.argmax(values) : code.threshold(values, fit.output.class, fit.output.threshold);
}

class ScoreCode {
  readonly #b: FuncBuilder;
  readonly #fit: FittedBinding;
  readonly #table: Reg;

  constructor(b: FuncBuilder, fit: FittedBinding, table: Reg) {
    this.#b = b;
    this.#fit = fit;
    this.#table = table;
  }

  argmax(values: readonly Reg[]): Scored {
    const b = this.#b;
    const best = b.copy(values[0]);
    const second = b.const(-(2n ** 40n));
    const index = b.copy(0);
    for (let i = 1; i < values.length; i++) {
      // first of equals wins: `wins` is 1 where best < value
      const wins = this.#isNegative(b.sub(best, values[i]));
      this.#maximum(second, this.#minimumOf(best, values[i]));
      b.aluTo(best, 'add', best, b.mul(wins, b.sub(values[i], best)));
      b.aluTo(index, 'add', index, b.mul(wins, b.sub(b.copy(i), index)));
    }
    const lead = b.sub(best, second);
    return { score: this.#scoreOf(values, best, best, lead), lead, class: index };
  }

  threshold(values: readonly Reg[], classIndex: number, threshold: number): Scored {
    const b = this.#b;
    const single = values.length === 1;
    const own = single ? (classIndex === 1 ? values[0] : b.sub(b.copy(0), values[0])) : values[classIndex];
    const lead = b.copy(own);
    const max = b.copy(own);
    const others = values.filter((_, i) => !single && i !== classIndex);
    if (others.length > 0) {
      const rest = b.copy(others[0]);
      for (const other of others.slice(1)) this.#maximum(rest, other);
      b.assign(lead, b.sub(own, rest));
      this.#maximum(max, rest);
    }
    const score = this.#scoreOf(values, own, max, lead);
    const limit = Math.ceil(threshold * ONE_Q16);
    const method = scoreMethod(this.#fit);
    const compared =
      method === 'softmax' ? b.sub(score, limit) : b.sub(method === 'direct' ? own : lead, b.load(this.#table, THRESHOLD_OFF, 8));
    const above = b.xor(this.#isNegative(compared), 1);
    if (method !== 'softmax') this.#agree(score, above, limit);
    return { score, lead, class: above };
  }

  /** Moves a score that interpolation left on the other side of the threshold onto the side that was decided. */
  #agree(score: Reg, above: Reg, limit: number): void {
    const b = this.#b;
    const low = b.mul(above, limit);
    this.#maximum(score, low);
    // limit − 1 below the threshold, 65,536 above it
    const high = b.add(b.mul(above, ONE_Q16 + 1 - limit), limit - 1);
    b.assign(score, this.#minimumOf(score, high));
  }

  #scoreOf(values: readonly Reg[], own: Reg, max: Reg, lead: Reg): Reg {
    const b = this.#b;
    const method = scoreMethod(this.#fit);
    if (method === 'sigmoid') return this.#sigmoid(lead);
    if (method === 'softmax') {
      const sum = b.copy(0);
      for (const value of values) b.aluTo(sum, 'add', sum, this.#exp(b.sub(max, value)));
      // The largest class contributes 2^24, so the sum is never 0; the verifier needs no proof for a division.
      return b.alu('div', b.lsh(this.#exp(b.sub(max, own)), 16), sum);
    }
    const negated = values.length === 1 && this.#fit.output.kind === 'threshold' && this.#fit.output.class === 0;
    const value = negated ? values[0] : own;
    const positive = b.mul(value, b.xor(this.#isNegative(value), 1));
    const score = this.#minimumOf(this.#real(positive), b.copy(ONE_Q16));
    return negated ? b.sub(b.copy(ONE_Q16), score) : score;
  }

  /** A non-negative integer as a real number in Q16, cut at the limit. */
  #real(value: Reg): Reg {
    const b = this.#b;
    const cut = this.#minimumOf(value, b.load(this.#table, LIMIT_OFF, 8));
    const real = b.rsh(b.mul(cut, b.load(this.#table, MULTIPLIER_OFF, 8)), 32);
    // The cut integer may still stand for more than the limit when one step of it is large.
    return this.#minimumOf(real, b.copy(REAL_LIMIT * ONE_Q16));
  }

  /** Sigmoid of a signed integer, in Q16: table of one half, mirrored for the other. */
  #sigmoid(value: Reg): Reg {
    const b = this.#b;
    const negative = this.#isNegative(value);
    const sign = b.arsh(value, 63);
    const half = this.#interpolate(this.#real(b.sub(b.xor(value, sign), sign)), SIGMOID_STEP_BITS, SIGMOID_STEPS);
    return b.add(half, b.mul(negative, b.sub(b.copy(ONE_Q16), b.lsh(half, 1))));
  }

  /** e^−value of a non-negative integer, in Q24. */
  #exp(value: Reg): Reg {
    return this.#interpolate(this.#real(value), EXP_STEP_BITS, EXP_STEPS);
  }

  /** Table value at `x` (Q16), linear between entries `2^stepBits` apart. */
  #interpolate(x: Reg, stepBits: number, steps: number): Reg {
    const b = this.#b;
    const index = b.and(b.rsh(x, stepBits), steps - 1);
    const at = b.add(this.#table, b.lsh(index, 2));
    const low = b.load(at, TABLE_OFF, 4);
    const rise = b.mul(b.sub(b.load(at, TABLE_OFF + 4, 4), low), b.and(x, (1 << stepBits) - 1));
    return b.add(low, b.arsh(rise, stepBits));
  }

  #isNegative(value: Reg): Reg {
    return this.#b.rsh(value, 63);
  }
  #minimumOf(x: Reg, y: Reg): Reg {
    const b = this.#b;
    const difference = b.sub(x, y);
    return b.add(y, b.mul(this.#isNegative(difference), difference));
  }
  /** `x = max(x, y)`. */
  #maximum(x: Reg, y: Reg): void {
    const b = this.#b;
    const difference = b.sub(y, x);
    b.aluTo(x, 'add', x, b.mul(b.xor(this.#isNegative(difference), 1), difference));
  }
}

import type { FuncBuilder, Reg } from '../ir/builder.ts';

/**
 * Sums of products at one multiplication for two terms (S. Winograd, 1968): `x·w + x'·w' = (x + w')·(x' + w) − x·x' − w·w'`. What is taken away are sums of activations alone, made
 * once for all columns, and of weights alone, made at compile time. This holds in any commutative ring, 64-bit integers modulo 2⁶⁴ among them: x may be a word
 * of several lanes, and the sum is the same word, bit for bit, as that of products one by one. What overflows in between cancels.
 */

/** Weights of 16 bits are stored this much above their value: loads without a sign leave the processor's adders alone. */
export const PAIRED_ZERO = 2 ** 15;
/** The same of weights of 8 bits. */
export const PAIRED_ZERO8 = 2 ** 7;

/**
 * Adds the products of `terms` numbers or words and the weights of each column to its sum, and {@link crossInto} and {@link crossOf} with them. `weight` loads a weight as
 * it is stored. A last term without a neighbour is multiplied by itself.
 */
export function pairedTerms(
  b: FuncBuilder,
  sums: readonly Reg[],
  terms: number,
  value: (term: number) => Reg,
  weight: (column: number, term: number) => Reg,
): void {
  for (let k = 0; k < terms; k += 2) {
    const x = value(k);
    const next = k + 1 < terms ? value(k + 1) : null;
    for (const [r, sum] of sums.entries()) {
      const t = weight(r, next ? k + 1 : k);
      if (next) {
        b.aluTo(t, 'add', t, x);
        const u = weight(r, k);
        b.aluTo(u, 'add', u, next);
        b.aluTo(t, 'mul', t, u);
      } else b.aluTo(t, 'mul', t, x);
      b.aluTo(sum, 'add', sum, t);
    }
  }
}

/** {@link pairedTerms} of words in memory. */
export const pairedProducts = (
  b: FuncBuilder,
  sums: readonly Reg[],
  terms: number,
  words: Reg,
  weight: (column: number, term: number) => Reg,
): void => pairedTerms(b, sums, terms, (k) => b.load(words, 8 * k, 8), weight);

/** Adds what every sum of {@link pairedTerms} has too much because of two neighbours, which are lost, or of a last term; `zero`: what weights are raised by. */
export function crossInto(b: FuncBuilder, sum: Reg, x: Reg, next: Reg | null, zero: number): void {
  if (next) {
    b.aluTo(x, 'add', x, zero);
    b.aluTo(next, 'add', next, zero);
    b.aluTo(x, 'mul', x, next);
  } else b.aluTo(x, 'mul', x, zero);
  b.aluTo(sum, 'add', sum, x);
}

/** The same of all words of {@link pairedProducts}. */
export function crossSum(b: FuncBuilder, words: Reg, terms: number, zero = PAIRED_ZERO): Reg {
  const sum = b.copy(0);
  const word = (k: number): Reg => b.load(words, 8 * k, 8);
  for (let k = 0; k < terms; k += 2) crossInto(b, sum, word(k), k + 1 < terms ? word(k + 1) : null, zero);
  return sum;
}

/** The same because of its weights, as they are without what they are raised by. */
export function crossOf(weights: ArrayLike<number>, zero = PAIRED_ZERO): number {
  let sum = 0;
  for (let k = 0; k + 1 < weights.length; k += 2) sum += weights[k]! * weights[k + 1]! + zero * (weights[k]! + weights[k + 1]!);
  return sum;
}

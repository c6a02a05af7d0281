import { logit } from './decide.ts';
import type { FittedBinding } from './fit.ts';

/**
 * Numbers that turn integer outputs into a probability. They depend on the output's scale, so they lie with the weights, where new
 * weights of the same architecture replace them, and not in the code.
 *
 *     0  s64  smallest integer that is at the threshold or above
 *     8  u64  scale × 2^48: (integer × this) >> 32 is the real value in Q16
 *    16  u64  smallest integer whose real value is 12 or more; larger ones are cut to it
 *    24  u32  table: sigmoid in Q16 at steps of 1/64, or e^−x in Q24 at steps of 1/256
 */
export const THRESHOLD_OFF = 0;
export const MULTIPLIER_OFF = 8;
export const LIMIT_OFF = 16;
export const TABLE_OFF = 24;

/** Beyond this the sigmoid is 0 or 1 in Q16, and e^−x is 0 in Q16. */
export const REAL_LIMIT = 12;
export const SIGMOID_STEP_BITS = 10; // Q16 steps of 1/64
export const EXP_STEP_BITS = 8; // Q16 steps of 1/256
/** Steps covered; a power of two above the limit, so that a mask keeps the index in bounds. */
export const SIGMOID_STEPS = 1024;
export const EXP_STEPS = 4096;

type ScoreMethod = 'sigmoid' | 'softmax' | 'direct';

/** How a score comes from the output: one or two logits need only the sigmoid of their difference. */
export function scoreMethod({ meaning, classes }: FittedBinding): ScoreMethod {
  if (meaning === 'probability') return 'direct';
  return classes <= 2 ? 'sigmoid' : 'softmax';
}

const S64_MAX = 2n ** 63n - 1n;
const clampS64 = (value: number): bigint => {
  if (value >= 2 ** 62) return S64_MAX >> 1n;
  if (value <= -(2 ** 62)) return -(S64_MAX >> 1n);
  return BigInt(Math.ceil(value));
};

/** Contents of the table for an output whose real value is `scale` × integer. */
export function scoreTable(fit: FittedBinding, scale: number): Uint8Array {
  const method = scoreMethod(fit);
  const entries = method === 'sigmoid' ? sigmoidEntries() : method === 'softmax' ? expEntries() : new Uint32Array(0);
  const bytes = new Uint8Array(TABLE_OFF + entries.byteLength);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(THRESHOLD_OFF, clampS64(integerThreshold(fit, scale)), true);
  view.setBigUint64(MULTIPLIER_OFF, clampS64(Math.max(1, Math.round(scale * 2 ** 48))), true);
  view.setBigUint64(LIMIT_OFF, clampS64(Math.max(1, REAL_LIMIT / scale)), true);
  bytes.set(new Uint8Array(entries.buffer), TABLE_OFF);
  return bytes;
}

function integerThreshold({ output, meaning, classes }: FittedBinding, scale: number): number {
  if (output.kind !== 'threshold') return 0;
  if (meaning === 'logits') return logit(output.threshold) / scale;
  // The program negates a single probability of class 1 when class 0 decides: 1 − p ≥ t is −p ≥ t − 1.
  const negated = classes === 1 && output.class === 0;
  return (negated ? output.threshold - 1 : output.threshold) / scale;
}

const sigmoidEntries = () => Uint32Array.from({ length: SIGMOID_STEPS + 1 }, (_, i) => Math.round(65536 / (1 + Math.exp(-i / 64))));
const expEntries = () => Uint32Array.from({ length: EXP_STEPS + 1 }, (_, i) => Math.round(2 ** 24 * Math.exp(-i / 256)));

import type { VerdictName } from './binding.ts';
import type { FittedBinding } from './fit.ts';

/** Verdicts in the order of their counters in map `verdicts`: the first five are XDP's return codes. */
export const VERDICT_ORDER: readonly VerdictName[] = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT', 'TAG'];
/** Counter of the packets that lack the layer (they count for their verdict too). */
export const OTHERWISE_COUNTER = VERDICT_ORDER.length;

/** What a binding decides about one event. */
export interface Decision {
  readonly verdict: VerdictName;
  /** Argmax: the class. Threshold: 1 at the threshold or above, 0 below. */
  readonly class: number;
  /** Probability of the class that decides: the chosen one (argmax) or the binding's (threshold). */
  readonly score: number;
  /** How clear it was: lead over the second class (argmax), or distance of the probability from the threshold. */
  readonly margin: number;
}

/** The verdict on packets without the layer. */
export const otherwiseOf = (fit: FittedBinding): VerdictName => ('otherwise' in fit.input ? fit.input.otherwise : undefined) ?? 'PASS';

/** The reference's decision, in floating point, from the values of the model's output. */
export function decide(values: readonly number[], fit: FittedBinding): Decision {
  const probabilities = probabilitiesOf(values, fit);
  const { output } = fit;
  if (output.kind === 'argmax') {
    const best = values.indexOf(Math.max(...values));
    const second = Math.max(...values.filter((_, i) => i !== best));
    return { verdict: output.verdicts[best], class: best, score: probabilities[best], margin: values[best] - second };
  }
  const score = probabilities[output.class];
  const above = isAbove(values, score, fit);
  return { verdict: above ? output.above : output.below, class: above ? 1 : 0, score, margin: Math.abs(score - output.threshold) };
}

/** With one or two logits the log-odds are compared, as the program does, which is exact where the probability rounds. */
function isAbove(values: readonly number[], score: number, { output, meaning, classes }: FittedBinding): boolean {
  if (output.kind !== 'threshold') return false;
  if (meaning === 'probability' || classes > 2) return score >= output.threshold;
  const positive = classes === 1 ? values[0] : values[1] - values[0];
  return (output.class === 1 ? positive : -positive) >= logit(output.threshold);
}

/** Log-odds of a probability. */
export const logit = (probability: number): number => Math.log(probability / (1 - probability));

function probabilitiesOf(values: readonly number[], { classes, meaning }: FittedBinding): number[] {
  if (classes === 1) {
    const p = meaning === 'probability' ? values[0] : 1 / (1 + Math.exp(-values[0]));
    return [1 - p, p];
  }
  if (meaning === 'probability') return [...values];
  const max = Math.max(...values);
  const weights = values.map((value) => Math.exp(value - max));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

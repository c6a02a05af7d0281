import { randomOf } from '../../base/random.ts';
import type { FeatureInput } from './binding.ts';
import { numberOf, planOf, scaledOf, type Transform } from './plan.ts';

/** `count` rows of numbers that features may have, for calibration without a trace: magnitudes are spread over all powers of two. */
export function generateFeatures(input: FeatureInput, seed: number, count: number): Float32Array[] {
  const random = randomOf(seed);
  const plan = planOf(input);
  const number = (transform: Transform): number => {
    const most = transform.log2 ? 2 ** (transform.max / transform.unit) : transform.max + 1;
    const raw = Math.floor(most ** random()) - 1;
    return numberOf(scaledOf(transform.min < 0 && random() < 0.5 ? -raw : raw, transform), transform);
  };
  return Array.from({ length: count }, () => {
    const row = new Float32Array(plan.count);
    if (plan.tokens) return row.map(() => Math.floor(random() * (2 * plan.tokens!.buckets + 1)));
    for (const entry of plan.entries) {
      if (entry.kind === 'equals') row[entry.at] = random() < 0.5 ? 1 : 0;
      else if (entry.kind === 'value') row[entry.at] = number(entry.transform);
      else
        for (let i = 0; i < entry.length * entry.channels.length; i++)
          row[entry.at + i] = number(entry.channels[i % entry.channels.length]!.transform);
    }
    return row;
  });
}

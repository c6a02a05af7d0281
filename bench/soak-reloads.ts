/**
 * `npm run long soak-reloads [MINUTES] [SEED]` (after `npm run build`): the random user of `soak.ts`, who reloads the page every few things, so that workers are ended at
 * any moment of their work. Memory is not read.
 */
import { soaked } from './soak.ts';

export default async function measure([minutes = '25', seed = '1']: string[]): Promise<unknown> {
  const soak = await soaked(Number(seed), (one) => one.runReloading(Number(minutes)));
  return { minutes: Number(minutes), seed: Number(seed), reloads: soak.counts.reload ?? 0, ...soak.done() };
}

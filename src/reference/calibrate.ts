import type { Progress } from '../base/progress.ts';
import { Cancelled } from '../base/progress.ts';
import type { Calibration } from '../compiler/api.ts';
import type { Tensor } from '../onnx/model.ts';
import type { ExternalData } from '../onnx/tensor.ts';
import type { Tensors } from './reference.ts';
import { createReference } from './reference.ts';

export interface CalibrateOptions {
  readonly source: Calibration['source'];
  readonly fileName?: string;
  readonly externalData?: ExternalData;
  readonly progress?: Progress;
}

/**
 * Runs ONNX Runtime over `samples` and records the smallest and largest finite element of every float value. Infinities are left
 * out: they mark masked positions and say nothing about a scale.
 */
export async function calibrate(modelBytes: Uint8Array, samples: readonly Tensors[], options: CalibrateOptions): Promise<Calibration> {
  const reference = await createReference(modelBytes, { outputs: 'all', fileName: options.fileName, externalData: options.externalData });
  const ranges: Record<string, { min: number; max: number }> = Object.create(null);
  try {
    let rested = performance.now();
    for (const [i, sample] of samples.entries()) {
      widenRanges(ranges, sample);
      widenRanges(ranges, await reference.run(sample));
      options.progress?.report('calibrating', i + 1, samples.length);
      if (performance.now() - rested > 10) {
        await rest();
        rested = performance.now();
        if (options.progress?.cancelled) throw new Cancelled();
      }
    }
  } finally {
    await reference.release();
  }
  return { source: options.source, samples: samples.length, ranges: { ...ranges } };
}

/** Lets messages in, such as "stop". */
export const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

function widenRanges(ranges: Record<string, { min: number; max: number }>, tensors: Tensors): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    const range = floatRange(tensor);
    if (!range) continue;
    const known = ranges[name];
    ranges[name] = known ? { min: Math.min(known.min, range.min), max: Math.max(known.max, range.max) } : range;
  }
}

function floatRange({ dtype, data }: Tensor): { min: number; max: number } | null {
  if (dtype !== 'float32' && dtype !== 'float64') return null;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const value of data as Float32Array) {
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : null;
}

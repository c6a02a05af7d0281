import type { Progress } from '../base/progress.ts';
import { Cancelled } from '../base/progress.ts';
import type { Calibration, CalibrationMethod } from '../compiler/api.ts';
import { percentOf } from '../compiler/calibration-method.ts';
import type { Tensor } from '../onnx/model.ts';
import { type ExternalData, isFloat } from '../onnx/tensor.ts';
import { Magnitudes } from './magnitudes.ts';
import type { Tensors } from './reference.ts';
import { createReference } from './reference.ts';

export interface CalibrateOptions {
  readonly source: Calibration['source'];
  /** Default `minmax`. */
  readonly method?: CalibrationMethod;
  readonly fileName?: string;
  readonly externalData?: ExternalData;
  readonly progress?: Progress;
}

/**
 * Runs ONNX Runtime over `samples` and records the smallest and largest finite element of every float value and of every input. Infinities
 * are left out: they mark masked positions and say nothing about a scale.
 */
export async function calibrate(modelBytes: Uint8Array, samples: readonly Tensors[], options: CalibrateOptions): Promise<Calibration> {
  const reference = await createReference(modelBytes, { outputs: 'all', fileName: options.fileName, externalData: options.externalData });
  const { method = 'minmax' } = options;
  const ranges: Ranges = Object.create(null);
  const magnitudes = method === 'minmax' ? null : new Map<string, Magnitudes>();
  try {
    let rested = performance.now();
    for (const [i, sample] of samples.entries()) {
      widenRanges(ranges, sample, rangeOf);
      const values = await reference.run(sample);
      widenRanges(ranges, values, anyRange);
      if (magnitudes) for (const tensors of [sample, values]) countMagnitudes(magnitudes, tensors);
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
  if (!magnitudes) return { source: options.source, samples: samples.length, ranges: { ...ranges } };
  const clipped = Object.entries(ranges).map(([name, range]) => {
    const own = magnitudes.get(name);
    return [name, own ? { ...range, clip: clipOf(own, method) } : range] as const;
  });
  return { source: options.source, samples: samples.length, method, ranges: Object.fromEntries(clipped) };
}

/** Where a value saturates, in 16 and in 8 bits. */
function clipOf(magnitudes: Magnitudes, method: CalibrationMethod): { wide: number; narrow: number } {
  if (method === 'mse') return { wide: magnitudes.leastSquares(16), narrow: magnitudes.leastSquares(8) };
  const bound = magnitudes.percentile(percentOf(method));
  return { wide: bound, narrow: bound };
}

function countMagnitudes(counted: Map<string, Magnitudes>, tensors: Tensors): void {
  for (const [name, { dtype, data }] of Object.entries(tensors)) {
    if (!isFloat(dtype)) continue;
    let own = counted.get(name);
    if (!own) {
      own = new Magnitudes();
      counted.set(name, own);
    }
    own.add(data as Float32Array);
  }
}

/** Lets messages in, such as "stop". */
export const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

type Range = { min: number; max: number };
type Ranges = Record<string, Range>;

function widenRanges(ranges: Ranges, tensors: Tensors, measure: (tensor: Tensor) => Range | null): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    const range = measure(tensor);
    if (!range) continue;
    const known = ranges[name];
    ranges[name] = known ? { min: Math.min(known.min, range.min), max: Math.max(known.max, range.max) } : range;
  }
}

/** Integers that follow from computed values need a scale as these do. */
const anyRange = (tensor: Tensor): Range | null => (tensor.dtype === 'string' ? null : rangeOf(tensor));

function rangeOf({ data }: Tensor): Range | null {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]);
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? { min, max } : null;
}

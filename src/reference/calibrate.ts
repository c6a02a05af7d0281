import type { Progress } from '../base/progress.ts';
import { Cancelled } from '../base/progress.ts';
import type { CalibratedRange, Calibration, CalibrationMethod } from '../compiler/api.ts';
import { percentOf } from '../compiler/calibration-method.ts';
import { isMaskValue } from '../compiler/graph/masks.ts';
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
      widenRanges(ranges, sample, inputRange);
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

type Ranges = Record<string, CalibratedRange>;

function widenRanges(ranges: Ranges, tensors: Tensors, measure: (tensor: Tensor) => CalibratedRange | null): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    const range = measure(tensor);
    if (!range) continue;
    const known = ranges[name];
    ranges[name] = known ? joined(known, range) : range;
  }
}

function joined(a: CalibratedRange, b: CalibratedRange): CalibratedRange {
  const plain = ({ unmasked, min, max }: CalibratedRange): number => unmasked ?? Math.max(-min, max);
  return {
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    ...(a.unmasked !== undefined || b.unmasked !== undefined ? { unmasked: Math.max(plain(a), plain(b)) } : {}),
    ...(a.flags && b.flags ? { flags: true } : {}),
  };
}

/** Integers that follow from computed values need a scale as these do. */
const anyRange = (tensor: Tensor): CalibratedRange | null => (tensor.dtype === 'string' ? null : rangeOf(tensor));

function inputRange(tensor: Tensor): CalibratedRange | null {
  const range = rangeOf(tensor);
  const flags = range && isFloat(tensor.dtype) && (tensor.data as Float32Array).every((x) => x === 0 || x === 1);
  return flags ? { ...range, flags } : range;
}

function rangeOf({ dtype, data }: Tensor): CalibratedRange | null {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let unmasked = 0;
  let masks = false;
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]);
    if (isMaskValue(value)) masks = true;
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    if (!isMaskValue(value) && Math.abs(value) > unmasked) unmasked = Math.abs(value);
  }
  if (min > max) return masks ? { min: 0, max: 0, unmasked: 0 } : null;
  return { min, max, ...(masks && isFloat(dtype) ? { unmasked } : {}) };
}

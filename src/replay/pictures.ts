import { InputError } from '../base/errors.ts';
import type { ValueInfo } from '../onnx/model.ts';
import type { Picture } from '../traces/png.ts';
import type { NamedTensor } from './tensor-files.ts';

/** How pictures become numbers: (sample / 255 − mean) / deviation, by channel. */
export interface PictureScaling {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Pictures of other sizes are stretched to what the model takes. */
  readonly resize?: boolean;
  /** Where the channels of the model's input stand; found by its shape where it is left out. */
  readonly layout?: PictureLayout;
}

/** Channels before rows and columns, or behind them. */
export type PictureLayout = 'NCHW' | 'NHWC';

/** Samples from 0 to 1. */
export const NO_SCALING: PictureScaling = { mean: [0], std: [1] };

/** What a model takes of a picture. */
export interface PictureShape {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Null for an input without channels. */
  readonly layout: PictureLayout | null;
}

/**
 * What input `input` takes of pictures; null where it takes none. Of two layouts that fit the shape the one counts that fits `picture`, then the one
 * with 1 or 3 channels, then channels first.
 */
export function pictureShape(input: ValueInfo, layout?: PictureLayout, picture?: Pick<Picture, 'width' | 'height'>): PictureShape | null {
  const dims = input.dims.length === 4 && input.dims[0] === 1 ? input.dims.slice(1) : input.dims;
  if (dims.length === 2) return { height: dims[0]!, width: dims[1]!, channels: 1, layout: null };
  if (dims.length !== 3) return null;
  const first: PictureShape = { channels: dims[0]!, height: dims[1]!, width: dims[2]!, layout: 'NCHW' };
  const last: PictureShape = { height: dims[0]!, width: dims[1]!, channels: dims[2]!, layout: 'NHWC' };
  if (layout) return layout === 'NCHW' ? first : last;
  const holds = (shape: PictureShape): boolean => picture?.width === shape.width && picture.height === shape.height;
  const usual = ({ channels }: PictureShape): boolean => channels === 1 || channels === 3;
  return [first, last].find((shape) => holds(shape) && usual(shape)) ?? [first, last].find(holds) ?? [first, last].find(usual) ?? first;
}

/**
 * A picture in another size: each new pixel is the mean of the old ones under it, weighted by how much of each it covers; where it grows, neighbours
 * are mixed linearly between the centres of pixels.
 */
export function resizePicture({ width, height, channels, data }: Picture, toWidth: number, toHeight: number): Picture {
  const across = weightsOf(width, toWidth);
  const down = weightsOf(height, toHeight);
  const rows = new Float64Array(toWidth * height * channels);
  for (let y = 0; y < height; y++)
    for (const [x, parts] of across.entries())
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (const [from, weight] of parts) sum += weight * data[(y * width + from) * channels + c]!;
        rows[(y * toWidth + x) * channels + c] = sum;
      }
  const made = new Uint8Array(toWidth * toHeight * channels);
  for (const [y, parts] of down.entries())
    for (let i = 0; i < toWidth * channels; i++) {
      let sum = 0;
      for (const [from, weight] of parts) sum += weight * rows[from * toWidth * channels + i]!;
      made[y * toWidth * channels + i] = Math.round(sum);
    }
  return { width: toWidth, height: toHeight, channels, data: made };
}

/** For each of `to` places the old ones that it is made of, with weights that add up to 1. */
function weightsOf(from: number, to: number): [number, number][][] {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale - 0.5;
    const parts: [number, number][] = [];
    let sum = 0;
    for (let at = Math.ceil(centre - reach); at <= Math.floor(centre + reach); at++) {
      const weight = 1 - Math.abs(at - centre) / reach;
      if (weight <= 0) continue;
      parts.push([Math.min(from - 1, Math.max(0, at)), weight]);
      sum += weight;
    }
    return parts.map(([at, weight]) => [at, weight / sum]);
  });
}

/** Pictures as one array, in the layout that the model's input has. */
export function pictures(
  all: readonly Picture[],
  inputs: readonly ValueInfo[],
  where: string,
  { mean, std, resize = false, layout }: PictureScaling,
): NamedTensor[] {
  const input = inputs[0]!;
  const described = `input \`${input.name}\` [${input.dims.join(', ')}]`;
  const taken = inputs.length === 1 ? pictureShape(input, layout, all[0]) : null;
  if (!taken) throw new InputError(`a picture does not fit ${described}`, where);
  const { width, height, channels: wanted } = taken;
  const first = taken.layout !== 'NHWC';
  for (const [what, list] of [
    ['mean', mean],
    ['std', std],
  ] as const)
    if (list.length !== 1 && list.length !== wanted)
      throw new InputError(`${list.length} numbers for --${what}, but input \`${input.name}\` has ${wanted} channels`, 'arguments');
  const raw = !input.dtype.startsWith('float');
  const size = width * height * wanted;
  const data = new Float32Array(all.length * size);
  for (const [n, given] of all.entries()) {
    if (!resize && (given.width !== width || given.height !== height))
      throw new InputError(
        `${all.length > 1 ? `picture ${n + 1}` : 'the picture'} is ${given.width} × ${given.height}, but input \`${input.name}\` is [${input.dims.join(', ')}]`,
        where,
        'Scale it to the size that the model takes, or give --resize',
      );
    const { channels } = given;
    if (wanted !== channels && wanted !== 1 && !(wanted === 3 && channels === 1))
      throw new InputError(`the picture has ${channels} channels, but ${described} takes ${wanted}`, where);
    const samples = (resize && (given.width !== width || given.height !== height) ? resizePicture(given, width, height) : given).data;
    for (let pixel = 0; pixel < width * height; pixel++)
      for (let c = 0; c < wanted; c++) {
        const value =
          channels === 1 || wanted === channels
            ? samples[pixel * channels + (channels === 1 ? 0 : c)]!
            : luminance(samples, pixel * channels);
        const at = first ? c * width * height + pixel : pixel * wanted + c;
        data[n * size + at] = raw ? value : (value / 255 - mean[c % mean.length]!) / std[c % std.length]!;
      }
  }
  const dims = input.dims.length === 4 && input.dims[0] === 1 ? input.dims.slice(1) : input.dims;
  return [{ tensor: { dtype: 'float32', dims: [all.length, ...dims], data }, where }];
}

/** Grey of a colour (ITU-R BT.601). */
const luminance = (samples: Uint8Array, at: number): number =>
  Math.round(0.299 * samples[at]! + 0.587 * samples[at + 1]! + 0.114 * samples[at + 2]!);

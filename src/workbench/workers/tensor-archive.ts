import { InputError } from '../../base/errors.ts';
import type { Tensor } from '../../onnx/model.ts';
import { type PictureScaling, pictureShape, pictures } from '../../replay/pictures.ts';
import { type NamedTensor, readTensors } from '../../replay/tensor-files.ts';
import type { NpyArray } from '../../traces/npy.ts';
import { pictureHead } from '../../traces/picture-head.ts';
import { isPng, type Picture, readPng } from '../../traces/png.ts';
import { writeNpz } from '../../traces/tensor-write.ts';
import type { BlobRef } from '../document.ts';
import { Transferred } from '../rpc.ts';
import type { ArchiveView } from '../tensor-file-views.ts';
import type { OpenModel } from './bindings.ts';
import { bytesOf } from './blobs.ts';
import { modelOf } from './models.ts';

interface ArchiveArgs {
  /** One file of tensors, or pictures. */
  readonly files: readonly BlobRef[];
  readonly model: OpenModel;
  /** Null for a file of tensors. */
  readonly scaling: PictureScaling | null;
}

/** What files hold for the open model, as an .npz file that names the model's inputs. */
export async function tensorArchive({ files, model: open, scaling }: ArchiveArgs): Promise<Transferred<ArchiveView>> {
  const model = await modelOf(open.blob, open.dims);
  const decoded = scaling ? await Promise.all(files.map((file) => decode(bytesOf(file), file.name))) : [];
  const [first] = files;
  const where = files.length === 1 ? first!.name : `${files.length} pictures`;
  const arrays = scaling ? pictures(decoded, model.inputs, where, scaling) : readTensors(bytesOf(first!), first!.name, model);
  const named = arrays.map(({ name, tensor }): [string, Tensor] => [name ?? model.inputs[0]!.name, tensor]);
  const bytes = writeNpz(new Map(named.map(([name, tensor]) => [name, arrayOf(tensor)]))) as Uint8Array<ArrayBuffer>;
  const view: ArchiveView = {
    bytes,
    arrays: named.map(([name, { dims, data }]) => ({ name, shape: dims, ...rangeOf(data) })),
    taken: scaling ? pictureShape(model.inputs[0]!, scaling.layout, decoded[0]) : null,
    sizes: decoded.map(({ width, height }) => ({ width, height })),
  };
  return new Transferred(view, [bytes.buffer]);
}

/** PNG by our own reader, which changes no sample; what it does not read, and every other format, by the browser. */
async function decode(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Picture> {
  if (isPng(bytes)) {
    try {
      return readPng(bytes, name);
    } catch (error) {
      if (!(error instanceof InputError) || !/interlaced/.test(error.message)) throw error;
    }
  } else if (!pictureHead(bytes, name))
    throw new InputError('this is no picture: it begins otherwise', name, 'PNG, JPEG, WebP, GIF and BMP are read');
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch {
    throw new InputError('the browser cannot decode this picture: its header is right, and what follows is damaged', name);
  }
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(image, 0, 0);
  image.close();
  const { data: rgba } = context.getImageData(0, 0, width, height);
  const data = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) for (let c = 0; c < 3; c++) data[pixel * 3 + c] = rgba[pixel * 4 + c]!;
  return { width, height, channels: 3, data };
}

const NPY: Partial<Record<Tensor['dtype'], NpyArray['dtype']>> = {
  float32: 'f4',
  float64: 'f8',
  int8: 'i1',
  int16: 'i2',
  int32: 'i4',
  int64: 'i8',
  uint8: 'u1',
  uint16: 'u2',
  uint32: 'u4',
  uint64: 'u8',
};

/** Types that NumPy lacks become float32. */
function arrayOf({ dtype, dims, data }: NamedTensor['tensor']): NpyArray {
  const own = NPY[dtype];
  if (own) return { dtype: own, shape: [...dims], data: data as NpyArray['data'] };
  return { dtype: 'f4', shape: [...dims], data: Float32Array.from(data as ArrayLike<number>, Number) };
}

function rangeOf(data: Tensor['data']): { min: number; max: number } {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const one of data as Iterable<number | bigint>) {
    const value = Number(one);
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

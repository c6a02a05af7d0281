import { importModel, inspectModel } from '../../onnx/import.ts';
import type { Model, Tensor } from '../../onnx/model.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import type { Calibration, Compiled } from '../api.ts';
import { compile } from '../compile.ts';
import { SELECTION } from '../families/select.ts';
import { plainHook } from './tensor-hook.ts';

/** Small trained models with inputs (samples/zoo). */
export const FIXTURES = ['bert-small', 'encoder-post-relu-cls', 'gpt-small', 'vit-window-small'] as const;
export type Fixture = (typeof FIXTURES)[number];

/** Reads a file of the repository; tests hand in Node's. */
export type ReadFile = (path: string) => Uint8Array;

const bytesOf = (read: ReadFile, fixture: Fixture, file: string): Uint8Array => read(`samples/zoo/fixtures/${fixture}/${file}`);

export const modelBytes = (read: ReadFile, fixture: Fixture): Uint8Array => bytesOf(read, fixture, 'model.onnx');

/** The elements of an npy file as the model's type, one tensor for each input along the first axis. */
export function tensors(read: ReadFile, fixture: Fixture, file: 'inputs.npy' | 'calibration.npy', model: Model): Record<string, Tensor>[] {
  const bytes = bytesOf(read, fixture, file);
  const start = 10 + new DataView(bytes.buffer, bytes.byteOffset).getUint16(8, true);
  const [input] = model.inputs;
  const data = bytes.slice(start);
  const all = input.dtype === 'int64' ? new BigInt64Array(data.buffer) : new Float32Array(data.buffer);
  const size = input.dims.reduce((a, b) => a * b, 1);
  return Array.from({ length: all.length / size }, (_, i) => ({
    [input.name]: { dtype: input.dtype, dims: input.dims, data: all.slice(i * size, (i + 1) * size) },
  }));
}

export function loadModel(read: ReadFile, fixture: Fixture): Model {
  const bytes = modelBytes(read, fixture);
  const { symbolicDims } = inspectModel(bytes, fixture);
  const sizes: Record<string, number> = { batch: 1, sequence: 16 };
  return importModel(bytes, { fileName: fixture, dims: Object.fromEntries(symbolicDims.map((d) => [d, sizes[d]])) });
}

export const compileFixture = (fixture: Fixture, model: Model, calibration: Calibration, kernel: KernelVersion = '6.18'): Compiled =>
  compile({
    model,
    modelFile: `${fixture}.onnx`,
    calibration,
    hook: plainHook,
    families: SELECTION,
    kernel,
    strategy: 'auto',
    quant: 'w8a16',
  });

/** Writes the first input as the program reads it. */
export function storeInput(compiled: Compiled, sample: Readonly<Record<string, Tensor>>): Uint8Array {
  const [slot] = compiled.meta.inputs;
  const { valueSize } = compiled.program.maps.find((m) => m.name === slot.map)!;
  const view = new DataView(new ArrayBuffer(valueSize));
  Array.from(sample[slot.name].data as ArrayLike<number | bigint>, Number).forEach((x, i) => {
    if (slot.elem === 'u16') view.setUint16(slot.byteOff + 2 * i, x, true);
    else view.setInt16(slot.byteOff + 2 * i, Math.max(-32768, Math.min(32767, Math.round(x / slot.scale))), true);
  });
  return new Uint8Array(view.buffer);
}

/** Real values of the first output. */
export function loadOutput(compiled: Compiled, value: Uint8Array): number[] {
  const [slot] = compiled.meta.outputs;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const size = slot.dims.reduce((a, b) => a * b, 1);
  return Array.from({ length: size }, (_, i) => view.getInt32(slot.byteOff + 4 * i, true) * slot.scale);
}

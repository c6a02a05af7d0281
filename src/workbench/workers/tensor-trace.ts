import type { Tensor } from '../../onnx/model.ts';
import { npyTensor } from '../../replay/inputs.ts';
import { readNpy } from '../../traces/npy.ts';

/** The array of an .npy file. */
export const readTensor = (bytes: Uint8Array, name: string): Tensor => npyTensor(readNpy(bytes, name));

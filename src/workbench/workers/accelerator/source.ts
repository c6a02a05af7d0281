import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Device } from '../../../hooks/accelerator/device.ts';
import { applyFusions, proposeFusions } from '../../../hooks/accelerator/fusion.ts';
import { ModelOnDevice, type PassValues } from '../../../hooks/accelerator/stream.ts';
import { bytesOf as tensorBytes } from '../../../hooks/accelerator/tensor-bytes.ts';
import { importModel, inspectModel } from '../../../onnx/core.ts';
import { loadOps } from '../../../onnx/load-ops.ts';
import type { Model } from '../../../onnx/model.ts';
import { generateInputs } from '../../../reference/generate.ts';
import { createReference, type Reference } from '../../../reference/reference.ts';
import type { Workload } from '../../accelerator-views.ts';
import type { BlobRef } from '../../document.ts';
import { bytesOf } from '../blobs.ts';

/** Different inputs that requests bring, in turns. */
const INPUTS = 4;
/** Of all inputs of the model with as many rows: beyond, a tab's memory is short. */
const MOST_ROWS = 8192;
const SEED = 9;

/** The model for one number of rows, with the tensors that ONNX Runtime computed for each of its inputs. */
interface Sized {
  readonly model: Model;
  readonly values: readonly PassValues[];
}

/** A model file whose runs become commands. */
export class Source {
  readonly name: string;
  readonly #bytes: Uint8Array;
  readonly #dims: Readonly<Record<string, number>>;
  /** The symbolic dimension that says how many rows an input has; null where the file fixes it. */
  readonly #rowsDim: string | null;
  readonly #sized = new Map<number, Sized>();
  #reference: Reference | null = null;

  private constructor(name: string, bytes: Uint8Array, dims: Readonly<Record<string, number>>, rowsDim: string | null) {
    this.name = name;
    this.#bytes = bytes;
    this.#dims = dims;
    this.#rowsDim = rowsDim;
  }

  static async open(blob: BlobRef, dims: Readonly<Record<string, number>>): Promise<Source> {
    const bytes = bytesOf(blob);
    await loadOps(bytes, blob.name);
    const { symbolicDims, suggested, inputs } = inspectModel(bytes, blob.name);
    const first = inputs[0]?.dims[0];
    const rowsDim = typeof first === 'string' && symbolicDims.includes(first) ? first : null;
    return new Source(blob.name.replace(/\.onnx$/i, ''), bytes, { ...suggested, ...dims }, rowsDim);
  }

  get mostRows(): number {
    return this.#rowsDim === null ? 1 : MOST_ROWS;
  }

  /** The model with `rows` rows and its reference values. */
  async sized(rows: number): Promise<Sized> {
    const known = this.#sized.get(rows);
    if (known) return known;
    const dims = this.#rowsDim === null ? this.#dims : { ...this.#dims, [this.#rowsDim]: rows };
    const model = importModel(this.#bytes, { fileName: `${this.name}.onnx`, dims });
    this.#reference ??= await createReference(this.#bytes, { outputs: 'all', fileName: this.name });
    const values: PassValues[] = [];
    for (const inputs of generateInputs(model, SEED, rows > 64 ? 1 : INPUTS))
      values.push({ ...inputs, ...(await this.#reference.run(inputs)) });
    const made = { model, values };
    this.#sized.set(rows, made);
    return made;
  }

  /** Forgets all numbers of rows but `rows`: every tensor of the model is kept for each, and grows with them. */
  keepOnly(rows: number): void {
    for (const known of this.#sized.keys()) if (known !== rows) this.#sized.delete(known);
  }
}

/** A model in the memory of one device, and digests for what the host vouches for. */
export class OnDevice {
  readonly sized: Sized;
  readonly onDevice: ModelOnDevice;
  readonly #device: Device;
  readonly #key: Uint8Array;
  readonly #weights: Readonly<Record<string, Uint8Array>>;

  constructor(sized: Sized, device: Device, hostKey: Uint8Array, fused: boolean) {
    this.sized = sized;
    this.#device = device;
    this.#key = hostKey;
    const plain = ModelOnDevice.load(sized.model, device.memory, sized.values[0]!);
    this.onDevice = fused ? applyFusions(plain, proposeFusions(plain, device.parameters)) : plain;
    this.#weights = Object.fromEntries([...sized.model.initializers].map(([name, tensor]) => [name, this.#digest(tensorBytes(tensor))]));
  }

  #digest(data: Uint8Array): Uint8Array {
    return hmac(sha256, this.#key, data);
  }

  /** Commands of one pass, with its inputs put into device memory. */
  pass(
    at: { readonly request: number; readonly tenant: number; readonly token: number; readonly firstSeq: number },
    provenance: Workload['provenance'],
  ) {
    const values = this.sized.values[at.request % this.sized.values.length]!;
    const inputs = this.sized.model.inputs.map(({ name }) => [name, this.#digest(tensorBytes(values[name]!))] as const);
    const digests = provenance === 'none' ? {} : { ...this.#weights, ...Object.fromEntries(inputs) };
    const { commands, writes, outputs } = this.onDevice.pass(values, { ...at, digests });
    for (const { addr, data } of writes) {
      // Forged: what was signed is not what lies in memory.
      if (provenance === 'forged') data[0]! ^= 1;
      this.#device.memory.write(addr, data);
    }
    return { commands, outputs, values };
  }
}

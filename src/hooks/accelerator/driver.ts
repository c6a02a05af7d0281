import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { InputError } from '../../base/errors.ts';
import type { Device } from './device.ts';
import type { ModelOnDevice, PassValues, Stream } from './stream.ts';
import { bytesOf } from './tensor-bytes.ts';

export interface SubmitOptions {
  readonly request: number;
  readonly tenant?: number;
  readonly token?: number;
  readonly priority?: number;
  readonly deadlineNs?: number;
  readonly key?: number;
  /** Of the device's clock; now without it. */
  readonly atNs?: number;
  /** Handle of the enclave's key under which the sender vouches for the inputs, and who delivered the model for its weights. */
  readonly vouchers?: { readonly inputs?: number; readonly weights?: number };
}

/** The host's side: numbers commands, puts inputs into device memory and submits the passes of a model. */
export class Driver {
  readonly #device: Device;
  readonly #model: ModelOnDevice;
  readonly #weightDigests = new Map<number, Readonly<Record<string, Uint8Array>>>();
  nextSeq: number;

  constructor(device: Device, model: ModelOnDevice, nextSeq = 0) {
    this.#device = device;
    this.#model = model;
    this.nextSeq = nextSeq;
  }

  /** Submits one pass over `values`. Throws {@link InputError} for keys that the enclave has not and tensors that do not fit the model. */
  submit(values: PassValues, options: SubmitOptions): Stream {
    const { vouchers = {}, atNs, ...rest } = options;
    const digests = { ...this.#ofWeights(vouchers.weights), ...this.#ofInputs(values, vouchers.inputs) };
    const stream = this.#model.pass(values, { ...rest, firstSeq: this.nextSeq, digests });
    this.nextSeq += stream.commands.length;
    for (const { addr, data } of stream.writes) this.#device.memory.write(addr, data);
    this.#device.submit(stream.commands, atNs === undefined ? {} : { atNs });
    return stream;
  }

  #key(handle: number): Uint8Array {
    const key = this.#device.enclave.get(handle);
    if (!key) throw new InputError('the enclave has no such key', `key ${handle}`);
    return key;
  }

  #ofInputs(values: PassValues, handle: number | undefined): Record<string, Uint8Array> {
    if (handle === undefined) return {};
    const key = this.#key(handle);
    return Object.fromEntries(this.#model.model.inputs.map(({ name }) => [name, hmac(sha256, key, bytesOf(values[name]!))]));
  }

  #ofWeights(handle: number | undefined): Readonly<Record<string, Uint8Array>> {
    if (handle === undefined) return {};
    let digests = this.#weightDigests.get(handle);
    if (!digests) {
      const key = this.#key(handle);
      digests = Object.fromEntries([...this.#model.model.initializers].map(([name, tensor]) => [name, hmac(sha256, key, bytesOf(tensor))]));
      this.#weightDigests.set(handle, digests);
    }
    return digests;
  }
}

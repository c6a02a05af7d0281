import { EINVAL, ERANGE } from '../../vm/errno.ts';
import type { Command, TensorDesc } from './command.ts';
import type { Enclave } from './enclave.ts';
import type { DeviceMemory } from './memory.ts';
import type { DeviceServices } from './runner.ts';
import { NONCE_BYTES, openBytes, sealBytes } from './seal.ts';

export const EALREADY = 114;
export const ETIMEDOUT = 110;
export const ECANCELED = 125;
export const ENOKEY = 126;
export const EBADMSG = 74;

/** Says in the descriptors of a command what the device knows of the memory behind them. What the driver claims of other memory stays. */
export function tellProvenance(tensors: readonly TensorDesc[], memory: DeviceMemory): void {
  for (const tensor of tensors) {
    const known = memory.provenance(tensor.addr);
    tensor.sealed = known?.sealed != null;
    if (known?.digest) {
      tensor.digest = known.digest;
      tensor.signed = true;
    }
  }
}

/** Encrypts and decrypts tensors in memory. */
export class Sealer {
  readonly #memory: DeviceMemory;
  readonly #enclave: Enclave;
  #nonces = 0;

  constructor(memory: DeviceMemory, enclave: Enclave) {
    this.#memory = memory;
    this.#enclave = enclave;
  }

  /** 0, or a negative errno. */
  seal(tensor: TensorDesc, handle: number, request: number): number {
    const key = this.#enclave.get(handle);
    if (!key) return -ENOKEY;
    const known = this.#memory.provenanceOf(tensor.addr);
    if (known.sealed) return -EALREADY;
    const nonce = new Uint8Array(NONCE_BYTES);
    // A counter over the whole device: no nonce comes twice under any key (NIST SP 800-38D section 8.2.1).
    new DataView(nonce.buffer).setBigUint64(4, BigInt(this.#nonces++));
    const { cipher, tag } = sealBytes(this.#memory.read(tensor.addr, tensor.bytes), key, nonce, request, tensor.addr);
    this.#memory.rewrite(tensor.addr, cipher);
    known.sealed = { key: handle, nonce, tag };
    tensor.sealed = true;
    return 0;
  }

  /** A tensor's bytes as the units see them for a request; null where they were sealed for another or are not what was sealed. */
  open({ addr, bytes }: TensorDesc, request: number): Uint8Array | null {
    const held = this.#memory.read(addr, bytes);
    const sealed = this.#memory.provenance(addr)?.sealed;
    if (!sealed) return held;
    const key = this.#enclave.get(sealed.key);
    return key && openBytes(held, sealed.tag, key, sealed.nonce, request, addr);
  }
}

/** What one run of a program may ask of the device. */
export function servicesFor(
  command: Command,
  parts: {
    readonly memory: DeviceMemory;
    readonly enclave: Enclave;
    readonly sealer: Sealer;
    nowNs(): number;
    uuid(): Uint8Array;
    trace(record: Uint8Array): number;
    setPriority(priority: number): number;
  },
): DeviceServices {
  const { memory, enclave, sealer } = parts;
  const read = (index: number, byteOff: number, bytes: number | null): Uint8Array | number => {
    const tensor = command.tensors[index];
    if (!tensor) return -EINVAL;
    const wanted = bytes ?? tensor.bytes;
    if (!(byteOff >= 0 && wanted >= 0 && byteOff + wanted <= tensor.bytes)) return -ERANGE;
    return memory.holds(tensor.addr, tensor.bytes) ? memory.read(tensor.addr + byteOff, wanted) : -ERANGE;
  };
  return {
    nowNs: () => BigInt(parts.nowNs()),
    tensorRead: read,
    tensorBytes: (index) => read(index, 0, null),
    key: (handle) => enclave.get(handle),
    sign: (index, mac) => {
      const tensor = command.tensors[index];
      if (!tensor) return -EINVAL;
      const digest = mac.slice();
      memory.provenanceOf(tensor.addr).digest = digest;
      tensor.digest = digest;
      tensor.signed = true;
      return 0;
    },
    seal: (index, handle) => {
      const tensor = command.tensors[index];
      if (!tensor) return -EINVAL;
      return memory.holds(tensor.addr, tensor.bytes) ? sealer.seal(tensor, handle, command.request) : -ERANGE;
    },
    uuid: parts.uuid,
    trace: parts.trace,
    setPriority: parts.setPriority,
  };
}

import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ACCEL_FUNCTIONS } from '../../bpf/accelerator/functions.ts';
import { MOST_TENSORS, TENSOR_FLAGS, TENSOR_LAYOUT } from '../../bpf/accelerator/layout.ts';
import { EINVAL, ENOKEY, type Helper, type Machine, pointer, u32, unsigned, WORDS_ARE_SET } from '../../vm/machine.ts';
import { CONTEXT_OFFSETS, TENSOR_OFFSETS } from './context.ts';
import type { DeviceServices } from './runner.ts';

/** The functions of the device (`src/bpf/accelerator/functions.ts`) in our engines. What they do for Linux stands in `linux/`. */

const HASH_BYTES = 32;
const UUID_BYTES = 16;

/** How often a program called one function, and the bytes that the calls worked on. */
export interface CallCount {
  calls: number;
  bytes: number;
}

/** What the functions of one program work with; the runner sets both before each run. */
export interface DeviceCalls {
  services: DeviceServices | null;
  readonly counts: Map<string, CallCount>;
}

type Called = (m: Machine, services: DeviceServices, worked: (bytes: number) => void) => number;

const read = (m: Machine, register: number, size: number): Uint8Array => {
  const at = pointer(m, register, size, false);
  return m.space.bytes.subarray(at, at + size);
};

function write(m: Machine, register: number, bytes: Uint8Array): number {
  m.space.bytes.set(bytes, pointer(m, register, bytes.length, true));
  return 0;
}

/** The context behind r1; the verifier lets nothing else through. */
const contextOf = (m: Machine): number => unsigned(m, 1);

const contextU32 = (m: Machine, name: string): number => m.space.view.getUint32(contextOf(m) + CONTEXT_OFFSETS[name]!, true);

/** Where the context describes a tensor: in `tensors`, in `tensor`, or in both. */
function descriptorsOf(m: Machine, tensor: number): number[] {
  const at = contextOf(m);
  const found =
    tensor < contextU32(m, 'tensor_count') && tensor < MOST_TENSORS ? [at + CONTEXT_OFFSETS.tensors! + tensor * TENSOR_LAYOUT.bytes] : [];
  return tensor === contextU32(m, 'tensor_index') ? [at + CONTEXT_OFFSETS.tensor!, ...found] : found;
}

/** The bytes of a tensor that the context describes, or a negative errno. */
function bytesOf(m: Machine, services: DeviceServices, tensor: number): Uint8Array | number {
  if (descriptorsOf(m, tensor).length === 0) return -EINVAL;
  const bytes = services.tensorBytes(tensor);
  if (typeof bytes !== 'number') m.spend(bytes.length);
  return bytes;
}

/** Sets bits of the flags of a tensor wherever the context describes it. */
function flag(m: Machine, tensor: number, bit: number): void {
  const { view } = m.space;
  for (const at of descriptorsOf(m, tensor)) {
    const flags = at + TENSOR_OFFSETS.flags!;
    view.setUint32(flags, view.getUint32(flags, true) | bit, true);
  }
}

/** HMAC of a tensor's bytes, or a negative errno. */
function tensorMac(
  m: Machine,
  services: DeviceServices,
  tensor: number,
  handle: number,
  worked: (bytes: number) => void,
): Uint8Array | number {
  const bytes = bytesOf(m, services, tensor);
  if (typeof bytes === 'number') return bytes;
  const key = services.key(handle);
  if (!key) return -ENOKEY;
  worked(bytes.length);
  return hmac(sha256, key, bytes);
}

const FUNCTIONS: Readonly<Record<string, Called>> = {
  accel_now_ns: (m, services) => {
    const now = services.nowNs();
    m.registers[0] = Number(BigInt.asIntN(32, now));
    m.registers[1] = Number(BigInt.asIntN(32, now >> 32n));
    return WORDS_ARE_SET;
  },
  accel_tensor_read: (m, services, worked) => {
    const [tensor, offset, size] = [u32(m, 2), unsigned(m, 3), u32(m, 5)];
    if (descriptorsOf(m, tensor).length === 0) return -EINVAL;
    const bytes = services.tensorRead(tensor, offset, size);
    if (typeof bytes === 'number') return bytes;
    worked(size);
    return write(m, 4, bytes);
  },
  accel_tensor_sha256: (m, services, worked) => {
    if (u32(m, 4) < HASH_BYTES) return -EINVAL;
    const bytes = bytesOf(m, services, u32(m, 2));
    if (typeof bytes === 'number') return bytes;
    worked(bytes.length);
    return write(m, 3, sha256(bytes));
  },
  accel_tensor_hmac: (m, services, worked) => {
    if (u32(m, 5) < HASH_BYTES) return -EINVAL;
    const mac = tensorMac(m, services, u32(m, 2), u32(m, 3), worked);
    return typeof mac === 'number' ? mac : write(m, 4, mac);
  },
  accel_tensor_sign: (m, services, worked) => {
    const tensor = u32(m, 2);
    const mac = tensorMac(m, services, tensor, u32(m, 3), worked);
    if (typeof mac === 'number') return mac;
    const result = services.sign(tensor, mac);
    if (result !== 0) return result;
    for (const at of descriptorsOf(m, tensor)) m.space.bytes.set(mac, at + TENSOR_OFFSETS.digest!);
    flag(m, tensor, TENSOR_FLAGS.signed);
    return 0;
  },
  accel_tensor_seal: (m, services, worked) => {
    const tensor = u32(m, 2);
    const bytes = bytesOf(m, services, tensor);
    if (typeof bytes === 'number') return bytes;
    const result = services.seal(tensor, u32(m, 3));
    if (result !== 0) return result;
    worked(bytes.length);
    flag(m, tensor, TENSOR_FLAGS.sealed);
    return 0;
  },
  accel_sha256: (m, _services, worked) => {
    const size = u32(m, 2);
    if (u32(m, 4) < HASH_BYTES) return -EINVAL;
    worked(size);
    return write(m, 3, sha256(read(m, 1, size)));
  },
  accel_hmac_sha256: (m, services, worked) => {
    const [handle, size] = [u32(m, 1), u32(m, 3)];
    if (u32(m, 5) < HASH_BYTES) return -EINVAL;
    const key = services.key(handle);
    if (!key) return -ENOKEY;
    worked(size);
    return write(m, 4, hmac(sha256, key, read(m, 2, size)));
  },
  accel_uuid: (m, services, worked) => {
    if (u32(m, 3) < UUID_BYTES) return -EINVAL;
    worked(UUID_BYTES);
    return write(m, 2, services.uuid());
  },
  accel_trace: (m, services, worked) => {
    const size = u32(m, 3);
    const result = services.trace(read(m, 2, size).slice());
    if (result === 0) worked(size);
    return result;
  },
  accel_set_priority: (m, services) => services.setPriority(u32(m, 2)),
};

/** The functions for a machine, by name; each counts itself in `calls`. */
export function deviceFunctions(calls: DeviceCalls): ReadonlyMap<string, Helper> {
  return new Map(
    [...ACCEL_FUNCTIONS.values()].map(({ name, returns }): [string, Helper] => {
      const run = FUNCTIONS[name]!;
      return [
        name,
        (m) => {
          const { services, counts } = calls;
          if (!services) throw m.fault(`${name} needs a device, and this machine has none`);
          const count = counts.get(name) ?? { calls: 0, bytes: 0 };
          counts.set(name, count);
          count.calls++;
          const result = run(m, services, (bytes) => {
            count.bytes += bytes;
          });
          // An int leaves the upper half of r0 clear, as on x86-64.
          return returns === 'int' ? result >>> 0 : result;
        },
      ];
    }),
  );
}

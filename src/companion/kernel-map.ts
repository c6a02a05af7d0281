import { isPerCpu } from '../bpf/maps.ts';
import type { MapDef } from '../bpf/program.ts';
import { Attr } from './attr.ts';
import type { Kernel } from './kernel.ts';
import type { CallBuffer } from './loader-process.ts';

const MAP_LOOKUP_ELEM = 1;
const MAP_UPDATE_ELEM = 2;
const MAP_DELETE_ELEM = 3;
const MAP_GET_NEXT_KEY = 4;
const MAP_LOOKUP_AND_DELETE_ELEM = 21;
// Upper bits of a record's length, and its header: __bpf_ringbuf_output of the kernel.
const RING_DISCARDED = 1 << 30;
const RING_HEADER = 8;
const ENOENT = 2;

/** A map in the kernel. Values of per-CPU maps are those of all possible processors, each padded to 8 bytes. */
export class KernelMap {
  readonly fd: number;
  readonly def: MapDef;
  /** Bytes that a lookup returns and an update takes. */
  readonly transferSize: number;
  readonly #kernel: Kernel;

  constructor(kernel: Kernel, fd: number, def: MapDef) {
    this.#kernel = kernel;
    this.fd = fd;
    this.def = def;
    this.transferSize = isPerCpu(def.type) ? ((def.valueSize + 7) & ~7) * kernel.cpus : def.valueSize;
  }

  /** The value at `key`, or null when there is none. */
  async lookup(key: Uint8Array): Promise<Uint8Array | null> {
    const reply = await this.#call(MAP_LOOKUP_ELEM, key, { attrOff: 16, mode: 'both', size: this.transferSize });
    if (reply.result === -ENOENT) return null;
    if (reply.result < 0) throw new Error(`lookup in map ${this.def.name}: errno ${-reply.result}`);
    return reply.buffers[0];
  }

  /** The value at index `index` of an array. */
  async lookupIndex(index: number): Promise<Uint8Array> {
    const value = await this.lookup(new Uint8Array(new Uint32Array([index]).buffer));
    if (!value) throw new Error(`map ${this.def.name} has no entry ${index}`);
    return value;
  }

  /** `value` may be one value of a per-CPU map; every processor then gets it. Throws when the kernel refuses. */
  async update(key: Uint8Array, value: Uint8Array, flags = 0): Promise<void> {
    const errno = await this.tryUpdate(key, value, flags);
    if (errno !== 0) throw new Error(`update of map ${this.def.name}: errno ${errno}`);
  }

  /** As {@link update}, but a refusal is returned as a positive errno. */
  async tryUpdate(key: Uint8Array, value: Uint8Array, flags = 0): Promise<number> {
    const bytes = new Uint8Array(this.transferSize);
    const stride = (this.def.valueSize + 7) & ~7;
    if (value.length === this.transferSize) bytes.set(value);
    else for (let at = 0; at < bytes.length; at += stride) bytes.set(value.subarray(0, this.def.valueSize), at);
    const reply = await this.#call(MAP_UPDATE_ELEM, key, { attrOff: 16, mode: 'in', bytes }, flags);
    return reply.result < 0 ? -reply.result : 0;
  }

  /** True when the key was there. */
  async delete(key: Uint8Array): Promise<boolean> {
    const reply = await this.#call(MAP_DELETE_ELEM, key);
    if (reply.result < 0 && reply.result !== -ENOENT) throw new Error(`delete in map ${this.def.name}: errno ${-reply.result}`);
    return reply.result >= 0;
  }

  /** Every entry, in the kernel's order. */
  async dump(): Promise<{ key: Uint8Array; value: Uint8Array }[]> {
    const entries: { key: Uint8Array; value: Uint8Array }[] = [];
    let key: Uint8Array | null = null;
    // A map that others change may be walked in circles: its size bounds the walk.
    while (entries.length <= this.def.maxEntries) {
      const buffers: CallBuffer[] = [{ attrOff: 16, mode: 'both', size: this.def.keySize }];
      if (key) buffers.push({ attrOff: 8, mode: 'in', bytes: key });
      const reply = await this.#kernel.loader.bpf(MAP_GET_NEXT_KEY, new Attr(32).u32(0, this.fd).bytes, buffers);
      if (reply.result < 0) break;
      key = reply.buffers[0];
      const value = await this.lookup(key);
      if (value) entries.push({ key, value });
    }
    return entries;
  }

  /** The records of a ring buffer that were submitted and not yet taken, in order. Those from the first unfinished one on stay for later. */
  async takeRecords(): Promise<Uint8Array[]> {
    const bytes = await this.#kernel.loader.takeRing(this.fd, this.def.maxEntries);
    if (typeof bytes === 'number') throw new Error(`ring buffer ${this.def.name}: errno ${-bytes}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const records: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = view.getUint32(at, true);
      const size = length & ~RING_DISCARDED;
      if (size === length) records.push(bytes.slice(at + RING_HEADER, at + RING_HEADER + size));
      at += RING_HEADER + ((size + 7) & ~7);
    }
    return records;
  }

  /** The next value of a queue or stack, taken out; null when there is none. */
  async takeValue(): Promise<Uint8Array | null> {
    const reply = await this.#call(MAP_LOOKUP_AND_DELETE_ELEM, new Uint8Array(0), { attrOff: 16, mode: 'both', size: this.def.valueSize });
    if (reply.result === -ENOENT) return null;
    if (reply.result < 0) throw new Error(`taking from map ${this.def.name}: errno ${-reply.result}`);
    return reply.buffers[0];
  }

  async close(): Promise<void> {
    await this.#kernel.loader.closeFd(this.fd);
  }

  /** Maps without keys are asked without one. */
  #call(cmd: number, key: Uint8Array, value?: CallBuffer, flags = 0) {
    const { keySize } = this.def;
    const buffers: CallBuffer[] = keySize > 0 ? [{ attrOff: 8, mode: 'in', bytes: key, size: keySize }] : [];
    if (value) buffers.push(value);
    return this.#kernel.loader.bpf(cmd, new Attr(32).u32(0, this.fd).u64(24, flags).bytes, buffers);
  }
}

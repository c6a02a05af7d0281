import { InputError } from '../../base/errors.ts';

const PAGE_BYTES = 1 << 16;
/** Of allocations: a row of the memory's burst. */
const ALIGNMENT = 256;

/** What the device knows of the bytes at an address, until they are written anew. */
export interface Provenance {
  /** How they were encrypted; null in clear. */
  sealed: { readonly key: number; readonly nonce: Uint8Array; readonly tag: Uint8Array } | null;
  /** 32 bytes that a program signed them with on the device. */
  digest: Uint8Array | null;
}

/** Memory of the device: sparse, so that 64 GB cost what is written. Bytes never written are zero. */
export class DeviceMemory {
  readonly bytes: number;
  readonly #pages = new Map<number, Uint8Array>();
  readonly #provenance = new Map<number, Provenance>();
  // Address 0 is no tensor's.
  #next = ALIGNMENT;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** Bytes given out so far. */
  get used(): number {
    return this.#next;
  }

  /** Address of room for `bytes`. Throws {@link InputError} when memory is full. */
  allocate(bytes: number): number {
    const addr = this.#next;
    const next = addr + Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;
    if (next > this.bytes) throw new InputError(`${bytes} more bytes do not fit into ${this.bytes} of device memory`, 'accelerator');
    this.#next = next;
    return addr;
  }

  /** True where all of the range is memory. */
  holds(addr: number, bytes: number): boolean {
    return Number.isSafeInteger(addr) && addr >= 0 && bytes >= 0 && addr + bytes <= this.bytes;
  }

  /** Writes bytes that nobody vouches for yet. */
  write(addr: number, data: Uint8Array): void {
    this.#provenance.delete(addr);
    this.#copyIn(addr, data);
  }

  /** Puts other bytes for the same content (encryption in place): what is known of them stays. */
  rewrite(addr: number, data: Uint8Array): void {
    this.#copyIn(addr, data);
  }

  read(addr: number, bytes: number): Uint8Array {
    this.#check(addr, bytes);
    const out = new Uint8Array(bytes);
    this.#eachPage(addr, bytes, (page, pageOff, from, count) => {
      const held = this.#pages.get(page);
      if (held) out.set(held.subarray(pageOff, pageOff + count), from);
    });
    return out;
  }

  provenance(addr: number): Provenance | undefined {
    return this.#provenance.get(addr);
  }

  /** The entry for an address, made when there is none. */
  provenanceOf(addr: number): Provenance {
    let known = this.#provenance.get(addr);
    if (!known) {
      known = { sealed: null, digest: null };
      this.#provenance.set(addr, known);
    }
    return known;
  }

  #copyIn(addr: number, data: Uint8Array): void {
    this.#check(addr, data.length);
    this.#eachPage(addr, data.length, (page, pageOff, from, count) => {
      let held = this.#pages.get(page);
      if (!held) {
        held = new Uint8Array(PAGE_BYTES);
        this.#pages.set(page, held);
      }
      held.set(data.subarray(from, from + count), pageOff);
    });
  }

  #check(addr: number, bytes: number): void {
    if (!this.holds(addr, bytes)) throw new InputError(`${bytes} bytes at ${addr} lie outside of device memory`, 'accelerator');
  }

  #eachPage(addr: number, bytes: number, use: (page: number, pageOff: number, from: number, count: number) => void): void {
    let from = 0;
    while (from < bytes) {
      const at = addr + from;
      const page = Math.floor(at / PAGE_BYTES);
      const pageOff = at - page * PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - pageOff, bytes - from);
      use(page, pageOff, from, count);
      from += count;
    }
  }
}

import { InputError } from '../base/errors.ts';

const PAGE_SHIFT = 12;
const PAGE = 1 << PAGE_SHIFT;
/** Nothing lies below, so that null and small offsets from it fault. */
const FIRST_ADDRESS = 1 << 16;
/** Pointers stay below 2^31, so that an address is a small integer for the JavaScript engine. */
const LIMIT = 0x7fff0000;

/**
 * A run of equal elements that a pointer may reach. The bytes between elements and around the region belong to no one:
 * an access that leaves its element faults.
 */
export interface Region {
  /** What a fault calls it: `map weights`, `packet`, `stack of frame 2`. */
  readonly name: string;
  readonly base: number;
  readonly stride: number;
  readonly count: number;
  /** Bytes of an element that may be accessed; the packet's changes with each run. */
  elementSize: number;
  /** Offset of the accessible bytes in an element; only the packet's moves. */
  start: number;
  readonly writable: boolean;
  /** True when bounds move between accesses, so that no instruction may remember them for long. */
  readonly moves: boolean;
}

export interface RegionSpec {
  readonly name: string;
  readonly elementSize: number;
  readonly count?: number;
  readonly stride?: number;
  readonly writable?: boolean;
  readonly moves?: boolean;
}

/** Lays regions out one after the other, at least a page apart; {@link AddressSpaceLayout.build} makes the memory. */
export class AddressSpaceLayout {
  readonly regions: Region[] = [];
  #next = FIRST_ADDRESS;

  add(spec: RegionSpec): Region {
    const count = spec.count ?? 1;
    // Eight bytes at least lie between elements: no single access can step over them.
    const stride = spec.stride ?? ((spec.elementSize + 7) & ~7) + 8;
    const region: Region = {
      name: spec.name,
      base: this.#next,
      stride,
      count,
      elementSize: spec.elementSize,
      start: 0,
      writable: spec.writable ?? true,
      moves: spec.moves ?? false,
    };
    const end = this.#next + stride * count;
    if (!(end + 2 * PAGE < LIMIT)) {
      throw new InputError(
        `${spec.name} needs ${stride * count} bytes, which together with the rest exceeds the 2 GiB of this machine's address space`,
        '',
        'Give the maps fewer entries',
      );
    }
    this.#next = (Math.ceil(end / PAGE) + 1) * PAGE;
    this.regions.push(region);
    return region;
  }

  /** `extra` bytes behind the regions are for the engine; `allocate` provides the memory. */
  build(extra = 0, allocate: (size: number) => ArrayBuffer = (size) => new ArrayBuffer(size)): AddressSpace {
    return new AddressSpace(this.regions, this.#next, extra, allocate);
  }
}

/** One linear memory that holds everything a program can point at. An address is an offset into it. */
export class AddressSpace {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly regions: readonly Region[];
  /** First of the bytes that belong to the engine. */
  readonly extraBase: number;
  /** Index of the region on each page plus one; 0 where there is none. */
  readonly #regionOfPage: Uint16Array;

  constructor(regions: readonly Region[], extraBase: number, extra: number, allocate: (size: number) => ArrayBuffer) {
    const size = extraBase + extra;
    this.extraBase = extraBase;
    try {
      this.buffer = allocate(size);
    } catch {
      throw new InputError(`the program's maps need ${size} bytes of memory, which this browser or process does not have`);
    }
    this.bytes = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.regions = regions;
    this.#regionOfPage = new Uint16Array(Math.ceil(this.buffer.byteLength / PAGE));
    regions.forEach((region, idx) => {
      const end = region.base + region.stride * region.count;
      this.#regionOfPage.fill(idx + 1, region.base >>> PAGE_SHIFT, Math.ceil(end / PAGE));
    });
  }

  /** The region whose pages hold `address`, which need not lie within one of its elements. */
  regionAt(address: number): Region | null {
    if (!(address >= 0 && address < this.buffer.byteLength)) return null;
    const idx = this.#regionOfPage[address >>> PAGE_SHIFT];
    return idx === 0 ? null : this.regions[idx - 1];
  }

  /** First accessible address of the element of `region` that `address` lies in or behind. */
  elementBase(region: Region, address: number): number {
    const element = Math.min(Math.floor((address - region.base) / region.stride), region.count - 1);
    return region.base + element * region.stride + region.start;
  }

  /** True when all of `size` bytes at `address` lie within one element and may be read (or written). */
  permits(address: number, size: number, write: boolean): boolean {
    const region = this.regionAt(address);
    if (!region || (write && !region.writable)) return false;
    const off = address - this.elementBase(region, address);
    return off >= 0 && off + size <= region.elementSize;
  }

  /** Bytes from `address` to the end of its element; 0 where nothing may be read. */
  extent(address: number): number {
    const region = this.regionAt(address);
    if (!region) return 0;
    const off = address - this.elementBase(region, address);
    return off >= 0 ? Math.max(0, region.elementSize - off) : 0;
  }

  /** Why an access that {@link permits} denies is wrong: `read of 8 bytes at map weights+65536 beyond its 65536 bytes`. */
  describeDenied(address: bigint, size: number, write: boolean): string {
    const access = `${write ? 'write' : 'read'} of ${size} ${size === 1 ? 'byte' : 'bytes'}`;
    const near = address < BigInt(this.buffer.byteLength) ? this.#nearest(Number(address)) : null;
    if (!near) {
      if (address < BigInt(FIRST_ADDRESS)) return `${access} at ${address === 0n ? 'null' : `null+${address}`}`;
      return `${access} at 0x${address.toString(16)}, where nothing is`;
    }
    const { region, off } = near;
    const place = `${region.name}${off < 0 ? off : `+${off}`}`;
    if (off < 0) return `${access} at ${place}, before its beginning`;
    if (off + size > region.elementSize) return `${access} at ${place} beyond its ${region.elementSize} bytes`;
    return `${access} at ${place}, which is read-only`;
  }

  /** The element that an address lies in, or at most a page away from: where an overrun or underrun most likely started. */
  #nearest(address: number): { region: Region; off: number } | null {
    let best: { region: Region; off: number } | null = null;
    let bestDistance = PAGE + 1;
    for (const region of this.regions) {
      const first = this.elementBase(region, Math.max(address, region.base));
      for (const base of [first, first + region.stride]) {
        const off = address - base;
        const distance = off < 0 ? -off : Math.max(0, off - region.elementSize + 1);
        if (distance < bestDistance && base < region.base + region.stride * region.count) {
          bestDistance = distance;
          best = { region, off };
        }
      }
    }
    return best;
  }
}

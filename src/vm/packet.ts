import { InputError } from '../base/errors.ts';
import type { AddressSpace, AddressSpaceLayout, Region } from './address-space.ts';
import type { Saved } from './saved.ts';

/** A test run's packets are shorter than a page; this machine takes what an IP packet may be. */
export const MAX_PACKET = 65_536;
export const ETH_HEADER = 14;

const NO_BYTES = new Uint8Array(0);

/** A packet in memory, with room before and behind it, and the context structure that points at it. */
export abstract class PacketMemory {
  readonly context: Region;
  protected readonly region: Region;
  protected space!: AddressSpace;
  /** Addresses of the metadata before the packet, of its first byte, and behind its last. */
  protected meta = 0;
  protected data = 0;
  protected end = 0;
  readonly #moved: () => void;

  /** `moved` is called whenever the packet's place or length has changed. */
  constructor(
    layout: AddressSpaceLayout,
    moved: () => void,
    context: { readonly size: number; readonly writable: boolean },
    room: { readonly head: number; readonly tail: number },
  ) {
    this.context = layout.add({ name: 'context', elementSize: context.size, writable: context.writable });
    this.region = layout.add({ name: 'packet', elementSize: 0, stride: room.head + MAX_PACKET + room.tail, moves: true });
    this.#moved = moved;
  }

  attach(space: AddressSpace): void {
    this.space = space;
  }

  get length(): number {
    return this.end - this.data;
  }

  /** A copy of the packet as it is now. */
  copy(): Uint8Array {
    return this.space.bytes.slice(this.data, this.end);
  }

  /** A copy of what the program put before the packet. */
  metadata(): Uint8Array {
    return this.meta === this.data ? NO_BYTES : this.space.bytes.slice(this.meta, this.data);
  }

  /** Address of `length` bytes at `offset`, or null when the packet does not have them. */
  address(offset: number, length: number): number | null {
    return offset >= 0 && offset + length <= this.end - this.data ? this.data + offset : null;
  }

  /** Where the packet lies; its bytes are the memory's. */
  save(): Saved {
    const places = [this.meta, this.data, this.end] as const;
    return {
      bytes: 32,
      restore: () => {
        [this.meta, this.data, this.end] = places;
        this.publish();
      },
    };
  }

  /** Puts `packet` behind `headroom` zeros, which a program sees that moves the head or asks for metadata. */
  protected place(packet: Uint8Array, headroom: number): void {
    if (packet.length > MAX_PACKET) throw new InputError(`a packet of ${packet.length} bytes is longer than ${MAX_PACKET}`);
    const start = this.region.base + headroom;
    this.space.bytes.fill(0, this.region.base, start);
    this.space.bytes.set(packet, start);
    this.meta = start;
    this.data = start;
    this.end = start + packet.length;
  }

  /** Makes the packet's place and length known. */
  protected publish(): void {
    this.region.start = this.meta - this.region.base;
    this.region.elementSize = this.end - this.meta;
    this.writePointers();
    this.#moved();
  }

  /** Writes the context's fields that follow the packet. */
  protected abstract writePointers(): void;
}

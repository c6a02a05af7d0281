import { InputError } from '../base/errors.ts';
import type { AddressSpace, AddressSpaceLayout, Region } from './address-space.ts';
import type { Saved } from './saved.ts';

export const XDP_VERDICTS = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'] as const;

/** Room before the packet (XDP_PACKET_HEADROOM), of which `struct xdp_frame` keeps the first 40 bytes for itself. */
const HEADROOM = 256;
const FRAME_HEADER = 40;
/** Packets may grow to what a 4,096-byte page leaves beside headroom and `struct skb_shared_info`. */
const PAGE_LINEAR_SIZE = 3520;
export const MAX_PACKET = 65_536;
const ETH_HEADER = 14;
const MAX_METADATA = 252;

const NO_BYTES = new Uint8Array(0);

const EINVAL = 22;
const EACCES = 13;

/** Offsets in `struct xdp_md`; the kernel rewrites loads of the first three into pointers. */
const MD_SIZE = 24;

export interface XdpInput {
  readonly ingressIfindex?: number;
  readonly rxQueueIndex?: number;
  readonly egressIfindex?: number;
}

/** The XDP context and the packet behind it. */
export class XdpPacket {
  readonly context: Region;
  readonly #region: Region;
  readonly #moved: () => void;
  #space!: AddressSpace;
  #meta = 0;
  #data = 0;
  #end = 0;
  #limit = 0;

  /** `moved` is called whenever the packet's place or length has changed. */
  constructor(layout: AddressSpaceLayout, moved: () => void) {
    this.context = layout.add({ name: 'context', elementSize: MD_SIZE, writable: false });
    this.#region = layout.add({ name: 'packet', elementSize: 0, stride: HEADROOM + MAX_PACKET + 512, moves: true });
    this.#moved = moved;
  }

  attach(space: AddressSpace): void {
    this.#space = space;
  }

  get length(): number {
    return this.#end - this.#data;
  }

  /** Puts `packet` where the program finds it. */
  receive(packet: Uint8Array, input: XdpInput): void {
    if (packet.length > MAX_PACKET) throw new InputError(`a packet of ${packet.length} bytes is longer than ${MAX_PACKET}`);
    const start = this.#region.base + HEADROOM;
    // A test run's headroom is zero, which a program sees that moves the head or asks for metadata.
    this.#space.bytes.fill(0, this.#region.base, start);
    this.#space.bytes.set(packet, start);
    this.#meta = start;
    this.#data = start;
    this.#end = start + packet.length;
    this.#limit = start + Math.max(PAGE_LINEAR_SIZE, packet.length);
    const { view } = this.#space;
    view.setUint32(this.context.base + 12, input.ingressIfindex ?? 1, true);
    view.setUint32(this.context.base + 16, input.rxQueueIndex ?? 0, true);
    view.setUint32(this.context.base + 20, input.egressIfindex ?? 0, true);
    this.#publish();
  }

  /** Where the packet lies; its bytes are the memory's. */
  save(): Saved {
    const places = [this.#meta, this.#data, this.#end, this.#limit] as const;
    return {
      bytes: 32,
      restore: () => {
        [this.#meta, this.#data, this.#end, this.#limit] = places;
        this.#publish();
      },
    };
  }

  /** A copy of the packet as it is now. */
  copy(): Uint8Array {
    return this.#space.bytes.slice(this.#data, this.#end);
  }

  /** A copy of what the program put before the packet with bpf_xdp_adjust_meta. */
  metadata(): Uint8Array {
    return this.#meta === this.#data ? NO_BYTES : this.#space.bytes.slice(this.#meta, this.#data);
  }

  /** Address of `length` bytes at `offset`, or null when the packet does not have them. */
  address(offset: number, length: number): number | null {
    return offset + length <= this.#end - this.#data ? this.#data + offset : null;
  }

  /** bpf_xdp_adjust_head */
  adjustHead(delta: number): number {
    const metadata = this.#data - this.#meta;
    const data = this.#data + delta;
    if (data < this.#region.base + FRAME_HEADER + metadata || data > this.#end - ETH_HEADER) return -EINVAL;
    this.#space.bytes.copyWithin(this.#meta + delta, this.#meta, this.#data);
    this.#meta += delta;
    this.#data = data;
    this.#publish();
    return 0;
  }

  /** bpf_xdp_adjust_tail */
  adjustTail(delta: number): number {
    const end = this.#end + delta;
    if (end > this.#limit || end < this.#data + ETH_HEADER) return -EINVAL;
    if (delta > 0) this.#space.bytes.fill(0, this.#end, end);
    this.#end = end;
    this.#publish();
    return 0;
  }

  /** bpf_xdp_adjust_meta */
  adjustMeta(delta: number): number {
    const meta = this.#meta + delta;
    if (meta < this.#region.base + FRAME_HEADER || meta > this.#data) return -EINVAL;
    const length = this.#data - meta;
    if (length % 4 !== 0 || length > MAX_METADATA) return -EACCES;
    this.#meta = meta;
    this.#publish();
    return 0;
  }

  #publish(): void {
    this.#region.start = this.#meta - this.#region.base;
    this.#region.elementSize = this.#end - this.#meta;
    const { view } = this.#space;
    view.setUint32(this.context.base, this.#data, true);
    view.setUint32(this.context.base + 4, this.#end, true);
    view.setUint32(this.context.base + 8, this.#meta, true);
    this.#moved();
  }
}

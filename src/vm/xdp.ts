import type { AddressSpaceLayout } from './address-space.ts';
import { ETH_HEADER, PacketMemory } from './packet.ts';
import type { Saved } from './saved.ts';

export const XDP_VERDICTS = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'] as const;

/** Room before the packet (XDP_PACKET_HEADROOM), of which `struct xdp_frame` keeps the first 40 bytes for itself. */
const HEADROOM = 256;
const FRAME_HEADER = 40;
/** Packets may grow to what a 4,096-byte page leaves beside headroom and `struct skb_shared_info`. */
const PAGE_LINEAR_SIZE = 3520;
const MAX_METADATA = 252;

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
export class XdpPacket extends PacketMemory {
  #limit = 0;

  constructor(layout: AddressSpaceLayout, moved: () => void) {
    super(layout, moved, { size: MD_SIZE, writable: false }, { head: HEADROOM, tail: 512 });
  }

  /** Puts `packet` where the program finds it. */
  receive(packet: Uint8Array, input: XdpInput): void {
    this.place(packet, HEADROOM);
    this.#limit = this.data + Math.max(PAGE_LINEAR_SIZE, packet.length);
    const { view } = this.space;
    view.setUint32(this.context.base + 12, input.ingressIfindex ?? 1, true);
    view.setUint32(this.context.base + 16, input.rxQueueIndex ?? 0, true);
    view.setUint32(this.context.base + 20, input.egressIfindex ?? 0, true);
    this.publish();
  }

  override save(): Saved {
    const places = super.save();
    const limit = this.#limit;
    return {
      bytes: places.bytes,
      restore: () => {
        this.#limit = limit;
        places.restore();
      },
    };
  }

  /** bpf_xdp_adjust_head */
  adjustHead(delta: number): number {
    const metadata = this.data - this.meta;
    const data = this.data + delta;
    if (data < this.region.base + FRAME_HEADER + metadata || data > this.end - ETH_HEADER) return -EINVAL;
    this.space.bytes.copyWithin(this.meta + delta, this.meta, this.data);
    this.meta += delta;
    this.data = data;
    this.publish();
    return 0;
  }

  /** bpf_xdp_adjust_tail */
  adjustTail(delta: number): number {
    const end = this.end + delta;
    if (end > this.#limit || end < this.data + ETH_HEADER) return -EINVAL;
    if (delta > 0) this.space.bytes.fill(0, this.end, end);
    this.end = end;
    this.publish();
    return 0;
  }

  /** bpf_xdp_adjust_meta */
  adjustMeta(delta: number): number {
    const meta = this.meta + delta;
    if (meta < this.region.base + FRAME_HEADER || meta > this.data) return -EINVAL;
    const length = this.data - meta;
    if (length % 4 !== 0 || length > MAX_METADATA) return -EACCES;
    this.meta = meta;
    this.publish();
    return 0;
  }

  protected override writePointers(): void {
    const { view } = this.space;
    view.setUint32(this.context.base, this.data, true);
    view.setUint32(this.context.base + 4, this.end, true);
    view.setUint32(this.context.base + 8, this.meta, true);
  }
}

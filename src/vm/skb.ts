import type { AddressSpace, AddressSpaceLayout, Region } from './address-space.ts';
import { EINVAL, ENOTSUPP } from './machine.ts';
import { ETH_HEADER, PacketMemory } from './packet.ts';
import type { Saved } from './saved.ts';

/** Room before the packet, where headers may be pushed; the kernel makes more when it needs more. */
const HEADROOM = 16_384;
const TAILROOM = 1024;
/** `struct __sk_buff` and `struct bpf_sock` of the 6.18 uapi. */
const SKB_SIZE = 192;
const SOCK_SIZE = 80;
const F = {
  len: 0,
  pktType: 4,
  mark: 8,
  protocol: 16,
  vlanPresent: 20,
  vlanTci: 24,
  vlanProto: 28,
  priority: 32,
  ingressIfindex: 36,
  ifindex: 40,
  cb: 48,
  hash: 68,
  data: 76,
  dataEnd: 80,
  family: 88,
  remoteIp4: 92,
  localIp4: 96,
  remoteIp6: 100,
  localIp6: 116,
  dataMeta: 140,
  tstamp: 152,
  wireLen: 160,
  sk: 168,
} as const;

const ETH_P_802_3 = 0x0001;
const ETH_P_802_2 = 0x0004;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;
const ETH_P_802_3_MIN = 0x0600;
const VLAN_HEADER = 4;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const AF_INET = 2;
const AF_INET6 = 10;
const TCP_CLOSE = 7;
/** What packets may grow to (SKB_MAX_ALLOC): four pages but for the kernel's own structure behind the data. */
const MAX_LENGTH = 16_064;
/** SKF_NET_OFF and SKF_LL_OFF of the classic packet filter. */
const NET_OFFSET = -0x100000;
const LINK_OFFSET = -0x200000;

/** What a program is told of the packet beside its bytes. */
export interface SkbInput {
  readonly mark?: number;
  readonly priority?: number;
  readonly ifindex?: number;
  readonly ingressIfindex?: number;
  /** At most 20 bytes. */
  readonly cb?: Uint8Array;
  readonly wireLen?: number;
}

const isVlan = (protocol: number): boolean => protocol === ETH_P_8021Q || protocol === ETH_P_8021AD;

/** The socket-buffer context, `__sk_buff`, and the packet behind it. Programs of the link layer see it from the Ethernet header on, others behind it. */
export class SkbPacket extends PacketMemory {
  readonly socket: Region;
  readonly #linkLayer: boolean;
  /** Addresses of the link-layer and network headers. */
  #mac = 0;
  #net = 0;

  constructor(layout: AddressSpaceLayout, moved: () => void, linkLayer: boolean) {
    super(layout, moved, { size: SKB_SIZE, writable: true }, { head: HEADROOM, tail: TAILROOM });
    this.socket = layout.add({ name: 'socket', elementSize: SOCK_SIZE, writable: false });
    this.#linkLayer = linkLayer;
  }

  override attach(space: AddressSpace): void {
    super.attach(space);
    space.view.setUint32(this.socket.base + 72, TCP_CLOSE, true);
    space.view.setInt32(this.socket.base + 76, -1, true);
  }

  /** Puts `packet`, which begins with an Ethernet header, where the program finds it. */
  receive(packet: Uint8Array, input: SkbInput): void {
    this.place(packet, HEADROOM);
    this.#mac = this.data;
    this.#net = this.data + ETH_HEADER;
    const { bytes, view } = this.space;
    bytes.fill(0, this.context.base, this.context.base + SKB_SIZE);
    this.#set(F.pktType, this.#packetType());
    this.#set(F.protocol, swap16(this.#etherType()));
    this.#set(F.mark, input.mark ?? 0);
    this.#set(F.priority, input.priority ?? 0);
    this.#set(F.ifindex, input.ifindex ?? 1);
    this.#set(F.ingressIfindex, input.ingressIfindex ?? 0);
    this.#set(F.wireLen, input.wireLen ?? 0);
    if (input.cb) bytes.set(input.cb.subarray(0, 20), this.context.base + F.cb);
    view.setUint32(this.context.base + F.sk, this.socket.base, true);
    this.#describeSocket();
    if (!this.#linkLayer) {
      this.data += ETH_HEADER;
      this.meta = this.data;
    }
    this.publish();
  }

  override save(): Saved {
    const places = super.save();
    const [mac, net] = [this.#mac, this.#net];
    return {
      bytes: places.bytes,
      restore: () => {
        this.#mac = mac;
        this.#net = net;
        places.restore();
      },
    };
  }

  /** As a test run returns it: where programs do not see the Ethernet header, zeros stand for it. */
  override copy(): Uint8Array {
    if (this.#linkLayer) return super.copy();
    const packet = new Uint8Array(ETH_HEADER + this.length);
    packet.set(this.space.bytes.subarray(this.data, this.end), ETH_HEADER);
    return packet;
  }

  /** A field that helpers write. */
  setMark(offset: 'hash' | 'mark', value: number): void {
    this.#set(F[offset], value);
  }

  get hash(): number {
    return this.space.view.getUint32(this.context.base + F.hash, true);
  }

  /** Address of the network header's byte `offset`, or of the link-layer header's; null outside the packet. */
  addressFrom(start: 'mac' | 'net', offset: number, length: number): number | null {
    const at = (start === 'mac' ? this.#mac : this.#net) + offset;
    return at >= this.region.base && at + length <= this.end ? at : null;
  }

  /** What ld_abs and ld_ind read: big-endian, with the classic filter's negative offsets; -1 outside. */
  load(offset: number, size: number): number {
    const at =
      offset >= 0
        ? this.address(offset, size)
        : offset >= NET_OFFSET
          ? this.addressFrom('net', offset - NET_OFFSET, size)
          : offset >= LINK_OFFSET
            ? this.addressFrom('mac', offset - LINK_OFFSET, size)
            : null;
    if (at === null) return -1;
    const { view } = this.space;
    return size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
  }

  /** bpf_skb_change_type: among the four kinds of addressee. */
  changeType(type: number): number {
    if (type > 3 || this.#get(F.pktType) > 3) return -EINVAL;
    this.#set(F.pktType, type);
    return 0;
  }

  /** bpf_skb_change_tail */
  changeTail(length: number, flags: number): number {
    if (flags !== 0 || length > MAX_LENGTH || length < Math.max(this.#net - this.data, 0)) return -EINVAL;
    const end = this.data + length;
    if (end > this.end) this.space.bytes.fill(0, this.end, end);
    this.end = end;
    this.publish();
    return 0;
  }

  /** bpf_skb_change_head */
  changeHead(room: number, flags: number): number {
    if (flags !== 0 || room > 0x7fffffff || this.length + room > MAX_LENGTH) return -EINVAL;
    if (this.data - room < this.region.base) return -EINVAL;
    this.data -= room;
    this.meta = this.data;
    this.space.bytes.fill(0, this.data, this.data + room);
    this.#mac = this.data;
    this.publish();
    return 0;
  }

  /** bpf_skb_change_proto between IPv4 and IPv6: makes or takes the difference of their headers. */
  changeProto(protocol: number, flags: number): number {
    if (flags !== 0) return -EINVAL;
    const to = swap16(protocol);
    const from = swap16(this.#get(F.protocol) & 0xffff);
    const difference = IPV6_HEADER - IPV4_HEADER;
    const header = this.#net - this.data;
    if (from === ETH_P_IP && to === ETH_P_IPV6) this.#insert(header, difference);
    else if (from === ETH_P_IPV6 && to === ETH_P_IP) {
      if (this.length < header + difference) return -ENOTSUPP;
      this.#remove(header, difference);
    } else return -ENOTSUPP;
    this.#set(F.protocol, protocol);
    this.#set(F.hash, 0);
    this.publish();
    return 0;
  }

  /** bpf_skb_adjust_room without encapsulation: `mode` 0 behind the network header, 1 behind the link layer's. */
  adjustRoom(difference: number, mode: number): number {
    const size = Math.abs(difference);
    if (size > 0xfff) return -14;
    const protocol = swap16(this.#get(F.protocol) & 0xffff);
    if (protocol !== ETH_P_IP && protocol !== ETH_P_IPV6) return -ENOTSUPP;
    const ipHeader = protocol === ETH_P_IP ? IPV4_HEADER : IPV6_HEADER;
    if (mode > 1) return -ENOTSUPP;
    const at = this.#net - this.#mac + (mode === 0 ? ipHeader : 0);
    const current = this.end - this.#net;
    if (difference < 0 && (size >= current || current - size < ipHeader)) return -ENOTSUPP;
    if (difference >= 0 && this.length + size > MAX_LENGTH) return -ENOTSUPP;
    if (difference < 0) this.#remove(at, size);
    else this.#insert(at, size);
    this.publish();
    return 0;
  }

  /** bpf_skb_vlan_push: the tag stands beside the packet; one that stands there already moves into it. */
  vlanPush(protocol: number, tci: number): number {
    const wanted = swap16(protocol);
    if (this.#get(F.vlanPresent)) {
      const present = this.#get(F.vlanProto) & 0xffff;
      this.data -= VLAN_HEADER;
      this.#mac = this.data;
      this.meta = this.data;
      const { bytes, view } = this.space;
      bytes.copyWithin(this.data, this.data + VLAN_HEADER, this.data + VLAN_HEADER + 12);
      view.setUint16(this.data + 12, present, true);
      view.setUint16(this.data + 14, this.#get(F.vlanTci));
      this.#set(F.protocol, present);
    }
    this.#setTag(isVlan(wanted) ? protocol : swap16(ETH_P_8021Q), tci);
    this.publish();
    return 0;
  }

  /** bpf_skb_vlan_pop */
  vlanPop(): number {
    if (this.#get(F.vlanPresent)) {
      this.#clearTag();
    } else {
      if (!isVlan(swap16(this.#get(F.protocol) & 0xffff))) return 0;
      this.#takeTag();
    }
    const protocol = this.#get(F.protocol) & 0xffff;
    if (isVlan(swap16(protocol)) && this.length >= ETH_HEADER + VLAN_HEADER) {
      const tci = this.#takeTag();
      this.#setTag(protocol, tci);
    }
    this.publish();
    return 0;
  }

  protected override writePointers(): void {
    this.#set(F.len, this.length);
    this.#set(F.data, this.data);
    this.#set(F.dataEnd, this.end);
    this.#set(F.dataMeta, this.meta);
  }

  #get(offset: number): number {
    return this.space.view.getUint32(this.context.base + offset, true);
  }

  #set(offset: number, value: number): void {
    this.space.view.setUint32(this.context.base + offset, value, true);
  }

  #setTag(protocol: number, tci: number): void {
    this.#set(F.vlanPresent, 1);
    this.#set(F.vlanProto, protocol);
    this.#set(F.vlanTci, tci);
  }

  #clearTag(): void {
    this.#set(F.vlanPresent, 0);
    this.#set(F.vlanProto, 0);
    this.#set(F.vlanTci, 0);
  }

  /** Takes the tag out of the Ethernet header and returns it. */
  #takeTag(): number {
    const { bytes, view } = this.space;
    const tci = view.getUint16(this.data + 14);
    bytes.copyWithin(this.data + VLAN_HEADER, this.data, this.data + 12);
    this.data += VLAN_HEADER;
    this.meta = this.data;
    this.#mac = this.data;
    this.#net = Math.max(this.#net, this.data + ETH_HEADER);
    this.#set(F.protocol, view.getUint16(this.data + 12, true));
    return tci;
  }

  #insert(at: number, size: number): void {
    const { bytes } = this.space;
    const data = this.data - size;
    bytes.copyWithin(data, this.data, this.data + at);
    bytes.fill(0, data + at, data + at + size);
    this.data = data;
    this.meta = data;
    this.#mac -= size;
    this.#net -= size;
  }

  #remove(at: number, size: number): void {
    this.space.bytes.copyWithin(this.data + size, this.data, this.data + at);
    this.data += size;
    this.meta = this.data;
    this.#mac += size;
    this.#net += size;
  }

  #etherType(): number {
    const { view } = this.space;
    const type = this.end - this.data >= ETH_HEADER ? view.getUint16(this.data + 12) : 0;
    if (type >= ETH_P_802_3_MIN) return type;
    return this.end - this.data >= ETH_HEADER + 2 && view.getUint16(this.data + ETH_HEADER) === 0xffff ? ETH_P_802_3 : ETH_P_802_2;
  }

  /** PACKET_HOST 0 for the loopback device's address, which is zero, MULTICAST 2, OTHERHOST 3; that device has no broadcast. */
  #packetType(): number {
    const address = this.space.bytes.subarray(this.data, this.data + 6);
    if (address[0] & 1) return 2;
    return address.some((byte) => byte !== 0) ? 3 : 0;
  }

  /** The socket of a test run has the packet's addresses. */
  #describeSocket(): void {
    const { bytes, view } = this.space;
    const type = this.#etherType();
    const { base } = this.socket;
    bytes.fill(0, base, base + 72);
    if (type === ETH_P_IP && this.end - this.#net >= IPV4_HEADER) {
      bytes.copyWithin(this.context.base + F.localIp4, this.#net + 12, this.#net + 16);
      bytes.copyWithin(this.context.base + F.remoteIp4, this.#net + 16, this.#net + 20);
      bytes.copyWithin(base + 24, this.#net + 12, this.#net + 16);
      bytes.copyWithin(base + 52, this.#net + 16, this.#net + 20);
    } else if (type === ETH_P_IPV6 && this.end - this.#net >= IPV6_HEADER) {
      bytes.copyWithin(this.context.base + F.localIp6, this.#net + 8, this.#net + 24);
      bytes.copyWithin(this.context.base + F.remoteIp6, this.#net + 24, this.#net + 40);
      bytes.copyWithin(base + 28, this.#net + 8, this.#net + 24);
      bytes.copyWithin(base + 56, this.#net + 24, this.#net + 40);
    }
    const family = type === ETH_P_IP ? AF_INET : type === ETH_P_IPV6 ? AF_INET6 : 0;
    this.#set(F.family, family);
    view.setUint32(base + 4, family, true);
  }
}

/** The other byte order of 16 bits. */
function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}

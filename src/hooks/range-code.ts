import type { Reg, Val } from '../compiler/ir/builder.ts';
import { FuncBuilder } from '../compiler/ir/builder.ts';
import type { IrFunc, OriginId } from '../compiler/ir/ir.ts';
import type { Layer } from './layers.ts';
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  IPV4_FRAGMENT,
  IPV6_AUTHENTICATION,
  IPV6_OPTION_HEADERS,
  MAX_EXTENSION_HEADERS,
  MAX_VLAN_TAGS,
  PROTO_TCP,
  PROTO_UDP,
  VLAN_TAGS,
} from './layers.ts';

/** Name of the function that finds the layer. */
export const RANGE_FUNC = 'layer_range';
/** What it returns for a packet without the layer. */
export const NO_LAYER = -1;
/** What it returns, where that is asked for, for a packet whose headers do not lie in the frame. */
export const CUT_LAYER = -2;
/** No header chain that it accepts is longer: 22 + 40 + 4 × 2048 + 60 bytes. */
export const MAX_START = 0x3fff;
/** Bits of the byte count: an IPv6 packet has up to 40 + 65,535 bytes. */
export const COUNT_BITS = 20;
/** Where the protocol stands in what {@link rangeAndProtocolFunc}'s function returns. */
export const PROTOCOL_SHIFT = 40;
/** Offsets in `struct xdp_md`. */
export const MD_DATA = 0;
export const MD_DATA_END = 4;

/** A 16-bit field as a little-endian load gives it. */
export const wire16 = (value: number): number => ((value & 0xff) << 8) | (value >> 8);

/**
 * `layer_range(ctx)`: `start << 20 | bytes` of `layer`, or {@link NO_LAYER}; the rules are those of {@link layerRange} in layers.ts. It is a global function, so that
 * the kernel verifies its many header combinations once and apart: its caller sees one unknown number instead of one state for each. With `ports`, packets of TCP or UDP from or to others count as without it.
 */
export function rangeFunc(layer: Layer, origin: OriginId, ports: readonly number[] = [], cut: Missing = NO_LAYER): IrFunc {
  return buildRange(RANGE_FUNC, layer, origin, false, ports, cut);
}

/** What is returned for a packet whose headers do not lie in the frame. */
type Missing = typeof NO_LAYER | typeof CUT_LAYER;

/** As {@link rangeFunc}, under another name; of a transport layer with `protocol << 40` besides. */
export const rangeAndProtocolFunc = (name: string, layer: Layer, origin: OriginId): IrFunc => buildRange(name, layer, origin, true);

function buildRange(
  name: string,
  layer: Layer,
  origin: OriginId,
  withProtocol: boolean,
  ports: readonly number[] = [],
  cut: Missing = NO_LAYER,
): IrFunc {
  const b = new FuncBuilder(name, 'global', ['ctx']);
  b.setOrigin(origin);
  new RangeBuilder(b, layer, withProtocol, ports, cut).build();
  return b.finish();
}

class RangeBuilder {
  readonly #b: FuncBuilder;
  readonly #layer: Layer;
  readonly #withProtocol: boolean;
  readonly #ports: readonly number[];
  readonly #data: Reg;
  readonly #dataEnd: Reg;
  /** Offset of the header that is read next. */
  readonly #off: Reg;
  /** Offset behind the IP packet. */
  readonly #ipEnd: Reg;
  readonly #none: number;
  /** Where packets go whose headers do not lie in the frame. */
  readonly #cut: number;

  constructor(b: FuncBuilder, layer: Layer, withProtocol: boolean, ports: readonly number[], cut: Missing) {
    this.#b = b;
    this.#layer = layer;
    this.#withProtocol = withProtocol;
    this.#ports = ports;
    this.#data = b.load(b.arg(0), MD_DATA, 4);
    this.#dataEnd = b.load(b.arg(0), MD_DATA_END, 4);
    this.#off = b.copy(0);
    this.#ipEnd = b.reg();
    this.#none = b.newBlock();
    this.#cut = cut === NO_LAYER ? this.#none : b.newBlock();
  }

  build(): void {
    const b = this.#b;
    if (this.#layer === 'l2') {
      b.assign(this.#ipEnd, (1 << COUNT_BITS) - 1);
      this.#returnRange();
    } else {
      const type = this.#ethernet();
      const v4 = b.newBlock();
      const not4 = b.newBlock();
      const transport = b.newBlock();
      const protocol = b.reg();
      b.branch('eq', type, wire16(ETHERTYPE_IPV4), v4, not4);
      b.startBlock(v4);
      this.#ipv4(protocol, transport);
      b.startBlock(not4);
      this.#require('eq', type, wire16(ETHERTYPE_IPV6));
      this.#ipv6(protocol, transport);
      b.startBlock(transport);
      if (this.#layer === 'l3') this.#returnRange();
      else this.#transport(protocol);
    }
    b.startBlock(this.#none);
    b.ret(NO_LAYER);
    if (this.#cut !== this.#none) {
      b.startBlock(this.#cut);
      b.ret(CUT_LAYER);
    }
  }

  /** Goes on only where the comparison holds. */
  #require(cmp: 'eq' | 'uge' | 'ule', a: Val, v: Val, other = this.#none): void {
    const next = this.#b.newBlock();
    this.#b.branch(cmp, a, v, next, other);
    this.#b.startBlock(next);
  }

  /** A pointer to the header at the current offset, with at least `bytes` bytes of the frame behind it. */
  #header(bytes: number): Reg {
    const b = this.#b;
    const pointer = b.add(this.#data, this.#off);
    this.#require('ule', b.add(pointer, bytes), this.#dataEnd, this.#cut);
    return pointer;
  }

  /** Moves the offset on and keeps its bound known to the verifier. */
  #advance(bytes: Val): void {
    this.#b.aluTo(this.#off, 'add', this.#off, bytes);
    if (typeof bytes !== 'number') this.#require('ule', this.#off, MAX_START);
  }

  #ethernet(): Reg {
    const b = this.#b;
    const frame = this.#header(14);
    const type = b.load(frame, 12, 2);
    this.#advance(14);
    const done = b.newBlock();
    for (let tag = 0; tag < MAX_VLAN_TAGS; tag++) {
      const tagged = b.newBlock();
      const other = b.newBlock();
      b.branch('eq', type, wire16(VLAN_TAGS[0]), tagged, other);
      b.startBlock(other);
      b.branch('eq', type, wire16(VLAN_TAGS[1]), tagged, done);
      b.startBlock(tagged);
      b.assign(type, b.load(this.#header(4), 2, 2));
      this.#advance(4);
    }
    b.jump(done);
    b.startBlock(done);
    return type;
  }

  #ipv4(protocol: Reg, transport: number): void {
    const b = this.#b;
    const header = this.#header(20);
    const first = b.load(header, 0, 1);
    this.#require('eq', b.rsh(first, 4), 4);
    const length = b.lsh(b.and(first, 15), 2);
    this.#require('uge', length, 20);
    const total = b.bswap(b.load(header, 2, 2), 16);
    this.#require('uge', total, length);
    b.assign(this.#ipEnd, b.add(this.#off, total));
    if (this.#layer !== 'l3') {
      this.#require('eq', b.and(b.load(header, 6, 2), wire16(IPV4_FRAGMENT)), 0);
      b.assign(protocol, b.load(header, 9, 1));
      this.#advance(length);
    }
    b.jump(transport);
  }

  #ipv6(protocol: Reg, transport: number): void {
    const b = this.#b;
    const header = this.#header(40);
    this.#require('eq', b.rsh(b.load(header, 0, 1), 4), 6);
    b.assign(this.#ipEnd, b.add(b.add(this.#off, 40), b.bswap(b.load(header, 4, 2), 16)));
    if (this.#layer !== 'l3') {
      b.assign(protocol, b.load(header, 6, 1));
      this.#advance(40);
      for (let n = 0; n < MAX_EXTENSION_HEADERS; n++) this.#extension(protocol, transport);
    }
    b.jump(transport);
  }

  #extension(protocol: Reg, transport: number): void {
    const b = this.#b;
    const options = b.newBlock();
    const length = b.reg();
    const next = b.newBlock();
    this.#whenIn(protocol, [PROTO_TCP, PROTO_UDP], transport);
    this.#whenIn(protocol, IPV6_OPTION_HEADERS, options);
    this.#require('eq', protocol, IPV6_AUTHENTICATION);
    const auth = this.#header(8);
    b.assign(length, b.lsh(b.add(b.load(auth, 1, 1), 2), 2));
    b.assign(protocol, b.load(auth, 0, 1));
    b.jump(next);
    b.startBlock(options);
    const header = this.#header(8);
    b.assign(length, b.lsh(b.add(b.load(header, 1, 1), 1), 3));
    b.assign(protocol, b.load(header, 0, 1));
    b.jump(next);
    b.startBlock(next);
    this.#advance(length);
  }

  /** Jumps to `target` where `value` is one of `values`. */
  #whenIn(value: Reg, values: readonly number[], target: number): void {
    for (const one of values) {
      const next = this.#b.newBlock();
      this.#b.branch('eq', value, one, target, next);
      this.#b.startBlock(next);
    }
  }

  /** Goes on only where source or destination port is one of those asked for. */
  #requirePort(header: Reg): void {
    if (this.#ports.length === 0) return;
    const b = this.#b;
    const match = b.newBlock();
    for (const off of [0, 2]) this.#whenIn(b.load(header, off, 2), this.#ports.map(wire16), match);
    b.jump(this.#none);
    b.startBlock(match);
  }

  #transport(protocol: Reg): void {
    const b = this.#b;
    const tcp = b.newBlock();
    const notTcp = b.newBlock();
    const found = b.newBlock();
    b.branch('eq', protocol, PROTO_TCP, tcp, notTcp);
    b.startBlock(tcp);
    const header = this.#header(20);
    this.#requirePort(header);
    if (this.#layer === 'l4_payload') {
      const length = b.lsh(b.rsh(b.load(header, 12, 1), 4), 2);
      this.#require('uge', length, 20);
      this.#advance(length);
    }
    b.jump(found);
    b.startBlock(notTcp);
    this.#require('eq', protocol, PROTO_UDP);
    this.#requirePort(this.#header(8));
    if (this.#layer === 'l4_payload') this.#advance(8);
    b.jump(found);
    b.startBlock(found);
    this.#returnRange(this.#withProtocol ? protocol : null);
  }

  /** The IP length may exceed the frame; the copying loop stops at the frame's end by itself. */
  #returnRange(protocol: Reg | null = null): void {
    const b = this.#b;
    this.#require('uge', this.#ipEnd, this.#off);
    this.#header(0);
    const range = b.or(b.lsh(this.#off, COUNT_BITS), b.sub(this.#ipEnd, this.#off));
    b.ret(protocol ? b.or(range, b.lsh(protocol, PROTOCOL_SHIFT)) : range);
  }
}

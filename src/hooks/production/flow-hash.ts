import { FuncBuilder, type Reg, type Val } from '../../compiler/ir/builder.ts';
import type { BlockId, IrFunc, OriginId } from '../../compiler/ir/ir.ts';
import { layerRange, PROTO_TCP, PROTO_UDP } from '../layers.ts';
import { COUNT_BITS, MAX_START, MD_DATA, MD_DATA_END, NO_LAYER, PROTOCOL_SHIFT, rangeAndProtocolFunc } from '../range-code.ts';

/** `flow_hash(ctx)`: 32 bits that are the same for all packets of a flow, in both directions; 0 for what is no IP. */
export const FLOW_HASH_FUNC = 'flow_hash';
const IP_FUNC = 'flow_ip';
const TRANSPORT_FUNC = 'flow_transport';

/** Odd numbers with their bits spread: of the golden ratio, and of the square roots of 2 and 3. */
const FACTORS = [0x9e3779b1, 0x6a09e667, 0xbb67ae85] as const;
const signed = (value: number): number => value | 0;

/** Where the two addresses of an IP packet stand, and how many words of four bytes each has. */
const ADDRESSES = { 4: [12, 16, 1], 6: [8, 24, 4] } as const;

/** The same from both ends of a pair: their sum and their exclusive or do not change when they change places. */
const joined = (hash: number, x: number, y: number): number =>
  scrambled((Math.imul(x + y, FACTORS[0]) + Math.imul(x ^ y, FACTORS[1]) + hash) >>> 0);
function scrambled(hash: number): number {
  const half = (hash ^ (hash >>> 15)) >>> 0;
  const product = Math.imul(half, FACTORS[2]) >>> 0;
  return (product ^ (product >>> 13)) >>> 0;
}

/** What the compiled {@link FLOW_HASH_FUNC} returns. */
export function flowHash(frame: Uint8Array): number {
  const ip = layerRange(frame, 'l3');
  if (!ip) return 0;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const [from, to, words] = ADDRESSES[frame[ip.start]! >> 4 === 4 ? 4 : 6];
  let hash = 0;
  for (let word = 0; word < words; word++)
    hash = joined(hash, view.getUint32(ip.start + from + word * 4, true), view.getUint32(ip.start + to + word * 4, true));
  const transport = layerRange(frame, 'l4');
  if (!transport) return hash;
  const tcp = protocolOf(frame, ip.start) === PROTO_TCP;
  return joined(
    (hash + (tcp ? PROTO_TCP : PROTO_UDP)) >>> 0,
    view.getUint16(transport.start, true),
    view.getUint16(transport.start + 2, true),
  );
}

/** Protocol of a packet that has a transport header: behind up to four extension headers of IPv6. */
function protocolOf(frame: Uint8Array, start: number): number {
  if (frame[start]! >> 4 === 4) return frame[start + 9]!;
  let protocol = frame[start + 6]!;
  for (let at = start + 40; protocol !== PROTO_TCP && protocol !== PROTO_UDP; ) {
    const length = protocol === 51 ? (frame[at + 1]! + 2) * 4 : (frame[at + 1]! + 1) * 8;
    protocol = frame[at]!;
    at += length;
  }
  return protocol;
}

/** Whether the model sees the events of a flow: one flow in `oneIn`, others for another `seed`. */
export const flowIsSampled = (frame: Uint8Array, oneIn: number, seed: number): boolean =>
  scrambled((flowHash(frame) ^ seed) >>> 0) % oneIn === 0;

/** Emits `scrambled`; of a register whose upper half is zero. */
export function scramble(b: FuncBuilder, hash: Reg): Reg {
  const half = b.xor(hash, b.rsh(hash, 15));
  const product = b.alu('mul', half, signed(FACTORS[2]), 32);
  return b.xor(product, b.rsh(product, 13));
}

/** The functions that give a packet's hash. */
export function flowHashFuncs(origin: OriginId): IrFunc[] {
  const b = new FuncBuilder(FLOW_HASH_FUNC, 'global', ['ctx']);
  b.setOrigin(origin);
  const [none, done, four, six, transport] = [b.newBlock(), b.newBlock(), b.newBlock(), b.newBlock(), b.newBlock()];
  const hash = b.copy(0);
  const join = (x: Reg, y: Reg): void => {
    const sum = b.alu('mul', b.alu('add', x, y, 32), signed(FACTORS[0]), 32);
    const differing = b.alu('mul', b.xor(x, y), signed(FACTORS[1]), 32);
    b.assign(hash, scramble(b, b.alu('add', b.alu('add', sum, differing, 32), hash, 32)));
  };
  const words = (packet: Reg, version: 4 | 6): void => {
    const [from, to, count] = ADDRESSES[version];
    for (let at = 0; at < count * 4; at += 4) join(b.load(packet, from + at, 4), b.load(packet, to + at, 4));
    b.jump(transport);
  };
  const ip = headerAt(b, b.call(IP_FUNC, [b.arg(0)]), 20, none);
  b.branch('eq', b.rsh(b.load(ip, 0, 1), 4), 4, four, six);
  b.startBlock(four);
  words(ip, 4);
  b.startBlock(six);
  unless(b, 'ule', b.add(ip, 40), b.load(b.arg(0), MD_DATA_END, 4), none);
  words(ip, 6);
  b.startBlock(transport);
  const range = b.call(TRANSPORT_FUNC, [b.arg(0)]);
  const ports = headerAt(b, range, 4, done);
  b.aluTo(hash, 'add', hash, b.rsh(range, PROTOCOL_SHIFT), 32);
  join(b.load(ports, 0, 2), b.load(ports, 2, 2));
  b.jump(done);
  b.startBlock(none);
  b.ret(0);
  b.startBlock(done);
  b.ret(hash);
  return [b.finish(), rangeAndProtocolFunc(IP_FUNC, 'l3', origin), rangeAndProtocolFunc(TRANSPORT_FUNC, 'l4', origin)];
}

/** Goes on where the comparison holds, else to `other`. */
function unless(b: FuncBuilder, cmp: 'ne' | 'ule', x: Reg, y: Val, other: BlockId): void {
  const next = b.newBlock();
  b.branch(cmp, x, y, next, other);
  b.startBlock(next);
}

/** Pointer to the `bytes` bytes where `range` begins; to `other` where there is none. The mask and no comparison: before 6.8 a value that stands on the stack does not learn from one. */
function headerAt(b: FuncBuilder, range: Reg, bytes: number, other: BlockId): Reg {
  unless(b, 'ne', range, NO_LAYER, other);
  const packet = b.add(b.load(b.arg(0), MD_DATA, 4), b.and(b.rsh(range, COUNT_BITS), MAX_START));
  unless(b, 'ule', b.add(packet, bytes), b.load(b.arg(0), MD_DATA_END, 4), other);
  return packet;
}

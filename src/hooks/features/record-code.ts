import { FuncBuilder, type Reg, type Val } from '../../compiler/ir/builder.ts';
import type { IrFunc, OriginId } from '../../compiler/ir/ir.ts';
import { entryOf } from '../entry.ts';
import { PROTO_TCP } from '../layers.ts';
import { COUNT_BITS, MAX_START, MD_DATA, MD_DATA_END, NO_LAYER, PROTOCOL_SHIFT, rangeAndProtocolFunc } from '../range-code.ts';
import { isEqual, isLess, notNegative, select } from './branchless.ts';
import { RECORD_MAP } from './maps.ts';
import type { FeaturePlan } from './plan.ts';
import { ADDRESS_BYTES, ADDRESS_WORD, COUNTED_BYTES, FIELD, type FieldWord, MAX_OPTIONS } from './words.ts';

/** `packet_record(ctx)`: fills map `record`; returns how far the packet's headers go: 0, 3 (IP) or 4 (TCP or UDP). */
export const RECORD_FUNC = 'packet_record';
const IP_FUNC = 'ip_range';
const TRANSPORT_FUNC = 'transport_range';
const OPTION_FUNC = 'tcp_option';
const COUNTS_FUNC = 'payload_counts';

/** No option and no payload begins behind it: a header of 60 bytes follows {@link MAX_START} at most. */
const MAX_OFFSET = 2 * MAX_START + 1;

/** What `tcp_option` returns: the next option's offset in 16 bits, its kind and length in 8 each, two bytes of its value. */
const OPTION = { kind: 16, length: 24, value: 32 } as const;

/** The functions that read a packet; the rules are those of `record.ts`, and tests hold the two together. */
export function recordFuncs(plan: FeaturePlan, origin: OriginId): IrFunc[] {
  const b = new FuncBuilder(RECORD_FUNC, 'global', ['ctx']);
  b.setOrigin(origin);
  new RecordBuilder(b, plan.needs).build();
  return [
    b.finish(),
    rangeAndProtocolFunc(IP_FUNC, 'l3', origin),
    rangeAndProtocolFunc(TRANSPORT_FUNC, 'l4', origin),
    ...(plan.needs.options ? [optionFunc(origin)] : []),
    ...(plan.needs.counts ? [countsFunc(origin)] : []),
  ];
}

class RecordBuilder {
  readonly #b: FuncBuilder;
  readonly #needs: FeaturePlan['needs'];
  readonly #record: Reg;

  constructor(b: FuncBuilder, needs: FeaturePlan['needs']) {
    this.#b = b;
    this.#needs = needs;
    this.#record = entryOf(b, RECORD_MAP, 0);
  }

  build(): void {
    const b = this.#b;
    for (const word of Object.values(FIELD)) b.store(this.#record, word * 8, 0, 8);
    for (let word = ADDRESS_WORD; word < ADDRESS_WORD + 4; word++) b.store(this.#record, word * 8, 0, 8);
    const range = b.call(IP_FUNC, [b.arg(0)]);
    const none = b.newBlock();
    this.#unless('ne', range, NO_LAYER, none);
    const start = this.#startOf(range);
    this.#ip(start, none);
    const four = b.call(TRANSPORT_FUNC, [b.arg(0)]);
    const three = b.newBlock();
    this.#unless('ne', four, NO_LAYER, three);
    this.#transport(start, four, three);
    b.ret(4);
    b.startBlock(three);
    b.ret(3);
    b.startBlock(none);
    b.ret(0);
  }

  #set(word: FieldWord, value: Val): void {
    this.#b.store(this.#record, FIELD[word] * 8, value, 8);
  }

  /** Goes on where the comparison holds, else to `other`. */
  #unless(cmp: 'ne' | 'ule' | 'uge' | 'eq', x: Val, y: Val, other: number): void {
    const next = this.#b.newBlock();
    this.#b.branch(cmp, x, y, next, other);
    this.#b.startBlock(next);
  }

  /** No layer begins behind {@link MAX_START}. A mask and no comparison: before 6.8 a value that stands on the stack does not learn from one. */
  #startOf(range: Reg): Reg {
    return this.#b.and(this.#b.rsh(range, COUNT_BITS), MAX_START);
  }

  /** Packet pointers that were checked in another function do not count: a pointer to `bytes` bytes, checked here. */
  #header(start: Reg, bytes: number, other: number): Reg {
    const b = this.#b;
    const pointer = b.add(b.load(b.arg(0), MD_DATA, 4), start);
    this.#unless('ule', b.add(pointer, bytes), b.load(b.arg(0), MD_DATA_END, 4), other);
    return pointer;
  }

  #field16(pointer: Reg, off: number): Reg {
    return this.#b.bswap(this.#b.load(pointer, off, 2), 16);
  }

  #ip(start: Reg, none: number): void {
    const b = this.#b;
    const length = b.sub(b.load(b.arg(0), MD_DATA_END, 4), b.load(b.arg(0), MD_DATA, 4));
    this.#set('frameLen', length);
    this.#set('vlanTags', b.rsh(b.sub(start, 14), 2));
    const header = this.#header(start, 20, none);
    const first = b.load(header, 0, 1);
    const version = b.rsh(first, 4);
    this.#set('ipVersion', version);
    const six = b.newBlock();
    const done = b.newBlock();
    this.#unless('eq', version, 4, six);
    this.#set('etherType', 0x0800);
    const words = b.lsh(b.and(first, 15), 2);
    this.#set('ipHeader', words);
    this.#set('ipOptions', b.sub(words, 20));
    this.#traffic(b.load(header, 1, 1));
    this.#set('ipLen', this.#field16(header, 2));
    this.#set('ipId', this.#field16(header, 4));
    const fragment = this.#field16(header, 6);
    this.#set('dontFragment', b.and(b.rsh(fragment, 14), 1));
    this.#set('fragment', b.xor(isEqual(b, b.and(fragment, 0x3fff), 0), 1));
    this.#set('ttl', b.load(header, 8, 1));
    this.#set('proto', b.load(header, 9, 1));
    b.store(this.#record, ADDRESS_WORD * 8, b.load(header, 12, 4), 4);
    b.store(this.#record, ADDRESS_WORD * 8 + ADDRESS_BYTES, b.load(header, 16, 4), 4);
    b.jump(done);
    b.startBlock(six);
    const wide = this.#header(start, 40, none);
    this.#set('etherType', 0x86dd);
    this.#set('ipHeader', 40);
    this.#traffic(b.or(b.lsh(b.and(b.load(wide, 0, 1), 15), 4), b.rsh(b.load(wide, 1, 1), 4)));
    this.#set('ipLen', b.add(this.#field16(wide, 4), 40));
    this.#set('proto', b.load(wide, 6, 1));
    this.#set('ttl', b.load(wide, 7, 1));
    for (let word = 0; word < 4; word++) b.store(this.#record, (ADDRESS_WORD + word) * 8, b.load(wide, 8 + word * 8, 8), 8);
    b.jump(done);
    b.startBlock(done);
  }

  #traffic(value: Reg): void {
    const b = this.#b;
    this.#set('dscp', b.rsh(value, 2));
    this.#set('ecn', b.and(value, 3));
  }

  #transport(ipStart: Reg, range: Reg, three: number): void {
    const b = this.#b;
    const protocol = b.and(b.rsh(range, PROTOCOL_SHIFT), 255);
    const start = this.#startOf(range);
    const header = this.#header(start, 8, three);
    this.#set('proto', protocol);
    const version = b.load(this.#record, FIELD.ipVersion * 8, 8);
    const fixed = select(b, isEqual(b, version, 4), 20, b.copy(40));
    this.#set('ipOptions', b.sub(b.sub(start, ipStart), fixed));
    this.#set('sport', this.#field16(header, 0));
    this.#set('dport', this.#field16(header, 2));
    // What is there: as much as the IP packet says, and as much as the frame holds.
    const said = b.and(range, (1 << COUNT_BITS) - 1);
    const held = b.sub(b.load(b.arg(0), MD_DATA_END, 4), header);
    const there = select(b, isLess(b, held, said), held, said);
    const length = b.copy(8);
    const [udp, payload, done] = [b.newBlock(), b.newBlock(), b.newBlock()];
    this.#unless('eq', protocol, PROTO_TCP, udp);
    this.#tcp(start, length, three, done);
    b.jump(payload);
    b.startBlock(udp);
    this.#set('l4Header', 8);
    this.#set('udpLen', this.#field16(header, 4));
    b.jump(payload);
    b.startBlock(payload);
    const bytes = notNegative(b, b.sub(there, length));
    this.#set('payloadLen', bytes);
    if (this.#needs.counts) {
      const counts = b.call(COUNTS_FUNC, [b.arg(0), b.add(start, length), bytes]);
      for (const [i, word] of (['printable', 'digits', 'zeros', 'high'] as const).entries())
        this.#set(word, b.and(b.rsh(counts, i * 8), 255));
    }
    b.jump(done);
    b.startBlock(done);
  }

  #tcp(start: Reg, length: Reg, three: number, done: number): void {
    const b = this.#b;
    const header = this.#header(start, 20, three);
    b.assign(length, b.lsh(b.rsh(b.load(header, 12, 1), 4), 2));
    this.#set('l4Header', length);
    this.#set('tcpFlags', b.load(header, 13, 1));
    this.#set('window', this.#field16(header, 14));
    this.#set('urgent', this.#field16(header, 18));
    this.#unless('uge', length, 20, done);
    this.#set('tcpOptions', b.sub(length, 20));
    if (this.#needs.options) this.#options(b.add(start, 20), b.add(start, length));
  }

  #options(from: Reg, end: Reg): void {
    const b = this.#b;
    const at = b.copy(from);
    const values = { mss: b.copy(0), windowScale: b.copy(0), sackPermitted: b.copy(0), timestamps: b.copy(0) };
    const over = b.newBlock();
    b.loop(0, MAX_OPTIONS, 1, () => {
      const option = b.call(OPTION_FUNC, [b.arg(0), at, end]);
      this.#unless('ne', option, 0, over);
      const bits = (shift: number, width: number) => b.and(b.rsh(option, shift), 2 ** width - 1);
      const kind = bits(OPTION.kind, 8);
      const size = bits(OPTION.length, 8);
      const is = (number: number, bytes: number) => b.mul(isEqual(b, kind, number), isEqual(b, size, bytes));
      const keep = (word: keyof typeof values, condition: Reg, value: Val) =>
        b.assign(values[word], select(b, condition, value, values[word]));
      const first = bits(OPTION.value, 8);
      keep('mss', is(2, 4), b.or(b.lsh(first, 8), bits(OPTION.value + 8, 8)));
      keep('windowScale', is(3, 3), first);
      keep('sackPermitted', isEqual(b, kind, 4), 1);
      keep('timestamps', isEqual(b, kind, 8), 1);
      b.assign(at, b.and(option, 0xffff));
    });
    b.jump(over);
    b.startBlock(over);
    for (const [word, value] of Object.entries(values)) this.#set(word as FieldWord, value);
  }
}

/** `tcp_option(ctx, at, end)`: the option at offset `at`, or 0 where there is none any more. Verified once, not once for each place. */
function optionFunc(origin: OriginId): IrFunc {
  const b = new FuncBuilder(OPTION_FUNC, 'global', ['ctx', 'scalar', 'scalar']);
  b.setOrigin(origin);
  const none = b.newBlock();
  const require = (cmp: 'ult' | 'ule' | 'ne' | 'uge', x: Val, y: Val): void => {
    const next = b.newBlock();
    b.branch(cmp, x, y, next, none);
    b.startBlock(next);
  };
  const at = b.and(b.arg(1), MAX_OFFSET);
  const end = b.copy(b.arg(2));
  require('ult', at, end);
  const pointer = b.add(b.load(b.arg(0), MD_DATA, 4), at);
  const dataEnd = b.load(b.arg(0), MD_DATA_END, 4);
  require('ule', b.add(pointer, 1), dataEnd);
  const kind = b.load(pointer, 0, 1);
  require('ne', kind, 0);
  const long = b.newBlock();
  const single = b.newBlock();
  b.branch('eq', kind, 1, single, long);
  b.startBlock(single);
  b.ret(b.or(b.add(at, 1), b.lsh(kind, OPTION.kind)));
  b.startBlock(long);
  require('ule', b.add(at, 2), end);
  require('ule', b.add(pointer, 2), dataEnd);
  const length = b.load(pointer, 1, 1);
  require('uge', length, 2);
  require('ule', b.add(at, length), end);
  require('ule', b.add(pointer, length), dataEnd);
  const result = b.or(b.or(b.add(at, length), b.lsh(kind, OPTION.kind)), b.lsh(length, OPTION.length));
  for (const i of [0, 1]) {
    // The bytes of the value, where the frame and the option go that far.
    b.when('uge', length, 3 + i, () => {
      const within = b.newBlock();
      const join = b.newBlock();
      b.branch('ule', b.add(pointer, 3 + i), dataEnd, within, join);
      b.startBlock(within);
      b.assign(result, b.or(result, b.lsh(b.load(pointer, 2 + i, 1), OPTION.value + i * 8)));
      b.jump(join);
      b.startBlock(join);
    });
  }
  b.ret(result);
  b.startBlock(none);
  b.ret(0);
  return b.finish();
}

/** `payload_counts(ctx, start, bytes)`: printable, digits, zeros, high among the first bytes of the payload, 8 bits each. */
function countsFunc(origin: OriginId): IrFunc {
  const b = new FuncBuilder(COUNTS_FUNC, 'global', ['ctx', 'scalar', 'scalar']);
  b.setOrigin(origin);
  const start = b.and(b.arg(1), MAX_OFFSET);
  const bytes = b.copy(b.arg(2));
  const counts = b.copy(0);
  const over = b.newBlock();
  const pointer = b.add(b.load(b.arg(0), MD_DATA, 4), start);
  const dataEnd = b.load(b.arg(0), MD_DATA_END, 4);
  b.loop(0, COUNTED_BYTES, 1, (i) => {
    const [within, readable] = [b.newBlock(), b.newBlock()];
    b.branch('ult', i, bytes, within, over);
    b.startBlock(within);
    b.branch('ule', b.add(pointer, 1), dataEnd, readable, over);
    b.startBlock(readable);
    const byte = b.load(pointer, 0, 1);
    const between = (low: number, high: number) => isLess(b, b.and(b.sub(byte, low), 255), high - low + 1);
    const bits = [between(0x20, 0x7e), between(0x30, 0x39), isLess(b, byte, 1), b.rsh(byte, 7)];
    for (const [n, bit] of bits.entries()) b.aluTo(counts, 'add', counts, n === 0 ? bit : b.lsh(bit, n * 8));
    b.aluTo(pointer, 'add', pointer, 1);
  });
  b.jump(over);
  b.startBlock(over);
  b.ret(counts);
  return b.finish();
}

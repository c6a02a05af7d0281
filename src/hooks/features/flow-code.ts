import { FuncBuilder, type Reg } from '../../compiler/ir/builder.ts';
import type { IrFunc, OriginId } from '../../compiler/ir/ir.ts';
import { CLOCK_MAP } from '../clock.ts';
import { entryOf } from '../entry.ts';
import { greatest, isLess, isZero, least, notNegative, select } from './branchless.ts';
import { FLOW_KEY_BYTES, FLOW_STATS, FLOW_STATS_MAP, FLOWS_MAP, RECORD_MAP, ringLength } from './maps.ts';
import type { FlowLimits } from './plan.ts';
import {
  ADDRESS_WORD,
  COUNTED_FLAGS,
  DIRECTION_WORD,
  FIELD,
  FLOW,
  FLOW_WORD,
  MAX_IAT,
  MAX_SIZE,
  PACKET,
  RING_WORD,
  recordWords,
  SEQUENCE_WORD,
  SIDE_STRIDE_WORDS,
  SIDES,
  type SideWord,
  sideWord,
} from './words.ts';

/** `flow_update()`: counts the packet of map `record` for its flow and copies the flow's state into the record; returns 1 where there is no room. */
export const FLOW_FUNC = 'flow_update';
/** Tries to take a flow's lock. Who holds it needs some 100 ns; an XDP program is not interrupted by another on its processor. */
const LOCK_TRIES = 64;
/** BPF_NOEXIST of the uapi header. */
const NO_EXIST = 1;
const KEY = { a: 0, b: 16, portA: 32, portB: 34, proto: 36, version: 37, rest: 38 } as const;

/** The rules are those of `flows.ts`, and tests hold the two together. */
export function flowFunc(limits: FlowLimits, sequence: number, origin: OriginId): IrFunc {
  const b = new FuncBuilder(FLOW_FUNC, 'global', []);
  b.setOrigin(origin);
  new FlowBuilder(b, limits, sequence).build();
  return b.finish();
}

class FlowBuilder {
  readonly #b: FuncBuilder;
  readonly #limits: FlowLimits;
  readonly #sequence: number;
  readonly #record: Reg;

  constructor(b: FuncBuilder, limits: FlowLimits, sequence: number) {
    this.#b = b;
    this.#limits = limits;
    this.#sequence = sequence;
    this.#record = entryOf(b, RECORD_MAP, 1);
  }

  build(): void {
    const b = this.#b;
    const now = this.#now();
    const key = b.stackSlot(FLOW_KEY_BYTES);
    const swapped = this.#key(key.addr());
    const flow = this.#find(() => key.addr());
    const locked = this.#lock(flow);
    this.#update(flow, now, swapped);
    b.when('ne', locked, 0, () => b.atomicExchange(flow, FLOW.lock * 8, b.copy(0), 8));
    b.when('eq', locked, 0, () => this.#count(FLOW_STATS.unlocked));
    b.ret(0);
  }

  #word(name: keyof typeof FIELD): Reg {
    return this.#b.load(this.#record, FIELD[name] * 8, 8);
  }

  #count(counter: number): void {
    const b = this.#b;
    const value = entryOf(b, FLOW_STATS_MAP, 1, counter);
    b.store(value, 0, b.add(b.load(value, 0, 8), 1), 8);
  }

  #now(): Reg {
    const b = this.#b;
    const clock = entryOf(b, CLOCK_MAP, 1);
    const now = b.load(clock, 0, 8);
    b.when('eq', b.load(clock, 8, 8), 0, () => b.assign(now, b.callHelper('bpf_ktime_get_ns', [])));
    return now;
  }

  /** Writes the flow's key, the lesser end first; gives 1 where that is the packet's target. */
  #key(key: Reg): Reg {
    const b = this.#b;
    const address = (end: 0 | 1, half: 0 | 1) => b.load(this.#record, (ADDRESS_WORD + end * 2 + half) * 8, 8);
    const parts = [address(0, 0), address(0, 1), address(1, 0), address(1, 1)] as const;
    const [sport, dport] = [this.#word('sport'), this.#word('dport')];
    const swapped = b.copy(0);
    const ordered = b.newBlock();
    for (const half of [0, 1] as const) {
      const [from, to] = [b.bswap(parts[half], 64), b.bswap(parts[2 + half]!, 64)];
      this.#order(from, to, swapped, ordered);
    }
    this.#order(sport, dport, swapped, ordered);
    b.jump(ordered);
    b.startBlock(ordered);
    const [straight, turned, done] = [b.newBlock(), b.newBlock(), b.newBlock()];
    b.branch('eq', swapped, 0, straight, turned);
    for (const [block, ends] of [
      [straight, [KEY.a, KEY.b, KEY.portA, KEY.portB]],
      [turned, [KEY.b, KEY.a, KEY.portB, KEY.portA]],
    ] as const) {
      b.startBlock(block);
      b.store(key, ends[0], parts[0], 8);
      b.store(key, ends[0] + 8, parts[1], 8);
      b.store(key, ends[1], parts[2], 8);
      b.store(key, ends[1] + 8, parts[3], 8);
      b.store(key, ends[2], sport, 2);
      b.store(key, ends[3], dport, 2);
      b.jump(done);
    }
    b.startBlock(done);
    b.store(key, KEY.proto, this.#word('proto'), 1);
    b.store(key, KEY.version, this.#word('ipVersion'), 1);
    b.store(key, KEY.rest, 0, 2);
    return swapped;
  }

  /** Goes on where both are the same; else `swapped` is set and it goes to `ordered`. */
  #order(from: Reg, to: Reg, swapped: Reg, ordered: number): void {
    const b = this.#b;
    const [differ, more, same] = [b.newBlock(), b.newBlock(), b.newBlock()];
    b.branch('ne', from, to, differ, same);
    b.startBlock(differ);
    b.branch('ugt', from, to, more, ordered);
    b.startBlock(more);
    b.assign(swapped, 1);
    b.jump(ordered);
    b.startBlock(same);
  }

  #find(key: () => Reg): Reg {
    const b = this.#b;
    const lookup = () => b.callHelper('bpf_map_lookup_elem', [b.mapPtr(FLOWS_MAP), key()]);
    const flow = lookup();
    b.when('eq', flow, 0, () => {
      // Zeros behind the record are the new flow: the stack has no room for it.
      const zeros = b.add(this.#record, recordWords(this.#sequence) * 8);
      b.callHelper('bpf_map_update_elem', [b.mapPtr(FLOWS_MAP), key(), zeros, NO_EXIST]);
      this.#count(FLOW_STATS.created);
      b.assign(flow, lookup());
    });
    b.when('eq', flow, 0, () => {
      this.#count(FLOW_STATS.full);
      b.ret(1);
    });
    return flow;
  }

  /** A spin lock would want a plain hash map, which gives no room back. Gives 1 where the lock was taken. */
  #lock(flow: Reg): Reg {
    const b = this.#b;
    const one = b.copy(1);
    const locked = b.copy(0);
    const [taken, done] = [b.newBlock(), b.newBlock()];
    b.loop(0, LOCK_TRIES, 1, () => {
      const again = b.newBlock();
      b.branch('eq', b.atomicCompareExchange(flow, FLOW.lock * 8, 0, one, 8), 0, taken, again);
      b.startBlock(again);
    });
    b.jump(done);
    b.startBlock(taken);
    b.assign(locked, 1);
    b.jump(done);
    b.startBlock(done);
    return locked;
  }

  #update(flow: Reg, now: Reg, swapped: Reg): void {
    const b = this.#b;
    const both = (word: SideWord) => b.load(flow, sideWord(SIDES.both, word) * 8, 8);
    const { idleNs, activeNs } = this.#limits;
    const gap = notNegative(b, b.sub(now, both('last')));
    const isNew = isZero(b, both('packets'));
    const ended = isLess(b, b.const(idleNs), gap);
    if (activeNs !== null) b.aluTo(ended, 'or', ended, isLess(b, b.const(activeNs), b.sub(now, b.load(flow, FLOW.first * 8, 8))));
    const begins = b.or(isNew, ended);
    b.when('ne', begins, 0, () => {
      for (let word = FLOW.first; word < RING_WORD; word++) b.store(flow, word * 8, 0, 8);
      b.store(flow, FLOW.first * 8, now, 8);
      b.store(flow, FLOW.initiator * 8, swapped, 8);
      b.assign(gap, 0);
    });
    b.store(flow, FLOW.gap * 8, gap, 8);
    const back = b.and(b.xor(b.load(flow, FLOW.initiator * 8, 8), swapped), 1);
    const before = both('packets');
    const own = b.add(flow, b.mul(back, SIDE_STRIDE_WORDS * 8));
    this.#countSide(own, SIDES.fwd, now);
    this.#countSide(flow, SIDES.both, now);
    if (this.#sequence > 0) this.#keep(flow, before, back, gap);
    for (let word = FLOW.first; word < RING_WORD; word++) b.store(this.#record, (FLOW_WORD + word) * 8, b.load(flow, word * 8, 8), 8);
    b.store(this.#record, DIRECTION_WORD * 8, back, 8);
    if (this.#sequence > 0) this.#copySequence(flow, b.add(before, 1));
  }

  #countSide(base: Reg, side: number, now: Reg): void {
    const b = this.#b;
    const at = (word: SideWord) => sideWord(side, word) * 8;
    const get = (word: SideWord) => b.load(base, at(word), 8);
    const set = (word: SideWord, value: Reg) => b.store(base, at(word), value, 8);
    const raise = (word: SideWord, by: Reg) => set(word, b.add(get(word), by));
    const before = get('packets');
    const isFirst = isZero(b, before);
    const last = get('last');
    const delta = b.mul(b.xor(isFirst, 1), notNegative(b, b.sub(now, last)));
    const size = this.#word('frameLen');
    set('packets', b.add(before, 1));
    raise('bytes', size);
    raise('payload', this.#word('payloadLen'));
    set('last', greatest(b, last, now));
    raise('iatSum', delta);
    set('iatMin', select(b, isLess(b, before, 2), delta, least(b, get('iatMin'), delta)));
    set('iatMax', greatest(b, get('iatMax'), delta));
    set('sizeMin', select(b, isFirst, size, least(b, get('sizeMin'), size)));
    set('sizeMax', greatest(b, get('sizeMax'), size));
    const flags = this.#word('tcpFlags');
    for (const [word, bit] of COUNTED_FLAGS) raise(word, b.and(b.rsh(flags, bit), 1));
  }

  /** Puts the packet into the ring. */
  #keep(flow: Reg, before: Reg, back: Reg, gap: Reg): void {
    const b = this.#b;
    const word = b.add(least(b, this.#word('frameLen'), MAX_SIZE), 1 << PACKET.present);
    b.aluTo(word, 'or', word, b.lsh(back, PACKET.direction));
    b.aluTo(word, 'or', word, b.lsh(least(b, gap, b.const(MAX_IAT)), PACKET.iat));
    b.store(this.#inRing(flow, before), RING_WORD * 8, word, 8);
  }

  #inRing(flow: Reg, index: Reg): Reg {
    const b = this.#b;
    return b.add(flow, b.lsh(b.and(index, ringLength(this.#sequence) - 1), 3));
  }

  /** The last packets from the ring into the record, oldest first, zeros where there were none. */
  #copySequence(flow: Reg, packets: Reg): void {
    const b = this.#b;
    const index = b.sub(packets, this.#sequence);
    const target = b.copy(this.#record);
    b.loop(0, this.#sequence, 1, () => {
      const there = b.xor(b.rsh(index, 63), 1);
      b.store(target, SEQUENCE_WORD * 8, b.mul(there, b.load(this.#inRing(flow, index), RING_WORD * 8, 8)), 8);
      b.aluTo(target, 'add', target, 8);
      b.aluTo(index, 'add', index, 1);
    });
  }
}

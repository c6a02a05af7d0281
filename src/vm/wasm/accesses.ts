import type { AddressSpace, Region } from '../address-space.ts';
import { CODE_BASE, FIRST_CONST, MAP_BASE, OP_HELPER, WORD_ARG, WORD_DST, WORD_OFF, WORD_OP, WORD_SRC, WORDS } from '../decode.ts';
import type { ArrayGeometry } from '../maps.ts';
import type { Link } from './chains.ts';
import { ALL_REGISTERS, accessOf, effects, FOR_EACH, LOOP, MAP_LOOKUP } from './effects.ts';
import { type Graph, isBranch, leavesFunction } from './graph.ts';
import { Homes } from './homes.ts';
import { type FrameSlots, isStore } from './slots.ts';

/** Groups that are open at the same time; the oldest gives way. */
const MAX_OPEN = 12;
/** Accesses behind one pointer are checked together when they lie this close. */
const MAX_SPAN = 1 << 16;
/** Offsets that are followed through additions stay below this. */
const MAX_OFFSET = 1 << 28;
/** What a register can hold: the frame's base, a constant, or a value that nothing is known of (from 2). */
const FRAME = 0;
const CONSTANT = 1;
/** Where slots of the frame that are locals stand behind r0 to r10. */
const FIRST_SLOT = 11;

/** One access of a {@link Group}, with its distance from the group's first byte. */
export interface Member {
  readonly at: number;
  readonly distance: number;
  readonly size: number;
  readonly write: boolean;
}

/** Accesses behind one pointer that all run once the first does: one check serves them. */
export interface Group {
  readonly members: readonly Member[];
  /** Distance from the first byte to the end of the last. */
  readonly span: number;
  readonly write: boolean;
  /** What leads from the pointer's value at the first member to the first byte. */
  readonly adjust: number;
  /** Registers, a bit each, and slots of the frame that are read from the first member to the last before anything writes them. */
  readonly reads: number;
  readonly readSlots: readonly number[];
  /** Which of the function's address locals holds the first byte's address. */
  readonly slot: number;
  /** Number among all groups of the program. */
  readonly site: number;
  /** The region that the group most likely lies in; null for the element that it lay in last. */
  readonly home: Region | null;
}

/** How an access reaches memory. */
export type Access =
  | { readonly kind: 'frame'; readonly offset: number }
  | { readonly kind: 'slot'; readonly slot: number }
  | { readonly kind: 'fixed'; readonly offset: number }
  | { readonly kind: 'group'; readonly group: Group; readonly offset: number; readonly first: boolean };

/** A helper that calls a function of the program again and again. */
export interface CallbackLoop {
  /** Position where the callback begins. */
  readonly entry: number;
  /** Whose elements it is called for; null for bpf_loop. */
  readonly array: ArrayGeometry | null;
}

/** How a function accesses memory; positions are indices into the code array. */
export interface AccessPlan {
  readonly accesses: ReadonlyMap<number, Access>;
  /** Lookups in arrays, whose key is an access of its own. */
  readonly lookups: ReadonlyMap<number, ArrayGeometry>;
  /** Calls of bpf_loop, and of bpf_for_each_map_elem on arrays, with a known callback. */
  readonly loops: ReadonlyMap<number, CallbackLoop>;
  /** Address locals that the function needs. */
  readonly slots: number;
  /** Offsets in the frame of the slots that are locals (slots.ts), by their number. */
  readonly frameSlots: readonly number[];
  /** Lowest byte of the frame, from its base, that the function may see; its size when none. */
  readonly frameFrom: number;
  /** True when the frame's address leaves the registers and chains in which it is followed. */
  readonly escapes: boolean;
}

interface Value {
  readonly symbol: number;
  readonly offset: number;
}

interface OpenGroup {
  readonly members: { at: number; offset: number; size: number; write: boolean }[];
  /** The pointer's offset from its symbol at the first member. */
  readonly pointerOffset: number;
  readonly slot: number;
  readonly position: number;
  lastPosition: number;
  readonly home: Region | null;
}

/** Decides for each access of a function how its address is checked. Groups are appended to `groups`. */
export class AccessPlanner implements AccessPlan {
  readonly accesses = new Map<number, Access>();
  readonly lookups = new Map<number, ArrayGeometry>();
  readonly loops = new Map<number, CallbackLoop>();
  slots = 0;
  frameFrom: number;
  escapes = false;
  readonly frameSlots: readonly number[];
  /** Which slot an instruction loads or stores. */
  readonly #slotOf: ReadonlyMap<number, number>;
  readonly #code: Int32Array;
  readonly #constants: Int32Array;
  readonly #space: AddressSpace;
  readonly #stackBytes: number;
  readonly #arrays: readonly (ArrayGeometry | null)[];
  readonly #groups: Group[];
  #values: Value[] = [];
  #nextSymbol = 2;
  #open = new Map<number, OpenGroup>();
  /** Slots of closed groups. */
  readonly #free: number[] = [];
  /** The instructions of the present chain, in order; those that a branch may skip do not count as writes. */
  #order: { at: number; optional: boolean }[] = [];
  readonly #homes: Homes;

  constructor(
    graph: Graph,
    chains: readonly (readonly Link[])[],
    code: Int32Array,
    live: Int32Array,
    constants: Int32Array,
    space: AddressSpace,
    stackBytes: number,
    arrays: readonly (ArrayGeometry | null)[],
    groups: Group[],
    { slotOf, offsets }: FrameSlots,
  ) {
    this.frameFrom = stackBytes;
    this.#stackBytes = stackBytes;
    this.#slotOf = slotOf;
    this.frameSlots = offsets;
    this.#code = code;
    this.#constants = constants;
    this.#space = space;
    this.#arrays = arrays;
    this.#groups = groups;
    this.#homes = new Homes(graph, code, constants, space, slotOf, offsets.length);
    for (const chain of chains) {
      this.#values = Array.from({ length: FIRST_SLOT + offsets.length }, (_, r) =>
        r === 10 ? { symbol: FRAME, offset: stackBytes } : this.#fresh(),
      );
      this.#order = [];
      for (const { block, optional } of chain) {
        const { start, last } = graph.blocks[block];
        this.#homes.enter(block);
        if (optional) this.#aside(start, last);
        else this.#walk(start, last, false);
      }
      this.#closeAll();
      // r10 itself is followed in every chain.
      this.#escape(live[chain[chain.length - 1].block] & ALL_REGISTERS);
    }
  }

  #fresh(): Value {
    return { symbol: this.#nextSymbol++, offset: 0 };
  }

  /** A block that may be skipped: it has groups of its own, and what it writes is unknown afterwards. */
  #aside(start: number, last: number): void {
    const values = [...this.#values];
    const open = this.#open;
    this.#open = new Map();
    this.#walk(start, last, true);
    this.#closeAll();
    this.#open = open;
    let written = 0;
    const changed = new Set<number>();
    for (let at = start; at <= last; at += WORDS) {
      written |= effects(this.#code, at).writes;
      const slot = this.#slotOf.get(at);
      if (slot !== undefined && isStore(this.#code, at)) changed.add(FIRST_SLOT + slot);
    }
    this.#escape(written);
    this.#values = values.map((value, r) => ((r < 10 && written & (1 << r)) || changed.has(r) ? this.#fresh() : value));
  }

  #walk(start: number, last: number, optional: boolean): void {
    for (let at = start; at <= last; at += WORDS) {
      this.#order.push({ at, optional });
      this.#visit(at);
      this.#homes.pass(at);
    }
  }

  #visit(at: number): void {
    const code = this.#code;
    const op = code[at + WORD_OP];
    const d = code[at + WORD_DST] / 2;
    const source = code[at + WORD_SRC];
    const slot = this.#slotOf.get(at);
    if (slot !== undefined) {
      this.accesses.set(at, { kind: 'slot', slot });
      if (!isStore(code, at)) this.#values[d] = this.#values[FIRST_SLOT + slot];
      else if (source < FIRST_CONST * 2) this.#values[FIRST_SLOT + slot] = this.#values[source / 2];
      else this.#values[FIRST_SLOT + slot] = this.#constant(source) ?? this.#fresh();
      return;
    }
    const access = accessOf(op, code[at + WORD_ARG]);
    if (access) this.#access(at, access.pointer === 's' ? source / 2 : d, code[at + WORD_OFF], access.size, access.write);
    if (op === OP_HELPER && code[at + WORD_ARG] === MAP_LOOKUP && this.#lookup(at)) {
      this.#values[0] = this.#fresh();
      return;
    }
    if (op === OP_HELPER) this.#loop(at, code[at + WORD_ARG]);
    if (leavesFunction(op)) this.#closeAll();
    const { reads, writes } = effects(code, at);
    const value = this.#result(op, d, source);
    // Accesses keep their pointer to themselves, though not what they store; copies are followed.
    if (access) this.#escape(access.pointer === 'd' && source < FIRST_CONST * 2 ? 1 << (source / 2) : 0);
    else if (!value && !isBranch(op)) this.#escape(reads);
    for (let r = 0; r < 10; r++) if (writes & (1 << r)) this.#values[r] = value && r === d ? value : this.#fresh();
  }

  /** Whoever gets the frame's address, in one of these registers, may look at all of the frame. */
  #escape(registers: number): void {
    for (let r = 0; r <= 10; r++) {
      if ((registers & (1 << r)) === 0 || this.#values[r].symbol !== FRAME) continue;
      this.frameFrom = 0;
      this.escapes = true;
    }
  }

  /** What the instruction leaves in its destination, where it can be followed. */
  #result(op: number, d: number, source: number): Value | null {
    const constant = source >= FIRST_CONST * 2;
    if (op === 0xbf) {
      return constant ? this.#constant(source) : this.#values[source / 2];
    }
    if ((op !== 0x0f && op !== 0x1f) || !constant) return null;
    const { symbol, offset } = this.#values[d];
    const low = this.#constants[source];
    if (this.#constants[source + 1] !== low >> 31) return null;
    const next = op === 0x0f ? offset + low : offset - low;
    return Math.abs(next) < (symbol === CONSTANT ? 2 ** 32 : MAX_OFFSET) ? { symbol, offset: next } : null;
  }

  #constant(source: number): Value | null {
    return this.#constants[source + 1] === 0 ? { symbol: CONSTANT, offset: this.#constants[source] >>> 0 } : null;
  }

  #access(at: number, pointer: number, off: number, size: number, write: boolean): void {
    const value = this.#values[pointer];
    const offset = value.offset + off;
    if (value.symbol === FRAME && offset >= 0 && offset + size <= this.#stackBytes) {
      this.frameFrom = Math.min(this.frameFrom, offset);
      this.accesses.set(at, { kind: 'frame', offset });
      return;
    }
    if (value.symbol === CONSTANT && this.#space.regionAt(offset)?.moves === false && this.#space.permits(offset, size, write)) {
      this.accesses.set(at, { kind: 'fixed', offset });
      return;
    }
    let group = this.#open.get(value.symbol);
    if (group && Math.abs(offset - group.members[0].offset) + size > MAX_SPAN / 2) {
      this.#close(group);
      group = undefined;
    }
    if (!group) {
      if (this.#open.size === MAX_OPEN) {
        const [symbol, oldest] = this.#open.entries().next().value!;
        this.#close(oldest);
        this.#open.delete(symbol);
      }
      const slot = this.#free.pop() ?? this.slots++;
      group = {
        members: [],
        pointerOffset: value.offset,
        slot,
        position: this.#order.length - 1,
        lastPosition: 0,
        home: this.#homes.of(pointer),
      };
      this.#open.set(value.symbol, group);
    }
    group.members.push({ at, offset, size, write });
    group.lastPosition = this.#order.length - 1;
  }

  /** The array that r1 points to, where that is known. */
  #array(): ArrayGeometry | null {
    const { symbol, offset } = this.#values[1];
    const map = offset - MAP_BASE;
    return symbol === CONSTANT && map >= 0 && map % 16 === 0 ? this.#arrays[map / 16] : null;
  }

  /** A lookup in an array of known place; its key is read as any other memory. */
  #lookup(at: number): boolean {
    const array = this.#array();
    if (!array) return false;
    this.lookups.set(at, array);
    this.#access(at, 2, 0, 4, false);
    return true;
  }

  #loop(at: number, helper: number): void {
    const array = helper === FOR_EACH ? this.#array() : null;
    const { symbol, offset } = this.#values[2];
    const entry = offset - CODE_BASE;
    const known = symbol === CONSTANT && entry >= 0 && entry < this.#code.length && entry % WORDS === 0;
    if (known && (array || helper === LOOP)) this.loops.set(at, { entry, array });
  }

  #closeAll(): void {
    for (const group of this.#open.values()) this.#close(group);
    this.#open.clear();
  }

  #close({ members, pointerOffset, slot, position, lastPosition, home }: OpenGroup): void {
    this.#free.push(slot);
    let low = members[0].offset;
    let high = low;
    for (const { offset, size } of members) {
      low = Math.min(low, offset);
      high = Math.max(high, offset + size);
    }
    let reads = 0;
    let written = 0;
    const readSlots = new Set<number>();
    const storedSlots = new Set<number>();
    for (let i = position; i <= lastPosition; i++) {
      const { at, optional } = this.#order[i];
      const effect = effects(this.#code, at);
      reads |= effect.reads & ~written;
      if (!optional) written |= effect.writes;
      const frameSlot = this.#slotOf.get(at);
      if (frameSlot === undefined) continue;
      if (!isStore(this.#code, at) && !storedSlots.has(frameSlot)) readSlots.add(frameSlot);
      else if (!optional) storedSlots.add(frameSlot);
    }
    const write = members.some((member) => member.write);
    const group: Group = {
      members: members.map(({ at, offset, size, write }) => ({ at, distance: offset - low, size, write })),
      span: high - low,
      write,
      adjust: low - pointerOffset,
      reads,
      readSlots: [...readSlots],
      slot,
      site: this.#groups.length,
      home: home && high - low <= home.elementSize && (home.writable || !write) ? home : null,
    };
    this.#groups.push(group);
    members.forEach(({ at, offset }, i) => {
      this.accesses.set(at, { kind: 'group', group, offset: offset - low, first: i === 0 });
    });
  }
}

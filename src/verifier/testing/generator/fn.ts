import { ALU64, DW, LDX, MEM, MOV, OP_CALL, OP_EXIT, OP_LDDW, PSEUDO_KFUNC_CALL, ST, STX, X } from '../../../bpf/insn.ts';
import type { ArgType, Insn } from '../../../bpf/program.ts';
import type { Dice } from '../dice.ts';
import { ANY, type Held, joined, type Slot, type Source } from './held.ts';
import type { Kind } from './tables.ts';

export const insn = (opcode: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });

export const IMMEDIATES = [0, 1, -1, 2, 3, 7, 8, 15, 16, 63, 64, 255, 256, 4095, 65535, 0x7fffffff, -2147483648, -8, -64, 100000];
export const SIZES = [0x10, 0x08, 0x00, DW];
export const BYTES: Readonly<Record<number, number>> = { 16: 1, 8: 2, 0: 4, 24: 8 };
/** Slots of the stack that steps use freely; iterators, dynptrs and keys lie below. */
export const SLOTS = 10;
const KEY_SLOT = SLOTS;
export const KEY_OFF = -8 * (KEY_SLOT + 2);
/** First slot for iterators and dynptrs. */
const FIRST_TAKEN = SLOTS + 2;

export type Param = 'num' | 'stack16' | 'ctx' | 'value64' | 'key' | 'map';

/** A function that is finished or being made. */
export interface Made {
  readonly fn: Fn;
  readonly name: string;
  readonly params: readonly Param[];
  readonly linkage: 'static' | 'global';
  readonly args?: readonly ArgType[];
  readonly isCallback: boolean;
}

/** What all functions of one program share. */
export interface World {
  readonly dice: Dice;
  readonly kind: Kind;
  /** Only what the engine has and what gives the same result every time. */
  readonly engine: boolean;
  /** Mistakes still to make. */
  faults: number;
  /** Steps still to generate. */
  budget: number;
  readonly functions: Made[];
  /** Generates the body of a new function and returns its number. */
  define(params: readonly Param[], how: { global?: boolean; callback?: boolean }, depth: number): number;
}

type Snapshot = { readonly regs: (Held | null)[]; readonly slots: Slot[] };

/** A function under construction: its code, and an account of what registers and stack hold at its end. */
export class Fn {
  readonly world: World;
  readonly dice: Dice;
  readonly depth: number;
  readonly isCallback: boolean;
  code: Insn[] = [];
  /** Places of calls and addresses of functions, by number. */
  readonly calls: { readonly at: number; readonly to: number }[] = [];
  readonly kfuncs = new Map<number, string>();
  regs: (Held | null)[] = new Array<Held | null>(10).fill(null);
  slots: Slot[] = new Array<Slot>(SLOTS).fill(null);
  /** Registers that may be read but not overwritten. */
  readonly locked = new Set<number>();
  readonly lockedSlots = new Set<number>();
  nesting = 0;
  loops = 0;
  /** Rounds of the loops around, multiplied. */
  trips = 1;
  /** References, iterators and the like that must be given back before an exit. */
  open = 0;
  /** No calls here that may sleep or are forbidden in sections. */
  private taken = 0;

  constructor(world: World, depth: number, isCallback: boolean) {
    this.world = world;
    this.dice = world.dice;
    this.depth = depth;
    this.isCallback = isCallback;
  }

  get isMain(): boolean {
    return this.depth === 0;
  }

  put(opcode: number, dst = 0, src = 0, off = 0, imm = 0): number {
    return this.code.push(insn(opcode, dst, src, off, imm)) - 1;
  }

  /** Whether to make a mistake at this place. */
  miss(percent = 12): boolean {
    const { world } = this;
    if (world.faults <= 0 || !this.dice.chance(percent)) return false;
    world.faults--;
    return true;
  }

  /** Makes the jump at `at` lead here. */
  land(at: number): void {
    const jump = this.code[at]!;
    const by = this.code.length - at - 1;
    this.code[at] = jump.opcode === 0x06 ? { ...jump, imm: by } : { ...jump, off: by };
  }

  snapshot(): Snapshot {
    return { regs: this.regs.slice(), slots: this.slots.slice() };
  }

  restore(at: Snapshot): void {
    this.regs = at.regs.slice();
    this.slots = at.slots.slice();
  }

  /** Another path with this account ends here too. */
  join(other: Snapshot): void {
    this.regs = this.regs.map((held, r) => joined(held, other.regs[r]!));
    this.slots = this.slots.map((held, s) => joined(held, other.slots[s]!));
  }

  immediate(): number {
    const { dice } = this;
    return dice.chance(70) ? dice.pick(IMMEDIATES) : dice.chance(50) ? dice.below(128) : dice.below(1 << 30) << 2;
  }

  movImm(dst: number, imm: number): void {
    this.put(ALU64 | MOV, dst, 0, 0, imm);
    this.regs[dst] = { kind: 'num', max: imm >= 0 ? imm : Number.POSITIVE_INFINITY };
  }

  mov(dst: number, src: number): void {
    this.put(ALU64 | MOV | X, dst, src);
    if (src < 10) this.regs[dst] = this.regs[src]!;
  }

  /** A temporary pointer is forgotten, unless a number has taken its place. */
  keepNumber(r: number): void {
    if (this.regs[r]?.kind !== 'num') this.regs[r] = null;
  }

  /** A register that holds a number. */
  num(avoid = -1): number {
    const held = this.registers((h, r) => h?.kind === 'num' && r !== avoid);
    if (held.length > 0) return this.dice.pick(held);
    const dst = this.free(avoid);
    this.movImm(dst, this.immediate());
    return dst;
  }

  /** A register with a number that may be changed. */
  ownNum(avoid = -1): number {
    const held = this.registers((h, r) => h?.kind === 'num' && r !== avoid && !this.locked.has(r));
    if (held.length > 0 && this.dice.chance(92)) return this.dice.pick(held);
    const dst = this.free(avoid);
    this.movImm(dst, this.immediate());
    return dst;
  }

  /** A register to overwrite: an unused one, then numbers, then anything that is not locked. */
  free(avoid = -1): number {
    const open = (r: number): boolean => r !== avoid && !this.locked.has(r);
    const unused = this.registers((h, r) => h === null && open(r));
    const nums = this.registers((h, r) => h?.kind === 'num' && open(r));
    if (unused.length > 0 && (nums.length < 4 || this.dice.chance(50))) return this.dice.pick(unused);
    if (nums.length > 0) return this.dice.pick(nums);
    return this.dice.pick(this.registers((_, r) => open(r)));
  }

  /** One of r6…r9 to overwrite, for what must outlive calls; -1 when all are locked. */
  lasting(): number {
    const open = [6, 7, 8, 9].filter((r) => !this.locked.has(r));
    if (open.length === 0) return -1;
    const cheap = open.filter((r) => this.regs[r] === null || this.regs[r]?.kind === 'num');
    return this.dice.pick(cheap.length > 0 ? cheap : open);
  }

  registers(wanted: (held: Held | null, r: number) => boolean): number[] {
    const found: number[] = [];
    for (let r = 0; r < 10; r++) if (wanted(this.regs[r]!, r)) found.push(r);
    return found;
  }

  memories(wanted: (m: Held & { kind: 'memory' }) => boolean = () => true): number[] {
    return this.registers((h) => h?.kind === 'memory' && wanted(h));
  }

  /** Room for `slots` slots that nothing else writes. Returns its offset, or 0 when the frame is full. */
  take(slots: number): number {
    if (FIRST_TAKEN + this.taken + slots > 22) return 0;
    this.taken += slots;
    return -8 * (FIRST_TAKEN + this.taken);
  }

  /** A register that holds the context, loaded from where the prologue left it; -1 where there is none. */
  ctx(dst = -1): number {
    const held = this.registers((h) => h?.kind === 'ctx');
    if (held.length > 0) {
      const r = this.dice.pick(held);
      if (dst >= 0 && dst !== r) this.mov(dst, r);
      return dst >= 0 ? dst : r;
    }
    const slot = this.slots.findIndex((s) => s !== null && typeof s === 'object' && s.kind === 'ctx');
    if (slot < 0) return -1;
    const r = dst >= 0 ? dst : this.free();
    this.put(LDX | MEM | DW, r, 10, -8 * (slot + 1));
    this.regs[r] = { kind: 'ctx' };
    return r;
  }

  /** `dst` = fp + off */
  frame(dst: number, off: number): void {
    this.put(ALU64 | MOV | X, dst, 10);
    this.put(ALU64, dst, 0, 0, off);
    this.regs[dst] = null;
  }

  lddwMap(dst: number, map: number, src = 1, off = 0): void {
    this.put(OP_LDDW, dst, src, 0, map);
    this.put(0, 0, 0, 0, off);
    this.regs[dst] = null;
  }

  /** After any call: r1…r5 are lost. */
  called(result: Held | null): void {
    for (let r = 1; r <= 5; r++) this.regs[r] = null;
    this.regs[0] = result;
  }

  helper(id: number, result: Held | null = ANY): void {
    this.put(OP_CALL, 0, 0, 0, id);
    this.called(result);
  }

  kfunc(name: string, result: Held | null = ANY): void {
    this.kfuncs.set(this.put(OP_CALL, 0, PSEUDO_KFUNC_CALL), name);
    this.called(result);
  }

  /** Writes every byte of the slots of [off, off + size). */
  initialise(off: number, size: number): void {
    for (let at = off; at < off + size; at += 8) {
      const slot = -at / 8 - 1;
      if (slot < SLOTS) {
        const held = this.slots[slot];
        if (held === 'bytes' || (typeof held === 'object' && held?.kind === 'num')) continue;
        if (this.lockedSlots.has(slot)) continue;
      }
      this.put(ST | MEM | DW, 10, 0, at, this.immediate());
      if (slot < SLOTS) this.slots[slot] = ANY;
    }
  }

  /** Stack memory of `size` bytes (a multiple of 8) that is written and holds no pointer; its offset. */
  buffer(size: number): number {
    const slots = size / 8;
    for (let tries = 0; tries < 8; tries++) {
      const first = 1 + this.dice.below(SLOTS - slots);
      let ok = true;
      for (let s = first; s < first + slots; s++) {
        const held = this.slots[s];
        if (
          held === 'taken' ||
          (this.lockedSlots.has(s) && held !== 'bytes' && (held === null || typeof held !== 'object' || held.kind !== 'num'))
        )
          ok = false;
        if (held !== null && typeof held === 'object' && held.kind === 'ctx') ok = false;
      }
      if (!ok) continue;
      const off = -8 * (first + slots);
      this.initialise(off, size);
      return off;
    }
    return 0;
  }

  /** A key of a map in its place on the stack. */
  key(size: number): void {
    const { dice } = this;
    const byReg = dice.chance(35) ? this.registers((h) => h?.kind === 'num') : [];
    for (let at = 0; at < size; at += 4) {
      if (at === 0 && byReg.length > 0) this.put(STX | MEM, 10, dice.pick(byReg), KEY_OFF);
      else this.put(ST | MEM, 10, 0, KEY_OFF + at, at === 0 ? dice.below(5) : 0);
    }
  }

  /** What a call that changes the packet leaves of pointers to it. */
  forgetPacket(): void {
    const isPacket = (h: Slot): boolean =>
      h !== null && typeof h === 'object' && (h.kind === 'end' || ((h.kind === 'memory' || h.kind === 'maybe') && h.from === 'packet'));
    this.regs = this.regs.map((h) => (isPacket(h) ? null : h));
    this.slots = this.slots.map((h) => (isPacket(h) ? null : h));
  }

  /** May leave the function here. */
  get mayExit(): boolean {
    return this.open === 0;
  }

  /** Ends the function: r0 a number in its range. Registers are as before for the path that goes on. */
  exit(): void {
    const { dice } = this;
    const max = this.isCallback ? 1 : this.isMain ? this.world.kind.maxReturn : undefined;
    if (max !== undefined) this.put(ALU64 | MOV, 0, 0, 0, this.miss(20) ? max + 1 + dice.below(4) : dice.below(max + 1));
    else if (!this.miss(3)) {
      const nums = this.registers((h) => h?.kind === 'num');
      if (nums.length > 0 && dice.chance(70)) this.put(ALU64 | MOV | X, 0, dice.pick(nums));
      else this.put(ALU64 | MOV, 0, 0, 0, dice.below(5));
    }
    this.put(OP_EXIT);
  }

  memory(size: number, from: Source, writable = true): Held {
    return { kind: 'memory', size, from, writable };
  }
}

import {
  ADD,
  ALU64,
  AND,
  ATOMIC,
  DW,
  JGE,
  JGT,
  JLE,
  JLT,
  JMP,
  LDX,
  LOAD_ACQ,
  MEM,
  MEMSX,
  MOV,
  ST,
  STORE_REL,
  STX,
  SUB,
  X,
} from '../../../bpf/insn.ts';
import { bounded } from './arithmetic.ts';
import { BYTES, type Fn, SIZES, SLOTS } from './fn.ts';
import { ANY, type Held, isHeld, isPointer, type Slot } from './held.ts';

const ATOMICS = [0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1];

/** A load or store of `size` through `reg` at `off`. */
function touch(fn: Fn, reg: number, off: number, size: number, writable: boolean, aligned: boolean): void {
  const { dice } = fn;
  const roll = dice.below(100);
  if (roll < 50 || !(writable || fn.miss(30))) {
    const dst = fn.free(reg);
    const sx = size !== DW && dice.chance(25);
    fn.put(LDX | (sx ? MEMSX : MEM) | size, dst, reg, off);
    fn.regs[dst] = sx ? ANY : { kind: 'num', max: size === DW ? Number.POSITIVE_INFINITY : 2 ** (8 * BYTES[size]!) - 1 };
  } else if (roll < 72) {
    fn.put(STX | MEM | size, reg, fn.miss(3) ? dice.below(10) : fn.num(), off);
  } else if (roll < 84) {
    fn.put(ST | MEM | size, reg, 0, off, fn.immediate());
  } else if (aligned && (size === 0 || size === DW) && roll < 94) {
    atomic(fn, reg, off, size);
  } else if (aligned) {
    if (dice.chance(50)) fn.put(STX | ATOMIC | size, reg, fn.num(), off, STORE_REL);
    else {
      const dst = fn.free(reg);
      fn.put(STX | ATOMIC | size, dst, reg, off, LOAD_ACQ);
      fn.regs[dst] = ANY;
    }
  } else fn.put(STX | MEM | size, reg, fn.num(), off);
}

function atomic(fn: Fn, reg: number, off: number, size: number): void {
  const op = fn.dice.pick(ATOMICS);
  const fetches = (op & 1) === 1;
  if (op === 0xf1 && fn.regs[0]?.kind !== 'num') {
    if (fn.locked.has(0) || fn.regs[0] !== null) return;
    fn.movImm(0, fn.immediate());
  }
  const src = fetches && op !== 0xf1 ? fn.ownNum(reg) : fn.num();
  fn.put(STX | ATOMIC | size, reg, src, off, op);
  if (op === 0xf1) fn.regs[0] = ANY;
  else if (fetches) fn.regs[src] = ANY;
}

/** An access at a known place behind a pointer. */
export function access(fn: Fn): void {
  const { dice } = fn;
  const found = fn.memories();
  if (found.length === 0) return;
  const reg = dice.pick(found);
  const held = fn.regs[reg] as Held & { kind: 'memory' };
  const size = dice.pick(SIZES.filter((s) => BYTES[s]! <= held.size));
  const width = BYTES[size]!;
  // Atomic accesses to packets are refused; those to the stack must be aligned, as all of them.
  const aligned = held.from !== 'packet' && held.from !== 'other' && (held.from === 'stack' || dice.chance(60));
  const step = aligned ? width : 1;
  let off = dice.below(Math.floor((held.size - width) / step) + 1) * step;
  if (fn.miss(15)) off = dice.pick([held.size - width + 1, held.size, -1, -width, held.size + 8]);
  touch(fn, reg, off, size, held.writable, aligned);
}

/** An access at a place of which the verifier knows a range. */
export function variable(fn: Fn): void {
  const { dice } = fn;
  const found = fn.memories((m) => (m.from === 'value' || m.from === 'record') && m.size >= 8);
  if (found.length === 0) return;
  const reg = dice.pick(found);
  const held = fn.regs[reg] as Held & { kind: 'memory' };
  const size = dice.pick(SIZES);
  const width = BYTES[size]!;
  const off = dice.below(Math.min(16, held.size - width + 1));
  const index = bounded(fn, held.size - width - off, reg);
  if (fn.regs[reg] !== held) return;
  const at = address(fn, reg, index);
  if (at < 0) return;
  const back = dice.chance(12) ? dice.below(off + 1) : 0;
  if (back > 0) fn.put(ALU64 | SUB, at, 0, 0, back);
  touch(fn, at, off, size, held.writable, false);
  fn.keepNumber(at);
}

/** A register with `reg` + `index`; -1 where none is free. */
function address(fn: Fn, reg: number, index: number): number {
  const open = fn.registers((h, r) => r !== reg && r !== index && !fn.locked.has(r) && (h === null || h.kind === 'num'));
  if (open.length === 0) return -1;
  const at = fn.dice.pick(open);
  if (fn.dice.chance(80)) {
    fn.put(ALU64 | MOV | X, at, reg);
    fn.put(ALU64 | ADD | X, at, index);
  } else {
    fn.put(ALU64 | MOV | X, at, index);
    fn.put(ALU64 | ADD | X, at, reg);
  }
  fn.regs[at] = null;
  return at;
}

/** Spills, fills and narrow accesses of the function's own stack. */
export function stack(fn: Fn): void {
  const { dice } = fn;
  const slot = dice.below(SLOTS);
  const held: Slot = fn.slots[slot]!;
  const size = dice.pick(SIZES);
  const width = BYTES[size]!;
  const base = -8 * (slot + 1);
  const off = base + (dice.chance(60) ? 0 : dice.below(8 / width) * width);
  if (held === 'taken') return;
  const pointer = isPointer(held);
  if (pointer && dice.chance(70)) {
    const dst = fn.free();
    fn.put(LDX | MEM | DW, dst, 10, base);
    fn.regs[dst] = held as Held;
    return;
  }
  if ((held !== null && !pointer && dice.chance(50)) || fn.miss(5)) {
    const dst = fn.free();
    const sx = size !== DW && dice.chance(25);
    fn.put(LDX | (sx ? MEMSX : MEM) | size, dst, 10, off + (fn.miss(4) ? 1 : 0));
    fn.regs[dst] = size === DW && typeof held === 'object' && held !== null ? held : ANY;
    return;
  }
  if (fn.lockedSlots.has(slot) || (isHeld(held, 'ctx') && !fn.miss(5))) return;
  const whole = width === 8 || held === 'bytes' || isHeld(held, 'num');
  const kind = dice.below(10);
  if (kind < 2 && dice.chance(60)) {
    const sources = fn.registers((h) => h !== null && h.kind !== 'num' && h.kind !== 'ctx');
    if (sources.length > 0) {
      const src = dice.pick(sources);
      fn.put(STX | MEM | DW, 10, src, base);
      fn.slots[slot] = fn.regs[src]!;
      return;
    }
  }
  if (kind < 7) {
    const src = fn.num();
    fn.put(STX | MEM | size, 10, src, off);
    fn.slots[slot] = width === 8 ? fn.regs[src]! : whole ? 'bytes' : null;
  } else if (kind < 9 || !whole || (size !== 0 && size !== DW)) {
    fn.put(ST | MEM | size, 10, 0, off, fn.immediate());
    fn.slots[slot] = width === 8 ? ANY : whole ? 'bytes' : null;
  } else {
    atomic(fn, 10, off, size);
    fn.slots[slot] = 'bytes';
  }
}

/** An access to the stack at an offset of which a range is known. */
export function variableStack(fn: Fn): void {
  const { dice } = fn;
  const bytes = dice.pick([16, 32]);
  const off = fn.buffer(bytes);
  if (off === 0) return;
  const size = dice.pick(SIZES);
  const width = BYTES[size]!;
  const index = bounded(fn, bytes - width);
  if (fn.locked.has(index)) return;
  // Accesses to the stack are aligned.
  if (width > 1 && !fn.miss(10)) fn.put(ALU64 | AND, index, 0, 0, -width);
  const open = fn.registers((h, r) => r !== index && !fn.locked.has(r) && (h === null || h.kind === 'num'));
  if (open.length === 0) return;
  const at = dice.pick(open);
  fn.put(ALU64 | MOV | X, at, 10);
  const constantFirst = dice.chance(50);
  if (constantFirst) fn.put(ALU64 | ADD, at, 0, 0, off);
  fn.put(ALU64 | ADD | X, at, index);
  if (!constantFirst) fn.put(ALU64 | ADD, at, 0, 0, off);
  fn.regs[at] = null;
  touch(fn, at, 0, size, true, false);
  fn.keepNumber(at);
  for (let s = 0; s < bytes / 8; s++) fn.slots[-off / 8 - 1 - s] = 'bytes';
}

/** Leaves the function, or skips what follows, unless a packet is long enough. `then` gets the checked pointer's register. */
export function packet(fn: Fn, block: (fn: Fn, steps: number) => void): void {
  const { dice, world } = fn;
  const fields = world.kind.packet;
  if (!fields) return;
  const ctx = fn.ctx();
  if (ctx < 0) return;
  const base = fn.lasting();
  if (base < 0 || base === ctx) return;
  const open = fn.registers((h, r) => r !== base && r !== ctx && !fn.locked.has(r) && (h === null || h.kind === 'num'));
  if (open.length < 2) return;
  const end = dice.pick(open);
  const probe = dice.pick(open.filter((r) => r !== end));
  fn.put(LDX | MEM, base, ctx, fields[0]);
  fn.put(LDX | MEM, end, ctx, fields[1]);
  const size = dice.pick([14, 20, 34, 42, 54, 60]);
  const checked = fn.miss(25) ? size - dice.pick([1, 2, 8]) : size;
  fn.regs[base] = null;
  fn.regs[end] = null;
  const wrongWay = fn.miss(6);
  fn.put(ALU64 | MOV | X, probe, base);
  fn.put(ALU64 | ADD, probe, 0, 0, checked);
  fn.regs[probe] = null;
  const far = wrongWay ? dice.pick([JLE, JLT]) : JGT;
  const at = dice.chance(70) ? fn.put(JMP | far | X, probe, end) : fn.put(JMP | (wrongWay ? JGE : JLT) | X, end, probe);
  const before = fn.snapshot();
  fn.regs[base] = { kind: 'memory', size, from: 'packet', writable: !world.kind.skb || world.kind.progType === 3 };
  fn.regs[end] = { kind: 'end' };
  if (fn.mayExit && dice.chance(60)) {
    // Long packets go on behind an exit for short ones.
    const jump = fn.code[at]!;
    const good = { ...jump, opcode: jump.opcode ^ flip(jump.opcode) };
    fn.code[at] = good;
    const kept = fn.snapshot();
    fn.restore(before);
    fn.exit();
    fn.restore(kept);
    fn.land(at);
    packetBody(fn, base, end);
    return;
  }
  fn.locked.add(base);
  packetBody(fn, base, end);
  block(fn, 1 + dice.below(4));
  fn.locked.delete(base);
  fn.land(at);
  fn.join(before);
}

/** The bits that turn a comparison with its registers into its opposite. */
const flip = (opcode: number): number => {
  const opposite: Readonly<Record<number, number>> = { [JGT]: JLE, [JLE]: JGT, [JLT]: JGE, [JGE]: JLT };
  return (opcode & 0xf0) ^ opposite[opcode & 0xf0]!;
};

/** A header whose length the packet says. */
function packetBody(fn: Fn, base: number, end: number): void {
  const { dice } = fn;
  if (!dice.chance(45)) return;
  const open = fn.registers((h, r) => r !== base && r !== end && !fn.locked.has(r) && (h === null || h.kind === 'num'));
  if (open.length < 2) return;
  const length = open[0]!;
  const second = dice.pick(open.slice(1));
  fn.put(LDX | MEM | 0x10, length, base, dice.below(14));
  fn.regs[length] = { kind: 'num', max: 255 };
  if (dice.chance(60)) {
    fn.put(ALU64 | 0x50, length, 0, 0, 15);
    fn.put(ALU64 | 0x60, length, 0, 0, 2);
  }
  fn.put(ALU64 | MOV | X, second, base);
  fn.put(ALU64 | ADD | X, second, length);
  const extra = dice.below(3) * 4;
  if (extra) fn.put(ALU64 | ADD, second, 0, 0, extra);
  const need = dice.pick([1, 2, 4, 8]);
  const claimed = fn.miss(20) ? need - 1 : need;
  fn.put(ALU64 | MOV | X, length, second);
  fn.put(ALU64 | ADD, length, 0, 0, claimed);
  fn.put(JMP | JGT | X, length, end, 1);
  fn.put(LDX | MEM | { 1: 0x10, 2: 0x08, 4: 0x00, 8: DW }[need]!, second, second, 0);
  // On the other way the register holds a pointer.
  fn.put(ALU64 | MOV, length, 0, 0, need);
  fn.regs[length] = { kind: 'num', max: need };
  fn.regs[second] = null;
}

/** Fields of the context. */
export function context(fn: Fn): void {
  const { dice, world } = fn;
  const ctx = fn.ctx();
  if (ctx < 0) return;
  const { reads, writes, wide } = world.kind;
  const size = wide ? DW : 0;
  if (writes.length > 0 && dice.chance(30)) {
    fn.put(STX | MEM | size, ctx, fn.num(), fn.miss(20) ? dice.below(200) : dice.pick(writes));
    return;
  }
  const dst = fn.free(ctx);
  fn.put(LDX | MEM | (fn.miss(10) ? dice.pick(SIZES) : size), dst, ctx, fn.miss(15) ? dice.below(200) : dice.pick(reads));
  fn.regs[dst] = wide ? ANY : { kind: 'num', max: 0xffffffff };
}

/** Packet bytes by `ld_abs` and `ld_ind`, which want the context in r6. */
export function loadPacket(fn: Fn): void {
  const { dice, world } = fn;
  if (!world.kind.ldAbs || fn.open > 0 || (fn.locked.has(6) && fn.regs[6]?.kind !== 'ctx')) return;
  if (fn.regs[6]?.kind !== 'ctx') {
    const held = fn.ctx(6);
    if (held < 0) return;
  }
  const size = dice.pick([0x10, 0x08, 0x00]);
  if (dice.chance(60)) fn.put(0x20 | size, 0, 0, 0, dice.below(64));
  else {
    const src = fn.num(6);
    fn.put(0x40 | size, 0, src, 0, dice.below(16));
  }
  fn.called(ANY);
}

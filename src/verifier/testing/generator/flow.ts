import {
  ADD,
  ALU64,
  DW,
  JA,
  JCOND,
  JEQ,
  JGE,
  JGT,
  JLE,
  JLT,
  JMP,
  JMP32,
  JNE,
  JSGT,
  JSLT,
  MEM,
  MOV,
  ST,
  SUB,
  X,
} from '../../../bpf/insn.ts';
import { bounded, condition } from './arithmetic.ts';
import { type Fn, SLOTS } from './fn.ts';
import { ANY, isPointer, type Slot } from './held.ts';

export type Block = (fn: Fn, steps: number) => void;

/** if, and if with else. */
export function branch(fn: Fn, block: Block): void {
  const { dice } = fn;
  const at = condition(fn);
  const before = fn.snapshot();
  fn.nesting++;
  block(fn, 1 + dice.below(4));
  if (dice.chance(35)) {
    const over = dice.chance(80) ? fn.put(JMP | JA) : fn.put(JMP32 | JA);
    fn.land(at);
    const taken = fn.snapshot();
    fn.restore(before);
    block(fn, 1 + dice.below(3));
    fn.land(over);
    fn.join(taken);
  } else {
    fn.land(at);
    fn.join(before);
  }
  fn.nesting--;
}

/** Leaves the function early. */
export function leave(fn: Fn): void {
  if (!fn.mayExit && !fn.miss(30)) return;
  const at = condition(fn);
  fn.exit();
  fn.land(at);
}

/** A loop's body: what it finds is what it leaves, round after round. */
function body(fn: Fn, block: Block, steps: number, again: () => void): void {
  const { dice } = fn;
  // Calls in the body lose r0…r5; numbers take any value in later rounds.
  for (let r = 0; r <= 5; r++) if (isPointer(fn.regs[r]!)) fn.regs[r] = null;
  const locked = fn.registers((h, r) => isPointer(h) && !fn.locked.has(r));
  const lockedSlots = fn.slots.flatMap((held, s) => (isPointer(held) && !fn.lockedSlots.has(s) ? [s] : []));
  for (const r of locked) fn.locked.add(r);
  for (const s of lockedSlots) fn.lockedSlots.add(s);
  fn.regs = fn.regs.map((h) => (h?.kind === 'num' ? ANY : h));
  fn.slots = fn.slots.map((h) => (h !== null && typeof h === 'object' && h.kind === 'num' ? ANY : h));
  const before = fn.snapshot();
  fn.nesting++;
  fn.loops++;
  block(fn, steps);
  fn.loops--;
  fn.nesting--;
  for (let r = 0; r < 10; r++) {
    const was = before.regs[r];
    const is = fn.regs[r];
    if (was?.kind === 'num' && is?.kind !== 'num' && !fn.locked.has(r)) fn.movImm(r, dice.below(16));
    else if (!was) fn.regs[r] = null;
  }
  for (let s = 0; s < SLOTS; s++) {
    const was = before.slots[s]!;
    const is = fn.slots[s]!;
    if (was === null) fn.slots[s] = null;
    else if ((was === 'bytes' || !isPointer(was)) && was !== 'taken' && (is === null || isPointer(is))) {
      fn.put(ST | MEM | DW, 10, 0, -8 * (s + 1), dice.below(16));
      fn.slots[s] = ANY;
    }
  }
  again();
  for (const r of locked) fn.locked.delete(r);
  for (const s of lockedSlots) fn.lockedSlots.delete(s);
}

/** Loops that count, up or down, to a constant or to a number of which a bound is known. */
export function counted(fn: Fn, block: Block): void {
  const { dice } = fn;
  const most = Math.floor(32 / fn.trips);
  const c = fn.lasting();
  if (c < 0 || most < 2 || fn.loops >= 2) return;
  const rounds = 2 + dice.below(Math.min(most, fn.loops === 0 ? 14 : 6) - 1);
  const byNumber = dice.chance(20);
  fn.locked.add(c);
  let limit = -1;
  if (byNumber) {
    limit = fn.lasting();
    if (limit < 0) {
      fn.locked.delete(c);
      return;
    }
    const from = bounded(fn, Math.min(7, most), c);
    if (from !== limit) fn.mov(limit, from);
    fn.locked.add(limit);
  }
  const down = !byNumber && dice.chance(35);
  fn.movImm(c, down ? rounds : 0);
  fn.regs[c] = { kind: 'num', max: rounds };
  const trips = fn.trips;
  fn.trips *= rounds;
  const top = fn.code.length;
  body(fn, block, 1 + dice.below(fn.loops === 0 ? 4 : 2), () => {
    fn.regs[c] = ANY;
    // Some loops end early.
    const out = dice.chance(20) ? condition(fn) : -1;
    const step = dice.chance(85) ? 1 : 2;
    const back = (opcode: number, src: number, imm: number): number => fn.put(opcode, c, src, top - fn.code.length - 1, imm);
    if (fn.miss(10)) fn.put(ALU64 | MOV, c, 0, 0, 1);
    else fn.put(ALU64 | (down ? SUB : ADD), c, 0, 0, down ? 1 : step);
    if (down) back(dice.pick([JMP | JNE, JMP | JSGT, JMP | JGT, JMP32 | JNE]), 0, 0);
    else if (byNumber) back(dice.pick([JMP | JLT | X, JMP32 | JLT | X]), limit, 0);
    else back(step === 2 ? JMP | JLT : dice.pick([JMP | JLT, JMP | JSLT, JMP32 | JLT, JMP | JNE, JMP | JLE]), 0, rounds);
    if (out >= 0) fn.land(out);
  });
  fn.trips = trips;
  fn.regs[c] = ANY;
  fn.locked.delete(c);
  if (limit >= 0) fn.locked.delete(limit);
}

/** A loop to a number that is not known, which `may_goto` bounds. */
export function mayGoto(fn: Fn, block: Block): void {
  const { dice } = fn;
  const c = fn.lasting();
  if (c < 0 || fn.loops >= 2) return;
  fn.locked.add(c);
  const limit = fn.num(c);
  if (!fn.locked.has(limit) && fn.trips === 1) {
    fn.put(ALU64 | 0x50, limit, 0, 0, 15);
  }
  const slot = fn.buffer(8);
  if (slot === 0) {
    fn.locked.delete(c);
    return;
  }
  fn.put(0x7b, 10, limit, slot);
  fn.slots[-slot / 8 - 1] = ANY;
  fn.lockedSlots.add(-slot / 8 - 1);
  fn.movImm(c, 0);
  const compare = fn.free(c);
  const trips = fn.trips;
  fn.trips *= 16;
  for (let r = 0; r <= 5; r++) if (isPointer(fn.regs[r]!)) fn.regs[r] = null;
  fn.regs[compare] = null;
  const top = fn.code.length;
  fn.put(0x79, compare, 10, slot);
  const done = fn.put(JMP | JGE | X, c, compare);
  const out = fn.put(JMP | JCOND);
  const before = fn.snapshot();
  body(fn, block, 1 + dice.below(3), () => {
    fn.put(ALU64 | ADD, c, 0, 0, 1);
    fn.put(JMP | JA, 0, 0, top - fn.code.length - 1);
  });
  fn.land(done);
  fn.land(out);
  fn.join(before);
  fn.regs[compare] = null;
  fn.regs[c] = ANY;
  fn.trips = trips;
  fn.lockedSlots.delete(-slot / 8 - 1);
  fn.locked.delete(c);
}

/** A loop over the kernel's iterator of numbers. */
export function iterator(fn: Fn, block: Block): void {
  const { dice } = fn;
  if (fn.loops >= 2) return;
  const at = fn.take(1);
  if (at === 0) return;
  fn.frame(1, at);
  fn.put(ALU64 | MOV, 2, 0, 0, dice.below(4));
  fn.put(ALU64 | MOV, 3, 0, 0, dice.pick([3, 10, 1000]));
  fn.kfunc('bpf_iter_num_new');
  fn.regs[0] = null;
  fn.open++;
  const trips = fn.trips;
  fn.trips *= 8;
  const top = fn.code.length;
  fn.frame(1, at);
  fn.kfunc('bpf_iter_num_next', null);
  const done = fn.put(JMP | JEQ, 0);
  const before = fn.snapshot();
  fn.regs[0] = { kind: 'memory', size: 4, from: 'other', writable: true };
  if (dice.chance(70)) {
    const dst = fn.free(0);
    fn.put(0x61, dst, 0, 0);
    fn.regs[dst] = ANY;
    fn.regs[0] = null;
  }
  const inner = fn.snapshot();
  // Registers that the loop's head does not have are the body's own.
  fn.regs = before.regs.map((h, r) => h ?? inner.regs[r]!);
  bodyFrom(fn, before, block, 1 + dice.below(3), () => {
    fn.put(JMP | JA, 0, 0, top - fn.code.length - 1);
  });
  fn.land(done);
  fn.join(before);
  fn.trips = trips;
  fn.open--;
  if (fn.miss(20)) return;
  fn.frame(1, at);
  fn.kfunc('bpf_iter_num_destroy', null);
}

/** As {@link body}, where the account at the loop's head is not that at the body's beginning. */
function bodyFrom(fn: Fn, head: { readonly regs: (Slot | null)[] }, block: Block, steps: number, again: () => void): void {
  body(fn, block, steps, () => {
    for (let r = 0; r < 10; r++) if (head.regs[r] === null) fn.regs[r] = null;
    again();
  });
}

import { ALU64, DW, JEQ, JMP, JNE, LDX, MEM, MOV, OP_CALL, OP_LDDW, PSEUDO_CALL, PSEUDO_FUNC, ST, STX, X } from '../../../bpf/insn.ts';
import { bounded } from './arithmetic.ts';
import type { Block } from './flow.ts';
import { type Fn, KEY_OFF, type Param } from './fn.ts';
import { ANY, type Held } from './held.ts';
import { EVENTS, GENERATOR_MAPS, KEYED, LRU, QUEUE, RINGBUF } from './tables.ts';

/** A number in an argument register, which is not yet one of the arguments that are set. */
function numArg(fn: Fn, arg: number, limit = -1): void {
  const from = fn.registers((h, r) => h?.kind === 'num' && (r === 0 || r >= arg) && (limit < 0 || h.max <= limit));
  if (from.length > 0 && fn.dice.chance(60)) {
    const src = fn.dice.pick(from);
    if (src !== arg) fn.put(ALU64 | MOV | X, arg, src);
  } else fn.put(ALU64 | MOV, arg, 0, 0, limit < 0 ? fn.immediate() : fn.dice.below(limit + 1));
  fn.regs[arg] = null;
}

const keyedMaps = (fn: Fn): number[] => KEYED.filter((m) => !(fn.world.engine && m === LRU) && !(fn.world.kind.sleepable && m === LRU));

/** Lookup with a check for null, update or delete. */
export function mapCall(fn: Fn, block: Block): void {
  const { dice } = fn;
  const map = dice.pick(keyedMaps(fn));
  const def = GENERATOR_MAPS[map]!;
  if ([1, 2, 3, 4, 5].some((r) => fn.locked.has(r))) return;
  fn.key(def.keySize);
  const roll = dice.below(100);
  if (roll < 25) {
    const value = fn.buffer((def.valueSize + 7) & ~7 || 8);
    if (value === 0 || def.valueSize > 64) return;
    fn.frame(2, KEY_OFF);
    fn.frame(3, value);
    fn.put(ALU64 | MOV, 4, 0, 0, fn.miss(10) ? 77 : dice.below(3));
    fn.lddwMap(1, map);
    fn.helper(2);
    return;
  }
  fn.frame(2, fn.miss(5) ? KEY_OFF + 8 * dice.below(8) : KEY_OFF);
  fn.lddwMap(1, map);
  if (roll < 35) {
    fn.helper(3);
    return;
  }
  fn.helper(1, { kind: 'maybe', size: def.valueSize, from: 'value', writable: true });
  checked(fn, block);
}

/** r0 is memory or null: what follows knows which. */
function checked(fn: Fn, block: Block, release: ((fn: Fn, reg: number) => void) | null = null): void {
  const { dice } = fn;
  const maybe = fn.regs[0] as Held & { kind: 'maybe' };
  const memory: Held = { ...maybe, kind: 'memory' };
  const copy = dice.chance(60) || release ? fn.lasting() : -1;
  if (release && copy < 0) return;
  const early = dice.chance(50);
  if (copy >= 0 && early) fn.put(ALU64 | MOV | X, copy, 0);
  if (fn.miss(20)) {
    // The check is forgotten.
    fn.regs[0] = memory;
    return;
  }
  if (fn.mayExit && !release && dice.chance(50)) {
    const at = fn.put(JMP | JNE, 0);
    const kept = fn.snapshot();
    fn.regs[0] = null;
    if (copy >= 0 && early) fn.regs[copy] = null;
    fn.exit();
    fn.restore(kept);
    fn.land(at);
    if (copy >= 0 && !early) fn.put(ALU64 | MOV | X, copy, 0);
    if (copy >= 0) fn.regs[copy] = memory;
    fn.regs[0] = memory;
    return;
  }
  if (copy >= 0) fn.regs[copy] = null;
  const at = fn.put(JMP | JEQ, 0);
  fn.regs[0] = null;
  const before = fn.snapshot();
  fn.regs[0] = memory;
  if (copy >= 0) {
    if (!early) fn.put(ALU64 | MOV | X, copy, 0);
    fn.regs[copy] = memory;
    fn.locked.add(copy);
  }
  if (release) fn.open++;
  fn.nesting++;
  block(fn, 1 + dice.below(3));
  fn.nesting--;
  if (copy >= 0) fn.locked.delete(copy);
  if (release) {
    fn.open--;
    if (!fn.miss(25)) release(fn, copy);
  }
  fn.land(at);
  fn.join(before);
}

/** A pointer to a map value without a lookup. */
export function directValue(fn: Fn): void {
  const { dice } = fn;
  const map = dice.pick([0, 3]);
  const dst = fn.lasting();
  if (dst < 0) return;
  const size = GENERATOR_MAPS[map]!.valueSize;
  const off = dice.chance(70) ? 0 : dice.below(size / 8) * 8;
  fn.lddwMap(dst, map, 2, fn.miss(5) ? size * 4 : off);
  fn.regs[dst] = { kind: 'memory', size: size - off, from: 'value', writable: true };
}

/** A record of the ring buffer, written and sent or thrown away. */
export function record(fn: Fn, block: Block): void {
  const { dice } = fn;
  if (fn.lasting() < 0) return;
  const size = dice.pick([8, 16, 40]);
  fn.lddwMap(1, RINGBUF);
  fn.put(ALU64 | MOV, 2, 0, 0, size);
  fn.put(ALU64 | MOV, 3, 0, 0, 0);
  fn.helper(131, { kind: 'maybe', size, from: 'record', writable: true });
  // What lay there before depends on other records.
  const filled: Block = (g, steps) => {
    for (let off = 0; off < size; off += 8) g.put(ST | MEM | DW, 0, 0, off, g.immediate());
    block(g, steps);
  };
  checked(fn, fn.world.engine ? filled : block, (g, reg) => {
    g.put(ALU64 | MOV | X, 1, reg);
    g.put(ALU64 | MOV, 2, 0, 0, 0);
    g.helper(dice.pick([132, 133]), null);
    if (!g.miss(10)) g.regs[reg] = null;
  });
}

/** A socket that is looked up, read and released. */
export function socket(fn: Fn, block: Block): void {
  const { dice } = fn;
  if (fn.world.kind.progType !== 3 || fn.lasting() < 0) return;
  const tuple = fn.buffer(16);
  if (tuple === 0 || fn.ctx(1) < 0) return;
  fn.frame(2, tuple);
  fn.put(ALU64 | MOV, 3, 0, 0, fn.miss(10) ? 100 : 12);
  fn.put(ALU64 | MOV, 4, 0, 0, -1);
  fn.put(ALU64 | MOV, 5, 0, 0, 0);
  fn.helper(84, { kind: 'maybe', size: 4, from: 'other', writable: false });
  checked(fn, block, (g, reg) => {
    if (dice.chance(60)) g.put(LDX | MEM, 0, reg, dice.pick([0, 4, 8, 12, 16, 20, 24]));
    g.put(ALU64 | MOV | X, 1, reg);
    g.helper(86);
    if (!g.miss(10)) g.regs[reg] = null;
  });
}

const TRACING = [2, 5, 17];

/** One helper that needs little. */
export function simpleHelper(fn: Fn): void {
  const { dice, world } = fn;
  const { kind, engine } = world;
  const choices: (() => void)[] = [() => output(fn)];
  if (kind.name === 'tc' || kind.name === 'xdp') choices.push(() => checksum(fn));
  if (!kind.sleepable) choices.push(() => queue(fn));
  choices.push(
    () => fn.helper(8, { kind: 'num', max: 1 }),
    () => dynptr(fn),
  );
  // Time and chance.
  if (!engine)
    choices.push(
      () => fn.helper(7),
      () => fn.helper(5),
    );
  if (TRACING.includes(kind.progType))
    choices.push(
      () => fn.helper(14),
      () => fn.helper(15),
      () => comm(fn),
      () => probeRead(fn),
    );
  if (kind.name === 'xdp')
    choices.push(
      () => loadBytes(fn, 189),
      () => adjust(fn),
    );
  if (kind.skb && kind.progType !== 1) choices.push(() => loadBytes(fn, 26));
  if (kind.progType === 3) choices.push(() => storeBytes(fn));
  if (fn.miss(6)) {
    // Any helper, with whatever the registers hold.
    fn.helper(1 + dice.below(211));
    return;
  }
  dice.pick(choices)();
}

function checksum(fn: Fn): void {
  const size = fn.dice.pick([8, 16, 32]);
  const at = fn.buffer(size);
  if (at === 0) return;
  const known = fn.dice.chance(50);
  const length = known ? -1 : bounded(fn, size);
  fn.regs[1] = null;
  if (known) fn.put(ALU64 | MOV, 2, 0, 0, fn.miss(15) ? size + 4 : 4 * fn.dice.below(size / 4 + 1));
  else if (length !== 2) fn.put(ALU64 | MOV | X, 2, length);
  fn.frame(1, at);
  fn.put(ALU64 | MOV, 3, 0, 0, 0);
  fn.put(ALU64 | MOV, 4, 0, 0, 0);
  numArg(fn, 5);
  fn.helper(28);
}

/** A record for user space: to the ring buffer, or to the buffers of perf events. */
function output(fn: Fn): void {
  const at = fn.buffer(16);
  if (at === 0) return;
  if (fn.dice.chance(50)) {
    fn.lddwMap(1, RINGBUF);
    fn.frame(2, at);
    fn.put(ALU64 | MOV, 3, 0, 0, fn.miss(20) ? 600 : 8 + fn.dice.below(9));
    fn.put(ALU64 | MOV, 4, 0, 0, 0);
    fn.helper(130);
    return;
  }
  // Nobody reads in the kernel, so that its result says so.
  if (fn.world.engine || fn.world.kind.sleepable || fn.ctx(1) < 0) return;
  fn.lddwMap(2, EVENTS);
  fn.put(ALU64 | MOV, 3, 0, 0, -1);
  fn.frame(4, at);
  fn.put(ALU64 | MOV, 5, 0, 0, 1 + fn.dice.below(16));
  fn.helper(25);
}

function queue(fn: Fn): void {
  const at = fn.buffer(8);
  if (at === 0) return;
  fn.lddwMap(1, QUEUE);
  fn.frame(2, at);
  const kind = fn.dice.pick([87, 88, 89]);
  if (kind === 87) fn.put(ALU64 | MOV, 3, 0, 0, fn.dice.pick([0, 2]));
  fn.helper(kind);
}

function comm(fn: Fn): void {
  const at = fn.buffer(16);
  if (at === 0) return;
  fn.frame(1, at);
  fn.put(ALU64 | MOV, 2, 0, 0, fn.miss(15) ? 0 : 16);
  fn.helper(16);
}

function probeRead(fn: Fn): void {
  const at = fn.buffer(16);
  if (at === 0) return;
  const limited = fn.dice.chance(50) ? bounded(fn, 16) : -1;
  if (limited >= 0) {
    if (limited !== 2) fn.put(ALU64 | MOV | X, 2, limited);
    fn.regs[2] = null;
  } else fn.put(ALU64 | MOV, 2, 0, 0, 1 + fn.dice.below(16));
  fn.regs[1] = null;
  numArg(fn, 3);
  fn.frame(1, at);
  fn.helper(fn.dice.pick([112, 113]));
}

function loadBytes(fn: Fn, id: number): void {
  const at = fn.buffer(16);
  if (at === 0) return;
  if (fn.ctx(1) < 0) return;
  numArg(fn, 2, 40);
  fn.frame(3, at);
  fn.put(ALU64 | MOV, 4, 0, 0, fn.miss(15) ? 64 : 1 + fn.dice.below(16));
  fn.helper(id);
}

function storeBytes(fn: Fn): void {
  if (fn.loops > 0 || !fn.isMain) return;
  const at = fn.buffer(16);
  if (at === 0 || fn.ctx(1) < 0) return;
  numArg(fn, 2, 40);
  fn.frame(3, at);
  fn.put(ALU64 | MOV, 4, 0, 0, 1 + fn.dice.below(16));
  fn.put(ALU64 | MOV, 5, 0, 0, fn.dice.pick([0, 1]));
  fn.helper(9);
  if (!fn.miss(25)) fn.forgetPacket();
}

/** Moves the packet's ends, which ends all pointers to it. */
function adjust(fn: Fn): void {
  if (fn.loops > 0 || !fn.isMain || fn.ctx(1) < 0) return;
  const id = fn.dice.pick([44, 54, 65]);
  fn.put(ALU64 | MOV, 2, 0, 0, id === 54 ? -4 * fn.dice.below(4) : fn.dice.below(9) - 4);
  fn.helper(id);
  if (!fn.miss(25)) fn.forgetPacket();
}

/** Memory of a map or packet behind a dynptr: read, written, sliced. */
function dynptr(fn: Fn): void {
  const { dice } = fn;
  const at = fn.take(2);
  const buffer = fn.buffer(16);
  if (at === 0 || buffer === 0) return;
  const kfunc = fn.world.kind.name === 'xdp' ? 'bpf_dynptr_from_xdp' : fn.world.kind.skb ? 'bpf_dynptr_from_skb' : '';
  const values = fn.memories((m) => m.from === 'value' && m.size >= 8);
  if (kfunc !== '' && dice.chance(50)) {
    if (fn.ctx(1) < 0) return;
    fn.put(ALU64 | MOV, 2, 0, 0, 0);
    fn.frame(3, at);
    fn.kfunc(kfunc);
  } else if (values.length > 0) {
    const reg = dice.pick(values);
    const { size } = fn.regs[reg] as Held & { kind: 'memory' };
    if (reg !== 1) fn.put(ALU64 | MOV | X, 1, reg);
    fn.put(ALU64 | MOV, 2, 0, 0, fn.miss(15) ? size + 1 : dice.below(size) + 1);
    fn.put(ALU64 | MOV, 3, 0, 0, 0);
    fn.frame(4, at);
    fn.helper(197);
  } else return;
  const wrong = fn.miss(10) ? 8 : 0;
  if (dice.chance(60)) {
    const write = dice.chance(40);
    fn.frame(write ? 1 : 3, at + wrong);
    fn.frame(write ? 3 : 1, buffer);
    if (write) numArg(fn, 2);
    else fn.put(ALU64 | MOV, 2, 0, 0, 1 + dice.below(16));
    fn.put(ALU64 | MOV, 4, 0, 0, write ? 8 : dice.below(8));
    fn.put(ALU64 | MOV, 5, 0, 0, 0);
    fn.helper(write ? 202 : 201);
    if (write && fn.world.kind.skb) fn.forgetPacket();
  } else {
    fn.frame(1, at + wrong);
    fn.put(ALU64 | MOV, 2, 0, 0, dice.below(4));
    if (dice.chance(50)) {
      fn.put(ALU64 | MOV, 3, 0, 0, 8);
      fn.helper(203, null);
    } else {
      fn.frame(3, buffer);
      fn.put(ALU64 | MOV, 4, 0, 0, 8);
      fn.kfunc('bpf_dynptr_slice', null);
    }
    if (fn.miss(15)) fn.put(LDX | MEM | DW, 2, 0, 0);
    else {
      fn.put(JMP | JEQ, 0, 0, 1, 0);
      fn.put(LDX | MEM | 0x10, 2, 0, dice.below(8));
    }
    fn.regs[0] = null;
    fn.regs[2] = null;
  }
}

/** A stretch that holds off preemption or enters an RCU section. */
export function section(fn: Fn, block: Block): void {
  const rcu = fn.dice.chance(40);
  fn.kfunc(rcu ? 'bpf_rcu_read_lock' : 'bpf_preempt_disable', null);
  fn.open++;
  block(fn, 1 + fn.dice.below(3));
  fn.open--;
  if (fn.miss(20)) return;
  fn.kfunc(rcu ? 'bpf_rcu_read_unlock' : 'bpf_preempt_enable', null);
}

/** Sets the arguments of a call; false where one cannot be had. */
function passes(fn: Fn, params: readonly Param[]): boolean {
  for (const [i, param] of params.entries()) {
    if (param === 'num') {
      numArg(fn, i + 1);
    } else if (param === 'ctx') {
      if (fn.slots.every((s) => s === null || typeof s !== 'object' || s.kind !== 'ctx')) return false;
      fn.put(LDX | MEM | DW, i + 1, 10, -8 * (fn.slots.findIndex((s) => s !== null && typeof s === 'object' && s.kind === 'ctx') + 1));
      fn.regs[i + 1] = null;
    } else if (param === 'stack16') {
      const at = fn.buffer(16);
      if (at === 0) return false;
      fn.frame(i + 1, at);
      // The callee may write them.
      fn.slots[-at / 8 - 1] = 'bytes';
      fn.slots[-at / 8 - 2] = 'bytes';
    } else {
      fn.lddwMap(i + 1, 0, 2);
    }
  }
  return true;
}

/** A call of one of the program's own functions, new or made before. */
export function ownCall(fn: Fn): void {
  const { dice, world } = fn;
  if (fn.depth >= 3) return;
  const known = world.functions.flatMap((f, i) => (!f.isCallback && f.fn.depth > fn.depth ? [i] : []));
  let id: number;
  if (known.length > 0 && (dice.chance(50) || world.functions.length >= 5)) id = dice.pick(known);
  else {
    if (world.functions.length >= 5) return;
    const global = dice.chance(35);
    const params = Array.from({ length: dice.below(4) }, (): Param => dice.pick(['num', 'num', 'stack16', 'ctx', 'value64']));
    if (global && world.kind.wide) return;
    id = world.define(params, { global }, fn.depth + 1);
  }
  if (!passes(fn, world.functions[id]!.params)) return;
  fn.calls.push({ at: fn.put(OP_CALL, 0, PSEUDO_CALL), to: id });
  fn.called(ANY);
  if (world.functions[id]!.linkage === 'global') fn.forgetPacket();
}

/** `bpf_loop`, and `bpf_for_each_map_elem`. */
export function callback(fn: Fn): void {
  const { dice, world } = fn;
  if (fn.depth >= 2 || fn.loops > 1 || fn.trips > 8 || world.functions.length >= 5) return;
  const each = dice.chance(35);
  const at = fn.buffer(16);
  if (at === 0) return;
  const id = world.define(each ? ['map', 'key', 'value64', 'stack16'] : ['num', 'stack16'], { callback: true }, fn.depth + 1);
  if (each) fn.lddwMap(1, 0);
  else if (dice.chance(60) || world.engine) {
    fn.put(ALU64 | MOV, 1, 0, 0, dice.below(12));
    fn.regs[1] = null;
  } else numArg(fn, 1);
  fn.calls.push({ at: fn.put(OP_LDDW, 2, PSEUDO_FUNC), to: id });
  fn.put(0);
  if (fn.miss(8)) fn.put(ALU64 | MOV, 3, 0, 0, 0);
  else fn.frame(3, at);
  fn.put(ALU64 | MOV, 4, 0, 0, 0);
  fn.helper(each ? 164 : 181);
  fn.slots[-at / 8 - 1] = 'bytes';
  fn.slots[-at / 8 - 2] = 'bytes';
}

/** What a function finds in its arguments. */
export function receive(fn: Fn, params: readonly Param[], global: boolean): void {
  const { dice } = fn;
  for (const [i, param] of params.entries()) {
    const r = i + 1;
    if (param === 'num') fn.regs[r] = ANY;
    else if (param === 'ctx') {
      fn.put(STX | MEM | DW, 10, r, -8);
      fn.slots[0] = { kind: 'ctx' };
      fn.regs[r] = { kind: 'ctx' };
    } else if (param === 'map') fn.regs[r] = null;
    else if (param === 'key') fn.regs[r] = { kind: 'memory', size: 4, from: 'other', writable: false };
    else {
      const size = param === 'stack16' ? 16 : 64;
      if (global && !fn.miss(20)) {
        fn.put(JMP | JNE, r, 0, 2, 0);
        fn.put(ALU64 | MOV, 0, 0, 0, 0);
        fn.put(0x95);
      }
      // Memory of a global function's argument is no stack to the verifier, but the caller's may be.
      fn.regs[r] = { kind: 'memory', size, from: param === 'stack16' ? 'stack' : global ? 'other' : 'value', writable: true };
    }
    // Arguments move to where calls do not lose them.
    const held = fn.regs[r];
    if (held && held.kind !== 'ctx' && dice.chance(60)) {
      const to = fn.lasting();
      if (to >= 0 && fn.regs[to] === null) fn.mov(to, r);
    }
  }
}

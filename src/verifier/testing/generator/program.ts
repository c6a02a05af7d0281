import { DW, LDX, MEM, ST, STX } from '../../../bpf/insn.ts';
import type { ArgType, Insn, MapDef, Program, Subprog } from '../../../bpf/program.ts';
import { Dice } from '../dice.ts';
import { alu } from './arithmetic.ts';
import { callback, directValue, mapCall, ownCall, receive, record, section, simpleHelper, socket } from './calls.ts';
import { branch, counted, iterator, leave, mayGoto } from './flow.ts';
import { BYTES, Fn, type Made, type Param, SIZES, SLOTS, type World } from './fn.ts';
import { ANY } from './held.ts';
import { access, context, loadPacket, packet, stack, variable, variableStack } from './memory.ts';
import { GENERATOR_MAPS, KINDS, type Kind, RUNNABLE, STATE, XDP } from './tables.ts';

export interface GeneratorOptions {
  /**
   * Programs of types that a test run takes, that need only what the engine has and give the same result each time. They leave their
   * registers in the map `state`.
   */
  readonly engine?: boolean;
  /** Share of programs with mistakes in them, in percent. */
  readonly mistakes?: number;
}

/**
 * A random program that means something: the generator keeps account of what each register and stack slot holds, so that most programs
 * are accepted; most of the others are wrong in one or two places, by little. The same seed and options, the same program.
 */
export function structuredProgram(seed: number, options: GeneratorOptions = {}): Program {
  const dice = new Dice(seed);
  const engine = options.engine ?? false;
  const mistakes = options.mistakes ?? (engine ? 10 : 45);
  const world: World = {
    dice,
    engine,
    kind: pickKind(dice, engine ? RUNNABLE : KINDS),
    faults: dice.chance(mistakes) ? 1 + (dice.chance(30) ? 1 : 0) : 0,
    budget: 20 + dice.below(engine ? 70 : 50),
    functions: [],
    define: (params, how, depth) => define(world, params, how, depth),
  };
  const main = new Fn(world, 0, false);
  main.regs[1] = { kind: 'ctx' };
  main.put(STX | MEM | DW, 10, 1, -8);
  main.slots[0] = { kind: 'ctx' };
  if (dice.chance(60)) main.mov(6, 1);
  begin(main);
  while (world.budget > 0) step(main);
  finish(main);
  return link(main, world, seed);
}

function pickKind(dice: Dice, kinds: readonly Kind[]): Kind {
  let at = dice.below(kinds.reduce((sum, { weight }) => sum + weight, 0));
  for (const kind of kinds) {
    at -= kind.weight;
    if (at < 0) return kind;
  }
  return XDP;
}

/** Slots and registers to begin with. */
function begin(fn: Fn): void {
  const { dice, world } = fn;
  const all = world.engine;
  for (let s = 1; s < SLOTS; s++) {
    if (!all && !dice.chance(fn.isMain ? 50 : 25)) continue;
    fn.put(ST | MEM | DW, 10, 0, -8 * (s + 1), fn.immediate());
    fn.slots[s] = ANY;
  }
  for (let i = 0; i < 2 + dice.below(3); i++) fn.movImm(fn.free(), fn.immediate());
  if (!fn.isMain) return;
  if (dice.chance(85)) directValue(fn);
  // Numbers of which little is known.
  for (let i = 0; i < 3 + dice.below(3); i++) {
    const memory = fn.memories((m) => m.size >= 64);
    if (memory.length === 0) break;
    const dst = fn.free();
    const size = dice.pick(SIZES);
    fn.put(LDX | MEM | size, dst, dice.pick(memory), dice.below(7) * 8);
    fn.regs[dst] = size === DW ? ANY : { kind: 'num', max: 2 ** (8 * BYTES[size]!) - 1 };
    if (!dice.chance(40)) continue;
    const slot = 1 + dice.below(SLOTS - 1);
    fn.put(STX | MEM | DW, 10, dst, -8 * (slot + 1));
    fn.slots[slot] = fn.regs[dst]!;
  }
}

function finish(fn: Fn): void {
  const { world } = fn;
  if (world.engine && fn.isMain) {
    // Every number ends up where the comparison sees it.
    const free = [6, 7, 8, 9].find((r) => fn.regs[r]?.kind !== 'num') ?? 9;
    fn.lddwMap(free, STATE, 2);
    for (let r = 0; r < 10; r++) if (r !== free && fn.regs[r]?.kind === 'num') fn.put(STX | MEM | DW, free, r, r * 8);
    for (let r = 0; r < 10; r++) if (r === free || fn.regs[r]?.kind !== 'num') fn.regs[r] = null;
  }
  fn.exit();
}

function define(world: World, params: readonly Param[], how: { global?: boolean; callback?: boolean }, depth: number): number {
  const fn = new Fn(world, depth, how.callback ?? false);
  const id = world.functions.length;
  const args: ArgType[] = params.map((param) =>
    param === 'ctx'
      ? { kind: 'ctx' }
      : param === 'num'
        ? { kind: 'scalar' }
        : { kind: 'mem', size: param === 'stack16' ? 16 : 64, nonNull: false },
  );
  const made: Made = {
    fn,
    name: `f${id}`,
    params,
    linkage: how.global ? 'global' : 'static',
    ...(how.global ? { args } : {}),
    isCallback: how.callback ?? false,
  };
  world.functions.push(made);
  receive(fn, params, how.global ?? false);
  begin(fn);
  for (let steps = 2 + world.dice.below(6); steps > 0; steps--) step(fn);
  fn.exit();
  return id;
}

function block(fn: Fn, steps: number): void {
  for (let i = 0; i < steps; i++) step(fn);
}

/** One thing that a program does. */
function step(fn: Fn): void {
  const { dice, world } = fn;
  world.budget--;
  // Branches in loops multiply the paths.
  const deep = fn.nesting >= 3 || world.budget < -60 || (fn.trips > 4 && dice.chance(fn.trips > 12 ? 85 : 60));
  const roll = dice.below(100);
  if (roll < 24) alu(fn);
  else if (roll < 36) stack(fn);
  else if (roll < 48) access(fn);
  else if (roll < 56) variable(fn);
  else if (roll < 60) variableStack(fn);
  else if (roll < 64) context(fn);
  else if (roll < 66) (world.kind.skb ? loadPacket : directValue)(fn);
  else if (deep) alu(fn);
  else if (roll < 73) branch(fn, block);
  else if (roll < 75) leave(fn);
  else if (roll < 80) mapCall(fn, block);
  else if (roll < 84) simpleHelper(fn);
  else if (roll < 88) ownCall(fn);
  else if (roll < 92) counted(fn, block);
  else if (roll < 95) packet(fn, block);
  else if (roll < 96) mayGoto(fn, block);
  else if (roll < 97) callback(fn);
  else if (roll < 98) record(fn, block);
  else if (roll < 99) (dice.chance(50) || world.engine ? iterator : socket)(fn, block);
  else section(fn, block);
}

/** Functions one after the other, calls resolved, and only the maps that are named. */
function link(main: Fn, world: World, seed: number): Program {
  // A call that was given up leaves a function that nobody calls.
  const called = new Set<Made>();
  const visit = (fn: Fn): void => {
    for (const { to } of fn.calls) {
      const callee = world.functions[to]!;
      if (called.has(callee)) continue;
      called.add(callee);
      visit(callee.fn);
    }
  };
  visit(main);
  const all = [{ fn: main, name: 'main', linkage: 'global' as const }, ...world.functions.filter((made) => called.has(made))];
  const starts: number[] = [];
  let at = 0;
  for (const { fn } of all) {
    starts.push(at);
    at += fn.code.length;
  }
  const insns: Insn[] = all.flatMap(({ fn }) => fn.code);
  const kfuncCalls = new Map<number, string>();
  all.forEach(({ fn }, i) => {
    for (const call of fn.calls) {
      const place = starts[i]! + call.at;
      const callee = all.indexOf(world.functions[call.to]!);
      insns[place] = { ...insns[place]!, imm: starts[callee]! - place - 1 };
    }
    for (const [place, name] of fn.kfuncs) kfuncCalls.set(starts[i]! + place, name);
  });
  const maps: MapDef[] = [];
  insns.forEach((insn, i) => {
    if (insn.opcode !== 0x18 || (insn.src !== 1 && insn.src !== 2)) return;
    const def = GENERATOR_MAPS[insn.imm]!;
    if (!maps.includes(def)) maps.push(def);
    insns[i] = { ...insn, imm: maps.indexOf(def) };
  });
  const subprogs: Subprog[] = all.map(({ name, linkage, ...rest }, i) => ({
    name,
    start: starts[i]!,
    linkage,
    ...('args' in rest && rest.args ? { args: rest.args, returns: 'scalar' as const } : {}),
  }));
  return {
    name: `fuzz_${seed}`,
    section: world.kind.section,
    progType: world.kind.progType,
    expectedAttachType: 0,
    sleepable: world.kind.sleepable ?? false,
    loadFlags: 0,
    license: 'GPL',
    insns,
    subprogs,
    maps,
    lineInfo: [],
    origins: [],
    insnOrigins: insns.map(() => []),
    kfuncCalls,
  };
}

import { InputError } from '../../base/errors.ts';
import { helperId } from '../../bpf/helper-names.ts';
import {
  ADD,
  ALU64,
  CALL,
  classOf,
  DW,
  EXIT,
  IMM,
  isJump,
  isPseudoCall,
  JA,
  JCOND,
  JGT,
  JMP,
  jumpTarget,
  K,
  LD,
  LDX,
  MEM,
  MOV,
  modeOf,
  opOf,
  PSEUDO_FUNC,
  PSEUDO_MAP_VALUE,
  ST,
  STX,
  X,
} from '../../bpf/insn.ts';
import { MAP_TYPE_ARRAY } from '../../bpf/maps.ts';
import type { Insn, InsnIdx, MapDef, Program } from '../../bpf/program.ts';
import type { KernelVersion } from '../api.ts';
import { applyEdit, type Change, type NewInsn, positions } from '../explain/edit.ts';
import { type Counter, type Loop, writes } from './loop.ts';

export const FORMS = ['may_goto', 'bpf_loop', 'unrolled'] as const;
export type LoopForm = (typeof FORMS)[number];

const FP = 10;
const STACK_BYTES = 512;
/** Rounds that `bpf_loop` may be asked for (kernel BPF_MAX_LOOPS). */
const MOST_ROUNDS = 8_388_608;
const MOST_UNROLLED = 65_536;
/** Holds a zero that the verifier does not know: a counter that starts from a known number is walked in full. */
const ZERO_MAP = 'loop_zero';

const insn = (opcode: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });
const refuse = (why: string, loop: Loop): never => {
  throw new InputError(why, `the loop at insn ${loop.head}`);
};

/**
 * The program with one loop in another form, doing the same. Throws {@link InputError} that says why where the shape does not allow it. `liveRegs` holds
 * the registers that are live before each instruction. Whether the verifier accepts the result is for the caller to ask.
 */
export function rewriteLoop(program: Program, loop: Loop, form: LoopForm, kernel: KernelVersion, liveRegs: ArrayLike<number>): Program {
  if (form === 'unrolled') return unrolled(program, loop);
  if (form === 'may_goto') {
    if (kernel !== '6.12' && kernel !== '6.18') refuse(`may_goto needs Linux 6.9; the rules are those of ${kernel}`, loop);
    return mayGoto(program, loop);
  }
  if (kernel === '5.15') refuse(`bpf_loop needs Linux 5.17; the rules are those of ${kernel}`, loop);
  return asCallback(program, loop, liveRegs);
}

function unrolled(program: Program, loop: Loop): Program {
  const { head, latch, exit, counter } = loop;
  if (!counter) return refuse('the number of rounds is not known from the code, so it cannot be unrolled', loop);
  const length = latch - head;
  if (counter.rounds * length > MOST_UNROLLED)
    refuse(`${counter.rounds} rounds would come to more than ${MOST_UNROLLED} instructions`, loop);
  const body = bodyOf(program, loop);
  const insert: NewInsn[] = [];
  for (let round = 0; round < counter.rounds; round++)
    for (const [i, one] of body.entries()) {
      const target = isJump(one) && opOf(one) !== JCOND ? jumpTarget(one, head + i) : null;
      insert.push(target !== null && (target < head || target > latch) ? { insn: one, target } : { insn: one });
    }
  // An edit ends before the instruction that follows; a loop at the end of its function has none to jump to.
  return applyEdit(program, { changes: [{ at: head, remove: exit - head, insert }] });
}

/** The body without the jump that leads back. */
function bodyOf(program: Program, loop: Loop): readonly Insn[] {
  const body = program.insns.slice(loop.head, loop.latch);
  if (body.some((one) => isPseudoCall(one))) refuse('its body calls a function of the program', loop);
  if (program.kfuncCalls.size > 0 && [...program.kfuncCalls.keys()].some((at) => at >= loop.head && at < loop.latch))
    refuse('its body calls a kernel function', loop);
  return body;
}

/** The counter starts from the zero in the map. */
function unknownStart({ reg, init, initAt }: Counter, map: number): Change {
  return {
    at: initAt,
    remove: 1,
    insert: [
      { insn: insn(LD | IMM | DW, reg, PSEUDO_MAP_VALUE, 0, map) },
      { insn: insn(0) },
      { insn: insn(LDX | MEM | DW, reg, reg) },
      ...(init > 0 ? [{ insn: insn(ALU64 | ADD | K, reg, 0, 0, init) }] : []),
    ],
  };
}

function withZero(program: Program): { program: Program; map: number } {
  const known = program.maps.findIndex(({ name }) => name === ZERO_MAP);
  if (known >= 0) return { program, map: known };
  const zero: MapDef = { name: ZERO_MAP, type: MAP_TYPE_ARRAY, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 };
  return { program: { ...program, maps: [...program.maps, zero] }, map: program.maps.length };
}

function mayGoto(before: Program, { head, exit, counter }: Loop): Program {
  const change: NewInsn[] = [{ insn: insn(JMP | JCOND), target: exit }];
  if (!counter) return applyEdit(before, { changes: [{ at: head, remove: 0, insert: change }] });
  const { program, map } = withZero(before);
  change.push({ insn: insn(JMP | JGT | K, counter.reg, 0, 0, counter.last), target: exit });
  return applyEdit(program, { changes: [unknownStart(counter, map), { at: head, remove: 0, insert: change }] });
}

/** Registers in a set of bits. */
const registers = (bits: number): number[] => Array.from({ length: FP }, (_, reg) => reg).filter((reg) => bits & (1 << reg));

function asCallback(before: Program, loop: Loop, liveRegs: ArrayLike<number>): Program {
  const { head, latch, exit, bottom, counter } = loop;
  const body = bodyOf(before, loop);
  const { program, map } = counter ? withZero(before) : { program: before, map: -1 };
  const { insns } = program;
  let changed = 0;
  for (const one of [...body, insns[latch]!]) for (let reg = 0; reg < FP; reg++) if (writes(one, reg)) changed |= 1 << reg;
  for (const [i, one] of body.entries()) {
    if (readsFrame(one)) refuse('its body uses the stack, which a callback has of its own', loop);
    if (isJump(one) && opOf(one) === JCOND) refuse('it has a may_goto of its own', loop);
    if (one.opcode === (JMP | EXIT)) refuse('its body ends the function', loop);
    if (!isJump(one)) continue;
    const target = jumpTarget(one, head + i);
    if (target < head || target > exit) refuse(`a jump leads out of it to insn ${target}, and a callback can only go on or stop`, loop);
  }
  const liveAtExit = liveRegs[exit]!;
  const shared = registers((liveRegs[head]! | (changed & liveAtExit)) & 0x3ff);
  const kept = shared.filter((reg) => changed & (1 << reg));
  const base = lowestStack(insns, loop) - 8 * shared.length;
  if (base < -STACK_BYTES) refuse(`it shares ${shared.length} registers, and the stack has no room for them`, loop);
  const holder = Array.from({ length: FP }, (_, reg) => reg).find((reg) => !kept.includes(reg));
  if (holder === undefined) return refuse('it changes all registers, and one must hold the place of the others', loop);
  const offOf = (reg: number): number => 8 * shared.indexOf(reg);

  const callback: Insn[] = [insn(STX | MEM | DW, FP, 2, -8)];
  for (const reg of shared.filter((one) => one !== 2)) callback.push(insn(LDX | MEM | DW, reg, 2, offOf(reg)));
  if (shared.includes(2)) callback.push(insn(LDX | MEM | DW, 2, 2, offOf(2)));
  const toStop: number[] = [];
  if (counter) {
    toStop.push(callback.length);
    callback.push(insn(JMP | JGT | K, counter.reg, 0, 0, counter.last));
  }
  for (const [i, one] of body.entries()) {
    if (isJump(one) && jumpTarget(one, head + i) === exit) toStop.push(callback.length);
    callback.push(one);
  }
  if (bottom) {
    callback.push({ ...insns[latch]!, off: 1 });
    toStop.push(callback.length);
    callback.push(insn(JMP | JA));
  }
  const leave = (value: number): Insn[] => [
    insn(LDX | MEM | DW, holder, FP, -8),
    ...kept.map((reg) => insn(STX | MEM | DW, holder, reg, offOf(reg))),
    insn(ALU64 | MOV | K, 0, 0, 0, value),
    insn(JMP | EXIT),
  ];
  callback.push(...leave(0));
  for (const at of toStop) callback[at] = { ...callback[at]!, off: callback.length - at - 1 };
  callback.push(...leave(1));

  // The call destroys r0 to r5; what is live behind the loop and untouched in it is live at its head, and so among the shared.
  const again = registers(liveAtExit & 0x3ff).filter((reg) => shared.includes(reg) && (reg <= 5 || changed & (1 << reg)));
  const site: NewInsn[] = [
    ...shared.map((reg) =>
      liveRegs[head]! & (1 << reg) ? insn(STX | MEM | DW, FP, reg, base + offOf(reg)) : insn(ST | MEM | DW, FP, 0, base + offOf(reg)),
    ),
    insn(ALU64 | MOV | K, 1, 0, 0, counter?.rounds ?? MOST_ROUNDS),
    insn(LD | IMM | DW, 2, PSEUDO_FUNC),
    insn(0),
    insn(ALU64 | MOV | X, 3, FP),
    insn(ALU64 | ADD | K, 3, 0, 0, base),
    insn(ALU64 | MOV | K, 4),
    insn(JMP | CALL, 0, 0, 0, helperId('bpf_loop')!),
    ...again.map((reg) => insn(LDX | MEM | DW, reg, FP, base + offOf(reg))),
  ].map((one) => ({ insn: one }));
  const changes: Change[] = [
    ...(counter ? [unknownStart(counter, map)] : []),
    { at: head, remove: exit - head, insert: site },
    { at: insns.length, remove: 0, insert: callback.map((one) => ({ insn: one })) },
  ];
  const made = applyEdit(program, { changes });
  const { entry } = positions(insns.length, { changes });
  const begins = entry[insns.length]!;
  const address = entry[head]! + site.findIndex(({ insn: { opcode, src } }) => opcode === (LD | IMM | DW) && src === PSEUDO_FUNC);
  const taken = new Set(made.subprogs.map(({ name }) => name));
  let name = 'loop_round';
  for (let i = 1; taken.has(name); i++) name = `loop_round_${i}`;
  const line = program.lineInfo.findLast(({ insnIdx }) => insnIdx <= head);
  return {
    ...made,
    lineInfo: line ? [...made.lineInfo, { ...line, insnIdx: begins }] : made.lineInfo,
    insns: made.insns.map((one, at) => (at === address ? { ...one, imm: begins - at - 1 } : one)),
    subprogs: [...made.subprogs, { name, start: begins, linkage: 'static' }],
  };
}

function readsFrame(one: Insn): boolean {
  const cls = classOf(one);
  if (cls === LDX) return one.src === FP;
  if (cls === ST) return one.dst === FP;
  if (cls === STX) return one.dst === FP || one.src === FP;
  return (one.opcode & X) !== 0 && one.src === FP;
}

/** Where the function's own use of the stack ends: accesses through r10, and what is added to copies of it. */
function lowestStack(insns: readonly Insn[], { start, end }: { start: InsnIdx; end: InsnIdx }): number {
  let lowest = 0;
  const copies = new Set<number>([FP]);
  for (let at = start; at < end; at++) {
    const one = insns[at]!;
    const cls = classOf(one);
    if (cls === ALU64 && opOf(one) === MOV && (one.opcode & X) !== 0 && copies.has(one.src)) copies.add(one.dst);
    if (cls === ALU64 && opOf(one) === ADD && (one.opcode & X) === 0 && copies.has(one.dst)) lowest = Math.min(lowest, one.imm);
    if ((cls === LDX && copies.has(one.src)) || ((cls === ST || cls === STX) && copies.has(one.dst) && modeOf(one) !== 0))
      lowest = Math.min(lowest, one.off);
  }
  return Math.floor(lowest / 8) * 8;
}

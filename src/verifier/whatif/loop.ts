import { secondSlots } from '../../bpf/functions.ts';
import {
  ADD,
  ALU,
  ALU64,
  CALL,
  classOf,
  isJump,
  JA,
  JCOND,
  JEQ,
  JGE,
  JGT,
  JLE,
  JLT,
  JMP,
  JNE,
  JSGE,
  JSGT,
  JSLE,
  JSLT,
  jumpTarget,
  LDX,
  MOV,
  opOf,
  X,
} from '../../bpf/insn.ts';
import type { Insn, InsnIdx, Program } from '../../bpf/program.ts';

/** A counter that goes up in equal steps from a known start, and decides whether there is another round. */
export interface Counter {
  readonly reg: number;
  readonly init: number;
  readonly initAt: InsnIdx;
  /** Largest value at the loop's head. */
  readonly last: number;
  readonly rounds: number;
}

/** A loop in one piece: instructions `head` to `latch`, from where the only jump leads back. */
export interface Loop {
  readonly head: InsnIdx;
  readonly latch: InsnIdx;
  /** First instruction behind it. */
  readonly exit: InsnIdx;
  readonly start: InsnIdx;
  readonly end: InsnIdx;
  /** The condition stands at the end, else at the head. */
  readonly bottom: boolean;
  /** Null where the number of rounds is not known from the code. */
  readonly counter: Counter | null;
}

const MOST_ROUNDS = 1 << 20;

/** The innermost loop around an instruction that is in one piece; null where there is none. */
export function loopAround(program: Program, at: InsnIdx): Loop | null {
  const { insns } = program;
  const starts = program.subprogs.map(({ start }) => start);
  const start = Math.max(0, ...starts.filter((one) => one <= at));
  const end = Math.min(insns.length, ...starts.filter((one) => one > at));
  const second = secondSlots(insns);
  const jumps = insns.flatMap((insn, idx) =>
    idx >= start && idx < end && !second[idx] && isJump(insn) ? [{ idx, to: jumpTarget(insn, idx) }] : [],
  );
  const back = jumps
    .filter(({ idx, to }) => to <= at && at <= idx && opOf(insns[idx]!) !== JCOND)
    .sort((a, b) => a.idx - a.to - (b.idx - b.to));
  for (const { idx: latch, to: head } of back) {
    const entersInside = jumps.some(({ idx, to }) => (idx < head || idx > latch) && to > head && to <= latch);
    const backAgain = jumps.some(({ idx, to }) => idx !== latch && idx >= head && idx < latch && to === head);
    const test = insns[latch]!;
    const bottom = opOf(test) !== JA;
    const exits = !bottom && (!isJump(insns[head]!) || jumpTarget(insns[head]!, head) !== latch + 1);
    if (entersInside || backAgain || exits || latch + 1 >= end) continue;
    const loop = { head, latch, exit: latch + 1, start, end, bottom };
    return { ...loop, counter: counterOf(insns, loop, jumps) };
  }
  return null;
}

const NEGATED: Readonly<Record<number, number>> = {
  [JEQ]: JNE,
  [JNE]: JEQ,
  [JGT]: JLE,
  [JLE]: JGT,
  [JGE]: JLT,
  [JLT]: JGE,
  [JSGT]: JSLE,
  [JSLE]: JSGT,
  [JSGE]: JSLT,
  [JSLT]: JSGE,
};

/** Whether a small counter that is not negative stands to an immediate as an operation says. */
function holds(op: number, value: number, imm: number): boolean {
  const unsigned = imm < 0 ? Number.POSITIVE_INFINITY : imm;
  switch (op) {
    case JEQ:
      return value === imm;
    case JNE:
      return value !== imm;
    case JGT:
      return value > unsigned;
    case JGE:
      return value >= unsigned;
    case JLT:
      return value < unsigned;
    case JLE:
      return value <= unsigned;
    case JSGT:
      return value > imm;
    case JSGE:
      return value >= imm;
    case JSLT:
      return value < imm;
    default:
      return value <= imm;
  }
}

/** Whether an instruction writes a register. */
export function writes(insn: Insn, reg: number): boolean {
  const cls = classOf(insn);
  if (cls === ALU || cls === ALU64 || cls === LDX || cls === 0) return insn.dst === reg;
  if (cls === JMP && opOf(insn) === CALL) return reg <= 5;
  return cls === 3 && (insn.opcode & 0xe0) === 0xc0 && (insn.src === reg || reg === 0);
}

function counterOf(
  insns: readonly Insn[],
  { head, latch, start, bottom }: Omit<Loop, 'counter'>,
  jumps: readonly { readonly idx: number; readonly to: number }[],
): Counter | null {
  const test = insns[bottom ? latch : head]!;
  const op = bottom ? opOf(test) : NEGATED[opOf(test)];
  if (op === undefined || !(op in NEGATED) || (test.opcode & X) !== 0) return null;
  const reg = test.dst;
  const changes = insns.flatMap((insn, idx) => (idx >= head && idx <= latch && writes(insn, reg) ? [idx] : []));
  const [add] = changes;
  if (changes.length !== 1 || add === undefined) return null;
  const step = insns[add]!;
  const cls = classOf(step);
  if ((cls !== ALU64 && cls !== ALU) || opOf(step) !== ADD || (step.opcode & X) !== 0 || step.imm <= 0) return null;
  if (jumps.some(({ idx, to }) => idx >= head && idx < add && to > add && to <= latch)) return null;
  let initAt = head - 1;
  while (initAt >= start && !writes(insns[initAt]!, reg)) {
    // Whoever comes here by another way brings another number.
    if (jumps.some(({ to }) => to === initAt) || isJump(insns[initAt]!)) return null;
    initAt--;
  }
  const init = insns[initAt];
  if (initAt < start || !init || opOf(init) !== MOV || (init.opcode & X) !== 0 || init.imm < 0 || classOf(init) === JMP) return null;
  if (classOf(init) !== ALU64 && classOf(init) !== ALU) return null;
  let value = init.imm;
  let rounds = 0;
  if (bottom) {
    do {
      rounds++;
      value += step.imm;
    } while (holds(op, value, test.imm) && rounds < MOST_ROUNDS);
  } else
    while (holds(op, value, test.imm) && rounds < MOST_ROUNDS) {
      rounds++;
      value += step.imm;
    }
  if (rounds === 0 || rounds === MOST_ROUNDS || value > 0x7fffffff) return null;
  return { reg, init: init.imm, initAt, last: value - step.imm, rounds };
}

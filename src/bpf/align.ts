import { secondSlots } from './functions.ts';
import {
  ALU,
  ALU64,
  CALL,
  EXIT,
  isFuncAddress,
  isPseudoCall,
  JA,
  JMP,
  JMP32,
  LDX,
  OP_CALL,
  OP_LDDW,
  PSEUDO_KFUNC_CALL,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_VALUE,
  ST,
  STX,
} from './insn.ts';
import type { InsnIdx, Program } from './program.ts';

/** How an instruction of one program stands to that of another beside it. */
export const SAME = 0;
/** The same operation on other registers. */
export const OTHER_REGISTERS = 1;
/** Another operation of the same source line. */
export const OTHER = 2;
export const ONLY_A = 3;
export const ONLY_B = 4;

export interface AlignedRow {
  readonly kind: typeof SAME | typeof OTHER_REGISTERS | typeof OTHER | typeof ONLY_A | typeof ONLY_B;
  /** Instruction of each program; -1 without one. */
  readonly a: InsnIdx;
  readonly b: InsnIdx;
}

/** A function of one program beside that of the other; index into `subprogs`, -1 without one. */
export interface AlignedFunction {
  readonly a: number;
  readonly b: number;
  readonly rows: readonly AlignedRow[];
}

/** Beyond this many pairs of instructions a function is aligned by runs of equal ones alone. */
const MOST_PAIRS = 6_000_000;

interface Side {
  readonly program: Program;
  readonly second: Uint8Array;
  /** Number of the source line of each instruction, the same for the same file and line in both programs; 0 for none. */
  readonly line: Int32Array;
}

/**
 * Two programs side by side: functions paired by name, instructions by source line and content. The main functions belong together whatever they are called,
 * and so do two functions that are left over alone.
 */
export function alignPrograms(a: Program, b: Program): AlignedFunction[] {
  const lines = new Map<string, number>();
  const [left, right] = [side(a, lines), side(b, lines)];
  return pairs(a, b).map(([i, j]) => ({ a: i, b: j, rows: alignFunction(left, right, i, j) }));
}

function side(program: Program, lines: Map<string, number>): Side {
  const line = new Int32Array(program.insns.length);
  const starts = new Set(program.subprogs.map(({ start }) => start));
  const at = new Map(program.lineInfo.map((info) => [info.insnIdx, info]));
  let current = 0;
  for (let idx = 0; idx < line.length; idx++) {
    if (starts.has(idx)) current = 0;
    const info = at.get(idx);
    if (info) {
      // Compilers differ in how they write the folder.
      const key = `${info.file.split('/').at(-1)}:${info.line}`;
      current = lines.get(key) ?? lines.size + 1;
      lines.set(key, current);
    }
    line[idx] = current;
  }
  return { program, second: secondSlots(program.insns), line };
}

/** Without what compilers and readers add to tell copies apart (`sum.llvm.12`, `sum__2`). */
const plainName = (name: string): string => name.replace(/(\.[\w.]+|__\d+)$/, '');

function pairs(a: Program, b: Program): [number, number][] {
  const left = new Set(b.subprogs.keys());
  const found: [number, number][] = [];
  const alone: number[] = [];
  a.subprogs.forEach(({ name }, i) => {
    const j = i === 0 ? 0 : [...left].find((k) => k > 0 && plainName(b.subprogs[k]!.name) === plainName(name));
    if (j === undefined || !left.has(j)) {
      alone.push(found.length);
      found.push([i, -1]);
    } else {
      left.delete(j);
      found.push([i, j]);
    }
  });
  if (alone.length === 1 && left.size === 1) found[alone[0]!]![1] = [...left][0]!;
  else for (const j of left) found.push([-1, j]);
  return found;
}

const range = ({ program, second }: Side, func: number): InsnIdx[] => {
  if (func < 0) return [];
  const end = program.subprogs[func + 1]?.start ?? program.insns.length;
  const found: InsnIdx[] = [];
  for (let idx = program.subprogs[func]!.start; idx < end; idx++) if (!second[idx]) found.push(idx);
  return found;
};

function alignFunction(left: Side, right: Side, i: number, j: number): AlignedRow[] {
  const [as, bs] = [range(left, i), range(right, j)];
  if (as.length === 0) return bs.map((b) => ({ kind: ONLY_B, a: -1, b }));
  if (bs.length === 0) return as.map((a) => ({ kind: ONLY_A, a, b: -1 }));
  const [ka, kb] = [as.map((at) => content(left.program, at)), bs.map((at) => content(right.program, at))];
  const steps = aligned(left, right, as, bs, ka, kb);
  const rows = steps.map(([x, y]): AlignedRow => {
    if (y < 0) return { kind: ONLY_A, a: as[x]!, b: -1 };
    if (x < 0) return { kind: ONLY_B, a: -1, b: bs[y]! };
    const kind = ka[x]!.exact === kb[y]!.exact ? SAME : ka[x]!.operation === kb[y]!.operation ? OTHER_REGISTERS : OTHER;
    return { kind, a: as[x]!, b: bs[y]! };
  });
  return withTargets(left.program, right.program, rows);
}

/** Jumps are the same when what they lead to stands side by side too. */
function withTargets(a: Program, b: Program, rows: readonly AlignedRow[]): AlignedRow[] {
  const [rowA, rowB] = [new Map<InsnIdx, number>(), new Map<InsnIdx, number>()];
  rows.forEach((row, at) => {
    if (row.a >= 0) rowA.set(row.a, at);
    if (row.b >= 0) rowB.set(row.b, at);
  });
  return rows.map((row) => {
    if (row.kind !== SAME && row.kind !== OTHER_REGISTERS) return row;
    const [ta, tb] = [jumpTarget(a, row.a), jumpTarget(b, row.b)];
    if (ta === null || tb === null) return row;
    const [at, bt] = [rowA.get(ta), rowB.get(tb)];
    // What one program has alone before the common target does not make it another.
    return at === bt || sameAfterGaps(rows, at, bt) ? row : { ...row, kind: OTHER };
  });
}

function sameAfterGaps(rows: readonly AlignedRow[], at: number | undefined, bt: number | undefined): boolean {
  if (at === undefined || bt === undefined) return false;
  const [low, high] = at < bt ? [at, bt] : [bt, at];
  for (let row = low; row < high; row++) if (rows[row]!.kind < ONLY_A) return false;
  return true;
}

function jumpTarget({ insns }: Program, idx: InsnIdx): InsnIdx | null {
  const { opcode, off, imm } = insns[idx]!;
  const [group, operation] = [opcode & 7, opcode & 0xf0];
  if ((group !== JMP && group !== JMP32) || operation === CALL || operation === EXIT) return null;
  return idx + 1 + (group === JMP32 && operation === JA ? imm : off);
}

interface Content {
  /** With registers. */
  readonly exact: string;
  readonly operation: string;
}

/** What an instruction does, without what a place in a program changes: distances, numbers of maps, encodings of names. */
function content(program: Program, idx: InsnIdx): Content {
  const { opcode, dst, src, off, imm } = program.insns[idx]!;
  const made = (operation: string, registers: string): Content => ({ operation, exact: `${operation} ${registers}` });
  const insn = program.insns[idx]!;
  if (opcode === OP_LDDW) {
    const high = program.insns[idx + 1]?.imm ?? 0;
    if (src === PSEUDO_MAP_FD) return made(`map ${program.maps[imm]?.name}`, `${dst}`);
    if (src === PSEUDO_MAP_VALUE) return made(`value ${program.maps[imm]?.section ?? program.maps[imm]?.name}+${high}`, `${dst}`);
    if (isFuncAddress(insn)) return made(`function ${nameAt(program, idx + 1 + imm)}`, `${dst}`);
    return made(`lddw ${src} ${imm} ${high}`, `${dst}`);
  }
  if (opcode === OP_CALL) {
    if (isPseudoCall(insn)) return made(`call ${nameAt(program, idx + 1 + imm)}`, '');
    if (src === PSEUDO_KFUNC_CALL) return made(`kfunc ${program.kfuncCalls.get(idx) ?? imm}`, '');
    return made(`helper ${imm}`, '');
  }
  const group = opcode & 7;
  if (group === JMP || group === JMP32) return made(`${opcode} ${(opcode & 8) === 0 ? imm : 'reg'}`, `${dst} ${src}`);
  if (group === ALU || group === ALU64) return made(`${opcode} ${off} ${imm}`, `${dst} ${src}`);
  // The frame pointer is no register like others: what lies where in the frame is the compiler's choice.
  const base = group === LDX ? src : group === ST || group === STX ? dst : -1;
  return base === 10
    ? made(`${opcode} frame ${group === ST ? imm : ''}`, `${dst} ${src} ${off}`)
    : made(`${opcode} ${off} ${imm}`, `${dst} ${src}`);
}

const nameAt = (program: Program, start: InsnIdx): string =>
  plainName(program.subprogs.find((func) => func.start === start)?.name ?? `${start}`);

/** Equal ends first: what an edit leaves alone costs nothing. */
function aligned(
  left: Side,
  right: Side,
  as: readonly InsnIdx[],
  bs: readonly InsnIdx[],
  ka: readonly Content[],
  kb: readonly Content[],
): [number, number][] {
  const most = Math.min(as.length, bs.length);
  let head = 0;
  while (head < most && ka[head]!.exact === kb[head]!.exact) head++;
  let tail = 0;
  while (tail < most - head && ka.at(-1 - tail)!.exact === kb.at(-1 - tail)!.exact) tail++;
  const [n, m] = [as.length - head - tail, bs.length - head - tail];
  const middle = <T>(list: readonly T[], count: number): readonly T[] => list.slice(head, head + count);
  // Too many to weigh: they stand one behind the other.
  const between =
    n * m <= MOST_PAIRS
      ? best(left, right, middle(as, n), middle(bs, m), middle(ka, n), middle(kb, m))
      : [
          ...Array.from({ length: n }, (_, x): [number, number] => [x, -1]),
          ...Array.from({ length: m }, (_, y): [number, number] => [-1, y]),
        ];
  const equal = (count: number, x: number, y: number): [number, number][] => Array.from({ length: count }, (_, at) => [x + at, y + at]);
  return [
    ...equal(head, 0, 0),
    ...between.map(([x, y]): [number, number] => [x < 0 ? -1 : x + head, y < 0 ? -1 : y + head]),
    ...equal(tail, head + n, head + m),
  ];
}

// What a pair is worth; two gaps are worth nothing.
const WORTH_EXACT = 6;
const WORTH_OPERATION = 4;
const WORTH_LINE = 3;
const WORTH_OTHER_OF_LINE = 1;

/** The pairing of the greatest worth (Needleman and Wunsch 1970). */
function best(
  left: Side,
  right: Side,
  as: readonly InsnIdx[],
  bs: readonly InsnIdx[],
  ka: readonly Content[],
  kb: readonly Content[],
): [number, number][] {
  const [n, m] = [as.length, bs.length];
  const number = numbers([...ka, ...kb].map(({ exact }) => exact));
  const operation = numbers([...ka, ...kb].map((each) => each.operation));
  const width = m + 1;
  const way = new Uint8Array((n + 1) * width);
  let above = new Int32Array(width);
  let row = new Int32Array(width);
  for (let x = 1; x <= n; x++) {
    row[0] = 0;
    const line = left.line[as[x - 1]!]!;
    for (let y = 1; y <= m; y++) {
      const sameLine = line > 0 && line === right.line[bs[y - 1]!]!;
      const kind =
        number[x - 1] === number[n + y - 1]
          ? WORTH_EXACT
          : operation[x - 1] === operation[n + y - 1]
            ? WORTH_OPERATION
            : sameLine
              ? WORTH_OTHER_OF_LINE
              : 0;
      const pair = kind === 0 ? -1 : above[y - 1]! + kind + (sameLine && kind > WORTH_OTHER_OF_LINE ? WORTH_LINE : 0);
      const [skipA, skipB] = [above[y]!, row[y - 1]!];
      const most = Math.max(pair, skipA, skipB);
      row[y] = most;
      way[x * width + y] = pair === most ? 0 : skipB === most ? 2 : 1;
    }
    [above, row] = [row, above];
  }
  const steps: [number, number][] = [];
  for (let [x, y] = [n, m]; x > 0 || y > 0; ) {
    const step = x === 0 ? 2 : y === 0 ? 1 : way[x * width + y];
    if (step === 0) steps.push([--x, --y]);
    else if (step === 1) steps.push([--x, -1]);
    else steps.push([-1, --y]);
  }
  return steps.reverse();
}

function numbers(texts: readonly string[]): Int32Array {
  const known = new Map<string, number>();
  return Int32Array.from(texts, (text) => {
    const number = known.get(text) ?? known.size;
    known.set(text, number);
    return number;
  });
}

import {
  ADD,
  ALU,
  ALU64,
  AND,
  ARSH,
  ATOMIC,
  DIV,
  DW,
  END,
  JEQ,
  JGE,
  JGT,
  JLE,
  JLT,
  JMP,
  JMP32,
  JNE,
  JSET,
  JSGE,
  JSGT,
  JSLE,
  JSLT,
  LDX,
  LSH,
  MEM,
  MEMSX,
  MOD,
  MOV,
  MUL,
  NEG,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  OR,
  RSH,
  ST,
  STX,
  SUB,
  W,
  X,
  XOR,
} from '../../bpf/insn.ts';
import { MAP_TYPE_ARRAY, MAP_TYPE_HASH } from '../../bpf/maps.ts';
import type { Insn, Program } from '../../bpf/program.ts';
import { Dice } from './dice.ts';

const insn = (opcode: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });
const BINARY = [ADD, ADD, SUB, MUL, OR, AND, AND, LSH, RSH, ARSH, XOR, DIV, MOD, MOV];
const COMPARE = [JEQ, JNE, JGT, JGE, JLT, JLE, JSGT, JSGE, JSLT, JSLE, JSET];
const IMMEDIATES = [0, 1, -1, 2, 3, 7, 8, 15, 16, 63, 64, 255, 256, 4095, 65535, 0x7fffffff, -2147483648, -8, -64, 100000];
const SIZES = [0x10, 0x08, W, DW];
const BYTES: Readonly<Record<number, number>> = { 16: 1, 8: 2, 0: 4, 24: 8 };

const SCALARS = [0, 1, 2, 3, 4, 5, 8, 9];
/** Holds a pointer to a map value. */
const VALUE = 7;
/** Holds a pointer to packet data. */
const DATA = 6;
const SLOTS = 6;

/**
 * A random XDP program in whose straight parts most operations are allowed: scalars in most registers, packet data behind r6, a
 * map value behind r7, six stack slots that are written; then ALU, branches, loops, loads, stores and calls in any order.
 */
export function randomProgram(seed: number): Program {
  const dice = new Dice(seed);
  const code: Insn[] = [];
  prologue(code);
  const length = 8 + dice.below(50);
  const subprogAt: number[] = [];
  for (let i = 0; i < length; i++) step(code, dice, subprogAt);
  code.push(insn(ALU64 | MOV, 0, 0, 0, 2), insn(OP_EXIT));
  for (const at of subprogAt) code[at] = { ...code[at]!, imm: code.length - at - 1 };
  if (subprogAt.length > 0) callee(code, dice);
  return {
    name: `random_${seed}`,
    section: 'xdp',
    progType: 6,
    expectedAttachType: 0,
    sleepable: false,
    loadFlags: 0,
    license: 'GPL',
    insns: code,
    subprogs: [{ name: 'main', start: 0, linkage: 'global' }],
    maps: [
      { name: 'array', type: MAP_TYPE_ARRAY, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 },
      { name: 'hash', type: MAP_TYPE_HASH, keySize: 8, valueSize: 16, maxEntries: 4, flags: 0 },
    ],
    lineInfo: [],
    origins: [],
    insnOrigins: code.map(() => []),
    kfuncCalls: new Map(),
  };
}

function prologue(code: Insn[]): void {
  code.push(insn(LDX | MEM | W, DATA, 1, 0), insn(LDX | MEM | W, 2, 1, 4));
  code.push(insn(ALU64 | MOV | X, 3, DATA), insn(ALU64 | ADD, 3, 0, 0, 32));
  // Short packets leave at once.
  code.push(insn(JMP | JLE | X, 3, 2, 2), insn(ALU64 | MOV, 0, 0, 0, 1), insn(OP_EXIT));
  code.push(insn(OP_LDDW, VALUE, 2, 0, 0), insn(0));
  for (let i = 0; i < SLOTS; i++) code.push(insn(ST | MEM | DW, 10, 0, -8 * (i + 1), i));
  for (const r of [8, 9]) {
    code.push(insn(OP_CALL, 0, 0, 0, 7), insn(ALU64 | MOV | X, r, 0));
  }
  code.push(insn(LDX | MEM | DW, 1, VALUE, 0), insn(LDX | MEM | W, 2, DATA, 4), insn(LDX | MEMSX | 0x10, 3, DATA, 8));
  code.push(insn(ALU64 | MOV, 4, 0, 0, 5), insn(ALU64 | MOV | X, 5, 8));
}

function alu(code: Insn[], dice: Dice): void {
  const cls = dice.chance(70) ? ALU64 : ALU;
  const dst = dice.pick(SCALARS);
  const op = dice.pick(BINARY);
  if (dice.chance(6)) {
    code.push(dice.chance(50) ? insn(cls | NEG, dst) : insn(ALU | END | (dice.chance(50) ? X : 0), dst, 0, 0, dice.pick([16, 32, 64])));
    return;
  }
  const shift = op === LSH || op === RSH || op === ARSH;
  if (dice.chance(55) || shift) {
    const imm = shift ? dice.below(cls === ALU64 ? 64 : 32) : dice.pick(IMMEDIATES);
    code.push(insn(cls | op, dst, 0, 0, (op === DIV || op === MOD) && imm === 0 ? 3 : imm));
    return;
  }
  const off = op === MOV && dice.chance(25) ? dice.pick(cls === ALU64 ? [8, 16, 32] : [8, 16]) : 0;
  code.push(insn(cls | op | X, dst, dice.pick(SCALARS), off));
}

function branch(code: Insn[], dice: Dice, subprogAt: number[]): void {
  const cls = dice.chance(70) ? JMP : JMP32;
  const at = code.length;
  const byReg = dice.chance(40);
  code.push(
    insn(
      cls | dice.pick(COMPARE) | (byReg ? X : 0),
      dice.pick(SCALARS),
      byReg ? dice.pick(SCALARS) : 0,
      0,
      byReg ? 0 : dice.pick(IMMEDIATES),
    ),
  );
  const skipped = 1 + dice.below(4);
  for (let i = 0; i < skipped; i++) step(code, dice, subprogAt, false);
  code[at] = { ...code[at]!, off: code.length - at - 1 };
}

/** Index in bounds of 64 bytes, most of the time. */
function valueAccess(code: Insn[], dice: Dice): void {
  const index = dice.pick([8, 9, 1, 2]);
  const size = dice.pick(SIZES);
  if (dice.chance(80)) code.push(insn(ALU64 | AND, index, 0, 0, dice.pick([7, 15, 31, 63])));
  code.push(insn(ALU64 | MOV | X, 0, VALUE), insn(ALU64 | ADD | X, 0, index));
  const off = dice.pick([0, 0, 1, 8, 16, 24]);
  if (dice.chance(60)) code.push(insn(LDX | (dice.chance(80) || size === DW ? MEM : MEMSX) | size, dice.pick([1, 2, 3, 4]), 0, off));
  else code.push(insn(STX | MEM | size, 0, dice.pick([3, 4, 5, 8]), off));
  code.push(insn(ALU64 | MOV, 0, 0, 0, dice.below(9)));
}

function stackAccess(code: Insn[], dice: Dice): void {
  const size = dice.pick(SIZES);
  const slot = -8 * (1 + dice.below(SLOTS));
  const off = slot + (dice.chance(70) ? 0 : dice.below(8 / BYTES[size]!) * BYTES[size]!);
  const kind = dice.below(5);
  if (kind <= 1) code.push(insn(STX | MEM | size, 10, dice.pick(SCALARS), off));
  else if (kind === 2) code.push(insn(ST | MEM | size, 10, 0, off, dice.pick([0, 0, 1, -1, 77])));
  else if (kind === 3 || size === DW) code.push(insn(LDX | MEM | size, dice.pick(SCALARS), 10, off));
  else code.push(insn(LDX | MEMSX | size, dice.pick(SCALARS), 10, off));
}

function variableStack(code: Insn[], dice: Dice): void {
  code.push(insn(ALU64 | AND, 8, 0, 0, dice.pick([8, 24, 31, 56])), insn(ALU64 | MOV | X, 0, 10));
  code.push(insn(ALU64 | ADD, 0, 0, 0, -48), insn(ALU64 | ADD | X, 0, 8));
  if (dice.chance(50)) code.push(insn(LDX | MEM | 0x10, 1, 0, 0));
  else code.push(insn(STX | MEM | 0x10, 0, dice.pick([4, 9]), 0));
  code.push(insn(ALU64 | MOV, 0, 0, 0, 1));
}

function call(code: Insn[], dice: Dice, subprogAt: number[]): void {
  const kind = dice.below(4);
  if (kind === 0) {
    code.push(insn(OP_CALL, 0, 0, 0, dice.pick([7, 5, 8])));
  } else if (kind === 1) {
    code.push(insn(ALU64 | MOV | X, 2, 10), insn(ALU64 | ADD, 2, 0, 0, -8 * (1 + dice.below(SLOTS))), insn(OP_LDDW, 1, 1, 0, 1), insn(0));
    code.push(insn(OP_CALL, 0, 0, 0, 1));
    if (dice.chance(85)) code.push(insn(JMP | JEQ, 0, 0, 2, 0), insn(LDX | MEM | DW, 8, 0, 8), insn(STX | MEM | W, 0, 8, 4));
    code.push(insn(ALU64 | MOV, 0, 0, 0, 0));
  } else if (kind === 2 && subprogAt.length < 3) {
    code.push(insn(ALU64 | MOV | X, 1, dice.pick([8, 9])), insn(ALU64 | MOV | X, 2, 10), insn(ALU64 | ADD, 2, 0, 0, -16));
    subprogAt.push(code.length);
    code.push(insn(OP_CALL, 0, 1, 0, 0));
  } else {
    code.push(
      insn(ALU64 | MOV | X, 1, 10),
      insn(ALU64 | ADD, 1, 0, 0, -48),
      insn(ALU64 | MOV | X, 2, 8),
      insn(ALU64 | AND, 2, 0, 0, dice.pick([7, 31, 48])),
    );
    code.push(insn(ALU64 | MOV, 3, 0, 0, 0), insn(ALU64 | MOV, 4, 0, 0, 0), insn(ALU64 | MOV, 5, 0, 0, 0));
    code.push(insn(OP_CALL, 0, 0, 0, 28));
  }
  // What the call clobbered is given values again.
  for (const r of [1, 2, 3, 4, 5]) code.push(insn(ALU64 | MOV | X, r, dice.pick([0, 8, 9])));
}

/** A counted loop; its counter lives in r9. */
function loop(code: Insn[], dice: Dice, subprogAt: number[]): void {
  code.push(insn(ALU64 | MOV, 9, 0, 0, 0));
  const top = code.length;
  const body = 1 + dice.below(3);
  for (let i = 0; i < body; i++) {
    const before = code.length;
    step(code, dice, subprogAt, false);
    // A body that changes its counter may never end.
    for (let j = before; j < code.length; j++) if (code[j]!.dst === 9 && (code[j]!.opcode & 7) !== STX) code[j] = { ...code[j]!, dst: 3 };
  }
  code.push(insn(ALU64 | ADD, 9, 0, 0, 1));
  code.push(insn(JMP | JLT, 9, 0, top - code.length - 1, 2 + dice.below(12)));
}

function step(code: Insn[], dice: Dice, subprogAt: number[], nest = true): void {
  const roll = dice.below(100);
  if (roll < 45) alu(code, dice);
  else if (roll < 62) stackAccess(code, dice);
  else if (roll < 72 && nest) branch(code, dice, subprogAt);
  else if (roll < 80) valueAccess(code, dice);
  else if (roll < 84) variableStack(code, dice);
  else if (roll < 87)
    code.push(insn(STX | ATOMIC | dice.pick([W, DW]), 10, dice.pick([3, 4]), -8 * (1 + dice.below(SLOTS)), dice.pick([0, 1, 0x41, 0xe1])));
  else if (roll < 90) code.push(insn(LDX | MEM | dice.pick(SIZES), dice.pick([1, 2, 3]), DATA, dice.below(32)));
  else if (roll < 94 && nest) loop(code, dice, subprogAt);
  else if (roll < 98 && nest) call(code, dice, subprogAt);
  else alu(code, dice);
}

/** A function of a number and a pointer to two stack slots of its caller. */
function callee(code: Insn[], dice: Dice): void {
  code.push(insn(ALU64 | MOV | X, 0, 1), insn(ALU64 | AND, 0, 0, 0, dice.pick([1, 255, 0x7fffffff])));
  if (dice.chance(60)) code.push(insn(LDX | MEM | DW, 3, 2, 8));
  if (dice.chance(50)) code.push(insn(STX | MEM | DW, 2, 1, 0));
  if (dice.chance(50)) code.push(insn(STX | MEM | DW, 10, 0, -8), insn(LDX | MEM | W, 0, 10, -8));
  if (dice.chance(50)) code.push(insn(JMP | dice.pick(COMPARE), 1, 0, 1, dice.pick(IMMEDIATES)), insn(ALU64 | ADD, 0, 0, 0, 1));
  code.push(insn(OP_EXIT));
}

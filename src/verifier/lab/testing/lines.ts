import fc from 'fast-check';
import {
  ADD,
  ALU,
  ALU64,
  AND,
  ARSH,
  DIV,
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
  LSH,
  MOD,
  MOV,
  MUL,
  NEG,
  OP_CALL,
  OP_EXIT,
  OR,
  RSH,
  SUB,
  X,
  XOR,
} from '../../../bpf/insn.ts';
import type { Insn } from '../../../bpf/program.ts';

const insn = (opcode: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ opcode, dst, src, off, imm });
const SHIFTS = [LSH, RSH, ARSH];
const reg = fc.constantFrom(0, 6, 7, 8, 9);
const imm = fc.oneof(fc.integer({ min: -70, max: 300 }), fc.constantFrom(0x7fffffff, -0x80000000, 0xff, 0xffff, 1 << 20));

const alu = fc
  .record({
    op: fc.constantFrom(ADD, SUB, MUL, OR, AND, LSH, RSH, ARSH, XOR, DIV, MOD, MOV, NEG, END),
    wide: fc.boolean(),
    byReg: fc.boolean(),
    dst: reg,
    src: reg,
    imm,
    bits: fc.constantFrom(16, 32, 64),
  })
  .map((a): Insn => {
    const cls = a.wide ? ALU64 : ALU;
    if (a.op === NEG) return insn(cls | NEG, a.dst);
    if (a.op === END) return insn(ALU | END | (a.byReg ? X : 0), a.dst, 0, 0, a.bits);
    if (a.byReg && !SHIFTS.includes(a.op)) return insn(cls | a.op | X, a.dst, a.src);
    const value = SHIFTS.includes(a.op) ? Math.abs(a.imm) % (a.wide ? 64 : 32) : a.op === DIV || a.op === MOD ? a.imm || 3 : a.imm;
    return insn(cls | a.op, a.dst, 0, 0, value);
  });
const branch = fc
  .record({
    op: fc.constantFrom(JEQ, JNE, JGT, JGE, JLT, JLE, JSGT, JSGE, JSLT, JSLE, JSET),
    wide: fc.boolean(),
    byReg: fc.boolean(),
    dst: reg,
    src: reg,
    imm,
  })
  .map((b): Insn => insn((b.wide ? JMP : JMP32) | b.op | (b.byReg ? X : 0), b.dst, b.byReg ? b.src : 0, 0, b.byReg ? 0 : b.imm));
/** Numbers that nothing is known of, then the line; branches lead to its end. */
export const randomLines = fc
  .array(fc.oneof({ weight: 3, arbitrary: alu }, branch), { minLength: 1, maxLength: 30 })
  .map((body): { insns: Insn[]; from: number } => {
    const head = [6, 7, 8, 9].flatMap((r) => [insn(OP_CALL, 0, 0, 0, 5), insn(ALU64 | MOV | X, r, 0)]);
    const all = [...head, insn(OP_CALL, 0, 0, 0, 5), ...body];
    const end = all.length;
    const insns = [
      ...all.map((one, at) => (at >= head.length + 1 && [JMP, JMP32].includes(one.opcode & 7) ? { ...one, off: end - at - 1 } : one)),
      insn(ALU64 | MOV),
      insn(OP_EXIT),
    ];
    return { insns, from: head.length + 1 };
  });

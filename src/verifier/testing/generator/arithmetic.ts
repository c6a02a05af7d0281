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
  OP_LDDW,
  OR,
  RSH,
  SUB,
  X,
  XOR,
} from '../../../bpf/insn.ts';
import type { Fn } from './fn.ts';
import { ANY, type Held, maxOf } from './held.ts';

const BINARY = [ADD, ADD, SUB, SUB, MUL, OR, AND, AND, LSH, RSH, ARSH, XOR, DIV, MOD, MOV];
const COMPARE = [JEQ, JNE, JGT, JGE, JLT, JLE, JSGT, JSGE, JSLT, JSLE, JSET];
const U32 = 0xffffffff;

const num = (max: number): Held => ({ kind: 'num', max });

/** One operation on numbers. */
export function alu(fn: Fn): void {
  const { dice } = fn;
  if (dice.chance(4)) {
    const dst = fn.free();
    fn.put(OP_LDDW, dst, 0, 0, fn.immediate());
    fn.put(0, 0, 0, 0, fn.immediate());
    fn.regs[dst] = ANY;
    return;
  }
  const dst = fn.ownNum();
  const cls = dice.chance(65) ? ALU64 : ALU;
  if (dice.chance(8)) {
    if (dice.chance(40)) fn.put(cls | NEG, dst);
    else {
      const width = dice.pick([16, 32, 64]);
      fn.put(dice.chance(35) ? ALU64 | END : ALU | END | (dice.chance(50) ? X : 0), dst, 0, 0, width);
    }
    fn.regs[dst] = ANY;
    return;
  }
  const op = dice.pick(BINARY);
  const signed = (op === DIV || op === MOD) && dice.chance(40) ? 1 : 0;
  const shift = op === LSH || op === RSH || op === ARSH;
  const before = maxOf(fn.regs[dst]!);
  if (dice.chance(50)) {
    const bits = cls === ALU64 ? 64 : 32;
    let imm = shift ? dice.below(bits) : fn.immediate();
    if ((op === DIV || op === MOD) && imm === 0) imm = 3;
    if (shift && fn.miss(2)) imm = bits + dice.below(4);
    fn.put(cls | op, dst, 0, signed, imm);
    fn.regs[dst] = num(after(op, before, imm, cls));
    return;
  }
  const src = fn.miss(3) ? fn.dice.below(11) : fn.num();
  const sx = op === MOV && dice.chance(30) ? dice.pick(cls === ALU64 ? [8, 16, 32] : [8, 16]) : 0;
  fn.put(cls | op | X, dst, src, sx || signed);
  const from = maxOf(fn.regs[src] ?? null);
  fn.regs[dst] =
    op === MOV && sx === 0 ? num(cls === ALU64 ? from : Math.min(from, U32)) : num(cls === ALU ? U32 : Number.POSITIVE_INFINITY);
}

function after(op: number, before: number, imm: number, cls: number): number {
  const all = cls === ALU64 ? Number.POSITIVE_INFINITY : U32;
  if (op === MOV) return imm >= 0 ? imm : all;
  if (op === AND) return imm >= 0 ? Math.min(imm, before) : Math.min(before, all);
  if (op === RSH && before < 2 ** 31) return Math.floor(before / 2 ** imm);
  if (op === RSH && cls === ALU64 && imm >= 33) return 2 ** (64 - imm) - 1;
  if (op === ADD && imm >= 0 && before + imm < 2 ** 31) return before + imm;
  return all;
}

/** A jump on numbers, whose target is set later. Returns its place. */
export function condition(fn: Fn): number {
  const { dice } = fn;
  const cls = dice.chance(70) ? JMP : JMP32;
  const op = dice.pick(COMPARE);
  const dst = fn.num();
  if (dice.chance(40)) return fn.put(cls | op | X, dst, fn.num());
  return fn.put(cls | op, dst, 0, 0, fn.immediate());
}

/** A register that holds a number of 0…limit and that the verifier knows to. Wrong now and then, when mistakes are due. */
export function bounded(fn: Fn, limit: number, avoid = -1): number {
  const { dice } = fn;
  const fitting = fn.registers((h, r) => h?.kind === 'num' && h.max <= limit && r !== avoid);
  if (fitting.length > 0 && dice.chance(40)) return dice.pick(fitting);
  // A bound on a copy reaches the original, and the other way round.
  const original = fn.num(avoid);
  let reg = original;
  if (fn.locked.has(original) || dice.chance(40)) {
    reg = fn.free(avoid);
    if (reg === original) reg = original;
    else fn.mov(reg, original);
  }
  if (fn.locked.has(reg)) return mask(fn, reg, limit, avoid);
  const wrong = fn.miss(25);
  const most = wrong ? limit + dice.pick([1, 1, 2, 7, 8, 200]) : limit;
  switch (dice.below(6)) {
    case 0:
    case 1:
      return mask(fn, reg, most, avoid);
    case 2: {
      // Over the limit: take 0.
      const wide = dice.chance(70);
      if (!wide) fn.put(ALU | MOV | X, reg, reg);
      fn.put((wide ? JMP : JMP32) | JLE, reg, 0, 1, most);
      fn.put(ALU64 | MOV, reg, 0, 0, 0);
      break;
    }
    case 3: {
      // Both bounds with a sign; a missing one is a mistake.
      if (!fn.miss(25)) {
        fn.put(JMP | JSGE, reg, 0, 1, 0);
        fn.put(ALU64 | MOV, reg, 0, 0, 0);
      }
      fn.put(JMP | JSLT, reg, 0, 1, most + 1);
      fn.put(ALU64 | MOV, reg, 0, 0, most);
      break;
    }
    case 4: {
      if (!fn.mayExit) return mask(fn, reg, most, avoid);
      const at = fn.put(JMP | JLT, reg, 0, 0, most + 1);
      fn.exit();
      fn.land(at);
      if (reg !== original && dice.chance(40) && fn.regs[original]?.kind === 'num') {
        if (!fn.locked.has(original)) fn.regs[original] = num(limit);
        return original;
      }
      break;
    }
    default: {
      const bits = Math.floor(Math.log2(most + 1));
      if (bits < 1) return mask(fn, reg, most, avoid);
      if (dice.chance(50)) fn.put(ALU64 | RSH, reg, 0, 0, 64 - bits);
      else {
        fn.put(ALU64 | LSH, reg, 0, 0, 64 - bits);
        fn.put(ALU64 | RSH, reg, 0, 0, 64 - bits);
      }
    }
  }
  fn.regs[reg] = num(limit);
  return reg;
}

function mask(fn: Fn, reg: number, limit: number, avoid: number): number {
  let to = reg;
  if (fn.locked.has(reg)) {
    to = fn.free(avoid);
    fn.mov(to, reg);
  }
  const bits = Math.floor(Math.log2(limit + 1));
  const imm = fn.dice.chance(70) ? 2 ** bits - 1 : fn.dice.below(2 ** bits);
  fn.put((fn.dice.chance(70) ? ALU64 : ALU) | AND, to, 0, 0, imm);
  fn.regs[to] = num(limit);
  return to;
}

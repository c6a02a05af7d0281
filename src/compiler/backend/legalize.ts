import type { Cmp, IrBlock, IrFunc, IrInst, Operand, VReg, Width } from '../ir/ir.ts';

/**
 * Instruction set the back end may use: v2 adds jumps on less, v3 arithmetic and jumps of 32 bits, which the front ends choose, and v4
 * sign-extending loads and moves, signed division and `gotol` (kernel ≥ 6.6).
 */
export type Cpu = 'v1' | 'v2' | 'v3' | 'v4';

/** Jumps on less, which v2 brought, and what they are from the other side. */
const LESS: Partial<Record<Cmp, Cmp>> = { ult: 'ugt', ule: 'uge', slt: 'sgt', sle: 'sge' };

const S16_MAX = 0x7fff;
const COMMUTATIVE = new Set(['add', 'mul', 'and', 'or', 'xor']);

export const isCommutative = (alu: string): boolean => COMMUTATIVE.has(alu);

/**
 * Rewrites what BPF cannot encode: signed loads and moves before v4 become shifts, memory offsets that do not fit in 16 bits
 * become additions, constant left operands of comparisons get a register, and `x = a - x` gets a temporary because BPF's ALU
 * instructions have two addresses.
 */
export function legalize(func: IrFunc, cpu: Cpu): IrFunc {
  let vregCount = func.vregCount;
  const fresh = (): VReg => vregCount++;
  const blocks: IrBlock[] = func.blocks.map((block) => {
    const out: IrInst[] = [];
    for (const inst of block.insts) legalizeInst(inst, cpu, fresh, out);
    let term = block.term;
    if (term.op === 'branch' && 'imm' in term.a) {
      const reg = fresh();
      out.push({ op: 'mov', dst: reg, src: term.a, width: 64, origin: term.origin });
      term = { ...term, a: { reg } };
    }
    if (term.op === 'branch' && cpu === 'v1' && LESS[term.cmp]) {
      let left = term.b;
      if ('imm' in left) {
        const reg = fresh();
        out.push({ op: 'mov', dst: reg, src: left, width: 64, origin: term.origin });
        left = { reg };
      }
      term = { ...term, cmp: LESS[term.cmp]!, a: left, b: term.a };
    }
    return { id: block.id, insts: out, term };
  });
  return { ...func, blocks, vregCount };
}

function legalizeInst(inst: IrInst, cpu: Cpu, fresh: () => VReg, out: IrInst[]): void {
  const origin = inst.origin;
  switch (inst.op) {
    case 'sext': {
      const width = inst.width ?? 64;
      if (cpu === 'v4') out.push(inst);
      else shiftPair(inst.dst, inst.src, width - inst.bits, origin, out, width);
      return;
    }
    case 'load': {
      const base = nearBase(inst.base, inst.off, origin, fresh, out);
      const signed = inst.signed && inst.size < 8;
      if (signed && cpu !== 'v4') {
        out.push({ ...inst, ...base, signed: false });
        shiftPair(inst.dst, inst.dst, 64 - inst.size * 8, origin, out);
      } else out.push({ ...inst, ...base, signed });
      return;
    }
    case 'store':
      out.push({ ...inst, ...nearBase(inst.base, inst.off, origin, fresh, out) });
      return;
    case 'atomic': {
      const near = { ...inst, ...nearBase(inst.base, inst.off, origin, fresh, out) };
      if (inst.dst === null || inst.atomic === 'cmpxchg') {
        out.push(near);
        return;
      }
      // The old value comes where the operand was.
      const reg = fresh();
      out.push({ op: 'mov', dst: reg, src: { reg: inst.src }, width: 64, origin });
      out.push({ ...near, src: reg, dst: reg });
      out.push({ op: 'mov', dst: inst.dst, src: { reg }, width: 64, origin });
      return;
    }
    case 'asm': {
      if (!inst.tied || inst.dst === null) {
        out.push(inst);
        return;
      }
      const reg = fresh();
      out.push({ op: 'mov', dst: reg, src: { reg: inst.uses[0]! }, width: 64, origin });
      out.push({ ...inst, dst: reg, uses: [reg, ...inst.uses.slice(1)] });
      out.push({ op: 'mov', dst: inst.dst, src: { reg }, width: 64, origin });
      return;
    }
    case 'bswap':
      if (inst.to === 'swap' && cpu !== 'v4') out.push({ ...inst, to: 'be' });
      else out.push(inst);
      return;
    case 'alu': {
      if ('imm' in inst.a && 'reg' in inst.b && isCommutative(inst.alu)) {
        out.push({ ...inst, a: inst.b, b: inst.a });
        return;
      }
      if ((inst.alu === 'sdiv' || inst.alu === 'smod') && cpu !== 'v4') {
        throw new Error(`${inst.alu} needs instruction set v4 (kernel 6.6 or later)`);
      }
      const readsOwnTarget = 'reg' in inst.b && inst.b.reg === inst.dst && !sameOperand(inst.a, inst.b);
      if (readsOwnTarget && !isCommutative(inst.alu)) {
        const reg = fresh();
        out.push({ op: 'mov', dst: reg, src: inst.b, width: 64, origin });
        out.push({ ...inst, b: { reg } });
      } else out.push(inst);
      return;
    }
    default:
      out.push(inst);
  }
}

const sameOperand = (a: Operand, b: Operand): boolean => 'reg' in a && 'reg' in b && a.reg === b.reg;

function shiftPair(dst: VReg, src: VReg, bits: number, origin: number, out: IrInst[], width: Width = 64): void {
  out.push({ op: 'alu', alu: 'lsh', width, dst, a: { reg: src }, b: { imm: bits }, origin });
  out.push({ op: 'alu', alu: 'arsh', width, dst, a: { reg: dst }, b: { imm: bits }, origin });
}

function nearBase(base: VReg, off: number, origin: number, fresh: () => VReg, out: IrInst[]): { base: VReg; off: number } {
  if (off <= S16_MAX && off >= -S16_MAX - 1) return { base, off };
  const reg = fresh();
  out.push({ op: 'alu', alu: 'add', width: 64, dst: reg, a: { reg: base }, b: { imm: off }, origin });
  return { base: reg, off: 0 };
}

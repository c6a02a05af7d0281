import type { AluOp, Operand, VReg, Width } from '../../compiler/ir/ir.ts';
import type { Inst } from '../llvm-ir/module.ts';
import type { Type } from '../llvm-ir/types.ts';
import type { FunctionLowering } from './function.ts';
import { width } from './significant.ts';

const ALU: Readonly<Record<string, AluOp>> = {
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  and: 'and',
  or: 'or',
  xor: 'xor',
  shl: 'lsh',
  lshr: 'rsh',
  ashr: 'arsh',
  udiv: 'div',
  urem: 'mod',
  sdiv: 'sdiv',
  srem: 'smod',
};

export function lowerBinary(f: FunctionLowering, inst: Extract<Inst, { op: 'binary' }>, name: string, type: Type): void {
  const { code } = f;
  const opWidth = f.opWidth(type);
  const bits = width(type);
  const dst = f.regFor(name);
  const alu = ALU[inst.code]!;
  const mask = inst.code === 'and' && inst.b.kind === 'int' ? BigInt.asUintN(bits, inst.b.value) : null;
  if (mask === 0xffff_ffffn && opWidth === 64) {
    f.zeroExtend(f.regOf(inst.a), 32, 64, dst);
    return;
  }
  switch (inst.code) {
    case 'and':
    case 'or':
    case 'xor': {
      const constants = bits < 32 ? 'unsigned' : 'signed';
      code.emit({
        op: 'alu',
        alu,
        width: opWidth,
        dst,
        a: f.operand(inst.a, opWidth, constants),
        b: f.operand(inst.b, opWidth, constants),
      });
      return;
    }
    case 'add':
    case 'sub':
    case 'mul':
      code.emit({ op: 'alu', alu, width: opWidth, dst, a: f.operand(inst.a, opWidth), b: f.operand(inst.b, opWidth) });
      return;
    case 'shl':
      code.emit({ op: 'alu', alu, width: opWidth, dst, a: f.operand(inst.a, opWidth), b: f.extended(inst.b, false, opWidth) });
      return;
    case 'lshr':
    case 'udiv':
    case 'urem':
      code.emit({
        op: 'alu',
        alu,
        width: opWidth,
        dst,
        a: f.extended(inst.a, false, opWidth),
        b: f.extended(inst.b, false, opWidth),
      });
      return;
    case 'ashr':
      code.emit({
        op: 'alu',
        alu,
        width: opWidth,
        dst,
        a: f.extended(inst.a, true, opWidth),
        b: f.extended(inst.b, false, opWidth),
      });
      return;
    default:
      signedDivision(f, inst.code === 'srem', dst, f.extended(inst.a, true, opWidth), f.extended(inst.b, true, opWidth), opWidth);
  }
}

/** Before v4 there is only division of numbers without a sign: magnitudes are divided, and the sign is put back. */
export function signedDivision(f: FunctionLowering, isRemainder: boolean, dst: VReg, a: Operand, b: Operand, opWidth: Width): void {
  const { code } = f;
  if (f.context.cpu === 'v4') {
    code.emit({ op: 'alu', alu: isRemainder ? 'smod' : 'sdiv', width: opWidth, dst, a, b });
    return;
  }
  const alu = (alu: AluOp, x: Operand, y: Operand, to = code.reg()): Operand => {
    code.emit({ op: 'alu', alu, width: opWidth, dst: to, a: x, b: y });
    return { reg: to };
  };
  const sign = (x: Operand): Operand => ('imm' in x ? { imm: x.imm < 0 ? -1 : 0 } : alu('arsh', x, { imm: opWidth - 1 }));
  const magnitude = (x: Operand, s: Operand): Operand =>
    'imm' in x && x.imm > -0x8000_0000 ? { imm: Math.abs(x.imm) } : alu('sub', alu('xor', x, s), s);
  const [sa, sb] = [sign(a), sign(b)];
  const result = alu(isRemainder ? 'mod' : 'div', magnitude(a, sa), magnitude(b, sb));
  const s = isRemainder ? sa : 'imm' in sb && sb.imm === 0 ? sa : alu('xor', sa, sb);
  alu('sub', alu('xor', result, s), s, dst);
}

export function lowerCast(f: FunctionLowering, inst: Extract<Inst, { op: 'cast' }>, dst: VReg, type: Type): void {
  const from = width(inst.value.type);
  const to = f.opWidth(type);
  const loc = f.resolve(inst.value);
  const src = f.materialize(loc);
  if (inst.code === 'sext') {
    if (from === 1) f.code.emit({ op: 'alu', alu: 'sub', width: to, dst, a: { imm: 0 }, b: f.extended(inst.value, false, to) });
    else f.signExtend(src, from, to, dst);
  } else f.zeroExtend(src, from, to, dst);
}

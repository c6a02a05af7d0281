import type { Size, VReg, Width } from '../../compiler/ir/ir.ts';
import { piecesOf, storedConstant } from './access.ts';
import { placeOf } from './address.ts';
import type { Address, FunctionLowering } from './function.ts';

/** Copies and fills of more instructions are refused: the optimiser makes such calls of loops, which are better written as loops. */
const MAX_PIECES = 1024;

function check(f: FunctionLowering, pieces: readonly unknown[], bytes: number): void {
  if (pieces.length > MAX_PIECES)
    f.refuse(`a copy or fill of ${bytes} bytes in one piece is too large; use a loop or bpf_probe_read_kernel`);
}

/** `bytes` from one place to another, both aligned to `align`; the two do not overlap. */
export function copyMemory(f: FunctionLowering, to: Address, from: Address, bytes: number, align: number): void {
  const { code } = f;
  const pieces = piecesOf(bytes, align);
  check(f, pieces, bytes);
  const [source, target] = [placeOf(f, from), placeOf(f, to)];
  for (const { off, size } of pieces) {
    const reg = code.reg();
    code.emit({ op: 'load', dst: reg, base: source.base, off: source.off + off, size, signed: false });
    code.emit({ op: 'store', base: target.base, off: target.off + off, src: { reg }, size });
  }
}

/** The same for places that may overlap: everything is read before anything is written. */
export function moveMemory(f: FunctionLowering, to: Address, from: Address, bytes: number, align: number): void {
  const { code } = f;
  const pieces = piecesOf(bytes, align);
  check(f, pieces, bytes);
  const [source, target] = [placeOf(f, from), placeOf(f, to)];
  const held: { reg: VReg; off: number; size: Size }[] = [];
  for (const { off, size } of pieces) {
    const reg = code.reg();
    code.emit({ op: 'load', dst: reg, base: source.base, off: source.off + off, size, signed: false });
    held.push({ reg, off, size });
  }
  for (const { reg, off, size } of held) code.emit({ op: 'store', base: target.base, off: target.off + off, src: { reg }, size });
}

/** `bytes` times the byte `value`. */
export function fillMemory(f: FunctionLowering, to: Address, value: number, bytes: number, align: number): void {
  const { code } = f;
  const pieces = piecesOf(bytes, align);
  check(f, pieces, bytes);
  const target = placeOf(f, to);
  for (const { off, size } of pieces) {
    const pattern = BigInt.asIntN(size * 8, BigInt(`0x${value.toString(16).padStart(2, '0').repeat(size)}`));
    code.emit({ op: 'store', base: target.base, off: target.off + off, src: storedConstant(f, pattern), size });
  }
}

/** The same with a byte that is known only at run time. */
export function fillMemoryWith(f: FunctionLowering, to: Address, byte: VReg, bytes: number, align: number): void {
  const { code } = f;
  const pieces = piecesOf(bytes, align);
  check(f, pieces, bytes);
  const target = placeOf(f, to);
  const spread = code.reg();
  const ones = code.constant(0x0101_0101_0101_0101n);
  code.emit({ op: 'alu', alu: 'and', width: 64, dst: spread, a: { reg: byte }, b: { imm: 255 } });
  code.emit({ op: 'alu', alu: 'mul', width: 64, dst: spread, a: { reg: spread }, b: { reg: ones } });
  for (const { off, size } of pieces) code.emit({ op: 'store', base: target.base, off: target.off + off, src: { reg: spread }, size });
}

/** Anything but 0 in the low half of `dst` when two places differ. */
export function differMemory(f: FunctionLowering, dst: VReg, a: Address, b: Address, bytes: number, align: number): void {
  const { code } = f;
  const [left, right] = [placeOf(f, a), placeOf(f, b)];
  code.emit({ op: 'mov', dst, src: { imm: 0 }, width: 64 });
  for (const { off, size } of piecesOf(bytes, align)) {
    const [x, y] = [code.reg(), code.reg()];
    code.emit({ op: 'load', dst: x, base: left.base, off: left.off + off, size, signed: false });
    code.emit({ op: 'load', dst: y, base: right.base, off: right.off + off, size, signed: false });
    code.emit({ op: 'alu', alu: 'xor', width: 64, dst: x, a: { reg: x }, b: { reg: y } });
    if (size === 8) {
      code.emit({ op: 'alu', alu: 'rsh', width: 64, dst: y, a: { reg: x }, b: { imm: 32 } });
      code.emit({ op: 'alu', alu: 'or', width: 64, dst: x, a: { reg: x }, b: { reg: y } });
    }
    code.emit({ op: 'alu', alu: 'or', width: 64, dst, a: { reg: dst }, b: { reg: x } });
  }
  // What is left above the low half is no part of the result.
  code.emit({ op: 'alu', alu: 'lsh', width: 64, dst, a: { reg: dst }, b: { imm: 32 } });
  code.emit({ op: 'alu', alu: 'rsh', width: 64, dst, a: { reg: dst }, b: { imm: 32 } });
}

/** The difference of the first bytes that differ, as `memcmp` gives it; 0 without any. */
export function compareMemory(f: FunctionLowering, dst: VReg, a: Address, b: Address, bytes: number, opWidth: Width): void {
  const { code } = f;
  const [left, right] = [placeOf(f, a), placeOf(f, b)];
  const end = code.newBlock();
  for (let off = 0; off < bytes; off++) {
    const [x, y] = [code.reg(), code.reg()];
    code.emit({ op: 'load', dst: x, base: left.base, off: left.off + off, size: 1, signed: false });
    code.emit({ op: 'load', dst: y, base: right.base, off: right.off + off, size: 1, signed: false });
    const [differs, next] = [code.newBlock(), code.newBlock()];
    code.end({ op: 'branch', cmp: 'eq', width: opWidth, a: { reg: x }, b: { reg: y }, ifTrue: next, ifFalse: differs });
    code.start(differs);
    code.emit({ op: 'alu', alu: 'sub', width: opWidth, dst, a: { reg: x }, b: { reg: y } });
    code.end({ op: 'jump', to: end });
    code.start(next);
  }
  code.emit({ op: 'mov', dst, src: { imm: 0 }, width: 64 });
  code.end({ op: 'jump', to: end });
  code.start(end);
}

import type { Operand, Size, VReg } from '../../compiler/ir/ir.ts';
import type { Inst, Value } from '../llvm-ir/module.ts';
import { alignOf, leaves, type Type } from '../llvm-ir/types.ts';
import { addressOf, placeOf } from './address.ts';
import { fitsImm } from './code.ts';
import type { Address, FunctionLowering, Loc } from './function.ts';
import { width } from './significant.ts';
import { isAggregate } from './values.ts';

/** Pieces that an access of so many bytes is made in: BPF wants natural alignment. */
export function piecesOf(bytes: number, align: number): { off: number; size: Size }[] {
  const found: { off: number; size: Size }[] = [];
  // An address that is a number may be aligned to 2^32, more than the bits of `&` hold.
  const most = align <= 0 || align >= 8 ? 8 : align & -align;
  for (let off = 0; off < bytes; ) {
    let size = most as Size;
    while (off + size > bytes || off % size !== 0) size = (size / 2) as Size;
    found.push({ off, size });
    off += size;
  }
  return found;
}

export function loadScalar(f: FunctionLowering, dst: VReg, type: Type, address: Address, align: number, volatile: boolean): void {
  const { code } = f;
  f.checkScalar(type);
  const pieces = piecesOf(Math.ceil(width(type) / 8), align || alignOf(type));
  const { base, off, core } = placeOf(f, address);
  const flags = volatile ? { volatile } : {};
  if (pieces.length === 1) {
    const relocated = core === undefined ? {} : { core };
    code.emit({ op: 'load', dst, base, off, size: pieces[0]!.size, signed: false, ...flags, ...relocated });
    return;
  }
  if (core !== undefined) f.refuse('an unaligned field with a CO-RE relocation is not supported');
  let sum: VReg | null = null;
  for (const piece of pieces) {
    const part = code.reg();
    code.emit({ op: 'load', dst: part, base, off: off + piece.off, size: piece.size, signed: false, ...flags });
    if (piece.off > 0) code.emit({ op: 'alu', alu: 'lsh', width: 64, dst: part, a: { reg: part }, b: { imm: piece.off * 8 } });
    const next = piece.off + piece.size >= Math.ceil(width(type) / 8) ? dst : code.reg();
    if (sum === null) sum = part;
    else {
      code.emit({ op: 'alu', alu: 'or', width: 64, dst: next, a: { reg: sum }, b: { reg: part } });
      sum = next;
    }
  }
}

export function storeScalar(f: FunctionLowering, loc: Loc, type: Type, address: Address, align: number): void {
  const { code } = f;
  f.checkScalar(type);
  const pieces = piecesOf(Math.ceil(width(type) / 8), align || alignOf(type));
  const { base, off, core } = placeOf(f, address);
  if (pieces.length > 1 && core !== undefined) f.refuse('an unaligned field with a CO-RE relocation is not supported');
  for (const piece of pieces) {
    const relocated = core === undefined ? {} : { core };
    const common = { op: 'store' as const, base, off: off + piece.off, size: piece.size, ...relocated };
    if (loc.kind === 'const') {
      const value = BigInt.asIntN(piece.size * 8, loc.value >> BigInt(piece.off * 8));
      code.emit({ ...common, src: storedConstant(f, value) });
    } else {
      let reg = f.materialize(loc);
      if (piece.off > 0) {
        const shifted = code.reg();
        code.emit({ op: 'alu', alu: 'rsh', width: 64, dst: shifted, a: { reg }, b: { imm: piece.off * 8 } });
        reg = shifted;
      }
      code.emit({ ...common, src: { reg } });
    }
  }
}

/** Stores of constants are instructions of v4, as clang uses them; some kernels refuse them in places. */
export function storedConstant(f: FunctionLowering, value: bigint): Operand {
  if (f.context.cpu === 'v4' && fitsImm(value)) return { imm: Number(value) };
  const dst = f.code.reg();
  if (fitsImm(value)) f.code.emit({ op: 'mov', dst, src: { imm: Number(value) }, width: f.has32 && value >= 0n ? 32 : 64 });
  else f.code.emit({ op: 'const', dst, value });
  return { reg: dst };
}

/** A value as memory holds it: bits above its type's are zero where memory has room for them. */
export function storable(f: FunctionLowering, value: Value): Loc {
  const bits = width(value.type);
  if (bits % 8 === 0) return f.resolve(value);
  const { code } = f;
  const operand = f.extended(value, false, bits <= 32 && f.has32 ? 32 : 64);
  return 'imm' in operand ? { kind: 'const', value: BigInt(operand.imm) } : { kind: 'reg', reg: operand.reg ?? code.reg() };
}

export function lowerLoad(f: FunctionLowering, inst: Extract<Inst, { op: 'load' }>, name: string | null, type: Type): void {
  if (inst.ordering === 'acquire' || inst.ordering === 'seq_cst') f.refuse('an atomic load that orders others is not supported');
  const address = addressOf(f, inst.ptr);
  if (!isAggregate(type)) {
    loadScalar(f, name === null ? f.code.reg() : f.regFor(name), type, address, inst.align, inst.volatile);
    return;
  }
  const parts = f.partsFor(name!, type);
  leaves(type).forEach((leaf, at) => {
    const align = Math.min(inst.align || alignOf(leaf.type), leaf.offset === 0 ? 8 : leaf.offset & -leaf.offset);
    loadScalar(f, parts[at]!, leaf.type, { ...address, off: address.off + leaf.offset }, align, inst.volatile);
  });
}

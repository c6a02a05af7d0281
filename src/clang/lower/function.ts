import { InputError } from '../../base/errors.ts';
import type { Cpu } from '../../compiler/backend/legalize.ts';
import type { AluOp, BlockId, Cmp, IrFunc, Operand, Size, VReg, Width } from '../../compiler/ir/ir.ts';
import type { Func, Inst, Line, Value } from '../llvm-ir/module.ts';
import { alignOf, leaves, sizeOf, type Type } from '../llvm-ir/types.ts';
import { lowerCall } from './calls.ts';
import { Code, fitsImm } from './code.ts';
import { Significant, width } from './significant.ts';
import { lowerSwitch } from './switch.ts';
import {
  type Access,
  accessStep,
  aliasOfCall,
  gepSteps,
  isAggregate,
  isBool,
  isConstant,
  isFalse,
  isPassthrough,
  isTrue,
  leafIndex,
  operands,
} from './values.ts';

/** What functions of a module share while they are lowered. */
export interface ModuleContext {
  readonly cpu: Cpu;
  /** Functions with code, by name. */
  readonly defined: ReadonlyMap<string, Func>;
  /** Of a constant pointer to a helper: the helper's number. */
  readonly helperAt: (global: string) => number | null;
  /** Number of a CO-RE relocation for a way into a type; null when the metadata does not say it. */
  readonly fieldRelocation: (accesses: readonly Access[], kind: number) => FieldRelocation | null;
  readonly typeRelocation: (call: Line) => FieldRelocation | null;
  /** Where in the source an instruction comes from, for messages. */
  readonly place: (dbg: string | null) => string;
}

export interface FieldRelocation {
  readonly id: number;
  /** What holds with the compiler's own headers. */
  readonly value: bigint;
}

/** Where a value is: a register, a constant of its type's bits, the frame, or an address of the object. */
export type Loc =
  | { readonly kind: 'reg'; readonly reg: VReg }
  | { readonly kind: 'const'; readonly value: bigint }
  | { readonly kind: 'frame'; readonly off: number }
  | { readonly kind: 'symbol'; readonly symbol: string; readonly off: number };

/** A place in memory; a base without `reg` is made where it is used. */
export interface Address {
  readonly base: Loc;
  readonly off: number;
  /** CO-RE relocation of the offset. */
  readonly core?: FieldRelocation;
}

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
const COMPARE: Readonly<Record<string, Cmp>> = {
  eq: 'eq',
  ne: 'ne',
  ugt: 'ugt',
  uge: 'uge',
  ult: 'ult',
  ule: 'ule',
  sgt: 'sgt',
  sge: 'sge',
  slt: 'slt',
  sle: 'sle',
};
const MIRRORED: Readonly<Record<Cmp, Cmp>> = {
  eq: 'eq',
  ne: 'ne',
  ugt: 'ult',
  uge: 'ule',
  ult: 'ugt',
  ule: 'uge',
  sgt: 'slt',
  sge: 'sle',
  slt: 'sgt',
  sle: 'sge',
  set: 'set',
};
/** A condition of more comparisons is computed once and kept. */
const MAX_COMPARISONS = 16;
const FLOAT_HELP =
  'eBPF has no floating-point registers or instructions; use fixed point: store score × 2^16 in an integer and compare it with the threshold × 2^16';

/** Lowers one function of LLVM IR. Throws {@link InputError} with the place in the source for what BPF cannot do. */
export function lowerFunction(func: Func, context: ModuleContext): IrFunc {
  return new FunctionLowering(func, context).lower();
}

export class FunctionLowering {
  readonly func: Func;
  readonly context: ModuleContext;
  readonly code = new Code();
  /** Operations of 32 bits are there (v3 and later). */
  readonly has32: boolean;
  private readonly significant: Significant;
  private readonly lines = new Map<string, Line>();
  private readonly lineOfInst = new Map<Inst, Line>();
  private readonly uses = new Map<string, Inst[]>();
  private readonly regs = new Map<string, VReg>();
  private readonly partRegs = new Map<string, VReg[]>();
  private readonly frameOff = new Map<string, number>();
  private frameBytes = 0;
  private readonly blockIds = new Map<string, BlockId>();
  private readonly phiRegs = new Map<string, VReg>();
  private readonly needed = new Map<string, boolean>();
  private line: Line | null = null;

  constructor(func: Func, context: ModuleContext) {
    this.func = func;
    this.context = context;
    this.has32 = context.cpu === 'v3' || context.cpu === 'v4';
    this.significant = new Significant(func, this.has32);
    for (const block of func.blocks) {
      for (const line of block.lines) {
        this.lineOfInst.set(line.inst, line);
        if (line.name !== null) this.lines.set(line.name, line);
        for (const value of operands(line.inst)) {
          if (value.kind !== 'local') continue;
          const list = this.uses.get(value.name);
          if (list) list.push(line.inst);
          else this.uses.set(value.name, [line.inst]);
        }
      }
    }
  }

  lower(): IrFunc {
    const { func, code } = this;
    const args = func.params.flatMap((param) =>
      leaves(param.type).map((leaf, at) => {
        this.checkScalar(leaf.type);
        const reg = code.reg();
        if (isAggregate(param.type)) this.partRegs.set(param.name, [...(this.partRegs.get(param.name) ?? []), reg]);
        else if (at === 0) this.regs.set(param.name, reg);
        return { reg, type: leaf.type.kind === 'ptr' ? ('ptr' as const) : ('scalar' as const) };
      }),
    );
    if (args.length > 5) this.refuse(`${func.name} takes ${args.length} arguments; BPF passes five in registers and has no others`);
    this.placeFrame();
    for (const block of func.blocks) this.blockIds.set(block.name, code.newBlock());
    for (const block of func.blocks) {
      code.start(this.blockIds.get(block.name)!);
      this.startPhis(block.lines);
      for (const line of block.lines) {
        this.line = line;
        if (line.dbg !== null) code.origin = Number(line.dbg) + 1;
        this.lowerLine(line, block.name);
      }
      // What follows a call that never returns is not there; a function must end nevertheless.
      if (!code.closed) code.end({ op: 'ret', value: null });
    }
    return {
      name: func.name,
      linkage: func.linkage === 'internal' ? 'static' : 'global',
      args,
      returns: func.returns.kind === 'void' ? 'void' : 'scalar',
      stackSlots: this.frameBytes > 0 ? [this.frameBytes] : [],
      blocks: code.finish(),
      vregCount: code.vregCount,
    };
  }

  refuse(what: string, dbg = this.line?.dbg ?? this.func.dbg): never {
    throw new InputError(what, this.context.place(dbg));
  }

  /** Variables of the function in one slot, those that need the most alignment first. */
  private placeFrame(): void {
    const found: { name: string; bytes: number; align: number }[] = [];
    for (const block of this.func.blocks) {
      for (const line of block.lines) {
        if (line.inst.op !== 'alloca') continue;
        const count = line.inst.count === null ? 1n : line.inst.count.kind === 'int' ? line.inst.count.value : null;
        if (count === null)
          this.refuse('a variable of a size that is known only at run time does not fit BPF’s frame of 512 bytes', line.dbg);
        found.push({ name: line.name!, bytes: sizeOf(line.inst.of) * Number(count), align: Math.min(8, Math.max(line.inst.align, 1)) });
      }
    }
    let at = 0;
    for (const { name, bytes, align } of found.sort((a, b) => b.align - a.align)) {
      at = Math.ceil(at / align) * align;
      this.frameOff.set(name, at);
      at += bytes;
    }
    this.frameBytes = Math.ceil(at / 8) * 8;
  }

  // Values

  checkScalar(type: Type): void {
    if (type.kind === 'int' && type.bits > 64) this.refuse(`numbers of ${type.bits} bits do not fit BPF’s registers of 64`);
    if (type.kind === 'vector') this.refuse('vectors are not supported');
    if (type.kind === 'opaque') this.refuse('a value of an incomplete type cannot be used');
    if (type.kind === 'ptr' && type.space !== 0) this.refuse(`pointers into address space ${type.space} (arenas) are not supported`);
  }

  /** Bits of the operations that work on a type. */
  opWidth(type: Type): Width {
    this.checkScalar(type);
    return this.has32 && width(type) <= 32 ? 32 : 64;
  }

  isUsed(name: string | null): boolean {
    return name !== null && this.uses.has(name);
  }

  usersOf(name: string): readonly Inst[] {
    return this.uses.get(name) ?? [];
  }

  lineOf(value: Value): Line | null {
    return value.kind === 'local' ? (this.lines.get(value.name) ?? null) : null;
  }

  regFor(name: string): VReg {
    let reg = this.regs.get(name);
    if (reg === undefined) {
      reg = this.code.reg();
      this.regs.set(name, reg);
    }
    return reg;
  }

  partsFor(name: string, type: Type): readonly VReg[] {
    let parts = this.partRegs.get(name);
    if (!parts) {
      parts = leaves(type).map(() => this.code.reg());
      this.partRegs.set(name, parts);
    }
    return parts;
  }

  /** Where a scalar is. Results that are the same register as another value's, or an address that costs nothing, are found here. */
  resolve(value: Value): Loc {
    switch (value.kind) {
      case 'int':
        this.checkScalar(value.type);
        return { kind: 'const', value: BigInt.asUintN(width(value.type), value.value) };
      case 'zero':
      case 'undef':
        return { kind: 'const', value: 0n };
      case 'global':
        return { kind: 'symbol', symbol: value.name, off: 0 };
      case 'float':
        return this.refuse(`floating-point number ${value.text}: ${FLOAT_HELP}`);
      case 'expr':
        return this.resolveConstant(value);
      case 'local': {
        const alias = this.alias(value.name);
        return alias ?? { kind: 'reg', reg: this.regFor(value.name) };
      }
      default:
        return this.refuse('a value of this kind cannot be computed with');
    }
  }

  private resolveConstant(value: Extract<Value, { kind: 'expr' }>): Loc {
    const { inst } = value;
    if (inst.op === 'cast') {
      const inner = this.resolve(inst.value);
      if (inner.kind === 'const') return { kind: 'const', value: BigInt.asUintN(width(value.type), inner.value) };
      return inner;
    }
    if (inst.op === 'gep') {
      const base = this.resolve(inst.base);
      const off = this.constantOffset(inst);
      if (off === null) return this.refuse('a constant address with an index that is none');
      if (base.kind === 'symbol' || base.kind === 'frame') return { ...base, off: base.off + off };
      if (base.kind === 'const') return { kind: 'const', value: BigInt.asUintN(64, base.value + BigInt(off)) };
    }
    if (inst.op === 'binary' && (inst.code === 'add' || inst.code === 'sub')) {
      const [a, b] = [this.resolve(inst.a), this.resolve(inst.b)];
      const sign = inst.code === 'add' ? 1n : -1n;
      if (a.kind === 'const' && b.kind === 'const')
        return { kind: 'const', value: BigInt.asUintN(width(value.type), a.value + sign * b.value) };
      if (a.kind === 'symbol' && b.kind === 'const') return { ...a, off: a.off + Number(BigInt.asIntN(64, sign * b.value)) };
    }
    return this.refuse('a constant expression that a loader cannot compute');
  }

  private alias(name: string): Loc | null {
    const line = this.lines.get(name);
    if (!line) return null;
    const { inst } = line;
    switch (inst.op) {
      case 'alloca':
        return { kind: 'frame', off: this.frameOff.get(name)! };
      case 'cast':
        return this.isFreeCast(inst) ? this.castOf(inst) : null;
      case 'gep': {
        const off = this.constantOffset(inst);
        if (off === null) return null;
        const base = this.resolve(inst.base);
        if (base.kind === 'frame' || base.kind === 'symbol') return { ...base, off: base.off + off };
        return off === 0 ? base : null;
      }
      case 'extractvalue': {
        if (isAggregate(line.type)) return null;
        return this.partsOf(inst.value)[leafIndex(inst.value.type, inst.path)] ?? null;
      }
      case 'call':
        return aliasOfCall(inst) ? this.resolve(inst.args.at(isPassthrough(inst) ? 1 : 0)!.value) : null;
      default:
        return null;
    }
  }

  private isFreeCast(inst: Extract<Inst, { op: 'cast' }>): boolean {
    const from = width(inst.value.type);
    switch (inst.code) {
      case 'zext':
      case 'inttoptr':
        return this.significant.of(inst.value) <= from || from >= 64;
      case 'sext':
        return this.significant.of(inst.value) < from;
      case 'addrspacecast':
        return this.refuse('pointers into arenas are not supported');
      default:
        return true;
    }
  }

  private castOf(inst: Extract<Inst, { op: 'cast' }>): Loc {
    const inner = this.resolve(inst.value);
    // Nothing but the bits of the type counts.
    return inner;
  }

  /** Scalars of an aggregate in memory order. */
  partsOf(value: Value): readonly Loc[] {
    const count = leaves(value.type).length;
    if (value.kind === 'undef' || value.kind === 'zero')
      return Array.from({ length: count }, () => ({ kind: 'const', value: 0n }) as const);
    if (value.kind === 'aggregate') return value.elements.flatMap((element) => this.leavesOf(element));
    if (value.kind !== 'local') return this.refuse('an aggregate of this kind cannot be computed with');
    const line = this.lines.get(value.name);
    if (line?.inst.op === 'insertvalue') {
      const parts = [...this.partsOf(line.inst.value)];
      const inserted = this.leavesOf(line.inst.element);
      parts.splice(leafIndex(value.type, line.inst.path), inserted.length, ...inserted);
      return parts;
    }
    if (line?.inst.op === 'extractvalue') {
      const at = leafIndex(line.inst.value.type, line.inst.path);
      return this.partsOf(line.inst.value).slice(at, at + count);
    }
    if (line?.inst.op === 'cast' && line.inst.code === 'freeze') return this.partsOf(line.inst.value);
    return this.partsFor(value.name, value.type).map((reg) => ({ kind: 'reg', reg }) as const);
  }

  private leavesOf(value: Value): readonly Loc[] {
    return isAggregate(value.type) ? this.partsOf(value) : [this.resolve(value)];
  }

  /** A register with the value; constants and addresses get a fresh one. */
  materialize(loc: Loc): VReg {
    const { code } = this;
    if (loc.kind === 'reg') return loc.reg;
    if (loc.kind === 'const') return code.constant(loc.value);
    const dst = code.reg();
    if (loc.kind === 'frame') code.emit({ op: 'stackAddr', dst, slot: 0, off: loc.off });
    else code.emit({ op: 'symbolAddr', dst, symbol: loc.symbol, off: loc.off });
    return dst;
  }

  regOf(value: Value): VReg {
    return this.materialize(this.resolve(value));
  }

  /** An operand of which only the bits of its type count. */
  operand(value: Value, opWidth: Width, constants: 'signed' | 'unsigned' = 'signed'): Operand {
    const loc = this.resolve(value);
    if (loc.kind !== 'const') return { reg: this.materialize(loc) };
    const bits = width(value.type);
    return this.code.immediate(constants === 'signed' ? BigInt.asIntN(bits, loc.value) : loc.value, opWidth);
  }

  /** An operand whose register holds the value extended to `opWidth`. */
  extended(value: Value, signed: boolean, opWidth: Width): Operand {
    const bits = width(value.type);
    const loc = this.resolve(value);
    if (loc.kind === 'const')
      return this.code.immediate(signed ? BigInt.asIntN(bits, loc.value) : BigInt.asUintN(bits, loc.value), opWidth);
    const reg = this.materialize(loc);
    if (bits >= opWidth) return { reg };
    const known = this.significant.of(value);
    if (signed ? known < bits : known <= bits) return { reg };
    return { reg: signed ? this.signExtend(reg, bits, opWidth) : this.zeroExtend(reg, bits, opWidth) };
  }

  zeroExtend(src: VReg, bits: number, to: Width, dst = this.code.reg()): VReg {
    const { code } = this;
    if (bits === 32 && this.has32) code.emit({ op: 'mov', dst, src: { reg: src }, width: 32 });
    else if (bits < 32) {
      code.emit({ op: 'alu', alu: 'and', width: to, dst, a: { reg: src }, b: { imm: Number((1n << BigInt(bits)) - 1n) } });
    } else {
      code.emit({ op: 'alu', alu: 'lsh', width: 64, dst, a: { reg: src }, b: { imm: 64 - bits } });
      code.emit({ op: 'alu', alu: 'rsh', width: 64, dst, a: { reg: dst }, b: { imm: 64 - bits } });
    }
    return dst;
  }

  signExtend(src: VReg, bits: number, to: Width, dst = this.code.reg()): VReg {
    const { code } = this;
    if (bits === 8 || bits === 16 || bits === 32) code.emit({ op: 'sext', dst, src, bits, width: to });
    else {
      code.emit({ op: 'alu', alu: 'lsh', width: to, dst, a: { reg: src }, b: { imm: to - bits } });
      code.emit({ op: 'alu', alu: 'arsh', width: to, dst, a: { reg: dst }, b: { imm: to - bits } });
    }
    return dst;
  }

  // Addresses

  /** Bytes that constant indices come to; null when one is variable. */
  constantOffset(inst: Extract<Inst, { op: 'gep' }>): number | null {
    const steps = gepSteps(inst);
    return steps.every((step) => step.index === null) ? steps.reduce((sum, step) => sum + step.offset, 0) : null;
  }

  addressOf(ptr: Value): Address {
    const line = this.lineOf(ptr);
    const inst = line?.inst ?? (ptr.kind === 'expr' ? ptr.inst : null);
    if (line && inst?.op === 'call') {
      const field = this.fieldOf(line);
      if (field) return field;
    }
    if (inst?.op === 'gep') {
      const off = this.constantOffset(inst);
      if (off !== null) {
        const inner = this.addressOf(inst.base);
        if (!inner.core) return { base: inner.base, off: inner.off + off };
      } else if (ptr.kind === 'local') {
        const tail = gepSteps(inst).reduce((sum, step) => sum + (step.index === null ? step.offset : 0), 0);
        return { base: { kind: 'reg', reg: this.gepPartial(ptr.name, tail) }, off: tail };
      }
    }
    if (inst?.op === 'cast' && (inst.code === 'bitcast' || inst.code === 'freeze')) return this.addressOf(inst.value);
    const loc = this.resolve(ptr);
    if (loc.kind === 'symbol' || loc.kind === 'frame') return { base: { ...loc, off: 0 }, off: loc.off };
    return { base: loc, off: 0 };
  }

  /** The register before the constant part of an address with variable indices is added. */
  private gepPartial(name: string, tail: number): VReg {
    return tail === 0 ? this.regFor(name) : this.partsFor(`${name} base`, { kind: 'ptr', space: 0 })[0]!;
  }

  private fieldOf(line: Line): Address | null {
    const chain = this.accessChain(line);
    if (!chain) return null;
    const core = this.context.fieldRelocation(chain.accesses, 0);
    if (!core) return null;
    return { base: this.resolve(chain.base), off: Number(core.value), core };
  }

  /** The steps of nested `llvm.preserve.…` calls, outermost type first. */
  accessChain(last: Line): { base: Value; accesses: Access[] } | null {
    const accesses: Access[] = [];
    let line: Line | null = last;
    let base: Value | null = null;
    while (line?.inst.op === 'call' && line.inst.callee.kind === 'global') {
      const step = accessStep(line);
      if (!step) break;
      accesses.unshift(step);
      base = line.inst.args[0]!.value;
      line = this.lineOf(base);
    }
    return base === null ? null : { base, accesses };
  }

  /** A base register for a memory access and the offset that goes with it. */
  place(address: Address): { base: VReg; off: number; core?: number } {
    const { base, off, core } = address;
    if (base.kind === 'frame') return { base: this.materialize({ ...base, off: base.off + off }), off: 0 };
    return { base: this.materialize(base), off, ...(core ? { core: core.id } : {}) };
  }

  // Memory

  /** Pieces that an access of so many bytes is made in: BPF wants natural alignment. */
  pieces(bytes: number, align: number): { off: number; size: Size }[] {
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

  loadScalar(dst: VReg, type: Type, address: Address, align: number, volatile: boolean): void {
    const { code } = this;
    this.checkScalar(type);
    const pieces = this.pieces(Math.ceil(width(type) / 8), align || alignOf(type));
    const { base, off, core } = this.place(address);
    const flags = volatile ? { volatile } : {};
    if (pieces.length === 1) {
      const relocated = core === undefined ? {} : { core };
      code.emit({ op: 'load', dst, base, off, size: pieces[0]!.size, signed: false, ...flags, ...relocated });
      return;
    }
    if (core !== undefined) this.refuse('an unaligned field with a CO-RE relocation is not supported');
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

  storeScalar(loc: Loc, type: Type, address: Address, align: number): void {
    const { code } = this;
    this.checkScalar(type);
    const pieces = this.pieces(Math.ceil(width(type) / 8), align || alignOf(type));
    const { base, off, core } = this.place(address);
    if (pieces.length > 1 && core !== undefined) this.refuse('an unaligned field with a CO-RE relocation is not supported');
    for (const piece of pieces) {
      const relocated = core === undefined ? {} : { core };
      const common = { op: 'store' as const, base, off: off + piece.off, size: piece.size, ...relocated };
      if (loc.kind === 'const') {
        const value = BigInt.asIntN(piece.size * 8, loc.value >> BigInt(piece.off * 8));
        code.emit({ ...common, src: this.storedConstant(value) });
      } else {
        let reg = this.materialize(loc);
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
  storedConstant(value: bigint): Operand {
    if (this.context.cpu === 'v4' && fitsImm(value)) return { imm: Number(value) };
    const dst = this.code.reg();
    if (fitsImm(value)) this.code.emit({ op: 'mov', dst, src: { imm: Number(value) }, width: this.has32 && value >= 0n ? 32 : 64 });
    else this.code.emit({ op: 'const', dst, value });
    return { reg: dst };
  }

  // Lines

  private startPhis(lines: readonly Line[]): void {
    for (const { inst, name, type } of lines) {
      if (inst.op !== 'phi') continue;
      if (isAggregate(type)) this.refuse('an aggregate that depends on the way taken is not supported');
      this.code.emit({ op: 'mov', dst: this.regFor(name!), src: { reg: this.phiRegs.get(name!) ?? this.phiReg(name!) }, width: 64 });
    }
  }

  private phiReg(name: string): VReg {
    let reg = this.phiRegs.get(name);
    if (reg === undefined) {
      reg = this.code.reg();
      this.phiRegs.set(name, reg);
    }
    return reg;
  }

  /** Copies that the way from one block to another makes. */
  private edgeCopies(from: string, to: string): void {
    const target = this.func.blocks.find((block) => block.name === to)!;
    for (const { inst, name, type } of target.lines) {
      if (inst.op !== 'phi') break;
      const value = inst.incoming.find(([, block]) => block === from)?.[0];
      if (!value) this.refuse(`a value of block ${to} is missing`);
      const dst = this.phiReg(name!);
      this.checkScalar(type);
      this.moveTo(dst, this.resolve(value));
    }
  }

  moveTo(dst: VReg, loc: Loc): void {
    const { code } = this;
    if (loc.kind === 'reg') code.emit({ op: 'mov', dst, src: { reg: loc.reg }, width: 64 });
    else if (loc.kind === 'const') code.emit({ op: 'const', dst, value: BigInt.asIntN(64, loc.value) });
    else if (loc.kind === 'frame') code.emit({ op: 'stackAddr', dst, slot: 0, off: loc.off });
    else code.emit({ op: 'symbolAddr', dst, symbol: loc.symbol, off: loc.off });
  }

  private hasPhis(name: string): boolean {
    return this.func.blocks.find((block) => block.name === name)!.lines[0]?.inst.op === 'phi';
  }

  /** Where a jump to `to` goes; blocks with copies are written by what `finishEdges` gives. */
  edges(from: string): { to: (name: string) => BlockId; finish: () => void } {
    const made = new Map<string, BlockId>();
    return {
      to: (name) => {
        if (!this.hasPhis(name)) return this.blockIds.get(name)!;
        const known = made.get(name) ?? this.code.newBlock();
        made.set(name, known);
        return known;
      },
      finish: () => {
        for (const [name, id] of made) {
          this.code.start(id);
          this.edgeCopies(from, name);
          this.code.end({ op: 'jump', to: this.blockIds.get(name)! });
        }
      },
    };
  }

  private lowerLine(line: Line, block: string): void {
    const { inst, name, type } = line;
    const { code } = this;
    switch (inst.op) {
      case 'phi':
      case 'alloca':
      case 'insertvalue':
      case 'extractvalue':
        return;
      case 'binary':
        if (this.isLazy(line) && !this.isNeeded(name!)) return;
        this.binary(inst, name!, type);
        return;
      case 'icmp':
        if (this.isNeeded(name!)) this.materializeCondition(this.regFor(name!), { kind: 'local', name: name!, type });
        return;
      case 'cast':
        if (!this.isFreeCast(inst)) this.cast(inst, this.regFor(name!), type);
        return;
      case 'select':
        if (this.isLazy(line) && !this.isNeeded(name!)) return;
        this.select(inst, name!, type);
        return;
      case 'load':
        this.load(inst, name, type);
        return;
      case 'store':
        if (isAggregate(inst.value.type)) {
          const address = this.addressOf(inst.ptr);
          const parts = this.partsOf(inst.value);
          leaves(inst.value.type).forEach((leaf, at) => {
            const align = Math.min(inst.align || alignOf(leaf.type), leaf.offset === 0 ? 8 : leaf.offset & -leaf.offset);
            this.storeScalar(parts[at]!, leaf.type, { ...address, off: address.off + leaf.offset }, align);
          });
        } else this.storeScalar(this.storable(inst.value), inst.value.type, this.addressOf(inst.ptr), inst.align);
        return;
      case 'gep':
        this.gep(inst, name!);
        return;
      case 'atomicrmw':
        this.atomic(inst, name, type);
        return;
      case 'cmpxchg':
        this.exchange(inst, name, type);
        return;
      case 'fence':
        if (!inst.single) this.barrier();
        return;
      case 'call': {
        const { to, finish } = this.edges(block);
        lowerCall(this, line, inst, (target) => to(target));
        finish();
        return;
      }
      case 'br': {
        const { to, finish } = this.edges(block);
        if (inst.cond === null) {
          this.edgeCopies(block, inst.targets[0]!);
          code.end({ op: 'jump', to: this.blockIds.get(inst.targets[0]!)! });
        } else {
          this.branchOn(inst.cond, to(inst.targets[0]!), to(inst.targets[1]!));
          finish();
        }
        return;
      }
      case 'switch': {
        const { to, finish } = this.edges(block);
        lowerSwitch(this, inst, to);
        finish();
        return;
      }
      case 'ret':
        this.ret(inst);
        return;
      case 'unreachable':
        code.end({ op: 'ret', value: null });
        return;
      case 'unsupported':
        if (/^f|^[us]itofp/.test(inst.what)) this.refuse(`floating point (${inst.what}): ${FLOAT_HELP}`);
        this.refuse(`LLVM’s instruction ${inst.what} has no counterpart in BPF`);
    }
  }

  /** A value as memory holds it: bits above its type's are zero where memory has room for them. */
  private storable(value: Value): Loc {
    const bits = width(value.type);
    if (bits % 8 === 0) return this.resolve(value);
    const { code } = this;
    const operand = this.extended(value, false, bits <= 32 && this.has32 ? 32 : 64);
    return 'imm' in operand ? { kind: 'const', value: BigInt(operand.imm) } : { kind: 'reg', reg: operand.reg ?? code.reg() };
  }

  private binary(inst: Extract<Inst, { op: 'binary' }>, name: string, type: Type): void {
    const { code } = this;
    const opWidth = this.opWidth(type);
    const bits = width(type);
    const dst = this.regFor(name);
    const alu = ALU[inst.code]!;
    const mask = inst.code === 'and' && inst.b.kind === 'int' ? BigInt.asUintN(bits, inst.b.value) : null;
    if (mask === 0xffff_ffffn && opWidth === 64) {
      this.zeroExtend(this.regOf(inst.a), 32, 64, dst);
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
          a: this.operand(inst.a, opWidth, constants),
          b: this.operand(inst.b, opWidth, constants),
        });
        return;
      }
      case 'add':
      case 'sub':
      case 'mul':
        code.emit({ op: 'alu', alu, width: opWidth, dst, a: this.operand(inst.a, opWidth), b: this.operand(inst.b, opWidth) });
        return;
      case 'shl':
        code.emit({ op: 'alu', alu, width: opWidth, dst, a: this.operand(inst.a, opWidth), b: this.extended(inst.b, false, opWidth) });
        return;
      case 'lshr':
      case 'udiv':
      case 'urem':
        code.emit({
          op: 'alu',
          alu,
          width: opWidth,
          dst,
          a: this.extended(inst.a, false, opWidth),
          b: this.extended(inst.b, false, opWidth),
        });
        return;
      case 'ashr':
        code.emit({
          op: 'alu',
          alu,
          width: opWidth,
          dst,
          a: this.extended(inst.a, true, opWidth),
          b: this.extended(inst.b, false, opWidth),
        });
        return;
      default:
        this.signedDivision(inst.code === 'srem', dst, this.extended(inst.a, true, opWidth), this.extended(inst.b, true, opWidth), opWidth);
    }
  }

  /** Before v4 there is only division of numbers without a sign: magnitudes are divided, and the sign is put back. */
  signedDivision(isRemainder: boolean, dst: VReg, a: Operand, b: Operand, opWidth: Width): void {
    const { code } = this;
    if (this.context.cpu === 'v4') {
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

  private cast(inst: Extract<Inst, { op: 'cast' }>, dst: VReg, type: Type): void {
    const from = width(inst.value.type);
    const to = this.opWidth(type);
    const loc = this.resolve(inst.value);
    const src = this.materialize(loc);
    if (inst.code === 'sext') {
      if (from === 1) this.code.emit({ op: 'alu', alu: 'sub', width: to, dst, a: { imm: 0 }, b: this.extended(inst.value, false, to) });
      else this.signExtend(src, from, to, dst);
    } else this.zeroExtend(src, from, to, dst);
  }

  /** BPF has no barrier of its own; atomic operations that give the old value order everything before and after them (kernel, atomic_t.rst). */
  private barrier(): void {
    if (this.context.cpu === 'v1' || this.context.cpu === 'v2')
      this.refuse('a memory barrier needs atomic operations with results: -mcpu=v3');
    const { code } = this;
    const [base, old] = [code.reg(), code.reg()];
    code.emit({ op: 'stackAddr', dst: base, slot: 0, off: this.frameBytes });
    this.frameBytes += 8;
    code.emit({ op: 'store', base, off: 0, src: { imm: 0 }, size: 8 });
    code.emit({ op: 'atomic', atomic: 'add', dst: old, base, off: 0, src: code.constant(0n), size: 8 });
  }

  private load(inst: Extract<Inst, { op: 'load' }>, name: string | null, type: Type): void {
    if (inst.ordering === 'acquire' || inst.ordering === 'seq_cst') this.refuse('an atomic load that orders others is not supported');
    const address = this.addressOf(inst.ptr);
    if (!isAggregate(type)) {
      this.loadScalar(name === null ? this.code.reg() : this.regFor(name), type, address, inst.align, inst.volatile);
      return;
    }
    const parts = this.partsFor(name!, type);
    leaves(type).forEach((leaf, at) => {
      const align = Math.min(inst.align || alignOf(leaf.type), leaf.offset === 0 ? 8 : leaf.offset & -leaf.offset);
      this.loadScalar(parts[at]!, leaf.type, { ...address, off: address.off + leaf.offset }, align, inst.volatile);
    });
  }

  private gep(inst: Extract<Inst, { op: 'gep' }>, name: string): void {
    const { code } = this;
    if (this.alias(name) !== null) return;
    const dst = this.regFor(name);
    const off = this.constantOffset(inst);
    if (off !== null) {
      // Only uses as a value need it; accesses reach it by their offset.
      const inner = this.addressOf(inst.base);
      const base = this.materialize(inner.core ? this.resolve(inst.base) : inner.base);
      const imm = BigInt(off + (inner.core ? 0 : inner.off));
      code.emit({ op: 'alu', alu: 'add', width: 64, dst, a: { reg: base }, b: code.immediate(imm, 64) });
      return;
    }
    const steps = gepSteps(inst);
    const tail = steps.reduce((sum, step) => sum + (step.index === null ? step.offset : 0), 0);
    const partial = this.gepPartial(name, tail);
    let at = this.regOf(inst.base);
    const variable = steps.filter((step) => step.index !== null);
    variable.forEach((step, i) => {
      const index = this.extended(step.index!, true, 64);
      let scaled = index;
      if (step.offset !== 1) {
        const shift = Math.log2(step.offset);
        const reg = code.reg();
        if (Number.isInteger(shift)) code.emit({ op: 'alu', alu: 'lsh', width: 64, dst: reg, a: index, b: { imm: shift } });
        else code.emit({ op: 'alu', alu: 'mul', width: 64, dst: reg, a: index, b: { imm: step.offset } });
        scaled = { reg };
      }
      const to = i === variable.length - 1 ? partial : code.reg();
      code.emit({ op: 'alu', alu: 'add', width: 64, dst: to, a: { reg: at }, b: scaled });
      at = to;
    });
    if (tail !== 0) code.emit({ op: 'alu', alu: 'add', width: 64, dst, a: { reg: partial }, b: { imm: tail } });
  }

  private select(inst: Extract<Inst, { op: 'select' }>, name: string, type: Type): void {
    if (isAggregate(type)) this.refuse('an aggregate that depends on a condition is not supported');
    const { code } = this;
    const dst = this.regFor(name);
    this.opWidth(type);
    this.moveTo(dst, this.resolve(inst.a));
    const [other, join] = [code.newBlock(), code.newBlock()];
    this.branchOn(inst.cond, join, other);
    code.start(other);
    this.moveTo(dst, this.resolve(inst.b));
    code.end({ op: 'jump', to: join });
    code.start(join);
  }

  private atomic(inst: Extract<Inst, { op: 'atomicrmw' }>, name: string | null, type: Type): void {
    const { code } = this;
    const bits = width(type);
    if (bits !== 32 && bits !== 64) this.refuse('atomic operations work on 32 or 64 bits');
    const used = this.isUsed(name);
    const known = { add: 'add', sub: 'add', and: 'and', or: 'or', xor: 'xor', xchg: 'xchg' }[inst.code] as
      | 'add'
      | 'and'
      | 'or'
      | 'xor'
      | 'xchg'
      | undefined;
    if (!known) this.refuse(`BPF has no atomic ${inst.code}; use a loop around __sync_val_compare_and_swap`);
    const isNothing =
      inst.value.kind === 'int' && (inst.code === 'and' ? inst.value.value === -1n : known !== 'xchg' && inst.value.value === 0n);
    if (!this.has32 && isNothing) {
      if (used) this.loadScalar(this.regFor(name!), type, this.addressOf(inst.ptr), 0, true);
      return;
    }
    if (!this.has32 && (known !== 'add' || used))
      this.refuse('atomic operations other than an addition whose result is unused need -mcpu=v3');
    let src = this.regOf(inst.value);
    if (inst.code === 'sub') {
      const negative = code.reg();
      code.emit({ op: 'alu', alu: 'sub', width: this.opWidth(type), dst: negative, a: { imm: 0 }, b: { reg: src } });
      src = negative;
    }
    const { base, off, core } = this.place(this.addressOf(inst.ptr));
    if (core !== undefined) this.refuse('an atomic operation on a field with a CO-RE relocation is not supported');
    const dst = used ? this.regFor(name!) : known === 'xchg' ? code.reg() : null;
    code.emit({ op: 'atomic', atomic: known, dst, base, off, src, size: bits === 32 ? 4 : 8 });
  }

  private exchange(inst: Extract<Inst, { op: 'cmpxchg' }>, name: string | null, type: Type): void {
    const { code } = this;
    const bits = width(inst.value.type);
    if (bits !== 32 && bits !== 64) this.refuse('atomic operations work on 32 or 64 bits');
    if (!this.has32) this.refuse('compare and exchange needs -mcpu=v3');
    const expected = this.extended(inst.expected, false, 64);
    const src = this.regOf(inst.value);
    const { base, off } = this.place(this.addressOf(inst.ptr));
    const parts = name === null ? null : this.partsFor(name, type);
    const old = parts?.[0] ?? code.reg();
    code.emit({ op: 'atomic', atomic: 'cmpxchg', dst: old, base, off, src, expected, size: bits === 32 ? 4 : 8 });
    const asked = name !== null && this.usersOf(name).some((user) => user.op === 'extractvalue' && user.path[0] === 1);
    if (!asked) return;
    this.setWhen(parts![1]!, (yes, no) => {
      code.end({ op: 'branch', cmp: 'eq', width: bits === 32 ? 32 : 64, a: { reg: old }, b: expected, ifTrue: yes, ifFalse: no });
    });
  }

  private ret(inst: Extract<Inst, { op: 'ret' }>): void {
    const { code, func } = this;
    if (inst.value === null) {
      code.end({ op: 'ret', value: null });
      return;
    }
    const { type } = inst.value;
    if (isAggregate(type)) {
      const parts = this.partsOf(inst.value);
      if (parts.length > 1) this.refuse('a structure that does not fit one register cannot be returned');
      code.end({ op: 'ret', value: parts[0] ? { reg: this.materialize(parts[0]) } : null });
      return;
    }
    const bits = width(type);
    const loc = this.resolve(inst.value);
    if (loc.kind === 'const') {
      const signed = BigInt.asIntN(bits, loc.value);
      const value =
        this.has32 && bits <= 32 ? (bits === 32 || func.returnExtend === 'sign' ? BigInt.asUintN(32, signed) : loc.value) : signed;
      code.end({ op: 'ret', value: fitsImm(value) ? { imm: Number(value) } : { reg: code.constant(value) } });
      return;
    }
    if (bits < 32 && func.returnExtend)
      code.end({ op: 'ret', value: this.extended(inst.value, func.returnExtend === 'sign', this.has32 ? 32 : 64) });
    else if (bits === 32 && this.has32) code.end({ op: 'ret', value: this.extended(inst.value, false, 64) });
    else code.end({ op: 'ret', value: { reg: this.materialize(loc) } });
  }

  // Conditions

  /** False for conditions that are computed again wherever they are branched on. */
  private isNeeded(name: string): boolean {
    const known = this.needed.get(name);
    if (known !== undefined) return known;
    this.needed.set(name, false);
    const needed = this.comparisons(name) > MAX_COMPARISONS || this.usersOf(name).some((user) => this.needsValue(user, name));
    this.needed.set(name, needed);
    return needed;
  }

  private needsValue(user: Inst, name: string): boolean {
    switch (user.op) {
      case 'br':
        return false;
      case 'select': {
        const isCondition = user.cond.kind === 'local' && user.cond.name === name;
        const isChosen = [user.a, user.b].some((value) => value.kind === 'local' && value.name === name);
        if (!isChosen) return !isCondition;
        return this.resultNeeded(user);
      }
      case 'binary':
        return this.resultNeeded(user);
      case 'call':
        return !(user.callee.kind === 'global' && user.callee.name === 'llvm.assume');
      default:
        return true;
    }
  }

  private resultNeeded(user: Inst): boolean {
    const line = this.lineOfInst.get(user);
    return line?.name === null || line === undefined || !this.isLazy(line) || this.isNeeded(line.name!);
  }

  /** Logic on conditions that `branchOn` takes apart. */
  private isLazy({ inst, type }: Line): boolean {
    if (type.kind !== 'int' || type.bits !== 1) return false;
    if (inst.op === 'icmp') return true;
    if (inst.op === 'binary') return inst.code === 'and' || inst.code === 'or' || (inst.code === 'xor' && isTrue(inst.b));
    return inst.op === 'select' && (isFalse(inst.b) || isTrue(inst.a));
  }

  private comparisons(name: string, depth = 0): number {
    const line = this.lines.get(name);
    if (!line || !this.isLazy(line) || depth > MAX_COMPARISONS) return 1;
    return (
      operands(line.inst).reduce(
        (sum, value) => sum + (value.kind === 'local' && isBool(value.type) ? this.comparisons(value.name, depth + 1) : 0),
        0,
      ) || 1
    );
  }

  /** Goes to one of two blocks. */
  branchOn(cond: Value, yes: BlockId, no: BlockId): void {
    const { code } = this;
    if (cond.kind === 'int') {
      code.end({ op: 'jump', to: cond.value !== 0n ? yes : no });
      return;
    }
    const line = this.lineOf(cond);
    if (line && this.isLazy(line) && !(line.inst.op !== 'icmp' && this.isNeeded(line.name!))) {
      const { inst } = line;
      if (inst.op === 'icmp') {
        this.compare(inst, yes, no);
        return;
      }
      if (inst.op === 'binary' && inst.code === 'xor') {
        this.branchOn(inst.a, no, yes);
        return;
      }
      const [a, b] =
        inst.op === 'select' ? [inst.cond, isFalse(inst.b) ? inst.a : inst.b] : inst.op === 'binary' ? [inst.a, inst.b] : [cond, cond];
      const isAnd = inst.op === 'select' ? isFalse(inst.b) : inst.op === 'binary' && inst.code === 'and';
      const middle = code.newBlock();
      if (isAnd) this.branchOn(a, middle, no);
      else this.branchOn(a, yes, middle);
      code.start(middle);
      this.branchOn(b, yes, no);
      return;
    }
    const loc = this.resolve(cond);
    if (loc.kind === 'const') {
      code.end({ op: 'jump', to: loc.value !== 0n ? yes : no });
      return;
    }
    const reg = this.materialize(loc);
    if (this.significant.of(cond) <= 1) {
      code.end({ op: 'branch', cmp: 'ne', width: this.has32 ? 32 : 64, a: { reg }, b: { imm: 0 }, ifTrue: yes, ifFalse: no });
    } else {
      const bit = code.reg();
      code.emit({ op: 'alu', alu: 'and', width: this.has32 ? 32 : 64, dst: bit, a: { reg }, b: { imm: 1 } });
      code.end({ op: 'branch', cmp: 'ne', width: this.has32 ? 32 : 64, a: { reg: bit }, b: { imm: 0 }, ifTrue: yes, ifFalse: no });
    }
  }

  private compare(inst: Extract<Inst, { op: 'icmp' }>, ifTrue: BlockId, ifFalse: BlockId): void {
    let cmp = COMPARE[inst.code]!;
    let [a, b] = [inst.a, inst.b];
    if (isConstant(a) && !isConstant(b)) {
      [a, b] = [b, a];
      cmp = MIRRORED[cmp];
    }
    const range = this.rangeOf(cmp, a, b);
    if (range) {
      this.withinRange(range, cmp.startsWith('ul') ? ifTrue : ifFalse, cmp.startsWith('ul') ? ifFalse : ifTrue);
      return;
    }
    const opWidth = this.opWidth(a.type);
    const signed = cmp.startsWith('s');
    const left = this.extended(a, signed, opWidth);
    const right = this.extended(b, signed, opWidth);
    this.code.end({ op: 'branch', cmp, width: opWidth, a: left, b: right, ifTrue, ifFalse });
  }

  /**
   * The optimiser makes `x - low < count` of `low <= x && x < low + count`. The verifier then knows nothing of `x`, so the two comparisons are made
   * again; `ugt` and `uge` are the opposites. Null for everything else, and where the range wraps.
   */
  private rangeOf(cmp: Cmp, a: Value, b: Value): Range | null {
    if (!cmp.startsWith('u') || b.kind !== 'int') return null;
    const inst = this.lineOf(a)?.inst;
    if (inst?.op !== 'binary' || inst.code !== 'add' || inst.b.kind !== 'int' || inst.a.kind !== 'local') return null;
    const bits = width(a.type);
    const low = -BigInt.asIntN(bits, inst.b.value);
    const count = BigInt.asUintN(bits, b.value) + (cmp === 'ule' || cmp === 'ugt' ? 1n : 0n);
    const high = low + count - 1n;
    const half = 1n << BigInt(bits - 1);
    if (count < 1n || (low >= 0n ? high >= 2n * half : low < -half || high >= half)) return null;
    return { value: inst.a, low, high, signed: low < 0n };
  }

  private withinRange({ value, low, high, signed }: Range, inside: BlockId, outside: BlockId): void {
    const { code } = this;
    const opWidth = this.opWidth(value.type);
    const reg = this.extended(value, signed, opWidth);
    const next = code.newBlock();
    const least = code.immediate(low, opWidth);
    code.end({ op: 'branch', cmp: signed ? 'slt' : 'ult', width: opWidth, a: reg, b: least, ifTrue: outside, ifFalse: next });
    code.start(next);
    const most = code.immediate(high, opWidth);
    code.end({ op: 'branch', cmp: signed ? 'sgt' : 'ugt', width: opWidth, a: reg, b: most, ifTrue: outside, ifFalse: inside });
  }

  private materializeCondition(dst: VReg, cond: Value): void {
    this.setWhen(dst, (yes, no) => this.branchOn(cond, yes, no));
  }

  /** `dst` becomes 1 when `branch` goes to its first block, 0 otherwise. */
  setWhen(dst: VReg, branch: (yes: BlockId, no: BlockId) => void): void {
    const { code } = this;
    const opWidth = this.has32 ? 32 : 64;
    code.emit({ op: 'mov', dst, src: { imm: 1 }, width: opWidth });
    const [other, join] = [code.newBlock(), code.newBlock()];
    branch(join, other);
    code.start(other);
    code.emit({ op: 'mov', dst, src: { imm: 0 }, width: opWidth });
    code.end({ op: 'jump', to: join });
    code.start(join);
  }
}

/** Numbers from `low` to `high`. */
interface Range {
  readonly value: Value;
  readonly low: bigint;
  readonly high: bigint;
  readonly signed: boolean;
}

import { InputError } from '../../base/errors.ts';
import type { Cpu } from '../../compiler/backend/legalize.ts';
import type { BlockId, IrFunc, Operand, VReg, Width } from '../../compiler/ir/ir.ts';
import type { Func, Inst, Line, Value } from '../llvm-ir/module.ts';
import { alignOf, leaves, sizeOf, type Type } from '../llvm-ir/types.ts';
import { lowerLoad, storable, storeScalar } from './access.ts';
import { addressOf, constantOffset, lowerGep } from './address.ts';
import { lowerBinary, lowerCast } from './arithmetic.ts';
import { lowerAtomic, lowerBarrier, lowerExchange } from './atomics.ts';
import { lowerCall } from './calls.ts';
import { checkFunction } from './check.ts';
import { Code, fitsImm } from './code.ts';
import { branchOn, isLazy, isNeeded, setWhen } from './conditions.ts';
import { Significant, width } from './significant.ts';
import { lowerSwitch } from './switch.ts';
import { type Access, aliasOfCall, isAggregate, isPassthrough, leafIndex, operands } from './values.ts';

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
  readonly significant: Significant;
  readonly lines = new Map<string, Line>();
  readonly lineOfInst = new Map<Inst, Line>();
  private readonly uses = new Map<string, Inst[]>();
  private readonly regs = new Map<string, VReg>();
  private readonly partRegs = new Map<string, VReg[]>();
  private readonly frameOff = new Map<string, number>();
  frameBytes = 0;
  private readonly blockIds = new Map<string, BlockId>();
  private readonly phiRegs = new Map<string, VReg>();
  readonly needed = new Map<string, boolean>();
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
    checkFunction(func, (what, dbg) => this.refuse(what, dbg));
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
      const off = constantOffset(this, inst);
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

  alias(name: string): Loc | null {
    const line = this.lines.get(name);
    if (!line) return null;
    const { inst } = line;
    switch (inst.op) {
      case 'alloca':
        return { kind: 'frame', off: this.frameOff.get(name)! };
      case 'cast':
        return this.isFreeCast(inst) ? this.castOf(inst) : null;
      case 'gep': {
        const off = constantOffset(this, inst);
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
    for (const { inst, name, type } of this.block(to).lines) {
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

  private block(name: string): Func['blocks'][number] {
    return this.func.blocks.find((block) => block.name === name) ?? this.refuse(`there is no block ${name}`);
  }

  private hasPhis(name: string): boolean {
    return this.block(name).lines[0]?.inst.op === 'phi';
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
        if (isLazy(this, line) && !isNeeded(this, name!)) return;
        lowerBinary(this, inst, name!, type);
        return;
      case 'icmp':
        if (isNeeded(this, name!)) this.materializeCondition(this.regFor(name!), { kind: 'local', name: name!, type });
        return;
      case 'cast':
        if (!this.isFreeCast(inst)) lowerCast(this, inst, this.regFor(name!), type);
        return;
      case 'select':
        if (isLazy(this, line) && !isNeeded(this, name!)) return;
        this.select(inst, name!, type);
        return;
      case 'load':
        lowerLoad(this, inst, name, type);
        return;
      case 'store':
        if (isAggregate(inst.value.type)) {
          const address = addressOf(this, inst.ptr);
          const parts = this.partsOf(inst.value);
          leaves(inst.value.type).forEach((leaf, at) => {
            const align = Math.min(inst.align || alignOf(leaf.type), leaf.offset === 0 ? 8 : leaf.offset & -leaf.offset);
            storeScalar(this, parts[at]!, leaf.type, { ...address, off: address.off + leaf.offset }, align);
          });
        } else storeScalar(this, storable(this, inst.value), inst.value.type, addressOf(this, inst.ptr), inst.align);
        return;
      case 'gep':
        lowerGep(this, inst, name!);
        return;
      case 'atomicrmw':
        lowerAtomic(this, inst, name, type);
        return;
      case 'cmpxchg':
        lowerExchange(this, inst, name, type);
        return;
      case 'fence':
        if (!inst.single) lowerBarrier(this);
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
          branchOn(this, inst.cond, to(inst.targets[0]!), to(inst.targets[1]!));
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

  private select(inst: Extract<Inst, { op: 'select' }>, name: string, type: Type): void {
    if (isAggregate(type)) this.refuse('an aggregate that depends on a condition is not supported');
    const { code } = this;
    const dst = this.regFor(name);
    this.opWidth(type);
    this.moveTo(dst, this.resolve(inst.a));
    const [other, join] = [code.newBlock(), code.newBlock()];
    branchOn(this, inst.cond, join, other);
    code.start(other);
    this.moveTo(dst, this.resolve(inst.b));
    code.end({ op: 'jump', to: join });
    code.start(join);
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

  private materializeCondition(dst: VReg, cond: Value): void {
    setWhen(this, dst, (yes, no) => branchOn(this, cond, yes, no));
  }
}

import type { VReg } from '../../compiler/ir/ir.ts';
import type { Inst, Line, Value } from '../llvm-ir/module.ts';
import type { Address, FunctionLowering } from './function.ts';
import { type Access, accessStep, gepSteps } from './values.ts';

/** Bytes that constant indices come to; null when one is variable. */
export function constantOffset(_f: FunctionLowering, inst: Extract<Inst, { op: 'gep' }>): number | null {
  const steps = gepSteps(inst);
  return steps.every((step) => step.index === null) ? steps.reduce((sum, step) => sum + step.offset, 0) : null;
}

export function addressOf(f: FunctionLowering, ptr: Value): Address {
  const line = f.lineOf(ptr);
  const inst = line?.inst ?? (ptr.kind === 'expr' ? ptr.inst : null);
  if (line && inst?.op === 'call') {
    const field = fieldOf(f, line);
    if (field) return field;
  }
  if (inst?.op === 'gep') {
    const off = constantOffset(f, inst);
    if (off !== null) {
      const inner = addressOf(f, inst.base);
      if (!inner.core) return { base: inner.base, off: inner.off + off };
    } else if (ptr.kind === 'local') {
      const tail = gepSteps(inst).reduce((sum, step) => sum + (step.index === null ? step.offset : 0), 0);
      return { base: { kind: 'reg', reg: gepPartial(f, ptr.name, tail) }, off: tail };
    }
  }
  if (inst?.op === 'cast' && (inst.code === 'bitcast' || inst.code === 'freeze')) return addressOf(f, inst.value);
  const loc = f.resolve(ptr);
  if (loc.kind === 'symbol' || loc.kind === 'frame') return { base: { ...loc, off: 0 }, off: loc.off };
  return { base: loc, off: 0 };
}

/** The register before the constant part of an address with variable indices is added. */
function gepPartial(f: FunctionLowering, name: string, tail: number): VReg {
  return tail === 0 ? f.regFor(name) : f.partsFor(`${name} base`, { kind: 'ptr', space: 0 })[0]!;
}

function fieldOf(f: FunctionLowering, line: Line): Address | null {
  const chain = accessChain(f, line);
  if (!chain) return null;
  const core = f.context.fieldRelocation(chain.accesses, 0);
  if (!core) return null;
  return { base: f.resolve(chain.base), off: Number(core.value), core };
}

/** The steps of nested `llvm.preserve.…` calls, outermost type first. */
export function accessChain(f: FunctionLowering, last: Line): { base: Value; accesses: Access[] } | null {
  const accesses: Access[] = [];
  let line: Line | null = last;
  let base: Value | null = null;
  while (line?.inst.op === 'call' && line.inst.callee.kind === 'global') {
    const step = accessStep(line);
    if (!step) break;
    accesses.unshift(step);
    base = line.inst.args[0]!.value;
    line = f.lineOf(base);
  }
  return base === null ? null : { base, accesses };
}

/** A base register for a memory access and the offset that goes with it. */
export function placeOf(f: FunctionLowering, address: Address): { base: VReg; off: number; core?: number } {
  const { base, off, core } = address;
  if (base.kind === 'frame') return { base: f.materialize({ ...base, off: base.off + off }), off: 0 };
  return { base: f.materialize(base), off, ...(core ? { core: core.id } : {}) };
}

export function lowerGep(f: FunctionLowering, inst: Extract<Inst, { op: 'gep' }>, name: string): void {
  const { code } = f;
  if (f.alias(name) !== null) return;
  const dst = f.regFor(name);
  const off = constantOffset(f, inst);
  if (off !== null) {
    // Only uses as a value need it; accesses reach it by their offset.
    const inner = addressOf(f, inst.base);
    const base = f.materialize(inner.core ? f.resolve(inst.base) : inner.base);
    const imm = BigInt(off + (inner.core ? 0 : inner.off));
    code.emit({ op: 'alu', alu: 'add', width: 64, dst, a: { reg: base }, b: code.immediate(imm, 64) });
    return;
  }
  const steps = gepSteps(inst);
  const tail = steps.reduce((sum, step) => sum + (step.index === null ? step.offset : 0), 0);
  const partial = gepPartial(f, name, tail);
  let at = f.regOf(inst.base);
  const variable = steps.filter((step) => step.index !== null);
  variable.forEach((step, i) => {
    const index = f.extended(step.index!, true, 64);
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

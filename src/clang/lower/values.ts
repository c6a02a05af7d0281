import type { Inst, Line, Value } from '../llvm-ir/module.ts';
import { elementAt, leafCount, sizeOf, type Type } from '../llvm-ir/types.ts';

/** A step into a type: metadata of the type, and the element taken. */
export interface Access {
  readonly type: string;
  readonly index: number;
  readonly kind: 'struct' | 'union' | 'array';
  /** Bytes from the beginning of the type. */
  readonly offset: number;
}

export const isBool = (type: Type): boolean => type.kind === 'int' && type.bits === 1;
export const isTrue = (value: Value): boolean => value.kind === 'int' && isBool(value.type) && value.value !== 0n;
export const isFalse = (value: Value): boolean =>
  (value.kind === 'int' && isBool(value.type) && value.value === 0n) || (value.kind === 'zero' && isBool(value.type));
export const isConstant = (value: Value): boolean => value.kind === 'int' || value.kind === 'zero' || value.kind === 'undef';

export const isAggregate = (type: Type): boolean => type.kind === 'struct' || type.kind === 'array';

/** Calls whose result is their first argument. */
export function aliasOfCall(inst: Extract<Inst, { op: 'call' }>): boolean {
  if (inst.callee.kind === 'asm') {
    // A barrier: nothing is done, but the optimiser does not see through.
    return inst.callee.template.trim() === '' && inst.args.length === 1 && /^=[r&]+,0(,~\{\w+\})*$/.test(inst.callee.constraints);
  }
  if (inst.callee.kind !== 'global') return false;
  return /^llvm\.(bpf\.passthrough|expect|launder\.invariant|strip\.invariant|ssa\.copy|ptr\.annotation|annotation|preserve\.static\.offset)/.test(
    inst.callee.name,
  );
}

export const isPassthrough = (inst: Extract<Inst, { op: 'call' }>): boolean =>
  inst.callee.kind === 'global' && inst.callee.name.startsWith('llvm.bpf.passthrough');

/** One step of a `getelementptr`: a constant number of bytes, or a variable index times `offset`. */
export function gepSteps(inst: Extract<Inst, { op: 'gep' }>): { offset: number; index: Value | null }[] {
  let type = inst.of;
  return inst.indices.map((index, at) => {
    if (at > 0 && type.kind === 'struct') {
      const element = elementAt(type, Number(index.kind === 'int' ? index.value : 0n));
      type = element.type;
      return { offset: element.offset, index: null };
    }
    if (at > 0 && (type.kind === 'array' || type.kind === 'vector')) type = type.element;
    const size = sizeOf(type);
    if (index.kind === 'int') return { offset: Number(index.value) * size, index: null };
    if (index.kind === 'zero' || index.kind === 'undef' || size === 0) return { offset: 0, index: null };
    return { offset: size, index };
  });
}

/** Number of the first scalar that a path into an aggregate names. */
export function leafIndex(type: Type, path: readonly number[]): number {
  let at = 0;
  let inner = type;
  for (const index of path) {
    for (let i = 0; i < index; i++) at += leafCount(elementAt(inner, i).type);
    inner = elementAt(inner, index).type;
  }
  return at;
}

/** What `llvm.preserve.{struct,union,array}.access.index` says. */
export function accessStep(line: Line): Access | null {
  if (line.inst.op !== 'call' || line.inst.callee.kind !== 'global') return null;
  const found = /^llvm\.preserve\.(struct|union|array)\.access\.index/.exec(line.inst.callee.name);
  if (!found || line.access === null) return null;
  const kind = found[1] as Access['kind'];
  const { args } = line.inst;
  const number = (at: number): number => {
    const value = args[at]?.value;
    return value?.kind === 'int' ? Number(value.value) : 0;
  };
  const element = args[0]!.element;
  if (kind === 'union') return { type: line.access, index: number(1), kind, offset: 0 };
  if (kind === 'array') {
    const index = number(2);
    const inner = element && element.kind === 'array' && number(1) > 0 ? element.element : element;
    return { type: line.access, index, kind, offset: index * (inner ? sizeOf(inner) : 0) };
  }
  return { type: line.access, index: number(2), kind, offset: element ? elementAt(element, number(1)).offset : 0 };
}

/** Values that an instruction reads. */
export function operands(inst: Inst): readonly Value[] {
  switch (inst.op) {
    case 'binary':
    case 'icmp':
      return [inst.a, inst.b];
    case 'cast':
    case 'extractvalue':
      return [inst.value];
    case 'select':
      return [inst.cond, inst.a, inst.b];
    case 'phi':
      return inst.incoming.map(([value]) => value);
    case 'load':
      return [inst.ptr];
    case 'store':
      return [inst.value, inst.ptr];
    case 'gep':
      return [inst.base, ...inst.indices];
    case 'call':
      return [inst.callee, ...inst.args.map((arg) => arg.value)];
    case 'insertvalue':
      return [inst.value, inst.element];
    case 'atomicrmw':
      return [inst.ptr, inst.value];
    case 'cmpxchg':
      return [inst.ptr, inst.expected, inst.value];
    case 'br':
      return inst.cond ? [inst.cond] : [];
    case 'switch':
      return [inst.value];
    case 'ret':
      return inst.value ? [inst.value] : [];
    default:
      return [];
  }
}

/** Types of LLVM IR that BPF code can have, and some that it cannot, so that they are refused by name. */
export type Type =
  | { readonly kind: 'void' | 'label' | 'metadata' | 'opaque' }
  | { readonly kind: 'int'; readonly bits: number }
  | { readonly kind: 'float'; readonly name: string; readonly size: number }
  | { readonly kind: 'ptr'; readonly space: number }
  | { readonly kind: 'array' | 'vector'; readonly count: number; readonly element: Type }
  | { readonly kind: 'struct'; readonly members: readonly Type[]; readonly packed: boolean }
  | { readonly kind: 'function'; readonly returns: Type };

export const PTR: Type = { kind: 'ptr', space: 0 };
export const VOID: Type = { kind: 'void' };
export const intType = (bits: number): Type => ({ kind: 'int', bits });

const alignUp = (value: number, align: number): number => Math.ceil(value / align) * align;

/** Bytes of an integer in memory: the next power of two, as BPF's data layout has it up to 128 bits. */
function intBytes(bits: number): number {
  let bytes = 1;
  while (bytes * 8 < bits) bytes *= 2;
  return bytes;
}

export function alignOf(type: Type): number {
  switch (type.kind) {
    case 'int':
      return Math.min(intBytes(type.bits), 16);
    case 'float':
      return type.size;
    case 'ptr':
      return 8;
    case 'array':
      return alignOf(type.element);
    case 'vector':
      return Math.max(1, sizeOf(type));
    case 'struct':
      return type.packed ? 1 : type.members.reduce((most, member) => Math.max(most, alignOf(member)), 1);
    default:
      return 1;
  }
}

/** Bytes that a value takes in memory, with its padding. */
export function sizeOf(type: Type): number {
  switch (type.kind) {
    case 'int':
      return intBytes(type.bits);
    case 'float':
      return type.size;
    case 'ptr':
      return 8;
    case 'array':
    case 'vector':
      return type.count * sizeOf(type.element);
    case 'struct': {
      let at = 0;
      for (const member of type.members) at = alignUp(at, type.packed ? 1 : alignOf(member)) + sizeOf(member);
      return alignUp(at, alignOf(type));
    }
    default:
      return 0;
  }
}

/** Type of element `index` of an aggregate and where it begins. */
export function elementAt(type: Type, index: number): { readonly type: Type; readonly offset: number } {
  if (type.kind === 'array' || type.kind === 'vector') return { type: type.element, offset: index * sizeOf(type.element) };
  if (type.kind !== 'struct') throw new Error(`${type.kind} has no elements`);
  let at = 0;
  for (const [i, member] of type.members.entries()) {
    at = alignUp(at, type.packed ? 1 : alignOf(member));
    if (i === index) return { type: member, offset: at };
    at += sizeOf(member);
  }
  throw new Error(`no element ${index}`);
}

/** Scalars of a value in memory order, with their places. */
export function leaves(type: Type, base = 0): { readonly type: Type; readonly offset: number }[] {
  if (type.kind === 'array' || type.kind === 'vector' || type.kind === 'struct') {
    const count = type.kind === 'struct' ? type.members.length : type.count;
    return Array.from({ length: count }, (_, i) => elementAt(type, i)).flatMap(({ type: inner, offset }) => leaves(inner, base + offset));
  }
  return type.kind === 'void' ? [] : [{ type, offset: base }];
}

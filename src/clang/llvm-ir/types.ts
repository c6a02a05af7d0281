import { InputError } from '../../base/errors.ts';

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

type Struct = Extract<Type, { kind: 'struct' }>;

interface Layout {
  readonly size: number;
  readonly align: number;
  /** Where each member begins. */
  readonly offsets: readonly number[];
  /** How many scalars it has. */
  readonly leaves: number;
}

/**
 * Of structs, once the whole module is read: types are shared, and each that is made of two of the one before would take twice as long as that. Null while it is being
 * laid out.
 */
const layouts = new WeakMap<Struct, Layout | null>();

/** Of types within types, by name or written out: each takes a few frames of the stack. */
const MAX_NESTING = 1000;
let nesting = 0;

function nested<T>(look: () => T): T {
  if (nesting >= MAX_NESTING) throw new InputError('types are nested too deep', 'LLVM IR');
  nesting++;
  try {
    return look();
  } finally {
    nesting--;
  }
}

/** Beyond, numbers of bytes are no longer exact. */
function exact(bytes: number): number {
  if (!Number.isSafeInteger(bytes)) throw new InputError('a type has more bytes than any memory', 'LLVM IR');
  return bytes;
}

function layoutOf(type: Struct): Layout {
  const known = layouts.get(type);
  if (known === null) throw new InputError('a type is a part of itself', 'LLVM IR');
  if (known) return known;
  layouts.set(type, null);
  const layout = nested(() => {
    let [at, most, leaves] = [0, 1, 0];
    const offsets = type.members.map((member) => {
      const align = type.packed ? 1 : alignOf(member);
      const off = alignUp(at, align);
      at = off + sizeOf(member);
      most = Math.max(most, align);
      leaves += leafCount(member);
      return off;
    });
    return { size: exact(alignUp(at, most)), align: most, offsets, leaves };
  });
  layouts.set(type, layout);
  return layout;
}

/** Throws {@link InputError} for types that have no layout, as those that are a part of themselves. */
export function alignOf(type: Type): number {
  switch (type.kind) {
    case 'int':
      return Math.min(intBytes(type.bits), 16);
    case 'float':
      return type.size;
    case 'ptr':
      return 8;
    case 'array':
      return nested(() => alignOf(type.element));
    case 'vector':
      return Math.max(1, sizeOf(type));
    case 'struct':
      return layoutOf(type).align;
    default:
      return 1;
  }
}

/** Bytes that a value takes in memory, with its padding. Throws as {@link alignOf}. */
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
      return exact(type.count * nested(() => sizeOf(type.element)));
    case 'struct':
      return layoutOf(type).size;
    default:
      return 0;
  }
}

/** Type of element `index` of an aggregate and where it begins. */
export function elementAt(type: Type, index: number): { readonly type: Type; readonly offset: number } {
  if (type.kind === 'array' || type.kind === 'vector') return { type: type.element, offset: index * sizeOf(type.element) };
  if (type.kind !== 'struct') throw new Error(`${type.kind} has no elements`);
  const member = type.members[index];
  if (!member) throw new Error(`no element ${index}`);
  return { type: member, offset: layoutOf(type).offsets[index]! };
}

/** How many scalars a value has. */
export function leafCount(type: Type): number {
  if (type.kind === 'array' || type.kind === 'vector') return type.count === 0 ? 0 : type.count * nested(() => leafCount(type.element));
  if (type.kind === 'struct') return layoutOf(type).leaves;
  return type.kind === 'void' ? 0 : 1;
}

/** Scalars of a value in memory order, with their places. For types of few: {@link leafCount}. */
export function leaves(type: Type, base = 0): { readonly type: Type; readonly offset: number }[] {
  if (type.kind === 'array' || type.kind === 'vector' || type.kind === 'struct') {
    const count = type.kind === 'struct' ? type.members.length : type.count;
    return Array.from({ length: count }, (_, i) => elementAt(type, i)).flatMap(({ type: inner, offset }) => leaves(inner, base + offset));
  }
  return type.kind === 'void' ? [] : [{ type, offset: base }];
}

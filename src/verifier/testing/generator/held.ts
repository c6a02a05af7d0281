/** What a generated program holds in a register or a stack slot, as far as the generator keeps account of it. */
export type Held =
  /** A number; `max` bounds it as an unsigned one, Infinity where nothing is known. */
  | { readonly kind: 'num'; readonly max: number }
  /** A pointer to `size` bytes that may be accessed. */
  | { readonly kind: 'memory'; readonly size: number; readonly from: Source; readonly writable: boolean }
  /** The same or null. */
  | { readonly kind: 'maybe'; readonly size: number; readonly from: Source; readonly writable: boolean }
  | { readonly kind: 'end' }
  | { readonly kind: 'ctx' };

export type Source = 'value' | 'packet' | 'record' | 'stack' | 'other';

/** Eight bytes of the stack: something spilled, bytes that were written, `taken` by an iterator or dynptr; null when not written. */
export type Slot = Held | 'bytes' | 'taken' | null;

export const ANY: Held = { kind: 'num', max: Number.POSITIVE_INFINITY };

export function sameHeld(a: Slot, b: Slot): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a === 'string' || typeof b === 'string' || a.kind !== b.kind) return false;
  if ((a.kind === 'memory' || a.kind === 'maybe') && (b.kind === 'memory' || b.kind === 'maybe'))
    return a.size === b.size && a.from === b.from && a.writable === b.writable;
  return true;
}

/** What is held where two paths meet. */
export function joined<T extends Slot>(a: T, b: T): T | null {
  if (!sameHeld(a, b)) return null;
  return maxOf(a) < maxOf(b) ? b : a;
}

/** An upper bound of a number; Infinity for all else. */
export const maxOf = (held: Slot): number =>
  held !== null && typeof held === 'object' && held.kind === 'num' ? held.max : Number.POSITIVE_INFINITY;

export const isHeld = (slot: Slot, kind: Held['kind']): boolean => slot !== null && typeof slot === 'object' && slot.kind === kind;

export const isPointer = (held: Slot): boolean => held !== null && typeof held === 'object' && held.kind !== 'num';

// Operations of BPF_ATOMIC (RFC 9669 section 5.3, and load-acquire and store-release of Linux 6.15), by `imm`.
export const ATOMIC_ADD = 0x00;
export const ATOMIC_OR = 0x40;
export const ATOMIC_AND = 0x50;
export const ATOMIC_XOR = 0xa0;
export const ATOMIC_FETCH = 0x01;
export const ATOMIC_XCHG = 0xe1;
export const ATOMIC_CMPXCHG = 0xf1;
export const ATOMIC_LOAD = 0x100;
export const ATOMIC_STORE = 0x110;

/** One read-modify-write at `address`, 4 or 8 bytes; false when Linux knows no such operation. `s` is the operand's register. */
export function atomicUpdate(r: Int32Array, view: DataView, address: number, size: number, operation: number, s: number): boolean {
  const wide = size === 8;
  const lo = view.getInt32(address, true);
  const hi = wide ? view.getInt32(address + 4, true) : 0;
  let nextLo = r[s];
  let nextHi = r[s + 1];
  // Where what memory held goes: the operand's register, or r0.
  let to = operation & ATOMIC_FETCH ? s : -1;
  if (operation === ATOMIC_CMPXCHG) {
    to = 0;
    if (r[0] !== lo || (wide && r[1] !== hi)) {
      nextLo = lo;
      nextHi = hi;
    }
  } else if (operation !== ATOMIC_XCHG) {
    switch (operation & ~ATOMIC_FETCH) {
      case ATOMIC_ADD: {
        const sum = (lo + nextLo) | 0;
        nextHi = hi + nextHi + (sum >>> 0 < lo >>> 0 ? 1 : 0);
        nextLo = sum;
        break;
      }
      case ATOMIC_OR:
        nextLo |= lo;
        nextHi |= hi;
        break;
      case ATOMIC_AND:
        nextLo &= lo;
        nextHi &= hi;
        break;
      case ATOMIC_XOR:
        nextLo ^= lo;
        nextHi ^= hi;
        break;
      default:
        return false;
    }
  }
  view.setInt32(address, nextLo, true);
  if (wide) view.setInt32(address + 4, nextHi, true);
  if (to >= 0) {
    r[to] = lo;
    r[to + 1] = hi;
  }
  return true;
}

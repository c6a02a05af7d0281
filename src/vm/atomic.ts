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

/** The new value of 64-bit memory `old` under a read-modify-write operation; null for an unknown one. */
function combine(operation: number, old: bigint, operand: bigint): bigint | null {
  switch (operation & ~ATOMIC_FETCH) {
    case ATOMIC_ADD:
      return old + operand;
    case ATOMIC_OR:
      return old | operand;
    case ATOMIC_AND:
      return old & operand;
    case ATOMIC_XOR:
      return old ^ operand;
    default:
      return null;
  }
}

function readRegister(r: Int32Array, at: number): bigint {
  return (BigInt(r[at + 1] >>> 0) << 32n) | BigInt(r[at] >>> 0);
}

function writeRegister(r: Int32Array, at: number, value: bigint): void {
  r[at] = Number(BigInt.asIntN(32, value));
  r[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

/** One read-modify-write at `address`, 4 or 8 bytes; false when Linux knows no such operation. `s` is the operand's register. */
export function atomicUpdate(r: Int32Array, view: DataView, address: number, size: number, operation: number, s: number): boolean {
  const bits = size * 8;
  const old = size === 8 ? view.getBigUint64(address, true) : BigInt(view.getUint32(address, true));
  const operand = BigInt.asUintN(bits, readRegister(r, s));
  let next: bigint;
  if (operation === ATOMIC_XCHG) {
    next = operand;
    writeRegister(r, s, old);
  } else if (operation === ATOMIC_CMPXCHG) {
    next = BigInt.asUintN(bits, readRegister(r, 0)) === old ? operand : old;
    writeRegister(r, 0, old);
  } else {
    const combined = combine(operation, old, operand);
    if (combined === null) return false;
    next = combined;
    if (operation & ATOMIC_FETCH) writeRegister(r, s, old);
  }
  if (size === 8) view.setBigUint64(address, BigInt.asUintN(64, next), true);
  else view.setUint32(address, Number(BigInt.asUintN(32, next)), true);
  return true;
}

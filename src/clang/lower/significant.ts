import type { Func, Line, Value } from '../llvm-ir/module.ts';
import { sizeOf, type Type } from '../llvm-ir/types.ts';

/**
 * How many low bits of the register that holds a value can be other than zero. A value of a narrow type may have anything above its type's
 * bits in its register; where this says otherwise, extending it with zeros costs nothing and the two share one register, so that a comparison of
 * one bounds the other for the verifier.
 */
export class Significant {
  private readonly bits = new Map<string, number>();
  private readonly has32: boolean;

  constructor(func: Func, has32: boolean) {
    this.has32 = has32;
    const lines = func.blocks.flatMap((block) => block.lines).filter((line) => line.name !== null);
    // From nothing upwards, so that loops settle at what they can really reach.
    for (const line of lines) this.bits.set(line.name!, 0);
    for (let round = 0, changed = true; changed && round < 70; round++) {
      changed = false;
      for (const line of lines) {
        const now = Math.max(this.bits.get(line.name!)!, this.compute(line));
        if (now !== this.bits.get(line.name!)) {
          this.bits.set(line.name!, now);
          changed = true;
        }
      }
      if (round === 69) for (const line of lines) this.bits.set(line.name!, 64);
    }
  }

  of(value: Value): number {
    switch (value.kind) {
      case 'local':
        return this.bits.get(value.name) ?? 64;
      case 'int':
        return bitLength(BigInt.asUintN(width(value.type), value.value));
      case 'zero':
      case 'undef':
        return 0;
      default:
        return 64;
    }
  }

  /** Bits of a result of an operation of that type's width: 32-bit operations clear the upper half. */
  private most(type: Type): number {
    return this.has32 && width(type) <= 32 ? 32 : 64;
  }

  private compute({ inst, type }: Line): number {
    const most = this.most(type);
    switch (inst.op) {
      case 'binary': {
        const a = this.of(inst.a);
        const b = this.of(inst.b);
        const isExtended = inst.b.kind === 'int' && inst.b.value < 0n && width(type) >= 32 && most === 64;
        const shift = inst.b.kind === 'int' ? Number(inst.b.value) : -1;
        switch (inst.code) {
          // Constants of types below 32 bits are extended with zeros here, wider ones as immediates are.
          case 'and':
            return Math.min(most, a, isExtended ? 64 : b);
          case 'or':
          case 'xor':
            return isExtended ? most : Math.min(most, Math.max(a, b));
          case 'add':
            return inst.b.kind === 'int' && inst.b.value < 0n ? most : Math.min(most, Math.max(a, b) + 1);
          case 'mul':
            return inst.b.kind === 'int' && inst.b.value < 0n ? most : Math.min(most, a + b);
          case 'shl':
            return shift < 0 ? most : Math.min(most, a + shift);
          case 'lshr':
            return Math.max(0, Math.min(a, width(type)) - Math.max(0, shift));
          case 'udiv':
            return Math.min(a, width(type));
          case 'urem':
            return Math.min(a, b, width(type));
          default:
            return most;
        }
      }
      case 'icmp':
        return 1;
      case 'cast': {
        const from = this.of(inst.value);
        const bits = width(inst.value.type);
        if (inst.code === 'zext') return Math.min(from, bits);
        if (inst.code === 'inttoptr') return Math.min(from, bits);
        // Not negative: nothing is extended.
        if (inst.code === 'sext') return from < bits ? from : most;
        return from;
      }
      case 'select':
        return type.kind === 'int' ? Math.max(this.of(inst.a), this.of(inst.b)) : 64;
      case 'phi':
        return type.kind === 'int' ? inst.incoming.reduce((bits, [value]) => Math.max(bits, this.of(value)), 0) : 64;
      case 'load':
        return type.kind === 'int' && inst.ordering === '' ? Math.min(64, sizeOf(type) * 8) : 64;
      case 'call':
        return inst.callee.kind === 'global'
          ? this.ofCall(
              inst.callee.name,
              type,
              inst.args.map((arg) => arg.value),
            )
          : 64;
      default:
        return 64;
    }
  }

  private ofCall(name: string, type: Type, args: readonly Value[]): number {
    const [a, b] = args;
    switch (/^llvm\.([a-z]+)\./.exec(name)?.[1]) {
      case 'ctpop':
      case 'ctlz':
      case 'cttz':
        return 7;
      case 'bswap':
        return width(type);
      // Only narrower operands than the operation's are extended before it.
      case 'umin':
        if (this.has32 && width(type) === 32) return Math.max(this.of(a!), this.of(b!));
        return Math.min(width(type), this.of(a!), this.of(b!));
      case 'umax': {
        const most = Math.max(this.of(a!), this.of(b!));
        return this.has32 && width(type) === 32 ? most : Math.min(width(type), most);
      }
      default:
        return 64;
    }
  }
}

const bitLength = (value: bigint): number => (value === 0n ? 0 : value.toString(2).length);

/** Bits of a scalar. */
export function width(type: Type): number {
  if (type.kind === 'int') return type.bits;
  if (type.kind === 'float') return type.size * 8;
  return 64;
}

import {
  ADD,
  ALU,
  ALU64,
  AND,
  ARSH,
  ATOMIC,
  CMPXCHG,
  classOf,
  DIV,
  END,
  FETCH,
  JA,
  JEQ,
  JGE,
  JGT,
  JLE,
  JLT,
  JMP,
  JMP32,
  JNE,
  JSET,
  JSGE,
  JSGT,
  JSLE,
  JSLT,
  LDX,
  LOAD_ACQ,
  LSH,
  MEMSX,
  MOD,
  MOV,
  MUL,
  modeOf,
  NEG,
  OP_LDDW,
  OR,
  opOf,
  RSH,
  ST,
  STORE_REL,
  SUB,
  sizeOf,
  X,
  XCHG,
  XOR,
} from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';

const u = (bits: number, value: bigint): bigint => BigInt.asUintN(bits, value);
const s = (bits: number, value: bigint): bigint => BigInt.asIntN(bits, value);
const BITS: Readonly<Record<number, number>> = { 16: 8, 8: 16, 0: 32, 24: 64 };

function reversed(value: bigint, bits: number): bigint {
  let out = 0n;
  for (let at = 0; at < bits; at += 8) out = (out << 8n) | ((value >> BigInt(at)) & 0xffn);
  return out;
}

/**
 * RFC 9669 word for word, in arithmetic that needs no tricks: what both engines are held to. Knows straight code and jumps; one stretch of
 * memory, whose first byte has the address 0.
 */
export class ExactMachine {
  readonly regs: bigint[] = Array.from({ length: 11 }, () => 0n);
  readonly memory: Uint8Array;

  constructor(memory: Uint8Array) {
    this.memory = memory;
  }

  /** Runs from the first instruction until one behind the last. */
  run(insns: readonly Insn[]): void {
    for (let pc = 0; pc < insns.length; ) {
      const insn = insns[pc]!;
      pc++;
      if (insn.opcode === OP_LDDW) {
        this.regs[insn.dst] = (BigInt.asUintN(32, BigInt(insns[pc]!.imm)) << 32n) | u(32, BigInt(insn.imm));
        pc++;
      } else pc += this.#step(insn);
    }
  }

  /** Carries out one instruction; by how much it jumps. */
  #step(insn: Insn): number {
    const cls = classOf(insn);
    const { dst, src, off } = insn;
    const bits = BITS[sizeOf(insn)]!;
    const at = (reg: number): number => Number(s(64, this.regs[reg]! + BigInt(off)));
    if (cls === ALU || cls === ALU64) this.regs[dst] = this.#alu(insn, cls === ALU64 ? 64 : 32);
    else if (cls === JMP || cls === JMP32) return this.#jump(insn, cls === JMP ? 64 : 32);
    else if (cls === LDX) {
      const value = this.#load(at(src), bits);
      this.regs[dst] = modeOf(insn) === MEMSX ? u(64, s(bits, value)) : value;
    } else if (cls === ST) this.#store(at(dst), bits, BigInt(insn.imm));
    else if (modeOf(insn) !== ATOMIC || insn.imm === STORE_REL) this.#store(at(dst), bits, this.regs[src]!);
    else if (insn.imm === LOAD_ACQ) this.regs[dst] = this.#load(at(src), bits);
    else this.#atomic(insn, at(dst), bits);
    return 0;
  }

  #alu(insn: Insn, bits: number): bigint {
    const operation = opOf(insn);
    const isReg = (insn.opcode & X) !== 0;
    const own = this.regs[insn.dst]!;
    const wide = BigInt(bits);
    if (operation === END) {
      // Of class ALU64 it swaps always, else where the order asked for is not the machine's, which is little-endian.
      const swaps = classOf(insn) === ALU64 || isReg;
      return swaps ? reversed(own, insn.imm) : u(insn.imm, own);
    }
    const a = u(bits, own);
    const b = u(bits, isReg ? this.regs[insn.src]! : BigInt(insn.imm));
    const isSigned = insn.off === 1;
    const results: Readonly<Record<number, () => bigint>> = {
      [ADD]: () => a + b,
      [SUB]: () => a - b,
      [MUL]: () => a * b,
      [DIV]: () => (b === 0n ? 0n : isSigned ? s(bits, a) / s(bits, b) : a / b),
      [MOD]: () => (b === 0n ? a : isSigned ? s(bits, a) % s(bits, b) : a % b),
      [OR]: () => a | b,
      [AND]: () => a & b,
      [XOR]: () => a ^ b,
      [LSH]: () => a << (b % wide),
      [RSH]: () => a >> (b % wide),
      [ARSH]: () => s(bits, a) >> (b % wide),
      [NEG]: () => -a,
      [MOV]: () => (insn.off === 0 ? b : s(insn.off, b)),
    };
    return u(bits, results[operation]!());
  }

  #jump(insn: Insn, bits: number): number {
    if (opOf(insn) === JA) return bits === 64 ? insn.off : insn.imm;
    const a = u(bits, this.regs[insn.dst]!);
    const b = u(bits, insn.opcode & X ? this.regs[insn.src]! : BigInt(insn.imm));
    const [sa, sb] = [s(bits, a), s(bits, b)];
    const holds: Readonly<Record<number, boolean>> = {
      [JEQ]: a === b,
      [JNE]: a !== b,
      [JGT]: a > b,
      [JGE]: a >= b,
      [JLT]: a < b,
      [JLE]: a <= b,
      [JSET]: (a & b) !== 0n,
      [JSGT]: sa > sb,
      [JSGE]: sa >= sb,
      [JSLT]: sa < sb,
      [JSLE]: sa <= sb,
    };
    return holds[opOf(insn)] ? insn.off : 0;
  }

  #load(at: number, bits: number): bigint {
    let value = 0n;
    for (let i = bits / 8 - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.memory[at + i]!);
    return value;
  }

  #store(at: number, bits: number, value: bigint): void {
    for (let i = 0; i < bits / 8; i++) this.memory[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }

  #atomic({ imm, src }: Insn, at: number, bits: number): void {
    const old = this.#load(at, bits);
    const operand = u(bits, this.regs[src]!);
    if (imm === CMPXCHG) {
      if (u(bits, this.regs[0]!) === old) this.#store(at, bits, operand);
      this.regs[0] = old;
      return;
    }
    const results: Readonly<Record<number, bigint>> = {
      [ADD]: old + operand,
      [OR]: old | operand,
      [AND]: old & operand,
      [XOR]: old ^ operand,
    };
    this.#store(at, bits, imm === XCHG ? operand : results[imm & ~FETCH]!);
    if (imm & FETCH) this.regs[src] = old;
  }
}

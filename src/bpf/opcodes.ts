import {
  ABS,
  ADD,
  ADDR_SPACE_CAST,
  ALU,
  ALU64,
  AND,
  ARSH,
  ATOMIC,
  B,
  CALL,
  CMPXCHG,
  classOf,
  DIV,
  DW,
  END,
  EXIT,
  FETCH,
  H,
  IMM,
  IND,
  JA,
  JCOND,
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
  LD,
  LDX,
  LOAD_ACQ,
  LSH,
  MEM,
  MEMSX,
  MOD,
  MOV,
  MUL,
  modeOf,
  NEG,
  OP_LDDW,
  OR,
  opOf,
  PSEUDO_CALL,
  PSEUDO_FUNC,
  PSEUDO_KFUNC_CALL,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_VALUE,
  RSH,
  ST,
  STORE_REL,
  STX,
  SUB,
  sizeOf,
  W,
  X,
  XCHG,
  XOR,
} from './insn.ts';
import type { Insn } from './program.ts';

/** The oldest `-mcpu` whose compilers emit an instruction; 32-bit ALU operations run on v1 machines, LLVM emits them from v3. */
export type CpuVersion = 1 | 2 | 3 | 4;

export interface OpcodeInfo {
  /** `add64`, `ldxw`, `jeq32`, as uBPF and the conformance suite name them. */
  readonly mnemonic: string;
  /** What it does, for a hover; `dst`, `src`, `imm` and `off` are the fields of the instruction. */
  readonly description: string;
  /** Section of RFC 9669; empty for what only Linux defines. */
  readonly rfc: string;
  readonly cpu: CpuVersion;
}

const ALU_OPS: Readonly<Record<number, readonly [name: string, meaning: string]>> = {
  [ADD]: ['add', 'dst += VALUE, wrapping around'],
  [SUB]: ['sub', 'dst -= VALUE, wrapping around'],
  [MUL]: ['mul', 'dst *= VALUE, wrapping around'],
  [DIV]: ['div', 'dst = dst ÷ VALUE, unsigned; 0 when VALUE is 0'],
  [OR]: ['or', 'dst |= VALUE'],
  [AND]: ['and', 'dst &= VALUE'],
  [LSH]: ['lsh', 'dst <<= VALUE, the amount masked to the width'],
  [RSH]: ['rsh', 'dst >>= VALUE, shifting zeros in, the amount masked to the width'],
  [NEG]: ['neg', 'dst = -dst'],
  [MOD]: ['mod', 'dst = remainder of dst ÷ VALUE, unsigned; dst when VALUE is 0'],
  [XOR]: ['xor', 'dst ^= VALUE'],
  [MOV]: ['mov', 'dst = VALUE'],
  [ARSH]: ['arsh', 'dst >>= VALUE, shifting copies of the sign bit in, the amount masked to the width'],
};
const JUMP_OPS: Readonly<Record<number, readonly [name: string, symbol: string]>> = {
  [JEQ]: ['jeq', 'dst == VALUE'],
  [JGT]: ['jgt', 'dst > VALUE, unsigned'],
  [JGE]: ['jge', 'dst ≥ VALUE, unsigned'],
  [JSET]: ['jset', 'dst & VALUE is not 0'],
  [JNE]: ['jne', 'dst ≠ VALUE'],
  [JSGT]: ['jsgt', 'dst > VALUE, signed'],
  [JSGE]: ['jsge', 'dst ≥ VALUE, signed'],
  [JLT]: ['jlt', 'dst < VALUE, unsigned'],
  [JLE]: ['jle', 'dst ≤ VALUE, unsigned'],
  [JSLT]: ['jslt', 'dst < VALUE, signed'],
  [JSLE]: ['jsle', 'dst ≤ VALUE, signed'],
};
const ATOMICS: Readonly<Record<number, readonly [name: string, meaning: string, cpu: CpuVersion]>> = {
  [ADD]: ['lock_add', 'adds src to memory atomically', 1],
  [OR]: ['lock_or', 'ORs src into memory atomically', 3],
  [AND]: ['lock_and', 'ANDs src into memory atomically', 3],
  [XOR]: ['lock_xor', 'XORs src into memory atomically', 3],
  [ADD | FETCH]: ['fetch_add', 'adds src to memory atomically; src gets the old value', 3],
  [OR | FETCH]: ['fetch_or', 'ORs src into memory atomically; src gets the old value', 3],
  [AND | FETCH]: ['fetch_and', 'ANDs src into memory atomically; src gets the old value', 3],
  [XOR | FETCH]: ['fetch_xor', 'XORs src into memory atomically; src gets the old value', 3],
  [XCHG]: ['xchg', 'exchanges src and memory atomically', 3],
  [CMPXCHG]: ['cmpxchg', 'stores src if memory equals r0, atomically; r0 gets the old value', 3],
  [LOAD_ACQ]: ['load_acquire', 'dst = memory at src + off; no later access of this program is seen before it', 4],
  [STORE_REL]: ['store_release', 'memory at dst + off = src; no earlier access of this program is seen after it', 4],
};
const SIZES: Readonly<Record<number, readonly [suffix: string, bits: number]>> = {
  [W]: ['w', 32],
  [H]: ['h', 16],
  [B]: ['b', 8],
  [DW]: ['dw', 64],
};

function aluInfo(insn: Insn): OpcodeInfo | null {
  const is64 = classOf(insn) === ALU64;
  const width = is64 ? '64' : '32';
  const op = opOf(insn);
  const upper = is64 ? '' : ' The high 32 bits of dst become 0.';
  if (op === END) {
    if (is64 && insn.opcode & X) return null;
    const name = is64 ? 'bswap' : insn.opcode & X ? 'be' : 'le';
    if (insn.imm !== 16 && insn.imm !== 32 && insn.imm !== 64) return null;
    const what = is64
      ? `reverses the low ${insn.imm / 8} bytes of dst`
      : `converts the low ${insn.imm} bits of dst between host order and ${name === 'be' ? 'big' : 'little'} endian`;
    return { mnemonic: `${name}${insn.imm}`, description: `${what}; the bits above become 0.`, rfc: '4.2', cpu: is64 ? 4 : 1 };
  }
  const entry = ALU_OPS[op];
  if (!entry || (op === NEG && insn.opcode & X)) return null;
  const value = insn.opcode & X ? 'src' : 'imm';
  const [name, meaning] = entry;
  const rfc = '4.1';
  if ((op === DIV || op === MOD) && insn.off === 1) {
    const result = op === DIV ? 'dst = dst ÷ VALUE, signed, rounded toward 0' : 'dst = remainder of dst ÷ VALUE, with the sign of dst';
    return { mnemonic: `s${name}${width}`, description: `${result.replace('VALUE', value)}.${upper}`, rfc, cpu: 4 };
  }
  if (op === MOV && insn.opcode & X && insn.off !== 0) {
    if (is64 && insn.off === ADDR_SPACE_CAST) {
      return {
        mnemonic: 'addr_space_cast',
        description: 'Converts an arena pointer between address spaces imm >> 16 and imm & 0xffff.',
        rfc: '',
        cpu: 4,
      };
    }
    if (insn.off !== 8 && insn.off !== 16 && !(insn.off === 32 && is64)) return null;
    return {
      mnemonic: `movs${insn.off}to${width}`,
      description: `dst = the low ${insn.off} bits of src, sign-extended to ${width}.${upper}`,
      rfc,
      cpu: 4,
    };
  }
  if (insn.off !== 0) return null;
  return { mnemonic: `${name}${width}`, description: `${meaning.replaceAll('VALUE', value)}.${upper}`, rfc, cpu: 1 };
}

function jumpInfo(insn: Insn): OpcodeInfo | null {
  const is32 = classOf(insn) === JMP32;
  const op = opOf(insn);
  const isX = (insn.opcode & X) !== 0;
  if (op === CALL) {
    if (is32) return null;
    if (isX)
      return {
        mnemonic: 'callx',
        description: 'Calls the function whose address a register holds; the Linux verifier refuses it.',
        rfc: '4.3.2',
        cpu: 1,
      };
    if (insn.src === 0)
      return {
        mnemonic: 'call',
        description: 'Calls helper number imm: r1–r5 are its arguments, r0 its result, r1–r5 are lost.',
        rfc: '4.3.1',
        cpu: 1,
      };
    if (insn.src === PSEUDO_CALL) {
      return {
        mnemonic: 'call',
        description: 'Calls the function imm + 1 instructions ahead, with a stack frame of its own; r6–r9 are kept.',
        rfc: '4.3.2',
        cpu: 3,
      };
    }
    if (insn.src === PSEUDO_KFUNC_CALL)
      return { mnemonic: 'call', description: 'Calls a kernel function (kfunc) by its BTF id.', rfc: '4.3.1', cpu: 3 };
    return null;
  }
  if (op === EXIT) return is32 || isX ? null : { mnemonic: 'exit', description: 'Returns r0 to the caller.', rfc: '4.3', cpu: 1 };
  if (op === JA) {
    if (isX) return null;
    return is32
      ? { mnemonic: 'gotol', description: 'Jumps imm instructions ahead (a 32-bit distance).', rfc: '4.3', cpu: 4 }
      : { mnemonic: 'ja', description: 'Jumps off instructions ahead.', rfc: '4.3', cpu: 1 };
  }
  if (op === JCOND) {
    if (is32 || isX || insn.src !== 0) return null;
    return {
      mnemonic: 'may_goto',
      description: 'Jumps off instructions ahead once a hidden budget of iterations is spent; lets the verifier accept unbounded loops.',
      rfc: '',
      cpu: 4,
    };
  }
  const entry = JUMP_OPS[op];
  if (!entry) return null;
  const [name, condition] = entry;
  const halves = is32 ? ', comparing the low 32 bits' : '';
  return {
    mnemonic: `${name}${is32 ? '32' : ''}`,
    description: `Jumps off instructions ahead if ${condition.replace('VALUE', isX ? 'src' : 'imm')}${halves}.`,
    rfc: '4.3',
    cpu: is32 ? 3 : [JLT, JLE, JSLT, JSLE].includes(op) ? 2 : 1,
  };
}

function lddwInfo(insn: Insn): OpcodeInfo | null {
  const what: Readonly<Record<number, string>> = {
    0: 'dst = a 64-bit immediate',
    [PSEUDO_MAP_FD]: 'dst = address of a map',
    [PSEUDO_MAP_VALUE]: 'dst = address inside the only value of a map',
    3: 'dst = address of a kernel variable',
    [PSEUDO_FUNC]: 'dst = address of a function of this program, for callbacks',
    5: 'dst = address of a map, given by its index',
    6: 'dst = address inside the only value of a map, given by its index',
  };
  const text = what[insn.src];
  return text ? { mnemonic: 'lddw', description: `${text} (takes two slots).`, rfc: '5.4', cpu: 1 } : null;
}

function memoryInfo(insn: Insn): OpcodeInfo | null {
  const [suffix, bits] = SIZES[sizeOf(insn)]!;
  const mode = modeOf(insn);
  const cls = classOf(insn);
  if (mode === MEM) {
    if (cls === LDX)
      return { mnemonic: `ldx${suffix}`, description: `dst = ${bits} bits at src + off; the rest becomes 0.`, rfc: '5.1', cpu: 1 };
    if (cls === STX) return { mnemonic: `stx${suffix}`, description: `${bits} bits at dst + off = src.`, rfc: '5.1', cpu: 1 };
    if (cls === ST) return { mnemonic: `st${suffix}`, description: `${bits} bits at dst + off = imm (sign-extended).`, rfc: '5.1', cpu: 1 };
  }
  if (mode === MEMSX && cls === LDX && bits < 64) {
    return { mnemonic: `ldxs${suffix}`, description: `dst = ${bits} bits at src + off, sign-extended.`, rfc: '5.2', cpu: 4 };
  }
  if (mode === ATOMIC && cls === STX) {
    const entry = ATOMICS[insn.imm];
    const anySize = insn.imm === LOAD_ACQ || insn.imm === STORE_REL;
    if (!entry || (bits < 32 && !anySize)) return null;
    return { mnemonic: `${entry[0]}${bits}`, description: `${entry[1]} (${bits} bits).`, rfc: anySize ? '' : '5.3', cpu: entry[2] };
  }
  if (cls === LD && bits < 64 && (mode === ABS || mode === IND)) {
    const at = mode === ABS ? 'imm' : 'src + imm';
    const description = `r0 = ${bits} bits of the packet at ${at}, from network order; leaves the program with 0 beyond its end. r6 must hold the context.`;
    return { mnemonic: `ld${mode === ABS ? 'abs' : 'ind'}${suffix}`, description, rfc: '5.5', cpu: 1 };
  }
  return null;
}

/** What an instruction is; null when no machine from v1 to v4 defines it. Fields that it does not use are not looked at. */
export function describeInsn(insn: Insn): OpcodeInfo | null {
  switch (classOf(insn)) {
    case ALU:
    case ALU64:
      return aluInfo(insn);
    case JMP:
    case JMP32:
      return jumpInfo(insn);
    default:
      return insn.opcode === OP_LDDW ? lddwInfo(insn) : memoryInfo(insn);
  }
}

/**
 * The fields that an instruction does not use (RFC 9669 section 3: they must be 0). Linux refuses a program that sets one, so the
 * listing syntax has no place for them. Returns the instruction with those fields cleared, or null when the opcode itself is unknown.
 */
export function withoutReservedFields(insn: Insn): Insn | null {
  const info = describeInsn(insn);
  if (!info) return null;
  const cls = classOf(insn);
  const op = opOf(insn);
  const isX = (insn.opcode & X) !== 0;
  let { dst, src, off, imm } = insn;
  if (cls === ALU || cls === ALU64) {
    if (op === NEG) [src, off, imm] = [0, 0, 0];
    else if (op === END) [src, off] = [0, 0];
    else if (!isX) src = 0;
    else if (info.mnemonic !== 'addr_space_cast') imm = 0;
  } else if (cls === JMP || cls === JMP32) {
    if (op === CALL) {
      if (isX) [src, off, imm] = [0, 0, 0];
      else {
        dst = 0;
        // A kfunc's module is named by `off` (an index into fd_array).
        if (src !== PSEUDO_KFUNC_CALL) off = 0;
      }
    } else if (op === EXIT) [dst, src, off, imm] = [0, 0, 0, 0];
    else if (op === JA) {
      [dst, src] = [0, 0];
      if (cls === JMP) imm = 0;
      else off = 0;
    } else if (op === JCOND) [dst, src, imm] = [0, 0, 0];
    else if (isX) imm = 0;
    else src = 0;
  } else if (cls === LD) {
    if (insn.opcode === OP_LDDW || modeOf(insn) === IMM) off = 0;
    else {
      [dst, off] = [0, 0];
      if (modeOf(insn) === ABS) src = 0;
    }
  } else if (cls === LDX || (cls === STX && modeOf(insn) === MEM)) imm = 0;
  else if (cls === ST) src = 0;
  return { opcode: insn.opcode, dst, src, off, imm };
}

/** Reason why no machine up to `cpu` can run this encoding, or null when one can. */
export function encodingProblem(insn: Insn, cpu: CpuVersion = 4): string | null {
  const info = describeInsn(insn);
  if (!info) return `unknown instruction 0x${insn.opcode.toString(16).padStart(2, '0')}`;
  if (info.cpu > cpu) return `${info.mnemonic} needs -mcpu=v${info.cpu}`;
  const clean = withoutReservedFields(insn)!;
  if (clean.dst !== insn.dst || clean.src !== insn.src || clean.off !== insn.off || clean.imm !== insn.imm) {
    return `${info.mnemonic} uses reserved fields`;
  }
  // Linux uses r11 in its own translations; programs may not name it.
  const srcIsReg = !(insn.opcode === OP_LDDW || (classOf(insn) === JMP && opOf(insn) === CALL));
  if (insn.dst > 10 || (srcIsReg && insn.src > 10)) return `r${Math.max(insn.dst, srcIsReg ? insn.src : 0)} is no register`;
  return null;
}

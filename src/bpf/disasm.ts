import { helperName } from './helper-names.ts';
import {
  ABS,
  ADD,
  ADDR_SPACE_CAST,
  ALU,
  ALU64,
  AND,
  ATOMIC,
  B,
  CALL,
  CMPXCHG,
  classOf,
  DIV,
  DW,
  END,
  FETCH,
  H,
  IMM,
  IND,
  JA,
  JCOND,
  JMP,
  JMP32,
  LD,
  LDX,
  LOAD_ACQ,
  MEM,
  MEMSX,
  MOD,
  MOV,
  modeOf,
  NEG,
  OP_EXIT,
  OP_LDDW,
  OR,
  opOf,
  PSEUDO_BTF_ID,
  PSEUDO_CALL,
  PSEUDO_KFUNC_CALL,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_IDX,
  PSEUDO_MAP_IDX_VALUE,
  PSEUDO_MAP_VALUE,
  ST,
  STORE_REL,
  STX,
  sizeOf,
  W,
  X,
  XCHG,
  XOR,
} from './insn.ts';
import type { Insn, InsnIdx } from './program.ts';

/** What a listing shows for operands that only the surroundings know. */
export interface DisasmOptions {
  /** False prints pointers as 0x0, as the kernel does for callers that may not see addresses. Default true. */
  readonly allowPtrLeaks?: boolean;
  /**
   * Operand of an `lddw`. The kernel's log has the address of the map, of its value or of a BTF object here; whoever knows
   * maps returns what should stand instead. undefined: the 64-bit immediate.
   */
  readonly imm64?: (insn: Insn, idx: InsnIdx) => string | undefined;
  /** Name of the kernel function that a call with `src` 2 names. The kernel prints `kernel-function` where it knows none. */
  readonly kfuncName?: (insn: Insn, idx: InsnIdx) => string | undefined;
}

/** By operation >> 4, in the words of the kernel's bpf_alu_string. */
export const ALU_SYMBOLS: readonly string[] = ['+=', '-=', '*=', '/=', '|=', '&=', '<<=', '>>=', 'neg', '%=', '^=', '=', 's>>=', 'endian'];
/** Conditions of jumps, by operation >> 4. */
export const JMP_SYMBOLS: Readonly<Record<number, string>> = {
  1: '==',
  2: '>',
  3: '>=',
  4: '&',
  5: '!=',
  6: 's>',
  7: 's>=',
  10: '<',
  11: '<=',
  12: 's<',
  13: 's<=',
};
/** Atomic operations that memory and a register share, by `imm`. */
export const ATOMIC_NAMES: Readonly<Record<number, string>> = { [ADD]: 'add', [AND]: 'and', [OR]: 'or', [XOR]: 'xor' };
const SIZE_NAMES: Readonly<Record<number, string>> = { [W]: '32', [H]: '16', [B]: '8', [DW]: '64' };

const signed = (n: number): string => (n < 0 ? `${n}` : `+${n}`);
const hex2 = (n: number): string => n.toString(16).padStart(2, '0');

/** `u32`, `s8`…: the type in a load or store. */
export const typeName = (insn: Insn, sign: 'u' | 's' = 'u'): string => sign + SIZE_NAMES[sizeOf(insn)];

/** Both halves of an `lddw` as one unsigned number. */
export function imm64At(insns: readonly Insn[], idx: InsnIdx): bigint {
  const high = BigInt.asUintN(32, BigInt(insns[idx + 1]?.imm ?? 0));
  return (high << 32n) | BigInt.asUintN(32, BigInt(insns[idx]!.imm));
}

/** Signed division and modulo carry `off` 1 (RFC 9669 section 4.1). */
export function aluSymbol(insn: Insn): string {
  const op = opOf(insn);
  const symbol = ALU_SYMBOLS[op >> 4] ?? '(null)';
  return (op === DIV || op === MOD) && insn.off === 1 ? `s${symbol}` : symbol;
}

function alu(insn: Insn): string {
  const op = opOf(insn);
  const r = (insn.opcode & 7) === ALU ? 'w' : 'r';
  const { dst, src, off, imm } = insn;
  if (op === END) {
    const kind = r === 'r' ? 'bswap' : insn.opcode & X ? 'be' : 'le';
    return `r${dst} = ${kind}${imm} r${dst}`;
  }
  if (op === NEG) return `${r}${dst} = -${r}${dst}`;
  if (insn.opcode === (ALU64 | MOV | X) && off === ADDR_SPACE_CAST) {
    return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`;
  }
  if (insn.opcode & X) {
    const movsx = op === MOV && (off === 8 || off === 16 || off === 32) ? `(s${off})` : '';
    return `${r}${dst} ${aluSymbol(insn)} ${movsx}${r}${src}`;
  }
  return `${r}${dst} ${aluSymbol(insn)} ${imm}`;
}

function atomic(insn: Insn): string | null {
  const { dst, src, imm } = insn;
  const place = `*)(r${dst} ${signed(insn.off)})`;
  const type = typeName(insn);
  const wide = sizeOf(insn) === DW ? '64' : '';
  if (imm in ATOMIC_NAMES) return `lock *(${type} ${place} ${ALU_SYMBOLS[imm >> 4]} r${src}`;
  const fetched = imm & FETCH ? ATOMIC_NAMES[imm & ~FETCH] : undefined;
  if (fetched) return `r${src} = atomic${wide}_fetch_${fetched}((${type} ${place}, r${src})`;
  if (imm === CMPXCHG) return `r0 = atomic${wide}_cmpxchg((${type} ${place}, r0, r${src})`;
  if (imm === XCHG) return `r${src} = atomic${wide}_xchg((${type} ${place}, r${src})`;
  if (imm === LOAD_ACQ) return `r${dst} = load_acquire((${type} *)(r${src} ${signed(insn.off)}))`;
  if (imm === STORE_REL) return `store_release((${type} ${place}, r${src})`;
  return null;
}

function jump(insns: readonly Insn[], idx: InsnIdx, options: DisasmOptions): string {
  const insn = insns[idx]!;
  const op = opOf(insn);
  const r = classOf(insn) === JMP32 ? 'w' : 'r';
  if (op === CALL) {
    if (insn.src === PSEUDO_CALL) return `call pc${signed(insn.imm)}`;
    let name = insn.src === 0 ? helperName(insn.imm) : undefined;
    if (insn.src === PSEUDO_KFUNC_CALL) name = options.kfuncName?.(insn, idx) ?? 'kernel-function';
    return `call ${name ?? 'unknown'}#${insn.imm}`;
  }
  if (insn.opcode === (JMP | JA)) return `goto pc${signed(insn.off)}`;
  if (insn.opcode === (JMP | JCOND) && insn.src === 0) return `may_goto pc${signed(insn.off)}`;
  if (insn.opcode === (JMP32 | JA)) return `gotol pc${signed(insn.imm)}`;
  if (insn.opcode === OP_EXIT) return 'exit';
  const operand = insn.opcode & X ? `${r}${insn.src}` : `0x${(insn.imm >>> 0).toString(16)}`;
  return `if ${r}${insn.dst} ${JMP_SYMBOLS[op >> 4] ?? '(null)'} ${operand} goto pc${signed(insn.off)}`;
}

function lddw(insns: readonly Insn[], idx: InsnIdx, options: DisasmOptions): string {
  const insn = insns[idx]!;
  const isPointer = [PSEUDO_MAP_FD, PSEUDO_MAP_VALUE, PSEUDO_MAP_IDX, PSEUDO_MAP_IDX_VALUE, PSEUDO_BTF_ID].includes(insn.src);
  if (isPointer && options.allowPtrLeaks === false) return `r${insn.dst} = 0x0`;
  return `r${insn.dst} = ${options.imm64?.(insn, idx) ?? `0x${imm64At(insns, idx).toString(16)}`}`;
}

/**
 * The instruction at `idx` in the words of Linux 6.18's verifier log, without the `(b7) ` in front. The kernel prints
 * `BUG_…` for encodings that its checks refuse before any line is printed; so does this.
 */
export function formatKernel(insns: readonly Insn[], idx: InsnIdx, options: DisasmOptions = {}): string {
  const insn = insns[idx]!;
  const mode = modeOf(insn);
  const { dst, src, off, imm } = insn;
  switch (classOf(insn)) {
    case ALU:
    case ALU64:
      return alu(insn);
    case STX:
      if (mode === MEM) return `*(${typeName(insn)} *)(r${dst} ${signed(off)}) = r${src}`;
      return (mode === ATOMIC ? atomic(insn) : null) ?? `BUG_${hex2(insn.opcode)}`;
    case ST:
      // The immediate is printed signed: `*(u8 *)(r10 -1) = -1`.
      return mode === MEM ? `*(${typeName(insn)} *)(r${dst} ${signed(off)}) = ${imm}` : `BUG_st_${hex2(insn.opcode)}`;
    case LDX:
      if (mode !== MEM && mode !== MEMSX) return `BUG_ldx_${hex2(insn.opcode)}`;
      return `r${dst} = *(${typeName(insn, mode === MEM ? 'u' : 's')} *)(r${src} ${signed(off)})`;
    case LD:
      if (mode === ABS) return `r0 = *(${typeName(insn)} *)skb[${imm}]`;
      if (mode === IND) return `r0 = *(${typeName(insn)} *)skb[r${src} + ${imm}]`;
      return insn.opcode === OP_LDDW && mode === IMM ? lddw(insns, idx, options) : `BUG_ld_${hex2(insn.opcode)}`;
    default:
      return jump(insns, idx, options);
  }
}

/** One instruction as a log line of 6.18 has it after the index: `(b7) r0 = 1`. */
export function disasmKernel(insns: readonly Insn[], idx: InsnIdx, options: DisasmOptions = {}): string {
  return `(${hex2(insns[idx]!.opcode)}) ${formatKernel(insns, idx, options)}`;
}

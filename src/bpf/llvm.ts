import { ALU_SYMBOLS, ATOMIC_NAMES, aluSymbol, imm64At, JMP_SYMBOLS, typeName } from './disasm.ts';
import {
  ABS,
  ADDR_SPACE_CAST,
  ALU,
  ALU64,
  ATOMIC,
  CALL,
  CMPXCHG,
  classOf,
  DW,
  END,
  EXIT,
  FETCH,
  IND,
  JA,
  JCOND,
  JMP32,
  LD,
  LDX,
  LOAD_ACQ,
  MEM,
  MOV,
  modeOf,
  NEG,
  opOf,
  ST,
  STX,
  sizeOf,
  X,
  XCHG,
} from './insn.ts';
import type { Insn, InsnIdx } from './program.ts';

const hex = (n: number | bigint): string => (n < 0 ? `-0x${(-n).toString(16)}` : `0x${n.toString(16)}`);
const distance = (n: number): string => (n < 0 ? hex(n) : `+${hex(n)}`);
const place = (reg: number, off: number): string => `(r${reg} ${off < 0 ? '-' : '+'} ${hex(Math.abs(off))})`;

function alu(insn: Insn): string {
  const op = opOf(insn);
  const r = classOf(insn) === ALU ? 'w' : 'r';
  const { dst, src, off, imm } = insn;
  if (op === END) return `r${dst} = ${r === 'r' ? 'bswap' : insn.opcode & X ? 'be' : 'le'}${imm} r${dst}`;
  if (op === NEG) return `${r}${dst} = -${r}${dst}`;
  if (op === MOV && insn.opcode & X && r === 'r' && off === ADDR_SPACE_CAST) {
    return `r${dst} = addr_space_cast(r${src}, ${hex(imm >>> 16)}, ${hex(imm & 0xffff)})`;
  }
  if (!(insn.opcode & X)) return `${r}${dst} ${aluSymbol(insn)} ${hex(imm)}`;
  return `${r}${dst} ${aluSymbol(insn)} ${op === MOV && off !== 0 ? `(s${off})` : ''}${r}${src}`;
}

/** llvm-objdump has names of its own for exchanges: `cmpxchg_64(r1 + 0x0, r0, r2)`. */
function atomic(insn: Insn): string {
  const { dst, src, off, imm } = insn;
  const at = `*(${typeName(insn)} *)${place(dst, off)}`;
  const wide = sizeOf(insn) === DW;
  const r = wide ? 'r' : 'w';
  const bare = place(dst, off).slice(1, -1);
  if (imm in ATOMIC_NAMES) return `lock ${at} ${ALU_SYMBOLS[imm >> 4]} ${r}${src}`;
  if (imm === CMPXCHG) return `${r}0 = cmpxchg${wide ? '' : '32'}_${wide ? 64 : 32}(${bare}, ${r}0, ${r}${src})`;
  if (imm === XCHG) return `${r}${src} = xchg${wide ? '' : '32'}_${wide ? 64 : 32}(${bare}, ${r}${src})`;
  const pointer = `(${typeName(insn)} *)`;
  if (imm === LOAD_ACQ) return `${r}${dst} = load_acquire(${pointer}${place(src, off)})`;
  if (imm & FETCH && imm < 0xe0) return `${r}${src} = atomic_fetch_${ATOMIC_NAMES[imm & ~FETCH]}(${pointer}${place(dst, off)}, ${r}${src})`;
  return `store_release(${pointer}${place(dst, off)}, ${r}${src})`;
}

function jump(insn: Insn): string {
  const op = opOf(insn);
  const is32 = classOf(insn) === JMP32;
  const r = is32 ? 'w' : 'r';
  if (op === CALL) return insn.opcode & X ? `callx r${insn.dst}` : `call ${hex(insn.imm)}`;
  if (op === EXIT) return 'exit';
  if (op === JA) return is32 ? `gotol ${distance(insn.imm)}` : `goto ${distance(insn.off)}`;
  if (op === JCOND) return `may_goto ${distance(insn.off)}`;
  const right = insn.opcode & X ? `${r}${insn.src}` : hex(insn.imm);
  return `if ${r}${insn.dst} ${JMP_SYMBOLS[op >> 4]} ${right} goto ${distance(insn.off)}`;
}

/**
 * The instruction at `idx` as llvm-objdump prints it with `--mattr=+alu32`, for encodings that `encodingProblem` finds
 * nothing wrong with. 32-bit loads are shown with r registers: LLVM writes w for the same bytes.
 */
export function formatLlvm(insns: readonly Insn[], idx: InsnIdx): string {
  const insn = insns[idx]!;
  const { dst, src, off, imm } = insn;
  const mode = modeOf(insn);
  switch (classOf(insn)) {
    case ALU:
    case ALU64:
      return alu(insn);
    case STX:
      return mode === ATOMIC ? atomic(insn) : `*(${typeName(insn)} *)${place(dst, off)} = r${src}`;
    case ST:
      return `*(${typeName(insn)} *)${place(dst, off)} = ${hex(imm)}`;
    case LDX:
      return `r${dst} = *(${typeName(insn, mode === MEM ? 'u' : 's')} *)${place(src, off)}`;
    case LD:
      if (mode === ABS) return `r0 = *(${typeName(insn)} *)skb[${hex(imm)}]`;
      if (mode === IND) return `r0 = *(${typeName(insn)} *)skb[r${src}${imm === 0 ? '' : ` ${imm < 0 ? '-' : '+'} ${hex(Math.abs(imm))}`}]`;
      return `r${dst} = ${hex(BigInt.asIntN(64, imm64At(insns, idx)))} ll`;
    default:
      return jump(insn);
  }
}

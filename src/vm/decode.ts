import { OP_CALL, OP_LDDW, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE } from '../bpf/insn.ts';
import type { Insn, Program } from '../bpf/program.ts';
import { VmFault } from './fault.ts';

// An instruction becomes WORDS words of one Int32Array. Constants become registers behind r10, so that the forms with an
// immediate operand need no code of their own; low words of registers are at 2·i, high words at 2·i+1.
export const WORDS = 8;
export const WORD_OP = 0;
export const WORD_DST = 1;
export const WORD_SRC = 2;
/** Offset of a memory access, or the operation of an atomic one in WORD_ARG. */
export const WORD_OFF = 3;
/** Branch target, one entry early, as an index into the code array; helper number; width of a movsx or byte swap; atomic operation. */
export const WORD_ARG = 4;
/** First address of the element that this instruction accessed last, and the highest allowed offset from it. */
export const WORD_CACHE_BASE = 5;
export const WORD_CACHE_LAST = 6;
/** The operation that a trap stands in front of. */
export const WORD_TRAPPED = 7;

/** The opcodes of RFC 9669 in their register form, and beyond 255 those that one opcode byte does not tell apart. */
export const OP_SIGNED = 0x100; // + div or mod, and + mov: movsx
export const OP_HELPER = 0x201;
export const OP_KFUNC = 0x202;
export const OP_TAIL_CALL = 0x203;
export const OP_TRAP = 0x204;
export const OP_PAST_END = 0x205;

/** Kernel functions are helpers with numbers from here on, in the order of {@link Decoded.kfuncNames}. */
export const KFUNC_BASE = 0x10000;
/** The helper that leaves for another program. */
const TAIL_CALL = 12;

/** First constant register; r0…r10 and one spare lie before. */
export const FIRST_CONST = 12;

/** Values of function pointers: code addresses that no memory access reaches. */
export const CODE_BASE = 0xc0000000;
/** Values of map pointers: MAP_BASE + 16 · map index. */
export const MAP_BASE = 0xe0000000;

export interface Decoded {
  readonly code: Int32Array;
  /** Register file to start from: zeros, then the constants. */
  readonly registers: Int32Array;
  /** Instruction slot of each code entry. */
  readonly insnOfEntry: Int32Array;
  /** Code entry of each instruction slot, -1 for the second half of a `lddw`. */
  readonly entryOfInsn: Int32Array;
  readonly kfuncNames: readonly string[];
}

/** True for loads from the packet by the classic filter's rules, `ld_abs` and `ld_ind`: modes 1 and 2 of class 0, up to 4 bytes. */
export function isPacketLoad(op: number): boolean {
  return op < 0x60 && (op & 7) === 0 && (op & 0xe0) !== 0 && (op & 0x18) !== 0x18;
}

/** Makes the flat code. `valueAddress(mapIdx)` is the address of a map's first value, null when it has none. */
export function decodeProgram(program: Program, valueAddress: (mapIdx: number) => number | null): Decoded {
  const { insns } = program;
  const entryOfInsn = new Int32Array(insns.length + 1).fill(-1);
  const slots: number[] = [];
  for (let idx = 0; idx < insns.length; idx++) {
    entryOfInsn[idx] = slots.length;
    slots.push(idx);
    if (insns[idx].opcode === OP_LDDW) idx++;
  }
  // Running off the end or jumping behind it lands on a last entry that faults.
  entryOfInsn[insns.length] = slots.length;
  const code = new Int32Array((slots.length + 1) * WORDS);
  const constants: number[] = [];
  const constantIndex = new Map<string, number>();
  const constant = (lo: number, hi: number): number => {
    const key = `${lo},${hi}`;
    let index = constantIndex.get(key);
    if (index === undefined) {
      index = (FIRST_CONST + constants.length / 2) * 2;
      constants.push(lo, hi);
      constantIndex.set(key, index);
    }
    return index;
  };

  const kfuncNames: string[] = [];
  /** What a call of a kernel function becomes; one that nobody named stays unknown. */
  const kfunc = (idx: number): number => {
    const name = program.kfuncCalls.get(idx);
    if (name === undefined) return -1;
    if (!kfuncNames.includes(name)) kfuncNames.push(name);
    return KFUNC_BASE + kfuncNames.indexOf(name);
  };

  slots.forEach((idx, entry) => {
    const insn = insns[idx];
    const at = entry * WORDS;
    if (insn.dst > 10 || insn.src > 10) throw new VmFault(idx, `R${insn.dst > 10 ? insn.dst : insn.src} is no register`);
    const target = (distance: number): number => {
      const to = idx + 1 + distance;
      const found = to >= 0 && to <= insns.length ? entryOfInsn[to] : -1;
      if (found < 0) throw new VmFault(idx, `jumps to instruction ${to}, where none begins`, 'The verifier refuses such a program');
      return found * WORDS;
    };
    code[at + WORD_OP] = insn.opcode;
    code[at + WORD_DST] = insn.dst * 2;
    code[at + WORD_SRC] = insn.src * 2;
    code[at + WORD_OFF] = insn.off;
    code[at + WORD_ARG] = insn.imm;
    code[at + WORD_CACHE_LAST] = -1;
    decodeOne(insn, at);

    function decodeOne(insn: Insn, at: number): void {
      const cls = insn.opcode & 7;
      const operation = insn.opcode & 0xf0;
      const immediate = (insn.opcode & 8) === 0;
      if (insn.opcode === OP_LDDW) {
        const high = insns[idx + 1];
        if (!high) throw new VmFault(idx, 'the second half of this lddw is missing');
        code[at + WORD_OP] = 0xbf;
        code[at + WORD_SRC] = lddwConstant(insn, high);
      } else if (cls === 4 || cls === 7) {
        decodeAlu(operation, cls, immediate);
      } else if (cls === 5 || cls === 6) {
        decodeJump(operation, cls, immediate);
      } else if (cls === 2) {
        // st: as stx, with the constant in a register.
        code[at + WORD_OP] = insn.opcode | 1;
        code[at + WORD_SRC] = constant(insn.imm, insn.imm >> 31);
      }
    }

    function decodeAlu(operation: number, cls: number, immediate: boolean): void {
      if (operation === 0xd0) {
        // To little-endian only truncates, since this machine is little-endian; to big-endian and bswap swap (RFC 9669, 4.2).
        code[at + WORD_OP] = cls === 4 && immediate ? 0xd4 : 0xdc;
        return;
      }
      const signed = insn.off !== 0 && (operation === 0x30 || operation === 0x90 || operation === 0xb0);
      if (signed && operation === 0xb0 && insn.off === 1) {
        // A cast between address spaces: arenas lie below 2^32 for user space too.
        code[at + WORD_OP] = 0xbc;
        return;
      }
      code[at + WORD_OP] = operation | cls | 8 | (signed ? OP_SIGNED : 0);
      if (signed && operation === 0xb0) code[at + WORD_ARG] = 32 - (insn.off > 31 ? 0 : insn.off);
      if (immediate && operation !== 0x80) code[at + WORD_SRC] = constant(insn.imm, insn.imm >> 31);
    }

    function decodeJump(operation: number, cls: number, immediate: boolean): void {
      if (operation === 0x80) {
        if (insn.opcode === OP_CALL && insn.src === PSEUDO_CALL) code[at + WORD_ARG] = -WORDS + target(insn.imm);
        else if (insn.opcode === OP_CALL && insn.src === 0) code[at + WORD_OP] = insn.imm === TAIL_CALL ? OP_TAIL_CALL : OP_HELPER;
        else if (insn.opcode === OP_CALL) {
          const number = kfunc(idx);
          code[at + WORD_OP] = number < 0 ? OP_KFUNC : OP_HELPER;
          if (number >= 0) code[at + WORD_ARG] = number;
        }
      } else if (operation === 0x00) {
        code[at + WORD_OP] = 0x05;
        code[at + WORD_ARG] = -WORDS + target(cls === 6 ? insn.imm : insn.off);
      } else if (operation !== 0x90) {
        code[at + WORD_OP] = operation === 0xe0 ? 0xe5 : operation | cls | 8;
        code[at + WORD_ARG] = -WORDS + target(insn.off);
        if (immediate) code[at + WORD_SRC] = constant(insn.imm, insn.imm >> 31);
      }
    }

    function lddwConstant(insn: Insn, high: Insn): number {
      if (insn.src === 0) return constant(insn.imm, high.imm);
      if (insn.src === PSEUDO_MAP_FD) return constant((MAP_BASE + insn.imm * 16) | 0, 0);
      if (insn.src === PSEUDO_FUNC) return constant((CODE_BASE + target(insn.imm)) | 0, 0);
      const address = insn.src === PSEUDO_MAP_VALUE ? valueAddress(insn.imm) : null;
      if (address === null) throw new VmFault(idx, `what this lddw refers to (kind ${insn.src}) is not available in this machine`);
      return constant((address + high.imm) | 0, 0);
    }
  });
  const end = slots.length * WORDS;
  code[end + WORD_OP] = OP_PAST_END;

  const registers = new Int32Array(FIRST_CONST * 2 + constants.length);
  registers.set(constants, FIRST_CONST * 2);
  return { code, registers, insnOfEntry: Int32Array.from([...slots, insns.length]), entryOfInsn, kfuncNames };
}

/** Why the instruction at `pc` cannot run. */
export function whyUnavailable(code: Int32Array, pc: number, op: number): string {
  if (op === OP_PAST_END) return 'runs past the last instruction';
  if (op === OP_KFUNC) return `the kernel function with BTF id ${code[pc + WORD_ARG]} is not available in this machine`;
  if (ATOMICS.has(op)) return `unknown atomic operation 0x${code[pc + WORD_ARG].toString(16)} of ${ATOMICS.get(op)} bytes`;
  return `instruction 0x${op.toString(16).padStart(2, '0')} is unknown to this machine`;
}

/** Sizes of the atomic opcodes. */
const ATOMICS = new Map([
  [0xd3, 1],
  [0xcb, 2],
  [0xc3, 4],
  [0xdb, 8],
]);

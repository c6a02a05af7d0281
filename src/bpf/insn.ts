import { InputError } from '../base/errors.ts';
import type { Insn } from './program.ts';

// Instruction classes, RFC 9669 table 2.
export const LD = 0x00;
export const LDX = 0x01;
export const ST = 0x02;
export const STX = 0x03;
export const ALU = 0x04;
export const JMP = 0x05;
export const JMP32 = 0x06;
export const ALU64 = 0x07;

// Source bit, RFC 9669 section 4.
export const K = 0x00;
export const X = 0x08;

// Sizes and modes of loads and stores, RFC 9669 section 5.
export const W = 0x00;
export const H = 0x08;
export const B = 0x10;
export const DW = 0x18;
export const IMM = 0x00;
export const ABS = 0x20;
export const IND = 0x40;
export const MEM = 0x60;
export const MEMSX = 0x80;
export const ATOMIC = 0xc0;

export const OP_LDDW = LD | IMM | DW;
export const OP_CALL = JMP | 0x80;
export const OP_EXIT = JMP | 0x90;

/** `src` of `lddw`, RFC 9669 section 5.4. */
export const PSEUDO_MAP_FD = 1;
export const PSEUDO_MAP_VALUE = 2;
export const PSEUDO_BTF_ID = 3;
export const PSEUDO_FUNC = 4;
/** `src` of `call`. */
export const PSEUDO_CALL = 1;
export const PSEUDO_KFUNC_CALL = 2;

/** Bytes of `insns`, little-endian (the only byte order BPFormer targets). */
export function encodeInsns(insns: readonly Insn[]): Uint8Array {
  const bytes = new Uint8Array(insns.length * 8);
  const view = new DataView(bytes.buffer);
  insns.forEach((insn, idx) => {
    bytes[idx * 8] = insn.opcode;
    bytes[idx * 8 + 1] = (insn.dst & 15) | ((insn.src & 15) << 4);
    view.setInt16(idx * 8 + 2, insn.off, true);
    view.setInt32(idx * 8 + 4, insn.imm, true);
  });
  return bytes;
}

/** The slots in `bytes`. Throws {@link InputError} when the length is no multiple of 8. */
export function decodeInsns(bytes: Uint8Array): Insn[] {
  if (bytes.length % 8 !== 0) throw new InputError(`code is ${bytes.length} bytes long, which is no multiple of 8`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const insns: Insn[] = [];
  for (let at = 0; at < bytes.length; at += 8) {
    const regs = view.getUint8(at + 1);
    insns.push({
      opcode: view.getUint8(at),
      dst: regs & 15,
      src: regs >> 4,
      off: view.getInt16(at + 2, true),
      imm: view.getInt32(at + 4, true),
    });
  }
  return insns;
}

/** `src` of `lddw`: index into the object's map array instead of a file descriptor; kernel uapi, not in RFC 9669's first table. */
export const PSEUDO_MAP_IDX = 5;
export const PSEUDO_MAP_IDX_VALUE = 6;

/** Operation (high four bits) of ALU classes, RFC 9669 section 4.1. */
export const ADD = 0x00;
export const SUB = 0x10;
export const MUL = 0x20;
export const DIV = 0x30;
export const OR = 0x40;
export const AND = 0x50;
export const LSH = 0x60;
export const RSH = 0x70;
export const NEG = 0x80;
export const MOD = 0x90;
export const XOR = 0xa0;
export const MOV = 0xb0;
export const ARSH = 0xc0;
export const END = 0xd0;

/** Operation (high four bits) of jump classes, RFC 9669 section 4.3. */
export const JA = 0x00;
export const JEQ = 0x10;
export const JGT = 0x20;
export const JGE = 0x30;
export const JSET = 0x40;
export const JNE = 0x50;
export const JSGT = 0x60;
export const JSGE = 0x70;
export const CALL = 0x80;
export const EXIT = 0x90;
export const JLT = 0xa0;
export const JLE = 0xb0;
export const JSLT = 0xc0;
export const JSLE = 0xd0;
/** Kernel 6.9: conditional pseudo jump; `src` 0 is `may_goto`. Not in RFC 9669. */
export const JCOND = 0xe0;

/** `imm` of atomic operations, RFC 9669 section 5.3; the last two are Linux 6.12+ and not in the RFC. */
export const FETCH = 0x01;
export const XCHG = 0xe1;
export const CMPXCHG = 0xf1;
export const LOAD_ACQ = 0x100;
export const STORE_REL = 0x110;

/** `off` of a 64-bit `mov` from register that is Linux's `addr_space_cast` (arena pointers); not in RFC 9669. */
export const ADDR_SPACE_CAST = 1;

export const classOf = (insn: Insn): number => insn.opcode & 7;
export const opOf = (insn: Insn): number => insn.opcode & 0xf0;
export const sizeOf = (insn: Insn): number => insn.opcode & 0x18;
export const modeOf = (insn: Insn): number => insn.opcode & 0xe0;

/** True for jumps within a function that name a target: `goto`, `gotol`, `if …`, `may_goto`. */
export function isJump(insn: Insn): boolean {
  const cls = classOf(insn);
  if (cls !== JMP && cls !== JMP32) return false;
  const op = opOf(insn);
  return op !== CALL && op !== EXIT;
}

/** True for `goto` and `gotol`, which never fall through. */
export const isUnconditional = (insn: Insn): boolean => isJump(insn) && opOf(insn) === JA;

/** Target of a jump at `idx`: `gotol` carries it in `imm`, all others in `off`. */
export function jumpTarget(insn: Insn, idx: number): number {
  return idx + 1 + (classOf(insn) === JMP32 && opOf(insn) === JA ? insn.imm : insn.off);
}

/** True for a call of a function in the same program. */
export const isPseudoCall = (insn: Insn): boolean => insn.opcode === OP_CALL && insn.src === PSEUDO_CALL;

/** True for `lddw` with the address of a function (callbacks). */
export const isFuncAddress = (insn: Insn): boolean => insn.opcode === OP_LDDW && insn.src === PSEUDO_FUNC;

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

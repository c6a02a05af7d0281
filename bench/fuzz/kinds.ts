import {
  classOf,
  END,
  isFuncAddress,
  LOAD_ACQ,
  modeOf,
  NEG,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  opOf,
  STORE_REL,
  sizeOf,
} from '../../src/bpf/insn.ts';
import type { Insn } from '../../src/bpf/program.ts';

const ALU_NAMES = ['add', 'sub', 'mul', 'div', 'or', 'and', 'lsh', 'rsh', 'neg', 'mod', 'xor', 'mov', 'arsh', 'end'];
const JUMP_NAMES = ['ja', 'jeq', 'jgt', 'jge', 'jset', 'jne', 'jsgt', 'jsge', 'call', 'exit', 'jlt', 'jle', 'jslt', 'jsle', 'may_goto'];
const SIZE_NAMES: Readonly<Record<number, string>> = { 0: 'w', 8: 'h', 16: 'b', 24: 'dw' };
const ATOMIC_NAMES: Readonly<Record<number, string>> = {
  0: 'add',
  64: 'or',
  80: 'and',
  160: 'xor',
  1: 'fetch_add',
  65: 'fetch_or',
  81: 'fetch_and',
  161: 'fetch_xor',
  225: 'xchg',
  241: 'cmpxchg',
};

/** What kind of instruction this is, finer than its opcode byte: signed division, widths of swaps, operations of atomics, kinds of calls. */
export function kindOf(insn: Insn): string {
  const cls = classOf(insn);
  const x = insn.opcode & 8 ? 'x' : 'k';
  if (insn.opcode === OP_LDDW) return isFuncAddress(insn) ? 'lddw func' : (['lddw', 'lddw map', 'lddw value'][insn.src] ?? 'lddw other');
  if (cls === 0) return `${modeOf(insn) === 0x20 ? 'abs' : modeOf(insn) === 0x40 ? 'ind' : 'ld?'} ${SIZE_NAMES[sizeOf(insn)]}`;
  if (cls === 4 || cls === 7) {
    const bits = cls === 7 ? 64 : 32;
    const name = ALU_NAMES[opOf(insn) >> 4];
    if (opOf(insn) === END) return `${cls === 7 ? 'bswap' : insn.opcode & 8 ? 'be' : 'le'}${insn.imm}`;
    if (opOf(insn) === NEG) return `neg${bits}`;
    if (name === 'mov' && insn.off) return `movsx${bits} ${insn.off}`;
    return `${insn.off ? 's' : ''}${name}${bits} ${x}`;
  }
  if (cls === 5 || cls === 6) {
    if (insn.opcode === OP_CALL) return ['call helper', 'call function', 'call kfunc'][insn.src] ?? 'call ?';
    if (insn.opcode === OP_EXIT) return 'exit';
    const name = JUMP_NAMES[opOf(insn) >> 4] ?? '?';
    if (name === 'ja') return cls === 5 ? 'ja' : 'gotol';
    return name === 'may_goto' ? name : `${name}${cls === 5 ? '' : '32'} ${x}`;
  }
  const size = SIZE_NAMES[sizeOf(insn)];
  if (cls === 1) return `${modeOf(insn) === 0x80 ? 'ldsx' : 'ldx'} ${size}`;
  if (cls === 2) return `st ${size}`;
  if (modeOf(insn) !== 0xc0) return `stx ${size}`;
  if (insn.imm === LOAD_ACQ) return `load_acquire ${size}`;
  if (insn.imm === STORE_REL) return `store_release ${size}`;
  return `${ATOMIC_NAMES[insn.imm] ?? 'atomic?'} ${size}`;
}

/** Every kind of instruction of RFC 9669's version 4 and of 6.18, but for address-space casts (arena) and references to BTF. */
export const ALL_KINDS: readonly string[] = [
  ...['add', 'sub', 'mul', 'div', 'or', 'and', 'lsh', 'rsh', 'mod', 'xor', 'mov', 'arsh', 'sdiv', 'smod'].flatMap((op) =>
    [32, 64].flatMap((bits) => [`${op}${bits} k`, `${op}${bits} x`]),
  ),
  ...['movsx32 8', 'movsx32 16', 'movsx64 8', 'movsx64 16', 'movsx64 32', 'neg32', 'neg64'],
  ...['le', 'be', 'bswap'].flatMap((end) => [16, 32, 64].map((bits) => `${end}${bits}`)),
  ...JUMP_NAMES.filter((name) => !['ja', 'call', 'exit', 'may_goto'].includes(name)).flatMap((name) =>
    ['', '32'].flatMap((bits) => [`${name}${bits} k`, `${name}${bits} x`]),
  ),
  ...['ja', 'gotol', 'exit', 'may_goto', 'call helper', 'call function', 'call kfunc', 'lddw', 'lddw map', 'lddw value', 'lddw func'],
  ...['b', 'h', 'w'].flatMap((size) => [`abs ${size}`, `ind ${size}`, `ldsx ${size}`]),
  ...['b', 'h', 'w', 'dw'].flatMap((size) => [`ldx ${size}`, `st ${size}`, `stx ${size}`, `load_acquire ${size}`, `store_release ${size}`]),
  ...Object.values(ATOMIC_NAMES).flatMap((op) => [`${op} w`, `${op} dw`]),
];

/** The instructions of a program without the second halves of `lddw`. */
export function kindsOf(insns: readonly Insn[]): string[] {
  return insns.filter((_, i) => i === 0 || insns[i - 1].opcode !== OP_LDDW).map(kindOf);
}

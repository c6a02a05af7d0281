/** Parts of `npm run long kernels`: one program for every access to the context of every program type. */
import type { Insn, Program } from '../src/bpf/program.ts';
import { PROG_TYPE_NAMES } from '../src/bpf/progtypes.ts';
import { BPF_CTX_TYPES } from '../src/verifier/ctx-data.ts';

/** Attach types that decide about fields, and one where a type needs any. */
const ATTACH: Readonly<Record<number, readonly number[]>> = {
  6: [0, 33],
  8: [0, 1],
  9: [2, 12, 13, 34],
  18: [8, 9, 10, 11, 14, 15, 19, 29],
  25: [21, 22],
  30: [36],
};
/** Larger contexts repeat themselves. */
const MOST_BYTES = 240;
const SIZES = [
  [0x10, 1],
  [0x08, 2],
  [0x00, 4],
  [0x18, 8],
] as const;

function access(progType: number, expectedAttachType: number, off: number, size: number, bytes: number, write: boolean): Program {
  const touch: Insn = write ? { opcode: 0x63 | size, dst: 1, src: 0, off, imm: 0 } : { opcode: 0x61 | size, dst: 2, src: 1, off, imm: 0 };
  const insns: Insn[] = [
    { opcode: 0xb7, dst: 0, src: 0, off: 0, imm: 1 },
    { ...touch, opcode: (touch.opcode & ~0x18) | size },
    { opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
  ];
  return {
    name: `${PROG_TYPE_NAMES[progType]} (attach ${expectedAttachType}) ${write ? 'writes' : 'reads'} ${bytes} bytes at ${off}`,
    section: '',
    progType,
    expectedAttachType,
    sleepable: progType === 31,
    loadFlags: 0,
    license: 'GPL',
    insns,
    subprogs: [{ name: 'main', start: 0, linkage: 'global' }],
    maps: [],
    lineInfo: [],
    origins: [],
    insnOrigins: insns.map(() => []),
    kfuncCalls: new Map(),
  };
}

export function contextPrograms(): Program[] {
  const made: Program[] = [];
  for (const [key, layout] of Object.entries(BPF_CTX_TYPES)) {
    const progType = Number(key);
    for (const attach of ATTACH[progType] ?? [0]) {
      for (const [size, bytes] of SIZES) {
        for (let off = 0; off < Math.min(layout.size + 8, MOST_BYTES); off += bytes) {
          for (const write of [false, true]) made.push(access(progType, attach, off, size, bytes, write));
        }
      }
    }
  }
  return made;
}

import { describe, expect, it } from 'vitest';
import { encodeInsns } from '../../bpf/insn.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { insnText, targetOf } from './decode.ts';
import { highlight } from './highlight.ts';
import { ListingRows } from './rows.ts';

const insn = (opcode: number, dst: number, src: number, off: number, imm: number) => ({ opcode, dst, src, off, imm });

/** `r1 = map[m]`, `if r0 == 0 goto +1`, `call f`, `exit`, f: `exit`. */
const insns = [
  insn(0x18, 1, 1, 0, 0),
  insn(0, 0, 0, 0, 0),
  insn(0x15, 0, 0, 1, 0),
  insn(0x85, 0, 1, 0, 1),
  insn(0x95, 0, 0, 0, 0),
  insn(0x95, 0, 0, 0, 0),
];
const program: ProgramView = {
  key: 'p',
  modelKey: '',
  name: 'main',
  section: 'xdp',
  license: 'GPL',
  progType: 6,
  code: encodeInsns(insns),
  subprogs: [
    { name: 'main', start: 0, linkage: 'global' },
    { name: 'f', start: 5, linkage: 'static' },
  ],
  maps: [{ name: 'm', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 }],
  origins: [],
  originStart: new Uint32Array(7),
  originIdx: new Uint16Array(0),
  nodes: [],
  lines: [
    { insnIdx: 2, file: 'm.onnx', line: 1, text: 'overridden' },
    { insnIdx: 2, file: 'm.onnx', line: 2, text: 'softmax' },
  ],
  changes: 0,
  fork: false,
};

describe('rows of the listing', () => {
  const rows = new ListingRows(program);

  it('are functions, source lines and instructions, a wide load being one', () => {
    const shown = Array.from({ length: rows.length }, (_, row) => rows.at(row));
    expect(shown).toEqual([
      { kind: 'func', at: 0 },
      { kind: 'insn', insn: 0 },
      { kind: 'line', at: 1 },
      { kind: 'insn', insn: 2 },
      { kind: 'insn', insn: 3 },
      { kind: 'insn', insn: 4 },
      { kind: 'func', at: 1 },
      { kind: 'insn', insn: 5 },
    ]);
  });

  it('are found by instruction, second slots by their first', () => {
    expect([0, 1, 2, 5].map((at) => rows.rowOf(at))).toEqual([1, 1, 3, 7]);
    expect(rows.insnAt(6)).toBe(5);
    expect(rows.insnAt(rows.length)).toBe(-1);
  });
});

describe('instructions as text', () => {
  it('name maps and functions', () => {
    expect(insnText(program, 0)).toBe('r1 = map[m]');
    expect(insnText(program, 3)).toBe('call pc+1  ; f');
  });

  it('know where jumps and calls lead', () => {
    expect([0, 2, 3, 4].map((at) => targetOf(program, at))).toEqual([-1, 4, 5, -1]);
  });

  it('split into coloured tokens that together are the line', () => {
    const line = 'if r0 == 0x0 goto pc+1  ; *(u32 *)(r1 +4)';
    const tokens = highlight(line);
    expect(tokens.map(({ text }) => text).join('')).toBe(line);
    expect(tokens.filter(({ kind }) => kind !== 'plain').map(({ kind, text }) => [kind, text])).toEqual([
      ['op', 'if'],
      ['reg', 'r0'],
      ['num', '0x0'],
      ['op', 'goto'],
      ['num', '+1'],
      ['comment', '; *(u32 *)(r1 +4)'],
    ]);
  });
});

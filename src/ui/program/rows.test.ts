import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeInsns } from '../../bpf/insn.ts';
import { collectJumps } from '../../bpf/jumps.ts';
import { lineColumns, rowColumns, textAt } from '../../workbench/columns.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { insnText, targetOf } from './decode.ts';
import { highlight } from './highlight.ts';
import { funcOf, gapLength, ListingRows } from './rows.ts';

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
const code = encodeInsns(insns);
const lines = lineColumns([
  { insnIdx: 2, file: 'm.onnx', line: 1, text: 'overridden' },
  { insnIdx: 2, file: 'm.onnx', line: 2, text: 'softmax' },
]);
const program: ProgramView = {
  key: 'p',
  modelKey: '',
  name: 'main',
  section: 'xdp',
  license: 'GPL',
  siblings: [],
  progType: 6,
  code,
  subprogs: [
    { name: 'main', start: 0, linkage: 'global' },
    { name: 'f', start: 5, linkage: 'static' },
  ],
  maps: [{ name: 'm', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 }],
  origins: [],
  originStart: new Uint32Array(7),
  originIdx: new Uint16Array(0),
  nodes: [],
  lines,
  jumps: collectJumps(code),
  rows: rowColumns(code, [0, 5], lines.insn),
  changes: 0,
  fork: false,
  hunks: [],
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

  it('carry the source text', () => {
    expect(textAt(program.lines.text, 1)).toBe('softmax');
  });

  it('fold to the heads of functions', () => {
    const folded = new ListingRows(program, new Set([0]));
    expect(Array.from({ length: folded.length }, (_, row) => folded.at(row))).toEqual([
      { kind: 'func', at: 0 },
      { kind: 'func', at: 1 },
      { kind: 'insn', insn: 5 },
    ]);
    expect([0, 4, 5].map((insn) => folded.rowOf(insn))).toEqual([0, 0, 2]);
    expect([0, 1, 2].map((row) => folded.funcAt(row))).toEqual([0, 1, 1]);
  });
});

describe('rows of a program that a log shows', () => {
  const bytes = new Uint8Array(12 * 8);
  const own = lineColumns([{ insnIdx: 6, file: 'a.c', line: 3, text: 'x' }]);
  const partial = { ...program, code: bytes, lines: own, rows: rowColumns(bytes, [0], own.insn, Uint32Array.of(2, 3, 7)) };
  const rows = new ListingRows(partial);

  it('say where instructions are missing, and how many', () => {
    expect(Array.from({ length: rows.length }, (_, row) => rows.at(row))).toEqual([
      { kind: 'func', at: 0 },
      { kind: 'gap', insn: 0 },
      { kind: 'insn', insn: 2 },
      { kind: 'insn', insn: 3 },
      { kind: 'gap', insn: 4 },
      { kind: 'line', at: 0 },
      { kind: 'gap', insn: 6 },
      { kind: 'insn', insn: 7 },
      { kind: 'gap', insn: 8 },
    ]);
    expect([0, 4, 6, 8].map((insn) => gapLength(partial, insn))).toEqual([2, 2, 1, 4]);
    expect([0, 1, 5, 11].map((insn) => rows.rowOf(insn))).toEqual([1, 1, 4, 8]);
  });
});

/** A program with heads, lines and wide loads at many places. */
const shape = fc
  .record({
    slots: fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
    starts: fc.uniqueArray(fc.nat(50), { maxLength: 8 }),
    lineAt: fc.array(fc.nat(50), { maxLength: 12 }),
    folded: fc.array(fc.nat(8), { maxLength: 5 }),
  })
  .map(({ slots, starts, lineAt, folded }) => {
    const list = slots.flatMap((wide) => (wide ? [insn(0x18, 1, 0, 0, 0), insn(0, 0, 0, 0, 0)] : [insn(0xb7, 0, 0, 0, 0)]));
    const bytes = encodeInsns(list);
    const begins = [0, ...starts.filter((at) => at > 0 && at < list.length && list[at]!.opcode !== 0)].sort((a, b) => a - b);
    const infos = lineAt.filter((at) => at < list.length && list[at]!.opcode !== 0).sort((a, b) => a - b);
    const own = lineColumns(infos.map((insnIdx) => ({ insnIdx, file: 'f', line: insnIdx, column: 0, text: `line ${insnIdx}` })));
    const view: ProgramView = {
      ...program,
      code: bytes,
      subprogs: begins.map((start) => ({ name: `f${start}`, start, linkage: 'static' })),
      lines: own,
      rows: rowColumns(bytes, begins, own.insn),
    };
    return { view, begins, folded: new Set(folded.filter((at) => at < begins.length)) };
  });

describe('rows of any program', () => {
  it('hold every instruction exactly once, under its own function, unless folded away', () => {
    fc.assert(
      fc.property(shape, ({ view, begins, folded }) => {
        const list = new ListingRows(view, folded);
        const seen: number[] = [];
        let func = -1;
        for (let row = 0; row < list.length; row++) {
          const item = list.at(row);
          if (item.kind === 'func') {
            func = item.at;
            expect(list.headRow(func)).toBe(row);
          }
          expect(list.funcAt(row)).toBe(func);
          if (item.kind !== 'insn') continue;
          expect(list.rowOf(item.insn)).toBe(row);
          expect(funcOf(view, item.insn)).toBe(func);
          seen.push(item.insn);
        }
        const all = Array.from({ length: view.code.length / 8 }, (_, at) => at).filter((at) => view.code[at * 8] !== 0);
        expect(seen).toEqual(all.filter((at) => !folded.has(begins.filter((start) => start <= at).length - 1)));
      }),
      { seed: 1, numRuns: 200 },
    );
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

import { describe, expect, it } from 'vitest';
import { readLog } from '../../verifier/logfile/reader.ts';
import { foldedAt, lineOfVisit, nearestVisit, rowOfLine, visibleLines, visitOf } from './rows.ts';

const TEXT = `0: R1=ctx() R10=fp0
0: (b7) r0 = 0                        ; R0=0
1: (07) r0 += 1
mark_precise: frame0: last_idx 1 first_idx 0 subseq_idx -1
mark_precise: frame0: regs=r0 stack= before 0: (b7) r0 = 0
2: R0=1
2: (a5) if r0 < 0x3 goto pc-2         ; R0=1
mark_precise: frame0: last_idx 2 first_idx 0 subseq_idx -1
1: (07) r0 += 1
2: (a5) if r0 < 0x3 goto pc-2         ; R0=2
3: (95) exit
processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;
const { columns: log } = readLog(new TextEncoder().encode(TEXT) as Uint8Array<ArrayBuffer>);
const folded = { fold: true, opened: new Set<number>(), only: null };

describe('rows of a log', () => {
  it('fold runs of notes into their first line, but not one alone', () => {
    expect([...visibleLines(log, folded)]).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]);
    expect([3, 4, 7, 1].map((line) => foldedAt(log, line, folded))).toEqual([2, 0, 0, 0]);
    expect(visibleLines(log, { ...folded, opened: new Set([3]) }).length).toBe(12);
    expect(visibleLines(log, { ...folded, fold: false }).length).toBe(12);
    expect([...visibleLines(log, { ...folded, only: Uint32Array.of(4, 9) })]).toEqual([4, 9]);
  });

  it('stand for the lines that are folded into them', () => {
    const rows = visibleLines(log, folded);
    expect(rowOfLine(rows, 4)).toBe(3);
    expect(rowOfLine(rows, 5)).toBe(4);
    expect(rowOfLine(Uint32Array.of(4), 2)).toBe(-1);
  });
});

describe('visits', () => {
  it('are counted along the lines of an instruction', () => {
    expect(visitOf(log, 8)).toEqual({ insn: 1, at: 1, visits: 2 });
    expect(visitOf(log, 5)).toEqual({ insn: 2, at: 0, visits: 2 });
    expect(visitOf(log, 11)).toBeNull();
    expect([0, 1, 2].map((at) => lineOfVisit(log, 1, at))).toEqual([2, 8, -1]);
    expect(lineOfVisit(log, 77, 0)).toBe(-1);
  });

  it('nearest to a line is the last one up to it, else the first', () => {
    expect([0, 3, 8, 11].map((line) => nearestVisit(log, 1, line))).toEqual([2, 2, 8, 8]);
    expect(nearestVisit(log, 9, 0)).toBe(-1);
  });
});

import { describe, expect, it } from 'vitest';
import { randomOf } from '../../base/random.ts';
import type { Program } from '../../bpf/program.ts';
import { CASES, programOf } from '../explain/testing/cases.ts';
import { Query } from '../query/query.ts';
import { record } from '../query/recorder.ts';
import { PROGRAMS, program } from '../query/testing/programs.ts';
import { randomProgram } from '../testing/random-programs.ts';
import { verify } from '../verify.ts';
import { recordLog } from './log-recording.ts';
import { readLog } from './reader.ts';

const OPTIONS = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;

const EVERY: readonly (readonly [string, Program])[] = [
  ...PROGRAMS.map(([name, text]) => [name, program(text)] as const),
  ...CASES.map((test) => [test.name, programOf(test.text)] as const),
  ...Array.from({ length: 50 }, (_, seed) => [`random program ${seed}`, randomProgram(seed + 500)] as const),
];

const ofLog = (made: Program, logLevel: number) => {
  const { bytes, columns } = readLog(new TextEncoder().encode(verify(made, { ...OPTIONS, logLevel }).log) as Uint8Array<ArrayBuffer>);
  return { bytes, columns, recording: recordLog(bytes, columns) };
};

describe('the recording of a log of level 2', () => {
  it('is the exploration that our verifier recorded: steps, depths, where paths hang and how they end', () => {
    const wrong: string[] = [];
    let runs = 0;
    for (const [name, made] of EVERY) {
      const own = record(made, OPTIONS);
      const { recording: read } = ofLog(made, 2);
      if (own.steps > 3_000) continue;
      if (read.steps !== own.steps) {
        wrong.push(`${name}: ${read.steps} steps, ${own.steps}`);
        continue;
      }
      for (let step = 0; step < own.steps; step++) {
        if (read.insnAt(step) !== own.insnAt(step)) wrong.push(`${name} step ${step}: insn ${read.insnAt(step)}, ${own.insnAt(step)}`);
        if (read.depthAt(step) !== own.depthAt(step)) wrong.push(`${name} step ${step}: depth ${read.depthAt(step)}, ${own.depthAt(step)}`);
        if (read.isChecked(step) !== own.isChecked(step)) wrong.push(`${name} step ${step}: checked ${read.isChecked(step)}`);
        if (read.isBranch(own.insnAt(step)) !== own.isBranch(own.insnAt(step))) wrong.push(`${name} step ${step}: branch`);
      }
      if (read.runs !== own.runs) wrong.push(`${name}: ${read.runs} runs, ${own.runs}`);
      else
        for (let run = 0; run < own.runs; run++) {
          if (read.runFirst(run) !== own.runFirst(run)) wrong.push(`${name} run ${run}: first ${read.runFirst(run)}, ${own.runFirst(run)}`);
          runs++;
          if (read.runParent(run) !== own.runParent(run))
            wrong.push(`${name} run ${run}: parent ${read.runParent(run)}, ${own.runParent(run)}`);
          if (read.runEnd(run) !== own.runEnd(run)) wrong.push(`${name} run ${run}: end ${read.runEnd(run)}, ${own.runEnd(run)}`);
        }
    }
    expect(wrong.slice(0, 40)).toEqual([]);
    expect(runs).toBeGreaterThan(150);
  });

  it('has the states that our verifier had', () => {
    let rows = 0;
    const wrong: string[] = [];
    for (const [name, made] of EVERY) {
      const own = record(made, OPTIONS);
      const { recording: read } = ofLog(made, 2);
      if (own.steps > 800 || read.steps !== own.steps) continue;
      for (let step = 0; step < own.steps; step++) {
        const ours = new Map(own.told(step).rows.map((row) => [`${row.frame} ${row.name}`, row.text.replace(/^P/, '')]));
        const theirs = new Map(read.told(step).rows.map((row) => [`${row.frame} ${row.name}`, row.text.replace(/^P/, '')]));
        if (!own.isChecked(step)) continue;
        for (const [key, text] of ours) {
          if (!key.startsWith(`${own.depthAt(step) - 1} `)) continue;
          rows++;
          if (theirs.get(key) !== text && !text.includes('id='))
            wrong.push(`${name} step ${step} (${own.insnAt(step)}) ${key}: ${theirs.get(key)}, ${text}`);
        }
        for (const [key, text] of theirs) if (!ours.has(key)) wrong.push(`${name} step ${step} ${key}: ${text}, nothing`);
      }
    }
    // The kernel does not print what a check teaches other registers: the range of another packet pointer, a copy under the same id.
    expect(wrong.length, wrong.slice(0, 20).join('\n')).toBeLessThan(rows / 5000);
    expect(rows).toBeGreaterThan(20_000);
  });
});

describe('the recording of a log of level 1', () => {
  it('is the path that was refused', () => {
    let refused = 0;
    for (const [name, made] of EVERY) {
      const own = record(made, OPTIONS);
      if (own.accepted || own.steps > 3_000) continue;
      const { recording: read, columns } = ofLog(made, 1);
      if (read.steps === 0) continue;
      refused++;
      const last = own.steps - 1;
      const way = new Query(own).way(last);
      const theirs = new Query(read);
      // Verified functions that came before stand above the path.
      const length = read.steps - read.runFirst(read.runOf(theirs.way(read.steps - 1).stepAt(0)));
      const insns = Array.from({ length: Math.min(length, way.length) }, (_, i) => own.insnAt(way.stepAt(way.positionOf(last) - i)));
      const shown = Array.from(insns, (_, i) => read.insnAt(read.steps - 1 - i));
      expect([name, shown.slice(0, 50)]).toEqual([name, insns.slice(0, 50)]);
      expect([name, read.lineOf(read.steps - 1) < columns.lines]).toEqual([name, true]);
    }
    expect(refused).toBeGreaterThan(20);
  });
});

const text = (lines: string) => {
  const { bytes, columns } = readLog(new TextEncoder().encode(lines) as Uint8Array<ArrayBuffer>);
  return { columns, recording: recordLog(bytes, columns) };
};

describe('the recording of other logs', () => {
  it('takes whole states of 5.x from their own lines', () => {
    const { recording } = text(`0: R1=ctx(id=0,off=0,imm=0) R10=fp0
0: (b7) r2 = 5
1: R1=ctx(id=0,off=0,imm=0) R2_w=inv5 R10=fp0
1: (63) *(u32 *)(r10 -4) = r2
2: R1=ctx(id=0,off=0,imm=0) R2_w=inv5 R10=fp0 fp-8=mmmm????
2: (55) if r1 != 0x0 goto pc+1
R1=ctx(id=0,off=0,imm=0) R2_w=inv5 R10=fp0 fp-8=mmmm????
3: R1=ctx(id=0,off=0,imm=0) R2_w=inv5 R10=fp0 fp-8=mmmm????
3: (05) goto pc+1
5: R1=ctx(id=0,off=0,imm=0) R2_w=inv5 R10=fp0 fp-8=mmmm????
5: (95) exit
R0 !read_ok
processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`);
    expect([recording.steps, recording.runs, recording.runEnd(0)]).toEqual([5, 1, 'rejected']);
    expect(recording.told(4).rows.map(({ name, text: value }) => `${name}=${value}`)).toEqual([
      'r1=ctx(id=0,off=0,imm=0)',
      'r2=inv5',
      'r10=fp0',
      'fp-8=mmmm????',
    ]);
  });

  it('hangs a speculative path on its branch, and forgets what stood before lines that were left out', () => {
    const { recording } = text(`0: R1=ctx() R10=fp0
0: (61) r0 = *(u32 *)(r1 +0)          ; R0=scalar() R1=ctx()
1: (25) if r0 > 0x5 goto pc+1         ; R0=scalar(umax=5)
2: (b7) r0 = 0                        ; R0=0
3: (95) exit

from 1 to 3 (speculative execution): R0=scalar(umin=6) R1=ctx() R10=fp0
3: (95) exit
processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`);
    expect([recording.steps, recording.runs, recording.runParent(1)]).toEqual([5, 2, 1]);
    expect(recording.told(4).rows[0]).toMatchObject({ name: 'r0', text: 'scalar(umin=6)' });
    const cut = text(`0: R1=ctx() R10=fp0
0: (b7) r6 = 1                        ; R6=1
	... 120 lines omitted
9: (b7) r0 = 0                        ; R0=0
10: (95) exit
processed 131 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`);
    expect(cut.recording.runs).toBe(2);
    expect(cut.recording.told(2).rows.map(({ name }) => name)).toEqual(['r0']);
  });

  it('holds columns that fit together whatever the text is', () => {
    const dice = randomOf(7);
    const pieces = verify(program(PROGRAMS[0]![1]), { ...OPTIONS, logLevel: 2 }).log.split('\n');
    for (let round = 0; round < 200; round++) {
      const lines = Array.from({ length: 30 }, () => pieces[Math.floor(dice() * pieces.length)]!);
      const { recording } = text(lines.join('\n'));
      const query = new Query(recording);
      for (let step = 0; step < recording.steps; step++) expect(query.step(step)?.step).toBe(step);
      query.outline.slice(0, query.outline.count);
    }
  });
});

import { describe, expect, it } from 'vitest';
import type { Program } from '../../bpf/program.ts';
import { frameRows } from '../format.ts';
import { MASK_LO, SMAX_LO, SMIN_LO, VALUE_LO } from '../reg.ts';
import type { State } from '../state.ts';
import { randomProgram } from '../testing/random-programs.ts';
import { verify } from '../verify.ts';
import { toBigUnsigned } from '../w64.ts';
import { HOLDS } from './exploration.ts';
import { Paths } from './paths.ts';
import { Query } from './query.ts';
import { record } from './recorder.ts';
import type { Recording } from './recording.ts';
import { heldToLog } from './testing/held-to-log.ts';
import { PROGRAMS, program } from './testing/programs.ts';

const OPTIONS = { kernel: '6.18', privilege: 'root', logLevel: 0 } as const;

/** Holds the recording of a program to our own log of level 2, which is the kernel's. */
const judge = (made: Program): number => {
  const { log, processed } = verify(made, { ...OPTIONS, logLevel: 2 });
  const recording = record(made, OPTIONS);
  expect(recording.steps).toBe(processed);
  const { wrong, shown } = heldToLog(recording, log);
  expect(wrong).toEqual([]);
  return shown;
};

const every: readonly (readonly [string, Program])[] = [
  ...PROGRAMS.map(([name, text]) => [name, program(text)] as const),
  ...Array.from({ length: 60 }, (_, seed) => [`random ${seed}`, randomProgram(seed + 1000)] as const),
];

describe('a recording', () => {
  it.each(PROGRAMS)('shows the states of the log: %s', (_, text) => {
    expect(judge(program(text))).toBeGreaterThan(3);
  });

  it('shows the states of the log for random programs', () => {
    let shown = 0;
    for (let seed = 1; seed <= 100; seed++) shown += judge(randomProgram(seed));
    expect(shown).toBeGreaterThan(5000);
  });

  it('keeps states from a later step on, and no more than fit', () => {
    const [, made] = every.find(([name]) => name === 'nested loops')!;
    const whole = record(made, OPTIONS);
    const part = record(made, { ...OPTIONS, statesFrom: 100 });
    const little = record(made, { ...OPTIONS, stateBytes: 1 });
    expect([part.steps, part.statesFrom, part.statesTo]).toEqual([whole.steps, 100, whole.steps]);
    expect([little.steps, little.statesTo]).toEqual([whole.steps, 1]);
    for (const step of [100, 101, 150, whole.steps - 1]) expect(new Query(part).told(step)).toEqual(new Query(whole).told(step));
    expect(new Query(part).step(99)).toBeNull();
  });

  it('counts the branches that a limit left waiting', () => {
    const text =
      '.section xdp\nr6 = 0\nagain: call bpf_get_prandom_u32\nr6 += 1\nif r0 == 5 goto out\n*(u64 *)(r10 -8) = r6\nif r6 < 20000 goto again\nout: r0 = 0\nexit';
    const recording = record(program(text), OPTIONS);
    expect([recording.runs, recording.runEnd(0), recording.waiting]).toEqual([1, 'limit', 8193]);
  });

  it('ends where the caller stops it', () => {
    const long = program(`.section xdp\nr6 = 0\nagain: r6 += 1\nif r6 < 20000 goto again\nr0 = 0\nexit`);
    const recording = record(long, { ...OPTIONS, onProgress: () => true });
    expect([recording.stopped, recording.runEnd(recording.runs - 1)]).toEqual([true, 'stopped']);
    expect(recording.steps).toBeLessThan(40_000);
  });
});

describe('the tree of paths', () => {
  it('holds every processed instruction once, and every end', () => {
    for (const [name, made] of every) {
      const recording = record(made, OPTIONS);
      const paths = new Paths(recording);
      const total = paths.roots.reduce((sum, root) => sum + paths.size(root), 0);
      expect([name, total]).toEqual([name, verify(made, OPTIONS).processed]);
      const ends = paths.roots.reduce((sum, root) => sum + paths.ends(root), 0);
      expect([name, ends]).toEqual([name, recording.runs]);
    }
  });

  it('unfolds into rows that hold every step once', () => {
    for (const [name, made] of every) {
      const { outline, recording } = new Query(record(made, OPTIONS));
      const opened = new Set<string>();
      for (let more = true; more; ) {
        const row = outline.slice(0, outline.count).find(({ key, expanded }) => expanded === false && !opened.has(key));
        more = row !== undefined && opened.size < 500;
        if (row) {
          opened.add(row.key);
          outline.toggle(row.key);
        }
      }
      const seen = new Uint8Array(recording.steps);
      for (const row of outline.slice(0, outline.count)) {
        const isWhole = row.kind === 'straight' || (row.kind === 'path' && row.expanded === undefined);
        if (isWhole) for (let step = row.firstStep; step <= row.lastStep; step++) seen[step]!++;
      }
      if (opened.size < 500) expect([name, seen.indexOf(0), seen.findIndex((times) => times > 1)]).toEqual([name, -1, -1]);
    }
  });

  it('folds the rounds of a loop, and finds a step in them', () => {
    const { outline } = new Query(record(program(PROGRAMS.find(([name]) => name === 'nested loops')![1]), OPTIONS));
    const loop = outline.slice(0, outline.count).find(({ kind }) => kind === 'loop')!;
    expect([loop.firstInsn, loop.rounds]).toEqual([2, 7]);
    expect(outline.slice(0, outline.count).some(({ kind }) => kind === 'round')).toBe(false);
    const at = outline.reveal(90);
    const [row] = outline.slice(at, at + 1);
    expect(row!.firstStep <= 90 && 90 <= row!.lastStep).toBe(true);
    expect(row!.level).toBeGreaterThan(3);
  });
});

describe('why a path was pruned', () => {
  it('shows a kept state that covers the new one, by an account of its own', () => {
    let held = 0;
    let missed = 0;
    const more = Array.from({ length: 250 }, (_, seed) => [`random ${seed + 2000}`, randomProgram(seed + 2000)] as const);
    for (const [name, made] of [...every, ...more]) {
      const recording = record(made, OPTIONS);
      const query = new Query(recording);
      for (let step = 0; step < recording.steps; step++) {
        const why = query.why(step);
        if (!recording.isChecked(step) && recording.runEnd(recording.runOf(step)) === 'pruned')
          expect([name, step, why.at(-1)?.equal]).toEqual([name, step, true]);
        const comparisons = recording.comparisons(step);
        why.forEach(({ equal, rows, whole }, i) => {
          if (!equal) {
            missed++;
            // What stands in the way is named.
            expect([name, step, rows.some(({ covered }) => !covered) || whole !== null]).toEqual([name, step, true]);
            return;
          }
          held++;
          expect([name, step, rows.filter(({ covered }) => !covered), whole]).toEqual([name, step, [], null]);
          const kept = tellRows(recording, recording.comparedState(comparisons[i]!.index));
          const now = tellRows(recording, recording.stateBefore(step));
          for (const row of rows) {
            if (row.verdict !== 'within' && row.verdict !== 'same') continue;
            const outer = kept.get(`${row.frame} ${row.name}`);
            const inner = now.get(`${row.frame} ${row.name}`);
            if (!outer || !inner) continue;
            const isIn = outer.min <= inner.min && inner.max <= outer.max && ((outer.value ^ inner.value) & ~outer.mask) === 0n;
            expect([name, step, row.name, isIn]).toEqual([name, step, row.name, true]);
          }
        });
      }
    }
    expect(held).toBeGreaterThan(100);
    expect(missed).toBeGreaterThan(200);
  });

  it('tells what a loop that never ends repeats', () => {
    const query = new Query(record(program(PROGRAMS.find(([name]) => name === 'an endless loop')![1]), OPTIONS));
    const last = query.recording.steps - 1;
    expect(query.step(last)).toMatchObject({ insnIdx: 1, end: 'rejected', after: null });
    expect(query.why(last).at(-1)).toMatchObject({ exact: 'exact', equal: true });
  });
});

interface Bounds {
  readonly min: bigint;
  readonly max: bigint;
  readonly value: bigint;
  readonly mask: bigint;
}

/** Bounds and known bits of every register and spilled register, from its numbers. */
function tellRows(recording: Recording, state: State): Map<string, Bounds> {
  const all = (): boolean => true;
  const found = new Map<string, Bounds>();
  state.frames.forEach((frame, f) => {
    for (const { name, regs: r, base: b } of frameRows(recording.env.names, frame, all, all)) {
      if (!r) continue;
      const at = (low: number): bigint => toBigUnsigned(r[b + low]!, r[b + low + 1]!);
      found.set(`${f} ${name.toLowerCase()}`, {
        min: BigInt.asIntN(64, at(SMIN_LO)),
        max: BigInt.asIntN(64, at(SMAX_LO)),
        value: at(VALUE_LO),
        mask: at(MASK_LO),
      });
    }
  });
  return found;
}

describe('along a path', () => {
  it('a register has at each position the bounds of the state there', () => {
    let numbers = 0;
    for (const [name, made] of every) {
      const query = new Query(record(made, OPTIONS));
      const { recording } = query;
      for (const step of [0, recording.steps >> 1, recording.steps - 1]) {
        if (step < 0 || recording.steps === 0) continue;
        const way = query.way(step);
        for (const reg of [0, 1, 6]) {
          const series = query.series(step, { frame: 0, reg }, 0, way.length, 1e6);
          let point = 0;
          way.each((at, pos) => {
            while (point + 1 < series.pos.length && series.pos[point + 1]! <= pos) point++;
            if (pos % 7 !== 0) return;
            const row = query.told(at).rows.find((one) => one.frame === 0 && one.name === `r${reg}`);
            const isNumber = series.holds[point] === HOLDS.number;
            expect([name, pos, isNumber]).toEqual([name, pos, row !== undefined && /^P?(?:scalar|-?\d|0x)/.test(row.text)]);
            if (!isNumber) return;
            numbers++;
            expect([name, pos, series.min[point], series.max[point]]).toEqual([name, pos, Number(row!.smin), Number(row!.smax)]);
          });
        }
      }
    }
    expect(numbers).toBeGreaterThan(500);
  });

  it('fewer points than changes have the widest bounds', () => {
    const query = new Query(record(program(`.section xdp\nr6 = 0\nagain: r6 += 1\nif r6 < 1000 goto again\nr0 = 0\nexit`), OPTIONS));
    const series = query.series(0, { frame: 0, reg: 6 }, 0, 1e9, 10);
    expect(query.liveliest(0)).toEqual({ frame: 0, reg: 6 });
    expect([series.exact, series.pos.length, series.changes]).toEqual([false, 10, 1002]);
    expect([Math.min(...series.min), Math.max(...series.max)]).toEqual([0, 1000]);
  });

  it('rounds of a loop stand side by side with what differs', () => {
    const query = new Query(record(program(PROGRAMS.find(([name]) => name === 'nested loops')![1]), OPTIONS));
    const loops = query.loops(0);
    expect(loops.map(({ head, arrivals }) => [head, arrivals])).toEqual([
      [3, 63],
      [2, 7],
    ]);
    const rounds = query.rounds(0, loops[1]!);
    expect(Array.from(rounds, (step) => query.told(step).rows.find(({ name }) => name === 'r6')!.text)).toEqual([
      '0',
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
    ]);
    expect(query.roundTable(0, loops[1]!, 2, 3)).toMatchObject({
      names: [{ name: 'r6' }, { name: 'r7' }, { name: 'r8' }],
      from: 2,
      columns: [
        ['2', '72', '9'],
        ['3', '108', '9'],
        ['4', '144', '9'],
      ].map((row) => ({ cells: row.map((text) => ({ text })) })),
      compared: 7,
    });
  });

  it('each visit of an instruction is a step that checks it', () => {
    for (const [name, made] of every) {
      const query = new Query(record(made, OPTIONS));
      const { visits } = verify(made, OPTIONS);
      const ours = Array.from(visits, (_, insn) => query.visits(insn));
      expect([name, ours.map((steps) => steps.length)]).toEqual([name, [...visits]]);
      ours.forEach((steps, insn) => {
        for (const step of steps) if (query.recording.insnAt(step) !== insn) expect([name, step]).toBe(insn);
      });
    }
  });
});

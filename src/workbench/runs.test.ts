import { beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../base/errors.ts';
import { EMPTY_PROJECT, type ProjectDoc } from './document.ts';
import { keptRun } from './run-records.ts';
import { exportRuns, forgetRun, importRuns, noteRun, renameRun, setBaseline, useRuns } from './runs.ts';
import { emptyColumns, withBatch } from './score-columns.ts';

const ref = (each: string) => ({ hash: each.repeat(64), name: `${each}.onnx`, size: 7 });
const docOf = (quant: 'w8a16' | 'w8a8'): ProjectDoc => ({
  ...EMPTY_PROJECT,
  source: { kind: 'model', blob: ref('a') },
  binding: { hook: 'xdp', input: { kind: 'tensor' }, output: { kind: 'tensor' } },
  trace: ref('b'),
  options: { ...EMPTY_PROJECT.options, quant },
});
const batch = (start: number, rows: readonly (readonly [number, number])[]) => ({
  start,
  score: new Float64Array(rows.length).fill(Number.NaN),
  verdict: Uint8Array.from(rows, ([no, yes]) => (yes > no ? 1 : 0)),
  outputs: Float32Array.from(rows.flat()),
  outputWidth: 2,
  cut: 0,
});
const runOf = (quant: 'w8a16' | 'w8a8') => {
  const reference = withBatch(
    emptyColumns(3),
    batch(0, [
      [1, 0],
      [0, 1],
      [0.5, 0.25],
    ]),
  );
  const first = withBatch(
    emptyColumns(3),
    batch(0, [
      [1, 0],
      [0, 1],
    ]),
  );
  const replay = withBatch(first, batch(2, quant === 'w8a8' ? [[0.25, 0.5]] : [[0.5, 0.25]]));
  const trace = { kind: 'tensors' as const, file: 'b.npy', labels: Int8Array.of(0, 1, 0) };
  return keptRun({ doc: docOf(quant), trace, insns: 10, processed: 20, replay, reference, nsPerEvent: 5 });
};

beforeEach(() => useRuns.setState({ runs: [], baseline: '' }));

describe('runs', () => {
  it('hold the figures that the command line gives', () => {
    const { record } = runOf('w8a8');
    expect(record).toMatchObject({
      verdicts: { 'class 0': 1, 'class 1': 2 },
      comparison: { events: 3, agreed: 2, maxAbsError: 0.25 },
      detection: { class: 1, program: { hits: 1, alarms: 1, precision: 0.5, recall: 1 } },
    });
  });

  it('replace an earlier one of the same program and keep its name', () => {
    noteRun(runOf('w8a16'));
    renameRun(useRuns.getState().runs[0]!.key, '  the good one ');
    noteRun(runOf('w8a8'));
    noteRun({ ...runOf('w8a16'), record: { ...runOf('w8a16').record, nsPerEvent: 7 } });
    expect(useRuns.getState().runs.map(({ name, record }) => [name, record.settings.quant])).toEqual([
      ['the good one', 'w8a16'],
      [undefined, 'w8a8'],
    ]);
    renameRun(useRuns.getState().runs[0]!.key, '');
    expect(useRuns.getState().runs[0]!.name).toBeUndefined();
  });

  it('come back from a file, beside those that are there', () => {
    noteRun(runOf('w8a16'));
    noteRun(runOf('w8a8'));
    const [second, first] = useRuns.getState().runs;
    setBaseline(first!.key);
    const text = exportRuns();
    forgetRun(second!.key);
    expect(useRuns.getState()).toMatchObject({ baseline: first!.key, runs: { length: 1 } });
    expect(importRuns(text, 'runs.json')).toBe(2);
    expect(
      useRuns
        .getState()
        .runs.map(({ key }) => key)
        .sort(),
    ).toEqual([first!.key, second!.key].sort());
    expect(useRuns.getState().runs.find(({ key }) => key === second!.key)).toEqual(second);
  });

  it('of a file that is none are refused and leave the history alone', () => {
    noteRun(runOf('w8a16'));
    const before = useRuns.getState();
    const good = JSON.parse(exportRuns()) as { runs: [Record<string, unknown>] };
    const change = (part: object) => JSON.stringify({ ...good, runs: [{ ...good.runs[0], ...part }] });
    for (const text of [
      '{',
      'null',
      '{"format":"bpformer-runs","version":2,"runs":[]}',
      change({ record: null }),
      change({ name: 3 }),
      change({ doc: { ...(good.runs[0].doc as object), extra: 1 } }),
      change({ doc: { ...(good.runs[0].doc as object), trace: { hash: 'x', name: 'x', size: 1 } } }),
      JSON.stringify({ ...good, runs: Array.from({ length: 61 }, () => good.runs[0]) }),
    ])
      expect(() => importRuns(text, 'runs.json'), text.slice(0, 60)).toThrow(InputError);
    expect(useRuns.getState()).toBe(before);
  });
});

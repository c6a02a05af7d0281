import { describe, expect, test } from 'vitest';
import type { Binding } from '../hooks/binding.ts';
import { type AbSide, compareSides, differences } from './ab.ts';
import { abRecord, compareAll } from './ab-record.ts';
import { comparisonHtml } from './report.ts';
import type { RunRecord } from './run-record.ts';
import { ScoreSink, type Scores } from './scores.ts';
import { Turns } from './turns.ts';

const [DROP, PASS] = [1, 2];
const binding: Binding = {
  hook: 'xdp',
  input: { kind: 'payload', layer: 'l4_payload', length: 4, pad: 0 },
  output: { kind: 'threshold', class: 1, threshold: 0.5, above: 'DROP', below: 'PASS' },
};
const scores = (rows: readonly (readonly [verdict: number, score: number])[]): Scores => {
  const sink = new ScoreSink(0);
  for (const [verdict, score] of rows) sink.add(verdict, score, Number.isNaN(score) ? [] : [1 - score, score]);
  return sink.result();
};
const side = (own: Scores, reference: Scores | null): AbSide => ({ scores: own, reference, binding });

const reference = scores([
  [DROP, 0.9],
  [PASS, 0.1],
  [DROP, 0.6],
  [PASS, Number.NaN],
]);
const a = side(
  scores([
    [DROP, 0.9],
    [PASS, 0.125],
    [PASS, 0.375],
    [PASS, Number.NaN],
  ]),
  reference,
);
const b = side(
  scores([
    [DROP, 0.875],
    [DROP, 0.625],
    [DROP, 0.75],
    [PASS, Number.NaN],
  ]),
  reference,
);
const labels = Int8Array.of(1, 0, -1, 0);

describe('two sides', () => {
  const result = compareSides({ kind: 'packets', a, b, labels });

  test('differ where their verdicts do', () => {
    expect(result).toMatchObject({ events: 4, same: 2 });
    expect([...result.differing]).toEqual([1, 2]);
    expect(result.between).toEqual({
      rows: ['DROP', 'PASS'],
      columns: ['DROP', 'PASS'],
      counts: [
        [1, 0],
        [2, 1],
      ],
    });
    expect(result.apart).toEqual({ max: 0.5, mean: (0.025 + 0.5 + 0.375) / 3, events: 3 });
  });

  test('are judged by their reference and by the labels that are known', () => {
    expect(result.byReference).toMatchObject({ events: 4, both: 2, onlyA: 1, onlyB: 1, neither: 0, p: 1 });
    expect(result.byLabel).toMatchObject({ events: 3, both: 2, onlyA: 1, onlyB: 0, neither: 0, p: 1 });
    expect(result.a.byLabel).toEqual({
      rows: ['class 0', 'class 1'],
      columns: ['DROP', 'PASS'],
      counts: [
        [0, 2],
        [1, 0],
      ],
    });
    expect(result.a.errors!.max).toBeCloseTo(0.225);
  });

  test('list what each says', () => {
    expect(differences({ kind: 'packets', a, b, labels }, result.differing)).toEqual([
      {
        event: 1,
        a: { verdict: 'PASS', score: 0.125 },
        b: { verdict: 'DROP', score: 0.625 },
        reference: { verdict: 'PASS', score: 0.1 },
        label: 0,
      },
      {
        event: 2,
        a: { verdict: 'PASS', score: 0.375 },
        b: { verdict: 'DROP', score: 0.75 },
        reference: { verdict: 'DROP', score: 0.6 },
        label: null,
      },
    ]);
  });

  test('are compared only as far as both have come', () => {
    const short = { ...a, scores: { ...a.scores, done: 1 } };
    expect(compareSides({ kind: 'packets', a: short, b, labels })).toMatchObject({ events: 1, same: 1 });
  });

  test('of which neither has a reference are still held against labels', () => {
    const bare = compareSides({ kind: 'packets', a: { ...a, reference: null }, b: { ...b, reference: null }, labels });
    expect(bare.byReference).toBeNull();
    expect(bare.byLabel).toEqual(result.byLabel);
    expect(bare.a.errors).toBeNull();
  });

  test('make a page without scripts and with every name escaped', () => {
    const hostile = `</style><script>alert("1")</script>`;
    const run: RunRecord = {
      format: 'bpformer-run',
      version: 1,
      at: 0,
      model: hostile,
      trace: { name: hostile, events: 4 },
      settings: { kernel: '6.18', strategy: 'global', quant: hostile, calibration: hostile, specialise: false },
      binding: { ...binding, $schema: hostile },
      insns: 10,
      processed: 20,
      engine: hostile,
      nsPerEvent: 5,
      verdicts: {},
      comparison: null,
      maxScoreError: null,
      detection: null,
    };
    const times = { stretches: 3, a: 10, b: 20, ratio: 2 };
    const compared = compareAll({ kind: 'packets', a, b, labels });
    const record = abRecord({ kind: 'packets', sides: { a, b }, labels, ...compared, runs: { a: run, b: run }, times, most: 1 });
    expect(record).toMatchObject({ differs: 2, differing: [{ event: 1 }] });
    const html = comparisonHtml(record, {
      link: `https://x/"><script>#p=`,
      files: [{ name: hostile, size: 1, hash: hostile }],
      command: hostile,
    });
    expect(html).not.toMatch(/<script|<link|<img|src=|<\/style>.*<\/style>/s);
    expect(html).toContain('and 1 more');
    expect(comparisonHtml(record, { link: 'javascript:alert(1)' })).not.toContain('href=');
  });
});

describe('turns', () => {
  test('the middle one of the later stretches tells the time, and slow first ones do not', () => {
    const turns = new Turns(5, 2);
    turns.add(2, 100, 400);
    turns.add(10, 10, 20);
    turns.add(10, 12, 24);
    turns.add(10, 10, 20);
    expect(turns.result()).toEqual({ stretches: 4, a: 1.1e6, b: 2.2e6, ratio: 2 });
  });

  test('stretches grow until both take long enough, and sides begin by turns', () => {
    const turns = new Turns(5, 2);
    expect(turns.order).toEqual(['a', 'b']);
    turns.add(2, 1, 9);
    expect(turns.length).toBe(4);
    expect(turns.order).toEqual(['b', 'a']);
    turns.add(4, 30, 30);
    expect(turns.length).toBe(2);
    expect(new Turns(5, 2).result()).toBeNull();
  });
});

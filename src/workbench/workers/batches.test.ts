import { expect, it } from 'vitest';
import type { CallContext } from '../rpc.ts';
import { emptyColumns, withBatch } from '../score-columns.ts';
import type { ScoreBatch } from '../views.ts';
import { Batches } from './batches.ts';

/** Columns of one event, of a trace of so many, whose largest output is at `best` of `width`. */
function columnsOf(width: number, best: number, events: number) {
  let columns = emptyColumns(1);
  const emit = (batch: unknown) => {
    columns = withBatch(columns, batch as ScoreBatch);
  };
  const context = { cancelled: false, progress: () => {}, emit } as unknown as CallContext;
  const batches = new Batches(0, context, 0, events);
  const output = new Float32Array(width);
  output[best] = 1;
  batches.add(Number.NaN, null, output);
  batches.send();
  return columns;
}

it('outputs of few and many numbers come back as they were added, whatever is missing between and behind them', () => {
  let columns = emptyColumns(6000);
  const emit = (batch: unknown) => {
    columns = withBatch(columns, batch as ScoreBatch);
  };
  const batches = new Batches(0, { cancelled: false, progress: () => {}, emit } as unknown as CallContext, 0, 6000);
  const width = 7;
  const outputOf = (event: number) => (event % 5 === 0 || event > 5900 ? null : Array.from({ length: width }, (_, at) => event * 8 + at));
  for (let event = 0; event < 6000; event++) {
    batches.add(event, 1, outputOf(event));
    if (event === 100 || event === 5950) batches.send();
  }
  batches.send();
  expect([columns.done, columns.outputWidth]).toEqual([6000, width]);
  const none = new Array<number>(width).fill(Number.NaN);
  const wrong = Array.from({ length: 6000 }, (_, event) => event).filter((event) => {
    const own = outputOf(event) ?? none;
    return own.some((value, at) => !Object.is(columns.outputs[event * width + at], value));
  });
  expect(wrong).toEqual([]);
});

it('classes beyond 255 stay apart, and their outputs are kept where the trace leaves room', () => {
  for (const best of [254, 255, 256, 700, 999]) {
    const { verdict, outputWidth, outputs } = columnsOf(1000, best, 2000);
    expect([verdict[0], outputWidth, outputs[best]]).toEqual([best, 1000, 1]);
  }
  const long = columnsOf(1000, 700, 1_000_000);
  expect([long.verdict[0], long.outputWidth]).toEqual([700, 0]);
  expect(columnsOf(10, 7, 1_000_000).outputWidth).toBe(10);
});

import type { ScoreBatch, ScoreColumns } from './views.ts';

/** Columns for `total` events. They are not filled: of a million events that alone takes a frame, and nobody reads beyond `done`. */
export const emptyColumns = (total: number): ScoreColumns => ({
  total,
  done: 0,
  score: new Float64Array(total),
  verdict: new Uint16Array(total),
  outputs: new Float32Array(0),
  outputWidth: 0,
  cut: 0,
});

/** The columns with a batch more; they share their arrays with those before. */
export function withBatch(columns: ScoreColumns, batch: ScoreBatch): ScoreColumns {
  const { total, score, verdict } = columns;
  const { cut, engine } = batch;
  // A batch whose events the model did not see has none.
  const outputWidth = Math.max(columns.outputWidth, batch.outputWidth);
  const first = columns.outputs.length === 0 && outputWidth > 0;
  const outputs = first ? new Float32Array(total * outputWidth).fill(Number.NaN, 0, batch.start * outputWidth) : columns.outputs;
  score.set(batch.score, batch.start);
  verdict.set(batch.verdict, batch.start);
  if (batch.outputWidth > 0) outputs.set(batch.outputs, batch.start * outputWidth);
  else outputs.fill(Number.NaN, batch.start * outputWidth, (batch.start + batch.score.length) * outputWidth);
  const executed = batch.executed && (columns.executed ?? new Uint32Array(total));
  if (batch.executed) executed!.set(batch.executed, batch.start);
  const done = batch.start + batch.score.length;
  const shipped = columns.live !== undefined && done < total;
  return {
    total,
    done: shipped ? total : done,
    ...(shipped ? { live: done } : {}),
    score,
    verdict,
    outputs,
    outputWidth,
    cut,
    ...(engine ? { engine, busyMs: (columns.busyMs ?? 0) + (batch.busyMs ?? 0) } : {}),
    ...(executed ? { executed } : {}),
  };
}

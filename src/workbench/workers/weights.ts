import { Cancelled } from '../../base/progress.ts';
import type { Tensor } from '../../onnx/model.ts';
import type { ModelSpec } from '../clients.ts';
import type { WeightMapView, WeightRowView } from '../model-views.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { WeightStats } from '../views.ts';
import { modelOf } from './models.ts';
import { rest, SLICE_MS } from './rest.ts';

/** Entries between two looks at the clock. */
const STRIDE = 1 << 15;

/** Calls `visit` for stretches of `count` entries and listens between them. */
export async function inSlices(
  count: number,
  context: CallContext,
  stage: string,
  visit: (from: number, to: number) => void,
): Promise<void> {
  let since = performance.now();
  for (let from = 0; from < count; from += STRIDE) {
    visit(from, Math.min(count, from + STRIDE));
    if (performance.now() - since < SLICE_MS) continue;
    context.progress(stage, from, count);
    await rest();
    if (context.cancelled) throw new Cancelled();
    since = performance.now();
  }
}

async function initializerOf(spec: ModelSpec, name: string): Promise<Tensor> {
  const tensor = (await modelOf(spec.model, spec.dims)).initializers.get(name);
  if (!tensor) throw new Error(`the model has no initializer ${name}`);
  return tensor;
}

const BINS = 48;

/** What the weights called `names` look like. */
export async function weightStats(
  { model: spec, names }: { model: ModelSpec; names: readonly string[] },
  context: CallContext,
): Promise<WeightStats[]> {
  const stats: WeightStats[] = [];
  for (const name of names) {
    const tensor = await initializerOf(spec, name);
    if (tensor.dtype !== 'string' && tensor.data.length > 1) stats.push(await statsOf(name, tensor, context));
  }
  return stats;
}

async function statsOf(name: string, { dtype, dims, data }: Tensor, context: CallContext): Promise<WeightStats> {
  let [min, max, sum, squares, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  await inSlices(data.length, context, 'reading weights', (from, to) => {
    for (let at = from; at < to; at++) {
      const value = Number(data[at]);
      if (!Number.isFinite(value)) continue;
      if (value < min) min = value;
      if (value > max) max = value;
      sum += value;
      squares += value * value;
      count++;
    }
  });
  if (count === 0) [min, max] = [0, 0];
  const mean = sum / Math.max(1, count);
  const bins = new Array<number>(BINS).fill(0);
  const span = max - min || 1;
  await inSlices(data.length, context, 'counting weights', (from, to) => {
    for (let at = from; at < to; at++) {
      const value = Number(data[at]);
      if (Number.isFinite(value)) bins[Math.min(BINS - 1, Math.floor(((value - min) / span) * BINS))]!++;
    }
  });
  const std = Math.sqrt(Math.max(0, squares / Math.max(1, count) - mean * mean));
  return { name, dtype, dims, count: data.length, min, max, mean, std, bins };
}

/** Rows along the first axis, all others side by side; a vector is one row. */
function matrixOf({ dims, data }: Tensor): { rows: number; columns: number } {
  const rows = dims.length < 2 ? 1 : dims[0]!;
  return { rows, columns: rows === 0 ? 0 : Math.round(data.length / rows) };
}

/** An initializer as a map of at most so many cells; of large ones several entries share a cell, which shows the one of largest magnitude. */
export async function weightMap(
  { model: spec, name, mostRows, mostColumns }: { model: ModelSpec; name: string; mostRows: number; mostColumns: number },
  context: CallContext,
): Promise<Transferred<WeightMapView>> {
  const tensor = await initializerOf(spec, name);
  const { dims, data } = tensor;
  const { rows, columns } = matrixOf(tensor);
  const cellRows = Math.max(1, Math.ceil(rows / mostRows));
  const cellColumns = Math.max(1, Math.ceil(columns / mostColumns));
  const wide = Math.ceil(columns / cellColumns);
  const cells = new Float32Array(wide * Math.ceil(rows / cellRows));
  let largest = 0;
  let notFinite = 0;
  await inSlices(data.length, context, 'reading weights', (from, to) => {
    let row = Math.floor(from / columns);
    let column = from - row * columns;
    for (let at = from; at < to; at++) {
      const value = Number(data[at]);
      const magnitude = Math.abs(value);
      const cell = Math.floor(row / cellRows) * wide + Math.floor(column / cellColumns);
      if (!Number.isFinite(value)) {
        notFinite++;
        cells[cell] = Number.NaN;
      } else {
        if (magnitude > largest) largest = magnitude;
        // What is not a number stays visible among those that are.
        if (magnitude > Math.abs(cells[cell]!)) cells[cell] = value;
      }
      if (++column === columns) {
        column = 0;
        row++;
      }
    }
  });
  return new Transferred({ name, dims, rows, columns, cellRows, cellColumns, cells, largest, notFinite }, [cells.buffer]);
}

/** One row of an initializer, entry by entry. */
export async function weightRow({
  model: spec,
  name,
  row,
}: {
  model: ModelSpec;
  name: string;
  row: number;
}): Promise<Transferred<WeightRowView>> {
  const tensor = await initializerOf(spec, name);
  const { columns } = matrixOf(tensor);
  const values = Float64Array.from({ length: columns }, (_, column) => Number(tensor.data[row * columns + column]));
  return new Transferred({ row, values }, [values.buffer]);
}

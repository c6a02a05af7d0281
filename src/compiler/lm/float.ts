import { randomOf } from '../../base/random.ts';
import type { Calibration } from '../api.ts';
import { type Buf, type Const, isView, type View } from '../graph/hops.ts';
import { allOffsets, broadcastMap, denseMap, mapDims, product, sliceMap } from '../graph/view.ts';
import type { Attend, Decoder, HeadRow, PositionOp } from './decoder.ts';

type Values = Float64Array;
type Run = (position: number, token: number) => void;

/** Runs a decoder in double precision, one token after the other: what the integer program approximates. */
export class FloatDecoder {
  readonly decoder: Decoder;
  readonly #memory = new Map<Buf, Values>();
  readonly #runs: Run[] = [];
  readonly #logits: Int32Array;
  readonly #logitsView: View;
  #position = 0;

  constructor(decoder: Decoder) {
    this.decoder = decoder;
    this.#memory.set(decoder.tokens, new Float64Array(1));
    for (const item of decoder.items) {
      const out = item.kind === 'op' ? item.op.out : item.out;
      if (!this.#memory.has(out)) this.#memory.set(out, new Float64Array(product(out.dims)));
      this.#runs.push(item.kind === 'op' ? this.#prepare(item) : this.#attend(item));
    }
    this.#logitsView = decoder.logits;
    this.#logits = allOffsets(decoder.logits.map);
  }

  /** Forgets what was read. */
  reset(): void {
    this.#position = 0;
  }

  get position(): number {
    return this.#position;
  }

  /** Reads one token and gives the scores of the next. */
  step(token: number): Float64Array {
    this.#memory.get(this.decoder.tokens)![0] = token;
    for (const run of this.#runs) run(this.#position, token);
    this.#position++;
    const data = this.#memory.get(this.#logitsView.buf)!;
    return Float64Array.from(this.#logits, (o) => data[o] * this.#logitsView.gain);
  }

  /** Values of every buffer at the position that was read last. */
  values(): ReadonlyMap<Buf, Float64Array> {
    return this.#memory;
  }

  #reader(view: View): () => Values {
    const offs = allOffsets(view.map);
    const data = this.#memory.get(view.buf)!;
    const out = new Float64Array(offs.length);
    return () => {
      for (let i = 0; i < offs.length; i++) out[i] = data[offs[i]] * view.gain;
      return out;
    };
  }

  #prepare({ op, mulRows, addRows }: PositionOp): Run {
    const out = this.#memory.get(op.out)!;
    switch (op.kind) {
      case 'linear': {
        const read = this.#reader(op.a);
        const [n, k] = op.weights.dims;
        const { data } = op.weights;
        return () => {
          const a = read();
          for (let m = 0; m < a.length / k; m++)
            for (let i = 0; i < n; i++) {
              let sum = op.bias?.[i] ?? 0;
              for (let j = 0, w = i * k; j < k; j++, w++) sum += a[m * k + j] * data[w];
              out[m * n + i] = op.relu && sum < 0 ? 0 : sum;
            }
        };
      }
      case 'matmul': {
        const [a, b] = [this.#reader(op.a), this.#reader(op.b)];
        const da = mapDims(op.a.map);
        const n = mapDims(op.b.map)[da.length - 1];
        const [m, k] = da.slice(-2);
        return () => {
          const [x, y] = [a(), b()];
          for (let g = 0; g < out.length / (m * n); g++)
            for (let i = 0; i < m; i++)
              for (let j = 0; j < n; j++) {
                let sum = 0;
                for (let l = 0; l < k; l++) sum += x[(g * m + i) * k + l] * y[(g * k + l) * n + j];
                out[(g * m + i) * n + j] = sum;
              }
        };
      }
      case 'softmax': {
        const read = this.#reader(op.x);
        const n = mapDims(op.x.map).slice(-1)[0] ?? 1;
        return () => {
          const x = read();
          for (let row = 0; row < x.length; row += n) {
            const top = x.subarray(row, row + n).reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
            let sum = 0;
            for (let i = row; i < row + n; i++) sum += out[i] = Math.exp(x[i] - top);
            for (let i = row; i < row + n; i++) out[i] /= sum;
          }
        };
      }
      case 'norm': {
        const read = this.#reader(op.x);
        const d = op.gamma.length;
        return () => {
          const x = read();
          for (let row = 0; row < x.length; row += d) {
            let mean = 0;
            if (op.center) for (let i = 0; i < d; i++) mean += x[row + i] / d;
            let square = 0;
            for (let i = 0; i < d; i++) square += (x[row + i] - mean) ** 2 / d;
            const root = 1 / Math.sqrt(square + op.eps);
            for (let i = 0; i < d; i++) out[row + i] = (x[row + i] - mean) * root * op.gamma[i] + op.beta[i];
          }
        };
      }
      case 'unary': {
        const read = this.#reader(op.x);
        return () => {
          const x = read();
          for (let i = 0; i < out.length; i++) out[i] = op.fn(x[i]);
        };
      }
      case 'add':
      case 'mul':
      case 'div': {
        const [a, b] = [this.#reader(op.a), this.#reader(op.b)];
        return () => {
          const [x, y] = [a(), b()];
          for (let i = 0; i < out.length; i++) {
            const value = op.kind === 'add' ? x[i] + y[i] : op.kind === 'mul' ? x[i] * y[i] : x[i] / y[i];
            out[i] = op.kind === 'add' && op.relu && value < 0 ? 0 : value;
          }
        };
      }
      case 'affine': {
        const read = this.#reader(op.x);
        const mul = spread(op.mul, mulRows, op.out.dims);
        const add = spread(op.add, addRows, op.out.dims);
        return (position) => {
          const x = read();
          for (let i = 0; i < out.length; i++) out[i] = x[i] * mul(position, i, 1) + add(position, i, 0);
        };
      }
      case 'embed': {
        const [rows, width] = op.table.dims;
        const read = this.#reader(op.tokens);
        return () => {
          const tokens = read();
          for (let t = 0; t < tokens.length; t++) {
            const row = Math.min(rows - 1, tokens[t]);
            for (let i = 0; i < width; i++) out[t * width + i] = op.table.data[row * width + i];
          }
        };
      }
      case 'reduce': {
        const axes = op.axes;
        const kept = op.x.map.dims.filter((_, i) => !axes.includes(i));
        const columns = allOffsets({ off: op.x.map.off, dims: kept });
        const terms = allOffsets({ off: 0, dims: axes.map((axis) => op.x.map.dims[axis]) });
        const data = this.#memory.get(op.x.buf)!;
        return () => {
          for (const [i, column] of columns.entries()) {
            let total = op.mode === 'max' ? Number.NEGATIVE_INFINITY : op.mode === 'min' ? Number.POSITIVE_INFINITY : 0;
            for (const term of terms) {
              const x = data[column + term] * op.x.gain;
              total = op.mode === 'max' ? Math.max(total, x) : op.mode === 'min' ? Math.min(total, x) : total + x;
            }
            out[i] = op.mode === 'mean' ? total / terms.length : total;
          }
        };
      }
      case 'own':
        throw new Error('decoders have no such ops');
      case 'concat': {
        let start = 0;
        const parts = op.parts.map((part) => {
          const dims = isView(part) ? mapDims(part.map) : part.dims;
          const n = dims[op.axis] ?? 1;
          const piece = op.out.dims.length ? sliceMap(denseMap(op.out.dims), op.axis, start, n) : null;
          start += n;
          const offs = piece ? allOffsets(piece) : Int32Array.of(0);
          const read = isView(part) ? this.#reader(part) : () => part.data;
          return { offs, read };
        });
        return () => {
          for (const { offs, read } of parts) {
            const from = read();
            for (let i = 0; i < offs.length; i++) out[offs[i]] = from[i];
          }
        };
      }
    }
  }

  #attend(item: Attend): Run {
    const { kvHeads, groups, size } = item.heads;
    const { positions } = this.decoder;
    const keys = new Float64Array(kvHeads * positions * size);
    const values = new Float64Array(kvHeads * positions * size);
    const out = this.#memory.get(item.out)!;
    const vector = (row: HeadRow): ((head: number, d: number) => number) => {
      const data = this.#memory.get(row.buf)!;
      return (head, d) => data[row.off + head * row.headStride + d * row.elemStride] * row.gain;
    };
    const [q, k, v] = [vector(item.q), vector(item.k), vector(item.v)];
    const factor = item.scale / (item.q.gain * item.k.gain);
    const weights = new Float64Array(positions);
    return (position) => {
      for (let h = 0; h < kvHeads; h++)
        for (let d = 0; d < size; d++) {
          keys[(h * positions + position) * size + d] = k(h, d);
          values[(h * positions + position) * size + d] = v(h, d);
        }
      for (let h = 0; h < kvHeads * groups; h++) {
        const base = Math.floor(h / groups) * positions;
        let top = Number.NEGATIVE_INFINITY;
        for (let j = 0; j <= position; j++) {
          let sum = 0;
          for (let d = 0; d < size; d++) sum += q(h, d) * keys[(base + j) * size + d];
          weights[j] = sum * factor + (item.bias?.[h * positions + position - j] ?? 0);
          top = Math.max(top, weights[j]);
        }
        let total = 0;
        for (let j = 0; j <= position; j++) total += weights[j] = Math.exp(weights[j] - top);
        for (let d = 0; d < size; d++) {
          let sum = 0;
          for (let j = 0; j <= position; j++) sum += weights[j] * values[(base + j) * size + d];
          out[h * size + d] = sum / total;
        }
      }
    };
  }
}

function spread(t: Const | null, rows: Const | null, dims: readonly number[]): (position: number, i: number, none: number) => number {
  if (!t) return (_position, _i, none) => none;
  const offs = allOffsets(broadcastMap(denseMap(t.dims), dims));
  const width = product(t.dims);
  const data = rows?.data ?? t.data;
  const step = rows ? width : 0;
  return (position, i) => data[position * step + offs[i]];
}

const SEED = 7;

/** A token drawn with the model's own probabilities. */
function drawn(logits: Float64Array, random: number): number {
  const top = logits.reduce((a, b) => Math.max(a, b));
  const weights = logits.map((x) => Math.exp(x - top));
  let left = random * weights.reduce((a, b) => a + b, 0);
  const found = weights.findIndex((w) => {
    left -= w;
    return left < 0;
  });
  return Math.max(0, found);
}

/**
 * Ranges of all values over some texts, each of which the model goes on with by itself for `more` tokens drawn by its own probabilities: what it
 * will see when it generates.
 */
export async function calibrateDecoder(
  decoder: Decoder,
  texts: readonly (readonly number[])[],
  more: number,
  source: Calibration['source'],
  onToken: (done: number, total: number) => Promise<void> | void = () => {},
): Promise<Calibration> {
  const ranges: Record<string, { min: number; max: number }> = Object.create(null);
  const float = new FloatDecoder(decoder);
  const random = randomOf(SEED);
  const total = texts.reduce((sum, text) => sum + Math.min(decoder.positions, text.length + more), 0);
  let done = 0;
  for (const text of texts) {
    float.reset();
    let next = 0;
    for (let at = 0; at < Math.min(decoder.positions, text.length + more); at++) {
      const logits = float.step(text[at] ?? next);
      next = drawn(logits, random());
      for (const [buf, data] of float.values()) {
        if (buf === decoder.tokens) continue;
        const range = ranges[buf.name] ?? { min: 0, max: 0 };
        ranges[buf.name] = range;
        for (const x of data) {
          if (x < range.min) range.min = x;
          if (x > range.max) range.max = x;
        }
      }
      await onToken(++done, total);
    }
  }
  return { source, samples: texts.length, ranges };
}

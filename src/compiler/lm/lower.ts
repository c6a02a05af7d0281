import { InputError } from '../../base/errors.ts';
import type { Buf, HOp } from '../graph/hops.ts';
import { opViews } from '../graph/hops.ts';
import { place } from '../graph/lazy.ts';
import { mapDims, product } from '../graph/view.ts';
import type { FuncBuilder, Reg, Val } from '../ir/builder.ts';
import type { IrFunc } from '../ir/ir.ts';
import { outlineLoops } from '../ir/outline.ts';
import { dotPackBytes } from '../kernels/dot.ts';
import type { Layout } from '../kernels/frame.ts';
import { Places } from '../lower/places.ts';
import { linearCalls, matmulCall } from '../lower/products.ts';
import { rowCall } from '../lower/rows.ts';
import type { Origins } from '../origins.ts';
import type { Group } from '../plan/groups.ts';
import type { Scales } from '../plan/scales.ts';
import { type Access, type Step, stepsOf } from '../plan/steps.ts';
import { int64s, type WeightBytes } from '../plan/weights.ts';
import type { KernelCall, Operand } from '../stages.ts';
import {
  type AttendShape,
  attentionBytes,
  expParams,
  layerBytes,
  mixKernel,
  outParams,
  resultKernel,
  scoresKernel,
  storeKernel,
  weighKernel,
} from './attend-kernels.ts';
import { type Attend, type Decoder, type PositionOp, productsOf } from './decoder.ts';
import { INPUT, POSITION_BLOCK, paddedPositions } from './layout.ts';
import {
  blockBytes,
  blocksPerCall,
  formOf,
  type MatrixForm,
  type MatvecShape,
  matvecKernel,
  matvecName,
  packKernel,
  packMatrix,
  ROWS,
} from './matvec.ts';

/** A call of a kernel whose arguments may depend on the position. */
interface PositionCall {
  readonly call: KernelCall;
  /** Bytes by which each argument moves from one position to the next. */
  readonly byPosition: readonly number[];
  /** How often, with the bytes by which each argument moves from one time to the next. */
  readonly times: number;
  readonly byTime: readonly number[];
}

/** What one position takes, as something that writes the calls. */
export type Part =
  | { readonly item: 'calls'; readonly calls: readonly PositionCall[] }
  | { readonly item: 'attend'; readonly attend: LoweredAttend };

interface LoweredAttend {
  readonly shape: AttendShape;
  readonly store: KernelCall;
  readonly scores: KernelCall;
  readonly weigh: KernelCall;
  readonly mix: KernelCall;
  readonly result: KernelCall;
  /** Bytes of a position in the cache, and of a block of positions. */
  readonly positionBytes: number;
}

export interface LoweredDecoder {
  readonly parts: readonly Part[];
  /** The last part makes the scores. */
  readonly head: Part;
  readonly scratchBytes: number;
  readonly packBytes: number;
  readonly cacheBytes: number;
  readonly attentionBytes: number;
  readonly scoresBytes: number;
}

const align = (n: number): number => Math.ceil(n / 8) * 8;

/** Models of up to this many weights take int16 for them where int8 is asked for. */
const WIDE_WEIGHTS = 8_000_000;

/** How the matrices of a decoder are stored unless a precision says otherwise. */
export const isWide = (decoder: Decoder): boolean => productsOf(decoder) <= WIDE_WEIGHTS;

/** Kernel calls of a decoder at one position. */
export function lowerDecoder(decoder: Decoder, scales: Scales, weights: WeightBytes, scoreScale: number): LoweredDecoder {
  return new Lowering(decoder, scales, weights, scoreScale).run();
}

class Lowering {
  readonly #decoder: Decoder;
  readonly #scales: Scales;
  readonly #weights: WeightBytes;
  readonly #scoreScale: number;
  readonly #positions: number;
  readonly #wide: boolean;
  /** The vector that the packing area holds, and how. */
  #packed: string | null = null;
  #places!: Places;
  #scratchBytes = 0;
  #cacheBytes = 0;
  #cacheUsed = 0;
  #attentionBytes = 8;

  constructor(decoder: Decoder, scales: Scales, weights: WeightBytes, scoreScale: number) {
    this.#decoder = decoder;
    this.#scales = scales;
    this.#weights = weights;
    this.#scoreScale = scoreScale;
    this.#positions = paddedPositions(decoder.positions);
    this.#wide = isWide(decoder);
  }

  run(): LoweredDecoder {
    const { items, tokens, vocabulary } = this.#decoder;
    const packBytes = Math.max(64, ...items.map(packBytesOf));
    const { offsets, end } = placeRows(this.#decoder, packBytes, this.#scales);
    this.#scratchBytes = end;
    for (const item of items) if (item.kind === 'attend') this.#cacheBytes += 2 * layerBytes({ ...item.heads, positions: this.#positions });
    const io = { inputBytes: 0, outputBytes: 0, inputOff: new Map<Buf, number>([[tokens, INPUT.token]]), outputOff: [], outputFactor: [] };
    this.#places = new Places(this.#scales, this.#weights, io, offsets);
    const parts = items
      .slice(0, -1)
      .map(
        (item): Part =>
          item.kind === 'attend' ? { item: 'attend', attend: this.#attend(item) } : { item: 'calls', calls: this.#calls(item) },
      );
    const head: Part = { item: 'calls', calls: this.#head(items[items.length - 1]) };
    return {
      parts,
      head,
      scratchBytes: this.#scratchBytes,
      packBytes,
      cacheBytes: Math.max(8, this.#cacheBytes),
      attentionBytes: this.#attentionBytes,
      scoresBytes: 4 * Math.max(ROWS * Math.ceil(vocabulary / ROWS), 64 * Math.ceil(vocabulary / 64)),
    };
  }

  #calls(item: PositionOp): PositionCall[] {
    const { op } = item;
    const steps = stepsOf({ inputs: [], ops: [op], outputs: [], values: [] });
    return steps.flatMap((step) => this.#stepCalls(item, step));
  }

  #stepCalls({ op, mulRows, addRows }: PositionOp, whole: Step): PositionCall[] {
    if (op.kind === 'linear' && whole.outer.length === 0) {
      const made = this.#matvec(op, whole);
      if (made) return made;
    }
    this.#packed = null;
    if (op.kind === 'own') throw new Error('decoders have no such ops');
    const flat = ['affine', 'unary', 'add', 'mul', 'div', 'concat'].includes(op.kind);
    const step = flat ? flattened(whole) : whole;
    const group: Group = { steps: [step], outer: step.outer, lanes: step.lanes, internal: new Map() };
    const calls =
      op.kind === 'linear'
        ? linearCalls(this.#places, step, group, op, new Map())
        : op.kind === 'matmul'
          ? [matmulCall(this.#places, step, group, op)]
          : [rowCall(this.#places, step, group, op)];
    return calls.flatMap((call) => overRows(call, group)).map((call) => this.#withRows(call, op, mulRows, addRows));
  }

  /** Replaces constants of an affine op by a table with a row for each position. */
  #withRows(call: KernelCall, op: HOp, mulRows: PositionOp['mulRows'], addRows: PositionOp['addRows']): PositionCall {
    const byPosition = call.args.map(() => 0);
    const args = [...call.args];
    if (op.kind === 'affine') {
      const out = this.#scales.of(op.out);
      const m = (this.#scales.unit(op.x) / out.scale) * 2 ** 24;
      const put = (rows: PositionOp['mulRows'], at: number, unit: number): void => {
        if (!rows) return;
        const width = product(rows.dims.slice(1));
        const { off } = this.#places.constant(rows, [], unit);
        args[at] = { ...args[at], off };
        byPosition[at] = 4 * width;
      };
      put(mulRows, 2, m);
      put(addRows, op.mul ? 3 : 2, 2 ** 8 / out.scale);
    }
    return { call: { ...call, args }, byPosition, times: 1, byTime: [] };
  }

  /** A matrix times the one vector, in as many calls as the verifier's walk allows; null when the vector is scattered. */
  #matvec(op: HOp & { kind: 'linear' }, step: Step, scores = false): PositionCall[] | null {
    const read = step.reads[0];
    if (step.inner.length > 1 || read.inner.some((stride) => stride !== 1)) return null;
    const [n, k] = op.weights.dims;
    const blocks = Math.ceil(n / ROWS);
    const group: Group = { steps: [step], outer: [], lanes: 1, internal: new Map() };
    const a = this.#places.operand(read, group).operand;
    const out = this.#scales.of(op.out);
    const outScale = scores ? this.#scoreScale : out.scale;
    const { form, most, binary } = formOf(op.precision, this.#wide);
    const per = blocksPerCall(k, blocks, form);
    const shape: MatvecShape = {
      k,
      blocks: per,
      form,
      relu: op.relu,
      scores,
      outMax: out.max,
      outBytes: scores ? 4 * Math.max(ROWS * blocks, 64 * Math.ceil(n / 64)) : this.#scratchBytes,
    };
    const unit = this.#scales.unit(op.a);
    const bytes = packMatrix(op.weights, op.bias, { form, most, binary, unit, outScale, method: this.#scales.method });
    const to: Operand = scores ? { space: 'output', off: 0, strides: [] } : this.#places.operand(step.out as Access, group).operand;
    const pack: Operand = { space: 'scratch', off: 0, strides: [] };
    const rows: Operand = { space: 'weights', off: this.#weights.add(bytes), strides: [] };
    const args: Operand[] = [form === 'dot3' ? pack : a, to, rows, ...(form === 'dot3' ? [] : [pack])];
    const elem = scores ? 4 : 2;
    const product: PositionCall = {
      call: {
        key: JSON.stringify(['matvec', shape]),
        name: matvecName(shape),
        build: (name, l, o) => matvecKernel(name, shape, l, o),
        args,
        nodes: op.nodes,
      },
      byPosition: args.map(() => 0),
      times: blocks / per,
      byTime: [0, elem * ROWS * per, blockBytes(k, form) * per, 0],
    };
    return [...this.#packing(op, a, k, form), product];
  }

  /** Prepares a vector for the matrices behind, if the one before did not read the same. */
  #packing(op: HOp, a: Operand, k: number, form: MatrixForm): PositionCall[] {
    const key = JSON.stringify([form, op.kind === 'linear' && op.a.buf.id, a.off, k]);
    if (this.#packed === key) return [];
    this.#packed = key;
    return [
      {
        call: {
          key: JSON.stringify(['packed', form, k]),
          name: `pack_${form}_k${k}`,
          build: (name, l, o) => packKernel(name, k, form, l, o),
          args: [a, { space: 'scratch', off: 0, strides: [] }],
          nodes: op.nodes,
        },
        byPosition: [0, 0],
        times: 1,
        byTime: [0, 0],
      },
    ];
  }

  #head(item: PositionOp | Attend): PositionCall[] {
    const { logits, vocabulary } = this.#decoder;
    const rewrite = 'End the model with a Linear layer to the vocabulary';
    if (
      item.kind !== 'op' ||
      item.op.kind !== 'linear' ||
      item.op.out !== logits.buf ||
      product(item.op.out.dims) !== vocabulary ||
      !(logits.gain > 0)
    )
      throw new InputError(
        'the scores of the next token are not the result of a matrix',
        item.kind === 'op' ? place(item.op.nodes[0]) : '',
        rewrite,
      );
    const [step] = stepsOf({ inputs: [], ops: [item.op], outputs: [], values: [] });
    const made = step.outer.length === 0 ? this.#matvec(item.op, step, true) : null;
    if (!made) throw new InputError('the matrix before the scores reads a scattered vector', place(item.op.nodes[0]), rewrite);
    return made;
  }

  #attend(item: Attend): LoweredAttend {
    this.#packed = null;
    const { heads, q, k, v } = item;
    const scales = this.#scales;
    const unitOf = (row: Attend['q']): number => scales.of(row.buf).scale * row.gain;
    const unit = (item.scale / (q.gain * k.gain)) * Math.abs(unitOf(q) * unitOf(k));
    if (unitOf(q) * unitOf(k) * item.scale < 0)
      throw new InputError('an attention with a negative factor', place(item.nodes[0]), 'Scale queries by a positive number');
    const count = heads.kvHeads * heads.groups;
    const biasEntries = item.bias ? 2 ** Math.ceil(Math.log2(this.#positions)) : 0;
    const out = scales.of(item.out);
    const shape: AttendShape = {
      ...heads,
      positions: this.#positions,
      cacheBytes: this.#cacheBytes,
      outMax: out.max,
      q: { headStride: q.headStride, elemStride: q.elemStride },
      k: { headStride: k.headStride, elemStride: k.elemStride },
      v: { headStride: v.headStride, elemStride: v.elemStride },
      biasEntries,
    };
    if (heads.size > 256)
      throw new InputError(`attention with vectors of ${heads.size}`, place(item.nodes[0]), 'Heads have at most 256 elements');
    this.#attentionBytes = Math.max(this.#attentionBytes, attentionBytes(shape));
    const keys = this.#cacheUsed;
    const values = keys + layerBytes(shape);
    this.#cacheUsed = values + layerBytes(shape);
    const row = (r: Attend['q']): Operand => this.#places.operand({ buf: r.buf, off: r.off, outer: [], inner: [] }, NO_GROUP).operand;
    const at = (space: Operand['space'], off: number): Operand => ({ space, off, strides: [] });
    const param = (data: ArrayBufferView): Operand => this.#places.param(data);
    const made = (kind: string, build: KernelCall['build'], args: readonly Operand[]): KernelCall => ({
      key: JSON.stringify([kind, shape]),
      name: `${kind}_${count}x${heads.size}`,
      build,
      args,
      nodes: item.nodes,
    });
    const biases: Operand[] = [];
    if (item.bias) {
      const table = new BigInt64Array(count * biasEntries);
      for (let h = 0; h < count; h++)
        for (let d = 0; d < this.#decoder.positions; d++)
          table[h * biasEntries + d] = BigInt(
            Math.round(Math.max(-(2 ** 58), Math.min(2 ** 58, item.bias[h * this.#decoder.positions + d] / unit))),
          );
      biases.push(param(table));
    }
    const result = this.#places.operand({ buf: item.out, off: 0, outer: [], inner: [] }, NO_GROUP).operand;
    return {
      shape,
      store: made('keep', (name, l, o) => storeKernel(name, shape, l, o), [
        row(k),
        row(v),
        at('scratch', keys),
        at('scratch', values),
        at('scratch', 0),
      ]),
      scores: made('attend', (name, l, o) => scoresKernel(name, shape, l, o), [row(q), at('scratch', keys), at('scratch', 0), ...biases]),
      weigh: made('weigh', (name, l, o) => weighKernel(name, shape, l, o), [at('scratch', 0), param(expParams(unit))]),
      mix: made('mix', (name, l, o) => mixKernel(name, shape, l, o), [at('scratch', values), at('scratch', 0)]),
      result: made('attended', (name, l, o) => resultKernel(name, shape, l, o), [
        result,
        at('scratch', 0),
        param(int64s(...outParams(unitOf(v) / out.scale))),
      ]),
      positionBytes: 2 * heads.size,
    };
  }
}

const NO_GROUP: Group = { steps: [], outer: [], lanes: 1, internal: new Map() };

function packBytesOf(item: PositionOp | Attend): number {
  if (item.kind === 'attend') return 0;
  const { op } = item;
  if (op.kind === 'linear') return dotPackBytes(op.weights.dims[1], op.precision);
  if (op.kind === 'matmul') return 8 * (mapDims(op.a.map).slice(-1)[0] ?? 1);
  return op.kind === 'softmax' ? 2 * (mapDims(op.x.map).slice(-1)[0] ?? 1) : 0;
}

/** Every element of a step as one row. */
const flattened = (step: Step): Step => {
  const one = (access: Access): Access => ({ ...access, outer: [], inner: [...access.outer, ...access.inner] });
  return {
    ...step,
    outer: [],
    lanes: 1,
    inner: [...step.outer, ...step.inner],
    out: step.out && one(step.out),
    reads: step.reads.map(one),
  };
};

/** The calls of a kernel over rows, with places instead of strides. */
function overRows(call: KernelCall, group: Group): KernelCall[] {
  const { outer, lanes } = group;
  let places: number[][] = [[]];
  outer.forEach((n, level) => {
    const step = level === outer.length - 1 ? lanes : 1;
    const rows: number[] = [];
    for (let i = 0; i < n; i += step) rows.push(Math.min(i, n - step));
    places = places.flatMap((at) => rows.map((i) => [...at, i]));
  });
  return places.map((at) => ({
    ...call,
    args: call.args.map((arg) => ({ ...arg, off: arg.off + arg.strides.reduce((sum, stride, i) => sum + stride * at[i], 0), strides: [] })),
  }));
}

/** Places of the rows of one position in scratch: first fit over their lifetimes. */
function placeRows(decoder: Decoder, packBytes: number, scales: Scales): { offsets: Map<Buf, number>; end: number } {
  const lives = new Map<Buf, { from: number; to: number }>();
  const touch = (buf: Buf, at: number): void => {
    const life = lives.get(buf);
    if (life) life.to = at;
    else lives.set(buf, { from: at, to: at });
  };
  decoder.items.forEach((item, at) => {
    if (item.kind === 'attend') for (const { buf } of [item.q, item.k, item.v]) touch(buf, at);
    else for (const { buf } of opViews(item.op)) touch(buf, at);
    touch(item.kind === 'attend' ? item.out : item.op.out, at);
  });
  // The scores stand in a map of their own.
  lives.delete(decoder.logits.buf);
  lives.delete(decoder.tokens);
  const placed: { off: number; bytes: number; from: number; to: number }[] = [];
  const offsets = new Map<Buf, number>();
  for (const [buf, life] of lives) {
    const bytes = align(product(buf.dims) * scales.bytes(buf));
    let off = align(packBytes);
    for (const rival of placed.filter((p) => p.from <= life.to && life.from <= p.to).sort((x, y) => x.off - y.off)) {
      if (off + bytes <= rival.off) break;
      off = Math.max(off, rival.off + rival.bytes);
    }
    placed.push({ off, bytes, ...life });
    offsets.set(buf, off);
  }
  return { offsets, end: Math.max(align(packBytes), ...placed.map((p) => p.off + p.bytes)) };
}

/** Kernel functions of a lowered decoder, each once, and a writer of the calls of one position. */
export function emitDecoder(
  lowered: LoweredDecoder,
  layout: Layout,
  origins: Origins,
): { funcs: IrFunc[]; writeCalls: (b: FuncBuilder, part: Part, position: Reg, live: Reg) => void } {
  const kernels = new Map<string, { name: string; call: KernelCall; nodes: KernelCall['nodes'][number][] }>();
  const taken = new Map<string, number>();
  const callsOf = (part: Part): KernelCall[] =>
    part.item === 'calls'
      ? part.calls.map(({ call }) => call)
      : [part.attend.store, part.attend.scores, part.attend.weigh, part.attend.mix, part.attend.result];
  for (const call of [...lowered.parts, lowered.head].flatMap(callsOf)) {
    const known = kernels.get(call.key);
    if (known) {
      known.nodes.push(...call.nodes);
      continue;
    }
    const count = taken.get(call.name) ?? 0;
    taken.set(call.name, count + 1);
    kernels.set(call.key, { name: count ? `${call.name}_${count}` : call.name, call, nodes: [...call.nodes] });
  }
  const funcs = [...kernels.values()].flatMap(({ name, call, nodes }) =>
    outlineLoops(call.build(name, layout, origins.set([...new Set(nodes)]), [])),
  );
  const nameOf = (call: KernelCall): string => kernels.get(call.key)!.name;
  const moved = (b: FuncBuilder, arg: Operand, value: Reg, step: number, live: Reg): Val => {
    const base = placeOf(b, arg, live);
    if (step === 0) return base;
    const at = b.mul(value, step);
    b.aluTo(at, 'add', at, base);
    return at;
  };
  const writeCalls = (b: FuncBuilder, part: Part, position: Reg, live: Reg): void => {
    if (part.item === 'attend') {
      writeAttend(b, part.attend, position, live, nameOf, origins);
      return;
    }
    for (const { call, byPosition, times, byTime } of part.calls) {
      b.setOrigin(origins.set(call.nodes));
      if (times === 1)
        b.call(
          nameOf(call),
          call.args.map((arg, i) => moved(b, arg, position, byPosition[i] ?? 0, live)),
        );
      else {
        // Places move on by an addition: the verifier walks every round of a large matrix.
        const bases = call.args.map((arg) => placeOf(b, arg, live));
        const moving = bases.flatMap((base, i) => (byTime[i] ? [{ i, stride: [b.copy(base), byTime[i]] as const }] : []));
        b.strided(
          times,
          moving.map(({ stride }) => stride),
          (at) =>
            void b.call(
              nameOf(call),
              bases.map((base, i) => at[moving.findIndex((one) => one.i === i)] ?? base),
            ),
        );
      }
    }
  };
  return { funcs, writeCalls };
}

/** An operand's offset in its map; those in the weights count from the live block. */
const placeOf = (b: FuncBuilder, { space, off }: Operand, live: Reg): Val => (space === 'weights' ? b.add(live, off) : off);

function writeAttend(
  b: FuncBuilder,
  attend: LoweredAttend,
  position: Reg,
  live: Reg,
  nameOf: (call: KernelCall) => string,
  origins: Origins,
): void {
  const { shape, store, scores, weigh, mix, result, positionBytes } = attend;
  b.setOrigin(origins.set(store.nodes));
  const [k, v, keys, values, memory] = store.args.map((arg) => arg.off) as [number, number, number, number, number];
  const row = b.mul(position, positionBytes);
  b.call(nameOf(store), [k, v, b.add(row, keys), b.add(row, values), memory]);
  const blocks = shape.positions / POSITION_BLOCK;
  const each = (body: (block: Reg, first: Reg) => void): void => {
    const [done] = [b.newBlock()];
    b.loop(0, blocks, 1, (block) => {
      const first = b.mul(block, POSITION_BLOCK);
      const go = b.newBlock();
      b.branch('ugt', first, position, done, go);
      b.startBlock(go);
      body(block, first);
    });
    b.jump(done);
    b.startBlock(done);
  };
  const blockBytes = positionBytes * POSITION_BLOCK;
  each((block, first) => {
    const [q, from, , ...biases] = scores.args.map((arg) => placeOf(b, arg, live));
    b.call(nameOf(scores), [q, b.add(b.mul(block, blockBytes), from), b.mul(first, 8), ...biases, b.sub(position, first)]);
  });
  each((block, first) => {
    const at = b.mul(first, 8);
    b.call(nameOf(weigh), [at, placeOf(b, weigh.args[1]!, live)]);
    b.call(nameOf(mix), [b.add(b.mul(block, blockBytes), mix.args[0]!.off), at]);
  });
  b.call(
    nameOf(result),
    result.args.map((arg) => placeOf(b, arg, live)),
  );
}

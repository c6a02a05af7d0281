import { InputError } from '../base/errors.ts';
import type { Buf, Const, HGraph, HOp } from './graph/hops.ts';
import { isView } from './graph/hops.ts';
import { place } from './graph/lazy.ts';
import { allOffsets, broadcastMap, denseMap, denseStrides, mapDims, product } from './graph/view.ts';
import { blockBytes, type DotShape, dotKernel, dotName } from './kernels/dot.ts';
import { type Layout, type Level, PAGE_BYTES, type Space } from './kernels/frame.ts';
import { normKernel, normParams, rsqrtTable } from './kernels/norm.ts';
import { type ReduceShape, reduceKernel } from './kernels/reduce.ts';
import {
  addKernel,
  affineKernel,
  CONST_SHIFT,
  copyKernel,
  divKernel,
  embedKernel,
  emitKernel,
  fillKernel,
  mulKernel,
  ROW_SHIFT,
  type RowShape,
  rowName,
  TABLE_BITS,
  tableKernel,
} from './kernels/rows.ts';
import { expParams, expTable, softmaxKernel } from './kernels/softmax.ts';
import { placeBuffers } from './memory.ts';
import type { Origins } from './origins.ts';
import { chunkSizes } from './plan/chunks.ts';
import { type Group, groupSteps } from './plan/groups.ts';
import type { Scales } from './plan/scales.ts';
import { type Access, type Step, stepsOf } from './plan/steps.ts';
import { HALF, int64s, packLinear, toInt16, WeightBytes } from './plan/weights.ts';
import { emitFuncs, type KernelCall, type Operand, type Stages } from './stages.ts';

export interface Lowered extends Stages {
  readonly weights: WeightBytes;
  readonly layout: Layout;
}

/** Integer kernels, loops over rows and the bytes of the weights map for a planned graph. */
export function lower(graph: HGraph, scales: Scales, io: IoLayout, origins: Origins): Lowered {
  const weights = new WeightBytes();
  const expOff = weights.add(expTable());
  const rsqrtOff = weights.add(rsqrtTable());
  const groups = groupSteps(stepsOf(graph));
  const packBytes = Math.max(64, ...groups.flatMap((g) => g.steps.map(packBytesOf)));
  if (packBytes > PAGE_BYTES) {
    const longest = graph.ops.find((op) => op.kind === 'linear' && 8 * op.weights.dims[1] === packBytes);
    throw new InputError(
      `a sum over ${packBytes / 8} terms is too long; ${PAGE_BYTES / 8} fit`,
      longest ? place(longest.nodes[0]) : '',
      'Pool before the matrix',
    );
  }
  const placement = placeBuffers(graph, groups, packBytes, (buf) => scales.bytes(buf));
  const lowering = new Lowering(scales, io, placement.offsets, weights, chunkSizes(graph));
  const planned = groups.map((group) => ({ group, calls: group.steps.flatMap((step) => lowering.calls(step, group)) }));
  const layout: Layout = {
    bytes: { scratch: placement.pageBytes, input: io.inputBytes, output: io.outputBytes, weights: weights.bytes().length },
    pages: placement.pages,
    packBytes,
    expOff,
    rsqrtOff,
  };
  return { ...emitFuncs(planned, layout, origins), weights, layout };
}

/** Sizes and places of the input and output maps. */
export interface IoLayout {
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly inputOff: ReadonlyMap<Buf, number>;
  readonly outputOff: readonly number[];
}

function packBytesOf(step: Step): number {
  if (step.op?.kind === 'linear') return 8 * step.op.weights.dims[1];
  if (step.op?.kind === 'matmul') return 8 * product(step.inner);
  return step.op?.kind === 'softmax' ? 2 * product(step.inner) : 0;
}

const levelsOf = (sizes: readonly number[], operands: readonly (readonly number[])[]): Level[] =>
  sizes.map((n, i) => ({ n, strides: operands.map((strides) => strides[i]) }));

class Lowering {
  readonly #scales: Scales;
  readonly #io: IoLayout;
  readonly #places: ReadonlyMap<Buf, number>;
  readonly #weights: WeightBytes;
  readonly #chunks: ReadonlyMap<HOp, number>;

  constructor(scales: Scales, io: IoLayout, places: ReadonlyMap<Buf, number>, weights: WeightBytes, chunks: ReadonlyMap<HOp, number>) {
    this.#scales = scales;
    this.#io = io;
    this.#places = places;
    this.#weights = weights;
    this.#chunks = chunks;
  }

  /** Where an access lies, in bytes, and how far apart its two lanes are. */
  #operand(access: Access, group: Group): { operand: Operand; lane: number } {
    const { buf } = access;
    const elem = this.#scales.bytes(buf);
    const row = group.internal.get(buf);
    if (row !== undefined) {
      const off = (this.#places.get(buf) as number) + access.off * elem;
      return { operand: { space: 'scratch', off, strides: access.outer.map(() => 0) }, lane: row * elem };
    }
    const space: Space = buf.kind === 'act' ? 'scratch' : 'input';
    const base = buf.kind === 'act' ? this.#places.get(buf) : this.#io.inputOff.get(buf);
    if (base === undefined) throw new Error(`${buf.name} has no place`);
    return {
      operand: { space, off: base + access.off * elem, strides: access.outer.map((s) => s * elem) },
      lane: (access.outer[access.outer.length - 1] ?? 0) * elem,
    };
  }

  #param(data: ArrayBufferView): Operand {
    return { space: 'weights', off: this.#weights.add(data), strides: [] };
  }

  calls(step: Step, group: Group): KernelCall[] {
    const { op } = step;
    if (op?.kind === 'linear') return this.#linear(step, group, op);
    return [this.#call(step, group)];
  }

  #call(step: Step, group: Group): KernelCall {
    const { op } = step;
    if (!op) return this.#emitOutput(step, group);
    switch (op.kind) {
      case 'linear':
        throw new Error('a linear op may be several calls');
      case 'matmul':
        return this.#matmul(step, group, op);
      case 'embed':
        return this.#embed(step, group, op);
      case 'reduce':
        return this.#reduce(step, group, op);
      case 'concat':
        return this.#copy(step, group, op);
      case 'affine':
        return this.#affine(step, group, op);
      default:
        return this.#rows(step, group, op);
    }
  }

  /** Operands of a kernel over rows: the output first. */
  #shape(step: Step, group: Group): { shape: RowShape; args: Operand[] } {
    const accesses = [step.out as Access, ...step.reads];
    const operands = accesses.map((a) => this.#operand(a, group));
    return {
      shape: {
        lanes: step.lanes,
        levels: levelsOf(
          step.inner,
          accesses.map((a) => a.inner.map((s) => s * this.#scales.bytes(a.buf))),
        ),
        laneStrides: operands.map((o) => o.lane),
        spaces: operands.map((o) => o.operand.space),
        outMax: this.#scales.of((step.out as Access).buf).max,
      },
      args: operands.map((o) => o.operand),
    };
  }

  #rows(step: Step, group: Group, op: HOp & { kind: 'softmax' | 'norm' | 'unary' | 'add' | 'mul' | 'div' }): KernelCall {
    const { shape, args } = this.#shape(step, group);
    const out = this.#scales.of(op.out);
    const made = (kind: string, param: ArrayBufferView, build: KernelCall['build'], extra: unknown = null): KernelCall => ({
      key: JSON.stringify([kind, shape, extra]),
      name: rowName(kind, shape),
      build,
      args: [...args, this.#param(param)],
      nodes: op.nodes,
    });
    switch (op.kind) {
      case 'softmax': {
        const unit = this.#scales.unit(op.x);
        if (unit < 0)
          throw new InputError(
            'softmax of a value that is stored with the opposite sign',
            place(op.nodes[0]),
            'Negate before the product instead of after it',
          );
        return made(
          'softmax',
          expParams(unit),
          (n, l, o) => softmaxKernel(n, shape, this.#scales.bytes(op.x.buf), l, o),
          this.#scales.bytes(op.x.buf),
        );
      }
      case 'norm': {
        const d = op.gamma.length;
        const params = normParams(op.gamma, op.beta, op.eps, this.#scales.unit(op.x), out.scale);
        return made(op.center ? 'norm' : 'rmsnorm', params, (n, l, o) => normKernel(n, { ...shape, d, center: op.center }, l, o));
      }
      case 'unary': {
        const unit = this.#scales.unit(op.x);
        const step16 = 1 << (16 - TABLE_BITS);
        const table = new Int16Array((1 << TABLE_BITS) + 1);
        for (let i = 0; i < table.length; i++) {
          const y = op.fn((i * step16 - 32768) * unit) / out.scale;
          table[i] = Number.isNaN(y) ? 0 : Math.max(-out.max, Math.min(out.max, Math.round(y)));
        }
        return made('table', table, (n, l, o) => tableKernel(n, shape, l, o));
      }
      case 'add': {
        const m = [op.a, op.b].map((v) => (this.#scales.unit(v) / out.scale) * 2 ** ROW_SHIFT);
        return made('add', int64s(...m), (n, l, o) => addKernel(n, shape, op.relu, l, o), op.relu);
      }
      case 'mul': {
        const m = ((this.#scales.unit(op.a) * this.#scales.unit(op.b)) / out.scale) * 2 ** 32;
        return made('mul', int64s(m, HALF), (n, l, o) => mulKernel(n, shape, l, o));
      }
      case 'div': {
        const m = (this.#scales.unit(op.a) / (this.#scales.unit(op.b) * out.scale)) * 2 ** ROW_SHIFT;
        return made('div', int64s(Math.min(m, 2 ** 47)), (n, l, o) => divKernel(n, shape, l, o));
      }
    }
  }

  #affine(step: Step, group: Group, op: HOp & { kind: 'affine' }): KernelCall {
    const { shape, args } = this.#shape(step, group);
    const out = this.#scales.of(op.out);
    const m = (this.#scales.unit(op.x) / out.scale) * 2 ** ROW_SHIFT;
    const operands = [...args];
    const spaces = [...shape.spaces];
    const laneStrides = [...shape.laneStrides];
    const levels = shape.levels.map((l) => ({ n: l.n, strides: [...l.strides] }));
    for (const [t, unit] of [
      [op.mul, m],
      [op.add, 2 ** CONST_SHIFT / out.scale],
    ] as const) {
      if (!t) continue;
      const placed = this.#constant(t, op.out.dims, unit);
      const strides = constStrides(placed.dims, op.out.dims, step);
      operands.push({ space: 'weights', off: placed.off, strides: strides.outer.map((s) => s * 4) });
      spaces.push('weights');
      laneStrides.push((strides.outer[strides.outer.length - 1] ?? 0) * 4);
      for (const [i, level] of levels.entries()) level.strides.push(strides.inner[i] * 4);
    }
    const whole: RowShape = { ...shape, spaces, laneStrides, levels };
    const has = { mul: op.mul !== null, add: op.add !== null };
    return {
      key: JSON.stringify(['affine', whole, has]),
      name: rowName('affine', whole),
      build: (n, l, o) => affineKernel(n, whole, has, l, o),
      args: [...operands, this.#param(int64s(m))],
      nodes: op.nodes,
    };
  }

  /** A constant in 32-bit integers of `1/unit`, without leading broadcast dimensions. */
  #constant(t: Const, dims: readonly number[], unit: number): { off: number; dims: readonly number[] } {
    const data = Int32Array.from(t.data, (v) => Math.max(-(2 ** 30), Math.min(2 ** 30, Math.round(v * unit))));
    return { off: this.#weights.add(data), dims: t.dims.length > dims.length ? t.dims.slice(-dims.length) : t.dims };
  }

  #embed(step: Step, group: Group, op: HOp & { kind: 'embed' }): KernelCall {
    const { shape, args } = this.#shape({ ...step, inner: [], reads: step.reads }, group);
    const [rows, width] = op.table.dims;
    const out = this.#scales.of(op.out);
    const whole = { ...shape, levels: [], rows, width };
    return {
      key: JSON.stringify(['embed', whole]),
      name: `embed_${rows}x${width}`,
      build: (n, l, o) => embedKernel(n, whole, l, o),
      args: [...args, this.#param(toInt16(op.table.data, out.scale, out.max))],
      nodes: op.nodes,
    };
  }

  #copy(step: Step, group: Group, op: HOp & { kind: 'concat' }): KernelCall {
    const part = op.parts[step.part];
    const out = this.#scales.of(op.out);
    if (isView(part)) {
      const { shape, args } = this.#shape(step, group);
      const m = (this.#scales.unit(part) / out.scale) * 2 ** ROW_SHIFT;
      return {
        key: JSON.stringify(['copy', shape]),
        name: rowName('copy', shape),
        build: (n, l, o) => copyKernel(n, shape, l, o),
        args: [...args, this.#param(int64s(m))],
        nodes: op.nodes,
      };
    }
    const write = this.#operand(step.out as Access, group);
    const strides = constStrides(part.dims, part.dims, step);
    const shape: RowShape = {
      lanes: step.lanes,
      levels: step.inner.map((n, i) => ({ n, strides: [(step.out as Access).inner[i] * 2, strides.inner[i] * 2] })),
      laneStrides: [write.lane, (strides.outer[strides.outer.length - 1] ?? 0) * 2],
      spaces: ['scratch', 'weights'],
      outMax: out.max,
    };
    const data = toInt16(part.data, out.scale, out.max);
    return {
      key: JSON.stringify(['fill', shape]),
      name: rowName('fill', shape),
      build: (n, l, o) => fillKernel(n, shape, l, o),
      args: [write.operand, { space: 'weights', off: this.#weights.add(data), strides: strides.outer.map((s) => s * 2) }],
      nodes: op.nodes,
    };
  }

  #reduce(step: Step, group: Group, op: HOp & { kind: 'reduce' }): KernelCall {
    const { shape, args } = this.#shape(step, group);
    const out = this.#scales.of(op.out);
    const unit = this.#scales.unit(op.x);
    const factors = op.axes.flatMap((axis) => [...op.x.map.dims[axis]]);
    const count = factors.reduce((n, f) => n * f.n, 1);
    const flip = unit < 0 && op.mode !== 'mean' && op.mode !== 'sum';
    const mode = op.mode === 'mean' ? 'sum' : flip ? (op.mode === 'max' ? 'min' : 'max') : op.mode;
    const reduced: ReduceShape = {
      mode,
      columns: shape.levels,
      terms: factors.map((f) => ({ n: f.n, strides: [f.stride * 2] })),
      space: args[1].space,
      outMax: out.max,
    };
    const m = (unit / out.scale / (op.mode === 'mean' ? count : 1)) * 2 ** ROW_SHIFT;
    return {
      key: JSON.stringify(['reduce', reduced]),
      name: `${mode}_${step.inner.join('x') || 1}_of_${count}`,
      build: (n, l, o) => reduceKernel(n, reduced, l, o),
      args: [...args, this.#param(int64s(m))],
      nodes: op.nodes,
    };
  }

  #linear(step: Step, group: Group, op: HOp & { kind: 'linear' }): KernelCall[] {
    const out = this.#scales.of(op.out);
    const [n, k] = op.weights.dims;
    const a = this.#operand(step.reads[0], group);
    const write = this.#operand(step.out as Access, group);
    const columns = step.lanes === 2 ? (this.#chunks.get(op) ?? n) : n;
    const shape: DotShape = {
      lanes: step.lanes,
      aSpace: a.operand.space,
      aLevels: step.inner.map((size, i): Level => ({ n: size, strides: [step.reads[0].inner[i] * 2] })),
      aLane: 0,
      k,
      n: columns,
      b: null,
      outLane: 0,
      outBytes: 2,
      outMax: out.max,
      relu: op.relu,
    };
    const weights = this.#weights.add(packLinear(op.weights, op.bias, this.#scales.unit(op.a), out.scale, step.lanes));
    const moved = (operand: Operand, bytes: number): Operand => ({ ...operand, off: operand.off + bytes });
    return Array.from({ length: n / columns }, (_, i) => {
      const place = moved(write.operand, 2 * columns * i);
      const rows: Operand = { space: 'weights', off: weights + ((columns * i) / 4) * blockBytes(k, step.lanes), strides: [] };
      return {
        key: JSON.stringify(['dot', shape]),
        name: dotName(shape),
        build: (name, l, o) => dotKernel(name, shape, l, o),
        args: [a.operand, place, rows, ...(step.lanes === 2 ? [moved(a.operand, a.lane), moved(place, write.lane)] : [])],
        nodes: op.nodes,
      };
    });
  }

  #matmul(step: Step, group: Group, op: HOp & { kind: 'matmul' }): KernelCall {
    const out = this.#scales.of(op.out);
    const [a, b] = step.reads.map((r) => this.#operand(r, group));
    const write = this.#operand(step.out as Access, group);
    const rank = op.b.map.dims.length;
    const n = mapDims(op.b.map)[rank - 1];
    const columns = allOffsets({ off: 0, dims: [op.b.map.dims[rank - 1]] });
    const nStride = columns.length > 1 ? columns[1] * 2 : 2;
    if (columns.some((off, i) => off * 2 !== i * nStride)) {
      throw new InputError(
        'the columns of the second operand are not evenly spaced',
        place(op.nodes[0]),
        'Insert a Reshape that keeps dimensions whole',
      );
    }
    const kOffs = [...allOffsets({ off: 0, dims: [op.b.map.dims[rank - 2]] })].map((off) => off * 2);
    const shape: DotShape = {
      lanes: step.lanes,
      aSpace: a.operand.space,
      aLevels: step.inner.map((size, i): Level => ({ n: size, strides: [step.reads[0].inner[i] * 2] })),
      aLane: a.lane,
      k: product(step.inner),
      n,
      b: { space: b.operand.space, kOffs, nStride },
      outLane: write.lane,
      outBytes: this.#scales.bytes(op.out),
      outMax: out.max,
      relu: false,
    };
    const unit = this.#scales.unit(op.a) * this.#scales.unit(op.b);
    const param = this.#param(int64s(HALF, (unit / out.scale) * 2 ** 32));
    return {
      key: JSON.stringify(['dot', shape]),
      name: dotName(shape),
      build: (name, l, o) => dotKernel(name, shape, l, o),
      args: [a.operand, write.operand, param, b.operand],
      nodes: op.nodes,
    };
  }

  #emitOutput(step: Step, group: Group): KernelCall {
    const [read] = step.reads;
    const from = this.#operand(read, group);
    const dims = [...step.outer, ...step.inner];
    const strides = denseStrides(dims).map((s) => s * 4);
    const shape: RowShape = {
      lanes: step.lanes,
      levels: step.inner.map((n, i) => ({ n, strides: [strides[step.outer.length + i], read.inner[i] * 2] })),
      laneStrides: [strides[step.outer.length - 1] ?? 0, from.lane],
      spaces: ['output', from.operand.space],
      outMax: 0,
    };
    return {
      key: JSON.stringify(['emit', shape]),
      name: rowName('output', shape),
      build: (n, l, o) => emitKernel(n, shape, l, o),
      args: [{ space: 'output', off: this.#io.outputOff[step.part], strides: strides.slice(0, step.outer.length) }, from.operand],
      nodes: step.nodes,
    };
  }
}

/** Strides of a dense constant over a step's loops, by broadcasting it to the output's shape. */
function constStrides(dims: readonly number[], outDims: readonly number[], step: Step): { outer: number[]; inner: number[] } {
  const map = broadcastMap(denseMap(dims), outDims);
  const sizes = [...step.outer, ...step.inner];
  const flat = map.dims.flat();
  // The output is dense, so its loops split every dimension in order; find each loop's factor in the constant.
  const strides: number[] = [];
  let at = 0;
  let left = flat[0]?.n ?? 1;
  for (const n of sizes) {
    const f = flat[at];
    if (!f || left % n !== 0) throw new Error('constant does not fit the loops of its op');
    left /= n;
    strides.push(f.stride * left);
    if (left === 1) left = flat[++at]?.n ?? 1;
  }
  return { outer: strides.slice(0, step.outer.length), inner: strides.slice(step.outer.length) };
}

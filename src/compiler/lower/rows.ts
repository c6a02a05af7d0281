import { InputError } from '../../base/errors.ts';
import { type HOp, isView } from '../graph/hops.ts';
import { place } from '../graph/lazy.ts';
import { denseStrides } from '../graph/view.ts';
import { limits } from '../kernels/arith.ts';
import { LOOKUP_ENTRIES, lookupKernel } from '../kernels/lookup.ts';
import { normKernel, normParams } from '../kernels/norm.ts';
import { type NormPairShape, normPairKernel, normPairName, normPairParams } from '../kernels/norm-pair.ts';
import type { PairForm } from '../kernels/pair.ts';
import { type ReduceShape, reduceKernel } from '../kernels/reduce.ts';
import {
  addKernel,
  affineKernel,
  CONST_SHIFT,
  copyKernel,
  DIRECT_BITS,
  directTableKernel,
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
} from '../kernels/rows.ts';
import { expParams, softmaxKernel } from '../kernels/softmax.ts';
import { pairTable, tablePairKernel } from '../kernels/table-pair.ts';
import type { Group } from '../plan/groups.ts';
import type { Access, Step } from '../plan/steps.ts';
import { HALF, int64s, toInt16 } from '../plan/weights.ts';
import { isPairNorm } from '../plan/words.ts';
import type { KernelCall, Operand } from '../stages.ts';
import { constStrides, type Places } from './places.ts';

/** The call that computes one or two rows of any op but a product. */
export function rowCall(at: Places, step: Step, group: Group, op: Exclude<HOp, { kind: 'linear' | 'matmul' | 'own' }>): KernelCall {
  switch (op.kind) {
    case 'embed':
      return embedCall(at, step, group, op);
    case 'reduce':
      return reduceCall(at, step, group, op);
    case 'concat':
      return copyCall(at, step, group, op);
    case 'affine':
      return affineCall(at, step, group, op);
    default:
      return elementCall(at, step, group, op);
  }
}

/** Operators that take rows to rows of the same length. */
function elementCall(
  at: Places,
  step: Step,
  group: Group,
  op: HOp & { kind: 'softmax' | 'norm' | 'unary' | 'add' | 'mul' | 'div' },
): KernelCall {
  const { shape, args } = at.shape(step, group);
  const out = at.scales.of(op.out);
  const made = (kind: string, param: ArrayBufferView, build: KernelCall['build'], extra: unknown = null): KernelCall => ({
    key: JSON.stringify([kind, shape, extra]),
    name: rowName(kind, shape),
    build,
    args: [...args, at.param(param)],
    nodes: op.nodes,
  });
  switch (op.kind) {
    case 'softmax': {
      const unit = at.scales.unit(op.x);
      if (unit < 0)
        throw new InputError(
          'softmax of a value that is stored with the opposite sign',
          place(op.nodes[0]),
          'Negate before the product instead of after it',
        );
      const bytes = at.scales.bytes(op.x.buf) === 4 ? 4 : 2;
      return made('softmax', expParams(unit), (n, l, o) => softmaxKernel(n, shape, bytes, l, o), bytes);
    }
    case 'norm': {
      if (isPairNorm(step)) return normPairCall(at, step, group, op);
      const d = op.gamma.length;
      const params = normParams(op.gamma, op.beta, op.eps, at.scales.unit(op.x), out.scale);
      return made(op.center ? 'norm' : 'rmsnorm', params, (n, l, o) => normKernel(n, { ...shape, d, center: op.center }, l, o));
    }
    case 'unary': {
      if (group.words?.has(op.out)) return tablePairCall(at, step, group, op);
      const unit = at.scales.unit(op.x);
      const bounds = limits(at.scales.limit(op.out));
      const entry = (x: number): number => {
        const y = op.fn(x * unit) / out.scale;
        return Number.isNaN(y) ? 0 : Math.max(bounds.min, Math.min(bounds.max, Math.round(y)));
      };
      const { min, max } = limits(at.scales.limit(op.x.buf));
      const entries = 2 ** Math.ceil(Math.log2(max - min + 1));
      if (entries <= LOOKUP_ENTRIES) {
        const table = Int16Array.from({ length: entries }, (_, i) => entry(min + i));
        return made('lookup', table, (n, l, o) => lookupKernel(n, shape, min, entries, l, o), [min, entries]);
      }
      // Rows in threes are read by products of few bits.
      if (shape.lanes === 3) {
        const step = 1 << (16 - DIRECT_BITS);
        const table = Int16Array.from({ length: 1 << DIRECT_BITS }, (_, i) => entry((i + 0.5) * step - 32768));
        return made('direct', table, (n, l, o) => directTableKernel(n, shape, l, o));
      }
      const step16 = 1 << (16 - TABLE_BITS);
      const table = Int16Array.from({ length: (1 << TABLE_BITS) + 1 }, (_, i) => entry(i * step16 - 32768));
      return made('table', table, (n, l, o) => tableKernel(n, shape, l, o));
    }
    case 'add': {
      const m = [op.a, op.b].map((v) => (at.scales.unit(v) / out.scale) * 2 ** ROW_SHIFT);
      return made('add', int64s(...m), (n, l, o) => addKernel(n, shape, op.relu, l, o), op.relu);
    }
    case 'mul': {
      const m = ((at.scales.unit(op.a) * at.scales.unit(op.b)) / out.scale) * 2 ** 32;
      return made('mul', int64s(m, HALF), (n, l, o) => mulKernel(n, shape, l, o));
    }
    case 'div': {
      const m = (at.scales.unit(op.a) / (at.scales.unit(op.b) * out.scale)) * 2 ** ROW_SHIFT;
      return made('div', int64s(Math.min(m, 2 ** 47)), (n, l, o) => divKernel(n, shape, l, o));
    }
  }
}

/** A bare normalisation of a pair of rows. */
function normPairCall(at: Places, step: Step, group: Group, op: HOp & { kind: 'norm' }): KernelCall {
  const [x, write] = [step.reads[0]!, step.out!].map((access) => {
    const { operand, lane } = at.operand(access, group);
    return { operand, form: at.form(access, group, lane) };
  }) as [{ operand: Operand; form: PairForm }, { operand: Operand; form: PairForm }];
  const shape: NormPairShape = {
    d: op.gamma.length,
    center: op.center,
    xSpace: x.operand.space,
    x: x.form,
    out: write.form,
    xZero: at.zero(op.x.buf, group),
    outZero: at.zero(op.out, group),
  };
  return {
    key: JSON.stringify(['norm-pair', shape]),
    name: normPairName(shape),
    build: (name, l, o) => normPairKernel(name, shape, l, o),
    args: [write.operand, x.operand, at.param(normPairParams(shape.d, op.eps, at.scales.unit(op.x), at.scales.of(op.out).scale))],
    nodes: op.nodes,
  };
}

/** A function from words to words. */
function tablePairCall(at: Places, step: Step, group: Group, op: HOp & { kind: 'unary' }): KernelCall {
  const n = step.inner[0]!;
  const [x, write] = [step.reads[0]!, step.out!].map((access) => at.operand(access, group).operand) as [Operand, Operand];
  const { scale, max } = at.scales.of(op.out);
  const unit = at.scales.unit(op.x);
  const entry = (integer: number): number => {
    const y = op.fn(integer * unit) / scale;
    return Number.isNaN(y) ? 0 : Math.max(-max, Math.min(max, Math.round(y)));
  };
  return {
    key: JSON.stringify(['table-pair', n]),
    name: `table_pair_${n}`,
    build: (name, l, o) => tablePairKernel(name, n, l, o),
    args: [write, x, at.param(pairTable(entry, max + 1))],
    nodes: op.nodes,
  };
}

function affineCall(at: Places, step: Step, group: Group, op: HOp & { kind: 'affine' }): KernelCall {
  const { shape, args } = at.shape(step, group);
  const out = at.scales.of(op.out);
  const m = (at.scales.unit(op.x) / out.scale) * 2 ** ROW_SHIFT;
  const operands = [...args];
  const spaces = [...shape.spaces];
  const laneStrides = [...shape.laneStrides];
  const levels = shape.levels.map((l) => ({ n: l.n, strides: [...l.strides] }));
  for (const [t, unit] of [
    [op.mul, m],
    [op.add, 2 ** CONST_SHIFT / out.scale],
  ] as const) {
    if (!t) continue;
    const placed = at.constant(t, op.out.dims, unit);
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
    args: [...operands, at.param(int64s(m))],
    nodes: op.nodes,
  };
}

function embedCall(at: Places, step: Step, group: Group, op: HOp & { kind: 'embed' }): KernelCall {
  const { shape, args } = at.shape({ ...step, inner: [], reads: step.reads }, group);
  const [rows, width] = op.table.dims;
  const out = at.scales.of(op.out);
  const whole = { ...shape, levels: [], rows, width };
  return {
    key: JSON.stringify(['embed', whole]),
    name: `embed_${rows}x${width}`,
    build: (n, l, o) => embedKernel(n, whole, l, o),
    args: [...args, at.param(toInt16(op.table.data, out.scale, out.max))],
    nodes: op.nodes,
  };
}

/** One part of a concatenation: rows of a value, or of a constant. */
function copyCall(at: Places, step: Step, group: Group, op: HOp & { kind: 'concat' }): KernelCall {
  const part = op.parts[step.part];
  const out = at.scales.of(op.out);
  if (isView(part)) {
    const { shape, args } = at.shape(step, group);
    const m = (at.scales.unit(part) / out.scale) * 2 ** ROW_SHIFT;
    return {
      key: JSON.stringify(['copy', shape]),
      name: rowName('copy', shape),
      build: (n, l, o) => copyKernel(n, shape, l, o),
      args: [...args, at.param(int64s(m))],
      nodes: op.nodes,
    };
  }
  const write = at.operand(step.out as Access, group);
  const strides = constStrides(part.dims, part.dims, step);
  const shape: RowShape = {
    lanes: step.lanes,
    levels: step.inner.map((n, i) => ({ n, strides: [(step.out as Access).inner[i] * 2, strides.inner[i] * 2] })),
    laneStrides: [write.lane, (strides.outer[strides.outer.length - 1] ?? 0) * 2],
    spaces: ['scratch', 'weights'],
    outMax: at.scales.limit(op.out),
  };
  const data = toInt16(part.data, out.scale, out.max);
  return {
    key: JSON.stringify(['fill', shape]),
    name: rowName('fill', shape),
    build: (n, l, o) => fillKernel(n, shape, l, o),
    args: [write.operand, { space: 'weights', off: at.weights.add(data), strides: strides.outer.map((s) => s * 2) }],
    nodes: op.nodes,
  };
}

function reduceCall(at: Places, step: Step, group: Group, op: HOp & { kind: 'reduce' }): KernelCall {
  const { shape, args } = at.shape(step, group);
  const out = at.scales.of(op.out);
  const unit = at.scales.unit(op.x);
  const factors = op.axes.flatMap((axis) => [...op.x.map.dims[axis]]);
  const count = factors.reduce((n, f) => n * f.n, 1);
  const flip = unit < 0 && op.mode !== 'mean' && op.mode !== 'sum';
  const mode = op.mode === 'mean' ? 'sum' : flip ? (op.mode === 'max' ? 'min' : 'max') : op.mode;
  const reduced: ReduceShape = {
    mode,
    columns: shape.levels,
    terms: factors.map((f) => ({ n: f.n, strides: [f.stride * 2] })),
    space: args[1].space,
    outMax: at.scales.limit(op.out),
  };
  const m = (unit / out.scale / (op.mode === 'mean' ? count : 1)) * 2 ** ROW_SHIFT;
  return {
    key: JSON.stringify(['reduce', reduced]),
    name: `${mode}_${step.inner.join('x') || 1}_of_${count}`,
    build: (n, l, o) => reduceKernel(n, reduced, l, o),
    args: [...args, at.param(int64s(m))],
    nodes: op.nodes,
  };
}

/** Rows of a result into the output map, as 32-bit integers. */
export function outputCall(at: Places, step: Step, group: Group): KernelCall {
  const [read] = step.reads;
  const from = at.operand(read, group);
  const bytes = at.scales.bytes(read.buf) === 4 ? 4 : 2;
  const dims = [...step.outer, ...step.inner];
  const strides = denseStrides(dims).map((s) => s * 4);
  const shape: RowShape = {
    lanes: step.lanes,
    levels: step.inner.map((n, i) => ({ n, strides: [strides[step.outer.length + i], read.inner[i] * bytes] })),
    laneStrides: [strides[step.outer.length - 1] ?? 0, from.lane],
    spaces: ['output', from.operand.space],
    outMax: 0,
  };
  return {
    key: JSON.stringify(['emit', shape, bytes]),
    name: rowName('output', shape),
    build: (n, l, o) => emitKernel(n, shape, bytes, l, o),
    args: [
      { space: 'output', off: at.io.outputOff[step.part], strides: strides.slice(0, step.outer.length) },
      from.operand,
      at.param(int64s(at.io.outputFactor[step.part] * 2 ** ROW_SHIFT)),
    ],
    nodes: step.nodes,
  };
}

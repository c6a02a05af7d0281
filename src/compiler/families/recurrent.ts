import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber, attrString } from '../graph/attrs.ts';
import type { Buf, Const, View } from '../graph/hops.ts';
import { joinNodes, place, type Walk } from '../graph/lazy.ts';
import type { OwnOp, OwnPasses } from '../graph/own.ts';
import { type Rules, rule } from '../graph/rule.ts';
import { denseMap, type Factor } from '../graph/view.ts';
import { floatCopyKernel } from '../kernels/floats.ts';
import { type CellShape, cellKernel, GATE_BITS, type Gate, packProject, projectKernel, wordsKernel } from '../kernels/recurrent.ts';
import { copyKernel, ROW_SHIFT, rowName } from '../kernels/rows.ts';
import { sigmoidTable } from '../kernels/scores.ts';
import type { Places } from '../lower/places.ts';
import type { Group } from '../plan/groups.ts';
import type { Step } from '../plan/steps.ts';
import { int64s } from '../plan/weights.ts';
import type { KernelCall, Operand } from '../stages.ts';
import { narrowCopy } from './ml/rows.ts';

/** What an RNN, GRU or LSTM node is, with its weights row by row. */
interface Cell {
  readonly op: 'RNN' | 'GRU' | 'LSTM';
  readonly steps: number;
  readonly size: number;
  readonly hidden: number;
  /** True: from the last step to the first. */
  readonly directions: readonly boolean[];
  /** Activations of each direction. */
  readonly gates: readonly (readonly Gate[])[];
  readonly after: boolean;
  /** `[direction][row of a gate, column]`, biases `[direction][row]`. */
  readonly w: readonly Float64Array[];
  readonly r: readonly Float64Array[];
  readonly wBias: readonly Float64Array[];
  readonly rBias: readonly Float64Array[];
  readonly h0: Float64Array;
  readonly c0: Float64Array;
  /** Largest magnitude of a state, as a power of two; null for ReLU, where the calibration says. */
  readonly range: number | null;
}

const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const;
const DEFAULTS: Readonly<Record<Cell['op'], readonly Gate[]>> = {
  RNN: ['Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
};

function refuse(node: Node, what: string, advice: string): never {
  throw new InputError(what, place(node), advice);
}

/** The buffer of a node: states of all steps between the initial ones, then sums of gates and cell states. Counted in elements of 2 bytes. */
interface Space {
  readonly row: number;
  /** Sums of one direction from the input and from the state, and LSTM's cell state behind them. */
  readonly sums: number;
  readonly scratch: (direction: number) => number;
  /** State before and after step `t`. */
  readonly state: (direction: number, t: number) => number;
  /** State times reset gate, where that comes before the product. */
  readonly reset: (direction: number) => number;
  readonly size: number;
}

function spaceOf({ op, steps, hidden, directions }: Pick<Cell, 'op' | 'steps' | 'hidden' | 'directions'>): Space {
  const row = directions.length * hidden;
  const align = (n: number): number => Math.ceil(n / 4) * 4;
  const sums = 2 * GATES[op] * hidden;
  const each = align(2 * sums + (op === 'LSTM' ? 2 * hidden : 0)) + align(hidden);
  const start = align((steps + 2) * row);
  return {
    row,
    sums,
    scratch: (d) => start + d * each,
    state: (d, t) => (t + 1) * row + d * hidden,
    reset: (d) => start + d * each + each - align(hidden),
    size: start + directions.length * each,
  };
}

function cellOf(walk: Walk, node: Node): Cell {
  const op = node.op as Cell['op'];
  const [x, ...rest] = node.inputs.map((name) => (name ? walk.get(name, node) : null));
  const constant = (at: number, what: string): Const | null => {
    const lazy = rest[at - 1];
    if (!lazy) return null;
    if (lazy.k !== 'const') refuse(node, `${what} depends on the data`, 'Export the model with a constant one');
    return lazy.t;
  };
  const [steps, batch, size] = walk.dims(x!) as [number, number, number];
  if (batch !== 1) refuse(node, `a batch of ${batch}`, 'Export the model for one sequence at a time');
  const weights = constant(1, 'its weights')!;
  const recurrent = constant(2, 'its recurrent weights')!;
  const bias = constant(3, 'its bias');
  const lengths = constant(4, 'the length of its sequences');
  if (lengths?.data.some((length) => length !== steps)) refuse(node, 'its sequence ends before its input does', 'Cut the input before it');
  const hidden = recurrent.dims[2]!;
  const name = attrString(node, 'direction') ?? 'forward';
  const directions = name === 'bidirectional' ? [false, true] : [name === 'reverse'];
  const given = node.attrs.get('activations');
  const names = Array.isArray(given) ? given.map(String) : directions.flatMap(() => DEFAULTS[op]);
  const per = DEFAULTS[op].length;
  const gates = directions.map((_, d) => names.slice(d * per, (d + 1) * per) as Gate[]);
  for (const row of gates)
    for (const [i, gate] of row.entries()) {
      const isRelu = gate === 'Relu' && op === 'RNN';
      if (gate !== DEFAULTS[op][i] && !isRelu) refuse(node, `activation ${gate} is not supported`, `Use ${DEFAULTS[op].join(', ')}`);
    }
  if (attrNumber(node, 'clip') !== undefined) refuse(node, 'it clips its sums', 'Export it without clip');
  if (attrNumber(node, 'input_forget')) refuse(node, 'its input and forget gates are coupled', 'Export it with input_forget 0');
  if (rest[6]) refuse(node, 'it has peephole connections', 'Use an LSTM without them');
  const count = GATES[op] * hidden;
  const part = (t: Const, d: number, of: number): Float64Array => t.data.slice(d * of, (d + 1) * of);
  const zero = new Float64Array(count);
  // States that depend on the data are copied before the first step; until then they are zero.
  const initial = (at: number): Float64Array => {
    const lazy = rest[at - 1];
    return lazy?.k === 'const' ? lazy.t.data : new Float64Array(directions.length * hidden);
  };
  const h0 = initial(5);
  const relu = gates.some((row) => row.includes('Relu'));
  return {
    op,
    steps,
    size,
    hidden,
    directions,
    gates,
    after: (attrNumber(node, 'linear_before_reset') ?? 0) !== 0,
    w: directions.map((_, d) => part(weights, d, count * size)),
    r: directions.map((_, d) => part(recurrent, d, count * hidden)),
    wBias: directions.map((_, d) => (bias ? part(bias, 2 * d, count) : zero)),
    rBias: directions.map((_, d) => (bias ? part(bias, 2 * d + 1, count) : zero)),
    h0,
    c0: initial(6),
    range: relu ? null : Math.max(0, Math.ceil(Math.log2(Math.max(1, ...h0.map(Math.abs))))),
  };
}

/** Which view of the op an initial state is that depends on the data; 0 where it is constant. */
interface Starts {
  readonly h: number;
  readonly c: number;
}

function initialView(walk: Walk, node: Node, slot: number): View | null {
  const name = node.inputs[slot];
  if (!name || walk.get(name, node).k === 'const') return null;
  const { view } = walk.view(name, node);
  if (view.map.dims.some((dim) => dim.length > 1))
    refuse(node, 'its initial state is laid out in a way that does not fit', 'Insert a Reshape that keeps dimensions whole');
  return view;
}

/** One operator: a loop over the steps of each direction, in order. */
function recurrent(walk: Walk, node: Node): void {
  const cell = cellOf(walk, node);
  const { view: x, nodes } = walk.view(node.inputs[0]!, node);
  const columns = x.map.dims[2]!;
  const rows = x.map.dims[0]!;
  if (columns.length > 1 || rows.length > 1)
    refuse(node, 'its input is laid out in a way that does not fit', 'Insert a Reshape that keeps dimensions whole');
  const space = spaceOf(cell);
  const started = [5, 6].map((slot) => initialView(walk, node, slot));
  const [h, c] = started;
  const views = [x, ...started.filter((view) => view !== null)];
  const starts: Starts = { h: h ? 1 : 0, c: c ? views.length - 1 : 0 };
  const out = walk.buf(node.outputs[0] || `${node.outputs.find(Boolean) ?? node.name}.states`, [space.size], 'act', {});
  walk.ops.push({ kind: 'own', out, views, nodes: joinNodes(nodes, [node]), passes: passesOf(cell, space, starts) });
  const { hidden, directions, steps } = cell;
  const seen = (off: number, ...factors: readonly Factor[]): View => ({
    buf: out,
    map: { off, dims: factors.map((f) => (f.n === 1 ? [] : [f])) },
    gain: 1,
  });
  const one: Factor = { n: 1, stride: 0 };
  const each: Factor = { n: directions.length, stride: hidden };
  const along: Factor = { n: hidden, stride: 1 };
  const put = (name: string | undefined, view: View): void => {
    if (name) walk.set(name, { k: 'view', view, nodes: [] });
  };
  put(node.outputs[0], seen(space.row, { n: steps, stride: space.row }, each, one, along));
  const isUsed = (name: string | undefined): boolean =>
    !!name && (walk.model.nodes.some(({ inputs }) => inputs.includes(name)) || walk.model.outputs.some((output) => output.name === name));
  const last = directions.map((reverse, d) => seen(space.state(d, reverse ? 0 : steps - 1), one, one, along));
  if (last.length === 1) put(node.outputs[1], last[0]!);
  else if (isUsed(node.outputs[1])) {
    const both = walk.buf(node.outputs[1]!, [2, 1, hidden], 'act', {
      known: { min: -(2 ** (cell.range ?? 0)), max: 2 ** (cell.range ?? 0) },
    });
    const { known: _, ...free } = both;
    const buf = cell.range === null || h ? free : both;
    walk.ops.push({ kind: 'concat', parts: last, axis: 0, out: buf, nodes: [node] });
    put(node.outputs[1], { buf, map: denseMap(buf.dims), gain: 1 });
  }
  if (node.op === 'LSTM' && isUsed(node.outputs[2])) put(node.outputs[2], emitCells(walk, node, cell, space, out));
}

/** The last cell states as 32-bit integers. */
function emitCells(walk: Walk, node: Node, cell: Cell, space: Space, states: Buf): View {
  const { hidden, directions } = cell;
  const out = walk.buf(node.outputs[2]!, [directions.length, 1, hidden], 'act', { bytes: 4, narrow: narrowCopy });
  const whole: View = { buf: states, map: denseMap(states.dims), gain: 1 };
  const at = (d: number): number => space.scratch(d) + 2 * space.sums;
  const passes: OwnPasses = {
    wide: true,
    scale: () => ({ scale: 2 ** -GATE_BITS, max: 2 ** 31 - 1 }),
    steps: (op) =>
      directions.map((_, d) => ({
        op,
        part: d,
        nodes: op.nodes,
        outer: [],
        lanes: 1 as const,
        inner: [hidden],
        out: { buf: op.out, off: d * hidden, outer: [], inner: [1] },
        reads: [{ buf: op.views[0]!.buf, off: at(d), outer: [], inner: [1] }],
      })),
    calls: (op, places, step, group) => {
      const to = places.operand(step.out!, group).operand;
      const from = places.operand(step.reads[0]!, group).operand;
      const shape = { count: hidden, space: from.space, change: 'copy' as const, nan: false };
      const build: KernelCall['build'] = (n, l, o) => floatCopyKernel(n, shape, l, o);
      return [{ key: JSON.stringify(['words', shape]), name: `words_${hidden}`, build, args: [to, from], nodes: op.nodes }];
    },
    // Cell states stand as reals in the first of the two elements that hold one.
    evaluate: (_, [x]) =>
      Float64Array.from({ length: directions.length * hidden }, (_unused, i) => x![at(Math.floor(i / hidden)) + 2 * (i % hidden)]!),
  };
  walk.ops.push({ kind: 'own', out, views: [whole], nodes: [node], passes });
  return { buf: out, map: denseMap(out.dims), gain: 1 };
}

function passesOf(cell: Cell, space: Space, starts: Starts): OwnPasses {
  const { steps, hidden, directions } = cell;
  const rangeOf = (scale: number): number => Math.round(Math.log2(scale * 2 ** 15));
  return {
    scale: (op, scales) => {
      const range = cell.range ?? Math.max(0, Math.ceil(Math.log2(scales.bound(op.out))));
      const first = op.views[starts.h]!;
      const start = starts.h ? Math.ceil(Math.log2(scales.of(first.buf).max * Math.abs(scales.unit(first)))) : 0;
      return { scale: 2 ** (Math.max(range, start) - 15), max: 32767 };
    },
    steps: (op) => {
      const common = { op, nodes: op.nodes, lanes: 1 as const, inner: [hidden] };
      const x = op.views[0]!;
      const stride = x.map.dims[0]![0]?.stride ?? 0;
      const along = x.map.dims[2]![0]?.stride ?? 1;
      return [
        { ...common, part: 0, outer: [], out: { buf: op.out, off: 0, outer: [], inner: [1] }, reads: [] },
        ...startSteps(cell, space, starts, op),
        ...directions.map((reverse, d): Step => {
          const sign = reverse ? -1 : 1;
          const first = reverse ? steps - 1 : 0;
          return {
            ...common,
            part: 1 + d,
            outer: [steps],
            out: { buf: op.out, off: space.state(d, first), outer: [sign * space.row], inner: [1] },
            reads: [{ buf: x.buf, off: x.map.off + first * stride, outer: [sign * stride], inner: [along] }],
          };
        }),
      ];
    },
    calls: (op, at, step, group) => {
      if (step.part === 0) return [initialCall(cell, space, op, at, step, group)];
      if (step.part > directions.length) return [startCall(cell, starts, op, at, step, group)];
      return stepCalls(cell, space, op, at, step, group, rangeOf(at.scales.of(op.out).scale));
    },
    evaluate: (_, inputs) =>
      evaluate({ ...cell, h0: starts.h ? inputs[starts.h]! : cell.h0, c0: starts.c ? inputs[starts.c]! : cell.c0 }, space, inputs[0]!),
  };
}

/** Copies of initial states into the places from which the first step of each direction reads; parts behind those of the directions. */
function startSteps(cell: Cell, space: Space, starts: Starts, op: OwnOp): Step[] {
  const { directions, hidden, steps } = cell;
  return (['h', 'c'] as const).flatMap((which, kind) => {
    if (!starts[which]) return [];
    const { buf, map } = op.views[starts[which]]!;
    return directions.map((reverse, d): Step => {
      const to = which === 'h' ? space.state(d, reverse ? steps : -1) : space.scratch(d) + 2 * space.sums;
      return {
        op,
        part: 1 + (1 + kind) * directions.length + d,
        nodes: op.nodes,
        outer: [],
        lanes: 1,
        inner: [hidden],
        out: { buf: op.out, off: to, outer: [], inner: [1] },
        reads: [{ buf, off: map.off + d * (map.dims[0]![0]?.stride ?? 0), outer: [], inner: [map.dims[2]![0]?.stride ?? 1] }],
      };
    });
  });
}

/** A hidden state is copied in the unit of states; a cell state becomes 32-bit integers, as the product with a matrix of ones in its diagonal. */
function startCall(cell: Cell, starts: Starts, op: OwnOp, at: Places, step: Step, group: Group): KernelCall {
  const { hidden, directions } = cell;
  const isCell = step.part > 2 * directions.length;
  const unit = at.scales.unit(op.views[isCell ? starts.c : starts.h]!);
  if (!isCell) {
    const { shape, args } = at.shape(step, group);
    const factor = at.param(int64s((unit / at.scales.of(op.out).scale) * 2 ** ROW_SHIFT));
    const build: KernelCall['build'] = (n, l, o) => copyKernel(n, shape, l, o);
    return { key: JSON.stringify(['copy', shape]), name: rowName('copy', shape), build, args: [...args, factor], nodes: op.nodes };
  }
  const same = Float64Array.from({ length: hidden * hidden }, (_, i) => (i % (hidden + 1) === 0 ? 1 : 0));
  const [read] = step.reads;
  const from = at.operand(read!, group).operand;
  const shape = { k: hidden, n: hidden, space: from.space, stride: 2 * read!.inner[0]! };
  const packed = at.param(packProject(same, new Float64Array(hidden), hidden, hidden, unit));
  const to = at.operand(step.out!, group).operand;
  return call(op, 'project', shape, `${hidden}x${hidden}`, (n, l, o) => projectKernel(n, shape, l, o), [to, from, packed]);
}

const call = (
  op: OwnOp,
  kind: string,
  shape: unknown,
  size: string | number,
  build: KernelCall['build'],
  args: readonly Operand[],
): KernelCall => ({
  key: JSON.stringify([kind, shape]),
  name: `${kind}_${size}`,
  build,
  args,
  nodes: op.nodes,
});

/** The whole buffer before the first step: zeros but for initial states. */
function initialCall(cell: Cell, space: Space, op: OwnOp, at: Places, step: Step, group: Group): KernelCall {
  const words = Math.ceil(space.size / 2);
  const { scale } = at.scales.of(op.out);
  const start = new Int16Array(words * 2);
  cell.directions.forEach((reverse, d) => {
    for (let i = 0; i < cell.hidden; i++) {
      const h = Math.max(-32767, Math.min(32767, Math.round(cell.h0[d * cell.hidden + i]! / scale)));
      start[space.state(d, reverse ? cell.steps : -1) + i] = h;
      if (cell.op !== 'LSTM') continue;
      const c = Math.round(Math.max(-1000, Math.min(1000, cell.c0[d * cell.hidden + i]!)) * 2 ** GATE_BITS);
      start.set([(c << 16) >> 16, c >> 16], space.scratch(d) + 2 * space.sums + 2 * i);
    }
  });
  const out = at.operand(step.out!, group).operand;
  return call(op, 'states', { words }, words, (n, l, o) => wordsKernel(n, words, l, o), [out, at.param(start)]);
}

/** What one step of one direction calls: both products, and the cell. */
function stepCalls(cell: Cell, space: Space, op: OwnOp, at: Places, step: Step, group: Group, range: number): KernelCall[] {
  const { hidden, size, after } = cell;
  const d = step.part - 1;
  const count = GATES[cell.op] * hidden;
  const state = at.operand(step.out!, group).operand;
  const [read] = step.reads;
  const x = at.operand(read!, group).operand;
  const still = (elem: number): Operand => ({ ...state, off: state.off + 2 * (elem - step.out!.off), strides: [0] });
  const before: Operand = { ...state, off: state.off - 2 * (step.out!.outer[0] ?? 0) };
  const fromInput = still(space.scratch(d));
  const fromState = still(space.scratch(d) + space.sums);
  const rows = (t: Float64Array, k: number, from: number, to: number): Float64Array => t.slice(from * k, to * k);
  const project = (
    to: Operand,
    from: Operand,
    stride: number,
    weights: Float64Array,
    bias: Float64Array,
    k: number,
    unit: number,
  ): KernelCall => {
    const shape = { k, n: bias.length, space: from.space, stride };
    const packed = at.param(packProject(weights, bias, k, bias.length, unit));
    return call(op, 'project', shape, `${k}x${bias.length}`, (n, l, o) => projectKernel(n, shape, l, o), [to, from, packed]);
  };
  const shapeOf = (name: CellShape['op']): CellShape => ({ op: name, hidden, gates: cell.gates[d]!, after, range });
  const table = at.param(sigmoidTable());
  const cellCall = (name: CellShape['op'], to: Operand): KernelCall =>
    call(op, name.toLowerCase(), shapeOf(name), hidden, (n, l, o) => cellKernel(n, shapeOf(name), l, o), [to, before, fromInput, table]);
  const { scale } = at.scales.of(op.out);
  const input = project(fromInput, x, 2 * (read!.inner[0] ?? 1), cell.w[d]!, cell.wBias[d]!, size, at.scales.unit(op.views[0]!));
  const r = cell.r[d]!;
  const bias = cell.rBias[d]!;
  if (cell.op !== 'GRU' || after) return [input, project(fromState, before, 2, r, bias, hidden, scale), cellCall(cell.op, state)];
  // The product for the candidate waits for the reset gate.
  const reset = still(space.reset(d));
  const two = 2 * hidden;
  const candidate: Operand = { ...fromState, off: fromState.off + 4 * two };
  return [
    input,
    project(fromState, before, 2, rows(r, hidden, 0, two), bias.slice(0, two), hidden, scale),
    cellCall('reset', reset),
    project(candidate, reset, 2, rows(r, hidden, two, count), bias.slice(two), hidden, scale),
    cellCall('GRU', state),
  ];
}

const ACTIVATIONS: Readonly<Record<Gate, (x: number) => number>> = {
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Tanh: Math.tanh,
  Relu: (x) => Math.max(0, x),
};

function evaluate(cell: Cell, space: Space, x: Float64Array): Float64Array {
  const { op, steps, size, hidden, directions } = cell;
  const out = new Float64Array(space.size);
  const product = (w: Float64Array, k: number, row: number, v: ArrayLike<number>): number => {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += w[row * k + j]! * v[j]!;
    return sum;
  };
  directions.forEach((reverse, d) => {
    const [f, g, last] = cell.gates[d]!.map((gate) => ACTIVATIONS[gate]);
    let h = cell.h0.slice(d * hidden, (d + 1) * hidden);
    const c = cell.c0.slice(d * hidden, (d + 1) * hidden);
    out.set(h, space.state(d, reverse ? steps : -1));
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i;
      const row = x.subarray(t * size, (t + 1) * size);
      const fromX = (gate: number, j: number): number =>
        product(cell.w[d]!, size, gate * hidden + j, row) + cell.wBias[d]![gate * hidden + j]!;
      const fromH = (gate: number, j: number, v = h): number =>
        product(cell.r[d]!, hidden, gate * hidden + j, v) + cell.rBias[d]![gate * hidden + j]!;
      const gate = (at: number, j: number): number => fromX(at, j) + fromH(at, j);
      const next = new Float64Array(hidden);
      if (op === 'RNN') for (let j = 0; j < hidden; j++) next[j] = f!(gate(0, j));
      else if (op === 'GRU') {
        const reset = Float64Array.from({ length: hidden }, (_, j) => f!(gate(1, j)));
        const scaled = h.map((v, j) => v * reset[j]!);
        for (let j = 0; j < hidden; j++) {
          const z = f!(gate(0, j));
          const n = g!(fromX(2, j) + (cell.after ? reset[j]! * fromH(2, j) : fromH(2, j, scaled)));
          next[j] = (1 - z) * n + z * h[j]!;
        }
      } else
        for (let j = 0; j < hidden; j++) {
          c[j] = f!(gate(2, j)) * c[j]! + f!(gate(0, j)) * g!(gate(3, j));
          next[j] = f!(gate(1, j)) * last!(c[j]!);
        }
      h = next;
      out.set(h, space.state(d, t));
    }
    for (let j = 0; op === 'LSTM' && j < hidden; j++) out[space.scratch(d) + 2 * space.sums + 2 * j] = c[j]!;
  });
  return out;
}

const LIMITS = 'batch 1, whole sequences, the usual activations';

export const RECURRENT: Rules = new Map([
  ['GRU', rule(recurrent, 'a loop over the steps', LIMITS)],
  ['LSTM', rule(recurrent, 'a loop over the steps', `${LIMITS}, no peepholes`)],
  ['RNN', rule(recurrent, 'a loop over the steps', `${LIMITS}, or Relu`)],
]);

import { type Buf, type HGraph, type HOp, opViews, type View } from '../graph/hops.ts';
import { joinNodes } from '../graph/lazy.ts';
import type { OwnOp, OwnPasses } from '../graph/own.ts';
import { allOffsets, type Dim, denseMap, dimSize, type IndexMap, type Loop, mapDims } from '../graph/view.ts';
import {
  ATTENTION_PARAM_BYTES,
  type AttentionShape,
  attentionKernel,
  attentionName,
  attentionPackBytes,
  exponentialBits,
  SCORE_ZERO,
  SUM_ZERO,
  scoresOff,
  TOP_ZERO,
} from '../kernels/attention.ts';
import { type Level, PAGE_BYTES } from '../kernels/frame.ts';
import { READY_TERMS, type ReadyShape, readyKernel, readyName, readyRowBytes } from '../kernels/ready.ts';
import { EXP_PER_UNIT, expParams, expTable } from '../kernels/softmax.ts';
import type { Places } from '../lower/places.ts';
import type { Group } from '../plan/groups.ts';
import { productBits } from '../plan/scales.ts';
import { type Access, loopsOver, type Step } from '../plan/steps.ts';
import type { KernelCall } from '../stages.ts';

/** Bits of a value at most, so that exponentials keep enough. */
const VALUE_BITS = 13;
/** With fewer bits for exponentials (sequences beyond 128) the three kernels stay apart. */
const LEAST_EXPONENTIAL_BITS = 11;
/** Fraction bits of the quotient by the sum of exponentials. */
const QUOTIENT = 40;

type MatMul = HOp & { readonly kind: 'matmul' };
type Softmax = HOp & { readonly kind: 'softmax' };

/** Scores, softmax and mean of the values become one kernel where nothing stands between them (no mask) and nobody else reads what is inside. */
export function fuseAttention(graph: HGraph): HGraph {
  const readers = new Map<Buf, HOp[]>();
  for (const op of graph.ops) for (const { buf } of opViews(op)) readers.set(buf, [...(readers.get(buf) ?? []), op]);
  const outputs = new Set(graph.outputs.map(({ view }) => view.buf));
  const only = (buf: Buf): HOp | null => {
    const list = readers.get(buf) ?? [];
    return list.length === 1 && !outputs.has(buf) ? list[0]! : null;
  };
  const gone = new Set<HOp>();
  const made = new Map<HOp, OwnOp>();
  for (const scores of graph.ops) {
    // Products of 16 bits take their rows one at a time.
    if (scores.kind !== 'matmul' || scores.precision === 'w16a16') continue;
    const softmax = only(scores.out);
    if (softmax?.kind !== 'softmax' || softmax.x.gain <= 0 || !asItLies(softmax.x)) continue;
    const means = only(softmax.out);
    // Scores or means that the model itself rounds stay apart.
    if (scores.out.grid || means?.out.grid) continue;
    if (means?.kind !== 'matmul' || means.a.buf !== softmax.out || means.a.gain !== 1 || !asItLies(means.a)) continue;
    const op = fused(scores, softmax, means);
    if (!op) continue;
    gone.add(scores).add(softmax);
    made.set(means, op);
  }
  if (made.size === 0) return graph;
  return { ...graph, ops: graph.ops.filter((op) => !gone.has(op)).map((op) => made.get(op) ?? op) };
}

/** Whether a view shows its buffer as it is, in one order and with the same dimensions but for those of one. */
const asItLies = ({ buf, map }: View): boolean => {
  const places = allOffsets(map);
  return places.length === buf.dims.reduce((a, b) => a * b, 1) && places.every((at, i) => at === i);
};

const evenly = (dim: Dim): number | null => {
  const offs = allOffsets({ off: 0, dims: [dim] });
  const step = offs.length > 1 ? offs[1]! - offs[0]! : 1;
  return offs.every((off, i) => off === i * step) ? step : null;
};

function fused(scores: MatMul, softmax: Softmax, means: MatMul): OwnOp | null {
  const q = scores.a;
  const k = scores.b;
  const v = means.b;
  const rank = q.map.dims.length;
  const rows = mapDims(means.a.map).slice(0, -1);
  const qDims = mapDims(q.map);
  if (rank !== v.map.dims.length || rows.length !== rank - 1 || rows.some((n, i) => n !== qDims[i])) return null;
  if (qDims.slice(0, -1).length === 0 || rows[rank - 2] === 1) return null;
  const n = mapDims(k.map)[rank - 1]!;
  const d = qDims[rank - 1]!;
  const keyStep = evenly(k.map.dims[rank - 1]!);
  const valueStep = evenly(v.map.dims[rank - 1]!);
  const [qBits, kBits] = productBits(d);
  const valueBits = Math.min(VALUE_BITS, ...(v.buf === q.buf ? [qBits] : []), ...(v.buf === k.buf ? [kBits] : []));
  const bits = exponentialBits(n, valueBits);
  if (keyStep === null || valueStep === null || bits < LEAST_EXPONENTIAL_BITS) return null;
  const passes: OwnPasses = {
    label: 'attention',
    joins: true,
    widths: (op) => [qBits, kBits, valueBits].map((most, i) => ({ buf: op.views[i]!.buf, bits: most })),
    packBytes: () => attentionPackBytes({ d, n }),
    steps: (op) => attentionSteps(op, means.a.map),
    calls: (op, at, step, group) =>
      step.part > 0
        ? [readyCall(op, at, step, group)]
        : [{ ...attentionCall(op, at, step, group, softmax.x.gain, bits), parts: [scores.nodes, softmax.nodes, means.nodes] }],
    inner: (op, scales) => {
      const place = { strides: attentionLoops(op, means.a.map).map((l) => l.strides[4]!), elems: n, byteOff: scoresOff(d) };
      const scale = scales.unit(op.views[0]!) * scales.unit(op.views[1]!);
      return [
        { ...place, buf: scores.out, nodes: scores.nodes, before: softmax.nodes.at(-1)!, max: 2 ** 31, scale, zero: SCORE_ZERO },
        // Exponentials take the place of scores.
        { ...place, buf: softmax.out, nodes: softmax.nodes, before: means.nodes.at(-1)!, max: 2 ** bits, scale: null, zero: 0 },
      ];
    },
    evaluate: (op, inputs) => evaluateAttention(op, inputs, softmax.x.gain),
  };
  return { kind: 'own', out: means.out, views: [q, k, v], nodes: joinNodes(scores.nodes, softmax.nodes, means.nodes), passes };
}

/** A head's keys or values as rows of which sums are made: where the terms and the rows are in their view, and what sums begin with. */
interface Operand {
  readonly view: View;
  readonly terms: Dim;
  readonly rows: Dim;
  readonly zero: number;
}

const operandsOf = ({ views: [, k, v] }: OwnOp): [Operand, Operand] => {
  const rank = k!.map.dims.length;
  const [keys, values] = [k!.map.dims, v!.map.dims];
  return [
    { view: k!, terms: keys[rank - 2]!, rows: keys[rank - 1]!, zero: SCORE_ZERO },
    { view: v!, terms: values[rank - 2]!, rows: values[rank - 1]!, zero: SUM_ZERO },
  ];
};

const headsOf = ({ map }: View): number[] => mapDims(map).slice(0, -2);

/** Words of a head's rows that were made ready. */
const readyWords = ({ terms, rows }: Operand): number => (dimSize(rows) * readyRowBytes(dimSize(terms))) / 8;

/** Fewer queries would not make up for making keys and values ready, and longer sums or larger values would not fit. */
const READY_QUERIES = 8;
const isReady = (op: OwnOp): boolean =>
  mapDims(op.views[0]!.map).at(-2)! >= READY_QUERIES &&
  operandsOf(op).every((operand) => {
    const heads = headsOf(operand.view).reduce((a, b) => a * b, 1);
    return dimSize(operand.terms) <= READY_TERMS && 8 * heads * readyWords(operand) <= PAGE_BYTES;
  });

/** Loops over the rows of results, queries, keys, values and weights of the mean, which lie as `weights` says; then over keys and values that were made ready. */
function attentionLoops(op: OwnOp, weights: IndexMap): Loop[] {
  const [q, k, v] = op.views as [View, View, View];
  const rank = q.map.dims.length;
  const outDims = denseMap(op.out.dims).dims.slice(0, -1);
  const still: Dim = [{ n: dimSize(q.map.dims[rank - 2]!), stride: 0 }];
  const batch = (dims: readonly Dim[]): Dim[] => [...dims.slice(0, rank - 2), still];
  const ready = operandsOf(op).map((operand) => batch(denseMap([...headsOf(operand.view), readyWords(operand)]).dims));
  return loopsOver(
    [outDims, q.map.dims.slice(0, -1), batch(k.map.dims), batch(v.map.dims), weights.dims.slice(0, -1), ...ready],
    `value ${op.out.name}`,
  );
}

/** Where it pays, keys and values of all heads are made ready first. */
function attentionSteps(op: OwnOp, weights: IndexMap): Step[] {
  if (!isReady(op)) return [attentionStep(op, weights, [])];
  const made = operandsOf(op).map((operand, i): Step => {
    const heads = headsOf(operand.view);
    const dims = [...heads, readyWords(operand)];
    const buf: Buf = { id: -1, name: `${op.out.name}.${i === 0 ? 'keys' : 'values'}`, dims, kind: 'act', bytes: 8 };
    const loops = loopsOver([denseMap(dims).dims.slice(0, -1), operand.view.map.dims.slice(0, -2)], `value ${op.out.name}`);
    const access = (of: Buf, off: number, at: number): Access => ({ buf: of, off, outer: loops.map((l) => l.strides[at]!), inner: [] });
    return {
      op,
      part: i + 1,
      nodes: op.nodes,
      outer: loops.map((l) => l.n),
      lanes: 1,
      inner: [],
      out: access(buf, 0, 0),
      reads: [access(operand.view.buf, operand.view.map.off, 1)],
    };
  });
  return [
    ...made,
    attentionStep(
      op,
      weights,
      made.map((step) => step.out!.buf),
    ),
  ];
}

/** Reads queries, keys and values, or the buffers in which these were made `ready`. */
function attentionStep(op: OwnOp, weights: IndexMap, ready: readonly Buf[]): Step {
  const [q, k, v] = op.views as [View, View, View];
  const rank = q.map.dims.length;
  const outer = attentionLoops(op, weights);
  const access = (buf: Buf, off: number, i: number, inner: number[] = []): Access => ({
    buf,
    off,
    outer: outer.map((l) => l.strides[i]!),
    inner,
  });
  const levels = q.map.dims[rank - 1]!;
  return {
    op,
    part: 0,
    nodes: op.nodes,
    outer: outer.map((l) => l.n),
    lanes: 2,
    inner: levels.map((f) => f.n),
    out: { buf: op.out, off: 0, outer: outer.map((l) => l.strides[0]!), inner: [1] },
    reads: [
      access(
        q.buf,
        q.map.off,
        1,
        levels.map((f) => f.stride),
      ),
      ...(ready.length ? ready.map((buf, i) => access(buf, 0, 5 + i)) : [access(k.buf, k.map.off, 2), access(v.buf, v.map.off, 3)]),
    ],
  };
}

function readyCall(op: OwnOp, at: Places, step: Step, group: Group): KernelCall {
  const { terms, rows, zero } = operandsOf(op)[step.part - 1]!;
  const read = at.operand(step.reads[0]!, group).operand;
  const shape: ReadyShape = {
    space: read.space,
    rows: dimSize(rows),
    rowStride: 2 * evenly(rows)!,
    offs: bytesOf(terms),
    zero,
  };
  return {
    key: JSON.stringify(['ready', shape]),
    name: readyName(shape),
    build: (name, layout, origin) => readyKernel(name, shape, layout, origin),
    args: [at.operand(step.out!, group).operand, read],
    nodes: op.nodes,
  };
}

const bytesOf = (dim: Dim): number[] => [...allOffsets({ off: 0, dims: [dim] })].map((off) => 2 * off);

function attentionCall(op: OwnOp, at: Places, step: Step, group: Group, gain: number, bits: number): KernelCall {
  const [q, k, v] = op.views as [View, View, View];
  const rank = q.map.dims.length;
  const [query, key, value] = step.reads.map((r) => at.operand(r, group));
  const write = at.operand(step.out!, group);
  const out = at.scales.of(op.out);
  const ready = isReady(op);
  const lies = ({ terms, rows }: Operand): AttentionShape['keys'] =>
    ready
      ? { kOffs: Array.from({ length: dimSize(terms) }, (_, i) => 2 * i), nStride: readyRowBytes(dimSize(terms)) }
      : { kOffs: bytesOf(terms), nStride: 2 * evenly(rows)! };
  const [keys, values] = operandsOf(op);
  const shape: AttentionShape = {
    qLevels: step.inner.map((n, i): Level => ({ n, strides: [step.reads[0]!.inner[i]! * 2] })),
    d: mapDims(q.map)[rank - 1]!,
    qSpace: query!.operand.space,
    kSpace: key!.operand.space,
    vSpace: value!.operand.space,
    qLane: query!.lane,
    outLane: write.lane,
    n: mapDims(k.map)[rank - 1]!,
    keys: lies(keys),
    columns: mapDims(v.map)[rank - 1]!,
    values: lies(values),
    bits,
    outMax: out.max,
    ready,
  };
  const ratio = at.scales.unit(v) / out.scale;
  // Value times quotient stays below 2⁶².
  const shift = Math.min(QUOTIENT, QUOTIENT + 7 - Math.ceil(Math.log2(Math.abs(ratio))));
  const last = BigInt64Array.of(BigInt(Math.round(ratio * 2 ** shift)), BigInt(shift), 1n << BigInt(shift - 1));
  const scale = at.scales.unit(q) * at.scales.unit(k) * gain;
  const [multiplier, steps] = expParams(scale) as unknown as [bigint, bigint];
  // Half a step of the table, in units of scores.
  const half = Math.min(2 ** 29, Math.round(0.5 / (scale * EXP_PER_UNIT)));
  const params = BigInt64Array.of(multiplier, steps, BigInt(TOP_ZERO + half), ...last);
  const table = expTable(bits);
  const bytes = new Uint8Array(ATTENTION_PARAM_BYTES + table.length);
  bytes.set(new Uint8Array(params.buffer));
  bytes.set(table, ATTENTION_PARAM_BYTES);
  return {
    key: JSON.stringify(['attention', shape]),
    name: attentionName(shape),
    build: (name, layout, origin, parts) => attentionKernel(name, shape, layout, origin, parts),
    args: [query!.operand, write.operand, at.param(bytes), key!.operand, value!.operand],
    nodes: op.nodes,
  };
}

function evaluateAttention(op: OwnOp, [q, k, v]: readonly Float64Array[], gain: number): Float64Array {
  const [qd, kd, vd] = op.views.map((view) => mapDims(view.map)) as [number[], number[], number[]];
  const rank = qd.length;
  const [m, d, n, columns] = [qd[rank - 2]!, qd[rank - 1]!, kd[rank - 1]!, vd[rank - 1]!];
  const out = new Float64Array((q!.length / d) * columns);
  for (let row = 0; row < q!.length / d; row++) {
    const head = Math.floor(row / m);
    const e = Array.from({ length: n }, (_, j) => {
      let sum = 0;
      for (let i = 0; i < d; i++) sum += q![row * d + i]! * k![(head * d + i) * n + j]!;
      return sum * gain;
    });
    const top = Math.max(...e);
    const p = e.map((x) => Math.exp(x - top));
    const sum = p.reduce((a, x) => a + x, 0);
    for (let c = 0; c < columns; c++) {
      let mean = 0;
      for (let j = 0; j < n; j++) mean += p[j]! * v![(head * n + j) * columns + c]!;
      out[row * columns + c] = mean / sum;
    }
  }
  return out;
}

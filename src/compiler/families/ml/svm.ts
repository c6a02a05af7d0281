import type { Node } from '../../../onnx/model.ts';
import { attrNumber, attrString } from '../../graph/attrs.ts';
import type { Buf, View } from '../../graph/hops.ts';
import type { Walk } from '../../graph/lazy.ts';
import type { OwnOp, OwnPasses } from '../../graph/own.ts';
import { denseMap } from '../../graph/view.ts';
import { packFactors } from '../../kernels/floats.ts';
import { decayTable, ONE_BITS, sigmoidTable } from '../../kernels/scores.ts';
import { SVM_BITS, type SvmKernel, type SvmShape, squaresKernel, svmKernel, votesKernel } from '../../kernels/svm.ts';
import type { Scales } from '../../plan/scales.ts';
import type { Access } from '../../plan/steps.ts';
import type { KernelCall } from '../../stages.ts';
import { classLabels, numbers, refuse } from './attrs.ts';
import { emitLinear } from './linear.ts';
import { callOf, elemOf, integerRows, operandsOf, type Rows, rowLoops, rowsOf, rowsStep, seenBy, writeRows } from './rows.ts';
import { emitFinish, emitLabel, type Scores, transformOf } from './scores.ts';

/** A machine: its support vectors, and weights and constants of its scores, which are sums of kernels of these vectors. */
interface Machine {
  readonly vectors: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
  readonly base: readonly number[];
}

const view = (buf: Buf): View => ({ buf, map: denseMap(buf.dims), gain: 1 });
const rowsIn = (buf: Buf, width: number, n: number): Access => ({ buf, off: 0, outer: n > 1 ? [width] : [], inner: [1] });
/** Whole calls of a kernel that multiplies so many columns: beyond this count vectors of zeros fill up the rest. */
const EVEN = 32;
/** Degrees of polynomials whose powers are multiplied one by one. */
const MOST_DEGREE = 8;

/** Scores of a machine; where they are the node's `result` as they are, its calibrated range gives their unit. */
function emitMachine(walk: Walk, node: Node, machine: Machine, result: string | null): Scores {
  const kernel = attrString(node, 'kernel_type') ?? 'LINEAR';
  const [gamma = 0, constant = 0, degree = 3] = numbers(node, 'kernel_params');
  const { vectors, weights, base } = machine;
  // With a linear kernel the support vectors add up to one vector of coefficients.
  const { features } = rowsOf(walk, node);
  if (vectors.some((vector) => vector.length !== features))
    refuse(node, `its support vectors do not have ${features} features`, 'Give the model the features that it was trained on');
  if (kernel === 'LINEAR') {
    const sums = weights.map((row) => Array.from({ length: features }, (_, c) => row.reduce((sum, w, v) => sum + w * vectors[v]![c]!, 0)));
    return emitLinear(walk, node, sums, base, result);
  }
  if (kernel !== 'RBF' && kernel !== 'SIGMOID' && kernel !== 'POLY')
    return refuse(node, `kernel ${kernel} is not supported`, 'Use LINEAR, POLY, RBF or SIGMOID');
  if (kernel === 'POLY' && !(Number.isInteger(degree) && degree >= 1 && degree <= MOST_DEGREE))
    refuse(node, `a polynomial of degree ${degree}`, `Use a whole degree up to ${MOST_DEGREE}`);
  const spare = vectors.length > EVEN ? (EVEN - (vectors.length % EVEN)) % EVEN : 0;
  const all = [...vectors, ...Array.from({ length: spare }, () => new Array<number>(features).fill(0))];
  const own = rowsOf(walk, node);
  // Squares need each feature as the machine sees it.
  const rows = kernel === 'RBF' && own.affine ? integerRows(walk, node) : own;
  const factor = kernel === 'POLY' ? gamma : 2 * gamma;
  const offset = (vector: readonly number[]): number =>
    kernel === 'RBF' ? -gamma * vector.reduce((sum, v) => sum + v * v, 0) : kernel === 'POLY' ? constant : 2 * constant;
  const products = emitLinear(
    walk,
    node,
    all.map((vector) => vector.map((v) => factor * v)),
    all.map(offset),
    null,
    rows,
  );
  const squares = kernel === 'RBF' ? emitSquares(walk, node, rows, -gamma) : null;
  const reach = (bound: number): number =>
    Math.max(...all.map((vector) => vector.reduce((sum, v) => sum + Math.abs(gamma * v), 0))) * bound;
  const values = emitKernels(walk, node, { kernel, degree, count: all.length }, products, squares, (at) => {
    const seen = at.bound({ ...products.buf, name: node.inputs[0]! });
    return Math.max(2 ** -20, reach(seen) + Math.abs(constant));
  });
  const padded = weights.map((row) => [...row, ...new Array<number>(spare).fill(0)]);
  const width = all.length;
  const kernels: Rows = { view: view(values), n: rows.n, features: width, stride: width, float: false, affine: null };
  return emitLinear(walk, node, padded, base, result, kernels);
}

/** `factor · |x|²` of each row, in 64 bits. */
function emitSquares(walk: Walk, node: Node, rows: Rows, factor: number): Buf {
  const out = walk.buf(`${node.outputs[0] || node.name}.squares`, [rows.n, 1], 'act', { bytes: 8 });
  const passes: OwnPasses = {
    wide: true,
    scale: () => ({ scale: 2 ** -SVM_BITS, max: 2 ** 53 }),
    steps: (op) => [{ ...rowsStep(op, rows, 1), out: writeRows(op.out, 1, rows.n) }],
    calls: (op, at, step, group) => {
      const { out: to, reads, space } = operandsOf(at, step, group);
      const seen = seenBy(op, rows);
      const unit = rows.float ? 1 : at.scales.unit(seen.view);
      const shape = { count: rows.features, space, elem: elemOf(seen) };
      const build: KernelCall['build'] = (n, l, o) => squaresKernel(n, shape, l, o);
      const factors = packFactors([factor * unit * unit * 2 ** SVM_BITS]);
      return [callOf(op, 'squares', shape, rows.features, build, [to, reads[0]!, at.param(factors)])];
    },
    evaluate: (_, [x]) =>
      Float64Array.from({ length: rows.n }, (_unused, r) =>
        x!.subarray(r * rows.features, (r + 1) * rows.features).reduce((sum, v) => sum + factor * v * v, 0),
      ),
  };
  walk.ops.push({ kind: 'own', out, views: [rows.view], nodes: [node], passes });
  return out;
}

/** Kernels of a row with each support vector. `reach`: the largest magnitude of a polynomial's base. */
function emitKernels(
  walk: Walk,
  node: Node,
  shape: SvmShape,
  products: Scores,
  squares: Buf | null,
  reach: (scales: Scales) => number,
): Buf {
  const { n, count } = products;
  const { kernel, degree } = shape;
  const out = walk.buf(`${node.outputs[0] || node.name}.kernels`, [n, count], 'act', { bytes: 4 });
  /** Bits that a polynomial's base gives up to fit in 30. */
  const shift = (scales: Scales): number => Math.max(0, Math.ceil(Math.log2(reach(scales))) + SVM_BITS - ONE_BITS);
  const passes: OwnPasses = {
    wide: true,
    scale: (_, scales) => {
      const most = kernel === 'POLY' ? 2 ** ((ONE_BITS + shift(scales) - SVM_BITS) * degree) : 1;
      return { scale: most * 2 ** -ONE_BITS, max: 2 ** ONE_BITS };
    },
    steps: (op) => [
      {
        op,
        part: 0,
        nodes: op.nodes,
        outer: rowLoops(n),
        lanes: 1,
        inner: [count],
        out: writeRows(op.out, count, n),
        reads: [rowsIn(op.views[0]!.buf, count, n), ...(squares ? [rowsIn(op.views[1]!.buf, 1, n)] : [])],
      },
    ],
    calls: (op, at, step, group) => {
      const { out: to, reads } = operandsOf(at, step, group);
      const last = kernel === 'POLY' ? BigInt64Array.of(BigInt(shift(at.scales))) : kernel === 'RBF' ? decayTable() : sigmoidTable();
      const build: KernelCall['build'] = (k, l, o) => svmKernel(k, shape, l, o);
      return [callOf(op, `svm_${kernel.toLowerCase()}`, shape, count, build, [to, ...reads, at.param(last)])];
    },
    evaluate: (_, [z, s]) => z!.map((v, i) => kernelOf(kernel, degree, v + (s ? s[Math.floor(i / count)]! : 0))),
  };
  walk.ops.push({ kind: 'own', out, views: [view(products.buf), ...(squares ? [view(squares)] : [])], nodes: [node], passes });
  return out;
}

const kernelOf = (kernel: SvmKernel, degree: number, z: number): number =>
  kernel === 'RBF' ? Math.exp(z) : kernel === 'SIGMOID' ? Math.tanh(z / 2) : z ** degree;

/** Rows of support vectors. */
function vectorsOf(node: Node, count: number): number[][] {
  const values = numbers(node, 'support_vectors');
  const width = values.length / count;
  if (!Number.isInteger(width) || width === 0)
    refuse(node, `it has ${values.length} numbers for ${count} support vectors`, 'Export the model again');
  return Array.from({ length: count }, (_, v) => values.slice(v * width, (v + 1) * width));
}

export function svmRegressor(walk: Walk, node: Node): void {
  const coefficients = numbers(node, 'coefficients');
  const count = attrNumber(node, 'n_supports') ?? 0;
  const { features } = rowsOf(walk, node);
  const rho = numbers(node, 'rho')[0] ?? 0;
  const oneClass = (attrNumber(node, 'one_class') ?? 0) !== 0;
  const name = node.outputs[0]!;
  // Without support vectors the coefficients are those of the features.
  const identity = Array.from({ length: features }, (_, v) => Array.from({ length: features }, (_unused, c) => (c === v ? 1 : 0)));
  const vectors = count > 0 ? vectorsOf(node, count) : identity;
  if (coefficients.length !== vectors.length)
    refuse(node, `it has ${coefficients.length} coefficients for ${vectors.length} support vectors`, 'Export the model again');
  if (count === 0 && (attrString(node, 'kernel_type') ?? 'LINEAR') !== 'LINEAR')
    refuse(node, 'it has no support vectors', 'Export the model again');
  const transform = transformOf(node);
  if (transform !== 'none')
    refuse(node, `post_transform ${attrString(node, 'post_transform')} of a regression`, 'Apply it with a node of its own');
  const scores = emitMachine(walk, node, { vectors, weights: [coefficients], base: [rho] }, oneClass ? null : name);
  if (oneClass) emitLabel(walk, node, name, scores, { choice: 'above', place: 0, border: 0, hitsAt: null }, [-1, 1]);
  else emitFinish(walk, node, name, scores, 'none', 'own');
}

/** Machines for each pair of classes; the class with most votes, the first of several, is the label. */
export function svmClassifier(walk: Walk, node: Node): void {
  const classes = classLabels(node, 'classlabels_ints');
  const perClass = numbers(node, 'vectors_per_class');
  if (perClass.length === 0) refuse(node, 'it has no support vectors', 'Export a linear machine as LinearClassifier');
  const [a, b] = [numbers(node, 'prob_a'), numbers(node, 'prob_b')];
  if (a.length > 0 && classes.length > 2)
    refuse(node, 'it gives probabilities of more than two classes', 'Train without them (probability=False), and use the scores');
  if (perClass.length !== classes.length)
    refuse(node, `it has vectors of ${perClass.length} classes for ${classes.length}`, 'Export the model again');
  const total = perClass.reduce((a, b) => a + b, 0);
  const starts = perClass.map((_, i) => perClass.slice(0, i).reduce((a, b) => a + b, 0));
  const coefficients = numbers(node, 'coefficients');
  const rho = numbers(node, 'rho');
  const weights: number[][] = [];
  for (let i = 0; i < classes.length - 1; i++)
    for (let j = i + 1; j < classes.length; j++) {
      const row = new Array<number>(total).fill(0);
      for (let m = 0; m < perClass[i]!; m++) row[starts[i]! + m] = coefficients[(j - 1) * total + starts[i]! + m] ?? Number.NaN;
      for (let m = 0; m < perClass[j]!; m++) row[starts[j]! + m] = coefficients[i * total + starts[j]! + m] ?? Number.NaN;
      weights.push(row);
    }
  if (rho.length < weights.length || weights.some((row) => row.some(Number.isNaN)))
    refuse(node, 'it has too few coefficients for its classes', 'Export the model again');
  const platt = a.length > 0;
  // Platt's sigmoid of the score `s`: the second of two classes has the probability σ(a·s + b). ONNX Runtime comes within 0.004 of that, by steps.
  const fitted = platt ? weights.map((row) => row.map((w) => w * a[0]!)) : weights;
  const base = platt ? [rho[0]! * a[0]! + b[0]!] : rho.slice(0, weights.length);
  const machine: Machine = { vectors: vectorsOf(node, total), weights: fitted, base };
  const scores = emitMachine(walk, node, machine, null);
  const [label, values] = node.outputs;
  const transform = transformOf(node);
  if (platt) {
    if (transform !== 'none') refuse(node, 'it transforms probabilities', 'Use post_transform NONE');
    // The label follows from the score itself: above zero it is the first class.
    const names = a[0]! > 0 ? [classes[1]!, classes[0]!] : classes;
    if (label) emitLabel(walk, node, label, scores, { choice: 'above', place: 0, border: b[0]!, hitsAt: null }, names);
    if (values) emitFinish(walk, node, values, scores, 'logistic', 'mirror');
    return;
  }
  if (classes.length === 2) {
    // A score above zero votes for the first class.
    if (label) emitLabel(walk, node, label, scores, { choice: 'above', place: 0, border: 0, hitsAt: null }, [classes[1]!, classes[0]!]);
    if (values) emitFinish(walk, node, values, scores, transform, transform === 'none' ? 'mirror' : 'complement');
    return;
  }
  if (label)
    emitLabel(
      walk,
      node,
      label,
      emitVotes(walk, node, scores, classes.length),
      { choice: 'largest', place: 0, border: 0, hitsAt: null },
      classes,
    );
  if (values) emitFinish(walk, node, values, scores, transform, 'own');
}

function emitVotes(walk: Walk, node: Node, scores: Scores, classes: number): Scores {
  const { n, count } = scores;
  const buf = walk.buf(`${node.outputs[0]}.votes`, [n, classes], 'act', { bytes: 8 });
  const passes: OwnPasses = {
    wide: true,
    scale: () => ({ scale: 1, max: 2 ** 31 - 1 }),
    steps: (op: OwnOp) => [
      {
        op,
        part: 0,
        nodes: op.nodes,
        outer: rowLoops(n),
        lanes: 1,
        inner: [classes],
        out: writeRows(op.out, classes, n),
        reads: [rowsIn(op.views[0]!.buf, count, n)],
      },
    ],
    calls: (op, at, step, group) => {
      const { out, reads } = operandsOf(at, step, group);
      const shape = { classes };
      return [callOf(op, 'votes', shape, classes, (k, l, o) => votesKernel(k, shape, l, o), [out, reads[0]!])];
    },
    evaluate: (_, [x]) => {
      const votes = new Float64Array(n * classes);
      for (let r = 0; r < n; r++) {
        let pair = r * count;
        for (let i = 0; i < classes - 1; i++) for (let j = i + 1; j < classes; j++) votes[r * classes + (x![pair++]! > 0 ? i : j)]!++;
      }
      return votes;
    },
  };
  walk.ops.push({ kind: 'own', out: buf, views: [view(scores.buf)], nodes: [node], passes });
  return { buf, n, count: classes, width: classes, bound: classes };
}

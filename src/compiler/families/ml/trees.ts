import type { Node } from '../../../onnx/model.ts';
import type { Buf } from '../../graph/hops.ts';
import type { Walk } from '../../graph/lazy.ts';
import type { OwnOp, OwnPasses } from '../../graph/own.ts';
import { type BranchTree, type TreeBranchesShape, treeBranchesKernel, treeSize } from '../../kernels/tree-branches.ts';
import { LEAF_BYTES, MISSING_RIGHT, NODE_BYTES, startKernel, TREES_A_CALL, type TreesShape, treesKernel } from '../../kernels/trees.ts';
import type { Places } from '../../lower/places.ts';
import type { Access, Step } from '../../plan/steps.ts';
import type { KernelCall } from '../../stages.ts';
import { refuse } from './attrs.ts';
import { type Branch, type Ensemble, isLeaf, type TreeNode } from './ensemble.ts';
import { firstKey, keyOf, LEAST_KEY } from './floats.ts';
import { type Affine, callOf, emitKeys, operandsOf, type Rows, readRows, rowLoops, rowsOf } from './rows.ts';

export interface TreesSpec {
  readonly ensemble: Ensemble;
  /** Classes or targets. */
  readonly scores: number;
  readonly combine: 'sum' | 'min' | 'max';
  /** What scores are before the first tree. */
  readonly base: readonly number[];
  /** Whether it must be known which scores a leaf gave. */
  readonly hits: boolean;
  /** A unit of a score is 2^-bits. */
  readonly bits: number;
}

/** A range of integers: features in it take one branch, others the other one. */
interface Range {
  readonly low: number;
  readonly high: number;
  /** Features in the range take the false branch. */
  readonly swapped: boolean;
}
const NEVER = 2 ** 31 - 1;

/** Scores before the trees, then one or several trees a call: 64-bit integers. The scores of a row have a spare one behind them for empty entries. */
export function emitTrees(walk: Walk, node: Node, spec: TreesSpec): Buf {
  const rows = rowsOf(walk, node);
  for (const tree of spec.ensemble.nodes) {
    if (!isLeaf(tree) && !(tree.feature >= 0 && tree.feature < rows.features))
      refuse(node, `it reads feature ${tree.feature} of ${rows.features}`, 'Give the model the features that it was trained on');
    if (isLeaf(tree) && tree.some(({ id }) => !(id >= 0 && id < spec.scores)))
      refuse(
        node,
        `a leaf gives weight to class ${tree.find(({ id }) => id >= spec.scores)?.id} of ${spec.scores}`,
        'Export the model again',
      );
  }
  const source: Rows = rows.float ? { ...rows, view: emitKeys(walk, node, rows), stride: rows.features } : { ...rows, float: false };
  const width = (spec.scores + 1) * (spec.hits ? 2 : 1);
  const out = walk.buf(`${node.outputs[0] || node.name}.scores`, [rows.n, width], 'act', { bytes: 8 });
  walk.ops.push({ kind: 'own', out, views: [source.view], nodes: [node], passes: treePasses(node, spec, source, rows, width) });
  return out;
}

function treePasses(node: Node, spec: TreesSpec, source: Rows, rows: Rows, width: number): OwnPasses {
  const { ensemble, combine, hits } = spec;
  const perCall = Math.min(TREES_A_CALL, ensemble.roots.length);
  const calls = Math.ceil(ensemble.roots.length / perCall);
  const outer = rowLoops(rows.n);
  return {
    wide: true,
    scale: () => ({ scale: 2 ** -spec.bits, max: 2 ** 53 }),
    steps: (op) => {
      const out = { buf: op.out, off: 0, outer: rows.n > 1 ? [width] : [], inner: [1] };
      const read = readRows({ ...source, view: op.views[0]! });
      const common = { op, nodes: op.nodes, lanes: 1 as const, inner: [width] };
      return [
        { ...common, part: 0, outer, out, reads: [] },
        {
          ...common,
          part: 1,
          outer: [...outer, calls],
          out: { ...out, outer: [...out.outer, 0] },
          reads: [{ ...read, outer: [...read.outer, 0] }],
        },
      ];
    },
    calls: (op, at, step, group) => {
      const { out, reads, space } = operandsOf(at, step, group);
      if (step.part === 0) {
        const start = startScores(spec, width);
        return [callOf(op, 'start', { width }, width, (n, l, o) => startKernel(n, width, l, o), [out, at.param(start)])];
      }
      const entries = Math.max(1, ...ensemble.nodes.map((tree) => (isLeaf(tree) ? tree.length : 0)));
      const tables = tablesOf(node, spec, source, rows, at, op, entries, perCall * calls);
      const shape: TreesShape = {
        trees: perCall,
        depth: ensemble.depth,
        nodes: tables.nodes.length / (NODE_BYTES / 4),
        leaves: tables.leaves.byteLength / (entries * LEAF_BYTES),
        entries,
        scores: spec.scores + 1,
        features: rows.features,
        featureBytes: rows.float ? 4 : 2,
        featureSpace: space,
        equalities: ensemble.nodes.some((tree) => !isLeaf(tree) && (tree.mode === 'BRANCH_EQ' || tree.mode === 'BRANCH_NEQ')),
        combine,
        hits,
      };
      const roots = at.weights.add(tables.roots);
      const build: KernelCall['build'] = (n, l, o) => treesKernel(n, shape, l, o);
      return [
        callOf(op, 'trees', shape, `${perCall}x${ensemble.depth}`, build, [
          out,
          reads[0]!,
          at.param(tables.nodes),
          at.param(tables.leaves),
          { space: 'weights', off: roots, strides: [...outer.map(() => 0), 4 * perCall] },
        ]),
      ];
    },
    evaluate: (_, [x]) => evaluate(spec, rows, width, x!),
    specialised: (op) =>
      ensemble.roots.length && ensemble.nodes.length <= MOST_NODES
        ? { ...op, passes: branchPasses(op.passes, node, spec, source, rows) }
        : op,
  };
}

/** Nodes of an ensemble that stands in the code: instructions must still fit in the second-level cache. */
const MOST_NODES = 40_000;
/** Nodes of the trees of one function, whose jumps must reach from one end to the other. */
const NODES_A_CALL = 4_000;

/** The trees as branches with immediates, in as many functions as their size asks for. */
function branchPasses(tables: OwnPasses, node: Node, spec: TreesSpec, source: Rows, rows: Rows): OwnPasses {
  return {
    ...tables,
    steps: (op) => {
      const [start, trees] = tables.steps(op) as [Step, Step];
      // All functions run in one round.
      const inRow = (access: Access): Access => ({ ...access, outer: access.outer.slice(0, -1) });
      return [start, { ...trees, outer: trees.outer.slice(0, -1), out: inRow(trees.out!), reads: trees.reads.map(inRow) }];
    },
    calls: (op, at, step, group) => {
      if (step.part === 0) return tables.calls(op, at, step, group);
      const { out, reads, space } = operandsOf(at, step, group);
      const unit = source.float || rows.float ? null : at.scales.unit(op.views[0]!);
      const chunks: BranchTree[][] = [[]];
      let size = 0;
      for (const root of spec.ensemble.roots) {
        const tree = branchTree(node, spec, rows, unit, root);
        const nodes = treeSize(tree);
        if (size > 0 && size + nodes > NODES_A_CALL) {
          chunks.push([]);
          size = 0;
        }
        chunks.at(-1)!.push(tree);
        size += nodes;
      }
      return chunks.map((trees, i) => {
        const shape: TreeBranchesShape = {
          trees,
          scores: spec.scores + 1,
          features: rows.features,
          featureBytes: rows.float ? 4 : 2,
          featureSpace: space,
          combine: spec.combine,
          hits: spec.hits,
        };
        const build: KernelCall['build'] = (n, l, o) => treeBranchesKernel(n, shape, l, o);
        return callOf(op, 'branches', [op.out.id, i], `${trees.length}x${spec.ensemble.depth}`, build, [out, reads[0]!]);
      });
    },
  };
}

function branchTree(node: Node, spec: TreesSpec, rows: Rows, unit: number | null, at: number): BranchTree {
  const tree = spec.ensemble.nodes[at]!;
  if (isLeaf(tree)) return { entries: tree.map(({ id, weight }) => ({ id, weight: toScore(weight, spec.bits) })) };
  const { high, low, left, right, missingLeft } = sidesOf(node, tree, rows, unit);
  const side = (child: number): BranchTree => branchTree(node, spec, rows, unit, child);
  return {
    feature: tree.feature,
    high,
    low: low <= (unit === null ? LEAST_KEY : -(2 ** 31)) ? null : low,
    missingLeft: unit === null ? missingLeft : null,
    left: side(left),
    right: side(right),
  };
}

/** Which features go left, and where to. */
function sidesOf(node: Node, tree: Branch, rows: Rows, unit: number | null) {
  const { high, low, swapped } = unit === null ? floatRange(node, tree, rows.affine) : integerRange(node, tree, unit);
  const [left, right] = swapped ? [tree.no, tree.yes] : [tree.yes, tree.no];
  // Nothing equals what is no number, so that "not equal" holds.
  const missingYes = tree.missingYes || tree.mode === 'BRANCH_NEQ';
  return { high, low, left, right, missingLeft: missingYes !== swapped };
}

/** A weight as a 64-bit integer of the scores. */
const toScore = (weight: number, bits: number): bigint => {
  // A float32 times a power of two is exact in double precision; whole multiples of 2⁵³ go in two parts.
  const scaled = weight * 2 ** bits;
  return Math.abs(scaled) < 2 ** 53 ? BigInt(Math.round(scaled)) : BigInt(scaled);
};

function startScores({ base, combine, bits, scores }: TreesSpec, width: number): BigInt64Array {
  const start = new BigInt64Array(width);
  for (let i = 0; i < scores; i++)
    start[i] = combine === 'sum' ? toScore(base[i] ?? 0, bits) : combine === 'min' ? 2n ** 62n : -(2n ** 62n);
  return start;
}

function tablesOf(
  node: Node,
  spec: TreesSpec,
  source: Rows,
  rows: Rows,
  at: Places,
  op: OwnOp,
  entries: number,
  trees: number,
): { nodes: Int32Array; leaves: Uint8Array; roots: Int32Array } {
  const { ensemble, bits, scores } = spec;
  const spare = trees > ensemble.roots.length;
  // An empty tree is a leaf without entries: it fills up the last call.
  const all: readonly TreeNode[] = spare ? [...ensemble.nodes, []] : ensemble.nodes;
  const leafCount = all.filter(isLeaf).length;
  const nodes = new Int32Array((all.length * NODE_BYTES) / 4);
  const leaves = new Uint8Array(leafCount * entries * LEAF_BYTES);
  const leafView = new DataView(leaves.buffer);
  const unit = source.float || rows.float ? null : at.scales.unit(op.views[0]!);
  let leaf = 0;
  all.forEach((tree, i) => {
    const words = nodes.subarray((i * NODE_BYTES) / 4, ((i + 1) * NODE_BYTES) / 4);
    const self = i * NODE_BYTES;
    if (isLeaf(tree)) {
      words.set([leaf * entries * LEAF_BYTES, 0, self, self, LEAST_KEY - 1, 0]);
      for (let e = 0; e < entries; e++) {
        const off = (leaf * entries + e) * LEAF_BYTES;
        const entry = tree[e];
        leafView.setUint32(off, 8 * (entry ? entry.id : scores), true);
        leafView.setBigInt64(off + 8, entry ? toScore(entry.weight, bits) : 0n, true);
      }
      leaf++;
      return;
    }
    const { high, low, left, right, missingLeft } = sidesOf(node, tree, rows, unit);
    const feature = tree.feature * (unit === null ? 4 : 2);
    words.set([high, feature | (missingLeft ? 0 : MISSING_RIGHT) | 0, left * NODE_BYTES, right * NODE_BYTES, low, 0]);
  });
  const roots = Int32Array.from({ length: trees }, (_, t) => (ensemble.roots[t] ?? all.length - 1) * NODE_BYTES);
  return { nodes, leaves, roots };
}

/** Keys of the floats that take the true branch, after what a Scaler before the trees does to them in single precision. */
function floatRange(node: Node, { mode, feature, value }: Branch, affine: Affine | null): Range {
  const t = Math.fround(value);
  const low = LEAST_KEY;
  if (!affine) {
    const key = keyOf(t);
    switch (mode) {
      case 'BRANCH_LEQ':
      case 'BRANCH_GT':
        return { low, high: key, swapped: mode === 'BRANCH_GT' };
      case 'BRANCH_LT':
      case 'BRANCH_GTE':
        return { low, high: key - 1, swapped: mode === 'BRANCH_GTE' };
      default:
        return { low: key, high: key, swapped: mode === 'BRANCH_NEQ' };
    }
  }
  const [offset, scale] = [Math.fround(affine.offset[feature]!), Math.fround(affine.scale[feature]!)];
  if (!(scale > 0)) refuse(node, `the Scaler before it has scale ${scale} for feature ${feature}`, 'Use positive scales');
  const scaled = (x: number): number => Math.fround(Math.fround(x - offset) * scale);
  const above = firstKey((x) => scaled(x) > t) - 1;
  const below = firstKey((x) => scaled(x) >= t);
  switch (mode) {
    case 'BRANCH_LEQ':
    case 'BRANCH_GT':
      return { low, high: above, swapped: mode === 'BRANCH_GT' };
    case 'BRANCH_LT':
    case 'BRANCH_GTE':
      return { low, high: below - 1, swapped: mode === 'BRANCH_GTE' };
    default:
      return { low: below, high: above, swapped: mode === 'BRANCH_NEQ' };
  }
}

/** Integers `q` with `q·unit` on the true side: features that the program has computed. */
function integerRange(node: Node, { mode, value }: Branch, unit: number): Range {
  const low = -(2 ** 31);
  const clamped = (q: number): number => Math.max(-NEVER, Math.min(NEVER, q));
  const at = value / unit;
  if (unit < 0) refuse(node, 'its features are stored with the opposite sign', 'Negate before the operator before it');
  switch (mode) {
    case 'BRANCH_LEQ':
    case 'BRANCH_GT':
      return { low, high: clamped(Math.floor(at)), swapped: mode === 'BRANCH_GT' };
    case 'BRANCH_LT':
    case 'BRANCH_GTE':
      return { low, high: clamped(Math.ceil(at) - 1), swapped: mode === 'BRANCH_GTE' };
    default:
      return refuse(node, `nodes of mode ${mode} compare computed features`, 'Compare model inputs only, or use BRANCH_LEQ');
  }
}

const holds = (mode: Branch['mode'], x: number, t: number): boolean => {
  switch (mode) {
    case 'BRANCH_LEQ':
      return x <= t;
    case 'BRANCH_LT':
      return x < t;
    case 'BRANCH_GTE':
      return x >= t;
    case 'BRANCH_GT':
      return x > t;
    case 'BRANCH_EQ':
      return x === t;
    case 'BRANCH_NEQ':
      return x !== t;
  }
};

function evaluate(spec: TreesSpec, rows: Rows, width: number, x: Float64Array): Float64Array {
  const out = new Float64Array(rows.n * width);
  for (let r = 0; r < rows.n; r++) {
    const scores = out.subarray(r * width, (r + 1) * width);
    const limit = spec.combine === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    for (let i = 0; i < spec.scores; i++) scores[i] = spec.combine === 'sum' ? (spec.base[i] ?? 0) : limit;
    for (const root of spec.ensemble.roots) {
      let at = spec.ensemble.nodes[root]!;
      while (!isLeaf(at)) {
        const raw = x[r * rows.features + at.feature]!;
        const { affine } = rows;
        const value = affine
          ? Math.fround(Math.fround(raw - Math.fround(affine.offset[at.feature]!)) * Math.fround(affine.scale[at.feature]!))
          : raw;
        const yes = holds(at.mode, value, Math.fround(at.value)) || (Number.isNaN(value) && at.missingYes);
        at = spec.ensemble.nodes[yes ? at.yes : at.no]!;
      }
      for (const { id, weight } of at) {
        scores[id] =
          spec.combine === 'sum'
            ? scores[id]! + weight
            : spec.combine === 'min'
              ? Math.min(scores[id]!, weight)
              : Math.max(scores[id]!, weight);
        if (spec.hits) scores[spec.scores + 1 + id] = 1;
      }
    }
  }
  return out;
}

/** Bits of a score's unit: enough for every weight to be exact where that leaves room for their sum, and no fewer than `least`. */
export function scoreBits(node: Node, weights: readonly number[], bound: number, least: number): number {
  let exact = 0;
  for (const weight of weights) {
    if (weight === 0 || !Number.isFinite(weight)) continue;
    let bits = Math.max(0, 23 - Math.floor(Math.log2(Math.abs(weight))));
    while (bits > 0 && Number.isInteger(weight * 2 ** (bits - 1))) bits--;
    exact = Math.max(exact, bits);
  }
  const room = 60 - Math.ceil(Math.log2(Math.max(bound, 2 ** -30)));
  if (room < least) refuse(node, `its scores reach ${bound.toPrecision(3)}, which is too large`, 'Train on scaled targets');
  return Math.max(least, Math.min(exact, room, 60));
}

/** Largest magnitude that a score can reach. */
export function scoreBound({ nodes, roots }: Ensemble, combine: 'sum' | 'min' | 'max', base: readonly number[]): number {
  const top = new Map<number, number>();
  const of = (at: number): number => {
    const known = top.get(at);
    if (known !== undefined) return known;
    const open = new Set([at]);
    let most = 0;
    for (const next of open) {
      const here = nodes[next]!;
      if (isLeaf(here)) for (const { weight } of here) most = Math.max(most, Math.abs(weight));
      else open.add(here.yes).add(here.no);
    }
    top.set(at, most);
    return most;
  };
  const most = roots.map(of);
  const trees = combine === 'sum' ? most.reduce((a, b) => a + b, 0) : Math.max(...most);
  return trees + Math.max(0, ...base.map(Math.abs));
}

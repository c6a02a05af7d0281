import type { Node } from '../../../onnx/model.ts';
import { attrNumber, attrString } from '../../graph/attrs.ts';
import type { Walk } from '../../graph/lazy.ts';
import { classLabels, numbers, refuse } from './attrs.ts';
import { type Ensemble, isLeaf, namedEnsemble, tensorEnsemble } from './ensemble.ts';
import { emitLinear } from './linear.ts';
import { emitFinish, emitLabel, type LabelRule, type Scores, transformOf } from './scores.ts';
import { emitTrees, scoreBits, scoreBound, type TreesSpec } from './trees.ts';

const ADVICE = 'Convert the model again with a current converter';

/** Scores of an ensemble, in rows with a spare one behind the classes. */
function treeScores(
  walk: Walk,
  node: Node,
  ensemble: Ensemble,
  spec: Pick<TreesSpec, 'scores' | 'combine' | 'base' | 'hits'>,
  count: number,
  least: number,
): Scores & { readonly bits: number } {
  const weights = ensemble.nodes.flatMap((tree) => (isLeaf(tree) ? tree.map(({ weight }) => weight) : []));
  const bound = scoreBound(ensemble, spec.combine, spec.base);
  if (!Number.isFinite(bound)) refuse(node, 'a leaf has a weight that is not finite', 'Train or export the model again');
  const bits = scoreBits(node, [...weights, ...spec.base], bound, least);
  const buf = emitTrees(walk, node, { ensemble, ...spec, bits });
  const width = buf.dims.at(-1)!;
  return { buf, n: buf.dims[0]!, count, width, bound, bits };
}

/** Ids that some leaf gives weight to, and those that one tree always gives. */
function idsOf({ nodes, roots }: Ensemble): { some: Set<number>; always: Set<number> } {
  const some = new Set(nodes.flatMap((tree) => (isLeaf(tree) ? tree.map(({ id }) => id) : [])));
  const always = new Set<number>();
  for (const root of roots) {
    let common: number[] | null = null;
    const open = new Set([root]);
    for (const at of open) {
      const tree = nodes[at]!;
      if (!isLeaf(tree)) {
        open.add(tree.yes).add(tree.no);
        continue;
      }
      const here: number[] = tree.map(({ id }) => id);
      common = common === null ? here : (common as number[]).filter((id) => here.includes(id));
    }
    for (const id of common ?? []) always.add(id);
  }
  return { some, always };
}

/** The rules of ONNX Runtime, which say more about two classes than the operator's own text. */
export function treeClassifier(walk: Walk, node: Node): void {
  const ensemble = namedEnsemble(node, 'class');
  const classes = classLabels(node, 'classlabels_int64s');
  const base = numbers(node, 'base_values', 'base_values_as_tensor');
  const transform = transformOf(node);
  const least = transform === 'none' ? 0 : 24;
  const { some, always } = idsOf(ensemble);
  const [label, probabilities] = node.outputs;
  if (classes.length < 2) refuse(node, `it has ${classes.length} class`, 'Train on two classes or more');
  const finish = (scores: Scores, rule: LabelRule, second: 'own' | 'mirror' | 'complement' | 'zero', names = classes): void => {
    if (label) emitLabel(walk, node, label, scores, rule, names);
    // A single score has no softmax of its own: the runtime leaves it as it is.
    const plain = (second === 'mirror' || second === 'complement') && transform === 'softmax';
    if (probabilities) emitFinish(walk, node, probabilities, scores, plain ? 'none' : transform, second);
  };
  if (classes.length > 2) {
    if (base.length > 0 && base.length !== classes.length)
      refuse(node, `it has ${base.length} base values for ${classes.length} classes`, ADVICE);
    const hits = base.length === 0 && some.size > 0 && always.size < classes.length;
    const scores = treeScores(walk, node, ensemble, { scores: classes.length, combine: 'sum', base, hits }, classes.length, least);
    finish(scores, { choice: 'largest', place: 0, border: 0, hitsAt: hits ? classes.length + 1 : null }, 'own');
    return;
  }
  const positive = ensemble.nodes.every((tree) => !isLeaf(tree) || tree.every(({ weight }) => weight >= 0));
  const border = positive ? 0.5 : 0;
  if (some.size === 1 && some.has(0)) {
    // One score for two classes.
    const start = base.length > 0 ? [base[0]!] : [];
    const scores = treeScores(walk, node, ensemble, { scores: 1, combine: 'sum', base: start, hits: false }, 1, least);
    const second = base.length > 1 ? 'zero' : positive ? 'complement' : 'mirror';
    finish(scores, { choice: 'above', place: 0, border, hitsAt: null }, second);
    return;
  }
  if (base.length > 0) refuse(node, 'it has base values and weights for the second of two classes', ADVICE);
  if (!always.has(1))
    refuse(node, 'only some of its leaves give weight to the second of two classes', 'Write weights of both classes, zeros too');
  // With weights of both classes the label is 1 or 0, whatever the labels are, and 1 as soon as the second score is positive.
  const both = some.size === 2;
  const scores = treeScores(walk, node, ensemble, { scores: 2, combine: 'sum', base: [], hits: false }, 2, least);
  if (both && classes.some((c) => typeof c === 'string'))
    refuse(node, 'it has texts as labels and weights for both of two classes', ADVICE);
  finish(scores, { choice: 'above', place: 1, border: both ? 0 : border, hitsAt: null }, 'own', both ? [0, 1] : classes);
}

const AGGREGATES = ['AVERAGE', 'SUM', 'MIN', 'MAX'];

function regress(walk: Walk, node: Node, ensemble: Ensemble, aggregate: string, base: readonly number[]): void {
  const targets = attrNumber(node, 'n_targets') ?? 1;
  const trees = ensemble.roots.length;
  // With one target the runtime transforms nothing.
  const transform = targets === 1 ? 'none' : transformOf(node);
  if (targets === 1) transformOf(node);
  if (!AGGREGATES.includes(aggregate)) refuse(node, `aggregate function ${aggregate} is not supported`, `Use ${AGGREGATES.join(', ')}`);
  const start = base.length === targets ? base : [];
  const extreme = aggregate === 'MIN' || aggregate === 'MAX';
  if (aggregate === 'AVERAGE' && transform !== 'none') refuse(node, 'it transforms averages', 'Use SUM with divided weights');
  let used = ensemble;
  if (extreme) {
    const { always } = idsOf(ensemble);
    if (always.size < targets)
      refuse(node, `${aggregate} of a target to which no tree always gives weight`, 'Give every leaf weights for all targets');
    // The smallest of shifted weights is the smallest weight, shifted.
    const shift = (weight: number, id: number): number => weight + (start[id] ?? 0);
    used = { ...ensemble, nodes: ensemble.nodes.map((t) => (isLeaf(t) ? t.map((e) => ({ ...e, weight: shift(e.weight, e.id) })) : t)) };
  }
  const spec = {
    scores: targets,
    combine: aggregate === 'MIN' ? 'min' : aggregate === 'MAX' ? 'max' : 'sum',
    base: extreme ? [] : start.map((b) => (aggregate === 'AVERAGE' ? b * trees : b)),
    hits: false,
  } as const;
  const scores = treeScores(walk, node, used, spec, targets, transform === 'none' ? 0 : 24);
  emitFinish(walk, node, node.outputs[0]!, scores, transform, 'own', aggregate === 'AVERAGE' ? trees : 1);
}

export function treeRegressor(walk: Walk, node: Node): void {
  const base = numbers(node, 'base_values', 'base_values_as_tensor');
  regress(walk, node, namedEnsemble(node, 'target'), attrString(node, 'aggregate_function') ?? 'SUM', base);
}

/** Version 5, in which both are one operator. */
export function treeEnsemble(walk: Walk, node: Node): void {
  regress(walk, node, tensorEnsemble(node), AGGREGATES[attrNumber(node, 'aggregate_function') ?? 1] ?? '', []);
}

/** Rows of a matrix that is stored row after row. */
function matrix(node: Node, values: readonly number[], rows: number): number[][] {
  const width = values.length / rows;
  if (rows === 0 || !Number.isInteger(width))
    refuse(node, `it has ${values.length} coefficients for ${rows} scores`, 'Export the model again');
  return Array.from({ length: rows }, (_, r) => values.slice(r * width, (r + 1) * width));
}

export function linearClassifier(walk: Walk, node: Node): void {
  const classes = classLabels(node, 'classlabels_ints');
  const intercepts = numbers(node, 'intercepts');
  const transform = transformOf(node);
  const [label, probabilities] = node.outputs;
  const weights = matrix(node, numbers(node, 'coefficients'), intercepts.length);
  const scores = emitLinear(walk, node, weights, intercepts, transform === 'none' && probabilities ? probabilities : null);
  const single = intercepts.length === 1;
  if (!single && intercepts.length !== classes.length)
    refuse(node, `it has ${intercepts.length} intercepts for ${classes.length} classes`, ADVICE);
  const names = single && classes.length !== 2 ? [0, 1] : classes;
  if (label) emitLabel(walk, node, label, scores, { choice: single ? 'above' : 'largest', place: 0, border: 0, hitsAt: null }, names);
  if (!probabilities) return;
  if (single && classes.length !== 2) refuse(node, 'one score for classes other than two', ADVICE);
  const second = single ? 'complement' : 'own';
  emitFinish(walk, node, probabilities, scores, single && transform === 'softmax' ? 'none' : transform, second);
}

export function linearRegressor(walk: Walk, node: Node): void {
  const targets = attrNumber(node, 'targets') ?? 1;
  const given = numbers(node, 'intercepts');
  const intercepts = Array.from({ length: targets }, (_, i) => given[i] ?? 0);
  const transform = transformOf(node);
  if (transform !== 'none')
    refuse(node, `post_transform ${attrString(node, 'post_transform')} of a regression`, 'Apply it with a node of its own');
  const weights = matrix(node, numbers(node, 'coefficients'), targets);
  const scores = emitLinear(walk, node, weights, intercepts, node.outputs[0]!);
  emitFinish(walk, node, node.outputs[0]!, scores, 'none', 'own');
}

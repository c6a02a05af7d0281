import type { Node } from '../../../onnx/model.ts';
import { numbers, refuse, strings } from './attrs.ts';

/** How a node compares its feature with its value; names of `ai.onnx.ml`'s TreeEnsemble operators. */
export type Mode = 'BRANCH_LEQ' | 'BRANCH_LT' | 'BRANCH_GTE' | 'BRANCH_GT' | 'BRANCH_EQ' | 'BRANCH_NEQ';
const MODES: readonly string[] = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ'];

export interface Branch {
  readonly mode: Mode;
  readonly feature: number;
  readonly value: number;
  /** Indices of nodes. */
  readonly yes: number;
  readonly no: number;
  /** A missing feature takes the true branch. */
  readonly missingYes: boolean;
}
export interface Entry {
  readonly id: number;
  readonly weight: number;
}
export type TreeNode = Branch | readonly Entry[];

export interface Ensemble {
  readonly nodes: readonly TreeNode[];
  readonly roots: readonly number[];
  /** Comparisons from the root to the deepest leaf. */
  readonly depth: number;
}

export const isLeaf = (node: TreeNode): node is readonly Entry[] => Array.isArray(node);

/** Trees of TreeEnsembleClassifier and TreeEnsembleRegressor, versions 1 to 3 (weights of `class_` or `target_`). */
export function namedEnsemble(node: Node, prefix: 'class' | 'target'): Ensemble {
  const list = (name: string): number[] => numbers(node, name);
  const trees = list('nodes_treeids');
  const ids = list('nodes_nodeids');
  const features = list('nodes_featureids');
  const modes = strings(node, 'nodes_modes');
  const values = numbers(node, 'nodes_values', 'nodes_values_as_tensor');
  const [yes, no, missing] = ['nodes_truenodeids', 'nodes_falsenodeids', 'nodes_missing_value_tracks_true'].map(list);
  if ([ids, features, modes, values, yes!, no!].some(({ length }) => length !== trees.length))
    refuse(node, 'its lists of nodes have different lengths', 'Export the model again');
  const index = new Map(trees.map((tree, i) => [`${tree}.${ids[i]}`, i]));
  const entries = new Map<number, Entry[]>();
  const weights = numbers(node, `${prefix}_weights`, `${prefix}_weights_as_tensor`);
  const [leafTrees, leafNodes, leafIds] = [`${prefix}_treeids`, `${prefix}_nodeids`, `${prefix}_ids`].map(list);
  weights.forEach((weight, i) => {
    const at = index.get(`${leafTrees![i]}.${leafNodes![i]}`);
    if (at === undefined) refuse(node, `weight ${i} belongs to no node`, 'Export the model again');
    entries.set(at, [...(entries.get(at) ?? []), { id: leafIds![i]!, weight }]);
  });
  const child = (i: number, id: number): number =>
    index.get(`${trees[i]}.${id}`) ?? refuse(node, `node ${ids[i]} of tree ${trees[i]} has no child ${id}`, 'Export the model again');
  const nodes = trees.map((_, i): TreeNode => {
    if (modes[i] === 'LEAF') return entries.get(i) ?? [];
    return {
      ...branch(node, modes[i]!, features[i]!, values[i]!),
      yes: child(i, yes![i]!),
      no: child(i, no![i]!),
      missingYes: missing![i] === 1,
    };
  });
  // The first node of a tree is its root.
  const roots = [...new Map(trees.map((tree, i) => [tree, i] as const).reverse()).values()].reverse();
  return { nodes, roots, depth: depthOf(node, nodes, roots) };
}

/** Trees of TreeEnsemble (version 5), in which leaves are a list of their own. */
export function tensorEnsemble(node: Node): Ensemble {
  const list = (name: string): number[] => numbers(node, name);
  const features = list('nodes_featureids');
  const [splits, modes, leafIds, weights] = ['nodes_splits', 'nodes_modes', 'leaf_targetids', 'leaf_weights'].map(list);
  const [yes, no, yesLeaf, noLeaf, missing] = [
    'nodes_truenodeids',
    'nodes_falsenodeids',
    'nodes_trueleafs',
    'nodes_falseleafs',
    'nodes_missing_value_tracks_true',
  ].map(list);
  const inner = features.length;
  const child = (id: number, leaf: number): number => {
    const at = leaf ? inner + id : id;
    if (id < 0 || at >= (leaf ? inner + leafIds!.length : inner)) refuse(node, `a node has no child ${id}`, 'Export the model again');
    return at;
  };
  const nodes = [
    ...features.map(
      (feature, i): TreeNode => ({
        ...branch(node, MODES[modes![i]!] ?? 'BRANCH_MEMBER', feature, splits![i]!),
        yes: child(yes![i]!, yesLeaf![i]!),
        no: child(no![i]!, noLeaf![i]!),
        missingYes: missing![i] === 1,
      }),
    ),
    ...leafIds!.map((id, i): TreeNode => [{ id, weight: weights![i]! }]),
  ];
  const roots = list('tree_roots');
  return { nodes, roots, depth: depthOf(node, nodes, roots) };
}

function branch(node: Node, mode: string, feature: number, value: number): Pick<Branch, 'mode' | 'feature' | 'value'> {
  if (!MODES.includes(mode)) refuse(node, `nodes of mode ${mode} are not supported`, 'Use BRANCH_LEQ and the like, one value a node');
  if (Number.isNaN(value)) refuse(node, 'a threshold is not a number', 'Train or export the model again');
  return { mode: mode as Mode, feature, value };
}

function depthOf(node: Node, nodes: readonly TreeNode[], roots: readonly number[]): number {
  const depths = new Map<number, number>();
  const entered = new Set<number>();
  // A list of our own, so that a chain of many nodes needs no deep recursion.
  const walk = (root: number): number => {
    const open = [root];
    while (open.length > 0) {
      const at = open[open.length - 1]!;
      const here = nodes[at] ?? refuse(node, `it has no node ${at}`, 'Export the model again');
      const children = isLeaf(here) ? [] : [here.yes, here.no];
      const waiting = children.filter((child) => !depths.has(child));
      if (waiting.length === 0) {
        depths.set(at, isLeaf(here) ? 0 : 1 + Math.max(...children.map((child) => depths.get(child)!)));
        open.pop();
        continue;
      }
      // What was entered and is not done lies between the root and here.
      if (waiting.some((child) => entered.has(child) || child === at))
        refuse(node, 'its nodes go round in a circle', 'Export the model again');
      entered.add(at);
      open.push(...waiting);
    }
    return depths.get(root)!;
  };
  if (roots.length === 0) refuse(node, 'it has no trees', 'Train the model before exporting it');
  return Math.max(...roots.map(walk));
}

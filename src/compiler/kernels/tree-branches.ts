import type { FuncBuilder, Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { kernelFunc, type Layout, type Space } from './frame.ts';
import { KEY_NAN } from './trees.ts';

/** A tree in code: a feature in `low … high` goes left (no lower bound without `low`), one that is no number where it says. */
export type BranchTree =
  | { readonly entries: readonly { readonly id: number; readonly weight: bigint }[] }
  | {
      readonly feature: number;
      readonly low: number | null;
      readonly high: number;
      /** Where a missing feature goes; null: none can be missing. */
      readonly missingLeft: boolean | null;
      readonly left: BranchTree;
      readonly right: BranchTree;
    };

export interface TreeBranchesShape {
  readonly trees: readonly BranchTree[];
  /** Scores, a spare one included, as the tables have it. */
  readonly scores: number;
  readonly features: number;
  /** Keys of floats, or computed int16 values. */
  readonly featureBytes: 2 | 4;
  readonly featureSpace: Space;
  readonly combine: 'sum' | 'min' | 'max';
  readonly hits: boolean;
}

/** Scores that are kept in registers while the trees are walked. */
const KEPT = 3;

/** Nodes and leaves of a tree. */
export const treeSize = (tree: BranchTree): number => ('entries' in tree ? 1 : 1 + treeSize(tree.left) + treeSize(tree.right));

function scoresOf(tree: BranchTree, into = new Set<number>()): Set<number> {
  if ('entries' in tree) for (const { id } of tree.entries) into.add(id);
  else for (const side of [tree.left, tree.right]) scoresOf(side, into);
  return into;
}

/**
 * Trees as branches on immediates: a load and a comparison for each node on the way, and the leaf's weight added at its end. Arguments: scores, features.
 * All ways through a tree meet behind it with the same registers (a sum is unknown to the verifier, whatever was added), so that it walks
 * every tree once and not every combination of leaves.
 */
export function treeBranchesKernel(name: string, s: TreeBranchesShape, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    { space: 'scratch' as const, extent: s.scores * 8 * (s.hits ? 2 : 1) },
    { space: s.featureSpace, extent: s.features * s.featureBytes },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [scores, features] = ptrs as [Reg, Reg];
    const ids = [...s.trees.reduce((all, tree) => scoresOf(tree, all), new Set<number>())];
    const kept = new Map<number, Reg>();
    if (s.combine === 'sum' && ids.length <= KEPT) for (const id of ids) kept.set(id, b.load(scores, 8 * id, 8));
    const leaf = (id: number, weight: bigint): void => {
      const sum = kept.get(id) ?? b.load(scores, 8 * id, 8);
      const fits = weight >= -0x8000_0000n && weight <= 0x7fff_ffffn;
      if (s.combine === 'sum') b.aluTo(sum, 'add', sum, fits ? Number(weight) : b.const(weight));
      else {
        const value = b.const(weight);
        b.when(s.combine === 'min' ? 'slt' : 'sgt', value, sum, () => b.assign(sum, value));
      }
      if (!kept.has(id)) b.store(scores, 8 * id, sum, 8);
      if (s.hits) b.store(scores, 8 * (s.scores + id), 1, 8);
    };
    for (const tree of s.trees) {
      if ('entries' in tree && tree.entries.length === 0) continue;
      const join = b.newBlock();
      walk(b, s, features, tree, leaf, join);
      b.startBlock(join);
    }
    for (const [id, sum] of kept) b.store(scores, 8 * id, sum, 8);
  });
}

function walk(
  b: FuncBuilder,
  s: TreeBranchesShape,
  features: Reg,
  tree: BranchTree,
  leaf: (id: number, weight: bigint) => void,
  join: number,
): void {
  if ('entries' in tree) {
    for (const { id, weight } of tree.entries) leaf(id, weight);
    b.jump(join);
    return;
  }
  const { featureBytes } = s;
  // Keys are compared as 32-bit integers, as they are loaded.
  const width = featureBytes === 4 ? 32 : 64;
  const value = b.load(features, tree.feature * featureBytes, featureBytes, featureBytes === 2);
  const [left, right] = [b.newBlock(), b.newBlock()];
  const unless = (cmp: 'eq' | 'slt', bound: number, to: number): void => {
    const next = b.newBlock();
    b.branch(cmp, value, bound, to, next, width);
    b.startBlock(next);
  };
  // What is no number is below all others: the comparison sends it left where there is no lower bound.
  const goesLeft = tree.low === null;
  if (tree.missingLeft !== null && tree.missingLeft !== goesLeft) unless('eq', KEY_NAN, tree.missingLeft ? left : right);
  if (tree.low !== null) unless('slt', tree.low, right);
  b.branch('sgt', value, tree.high, right, left, width);
  b.startBlock(left);
  walk(b, s, features, tree.left, leaf, join);
  b.startBlock(right);
  walk(b, s, features, tree.right, leaf, join);
}

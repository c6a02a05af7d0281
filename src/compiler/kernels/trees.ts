import type { Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { kernelFunc, type Layout, type Port, type Space } from './frame.ts';

/** The integer that stands for a feature that is not a number: below all others. */
export const KEY_NAN = -(2 ** 31);
/** Bytes of a node: largest feature that goes left, feature (and where a missing one goes), left child, right child, least feature that goes left. */
export const NODE_BYTES = 24;
/** Bytes of a leaf's entry: place of the class's score, then the weight. */
export const LEAF_BYTES = 16;
/** Set in a node's feature word: a missing feature goes right. */
export const MISSING_RIGHT = 2 ** 31;
/** Trees that one call walks. */
export const TREES_A_CALL = 8;

/**
 * `keys[i]` orders float32 bits as integers: a float below another has the smaller integer, both zeros are 0, and what is no number is
 * {@link KEY_NAN}. Comparing keys is comparing floats, so that trees decide exactly as in floating point.
 */
export function keysKernel(name: string, count: number, space: Space, layout: Layout, origin: OriginId): IrFunc {
  const ports: Port[] = [
    { space: 'scratch', extent: 4 * count },
    { space, extent: 4 * count },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    b.strided(
      count,
      ptrs.map((p) => [p, 4] as const),
      ([to, from]) => {
        const bits = b.load(from!, 0, 4);
        const sign = b.rsh(bits, 31);
        const key = b.and(bits, 0x7fff_ffff);
        const missing = b.sub(0x7f80_0000, key);
        b.aluTo(missing, 'rsh', missing, 63);
        // Two's complement negation where the sign is set.
        const flip = b.sub(0, sign);
        b.aluTo(key, 'xor', key, flip);
        b.aluTo(key, 'add', key, sign);
        const there = b.xor(missing, 1);
        b.aluTo(key, 'mul', key, there);
        b.aluTo(missing, 'mul', missing, KEY_NAN);
        b.aluTo(key, 'add', key, missing);
        b.store(to!, 0, key, 4);
      },
    );
  });
}

export interface TreesShape {
  /** Trees that one call walks, and steps from root to the deepest leaf. */
  readonly trees: number;
  readonly depth: number;
  readonly nodes: number;
  readonly leaves: number;
  /** Entries of each leaf. */
  readonly entries: number;
  /** Scores, a spare one for empty entries included. */
  readonly scores: number;
  readonly features: number;
  /** Keys of floats, or computed int16 values. */
  readonly featureBytes: 2 | 4;
  readonly featureSpace: Space;
  /** Some nodes go left for one value only. */
  readonly equalities: boolean;
  readonly combine: 'sum' | 'min' | 'max';
  /** Which scores were given is kept after the scores. */
  readonly hits: boolean;
}

/**
 * Walks trees and combines the weights of the leaves with 64-bit scores. Arguments: scores, features, nodes, leaves, and the roots (a
 * 32-bit place in the nodes for each tree). A leaf is its own child and holds the place of its entries where others have their threshold,
 * so that every tree takes `depth` steps without a branch on its values, and the code knows nothing of the trees but their number.
 */
export function treesKernel(name: string, s: TreesShape, layout: Layout, origin: OriginId): IrFunc {
  const { featureBytes } = s;
  const nodesExtent = s.nodes * NODE_BYTES;
  const leavesExtent = s.leaves * s.entries * LEAF_BYTES;
  const ports: Port[] = [
    { space: 'scratch', extent: s.scores * 8 * (s.hits ? 2 : 1) },
    { space: s.featureSpace, extent: s.features * featureBytes },
    { space: 'weights', extent: nodesExtent },
    { space: 'weights', extent: leavesExtent },
    { space: 'weights', extent: s.trees * 4 },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [scores, features, nodes, leaves, roots] = ptrs as [Reg, Reg, Reg, Reg, Reg];
    /** `base + off`, for the verifier's sake never beyond the last `bytes` of a table. */
    const inside = (base: Reg, off: Reg, extent: number, bytes: number): Reg => {
      b.when('ugt', off, extent - bytes, () => b.assign(off, 0));
      return b.add(base, off);
    };
    b.strided(s.trees, [[roots, 4]], ([root]) => {
      const at = b.load(root!, 0, 4);
      b.repeat(s.depth, 1, () => {
        const node = inside(nodes, at, nodesExtent, NODE_BYTES);
        const word = b.load(node, 4, 4);
        const off = b.and(word, 0x7fff_ffff);
        const value = b.load(inside(features, off, s.features * featureBytes, featureBytes), 0, featureBytes, true);
        const right = b.sub(b.load(node, 0, 4, true), value);
        b.aluTo(right, 'rsh', right, 63);
        if (s.equalities) {
          const below = b.sub(value, b.load(node, 16, 4, true));
          b.aluTo(below, 'rsh', below, 63);
          b.aluTo(right, 'or', right, below);
        }
        if (featureBytes === 4) {
          b.aluTo(word, 'rsh', word, 31);
          b.aluTo(word, 'xor', word, right);
          b.aluTo(value, 'add', value, -(KEY_NAN + 1));
          b.aluTo(value, 'rsh', value, 63);
          b.aluTo(word, 'and', word, value);
          b.aluTo(right, 'xor', right, word);
        }
        b.aluTo(right, 'lsh', right, 2);
        b.assign(at, b.load(b.add(node, right), 8, 4));
      });
      const leaf = b.load(inside(nodes, at, nodesExtent, NODE_BYTES), 0, 4);
      const first = inside(leaves, leaf, leavesExtent, s.entries * LEAF_BYTES);
      b.strided(s.entries, [[first, LEAF_BYTES]], ([entry]) => {
        const score = inside(scores, b.load(entry!, 0, 4), s.scores * 8, 8);
        const weight = b.load(entry!, 8, 8);
        const sum = b.load(score, 0, 8);
        if (s.combine === 'sum') b.aluTo(sum, 'add', sum, weight);
        else b.when(s.combine === 'min' ? 'slt' : 'sgt', weight, sum, () => b.assign(sum, weight));
        b.store(score, 0, sum, 8);
        if (s.hits) b.store(score, s.scores * 8, 1, 8);
      });
    });
  });
}

/** Scores as they stand before the first tree: 64-bit constants from the weights. */
export function startKernel(name: string, count: number, layout: Layout, origin: OriginId): IrFunc {
  const ports: Port[] = [
    { space: 'scratch', extent: 8 * count },
    { space: 'weights', extent: 8 * count },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    b.strided(
      count,
      ptrs.map((p) => [p, 8] as const),
      ([to, from]) => b.store(to!, 0, b.load(from!, 0, 8), 8),
    );
  });
}

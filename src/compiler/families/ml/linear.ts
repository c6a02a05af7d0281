import type { Node } from '../../../onnx/model.ts';
import type { Walk } from '../../graph/lazy.ts';
import type { OwnPasses } from '../../graph/own.ts';
import { floatLinearKernel, packFactors } from '../../kernels/floats.ts';
import { startKernel } from '../../kernels/trees.ts';
import type { KernelCall } from '../../stages.ts';
import { refuse } from './attrs.ts';
import { callOf, elemOf, operandsOf, type Rows, readRows, rowLoops, rowsOf, seenBy } from './rows.ts';
import type { Scores } from './scores.ts';

/** Columns that one call multiplies. */
const COLUMNS_A_CALL = 32;
/** Products of one call, which the verifier walks. */
const PRODUCTS_A_CALL = 4096;
/** Bits of a score's unit where scores are transformed: terms may reach 2³⁰ before they saturate. */
const TRANSFORMED_BITS = 24;
/** Bits that scores have where the calibration gives their range. */
const RESULT_BITS = 36;

/**
 * `scores[n] = Σ x[c]·weights[n, c] + base[n]`; where they are the node's `result` as they are, its calibrated range gives their unit. `rows`: where
 * they are not the node's first input.
 */
export function emitLinear(
  walk: Walk,
  node: Node,
  weights: readonly (readonly number[])[],
  base: readonly number[],
  result: string | null,
  rows = rowsOf(walk, node),
): Scores {
  const count = weights.length;
  for (const row of weights)
    if (row.length !== rows.features)
      refuse(node, `it has ${row.length} coefficients for ${rows.features} features`, 'Give the model the features that it was trained on');
  const { affine } = rows;
  // What a Scaler does first goes into the weights and the constant.
  const folded = weights.map((row) => row.map((w, c) => (affine ? w * affine.scale[c]! : w)));
  const start = base.map((b, i) => b - (affine ? folded[i]!.reduce((sum, w, c) => sum + w * affine.offset[c]!, 0) : 0));
  const buf = walk.buf(`${node.outputs.at(-1) || node.name}.scores`, [rows.n, count], 'act', { bytes: 8 });
  walk.ops.push({ kind: 'own', out: buf, views: [rows.view], nodes: [node], passes: linearPasses(rows, folded, start, result) });
  return { buf, n: rows.n, count, width: count, bound: null };
}

/** Columns of a call: the most that divide them all. */
function columnsACall(features: number, scores: number): number {
  const most = Math.min(features, COLUMNS_A_CALL, Math.floor(PRODUCTS_A_CALL / scores));
  for (let n = most; n > 1; n--) if (features % n === 0) return n;
  return 1;
}

function linearPasses(rows: Rows, weights: readonly (readonly number[])[], base: readonly number[], result: string | null): OwnPasses {
  const count = weights.length;
  const columns = columnsACall(rows.features, count);
  const outer = rowLoops(rows.n);
  return {
    wide: true,
    scale: (op, at) => {
      const bound = result === null ? null : at.bound({ ...op.out, name: result });
      const bits = bound === null ? TRANSFORMED_BITS : Math.max(0, Math.min(50, RESULT_BITS - Math.ceil(Math.log2(bound))));
      return { scale: 2 ** -bits, max: 2 ** 53 };
    },
    steps: (op) => {
      const out = { buf: op.out, off: 0, outer: rows.n > 1 ? [count] : [], inner: [1] };
      const read = readRows(seenBy(op, rows));
      const common = { op, nodes: op.nodes, lanes: 1 as const, inner: [count] };
      return [
        { ...common, part: 0, outer, out, reads: [] },
        {
          ...common,
          part: 1,
          outer: [...outer, rows.features / columns],
          out: { ...out, outer: [...out.outer, 0] },
          reads: [{ ...read, outer: [...read.outer, columns] }],
        },
      ];
    },
    calls: (op, at, step, group) => {
      const { out, reads, space } = operandsOf(at, step, group);
      const one = 1 / at.scales.of(op.out).scale;
      if (step.part === 0) {
        const start = BigInt64Array.from(base, (b) => BigInt(Math.round(Math.max(-(2 ** 62), Math.min(2 ** 62, b * one)))));
        return [callOf(op, 'start', { count }, count, (n, l, o) => startKernel(n, count, l, o), [out, at.param(start)])];
      }
      const seen = seenBy(op, rows);
      const unit = rows.float ? 1 : at.scales.unit(seen.view);
      const factors = new Float64Array(rows.features * count);
      for (const [i, row] of weights.entries()) for (const [c, w] of row.entries()) factors[c * count + i] = w * unit * one;
      const shape = { columns, scores: count, space, elem: elemOf(seen) };
      const off = at.weights.add(packFactors(factors));
      const build: KernelCall['build'] = (n, l, o) => floatLinearKernel(n, shape, l, o);
      const strides = [...outer.map(() => 0), 8 * columns * count];
      return [callOf(op, 'linear', shape, `${columns}x${count}`, build, [out, reads[0]!, { space: 'weights', off, strides }])];
    },
    evaluate: (_, [x]) =>
      Float64Array.from({ length: rows.n * count }, (_unused, at) => {
        const [r, i] = [Math.floor(at / count), at % count];
        return weights[i]!.reduce((sum, w, c) => sum + w * x![r * rows.features + c]!, base[i]!);
      }),
  };
}

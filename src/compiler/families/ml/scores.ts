import type { Node } from '../../../onnx/model.ts';
import { attrNumber, attrString } from '../../graph/attrs.ts';
import type { Buf, View } from '../../graph/hops.ts';
import type { Walk } from '../../graph/lazy.ts';
import type { OwnOp, OwnPasses } from '../../graph/own.ts';
import { denseMap } from '../../graph/view.ts';
import {
  type Choice,
  decayTable,
  type FinishShape,
  finishKernel,
  finishParams,
  labelKernel,
  ONE_BITS,
  type Second,
  sigmoidTable,
  type Transform,
} from '../../kernels/scores.ts';
import type { Scales } from '../../plan/scales.ts';
import type { Step } from '../../plan/steps.ts';
import type { KernelCall } from '../../stages.ts';
import { refuse } from './attrs.ts';
import { callOf, narrowCopy, operandsOf, rowLoops, writeRows } from './rows.ts';

/** Scores of rows in 64-bit integers of 2^-bits, at least 24 bits where they are transformed; a row takes `width` of them. */
export interface Scores {
  readonly buf: Buf;
  readonly n: number;
  readonly count: number;
  readonly width: number;
  /** Where they lie, if not densely in `buf`. */
  readonly view?: View;
  /** Largest magnitude of a score where that is known without a calibration. */
  readonly bound: number | null;
}

const TRANSFORMS: Readonly<Record<string, Transform>> = { NONE: 'none', LOGISTIC: 'logistic', SOFTMAX: 'softmax' };
/** Order of the numbers that TreeEnsemble (version 5) gives. */
const NUMBERED = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT'];

export function transformOf(node: Node): Transform {
  const name = attrString(node, 'post_transform') ?? NUMBERED[attrNumber(node, 'post_transform') ?? 0] ?? 'NONE';
  return (
    TRANSFORMS[name] ??
    refuse(node, `post_transform ${name} is not supported`, 'Use NONE, LOGISTIC or SOFTMAX, and take the rest outside of the model')
  );
}

function scoreStep(op: OwnOp, scores: Scores, width: number): Step {
  const read = { buf: op.views[0]!.buf, off: op.views[0]!.map.off, outer: scores.n > 1 ? [scores.width] : [], inner: [1] };
  return {
    op,
    part: 0,
    nodes: op.nodes,
    outer: rowLoops(scores.n),
    lanes: 1,
    inner: [scores.count],
    out: writeRows(op.out, width, scores.n),
    reads: [read],
  };
}

/** Bits of the unit of a score. */
const bitsOf = (op: OwnOp, scales: Scales): number => Math.round(-Math.log2(scales.of(op.views[0]!.buf).scale));

const viewOf = ({ buf, view }: Scores): View => view ?? { buf, map: denseMap(buf.dims), gain: 1 };

/** The node's output `name` from scores, with `post_transform` and what stands for a second class. `divisor`: scores are sums of so many. */
export function emitFinish(walk: Walk, node: Node, name: string, scores: Scores, transform: Transform, second: Second, divisor = 1): void {
  const outputs = second === 'own' ? scores.count : 2;
  const dims = walk.model.values.get(name)?.dims ?? [scores.n, outputs];
  const probabilities = transform !== 'none';
  const out = walk.buf(name, dims, 'act', { bytes: 4, narrow: narrowCopy, ...(probabilities ? { known: { min: 0, max: 1 } } : {}) });
  const shape: FinishShape = { transform, second, scores: scores.count };
  const passes: OwnPasses = {
    wide: true,
    steps: (op) => [scoreStep(op, scores, outputs)],
    scale: (op, at) => {
      if (probabilities) return { scale: 2 ** -ONE_BITS, max: 2 ** ONE_BITS };
      const bound = Math.max(scores.bound ?? at.bound(op.out) * 2, second === 'complement' ? 1 : 0);
      const kept = Math.min(bitsOf(op, at), ONE_BITS - Math.ceil(Math.log2(Math.max(bound, 2 ** -30))));
      return { scale: 2 ** -kept, max: 2 ** 31 - 1 };
    },
    calls: (op, at, step, group) => {
      const { out: to, reads } = operandsOf(at, step, group);
      const kept = Math.round(-Math.log2(at.scales.of(op.out).scale));
      const bits = bitsOf(op, at.scales);
      const params = probabilities ? finishParams(bits - 24, 0) : finishParams(bits - kept, 2 ** Math.max(0, kept));
      const table = transform === 'none' ? [] : [at.param(transform === 'softmax' && second === 'own' ? decayTable() : sigmoidTable())];
      const build: KernelCall['build'] = (n, l, o) => finishKernel(n, shape, l, o);
      return [callOf(op, transform === 'none' ? 'results' : transform, shape, outputs, build, [to, reads[0]!, at.param(params), ...table])];
    },
    evaluate: (_, [x]) => finishReal(shape, scores, x!),
  };
  walk.ops.push({ kind: 'own', out, views: [viewOf(scores)], nodes: [node], passes });
  walk.set(name, { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 / divisor }, nodes: [] });
}

function finishReal({ transform, second, scores: count }: FinishShape, scores: Scores, x: Float64Array): Float64Array {
  const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
  const rows = Array.from({ length: scores.n }, (_, r) => [...x.subarray(r * scores.width, r * scores.width + count)]);
  return Float64Array.from(
    rows.flatMap((row) => {
      const s = row[0]!;
      const one = transform === 'logistic' ? sigmoid(s) : s;
      if (second === 'mirror') return transform === 'logistic' ? [sigmoid(-s), one] : [-one, one];
      if (second === 'complement') return [1 - one, one];
      const all = second === 'zero' ? [s, 0] : row;
      if (transform === 'none') return all;
      if (transform === 'logistic') return all.map(sigmoid);
      const top = Math.max(...all);
      const powers = all.map((v) => Math.exp(v - top));
      const sum = powers.reduce((a, b) => a + b);
      return powers.map((v) => v / sum);
    }),
  );
}

/** How the label follows: the largest score, or whether score `place` is above `border`. */
export interface LabelRule {
  readonly choice: Choice;
  readonly place: number;
  readonly border: number;
  /** Where it is kept which scores were given, in elements after the scores; null when all are. */
  readonly hitsAt: number | null;
}

/** The node's output `name`: an index into `classes`, or the index itself, for each row. */
export function emitLabel(
  walk: Walk,
  node: Node,
  name: string,
  scores: Scores,
  rule: LabelRule,
  classes: readonly (number | string)[] | null,
): void {
  const dims = walk.model.values.get(name)?.dims ?? [scores.n];
  const known = { min: 0, max: Math.max(1, (classes?.length ?? scores.count) - 1) };
  const plain = classes === null || classes.every((label, i) => label === i);
  const out = walk.buf(name, dims, 'act', {
    bytes: 4,
    known,
    whole: true,
    ...(classes ? { classes } : {}),
    ...(plain ? { narrow: narrowCopy } : {}),
  });
  const shape = { choice: rule.choice, scores: scores.count, place: rule.place, hitsAt: rule.hitsAt === null ? null : 8 * rule.hitsAt };
  const { bytes = 2 } = scores.buf;
  const passes: OwnPasses = {
    wide: true,
    steps: (op) => [scoreStep(op, scores, 1)],
    scale: () => ({ scale: 1, max: 2 ** 31 - 1 }),
    calls: (op, at, step, group) => {
      const { out: to, reads, space } = operandsOf(at, step, group);
      const border = (): BigInt64Array => BigInt64Array.of(BigInt(Math.round(rule.border * 2 ** bitsOf(op, at.scales))));
      const build: KernelCall['build'] = (n, l, o) => labelKernel(n, { ...shape, bytes, space }, l, o);
      return [
        callOf(op, 'label', { ...shape, bytes, space }, scores.count, build, [
          to,
          reads[0]!,
          ...(rule.choice === 'above' ? [at.param(border())] : []),
        ]),
      ];
    },
    evaluate: (_, [x]) =>
      Float64Array.from({ length: scores.n }, (_unused, r) => {
        const row = x!.subarray(r * scores.width, (r + 1) * scores.width);
        if (rule.choice === 'above') return row[rule.place]! > rule.border ? 1 : 0;
        let best = -1;
        for (let i = 0; i < scores.count; i++) {
          if (rule.hitsAt !== null && row[rule.hitsAt + i] === 0) continue;
          if (best < 0 || row[i]! > row[best]!) best = i;
        }
        return Math.max(0, best);
      }),
  };
  walk.ops.push({ kind: 'own', out, views: [viewOf(scores)], nodes: [node], passes });
  walk.set(name, { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 }, nodes: [] });
}

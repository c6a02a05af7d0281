import { type HOp, opViews } from '../graph/hops.ts';
import type { LinearParts } from '../graph/lazy.ts';
import type { OwnOp } from '../graph/own.ts';
import { product } from '../graph/view.ts';
import { linearCalls } from '../lower/products.ts';
import { columnsPerCall } from '../plan/chunks.ts';
import { withViews } from '../plan/split.ts';
import { type Step, stepsOfOp } from '../plan/steps.ts';
import { products } from './groups.ts';

/** Rows of a result from `from` of its first spatial dimension, as an op of their own. */
export interface BandOp {
  readonly from: number;
  readonly make: (parts: LinearParts) => HOp;
}

/** A product over windows whose rows come in bands, each from its own copy of what it reaches; all write into one result [1, out…, M]. */
export function banded(parts: LinearParts, bands: readonly BandOp[]): OwnOp {
  const { dims } = parts.out;
  const rowElements = product(dims.slice(2));
  const made = bands.map(({ from, make }, i): { op: HOp; from: number } => {
    const rows = (bands[i + 1]?.from ?? dims[1]) - from;
    return { from, op: make({ ...parts, out: { ...parts.out, dims: [dims[0], rows, ...dims.slice(2)] } }) };
  });
  /** A band as it is now: passes may have replaced what it reads. */
  const bandOp = (own: OwnOp, i: number): HOp => {
    const before = made.slice(0, i).reduce((n, band) => n + opViews(band.op).length, 0);
    let at = before;
    return withViews(made[i].op, () => own.views[at++]);
  };
  const stepsOf = (own: OwnOp): { step: Step; band: number; part: number }[] =>
    made.flatMap(({ from }, band) =>
      stepsOfOp(bandOp(own, band)).map((step) => ({
        band,
        part: step.part,
        step: { ...step, op: own, out: { ...step.out!, buf: own.out, off: step.out!.off + from * rowElements } },
      })),
    );
  return {
    kind: 'own',
    out: parts.out,
    views: made.flatMap(({ op }) => opViews(op)),
    nodes: parts.nodes,
    passes: {
      steps: (own) => stepsOf(own).map(({ step }, part) => ({ ...step, part })),
      calls(own, at, step, group) {
        const { band, part } = stepsOf(own)[step.part];
        const op = { ...bandOp(own, band), out: own.out };
        if (op.kind === 'linear') return linearCalls(at, step, group, op, new Map([[op, columnsPerCall(op.weights)]]));
        return op.kind === 'own' ? op.passes.calls(op, at, { ...step, part }, group) : [];
      },
      evaluate(_, inputs) {
        const out = new Float64Array(product(dims));
        let at = 0;
        made.forEach(({ op, from }) => {
          const { length } = opViews(op);
          const read = inputs.slice(at, at + length);
          at += length;
          out.set(op.kind === 'own' ? op.passes.evaluate(op, read) : products(read[0], parts), from * rowElements);
        });
        return out;
      },
      scale: (own, scales) => scales.ofProduct({ ...parts, out: own.out }),
      packBytes: (own, step) => {
        const op = bandOp(own, stepsOf(own)[step.part].band);
        return op.kind === 'own' ? (op.passes.packBytes?.(op, step) ?? 0) : 8 * parts.weights.dims[1];
      },
    },
  };
}

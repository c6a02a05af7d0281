import type { Buf, HOp } from '../graph/hops.ts';
import { NORM_PAIR_COLUMNS } from '../kernels/norm-pair.ts';
import { PAIR_TERMS } from '../kernels/pair.ts';
import { DEFAULT_PRECISION } from '../precision.ts';
import type { Group } from './groups.ts';
import type { Scales } from './scales.ts';
import type { Step } from './steps.ts';

/** Results of 15 bits and a sign fill the 16 bits that an index of a table has. */
const FULL = 2 ** 15 - 1;

/**
 * Whether a product may take units for its weights that make its results by shifts: sums that are short enough, and neither weights nor results that are
 * integers of the model's own.
 */
export const isPairProduct = (op: HOp | null, lanes: number, scales: Scales): op is HOp & { kind: 'linear' } =>
  op?.kind === 'linear' &&
  lanes === 2 &&
  (op.precision ?? DEFAULT_PRECISION) === DEFAULT_PRECISION &&
  op.weights.dims[1]! <= PAIR_TERMS &&
  !op.weights.steps &&
  !op.out.grid &&
  typeof scales.limit(op.out) === 'number';

/** Rows of elements side by side. */
const sideBySide = ({ inner, reads, out }: Step): boolean =>
  inner.length === 1 && [out, ...reads].every((access) => access !== null && access.inner.length === 1 && access.inner[0] === 1);

/** A normalisation whose gamma and beta went into the products that read it. */
export const isPairNorm = (step: Step): step is Step & { op: HOp & { kind: 'norm' } } =>
  step.op?.kind === 'norm' && step.op.bare === true && step.lanes === 2 && step.op.gamma.length <= NORM_PAIR_COLUMNS && sideBySide(step);

const isWordFunction = (step: Step, scales: Scales): boolean =>
  step.op?.kind === 'unary' && step.lanes === 2 && sideBySide(step) && full(step.op.out, scales) && full(step.op.x.buf, scales);

const full = (buf: Buf, scales: Scales): boolean => scales.limit(buf) === FULL;

/** Whether a step can read `buf` as words wherever it reads it. */
function readsWords(step: Step, buf: Buf, scales: Scales): boolean {
  const { op } = step;
  if (isPairNorm(step)) return true;
  if (!isPairProduct(op, step.lanes, scales)) return false;
  return op.a.buf !== buf || (step.inner.length === 1 && step.reads[0]!.inner[0] === 1);
}

/**
 * Values inside a group that lie as words of two rows (`kernels/pair.ts`): where everyone who writes and reads them can do so, nobody has to pack them. Functions
 * go from words to words or not at all.
 */
export function wordBuffers({ steps, internal }: Pick<Group, 'steps' | 'internal'>, scales: Scales): Set<Buf> {
  const words = new Set(internal.keys());
  const writes = (step: Step): boolean =>
    isPairNorm(step) || isPairProduct(step.op, step.lanes, scales) || (isWordFunction(step, scales) && words.has(step.reads[0]!.buf));
  const reads = (step: Step, buf: Buf): boolean =>
    readsWords(step, buf, scales) || (isWordFunction(step, scales) && words.has(step.out!.buf));
  for (let size = -1; size !== words.size; ) {
    size = words.size;
    for (const buf of words) {
      const writers = steps.filter((step) => step.out?.buf === buf);
      const readers = steps.filter((step) => step.reads.some((read) => read.buf === buf));
      if (!writers.every(writes) || !readers.every((step) => reads(step, buf))) words.delete(buf);
    }
  }
  return words;
}

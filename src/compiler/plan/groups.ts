import type { Buf } from '../graph/hops.ts';
import type { Lanes } from '../kernels/frame.ts';
import type { Access, Step } from './steps.ts';

/** Steps that run together for one pair of rows after the other. */
export interface Group {
  readonly steps: readonly Step[];
  readonly outer: readonly number[];
  readonly lanes: Lanes;
  /** Buffers that live only inside one iteration, with the elements of a row. */
  readonly internal: ReadonlyMap<Buf, number>;
  /** Those among them that lie as words of two rows (`words.ts`). */
  readonly words?: ReadonlySet<Buf>;
}

const sameLoops = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((n, i) => n === b[i]);

/** Whether a read touches only the rows that the producer wrote in the same iteration. */
function aligned(read: Access, write: Access, rowSize: number): boolean {
  return read.off < rowSize && read.outer.length === write.outer.length && read.outer.every((s, i) => s === write.outer[i]);
}

/** Elements that a step writes for one row. */
const rowSizeOf = (step: Step): number => {
  const { op } = step;
  if (op?.kind === 'linear') return op.weights.dims[0];
  if (op?.kind === 'matmul') return op.out.dims[op.out.dims.length - 1];
  return step.inner.reduce((a, b) => a * b, 1);
};

/**
 * Orders steps so that as many as possible share their loops over rows, and finds the values that then never leave a
 * pair of rows: they need two rows of memory and stay in the first-level cache.
 */
export function groupSteps(steps: readonly Step[]): Group[] {
  const writers = new Map<Buf, Step[]>();
  for (const step of steps) if (step.out) writers.set(step.out.buf, [...(writers.get(step.out.buf) ?? []), step]);
  const done = new Set<Step>();
  const waiting = new Set(steps);
  const ready = (step: Step, inGroup: ReadonlySet<Step>): boolean =>
    step.reads.every((read) =>
      (writers.get(read.buf) ?? []).every((w) => {
        if (done.has(w)) return true;
        return inGroup.has(w) && w.out !== null && joinable(step) && aligned(read, w.out, rowSizeOf(w));
      }),
    );
  // Parts of a concat and outputs copy; a reduction reads all rows.
  const joinable = ({ op }: Step): boolean =>
    op?.kind === 'own' ? op.passes.joins === true : op?.kind !== 'concat' && op?.kind !== 'reduce' && op !== null;
  const groups: Group[] = [];
  while (waiting.size) {
    const first = [...waiting].find((s) => ready(s, new Set()));
    if (!first) throw new Error('steps depend on each other in a circle');
    const members = new Set([first]);
    waiting.delete(first);
    let grew = joinable(first);
    while (grew) {
      grew = false;
      for (const step of waiting) {
        if (!joinable(step) || step.lanes !== first.lanes || !sameLoops(step.outer, first.outer) || !ready(step, members)) continue;
        members.add(step);
        waiting.delete(step);
        grew = true;
      }
    }
    for (const step of members) done.add(step);
    groups.push({ steps: [...members], outer: first.outer, lanes: first.lanes, internal: internalsOf(members, steps, writers) });
  }
  return groups;
}

function internalsOf(members: ReadonlySet<Step>, steps: readonly Step[], writers: ReadonlyMap<Buf, readonly Step[]>): Map<Buf, number> {
  const internal = new Map<Buf, number>();
  for (const step of members) {
    if (!step.out || writers.get(step.out.buf)?.length !== 1) continue;
    const { buf } = step.out;
    const readers = steps.filter((s) => s.reads.some((r) => r.buf === buf));
    const fits = readers.every(
      (s) => members.has(s) && s.reads.every((r) => r.buf !== buf || aligned(r, step.out as Access, rowSizeOf(step))),
    );
    if (fits) internal.set(buf, rowSizeOf(step));
  }
  return internal;
}

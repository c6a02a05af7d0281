import type { Recording } from './recording.ts';

/** Loops as the exploration went round them: instructions that a path came back to. */
export interface LoopHeads {
  /** 1 for each instruction that begins a round. */
  readonly head: Uint8Array;
  /** For each of them the last instruction from which a path came back. */
  readonly end: Uint32Array;
}

/** Finds them: a step back within a function, or the return of a callback to the call that runs it again. */
export function findHeads(recording: Recording): LoopHeads {
  const { insns, callsCallback } = recording.env;
  const head = new Uint8Array(insns.length + 1);
  const end = new Uint32Array(insns.length + 1);
  const arrive = (step: number, before: number): void => {
    const to = recording.insnAt(step);
    const from = recording.insnAt(before);
    const depth = recording.depthAt(step);
    const was = recording.depthAt(before);
    if (depth === was && to <= from) {
      head[to] = 1;
      end[to] = Math.max(end[to]!, from);
    } else if (depth < was && callsCallback[to]) {
      head[to] = 1;
      end[to] = Math.max(end[to]!, to);
    }
  };
  for (let run = 0; run < recording.runs; run++) {
    const first = recording.runFirst(run);
    const parent = recording.runParent(run);
    if (parent < recording.steps) arrive(first, parent);
    const last = recording.runLast(run);
    for (let step = first + 1; step <= last; step++) arrive(step, step - 1);
  }
  return { head, end };
}

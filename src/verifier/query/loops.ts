import type { Exploration } from './exploration.ts';

/** Loops as the exploration went round them: instructions that a path came back to. */
export interface LoopHeads {
  /** 1 for each instruction that begins a round. */
  readonly head: Uint8Array;
  /** For each of them the last instruction from which a path came back. */
  readonly end: Uint32Array;
}

/** Finds them: a step back within a function, or the return of a callback to the call that runs it again. */
export function findHeads(recording: Exploration): LoopHeads {
  const { insns } = recording;
  const head = new Uint8Array(insns + 1);
  const end = new Uint32Array(insns + 1);
  const arrive = (step: number, before: number): void => {
    const to = recording.insnAt(step);
    const from = recording.insnAt(before);
    const depth = recording.depthAt(step);
    const was = recording.depthAt(before);
    if (depth === was && to <= from) {
      head[to] = 1;
      end[to] = Math.max(end[to]!, from);
    } else if (depth < was && recording.callsBack(to)) {
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

/** What a loop took of the whole exploration, on all paths. */
export interface LoopCost {
  readonly head: number;
  /** Last instruction from which a path came back. */
  readonly end: number;
  readonly depth: number;
  /** How often a path came to its head. */
  readonly arrivals: number;
  /** Instructions processed between its ends, with the functions that are called there. */
  readonly steps: number;
}

const MOST_COSTS = 500;

/** Loops by what they took, the dearest first. */
export function loopCosts(recording: Exploration, { head, end }: LoopHeads): readonly LoopCost[] {
  const found = new Map<number, { arrivals: number; steps: number }>();
  const heads = Array.from({ length: head.length }, (_, insn) => insn).filter((insn) => head[insn]);
  const around: (readonly number[] | undefined)[] = [];
  const KEY = 16;
  // The instruction at which each function on the call stack stands.
  const stands = new Int32Array(KEY + 1).fill(-1);
  for (let step = 0; step < recording.steps; step++) {
    const insn = recording.insnAt(step);
    const depth = Math.min(recording.depthAt(step), KEY);
    stands[depth] = insn;
    for (let at = 1; at <= depth; at++) {
      const here = stands[at]!;
      around[here] ??= heads.filter((loop) => loop <= here && here <= end[loop]!);
      for (const loop of around[here]) {
        const key = loop * (KEY + 1) + at;
        const cost = found.get(key) ?? { arrivals: 0, steps: 0 };
        cost.steps++;
        if (at === depth && insn === loop) cost.arrivals++;
        found.set(key, cost);
      }
    }
  }
  return [...found]
    .map(([key, cost]) => {
      const loop = Math.floor(key / (KEY + 1));
      return { head: loop, end: end[loop]!, depth: key % (KEY + 1), ...cost };
    })
    .filter(({ arrivals }) => arrivals > 1)
    .sort((a, b) => b.steps - a.steps || a.head - b.head)
    .slice(0, MOST_COSTS);
}

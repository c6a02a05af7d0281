import type { ProgramView } from './views.ts';

/** What the verifier processed, divided among those that it served. */
export interface Attribution {
  /** By index in `program.origins`. */
  readonly byOrigin: Float64Array;
  /** Visits of instructions that no origin claims. */
  readonly unclaimed: number;
}

const known = new WeakMap<Uint32Array, { readonly program: ProgramView; readonly attribution: Attribution }>();

/**
 * Visits by origin. An instruction of a shared loop serves several nodes; its visits are split evenly among them, so that all
 * shares add up to what the verifier processed.
 */
export function attributeVisits(program: ProgramView, visits: Uint32Array): Attribution {
  const last = known.get(visits);
  if (last?.program === program) return last.attribution;
  const byOrigin = new Float64Array(program.origins.length);
  let unclaimed = 0;
  for (let insn = 0; insn < visits.length; insn++) {
    const from = program.originStart[insn] ?? 0;
    const to = program.originStart[insn + 1] ?? from;
    if (to === from) unclaimed += visits[insn]!;
    for (let at = from; at < to; at++) byOrigin[program.originIdx[at]!]! += visits[insn]! / (to - from);
  }
  const attribution = { byOrigin, unclaimed };
  known.set(visits, { program, attribution });
  return attribution;
}

/** Processed instructions of every ONNX node, by node index. */
export function processedByNode(program: ProgramView, visits: Uint32Array): ReadonlyMap<number, number> {
  const { byOrigin } = attributeVisits(program, visits);
  const byNode = new Map<number, number>();
  program.origins.forEach((origin, at) => {
    if (origin.kind === 'node') byNode.set(origin.nodeIdx, (byNode.get(origin.nodeIdx) ?? 0) + byOrigin[at]!);
  });
  return byNode;
}

interface Edge {
  readonly from: number;
  readonly to: number;
}

/** Segments above this size are cut again, without the longest edges. */
const MOST_NODES = 120;
/** Edges that span fewer nodes than this are never left out of account. */
const SHORTEST_LEFT_OUT = 24;

/**
 * Where to cut a graph in topological order: the first node of each segment, which is the last of the one before. No edge passes a
 * cut but at its node; only where segments would grow large, long edges (a mask that every layer reads) are left out of account.
 */
export function cut(count: number, edges: readonly Edge[]): number[] {
  if (count === 0) return [];
  const hasInput = new Uint8Array(count);
  for (const { to } of edges) hasInput[to] = 1;
  const byFrom: Edge[][] = Array.from({ length: count }, () => []);
  for (const edge of edges) byFrom[edge.from]!.push(edge);
  const firsts: number[] = [];
  const split = (first: number, last: number, span: number): void => {
    const starts = cutsWithin(first, last, span, byFrom, hasInput);
    starts.forEach((start, at) => {
      const end = starts[at + 1] ?? last;
      const size = end - start + 1;
      const next = Math.floor(Math.min(span, size) / 2);
      if (size <= MOST_NODES || next < SHORTEST_LEFT_OUT) firsts.push(start);
      else split(start, end, next);
    });
  };
  split(0, count - 1, Number.POSITIVE_INFINITY);
  return firsts;
}

/** Cuts of nodes `first … last`, edges that span more than `span` nodes left out of account. */
function cutsWithin(first: number, last: number, span: number, byFrom: readonly (readonly Edge[])[], hasInput: Uint8Array): number[] {
  const starts = [first];
  let reach = first;
  for (let at = first; at < last; at++) {
    // Everything before ends here. A node without inputs behind would be pushed below this one, where it could stand beside it.
    const closed = at > starts.at(-1)! && reach <= at && (hasInput[at + 1] === 1 || span !== Number.POSITIVE_INFINITY);
    if (closed) starts.push(at);
    for (const { from, to } of byFrom[at]!) if (to <= last && to - from <= span) reach = Math.max(reach, to);
  }
  return starts;
}

import { CELLS, regPlace, slotPlace } from './cells.ts';
import { words } from './columns.ts';
import { type Exploration, HOLDS } from './exploration.ts';
import type { LoopHeads } from './loops.ts';
import type { Way } from './paths.ts';

/**
 * A register along a path. Point `i` says what holds from position `pos[i]` on, up to the next point: the signed bounds as plain numbers
 * (exact up to 2^53) and what it is. Where there are more changes than `most`, a point stands for several and has their widest bounds.
 */
export interface Series {
  readonly length: number;
  readonly from: number;
  readonly to: number;
  readonly pos: Uint32Array<ArrayBuffer>;
  readonly min: Float64Array<ArrayBuffer>;
  readonly max: Float64Array<ArrayBuffer>;
  readonly holds: Uint8Array<ArrayBuffer>;
  /** Each point is one change. */
  readonly exact: boolean;
  readonly changes: number;
}

/** A register (`reg` 0…10) or stack slot (`slot` from 0, fp-8) of a frame. */
export interface Place {
  readonly frame: number;
  readonly reg?: number;
  readonly slot?: number;
}

export const placeOf = (place: Place): number =>
  place.reg === undefined ? slotPlace(place.frame, place.slot ?? 0) : regPlace(place.frame, place.reg);

/** The bounds of a register along positions [from, to) of a path. */
export function seriesAlong(recording: Exploration, way: Way, at: Place, from: number, to: number, most: number): Series {
  const place = placeOf(at);
  const pos = words();
  const ids = words();
  let id = -1;
  const UNRECORDED = 0xffffffff;
  way.each(
    (step, p) => {
      let now = id;
      if (!recording.hasState(step)) now = UNRECORDED;
      else if (recording.depthAt(step) <= at.frame) now = 0;
      else if (p === from || id === UNRECORDED || recording.isWhole(step)) now = recording.idsAtStep(step)[place]!;
      else
        recording.eachChange(step, (changed, value) => {
          if (changed === place) now = value;
        });
      if (now === id) return;
      id = now;
      pos.push(p);
      ids.push(now);
    },
    from,
    to,
  );
  const buckets = Math.min(pos.length, most);
  const exact = buckets === pos.length;
  const series: Series = {
    length: way.length,
    from,
    to,
    pos: new Uint32Array(buckets),
    min: new Float64Array(buckets),
    max: new Float64Array(buckets),
    holds: new Uint8Array(buckets),
    exact,
    changes: pos.length,
  };
  let next = 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const end = exact ? bucket + 1 : Math.floor(((bucket + 1) * pos.length) / buckets);
    series.pos[bucket] = pos.at(next);
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    let holds = -1;
    for (; next < end; next++) {
      const value = ids.at(next);
      const held = value === UNRECORDED ? HOLDS.unrecorded : recording.holds(place, value);
      if (held === HOLDS.number) {
        const [low, high] = recording.bounds(place, value);
        min = Math.min(min, low);
        max = Math.max(max, high);
      }
      holds = holds < 0 || holds === held ? held : HOLDS.mixed;
    }
    series.min[bucket] = min;
    series.max[bucket] = max;
    series.holds[bucket] = holds;
  }
  return series;
}

/** A loop that a path goes round. */
export interface LoopOnPath {
  readonly head: number;
  readonly depth: number;
  /** How often the path comes to its head. */
  readonly arrivals: number;
}

/** The loops of a path, those with most rounds first. */
export function loopsAlong(recording: Exploration, way: Way, heads: LoopHeads): LoopOnPath[] {
  const found = new Map<string, { head: number; depth: number; arrivals: number }>();
  way.each((step) => {
    const head = recording.insnAt(step);
    if (!heads.head[head]) return;
    const depth = recording.depthAt(step);
    const key = `${head} ${depth}`;
    const known = found.get(key);
    if (known) known.arrivals++;
    else found.set(key, { head, depth, arrivals: 1 });
  });
  return [...found.values()].filter(({ arrivals }) => arrivals > 1).sort((a, b) => b.arrivals - a.arrivals || a.head - b.head);
}

/** Steps at which a path comes to a loop's head. */
export function roundsOf(recording: Exploration, way: Way, { head, depth }: Pick<LoopOnPath, 'head' | 'depth'>): Uint32Array {
  const found = words();
  way.each((step) => {
    if (recording.insnAt(step) === head && recording.depthAt(step) === depth) found.push(step);
  });
  return found.view();
}

/** Registers and slots of the current function and its callers that do not hold the same at all of `steps`; ids and precision aside. */
export function differing(recording: Exploration, steps: ArrayLike<number>): number[] {
  let first: Uint32Array | null = null;
  let depth = 0;
  const differs = new Set<number>();
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]!;
    if (!recording.hasState(step)) continue;
    const ids = recording.idsAtStep(step);
    if (!first) {
      first = ids.slice();
      depth = recording.depthAt(step);
      continue;
    }
    for (let place = 0; place < depth * CELLS; place++) {
      if (ids[place] === first[place] || differs.has(place)) continue;
      if (!recording.alike(place, ids[place]!, first[place]!)) differs.add(place);
    }
  }
  return [...differs].sort((a, b) => a - b);
}

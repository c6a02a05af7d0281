import { type DeviceEvents, EVENT_KINDS } from '../../../hooks/accelerator/events.ts';
import type { Bars, TimelineWindow } from '../../accelerator-views.ts';

const HOOK = EVENT_KINDS.indexOf('hook');
const FINISHED = EVENT_KINDS.indexOf('finished');
const ABORTED = EVENT_KINDS.indexOf('aborted');
/** More bars than this cannot be told apart on a screen. */
const MOST_BARS = 3000;

interface WindowOptions {
  readonly fromNs: number;
  readonly toNs: number;
  readonly endNs: number;
  /** Of the longest piece of work: how far outside of the span something may begin or end that reaches into it. */
  readonly longestNs: number;
  readonly steps: number;
  readonly cores: number;
  readonly units: number;
  /** Index of a command's operation. */
  readonly opOf: (seq: number) => number;
}

/** What was at work in a span of the device's clock. Events are in the order of their times; a program's says when it begins, the units' when they end. */
export function windowOf(events: DeviceEvents, options: WindowOptions): TimelineWindow {
  const { fromNs, toNs, endNs, longestNs, steps, cores, units, opOf } = options;
  const time = events.column('timeNs');
  const kind = events.column('kind');
  const duration = events.column('durationNs');
  const [first, end] = [firstAt(time, fromNs - longestNs), firstAt(time, toNs + longestNs + 1)];
  const shares = { engine: new Float32Array(steps), units: new Float32Array(steps) };
  const aborts = new Uint16Array(steps);
  const step = Math.max(1e-9, (toNs - fromNs) / steps);
  const place = events.column('place');
  const chosen: number[] = [];
  let bars = 0;
  for (let at = first; at < end; at++) {
    const is = kind[at];
    if (is === ABORTED) {
      const bin = Math.floor((time[at]! - fromNs) / step);
      if (bin >= 0 && bin < steps) aborts[bin]!++;
      continue;
    }
    if (is !== HOOK && is !== FINISHED) continue;
    const ns = duration[at]!;
    const from = is === HOOK ? time[at]! : time[at]! - ns;
    if (from + ns < fromNs || from > toNs) continue;
    if (++bars <= MOST_BARS) chosen.push(at);
    spread(is === HOOK ? shares.engine : shares.units, from - fromNs, ns, step, is === HOOK ? 1 / cores : place[at]! / units);
  }
  return { fromNs, toNs, endNs, bars: bars <= MOST_BARS ? barsOf(events, chosen, opOf) : null, ...shares, aborts };
}

/** Adds a piece of work to the steps that it reaches into, by how much of each it takes. */
function spread(into: Float32Array, from: number, ns: number, step: number, weight: number): void {
  const to = from + ns;
  const last = Math.min(into.length - 1, Math.floor(to / step));
  for (let at = Math.max(0, Math.floor(from / step)); at <= last; at++) {
    const part = Math.min(to, (at + 1) * step) - Math.max(from, at * step);
    if (part > 0) into[at]! += (part / step) * weight;
  }
}

/** Index of the first time that is not below `ns`. */
function firstAt(time: ArrayLike<number>, ns: number): number {
  let [low, high] = [0, time.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (time[middle]! < ns) low = middle + 1;
    else high = middle;
  }
  return low;
}

function barsOf(events: DeviceEvents, chosen: readonly number[], opOf: (seq: number) => number): Bars {
  const [time, kind, duration, seqs, hook] = (['timeNs', 'kind', 'durationNs', 'seq', 'hook'] as const).map((name) => events.column(name));
  const fromOf = (at: number): number => (kind![at] === HOOK ? time![at]! : time![at]! - duration![at]!);
  const order = [...chosen].sort((a, b) => fromOf(a) - fromOf(b));
  const count = order.length;
  const bars = {
    seq: new Float64Array(count),
    from: new Float64Array(count),
    to: new Float64Array(count),
    lane: new Uint8Array(count),
    row: new Uint16Array(count),
    kind: new Uint8Array(count),
  };
  const ends: [number[], number[]] = [[], []];
  order.forEach((at, i) => {
    const lane = kind![at] === HOOK ? 0 : 1;
    const from = fromOf(at);
    const to = from + duration![at]!;
    // The first place that is free again.
    let row = ends[lane].findIndex((end) => end <= from);
    if (row < 0) row = ends[lane].length;
    ends[lane][row] = to;
    bars.seq[i] = seqs![at]!;
    bars.from[i] = from;
    bars.to[i] = to;
    bars.lane[i] = lane;
    bars.row[i] = row;
    bars.kind[i] = lane === 0 ? hook![at]! : opOf(seqs![at]!);
  });
  return { ...bars, rows: [ends[0].length, ends[1].length] };
}

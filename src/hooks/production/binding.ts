/**
 * How a compiled program behaves in production: what `production` of a binding adds. With it come a kill switch, shadow mode, counters and
 * fail-open; a share of events and a histogram of times only where they are asked for, because each costs time.
 */
export interface Production {
  /** Starts in shadow mode: events are scored and counted, and pass. */
  readonly shadow?: boolean;
  /** The model sees one event in so many; the others pass. */
  readonly sample?: {
    readonly oneIn: number;
    /** `event`: every so many-th of a processor. `flow`: all packets of one flow in so many, in both directions. */
    readonly by: 'event' | 'flow';
  };
  /** Counts by how long the program took for the events that the model saw. */
  readonly latency?: boolean;
}

/** Array with one entry that user space writes: see {@link CONTROL}. */
export const CONTROL_MAP = 'control';
/** Value of map `control`: u32 each. `mode` is one of {@link MODE}; `sample` 0 as compiled, 1 all events, else one in so many; `seed` chooses which flows. */
export const CONTROL = { mode: 0, sample: 4, seed: 8, bytes: 16 } as const;
/** Modes; every other number is `off`. */
export const MODE = { compiled: 0, enforce: 1, shadow: 2, off: 3 } as const;

/** Per CPU, one entry: u64 each, in the order of {@link COUNTERS}. */
export const COUNTERS_MAP = 'counters';
/**
 * `events` = `off` + `unsampled` + `scored` + `busy` + `stale` + those without the layer (key 6 of `verdicts`) + the failures but `metadata`, which is counted
 * beside `scored`. `nanoseconds` is the sum over the events of the histogram; `eligible` those that had something for the model. `busy` and `stale` are requests
 * that a text generating program answers without its model.
 */
export const COUNTERS = [
  'events',
  'off',
  'unsampled',
  'scored',
  'shadowed',
  'nanoseconds',
  'eligible',
  'fail_map',
  'fail_weights',
  'fail_truncated',
  'fail_flows',
  'fail_metadata',
  'fail_length',
  'busy',
  'stale',
] as const;
export type Counter = (typeof COUNTERS)[number];
/** Why an event failed open. */
export type Failure = 'map' | 'weights' | 'truncated' | 'flows' | 'metadata' | 'length';
export const COUNTERS_BYTES = COUNTERS.length * 8;
export const counterOff = (name: Counter): number => COUNTERS.indexOf(name) * 8;

/** Per CPU, one entry: u64 for each bucket of `histogram.ts`. */
export const LATENCY_MAP = 'latency';

/** What a tool that wants every event scored and judged writes into `control`. */
export function judgeAll(): Uint8Array {
  const value = new Uint8Array(CONTROL.bytes);
  value[CONTROL.mode] = MODE.enforce;
  value[CONTROL.sample] = 1;
  return value;
}

/** Counters of all processors together: `value` is what a lookup of map `counters` gives. Exact below 2^53. */
export function readCounters(value: Uint8Array): Record<Counter, number> {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const sums = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<Counter, number>;
  for (let at = 0; at < value.length; at += COUNTERS_BYTES)
    for (const name of COUNTERS) sums[name] += Number(view.getBigUint64(at + counterOff(name), true));
  return sums;
}

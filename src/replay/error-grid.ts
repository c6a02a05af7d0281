/** How far a program's tensors are from the reference's at some events: a row for each tensor, a column for each event. */
export interface ErrorGrid {
  /** Names of values, in the order of the model's operators. */
  readonly tensors: readonly string[];
  /** Numbers of events in the trace, ascending. */
  readonly events: readonly number[];
  /** Largest difference relative to the tensor's range, by tensor, then event; NaN where it is not known. */
  readonly error: Float32Array;
  /** The same of what the step that makes the tensor adds by itself. */
  readonly own: Float32Array;
}

/** One event's differences by tensor. */
export interface EventDifferences {
  readonly event: number;
  readonly error: ReadonlyMap<string, number>;
  readonly own: ReadonlyMap<string, number>;
}

/** A grid of what is known until now; `events` are those that will stand in it. */
export function gridOf(tensors: readonly string[], events: readonly number[], known: Iterable<EventDifferences>): ErrorGrid {
  const size = tensors.length * events.length;
  const [error, own] = [new Float32Array(size).fill(Number.NaN), new Float32Array(size).fill(Number.NaN)];
  const column = new Map(events.map((event, at) => [event, at]));
  for (const one of known) {
    const at = column.get(one.event);
    if (at === undefined) continue;
    tensors.forEach((name, row) => {
      error[row * events.length + at] = one.error.get(name) ?? Number.NaN;
      own[row * events.length + at] = one.own.get(name) ?? Number.NaN;
    });
  }
  return { tensors, events, error, own };
}

/** At most `most` of `candidates`, as far apart as they can be; the first and the last are among them. */
export function spaced(candidates: readonly number[], most: number): number[] {
  if (candidates.length <= most) return [...candidates];
  if (most === 1) return candidates.slice(0, 1);
  return Array.from({ length: most }, (_, i) => candidates[Math.round((i * (candidates.length - 1)) / (most - 1))]!);
}

/** At most `most` of `candidates` whose errors are the largest, ascending. */
export function farthest(candidates: readonly number[], errors: ArrayLike<number>, most: number): number[] {
  return [...candidates]
    .sort((a, b) => errors[b]! - errors[a]! || a - b)
    .slice(0, most)
    .sort((a, b) => a - b);
}

/** One tensor over all events of a grid. */
export interface TensorRow {
  readonly tensor: string;
  /** Largest of its errors, and the event at which it stands; NaN and -1 where none is known. */
  readonly worst: number;
  readonly worstEvent: number;
  /** Events at which its error is above the limit. */
  readonly over: number;
  /** Events at which it is the first tensor above the limit. */
  readonly first: number;
  /** Events at which its own step adds more than that of any other tensor, and more than the limit. */
  readonly adds: number;
}

/** What the columns of a grid say of each tensor; `limit` is the share of its range from which an error counts. */
export function tensorRows({ tensors, events, error, own }: ErrorGrid, limit: number): readonly TensorRow[] {
  const width = events.length;
  const [first, adds] = [new Uint32Array(tensors.length), new Uint32Array(tensors.length)];
  for (let at = 0; at < width; at++) {
    const leads = tensors.findIndex((_, row) => error[row * width + at]! > limit);
    if (leads >= 0) first[leads]!++;
    let most = -1;
    for (let row = 0; row < tensors.length; row++) {
      const value = own[row * width + at]!;
      if (value > limit && (most < 0 || value > own[most * width + at]!)) most = row;
    }
    if (most >= 0) adds[most]!++;
  }
  return tensors.map((tensor, row) => {
    const errors = error.subarray(row * width, (row + 1) * width);
    let [worst, over] = [-1, 0];
    for (const [at, value] of errors.entries()) {
      if (value > limit) over++;
      if (!Number.isNaN(value) && (worst < 0 || value > errors[worst]!)) worst = at;
    }
    return {
      tensor,
      worst: worst < 0 ? Number.NaN : errors[worst]!,
      worstEvent: worst < 0 ? -1 : events[worst]!,
      over,
      first: first[row]!,
      adds: adds[row]!,
    };
  });
}

/** Events at which something is known. */
export function knownEvents({ tensors, events, error }: ErrorGrid): number {
  let known = 0;
  for (let at = 0; at < events.length; at++) if (tensors.some((_, row) => !Number.isNaN(error[row * events.length + at]!))) known++;
  return known;
}

/** Names of `tensor` and of all that it is computed from. */
export function madeFrom(
  tensor: string,
  nodes: readonly { readonly inputs: readonly string[]; readonly outputs: readonly string[] }[],
): ReadonlySet<string> {
  const found = new Set([tensor]);
  // Operators stand behind those that they read.
  for (const { inputs, outputs } of nodes.toReversed()) {
    if (outputs.some((name) => found.has(name))) for (const name of inputs) found.add(name);
  }
  return found;
}

/** The row whose own step adds the most at an event, among the tensors in `among`; -1 where none adds anything. */
export function sourceOf({ tensors, events, own }: ErrorGrid, event: number, among: ReadonlySet<string>): number {
  const column = events.indexOf(event);
  const added = (row: number): number => own[row * events.length + column] || 0;
  return tensors.reduce((most, name, row) => (among.has(name) && added(row) > (most < 0 ? 0 : added(most)) ? row : most), -1);
}

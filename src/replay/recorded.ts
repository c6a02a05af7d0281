/** Values of a model over some events: each has the events along its first axis. */
export type Recording = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** Formats that recordings are written in. */
export type RecordingFormat = 'npz' | 'safetensors';
/** The name under which a recording keeps which events of the trace it holds. */
export const EVENTS = 'trace.events';

/** Which events of the trace a recording holds, in its order; without a note the first ones. */
export function eventsOfRecording(recording: Recording): readonly number[] {
  const noted = recording.get(EVENTS);
  if (noted) return [...noted.data];
  return Array.from({ length: [...recording.values()][0]?.shape[0] ?? 0 }, (_, i) => i);
}

/** How far one value is from what was recorded. */
export interface RecordedError {
  readonly name: string;
  readonly elements: number;
  readonly maxAbs: number;
  readonly meanAbs: number;
  /** Largest magnitude that was recorded: what a difference is to be measured by. */
  readonly range: number;
}

/** The values of event number `at` of a recording against others by name; those that one side lacks are left out. */
export function compareRecorded(recording: Recording, at: number, values: ReadonlyMap<string, ArrayLike<number>>): RecordedError[] {
  return [...recording].flatMap(([name, { shape, data }]) => {
    const own = values.get(name);
    const size = data.length / (shape[0] || 1);
    if (!own || own.length !== size || size === 0) return [];
    let [maxAbs, sum, range, elements] = [0, 0, 0, 0];
    for (let i = 0; i < size; i++) {
      const recorded = data[at * size + i]!;
      // −∞ masks, on both sides.
      if (!Number.isFinite(recorded)) continue;
      const error = Math.abs(recorded - own[i]!);
      elements++;
      sum += error;
      // A NaN on the other side is the largest error there is.
      if (!(error <= maxAbs)) maxAbs = error;
      range = Math.max(range, Math.abs(recorded));
    }
    return elements === 0 ? [] : [{ name, elements, maxAbs, meanAbs: sum / elements, range }];
  });
}

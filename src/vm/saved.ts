/** A part of a machine as it was at one moment. */
export interface Saved {
  /** About how much memory it holds. */
  readonly bytes: number;
  /** Makes the part what it was; may be called any number of times. */
  restore(): void;
}

/** What keeps nothing outside the machine's memory. */
export const NOTHING_SAVED: Saved = { bytes: 0, restore: () => {} };

/** Several parts as one. */
export function savedTogether(parts: readonly Saved[]): Saved {
  return {
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    restore: () => {
      for (const part of parts) part.restore();
    },
  };
}

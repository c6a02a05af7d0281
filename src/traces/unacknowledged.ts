/** Columns of a direction: how many of its segments are not acknowledged, and where the only one ends. */
export const UNACKNOWLEDGED_COLUMNS = 2;
/** Wireshark remembers no more of a direction. */
const MOST = 10_000;

const less = (a: number, b: number): boolean => ((a - b) | 0) < 0;

/**
 * Segments that nobody acknowledged yet, by the sequence numbers behind them. A single one of a direction, as most have, is kept in the direction's
 * own columns.
 */
export class Unacknowledged {
  /** Of directions with several, by their columns; ascending. */
  readonly #lists = new Map<number, number[]>();

  /** Remembers a segment of the direction whose columns are at `side`; false where it has too many. */
  add(rows: Float64Array, side: number, next: number): boolean {
    const count = rows[side]!;
    if (count >= MOST) return false;
    rows[side] = count + 1;
    if (count === 0) rows[side + 1] = next;
    else {
      const list = count === 1 ? [rows[side + 1]!] : this.#lists.get(side)!;
      let at = list.length;
      while (at > 0 && less(next, list[at - 1]!)) at--;
      if (at === list.length) list.push(next);
      else list.splice(at, 0, next);
      if (count === 1) this.#lists.set(side, list);
    }
    return true;
  }

  /** Forgets the segments of a direction that end before an acknowledgment of the other one, or with it. */
  acknowledge(rows: Float64Array, side: number, acknowledgment: number): void {
    const count = rows[side]!;
    if (count === 0) return;
    if (count === 1) {
      if (!less(acknowledgment, rows[side + 1]!)) rows[side] = 0;
      return;
    }
    const list = this.#lists.get(side)!;
    let kept = 0;
    while (kept < count && !less(acknowledgment, list[kept]!)) kept++;
    if (kept === 0) return;
    rows[side] = count - kept;
    if (count - kept > 1) list.splice(0, kept);
    else {
      if (count - kept === 1) rows[side + 1] = list[kept]!;
      this.#lists.delete(side);
    }
  }
}

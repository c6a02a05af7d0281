/** A run of lines in which two texts differ: `a` lines [aFrom, aTo) were replaced by `b` lines [bFrom, bTo). */
export interface Hunk {
  readonly aFrom: number;
  readonly aTo: number;
  readonly bFrom: number;
  readonly bTo: number;
}

/** Beyond this many edits the middle of two texts counts as one change; nobody reads such a comparison line by line. */
const MOST_EDITS = 400;

/** Differences of two lists of lines, after Myers (1986), with common head and tail left out first. */
export function diffLines(a: readonly string[], b: readonly string[]): readonly Hunk[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const n = a.length - head - tail;
  const m = b.length - head - tail;
  if (n === 0 && m === 0) return [];
  if (n === 0 || m === 0) return [{ aFrom: head, aTo: head + n, bFrom: head, bTo: head + m }];
  const path = shortestEdits(a, b, head, n, m);
  return path ?? [{ aFrom: head, aTo: head + n, bFrom: head, bTo: head + m }];
}

function shortestEdits(a: readonly string[], b: readonly string[], head: number, n: number, m: number): readonly Hunk[] | null {
  const trace: Int32Array[] = [];
  const most = Math.min(n + m, MOST_EDITS);
  const width = 2 * most + 3;
  let v = new Int32Array(width);
  const at = (k: number) => k + most + 1;
  for (let d = 0; d <= most; d++) {
    trace.push(v.slice());
    for (let k = -d; k <= d; k += 2) {
      let x = k === -d || (k !== d && v[at(k - 1)]! < v[at(k + 1)]!) ? v[at(k + 1)]! : v[at(k - 1)]! + 1;
      let y = x - k;
      while (x < n && y < m && a[head + x] === b[head + y]) {
        x++;
        y++;
      }
      v[at(k)] = x;
      if (x >= n && y >= m) return hunksOf(trace, d, n, m, head, at);
    }
    v = v.slice();
  }
  return null;
}

function hunksOf(trace: readonly Int32Array[], d: number, n: number, m: number, head: number, at: (k: number) => number): readonly Hunk[] {
  const steps: { aFrom: number; aTo: number; bFrom: number; bTo: number }[] = [];
  let [x, y] = [n, m];
  for (let depth = d; depth > 0; depth--) {
    const v = trace[depth]!;
    const k = x - y;
    const down = k === -depth || (k !== depth && v[at(k - 1)]! < v[at(k + 1)]!);
    const beforeK = down ? k + 1 : k - 1;
    const beforeX = v[at(beforeK)]!;
    const beforeY = beforeX - beforeK;
    steps.push(
      down
        ? { aFrom: beforeX, aTo: beforeX, bFrom: beforeY, bTo: beforeY + 1 }
        : { aFrom: beforeX, aTo: beforeX + 1, bFrom: beforeY, bTo: beforeY },
    );
    [x, y] = [beforeX, beforeY];
  }
  const hunks: { aFrom: number; aTo: number; bFrom: number; bTo: number }[] = [];
  for (const step of steps.reverse()) {
    const last = hunks.at(-1);
    if (last && last.aTo === step.aFrom && last.bTo === step.bFrom) {
      last.aTo = step.aTo;
      last.bTo = step.bTo;
    } else hunks.push({ ...step });
  }
  return hunks.map((hunk) => ({ aFrom: hunk.aFrom + head, aTo: hunk.aTo + head, bFrom: hunk.bFrom + head, bTo: hunk.bTo + head }));
}

/** Lines that differ, counting a replaced line once. */
export function changedLines(hunks: readonly Hunk[]): number {
  return hunks.reduce((sum, hunk) => sum + Math.max(hunk.aTo - hunk.aFrom, hunk.bTo - hunk.bFrom), 0);
}

import { words } from './columns.ts';
import { type Exploration, NONE } from './exploration.ts';

/**
 * The exploration as a tree of segments: stretches of a run without a branch inside. Of the segments that follow one, the one with most
 * steps below it continues the *path*; the others begin paths of their own. So a loop of thousands of rounds is one path with side
 * branches, and no path lies deeper than the logarithm of all steps.
 */
export class Paths {
  readonly recording: Exploration;
  readonly count: number;
  /** First step of each segment; segments are numbered in the order of their steps. */
  private readonly first: Uint32Array;
  private readonly parents: Uint32Array;
  /** Steps below and in a segment, and paths that end there. */
  private readonly sizes: Uint32Array;
  private readonly leaves: Uint32Array;
  private readonly heavy: Uint32Array;
  private readonly childStart: Uint32Array;
  private readonly child: Uint32Array;
  readonly roots: readonly number[];

  constructor(recording: Exploration) {
    this.recording = recording;
    const { runs, steps } = recording;
    const splits = new Uint8Array(steps + 1);
    for (let run = 0; run < runs; run++) {
      splits[recording.runFirst(run)] = 1;
      const parent = recording.runParent(run);
      if (parent !== NONE) splits[parent + 1] = 1;
    }
    const first = words();
    for (let step = 0; step < steps; step++) if (splits[step]) first.push(step);
    this.first = first.view();
    const count = first.length;
    this.count = count;
    this.parents = new Uint32Array(count).fill(NONE);
    const roots: number[] = [];
    for (let seg = 0; seg < count; seg++) {
      const step = this.first[seg]!;
      const run = recording.runOf(step);
      if (recording.runFirst(run) !== step) this.parents[seg] = seg - 1;
      else if (recording.runParent(run) === NONE) roots.push(seg);
      else this.parents[seg] = first.lastAtMost(recording.runParent(run));
    }
    this.roots = roots;
    this.sizes = new Uint32Array(count);
    this.leaves = new Uint32Array(count);
    this.heavy = new Uint32Array(count).fill(NONE);
    this.childStart = new Uint32Array(count + 2);
    // What follows a segment was explored after it.
    for (let seg = count - 1; seg >= 0; seg--) {
      this.sizes[seg]! += this.last(seg) - this.first[seg]! + 1;
      if (this.heavy[seg] === NONE) this.leaves[seg] = 1;
      const parent = this.parents[seg]!;
      if (parent === NONE) continue;
      this.sizes[parent]! += this.sizes[seg]!;
      this.leaves[parent]! += this.leaves[seg]!;
      this.childStart[parent + 2]!++;
      const most = this.heavy[parent]!;
      if (most === NONE || this.sizes[most]! <= this.sizes[seg]!) this.heavy[parent] = seg;
    }
    for (let seg = 0; seg < count; seg++) this.childStart[seg + 2]! += this.childStart[seg + 1]!;
    this.child = new Uint32Array(count);
    for (let seg = 0; seg < count; seg++) {
      const parent = this.parents[seg]!;
      if (parent !== NONE) this.child[this.childStart[parent + 1]!++] = seg;
    }
  }

  firstStep(seg: number): number {
    return this.first[seg]!;
  }

  /** Last step of a segment. */
  last(seg: number): number {
    return seg + 1 < this.count ? this.first[seg + 1]! - 1 : this.recording.steps - 1;
  }

  parent(seg: number): number {
    return this.parents[seg]!;
  }

  size(seg: number): number {
    return this.sizes[seg]!;
  }

  /** Ends of paths at or below a segment. */
  ends(seg: number): number {
    return this.leaves[seg]!;
  }

  /** The segment that continues the path; NONE at its end. */
  next(seg: number): number {
    return this.heavy[seg]!;
  }

  /** Segments that begin paths of their own where this one ends. */
  branches(seg: number): number[] {
    const found: number[] = [];
    for (let i = this.childStart[seg]!; i < this.childStart[seg + 1]!; i++)
      if (this.child[i] !== this.heavy[seg]) found.push(this.child[i]!);
    return found;
  }

  segmentOf(step: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.first[mid]! <= step) low = mid;
      else high = mid - 1;
    }
    return low;
  }

  /** First segment of the path that a segment lies on. */
  pathOf(seg: number): number {
    let at = seg;
    while (this.parents[at] !== NONE && this.heavy[this.parents[at]!] === at) at = this.parents[at]!;
    return at;
  }

  /** Last segment of the path that a segment lies on. */
  endOf(seg: number): number {
    let at = seg;
    while (this.heavy[at] !== NONE) at = this.heavy[at]!;
    return at;
  }

  /** The way from the beginning through `step` to the end of the path that it lies on. */
  way(step: number): Way {
    const seg = this.segmentOf(step);
    const segs: number[] = [];
    for (let at = seg; at !== NONE; at = this.parents[at]!) segs.push(at);
    segs.reverse();
    for (let at = this.heavy[seg]!; at !== NONE; at = this.heavy[at]!) segs.push(at);
    return new Way(this, segs);
  }
}

/** One path from its function's beginning to its end, as positions from 0. */
export class Way {
  readonly segs: readonly number[];
  private readonly starts: Uint32Array;
  private readonly paths: Paths;
  readonly length: number;

  constructor(paths: Paths, segs: readonly number[]) {
    this.paths = paths;
    this.segs = segs;
    this.starts = new Uint32Array(segs.length);
    let total = 0;
    segs.forEach((seg, i) => {
      this.starts[i] = total;
      total += paths.last(seg) - paths.firstStep(seg) + 1;
    });
    this.length = total;
  }

  private segAt(pos: number): number {
    let low = 0;
    let high = this.segs.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.starts[mid]! <= pos) low = mid;
      else high = mid - 1;
    }
    return low;
  }

  stepAt(pos: number): number {
    const at = this.segAt(pos);
    return this.paths.firstStep(this.segs[at]!) + pos - this.starts[at]!;
  }

  /** Position of a step; -1 for one that lies on another path. */
  positionOf(step: number): number {
    const seg = this.paths.segmentOf(step);
    let low = 0;
    let high = this.segs.length - 1;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.segs[mid]! < seg) low = mid + 1;
      else high = mid;
    }
    return this.segs[low] === seg ? this.starts[low]! + step - this.paths.firstStep(seg) : -1;
  }

  /** Calls `visit` for each step with its position, from position `from` on. */
  each(visit: (step: number, pos: number) => void, from = 0, to = this.length): void {
    for (let i = this.segAt(from); i < this.segs.length && this.starts[i]! < to; i++) {
      const start = this.starts[i]!;
      const first = this.paths.firstStep(this.segs[i]!);
      const end = Math.min(to, start + this.paths.last(this.segs[i]!) - first + 1);
      for (let pos = Math.max(from, start); pos < end; pos++) visit(first + pos - start, pos);
    }
  }

  /** Positions whose instruction leads to other paths too. */
  branchPositions(): Uint32Array {
    const found = words();
    for (let i = 0; i + 1 < this.segs.length; i++)
      if (this.paths.branches(this.segs[i]!).length > 0 || this.paths.next(this.segs[i]!) !== this.segs[i + 1])
        found.push(this.starts[i + 1]! - 1);
    return found.view();
  }
}

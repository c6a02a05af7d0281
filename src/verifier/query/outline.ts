import { type EndName, NONE } from './exploration.ts';
import type { LoopHeads } from './loops.ts';
import type { Paths } from './paths.ts';

/** How a path comes from the one before it. */
export type Edge = 'start' | 'taken' | 'not taken' | 'callback' | 'other';

/** A row of the tree of paths. Steps count what lies below it too. */
export interface OutlineRow {
  readonly key: string;
  readonly kind: 'path' | 'straight' | 'loop' | 'round' | 'end';
  readonly level: number;
  readonly expanded?: boolean;
  readonly posInSet: number;
  readonly setSize: number;
  readonly firstStep: number;
  readonly firstInsn: number;
  /** Last step of the path, or of the stretch. */
  readonly lastStep: number;
  readonly lastInsn: number;
  readonly steps: number;
  /** Of a path. */
  readonly edge?: Edge;
  readonly end?: EndName;
  readonly ends?: number;
  /** Rounds of a loop; number of a round, from 0. */
  readonly rounds?: number;
}

interface Straight {
  readonly kind: 'straight';
  readonly from: number;
  readonly to: number;
}

interface Branch {
  readonly kind: 'path';
  readonly seg: number;
}

interface Loop {
  readonly kind: 'loop';
  readonly head: number;
  readonly from: number;
  to: number;
  steps: number;
  readonly rounds: Round[];
}

interface Round {
  readonly kind: 'round';
  readonly from: number;
  to: number;
  steps: number;
  readonly items: Item[];
}

interface End {
  readonly kind: 'end';
  readonly step: number;
  readonly end: EndName;
}

type Item = Straight | Branch | Loop | Round | End;

interface Visible {
  readonly item: Item;
  readonly level: number;
  readonly posInSet: number;
  readonly setSize: number;
}

interface OpenLoop {
  readonly loop: Loop;
  readonly depth: number;
  readonly into: Item[];
}

/** The tree of paths as rows, folded until somebody opens them; what a path holds is looked at when it is opened. */
export class Outline {
  private readonly paths: Paths;
  private readonly heads: LoopHeads;
  private readonly open = new Set<string>();
  private readonly inside = new Map<number, readonly Item[]>();
  private visible: readonly Visible[] | null = null;

  constructor(paths: Paths, heads: LoopHeads) {
    this.paths = paths;
    this.heads = heads;
    for (const root of paths.roots.slice(0, 1)) this.open.add(keyOf({ kind: 'path', seg: root }));
  }

  get count(): number {
    return this.rows().length;
  }

  /** Rows [from, to) of those that are not folded away. */
  slice(from: number, to: number): OutlineRow[] {
    return this.rows()
      .slice(from, to)
      .map((row) => this.rowOf(row));
  }

  /** Opens what is open in another outline of the same exploration. */
  openAs(other: Outline): void {
    for (const key of other.open) this.open.add(key);
    this.visible = null;
  }

  /** Opens or folds a row. */
  toggle(key: string): void {
    if (!this.open.delete(key)) this.open.add(key);
    this.visible = null;
  }

  /** Opens what a step lies in; number of the row that shows it. */
  reveal(step: number): number {
    const { paths } = this;
    const chain: number[] = [];
    for (let seg = paths.segmentOf(step); ; ) {
      const head = paths.pathOf(seg);
      chain.push(head);
      if (paths.parent(head) === NONE) break;
      seg = paths.parent(head);
    }
    chain.reverse();
    // Where each path on the way is left.
    chain.forEach((head, i) => {
      const next = chain[i + 1];
      const at = next === undefined ? step : paths.last(paths.parent(next));
      if (next === undefined && this.isPlain(head)) return;
      this.open.add(keyOf({ kind: 'path', seg: head }));
      this.openAround(this.itemsOf(head), at);
    });
    this.visible = null;
    const own = chain.at(-1)!;
    return this.rows().findIndex(({ item }) => {
      if (item.kind === 'path') return item.seg === own && this.isPlain(own);
      return item.kind === 'straight' && item.from <= step && step <= item.to;
    });
  }

  private openAround(items: readonly Item[], step: number): void {
    for (const item of items) {
      if (item.kind === 'loop' && holds(item, step)) {
        this.open.add(keyOf(item));
        for (const round of item.rounds) {
          if (!holds(round, step)) continue;
          this.open.add(keyOf(round));
          this.openAround(round.items, step);
        }
      }
    }
  }

  private rows(): readonly Visible[] {
    if (this.visible) return this.visible;
    const rows: Visible[] = [];
    const add = (items: readonly Item[], level: number): void => {
      items.forEach((item, i) => {
        rows.push({ item, level, posInSet: i + 1, setSize: items.length });
        if (!this.open.has(keyOf(item))) return;
        if (item.kind === 'path' && !this.isPlain(item.seg)) add(this.itemsOf(item.seg), level + 1);
        else if (item.kind === 'loop') add(item.rounds, level + 1);
        else if (item.kind === 'round') add(item.items, level + 1);
      });
    };
    add(
      this.paths.roots.map((seg) => ({ kind: 'path', seg })),
      1,
    );
    this.visible = rows;
    return rows;
  }

  /** A path that is one straight stretch. */
  private isPlain(seg: number): boolean {
    return this.paths.next(seg) === NONE && this.itemsOf(seg).length <= 2 && this.itemsOf(seg)[0]!.kind === 'straight';
  }

  private itemsOf(head: number): readonly Item[] {
    let items = this.inside.get(head);
    if (!items) {
      items = this.lookInside(head);
      this.inside.set(head, items);
    }
    return items;
  }

  /** Cuts a path into straight stretches, rounds of loops and the paths that branch off. */
  private lookInside(head: number): readonly Item[] {
    const { paths } = this;
    const { recording } = paths;
    const { head: isHead, end } = this.heads;
    const top: Item[] = [];
    const stack: OpenLoop[] = [];
    let into = top;
    let from = -1;
    let step = 0;
    const flush = (): void => {
      if (from >= 0) into.push({ kind: 'straight', from, to: step - 1 });
      from = -1;
    };
    const leave = (): void => {
      flush();
      const { loop, into: outer } = stack.pop()!;
      into = outer;
      const only = loop.rounds.length === 1 ? loop.rounds[0]! : null;
      // Once through is no loop.
      if (only) outer.push(...only.items);
      else outer.push(loop);
    };
    const count = (steps: number): void => {
      for (const { loop } of stack) {
        loop.steps += steps;
        loop.rounds.at(-1)!.steps += steps;
      }
    };
    for (let seg = head; seg !== NONE; seg = paths.next(seg)) {
      const last = paths.last(seg);
      for (step = paths.firstStep(seg); step <= last; step++) {
        const insn = recording.insnAt(step);
        const depth = recording.depthAt(step);
        for (let open = stack.at(-1); open && isLeft(open, depth, insn, end[open.loop.head]!); open = stack.at(-1)) leave();
        if (isHead[insn]) {
          const open = stack.at(-1);
          const again = open !== undefined && open.depth === depth && open.loop.head === insn;
          flush();
          if (!again) {
            stack.push({ loop: { kind: 'loop', head: insn, from: step, to: step, steps: 0, rounds: [] }, depth, into });
          }
          const { loop } = stack.at(-1)!;
          const round: Round = { kind: 'round', from: step, to: step, steps: 0, items: [] };
          loop.rounds.push(round);
          into = round.items;
        }
        if (from < 0) from = step;
        for (const { loop } of stack) {
          loop.to = step;
          loop.steps++;
          const round = loop.rounds.at(-1)!;
          round.to = step;
          round.steps++;
        }
      }
      flush();
      for (const branch of paths.branches(seg)) {
        into.push({ kind: 'path', seg: branch });
        count(paths.size(branch));
      }
    }
    while (stack.length > 0) leave();
    const lastStep = paths.last(paths.endOf(head));
    top.push({ kind: 'end', step: lastStep, end: recording.runEnd(recording.runOf(lastStep)) });
    return top;
  }

  private rowOf({ item, level, posInSet, setSize }: Visible): OutlineRow {
    const { paths } = this;
    const { recording } = paths;
    const between = (firstStep: number, lastStep: number) => ({
      key: keyOf(item),
      kind: item.kind,
      level,
      posInSet,
      setSize,
      firstStep,
      firstInsn: recording.insnAt(firstStep),
      lastStep,
      lastInsn: recording.insnAt(lastStep),
    });
    const expanded = this.open.has(keyOf(item));
    switch (item.kind) {
      case 'straight':
        return { ...between(item.from, item.to), steps: item.to - item.from + 1 };
      case 'end':
        return { ...between(item.step, item.step), steps: 0, end: item.end };
      case 'loop':
        return { ...between(item.from, item.to), steps: item.steps, rounds: item.rounds.length, expanded };
      case 'round':
        return { ...between(item.from, item.to), steps: item.steps, rounds: posInSet - 1, expanded };
      case 'path': {
        const lastStep = paths.last(paths.endOf(item.seg));
        return {
          ...between(paths.firstStep(item.seg), lastStep),
          steps: paths.size(item.seg),
          edge: this.edgeOf(item.seg),
          end: recording.runEnd(recording.runOf(lastStep)),
          ends: paths.ends(item.seg),
          ...(this.isPlain(item.seg) ? {} : { expanded }),
        };
      }
    }
  }

  private edgeOf(seg: number): Edge {
    const { recording } = this.paths;
    const parent = this.paths.parent(seg);
    if (parent === NONE) return 'start';
    const before = this.paths.last(parent);
    const first = this.paths.firstStep(seg);
    const from = recording.insnAt(before);
    const to = recording.insnAt(first);
    if (recording.depthAt(first) > recording.depthAt(before)) return 'callback';
    if (!recording.isBranch(from)) return 'other';
    return to === from + 1 ? 'not taken' : 'taken';
  }
}

function isLeft({ loop, depth: own }: OpenLoop, depth: number, insn: number, end: number): boolean {
  return depth < own || (depth === own && (insn < loop.head || insn > end));
}

/** Steps of one path rise, so that a stretch of it holds those between its ends. */
const holds = ({ from, to }: { readonly from: number; readonly to: number }, step: number): boolean => from <= step && step <= to;

function keyOf(item: Item): string {
  switch (item.kind) {
    case 'path':
      return `p${item.seg}`;
    case 'end':
      return `e${item.step}`;
    case 'loop':
      return `l${item.from}`;
    case 'round':
      return `r${item.from}`;
    case 'straight':
      return `s${item.from}`;
  }
}

import type { Fact, Pass, PassRow, Reason } from './pass.ts';

export const SAME = 0;
export const CHANGED = 1;
export const ADDED = 2;
export const REMOVED = 3;
export type RowState = typeof SAME | typeof CHANGED | typeof ADDED | typeof REMOVED;

/** What became of a row that is no longer there. */
export type Fate =
  /** It is part of another row now, or only another view of its value. */
  { readonly kind: 'into' | 'view'; readonly op: string; readonly name: string } | { readonly kind: Reason };

export interface DiffRow {
  readonly state: RowState;
  readonly row: PassRow;
  /** The row before, where there is one. */
  readonly was: PassRow | null;
  readonly fate: Fate | null;
}

/** Passes that have rows of the same things: those of a graph and its plan by value, functions by name. */
const COMPARABLE: Readonly<Record<Pass['kind'], string>> = {
  nodes: 'values',
  ops: 'values',
  steps: 'values',
  functions: 'functions',
  code: 'functions',
};

export const comparable = (a: Pass, b: Pass): boolean => COMPARABLE[a.kind] === COMPARABLE[b.kind];

const textOf = (facts: readonly Fact[], key: string): string | undefined => facts.find(([own]) => own === key)?.[1];

/** Whether a row is another than before. Between passes of two kinds only what both tell of is compared. */
function changed(was: PassRow, row: PassRow, alike: boolean): boolean {
  if (was.op !== row.op || (was.dims && row.dims && was.dims.join() !== row.dims.join())) return true;
  if (alike && was.facts.length !== row.facts.length) return true;
  return row.facts.some(([key, text]) => {
    const before = textOf(was.facts, key);
    return before === undefined ? alike : before !== text;
  });
}

/**
 * The rows of `after`, and between them those of `before` that are gone, each behind the row that it stood behind. Where the two cannot be compared
 * every row is the same.
 */
export function diffPasses(before: Pass | null, after: Pass): DiffRow[] {
  const same = (row: PassRow): DiffRow => ({ state: SAME, row, was: null, fate: null });
  if (!before || !comparable(before, after)) return after.rows.map(same);
  const old = new Map(before.rows.map((row) => [row.id, row]));
  const now = new Map(after.rows.map((row) => [row.id, row]));
  const alike = before.kind === after.kind;
  const gone = new Map<string, PassRow[]>();
  let anchor = '';
  for (const row of before.rows) {
    if (now.has(row.id)) anchor = row.id;
    else if (gone.get(anchor)?.push(row) === undefined) gone.set(anchor, [row]);
  }
  const fateOf = fates(after);
  const removed = (row: PassRow): DiffRow => ({ state: REMOVED, row, was: null, fate: fateOf(row) });
  return [
    ...(gone.get('') ?? []).map(removed),
    ...after.rows.flatMap((row) => {
      const was = old.get(row.id) ?? null;
      const state = was === null ? ADDED : changed(was, row, alike) ? CHANGED : SAME;
      return [{ state, row, was, fate: null } satisfies DiffRow, ...(gone.get(row.id) ?? []).map(removed)];
    }),
  ];
}

/** Looks up what became of a row: the one that serves most of its nodes, the value that its own is a view of, or the reason that folding gave. */
function fates(after: Pass): (row: PassRow) => Fate {
  const serving = new Map<number, PassRow[]>();
  for (const row of after.rows) for (const node of row.nodes) if (serving.get(node)?.push(row) === undefined) serving.set(node, [row]);
  const byId = new Map(after.rows.map((row) => [row.id, row]));
  return (row) => {
    const reason = after.reasons?.get(row.node);
    if (reason) return { kind: reason };
    const votes = new Map<PassRow, number>();
    for (const node of row.nodes) for (const other of serving.get(node) ?? []) votes.set(other, (votes.get(other) ?? 0) + 1);
    const [best] = [...votes].sort(([, a], [, b]) => b - a);
    if (best && after.kind !== 'code') return { kind: 'into', op: best[0].op, name: best[0].name };
    const view = after.views?.get(row.id);
    if (view !== undefined) return { kind: 'view', op: byId.get(view)?.op ?? 'input', name: view };
    return { kind: after.kind === 'code' || after.kind === 'functions' ? 'uncalled' : 'unread' };
  };
}

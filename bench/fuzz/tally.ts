import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

type Counts = Record<string, number>;

/** What a shard has counted, as it stands in its file: a later run of the same command goes on from there. */
export interface Tally {
  /** Next seed of the shard. */
  next: number;
  seconds: number;
  counts: Counts;
  /** By group: how often each member was seen. */
  groups: Record<string, Counts>;
}

export const emptyTally = (next: number): Tally => ({ next, seconds: 0, counts: {}, groups: {} });

export function count(tally: Tally, name: string, by = 1): void {
  tally.counts[name] = (tally.counts[name] ?? 0) + by;
}

export function see(tally: Tally, group: string, member: string, by = 1): void {
  tally.groups[group] ??= {};
  const members = tally.groups[group];
  members[member] = (members[member] ?? 0) + by;
}

export function merged(tallies: readonly Tally[]): Tally {
  const all = emptyTally(Math.max(...tallies.map((t) => t.next)));
  for (const tally of tallies) {
    all.seconds = Math.max(all.seconds, tally.seconds);
    for (const [name, n] of Object.entries(tally.counts)) count(all, name, n);
    for (const [group, members] of Object.entries(tally.groups))
      for (const [member, n] of Object.entries(members)) see(all, group, member, n);
  }
  return all;
}

/** Median of a group whose members are numbers. */
export function median(members: Counts | undefined): number | null {
  const sorted = Object.entries(members ?? {})
    .map(([value, n]) => ({ value: Number(value), n }))
    .sort((a, b) => a.value - b.value);
  const total = sorted.reduce((sum, { n }) => sum + n, 0);
  let seen = 0;
  for (const { value, n } of sorted) {
    seen += n;
    if (seen * 2 >= total) return value;
  }
  return null;
}

/** Members by how often they were seen, the most frequent first. */
export const ranked = (members: Counts | undefined, most = Number.POSITIVE_INFINITY): [string, number][] =>
  Object.entries(members ?? {})
    .sort((a, b) => b[1] - a[1])
    .slice(0, most);

export const share = (part = 0, whole = 0): number => (whole === 0 ? 0 : Number((part / whole).toFixed(4)));

export function loadTally(path: string, first: number): Tally {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Tally) : emptyTally(first);
}

export function saveTally(path: string, tally: Tally): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify(tally));
  renameSync(`${path}.new`, path);
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Where shards of a command keep their tallies. */
export const tallyPath = (name: string, first: number, total: number, shard: number, shards: number): string =>
  `${root}.cache/${name}/${first}-${total}-${shard}of${shards}.json`;

/** The commit that is judged, for the record of a run that spans several. */
export const commitNow = (): string => execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();

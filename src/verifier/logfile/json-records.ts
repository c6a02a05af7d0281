/**
 * Logs whose lines are JSON documents: docker's `{"log":"0: (b7) r0 = 0\\n","stream":"stderr",…}`, journald's `MESSAGE`, loggers' `msg`, a cloud's
 * `jsonPayload.message`. What of them is the log is the member in which its words stand.
 */

/** Words of a log within a member. */
const OF_LOG =
  /(?:^|\s)(?:\d+: \([0-9a-f]{2}\) |\d+: (?:frame\d+: )?R\d+(?:_\w+)?=|func#\d+ @\d|processed \d+ insns \(limit|from \d+ to \d+:|mark_precise: frame)/;
/** Longest line of a sample that is parsed. */
const LONGEST_LINE = 4 * 1024 * 1024;
const MOST_DEPTH = 3;

/** The document on a line, perhaps behind a prefix (`agent-1  | {…}`). */
function documentOf(line: string): Readonly<Record<string, unknown>> | null {
  const from = line.indexOf('{"');
  const to = line.lastIndexOf('}');
  if (from < 0 || from > 200 || to < from || line.length > LONGEST_LINE) return null;
  try {
    const value: unknown = JSON.parse(line.slice(from, to + 1));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function pathTo(document: Readonly<Record<string, unknown>>, depth = 0): readonly string[] | null {
  for (const [name, value] of Object.entries(document)) {
    if (typeof value === 'string' && OF_LOG.test(value)) return [name];
    if (typeof value !== 'object' || value === null || Array.isArray(value) || depth >= MOST_DEPTH) continue;
    const inner = pathTo(value as Record<string, unknown>, depth + 1);
    if (inner) return [name, ...inner];
  }
  return null;
}

/** The member that holds the log in nearly all of a sample's lines that show one; null where they are no such documents. */
export function recordField(sample: string): readonly string[] | null {
  const found = new Map<string, number>();
  let seen = 0;
  for (const line of sample.split('\n')) {
    // An escaped line break may stand where a blank would.
    if (!OF_LOG.test(line.replaceAll('\\n', '\n').replaceAll('"', ' '))) continue;
    seen++;
    const document = documentOf(line);
    const path = document && pathTo(document);
    if (!path) continue;
    const key = JSON.stringify(path);
    found.set(key, (found.get(key) ?? 0) + 1);
  }
  const [best] = [...found].sort((a, b) => b[1] - a[1]);
  return best && best[1] >= Math.max(1, seen * 0.8) ? (JSON.parse(best[0]) as string[]) : null;
}

/** The text of a record, or the line itself where it is none. */
export function textOfRecord(line: string, field: readonly string[]): string {
  let value: unknown = documentOf(line);
  for (const name of field) value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  if (typeof value !== 'string') return line;
  return value.endsWith('\n') ? value.slice(0, -1) : value;
}

/**
 * The prefix that a logger puts before each line (`[  12.345678] `, `2026-01-02T03:04:05Z agent: `): what stands before the log's own text
 * and differs from line to line in its digits alone.
 */
export type PrefixPattern = readonly (number | 'digits' | 'blanks')[];

/** How an unmistakable line of a log begins. */
const UNMISTAKABLE =
  /(?:(?<!\d)\d+: \([0-9a-f]{2}\) (?:[rw]\d|\*\(|if |goto|call|exit|lock|may_goto)|(?<!\d)\d+: (?:frame\d+: )?R\d+(?:_\w+)?=|func#\d+ @\d|processed \d+ insns \(limit|from \d+ to \d+:|mark_precise: frame)/;

const LONGEST_PREFIX = 200;
const BLANK = 32;
const TAB = 9;
const ZERO = 48;
const NINE = 57;

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= NINE;
const isBlank = (byte: number): boolean => byte === BLANK || byte === TAB;

function patternOf(text: string): PrefixPattern {
  const pattern: (number | 'digits' | 'blanks')[] = [];
  for (const byte of new TextEncoder().encode(text)) {
    if (isDigit(byte)) {
      if (pattern.at(-1) !== 'digits') pattern.push('digits');
    } else if (isBlank(byte)) {
      if (pattern.at(-1) !== 'blanks') pattern.push('blanks');
    } else pattern.push(byte);
  }
  return pattern;
}

/** The prefix that nearly all unmistakable lines of a sample share; null where they have none. */
export function findPrefix(sample: string): PrefixPattern | null {
  const found = new Map<string, number>();
  let seen = 0;
  for (const line of sample.split('\n')) {
    const match = UNMISTAKABLE.exec(line);
    if (!match) continue;
    seen++;
    const text = line.slice(0, match.index);
    if (text.trim() === '' || text.length > LONGEST_PREFIX) continue;
    const key = text.replace(/\d+/g, '0').replace(/\s+/g, ' ');
    found.set(key, (found.get(key) ?? 0) + 1);
  }
  const [best] = [...found].sort((a, b) => b[1] - a[1]);
  // A loader may quote one line of the log in a sentence of its own.
  return best && best[1] >= Math.max(1, seen * 0.8) ? patternOf(best[0]) : null;
}

/** Bytes of the prefix at `from`; 0 where the line has none. Blanks at its end belong to the log's own text beyond the first. */
export function prefixLength(pattern: PrefixPattern, bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  for (let i = 0; i < pattern.length; i++) {
    const part = pattern[i]!;
    const start = at;
    if (part === 'digits') {
      while (at < to && isDigit(bytes[at]!)) at++;
    } else if (part === 'blanks') {
      const last = i === pattern.length - 1;
      while (at < to && isBlank(bytes[at]!) && !(last && at > start)) at++;
      // A line that is empty behind its prefix may have lost the blank at its end.
      if (last && at === to) return at - from;
    } else if (at < to && bytes[at] === part) at++;
    if (at === start) return 0;
    if (at - from > LONGEST_PREFIX) return 0;
  }
  return at - from;
}

/**
 * How well a title answers a query, from 0 (not at all) to 1: titles that begin with it first, shorter ones before longer ones, then those
 * that hold its words at the beginnings of theirs, then anywhere.
 */
export function rank(title: string, query: string): number {
  const text = title.toLowerCase();
  const wanted = query.trim().toLowerCase();
  if (wanted === '') return 1;
  const brevity = Math.max(0, 0.1 - (text.length - wanted.length) / 2000);
  if (text.startsWith(wanted)) return 0.9 + brevity;
  const words = wanted.split(/\s+/);
  const begins = (word: string) =>
    text.startsWith(word) || text.includes(` ${word}`) || text.includes(`: ${word}`) || text.includes(`/${word}`);
  if (words.every(begins)) return 0.6 + brevity;
  if (words.every((word) => text.includes(word))) return 0.3 + brevity;
  return 0;
}

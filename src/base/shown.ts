const MOST = 60;
const MOST_NUMBERS = 8;

/** A value of a JSON text in a message: short, and not followed into its depth, which may be any. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) {
    const short = value.length <= MOST_NUMBERS && value.every((item) => typeof item === 'number');
    return short ? `[${value.join(',')}]` : `a list of ${value.length}`;
  }
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value as number | bigint | boolean | null);
  return JSON.stringify(value.length <= MOST ? value : `${value.slice(0, MOST)}…`);
}

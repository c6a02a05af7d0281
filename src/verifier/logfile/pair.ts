/** Two logs of one program line by line, as they are written alike where nothing differs but addresses, names of maps, numbers of functions and times. */
export interface LogPair {
  /** Byte at which each line begins, of either log. */
  readonly starts: readonly [Uint32Array, Uint32Array];
  /** 1 for lines that differ; as long as the longer log. */
  readonly differs: Uint8Array;
  /** Number of the first such line, -1 without one. */
  readonly first: number;
  readonly differing: number;
}

const NEWLINE = 10;

/** Byte at which each line begins; a newline at the end begins none. */
export function lineStartsOf(bytes: Uint8Array): Uint32Array {
  if (bytes.length === 0) return new Uint32Array(0);
  let count = 1;
  for (let at = 0; at < bytes.length - 1; at++) if (bytes[at] === NEWLINE) count++;
  const starts = new Uint32Array(count);
  let line = 1;
  for (let at = 0; at < bytes.length - 1; at++) if (bytes[at] === NEWLINE) starts[line++] = at + 1;
  return starts;
}

const decoder = new TextDecoder();

/** Text of a line without its newline. */
export function lineOf(bytes: Uint8Array, starts: Uint32Array, line: number): string {
  let to = line + 1 < starts.length ? starts[line + 1]! - 1 : bytes.length;
  if (to > starts[line]! && bytes[to - 1] === NEWLINE) to--;
  return decoder.decode(bytes.subarray(starts[line], to));
}

/**
 * A line without what no two machines share: addresses of maps (ours have names), the numbers behind names of functions, the time of the verification; and
 * without the blanks by which a longer or shorter word moves its column.
 */
export const commonLine = (line: string): string =>
  line
    .replace(
      /(r\d+ = )(?:0xffff[0-9a-f]+|map\[[^\]]*\](?:\[\d+\])?(?:\+\d+)?)( *;)?/g,
      (_, head: string, tail?: string) => `${head}MAP${tail ? ' ;' : ''}`,
    )
    .replace(/(call \w+)#\d+( *;)?/g, (_, head: string, tail?: string) => `${head}${tail ? ' ;' : ''}`)
    .replace(/(?<! ) +;/g, ' ;')
    .replace(/verification time \d+ usec/, 'verification time');

function sameBytes(a: Uint8Array, b: Uint8Array, fromA: number, toA: number, fromB: number, toB: number): boolean {
  if (toA - fromA !== toB - fromB) return false;
  for (let i = 0; i < toA - fromA; i++) if (a[fromA + i] !== b[fromB + i]) return false;
  return true;
}

/** Compares two logs line by line. Only lines whose bytes differ are decoded. */
export function pairLogs(a: Uint8Array, b: Uint8Array): LogPair {
  const [x, y] = [lineStartsOf(a), lineStartsOf(b)];
  const differs = new Uint8Array(Math.max(x.length, y.length));
  const end = (bytes: Uint8Array, starts: Uint32Array, line: number): number =>
    line + 1 < starts.length ? starts[line + 1]! : bytes.length;
  let [first, differing] = [-1, 0];
  for (let line = 0; line < differs.length; line++) {
    const both = line < x.length && line < y.length;
    if (both && sameBytes(a, b, x[line]!, end(a, x, line), y[line]!, end(b, y, line))) continue;
    if (both && commonLine(lineOf(a, x, line)) === commonLine(lineOf(b, y, line))) continue;
    differs[line] = 1;
    differing++;
    if (first < 0) first = line;
  }
  return { starts: [x, y], differs, first, differing };
}

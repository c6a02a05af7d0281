/** The rejected program's text and the repaired one's. */
export interface ExamplePair {
  readonly rejected: string;
  readonly repaired: string;
}

/** Takes an example apart: lines with `-` are the rejected program's alone, those with `+` the repaired one's. */
export function pairOf(example: string): ExamplePair {
  const lines = example.split('\n');
  const side = (own: string, other: string): string =>
    `${lines
      .filter((line) => !line.startsWith(other))
      .map((line) => (line.startsWith(own) ? line.slice(1) : line))
      .join('\n')}\n`;
  return { rejected: side('-', '+'), repaired: side('+', '-') };
}

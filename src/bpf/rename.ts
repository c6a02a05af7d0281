/** What a name in assembly stands for. */
export interface Named {
  readonly kind: 'label' | 'map' | 'function';
  readonly name: string;
  /** Columns [from, to) of the name in its line, from 0. */
  readonly from: number;
  readonly to: number;
}

/** One place of a name: line and columns from 0. */
export interface NamePlace {
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

const WORD = '[A-Za-z_.$][\\w.$]*';
/** A name as it may be written without quotes; registers and words of the language are none. */
const FREE = /^[A-Za-z_.$][\w.$]*$/;
const TAKEN = /^([rw]\d+|if|goto|gotol|may_goto|exit|call|callx|lock|map|map_value|func|ll)$/;

/** Where names stand, by what they name; the name is the last group. */
const PLACES: readonly (readonly [Named['kind'], RegExp])[] = [
  ['label', new RegExp(`(^\\s*)(${WORD})(?=:)`, 'dg')],
  ['label', new RegExp(`(\\b(?:goto|gotol|may_goto)\\s+)(${WORD})`, 'dg')],
  ['map', new RegExp(`(^\\s*\\.(?:map|inner)\\s+)(${WORD})`, 'dg')],
  ['map', new RegExp(`(\\bmap(?:_value)?\\[)(${WORD})(?=\\])`, 'dg')],
  ['function', new RegExp(`(^\\s*\\.func\\s+)(${WORD})`, 'dg')],
  ['function', new RegExp(`(\\bcall\\s+)(${WORD})(?!#)(?![\\w.$])`, 'dg')],
  ['function', new RegExp(`(\\bfunc\\[)(${WORD})(?=\\])`, 'dg')],
];

/** Names in a line, without those in comments. */
function namesIn(line: string): Named[] {
  const code = line.replace(/(;|\/\/|#\s).*$/s, '');
  return PLACES.flatMap(([kind, pattern]) =>
    [...code.matchAll(pattern)].map((match): Named => {
      const [from, to] = match.indices![2]!;
      return { kind, name: match[2]!, from, to };
    }),
  );
}

/** What stands at a column (from 0) of a line; null for registers, helpers and everything that has no name of its own. */
export function nameAt(line: string, column: number, isHelper: (name: string) => boolean): Named | null {
  const found = namesIn(line).find(({ from, to }) => from <= column && column <= to) ?? null;
  return found && found.kind === 'function' && isHelper(found.name) ? null : found;
}

/** All places of a name in a text. Labels are the whole text's, as those of the assembler. */
export function placesOf(text: string, { kind, name }: Pick<Named, 'kind' | 'name'>): NamePlace[] {
  return text.split(/\r\n|\n|\r/).flatMap((line, at) =>
    namesIn(line)
      .filter((found) => found.kind === kind && found.name === name)
      .map(({ from, to }): NamePlace => ({ line: at, from, to })),
  );
}

/** Why a name cannot be given; null when it can. `others` are the names of that kind that are taken. */
export function nameProblem(name: string, others: readonly string[]): string | null {
  if (!FREE.test(name) || TAKEN.test(name)) return 'a name begins with a letter, _, . or $, and is no word of the language';
  return others.includes(name) ? `${name} is taken` : null;
}

/** The text with every place of a name changed. */
export function renamed(text: string, places: readonly NamePlace[], name: string): string {
  const lines = text.split(/\r\n|\n|\r/);
  for (const { line, from, to } of [...places].sort((a, b) => b.from - a.from))
    lines[line] = lines[line]!.slice(0, from) + name + lines[line]!.slice(to);
  return lines.join('\n');
}

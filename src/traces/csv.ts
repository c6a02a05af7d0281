import { InputError } from '../base/errors.ts';

/** A table of numbers: one event a row. */
export interface Table {
  /** Names of the columns; `column 1`, … where the file has no header. */
  readonly columns: readonly string[];
  readonly rows: number;
  /** Row-major, rows × columns. */
  readonly data: Float64Array;
}

const SEPARATORS = [',', ';', '\t'] as const;
const MAX_COLUMNS = 65_536;
const NUMBER = /^[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const WORDS: Readonly<Record<string, number>> = {
  true: 1,
  false: 0,
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};

/**
 * A text of comma-, semicolon- or tab-separated numbers, one event a line, with or without a header line; cells may be quoted, lines that are empty or
 * begin with `#` do not count. Throws {@link InputError} with line and column.
 */
export function readCsv(text: string, where = ''): Table {
  const fail = (line: number, what: string, advice = ''): never => {
    throw new InputError(what, [where, `line ${line}`].filter(Boolean).join(', '), advice);
  };
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .map((line, i) => ({ line, number: i + 1 }))
    .filter(({ line }) => line.trim() !== '' && !line.startsWith('#'));
  if (lines.length === 0) throw new InputError('the table is empty', where);
  const first = lines[0]!;
  const separator = SEPARATORS.reduce((best, one) => (first.line.split(one).length > first.line.split(best).length ? one : best));
  const head = cellsOf(first.line, separator, (what) => fail(first.number, what));
  const word = head.findIndex((cell) => numberOf(cell) === null);
  const isHeader = word >= 0;
  // A column may be called 7, but not -16.375: that is a line of numbers with a mistake, and no header.
  if (isHeader && head.some((cell) => numberOf(cell) !== null && !/^\s*\d+\s*$/.test(cell)))
    fail(first.number, `mixes numbers and words: column ${word + 1}, ${JSON.stringify(head[word]!.slice(0, 40))}, is no number`);
  if (head.length > MAX_COLUMNS) fail(first.number, `has ${head.length} columns; at most ${MAX_COLUMNS} are read`);
  const columns = head.map((cell, i) => (isHeader ? cell.trim() : `column ${i + 1}`));
  const seen = new Set<string>();
  const twice = columns.find((name) => seen.size === seen.add(name).size);
  if (isHeader && twice !== undefined) fail(first.number, `names the column ${JSON.stringify(twice)} twice`);
  const body = isHeader ? lines.slice(1) : lines;
  if (body.length === 0) fail(first.number, 'is a header, and no line of numbers follows');
  const data = new Float64Array(body.length * columns.length);
  body.forEach(({ line, number }, row) => {
    const cells = cellsOf(line, separator, (what) => fail(number, what));
    if (cells.length !== columns.length)
      fail(number, `has ${cells.length} cells, but ${isHeader ? 'the header' : `line ${first.number}`} has ${columns.length}`);
    for (const [column, cell] of cells.entries()) {
      const at = `column ${column + 1} (${columns[column]}): `;
      const value =
        numberOf(cell) ??
        fail(number, `${at}${JSON.stringify(cell.slice(0, 40))} is no number`, 'Numbers, true, false, nan and inf are read');
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) fail(number, `${at}${cell.trim()} is more than 2^53`);
      data[row * columns.length + column] = value;
    }
  });
  return { columns, rows: body.length, data };
}

function numberOf(cell: string): number | null {
  const text = cell.trim();
  if (NUMBER.test(text)) return Number(text);
  return Object.hasOwn(WORDS, text.toLowerCase()) ? WORDS[text.toLowerCase()]! : null;
}

/** The cells of a line; a quote within a quoted cell is doubled (RFC 4180). */
function cellsOf(line: string, separator: string, fail: (what: string) => never): string[] {
  if (!line.includes('"')) return line.split(separator);
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (quoted && c === '"' && line[i + 1] === '"') {
      cell += '"';
      i++;
    } else if (c === '"') quoted = !quoted;
    else if (c === separator && !quoted) {
      cells.push(cell);
      cell = '';
    } else cell += c;
  }
  if (quoted) fail('a quoted cell does not end on its line');
  return [...cells, cell];
}

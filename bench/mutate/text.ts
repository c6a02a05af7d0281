import type { Dice } from './dice.ts';

/** Numbers as texts that read wrong, and characters that texts of ours do not hold. */
const NUMBERS = [
  '0',
  '-1',
  '1',
  '255',
  '256',
  '65536',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740993',
  '18446744073709551615',
  '18446744073709551616',
  '-9223372036854775808',
  '1e999',
  '-0',
  '0x',
  '0xffffffffffffffff',
  '0x1ffffffffffffffffff',
  '1.5',
  'nan',
  'Infinity',
  '١٢',
];
const ODD_TEXTS = [
  '\0',
  '\u2028',
  '\ud800',
  '𝔘',
  '\r',
  '\t',
  '\x1b[31m',
  '"',
  "'",
  '`',
  '\\',
  '%s',
  '$&',
  '$1',
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '<',
  '>',
  '!',
  '#',
  ':',
  ';',
  ',',
  '.',
  '=',
  '*',
  '-',
  '+',
  '/',
  '//',
  '/*',
  '*/',
  '\\u0000',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  'null',
  'true',
  '',
];

const TOKEN = /[A-Za-z_][\w.]*|-?\d[\w.]*|\s+|[^\sA-Za-z_0-9]/g;

const MOST_CHARS = 100_000;

/** Changes of a text by its lines and words. Words of `others` and of the text itself take each other's places. */
export function changedText(dice: Dice, from: string, others: readonly string[]): string {
  let text = from;
  // What has grown long grows no further: reading it is what is looked at, not writing it.
  for (let count = dice.few(); count > 0 && text.length < MOST_CHARS; count--)
    text = dice.chance(0.4) ? changedLines(dice, text, others) : changedWords(dice, text, others);
  return text;
}

function changedLines(dice: Dice, text: string, others: readonly string[]): string {
  const lines = text.split('\n');
  const at = dice.below(lines.length);
  switch (dice.below(8)) {
    case 0:
      lines.splice(at, 1 + dice.below(3));
      break;
    case 1:
      lines.splice(at, 0, ...Array.from({ length: dice.chance(0.9) ? 1 : dice.below(300) }, () => lines[at]!));
      break;
    case 2: {
      const other = dice.below(lines.length);
      [lines[at], lines[other]] = [lines[other]!, lines[at]!];
      break;
    }
    case 3:
      lines.splice(at, 0, dice.one(dice.one(others).split('\n')));
      break;
    case 4:
      lines[at] = lines[at]!.slice(0, dice.below(lines[at]!.length + 1));
      break;
    case 5:
      lines[at] = lines[at]!.repeat(1 + dice.below(dice.chance(0.9) ? 4 : 200));
      break;
    case 6:
      return text.slice(0, dice.below(text.length + 1));
    default:
      lines[at] = `${' '.repeat(dice.below(60))}${lines[at]}`;
  }
  return lines.join('\n');
}

function changedWords(dice: Dice, text: string, others: readonly string[]): string {
  const words = text.match(TOKEN) ?? [''];
  const at = dice.below(words.length);
  const draw = dice.below(9);
  if (draw <= 2 && /\d/.test(text)) {
    const numbers = words.flatMap((word, i) => (/^-?\d/.test(word) ? [i] : []));
    if (numbers.length > 0) words[dice.one(numbers)] = dice.one(NUMBERS);
  } else if (draw === 3) words[at] = dice.one(ODD_TEXTS);
  else if (draw === 4) words.splice(at, 1);
  else if (draw === 5) words.splice(at, 0, dice.one(words));
  else if (draw === 6) words[at] = dice.one(dice.one(others).match(TOKEN) ?? ['']);
  else if (draw === 7) words.splice(at, 0, words[at]!.repeat(dice.chance(0.9) ? 2 : dice.below(3000)));
  else {
    const place = dice.below(text.length + 1);
    return (
      text.slice(0, place) +
      String.fromCharCode(dice.chance(0.8) ? dice.below(128) : dice.below(65_536)) +
      text.slice(place + dice.below(2))
    );
  }
  return words.join('');
}

/** Deeply nested: what a parser by descent must not follow to the end of its stack. */
export const nested = (dice: Dice, open: string, close: string, inside: string): string => {
  const depth = dice.one([10, 60, 100, 500, 2000, 20_000]);
  return open.repeat(depth) + inside + (dice.chance(0.5) ? close.repeat(depth) : '');
};

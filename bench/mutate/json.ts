import type { Dice } from './dice.ts';
import { changedText } from './text.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const NUMBERS = [
  0,
  -0,
  -1,
  1,
  0.5,
  1e-320,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  -(2 ** 53) - 2,
  1e20,
  1e308,
];
const KEYS = ['__proto__', 'constructor', 'toString', 'length', '', 'kind', 'name', '0'];

/** A tree grows no further: reading it is what is looked at, not writing it. */
const MOST_PLACES = 8000;
const DEEPEST = 40;
/** A text counts as this many characters to a place. */
const PLACE_CHARS = 64;

interface Place {
  readonly holder: Record<string, Json>;
  readonly key: string;
}

/** Places of a tree, those of one depth after those above it, {@link MOST_PLACES} at most: a value that stands in several places has those below it several times. */
function places(root: Json): Place[] {
  const found: Place[] = [];
  let level: Json[] = [root];
  for (let depth = 0; depth <= DEEPEST && level.length > 0; depth++) {
    const below: Json[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      const holder = value as Record<string, Json>;
      for (const key of Object.keys(holder)) {
        if (found.length >= MOST_PLACES) return found;
        found.push({ holder, key });
        below.push(holder[key]!);
      }
    }
    level = below;
  }
  return found;
}

const sizeOf = (value: Json): number => {
  let size = 0;
  for (const left = [value]; left.length > 0 && size < MOST_PLACES; size++) {
    const one = left.pop()!;
    if (typeof one === 'string') size += Math.floor(one.length / PLACE_CHARS);
    else if (typeof one === 'object' && one !== null) for (const key of Object.keys(one)) left.push((one as Record<string, Json>)[key]!);
  }
  return Math.max(1, size);
};

/** Another value for one place of a tree. */
function other(dice: Dice, value: Json, all: readonly Json[]): Json {
  switch (dice.below(9)) {
    case 0:
      return dice.one([null, true, false]);
    case 1:
    case 2:
      return typeof value === 'number' && dice.chance(0.5) ? value + dice.one([-1, 1, 0.5]) : dice.one(NUMBERS);
    case 3:
      return dice.one([
        '',
        ' ',
        '\0',
        'ü\ud800',
        'x'.repeat(dice.one([1, 100, 10_000])),
        '1',
        'null',
        '/../x',
        '__proto__',
        '0'.repeat(64),
      ]);
    case 4:
      return typeof value === 'string' ? changedText(dice, value, [value]) : [];
    case 5:
      return {};
    case 6: {
      let deep: Json = value;
      for (let depth = dice.one([1, 5, 50, 2000]); depth > 0; depth--) deep = dice.chance(0.5) ? [deep] : { kind: deep };
      return deep;
    }
    case 7:
      return Array.from({ length: Math.min(dice.one([0, 1, 2, 70, 600, 5000]), Math.floor(MOST_PLACES / sizeOf(value))) }, () => value);
    default: {
      // A copy: a tree that holds itself would have no end.
      const one = dice.one(all);
      return sizeOf(one) < MOST_PLACES / 20 ? structuredClone(one) : null;
    }
  }
}

/** Changes of a tree: values of other kinds, members left out, added, named otherwise, taken from elsewhere. */
export function changedTree(dice: Dice, from: unknown): unknown {
  const root = { root: structuredClone(from) as Json };
  for (let count = dice.few(); count > 0; count--) {
    const all = places(root);
    const { holder, key } = dice.one(all);
    const value = holder[key]!;
    const draw = dice.below(10);
    if (draw === 0 && key !== 'root') Reflect.deleteProperty(holder, key);
    else if (draw === 1 && key !== 'root' && !Array.isArray(holder)) {
      Object.defineProperty(holder, dice.one(KEYS), { value, enumerable: true, configurable: true, writable: true });
    } else if (draw === 2 && Array.isArray(value))
      value.splice(dice.below(value.length + 1), dice.below(2), ...value.slice(0, dice.below(3)));
    else
      holder[key] = other(
        dice,
        value,
        all.slice(0, 200).map((place) => place.holder[place.key]!),
      );
    if (all.length >= MOST_PLACES) break;
  }
  return root.root;
}

export const jsonText = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    // Nested too deep even to be written.
    return `${'['.repeat(100_000)}`;
  }
};

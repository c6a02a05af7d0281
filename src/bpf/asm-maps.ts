import { SyntaxProblem } from './lexer.ts';
import { mapTypeByName } from './maps.ts';
import type { MapDef } from './program.ts';

/** Contents of all maps together. */
const MAX_MAP_BYTES = 256 * 1024 * 1024;

/** Words of a directive with their columns; `"quoted words"` lose their quotes. */
export interface Word {
  readonly text: string;
  readonly column: number;
}

export const wordsOf = (text: string, firstColumn: number): Word[] =>
  [...text.matchAll(/"([^"]*)"|\([^()]*\)|[^\s,]+/g)].map((match) => ({ text: match[1] ?? match[0], column: firstColumn + match.index }));

export const parseNumber = (text: string): number => (/^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN);

interface MapDraft {
  def: MapDef;
  data: { readonly bytes: Uint8Array; used: number } | null;
}

/** The maps of a text, as `.map`, `.inner`, `.data` and `.zero` declare them. */
export class MapDrafts {
  private readonly maps: MapDraft[] = [];
  private mapBytes = 0;

  /** `name type keySize valueSize maxEntries [flags] [section=NAME] [lock=OFFSET] [frozen] [pin]` */
  declare(isInner: boolean, words: readonly Word[]): void {
    const [name, type, ...numbers] = words;
    const mapType = mapTypeByName(type!.text) ?? parseNumber(type!.text);
    if (Number.isNaN(mapType)) throw new SyntaxProblem(`unknown map type ${type!.text}`, type!.column);
    const values: number[] = [];
    let section: string | undefined;
    let spinLockOff: number | undefined;
    let frozen = false;
    let pinByName = false;
    for (const word of numbers) {
      const value = parseNumber(word.text);
      if (word.text === 'frozen') frozen = true;
      else if (word.text === 'pin') pinByName = true;
      else if (/^lock=\d{1,9}$/.test(word.text)) spinLockOff = Number(word.text.slice('lock='.length));
      else if (word.text.startsWith('section=')) section = word.text.slice('section='.length);
      else if (Number.isNaN(value) || value > 0xffffffff || values.length === 4) {
        throw new SyntaxProblem(
          'a map is: name, type, key size, value size, entries, then maybe flags, section=NAME, lock=OFFSET, frozen, pin',
          word.column,
        );
      } else values.push(value);
    }
    if (values.length < 3) throw new SyntaxProblem('a map needs key size, value size and number of entries', type!.column);
    const def: MapDef = {
      name: name!.text,
      type: mapType,
      keySize: values[0]!,
      valueSize: values[1]!,
      maxEntries: values[2]!,
      flags: values[3] ?? 0,
      ...(section === undefined ? {} : { section }),
      ...(spinLockOff === undefined ? {} : { spinLockOff }),
      ...(frozen ? { frozen } : {}),
      ...(pinByName ? { pinByName } : {}),
    };
    if (isInner) {
      const outer = this.maps.at(-1);
      if (outer) outer.def = { ...outer.def, inner: def };
      else throw new SyntaxProblem('.inner must follow the map that holds it', words[0]!.column);
      return;
    }
    if (this.maps.some((map) => map.def.name === def.name)) throw new SyntaxProblem(`map ${def.name} stands twice`, name!.column);
    this.maps.push({ def, data: null });
  }

  contents(directive: string, words: readonly Word[], column: number): void {
    const map = this.maps.at(-1);
    if (!map) throw new SyntaxProblem(`${directive} must follow a .map`, column);
    if (!map.data) this.mapBytes += map.def.valueSize;
    if (this.mapBytes > MAX_MAP_BYTES) throw new SyntaxProblem(`contents of more than ${MAX_MAP_BYTES} bytes`, column);
    map.data ??= { bytes: new Uint8Array(map.def.valueSize), used: 0 };
    const data = map.data;
    const room = data.bytes.length - data.used;
    if (directive === '.zero') {
      const count = parseNumber(words[0]?.text ?? '');
      if (!(count <= room))
        throw new SyntaxProblem(`.zero needs a number of at most ${room}, what is left of the value`, words[0]?.column ?? column);
      data.used += count;
      return;
    }
    for (const word of words) {
      if (!/^([0-9a-f]{2})+$/i.test(word.text)) throw new SyntaxProblem('.data takes pairs of hexadecimal digits', word.column);
      if (data.used + word.text.length / 2 > data.bytes.length) {
        throw new SyntaxProblem(`more data than the ${data.bytes.length} bytes of the value`, word.column);
      }
      for (let at = 0; at < word.text.length; at += 2) data.bytes[data.used++] = Number.parseInt(word.text.slice(at, at + 2), 16);
    }
  }

  /** Index of a map, or -1. */
  indexOf(name: string): number {
    return this.maps.findIndex((map) => map.def.name === name);
  }

  hasContents(mapIdx: number): boolean {
    return this.maps[mapIdx]!.data !== null;
  }

  defs(): MapDef[] {
    return this.maps.map(({ def, data }) => (data ? { ...def, data: data.bytes } : def));
  }
}

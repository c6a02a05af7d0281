import { InputError } from '../base/errors.ts';

/** Text to token numbers and back. */
export interface Tokenizer {
  /** Tokens that there are. */
  readonly size: number;
  /** Ends a text and stands before one; null when there is none. */
  readonly end: number | null;
  encode(text: string): number[];
  /** Bytes of a token; characters may be spread over several. */
  bytesOf(token: number): Uint8Array;
}

/** Words with the space before them, numbers, runs of other signs, white space: pairs never reach across them (`samples/lm/bpe.py`). */
const WORDS = /[ ]?[A-Za-z]+|[ ]?[0-9]+|[ ]?[^\sA-Za-z0-9]+|\s+/g;

/**
 * A byte-level byte-pair encoding (Sennrich et al. 2016): bytes are tokens, and pairs of tokens become new ones in the order in which they were
 * merged when it was trained.
 */
class BytePairs implements Tokenizer {
  readonly end: number | null;
  readonly size: number;
  readonly #firstByte: number;
  readonly #ranks = new Map<number, number>();
  readonly #bytes: Uint8Array[] = [];
  readonly #words = new Map<string, readonly number[]>();

  constructor(end: number | null, firstByte: number, merges: readonly (readonly [number, number])[], where: string) {
    this.end = end;
    this.#firstByte = firstByte;
    const firstPair = firstByte + 256;
    this.size = firstPair + merges.length;
    for (let token = 0; token < firstByte; token++) this.#bytes.push(new Uint8Array(0));
    for (let byte = 0; byte < 256; byte++) this.#bytes.push(Uint8Array.of(byte));
    for (const [rank, [left, right]] of merges.entries()) {
      const next = firstPair + rank;
      if (!(left >= firstByte && right >= firstByte && left < next && right < next))
        throw new InputError(`merge ${rank} joins tokens ${left} and ${right}, which do not come before it`, where);
      this.#ranks.set(left * this.size + right, rank);
      const joined = new Uint8Array(this.#bytes[left].length + this.#bytes[right].length);
      joined.set(this.#bytes[left]);
      joined.set(this.#bytes[right], this.#bytes[left].length);
      this.#bytes.push(joined);
    }
  }

  encode(text: string): number[] {
    return [...text.matchAll(WORDS)].flatMap(([word]) => this.#encodeWord(word));
  }

  bytesOf(token: number): Uint8Array {
    return this.#bytes[token] ?? new Uint8Array(0);
  }

  #encodeWord(word: string): readonly number[] {
    const known = this.#words.get(word);
    if (known) return known;
    const tokens = Array.from(new TextEncoder().encode(word), (byte) => this.#firstByte + byte);
    for (;;) {
      let best = Number.POSITIVE_INFINITY;
      for (let i = 0; i + 1 < tokens.length; i++) best = Math.min(best, this.#rank(tokens, i));
      if (best === Number.POSITIVE_INFINITY) break;
      for (let i = 0; i + 1 < tokens.length; i++) if (this.#rank(tokens, i) === best) tokens.splice(i, 2, this.#firstByte + 256 + best);
    }
    if (this.#words.size < 10_000) this.#words.set(word, tokens);
    return tokens;
  }

  #rank(tokens: readonly number[], i: number): number {
    return this.#ranks.get(tokens[i] * this.size + tokens[i + 1]) ?? Number.POSITIVE_INFINITY;
  }
}

/** Every byte is a token: for models of bytes, and for those that came without a tokenizer. */
export const byteTokenizer = (): Tokenizer => new BytePairs(null, 0, [], '');

/** Reads a tokenizer's document (`tokenizer.json` beside the model). Throws {@link InputError} naming `where`. */
export function readTokenizer(document: unknown, where: string): Tokenizer {
  const { kind, end, firstByte, merges } = (typeof document === 'object' && document !== null ? document : {}) as Record<string, unknown>;
  if (kind !== 'byte-bpe') throw new InputError('no tokenizer of ours: `kind` is not "byte-bpe"', where, 'samples/lm/bpe.py writes one');
  const isToken = (x: unknown): x is number => Number.isInteger(x) && (x as number) >= 0 && (x as number) < 65536;
  const pairs = Array.isArray(merges) ? merges : [];
  if (!isToken(firstByte) || !(end === null || isToken(end)) || !pairs.every((p) => Array.isArray(p) && p.length === 2 && p.every(isToken)))
    throw new InputError('`end`, `firstByte` and `merges` must be token numbers', where);
  return new BytePairs(end, firstByte, pairs as [number, number][], where);
}

/** The tokenizer that goes with a program; without a document bytes are tokens, if there are enough of them. Throws {@link InputError} naming `where`. */
export function tokenizerFor(document: unknown, vocabulary: number, where: string): Tokenizer {
  if (document !== null) {
    const tokenizer = readTokenizer(document, where);
    if (tokenizer.size > vocabulary)
      throw new InputError(
        `its tokenizer has ${tokenizer.size} tokens, its vocabulary ${vocabulary}`,
        where,
        'Give the tokenizer that belongs to the model',
      );
    return tokenizer;
  }
  if (vocabulary < 256)
    throw new InputError(
      `it came without a tokenizer and has ${vocabulary} tokens, fewer than there are bytes`,
      where,
      'Give `bpformer generate` its --tokenizer FILE.json, or token numbers with --prompt-tokens 1,2,3',
    );
  return byteTokenizer();
}

/** A prompt as a model begins with it. */
export const promptTokens = (tokenizer: Tokenizer, text: string): number[] => [
  ...(tokenizer.end === null ? [] : [tokenizer.end]),
  ...tokenizer.encode(text),
];

/** The text that tokens are. */
export function textOf(tokenizer: Tokenizer, tokens: readonly number[]): string {
  const stream = new TextStream(tokenizer);
  return tokens.map((token) => stream.push(token)).join('') + stream.end();
}

/** Turns tokens into text as they come: bytes of an unfinished character wait for the rest. */
export class TextStream {
  readonly #tokenizer: Tokenizer;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  push(token: number): string {
    return this.#decoder.decode(this.#tokenizer.bytesOf(token), { stream: true });
  }

  /** What is left at the end. */
  end(): string {
    return this.#decoder.decode();
  }
}

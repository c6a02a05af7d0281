const PAGE = 4096;
const WORDS_PER_PAGE = PAGE / 4;

/** Pages that differ from those of the keeper before. */
export type PageDelta = Map<number, Uint32Array>;

/** About what a page costs beyond its bytes. */
const PAGE_OVERHEAD = 128;

export const deltaBytes = (delta: PageDelta): number => delta.size * (PAGE + PAGE_OVERHEAD);

/**
 * What memory held at several moments, as the pages that changed from each to the next. Pages are found by comparison, which costs
 * the running program nothing and misses nothing, whoever wrote; how often to look is the caller's business.
 */
export class PageHistory {
  readonly #words: Uint32Array;
  /** Each page as the last moment has it; null for zeros. */
  readonly #last: (Uint32Array | null)[];

  /** `length` of the first bytes of `buffer` are looked at, in whole pages. */
  constructor(buffer: ArrayBuffer, length: number) {
    const pages = Math.min(Math.ceil(length / PAGE), Math.floor(buffer.byteLength / PAGE));
    this.#words = new Uint32Array(buffer, 0, pages * WORDS_PER_PAGE);
    this.#last = new Array<Uint32Array | null>(pages).fill(null);
  }

  get pages(): number {
    return this.#last.length;
  }

  /** Copies of the pages that differ from those of the last moment, which this becomes. */
  take(): PageDelta {
    const delta: PageDelta = new Map();
    for (let page = 0; page < this.#last.length; page++) {
      if (this.#same(page, this.#last[page]!)) continue;
      const copy = this.#words.slice(page * WORDS_PER_PAGE, (page + 1) * WORDS_PER_PAGE);
      this.#last[page] = copy;
      delta.set(page, copy);
    }
    return delta;
  }

  /** Takes note that memory has become what it was after `delta`, without looking. */
  advance(delta: PageDelta): void {
    for (const [page, words] of delta) this.#last[page] = words;
  }

  #same(page: number, kept: Uint32Array | null): boolean {
    const words = this.#words;
    const from = page * WORDS_PER_PAGE;
    if (kept) {
      for (let i = 0; i < WORDS_PER_PAGE; i++) if (words[from + i] !== kept[i]) return false;
    } else for (let i = from; i < from + WORDS_PER_PAGE; i++) if (words[i] !== 0) return false;
    return true;
  }

  /** Makes the memory what it was after `deltas`, the first of which began with zeros; the last of them becomes the last moment. */
  restore(deltas: readonly PageDelta[]): void {
    this.#last.fill(null);
    for (const delta of deltas) for (const [page, words] of delta) this.#last[page] = words;
    this.#last.forEach((kept, page) => {
      const from = page * WORDS_PER_PAGE;
      if (kept) this.#words.set(kept, from);
      // Untouched pages of large maps cost no memory as long as nobody writes to them.
      else if (!this.#same(page, null)) this.#words.fill(0, from, from + WORDS_PER_PAGE);
    });
  }

  /** `later` after `earlier` as one step. */
  static join(earlier: PageDelta, later: PageDelta): PageDelta {
    return new Map([...earlier, ...later]);
  }
}

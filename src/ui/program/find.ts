import { OP_CALL, PSEUDO_CALL } from '../../bpf/insn.ts';
import { textAt } from '../../workbench/columns.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { type CodeView, insnText, isWide } from './decode.ts';

/** What a search reads. */
export type FindView = CodeView & Pick<ProgramView, 'lines'>;

/** What the worker answers when it has to be sent the program first. */
export const UNKNOWN_PROGRAM = 'this program has not arrived yet';

/**
 * Finds the instructions whose line, source line or function name holds a text, slice by slice. A text that is a number also finds the
 * instruction of that index.
 */
export class Finder {
  readonly #view: FindView;
  readonly #query: string;
  readonly #index: number;
  /** By the two words of an instruction: most of a large program is a few thousand different ones. */
  readonly #known = new Map<number, Map<number, boolean>>();
  readonly #words: DataView;
  #next = 0;
  #line = 0;
  #func = 0;
  readonly total: number;

  constructor(view: FindView, query: string) {
    this.#view = view;
    this.#query = query.trim().toLowerCase();
    this.#index = /^#?\d+$/.test(this.#query) ? Number(this.#query.replace('#', '')) : -1;
    this.total = view.code.length / 8;
    this.#words = new DataView(view.code.buffer, view.code.byteOffset, view.code.byteLength);
  }

  get done(): number {
    return Math.min(this.#next, this.total);
  }

  /** Hits among the next instructions, until `spent` says to stop. */
  slice(spent: () => boolean): Uint32Array {
    const hits: number[] = [];
    if (this.#query === '') this.#next = this.total;
    for (let steps = 1; this.#next < this.total; steps++) {
      const insn = this.#next;
      if (this.#matches(insn)) hits.push(insn);
      this.#next += isWide(this.#view, insn) ? 2 : 1;
      if (steps % 256 === 0 && spent()) break;
    }
    return Uint32Array.from(hits);
  }

  #matches(insn: number): boolean {
    // All three run along with the instructions, whatever matches first.
    const line = this.#lineMatches(insn);
    const func = this.#funcMatches(insn);
    if (this.#index >= 0 && (insn === this.#index || (insn === this.#index - 1 && isWide(this.#view, insn)))) return true;
    if (this.#query.startsWith('#')) return false;
    return line || func || this.#textMatches(insn);
  }

  #lineMatches(insn: number): boolean {
    const { insn: at, text } = this.#view.lines;
    let found = false;
    // Only the last of several lines for one instruction is shown.
    for (; this.#line < at.length && at[this.#line]! <= insn; this.#line++) {
      const shown = this.#line + 1 >= at.length || at[this.#line + 1]! > insn;
      if (shown) found = textAt(text, this.#line).toLowerCase().includes(this.#query);
    }
    return found;
  }

  #funcMatches(insn: number): boolean {
    const { subprogs } = this.#view;
    let found = false;
    for (; this.#func < subprogs.length && subprogs[this.#func]!.start <= insn; this.#func++) {
      found ||= subprogs[this.#func]!.name.toLowerCase().includes(this.#query);
    }
    return found;
  }

  #textMatches(insn: number): boolean {
    const low = this.#words.getUint32(insn * 8, true);
    const high = this.#words.getUint32(insn * 8 + 4, true);
    const own = isWide(this.#view, insn) || ((low & 0xff) === OP_CALL && (low >> 12) % 16 === PSEUDO_CALL);
    if (own) return insnText(this.#view, insn).toLowerCase().includes(this.#query);
    let known = this.#known.get(low);
    if (!known) {
      known = new Map();
      this.#known.set(low, known);
    }
    let found = known.get(high);
    if (found === undefined) {
      found = insnText(this.#view, insn).toLowerCase().includes(this.#query);
      known.set(high, found);
    }
    return found;
  }
}

/** Hits in ascending order, growing as a search goes on. */
export class Hits {
  #all = new Uint32Array(1024);
  length = 0;

  add(more: Uint32Array): void {
    if (this.length + more.length > this.#all.length) {
      const larger = new Uint32Array(Math.max(2 * this.#all.length, this.length + more.length));
      larger.set(this.#all.subarray(0, this.length));
      this.#all = larger;
    }
    this.#all.set(more, this.length);
    this.length += more.length;
  }

  at(place: number): number {
    return this.#all[place]!;
  }

  /** Place of the first hit that is not before `insn`; `length` when all are. */
  placeOf(insn: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.#all[mid]! < insn) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  has(insn: number): boolean {
    const place = this.placeOf(insn);
    return place < this.length && this.#all[place] === insn;
  }
}

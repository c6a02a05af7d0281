import type { AddressSpace, Region } from '../address-space.ts';
import { FIRST_CONST, WORD_DST, WORD_OP, WORD_SRC, WORDS } from '../decode.ts';
import { effects } from './effects.ts';
import type { Graph } from './graph.ts';
import { isStore } from './slots.ts';

/** Sweeps over a function; what loops still change then is taken as it is. */
const MOST_SWEEPS = 4;
/** Behind r0 to r10. */
const FIRST_SLOT = 11;
/** Of a register: nothing is known, or has been heard yet. Other numbers are those of regions, from 0. */
const NOWHERE = -1;
const UNHEARD = -2;

/**
 * The region that a pointer most likely lies in, where that is one value of a map: what is added to the value's address keeps to it in
 * every accepted program. A guess, which spares the check its memory; a wrong one costs time and nothing else.
 */
export class Homes {
  readonly #code: Int32Array;
  readonly #constants: Int32Array;
  readonly #space: AddressSpace;
  readonly #atStart: readonly Int32Array[];
  #now: Int32Array<ArrayBufferLike>;

  readonly #slotOf: ReadonlyMap<number, number>;

  /** `slots` slots of the frame are followed as registers are; `slotOf` says which an instruction loads or stores. */
  constructor(
    graph: Graph,
    code: Int32Array,
    constants: Int32Array,
    space: AddressSpace,
    slotOf: ReadonlyMap<number, number>,
    slots: number,
  ) {
    this.#slotOf = slotOf;
    const places = FIRST_SLOT + slots;
    this.#now = new Int32Array(places).fill(NOWHERE);
    this.#code = code;
    this.#constants = constants;
    this.#space = space;
    const { blocks } = graph;
    this.#atStart = blocks.map((_, i) => new Int32Array(places).fill(i === 0 ? NOWHERE : UNHEARD));
    let changed = true;
    for (let sweep = 0; changed && sweep < MOST_SWEEPS; sweep++) {
      changed = false;
      blocks.forEach(({ start, last, successors }, i) => {
        this.enter(i);
        for (let at = start; at <= last; at += WORDS) this.pass(at);
        for (const next of successors) if (this.#meet(this.#atStart[next])) changed = true;
      });
    }
  }

  #meet(into: Int32Array): boolean {
    let changed = false;
    for (let r = 0; r < into.length; r++) {
      const met = into[r] === UNHEARD || into[r] === this.#now[r] ? this.#now[r] : NOWHERE;
      if (met !== into[r]) {
        into[r] = met;
        changed = true;
      }
    }
    return changed;
  }

  /** Goes to the beginning of a block. */
  enter(block: number): void {
    this.#now = this.#atStart[block].slice();
  }

  /** Where `register` points at this place. */
  of(register: number): Region | null {
    return this.#now[register] < 0 ? null : this.#space.regions[this.#now[register]];
  }

  /** Goes on over the instruction at `at`. */
  pass(at: number): void {
    const op = this.#code[at + WORD_OP];
    const d = this.#code[at + WORD_DST] / 2;
    const source = this.#code[at + WORD_SRC];
    const constant = source >= FIRST_CONST * 2;
    const now = this.#now;
    const slot = this.#slotOf.get(at);
    if (slot !== undefined) {
      if (!isStore(this.#code, at)) now[d] = now[FIRST_SLOT + slot];
      else now[FIRST_SLOT + slot] = constant ? this.#regionOf(source) : now[source / 2];
    } else if (op === 0xbf) now[d] = constant ? this.#regionOf(source) : now[source / 2];
    else if (op === 0x0f && !constant) now[d] = now[d] < 0 ? now[source / 2] : now[source / 2] < 0 ? now[d] : NOWHERE;
    else if (op !== 0x0f && op !== 0x1f) {
      const { writes } = effects(this.#code, at);
      for (let r = 0; r < 10; r++) if (writes & (1 << r)) now[r] = NOWHERE;
    }
  }

  #regionOf(source: number): number {
    if (this.#constants[source + 1] !== 0) return NOWHERE;
    const region = this.#space.regionAt(this.#constants[source] >>> 0);
    return region && region.count === 1 && !region.moves ? this.#space.regions.indexOf(region) : NOWHERE;
  }
}

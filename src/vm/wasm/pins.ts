import { WORD_OP, WORDS } from '../decode.ts';
import type { AccessPlan } from './accesses.ts';
import { effects } from './effects.ts';
import type { Graph } from './graph.ts';

/** V8 has another compiler for WebAssembly since about the version that brought this function; other engines keep the order too. */
const COMPILER_REORDERS = !('union' in Set.prototype);
/** A pin stands before a load with so many loads behind it: at the least, and where loaded values are still wanted. */
const FEWEST_LOADS = 4;
const MOST_LOADS = 8;

/**
 * Places in long blocks before which arithmetic must be done, with the registers that hold its results. An optimising compiler that
 * orders a block anew (TurboFan's scheduler, up to V8 11) puts sums behind all loads of the block, so that every loaded value waits on
 * the stack. A value that another path replaces cannot be put off: pins are such paths, which are never taken.
 */
export function findPins(graph: Graph, code: Int32Array, live: Int32Array, { accesses }: AccessPlan): Map<number, readonly number[]> {
  const pins = new Map<number, readonly number[]>();
  if (!COMPILER_REORDERS) return pins;
  graph.blocks.forEach(({ start, last }, block) => {
    const length = (last - start) / WORDS + 1;
    if (length < 3 * FEWEST_LOADS) return;
    // What may be read from each instruction on.
    const wanted = new Int32Array(length);
    let after = live[block];
    for (let i = length - 1; i >= 0; i--) {
      const { reads, writes } = effects(code, start + i * WORDS);
      after = (after & ~writes) | reads;
      wanted[i] = after;
    }
    let [loads, loaded, computed] = [0, 0, 0];
    for (let i = 0; i < length; i++) {
      const at = start + i * WORDS;
      const isLoad = (code[at + WORD_OP] & 7) === 1 && code[at + WORD_OP] < 0x100 && accesses.get(at)?.kind !== 'slot';
      const { writes } = effects(code, at);
      if (isLoad && loads >= FEWEST_LOADS && (loads >= MOST_LOADS || (loaded & wanted[i]) === 0)) {
        const held = computed & wanted[i];
        if (held !== 0) pins.set(at, registersOf(held));
        [loads, loaded, computed] = [0, 0, 0];
      }
      if (isLoad) {
        loads++;
        loaded |= writes;
        computed &= ~writes;
      } else {
        computed |= writes;
        loaded &= ~writes;
      }
    }
  });
  return pins;
}

const registersOf = (set: number): number[] => Array.from({ length: 10 }, (_, r) => r).filter((r) => set & (1 << r));

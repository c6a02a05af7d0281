import { ATOMIC_LOAD } from '../atomic.ts';
import { FIRST_CONST, isPacketLoad, OP_HELPER, OP_TAIL_CALL, WORD_ARG, WORD_DST, WORD_OP, WORD_SRC, WORDS } from '../decode.ts';
import { CALL, CALL_REGISTER, EXIT, type Graph, isBranch } from './graph.ts';

export const MAP_LOOKUP = 1;
export const FOR_EACH = 164;
export const LOOP = 181;
/** r0 to r9. */
export const ALL_REGISTERS = 0x3ff;
const MOST_SWEEPS = 64;

/** Size in bytes and direction of the memory instruction `op`; null for others. */
export function accessOf(op: number, operation: number): { size: number; write: boolean; pointer: 'd' | 's' } | null {
  if (op > 0xff) return null;
  const mode = op & 0xe0;
  const cls = op & 7;
  const size = [4, 2, 1, 8][(op >> 3) & 3];
  if (cls === 1 && (mode === 0x60 || (mode === 0x80 && size < 8))) return { size, write: false, pointer: 's' };
  if (cls !== 3) return null;
  if (mode === 0x60) return { size, write: true, pointer: 'd' };
  if (mode !== 0xc0) return null;
  return operation === ATOMIC_LOAD ? { size, write: false, pointer: 's' } : { size, write: true, pointer: 'd' };
}

/** Reads and writes of registers by the instruction at `at`, a bit each. */
export function effects(code: Int32Array, at: number): { reads: number; writes: number } {
  const op = code[at + WORD_OP];
  const d = 1 << (code[at + WORD_DST] / 2);
  const source = code[at + WORD_SRC];
  const s = source < FIRST_CONST * 2 ? 1 << (source / 2) : 0;
  const cls = op & 7;
  if (op === OP_HELPER) return { reads: code[at + WORD_ARG] === MAP_LOOKUP ? 0b110 : 0b111110, writes: 1 };
  if (op === OP_TAIL_CALL) return { reads: 0b1110, writes: 1 };
  if (isPacketLoad(op)) return { reads: (op & 0xe0) === 0x40 ? s : 0, writes: 1 };
  if (op === CALL) return { reads: 0b111110, writes: 1 };
  if (op === CALL_REGISTER) return { reads: 0b111110 | d, writes: 1 };
  if (op === EXIT) return { reads: 1, writes: 0 };
  if (cls === 1) return { reads: s, writes: d };
  // An atomic operation may read r0 and write any of the three.
  if (cls === 3) return (op & 0xe0) === 0xc0 ? { reads: d | s | 1, writes: d | s | 1 } : { reads: d | s, writes: 0 };
  if (isBranch(op)) return { reads: d | s, writes: 0 };
  if (op === 0xbf || op === 0xbc || op === 0x1bf || op === 0x1bc) return { reads: s, writes: d };
  return { reads: d | s, writes: d };
}

/** Registers, a bit each, that may be read after each block before they are written. */
export function liveAfter(graph: Graph, code: Int32Array): Int32Array {
  const { blocks } = graph;
  const used = new Int32Array(blocks.length);
  const written = new Int32Array(blocks.length);
  blocks.forEach(({ start, last }, i) => {
    for (let at = start; at <= last; at += WORDS) {
      const { reads, writes } = effects(code, at);
      used[i] |= reads & ~written[i];
      written[i] |= writes;
    }
  });
  const live = new Int32Array(blocks.length);
  let changed = true;
  for (let sweep = 0; changed; sweep++) {
    // Tangles of backward branches take many: every register may be read.
    if (sweep === MOST_SWEEPS) return live.fill(ALL_REGISTERS);
    changed = false;
    for (let i = blocks.length - 1; i >= 0; i--) {
      const after = blocks[i].successors.reduce((set, next) => set | used[next] | (live[next] & ~written[next]), 0);
      if (after !== live[i]) {
        live[i] = after;
        changed = true;
      }
    }
  }
  return live;
}

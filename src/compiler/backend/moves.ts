import type { Operand } from '../ir/ir.ts';

/** A move into BPF register `dst`; a register in `src` is a BPF register too. */
export interface Move {
  readonly dst: number;
  readonly src: Operand;
}

/** Registers that may hold a value while a cycle is broken: r0 and the argument registers, all dead at a call or at entry. */
const SCRATCH = [0, 5, 4, 3, 2, 1];

/** Sequences moves that happen at once: a register is written only after everyone has read it; cycles go through a scratch register. */
export function orderMoves(parallel: readonly Move[]): Move[] {
  let pending = parallel.filter((move) => !('reg' in move.src && move.src.reg === move.dst));
  const ordered: Move[] = [];
  while (pending.length > 0) {
    const ready = pending.find((move) => !pending.some((other) => other !== move && 'reg' in other.src && other.src.reg === move.dst));
    if (ready) {
      ordered.push(ready);
      pending = pending.filter((move) => move !== ready);
      continue;
    }
    const first = pending.find((move) => 'reg' in move.src)!;
    const from = (first.src as { reg: number }).reg;
    // What is left are cycles: sources of moves that were made are dead, their destinations are not.
    const read = pending.flatMap((move) => ('reg' in move.src ? [move.src.reg] : []));
    const used = new Set([...parallel.map((move) => move.dst), ...read]);
    const scratch = SCRATCH.find((reg) => !used.has(reg));
    if (scratch === undefined) throw new Error('no scratch register for a cycle of moves');
    ordered.push({ dst: scratch, src: { reg: from } });
    pending = pending.map((move) => ('reg' in move.src && move.src.reg === from ? { dst: move.dst, src: { reg: scratch } } : move));
  }
  return ordered;
}

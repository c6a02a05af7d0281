import type { InsnIdx } from '../../base/units.ts';
import { disasmKernel } from '../../bpf/disasm.ts';
import { isFuncAddress, isJump, isPseudoCall } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import { applyEdit, positions } from './edit.ts';
import type { Fix } from './fixes.ts';

/** One line of a program beside its mended form; `was` and `is` are instruction indices, null on the other side of a change. */
export interface FixLine {
  readonly was: InsnIdx | null;
  readonly is: InsnIdx | null;
  readonly text: string;
}

const CONTEXT = 1;

const textOf = (program: Program, idx: InsnIdx): string => disasmKernel(program.insns, idx).replace(/^\([0-9a-f]{2}\) /, '');

/** For each instruction of the mended program the one of the old program that it is, or -1 where the edit put it there. */
function ancestry(program: Program, fix: Fix): Int32Array {
  let from = Int32Array.from(program.insns, (_, idx) => idx);
  let current = program;
  for (const edit of fix.edits) {
    const { moved, length } = positions(current.insns.length, edit);
    const next = new Int32Array(length).fill(-1);
    const removed = new Set(edit.changes.flatMap((change) => Array.from({ length: change.remove }, (_, i) => change.at + i)));
    from.forEach((was, idx) => {
      if (!removed.has(idx)) next[moved[idx]!] = was;
    });
    current = applyEdit(current, edit);
    // An instruction that a change takes out and puts back is the same one.
    for (const change of edit.changes)
      for (let i = 0; i < change.remove; i++) {
        const at = moved[change.at + i]!;
        if (next[at] === -1 && sameInsn(program, from[change.at + i]!, current, at)) next[at] = from[change.at + i]!;
      }
    from = next;
  }
  return from;
}

function sameInsn(a: Program, x: InsnIdx, b: Program, y: InsnIdx): boolean {
  const old = a.insns[x];
  const now = b.insns[y];
  if (!old || !now) return false;
  const moves = isJump(old) || isPseudoCall(old) || isFuncAddress(old);
  return !moves && old.opcode === now.opcode && old.dst === now.dst && old.src === now.src && old.off === now.off && old.imm === now.imm;
}

/** What an edit takes out and puts in, with a line around each change; second halves of wide loads are left out. */
export function fixDiff(program: Program, fix: Fix): FixLine[] {
  const from = ancestry(program, fix);
  const lines: FixLine[] = [];
  const gone = (until: InsnIdx, at: InsnIdx): InsnIdx => {
    for (let was = at; was < until; was++) if (program.insns[was]!.opcode !== 0) lines.push({ was, is: null, text: textOf(program, was) });
    return until;
  };
  let next = 0;
  from.forEach((was, is) => {
    if (was >= 0) next = gone(was, next) + 1;
    if (fix.program.insns[is]!.opcode !== 0) lines.push({ was: was >= 0 ? was : null, is, text: textOf(fix.program, is) });
  });
  gone(program.insns.length, next);
  const changed = lines.map((line) => line.was === null || line.is === null);
  return lines.filter((_, i) => changed.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).includes(true));
}

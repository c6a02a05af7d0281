import { InputError } from '../../base/errors.ts';
import { editableText } from '../../bpf/edit-function.ts';
import type { ProgramSpec } from '../clients.ts';
import { type DiffHunk, type DiffLine, MOST_DIFF_LINES } from '../diff-view.ts';
import { revertHunk } from '../revert.ts';
import type { CallContext } from '../rpc.ts';
import { lines } from './fork.ts';
import { heldProgram } from './programs.ts';

/** Unchanged lines shown around a change. */
const CONTEXT = 3;

/** The lines that an edit changed, with some around them. */
export async function programDiff({ program: spec }: { program: ProgramSpec }, context: CallContext): Promise<readonly DiffHunk[]> {
  const { program, base, hunks } = await heldProgram(spec, context);
  const before = lines(base.program);
  const after = lines(program);
  return hunks.map((hunk, at) => {
    const headFrom = Math.max(hunk.bFrom - CONTEXT, hunks[at - 1]?.bTo ?? 0);
    const tailTo = Math.min(hunk.bTo + CONTEXT, hunks[at + 1]?.bFrom ?? after.shown.length);
    const line = (a: number | null, b: number | null): DiffLine => ({
      base: a === null ? -1 : before.insns[a]!,
      fork: b === null ? -1 : after.insns[b]!,
      text: (b === null ? before.shown[a!] : after.shown[b])!.trim(),
    });
    const unchanged = (from: number, to: number, shift: number) =>
      Array.from({ length: Math.max(0, to - from) }, (_, n) => line(from + n + shift, from + n));
    const some = (from: number, to: number, make: (n: number) => DiffLine) =>
      Array.from({ length: Math.min(MOST_DIFF_LINES, to - from) }, (_, n) => make(from + n));
    const insn = after.insns[hunk.bFrom] ?? program.insns.length - 1;
    return {
      func: program.subprogs.findLast(({ start }) => start <= insn)?.name ?? program.name,
      insn,
      head: unchanged(headFrom, hunk.bFrom, hunk.aFrom - hunk.bFrom),
      removed: some(hunk.aFrom, hunk.aTo, (n) => line(n, null)),
      added: some(hunk.bFrom, hunk.bTo, (n) => line(null, n)),
      more: [Math.max(0, hunk.aTo - hunk.aFrom - MOST_DIFF_LINES), Math.max(0, hunk.bTo - hunk.bFrom - MOST_DIFF_LINES)],
      tail: unchanged(hunk.bTo, tailTo, hunk.aTo - hunk.bTo),
    };
  });
}

/** The text of the program with one change taken back; null when it then equals the compiled one. */
export async function revertedText(
  { program: spec, at }: { program: ProgramSpec; at: number },
  context: CallContext,
): Promise<string | null> {
  const { program, base, insnHunks } = await heldProgram(spec, context);
  if (!insnHunks[at]) throw new InputError('this change is no longer there');
  return insnHunks.length === 1 ? null : editableText(revertHunk(base.program, program, insnHunks, at));
}

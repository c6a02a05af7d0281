import { alignPrograms } from '../../bpf/align.ts';
import type { Program } from '../../bpf/program.ts';
import type { StateRow, VerifyResult } from '../../verifier/api.ts';
import type { EditChange } from '../edit-view.ts';

/** A program and the verifier's word on it. */
export interface Judged {
  readonly program: Program;
  readonly result: VerifyResult;
}

export function sameCode(a: Program, b: Program): boolean {
  return (
    a.insns.length === b.insns.length &&
    a.insns.every((insn, at) => Object.entries(insn).every(([field, value]) => b.insns[at]![field as keyof typeof insn] === value))
  );
}

/** What an edit did to the verdict. States are compared as of the last visit of each instruction that both programs have. */
export function changeOf(was: Judged, now: Judged): EditChange {
  const { accepted, message, insnIdx, processed } = was.result;
  const recorded = was.result.stateBefore(0) !== null && now.result.stateBefore(0) !== null;
  return {
    accepted,
    message,
    insnIdx,
    processed,
    insns: [was.program.insns.length, now.program.insns.length],
    state: recorded ? firstState(was, now) : null,
    stateless: !recorded,
  };
}

/** Numbers that tell values apart are given anew in each run. */
const plain = (text: string): string => text.replace(/\b(ref_obj_)?id=\d+,?/g, '');

function firstState(was: Judged, now: Judged): EditChange['state'] {
  for (const { rows } of alignPrograms(was.program, now.program)) {
    for (const { a, b } of rows) {
      if (a < 0 || b < 0) continue;
      const [before, after] = [was.result.stateBefore(a), now.result.stateBefore(b)];
      // What only one run reached has no state to compare.
      if (!before || !after) continue;
      const found = differingRow(before, after);
      if (found) return { was: a, now: b, ...found };
    }
  }
  return null;
}

function differingRow(before: readonly StateRow[], after: readonly StateRow[]): { name: string; before: string; after: string } | null {
  const old = new Map(before.map(({ name, text }) => [name, text]));
  for (const { name, text } of after) {
    const known = old.get(name);
    if (known === undefined || plain(known) !== plain(text)) return { name, before: known ?? '', after: text };
    old.delete(name);
  }
  const [gone] = old;
  return gone ? { name: gone[0], before: gone[1], after: '' } : null;
}

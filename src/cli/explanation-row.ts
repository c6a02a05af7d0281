import { disasmKernel } from '../bpf/disasm.ts';
import type { Explanation } from '../verifier/explain/explain.ts';

/** Without the whole edited programs: an edit is the instructions that it puts in. */
export function explanationRow(found: Explanation): object {
  const fixes = found.fixes.map(({ title, size, insnIdx, edits }) => ({
    title,
    size,
    insn: insnIdx,
    edits: edits.map(({ changes }) =>
      changes.map(({ at, remove, insert }) => {
        const insns = insert.map(({ insn }) => insn);
        return {
          at,
          remove,
          insert: insert.map(({ target }, i) => ({ code: disasmKernel(insns, i), ...(target === undefined ? {} : { target }) })),
        };
      }),
    ),
  }));
  const { insnIdx, ...rest } = found;
  return { ...rest, insn: insnIdx, fixes };
}

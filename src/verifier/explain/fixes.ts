import { InputError } from '../../base/errors.ts';
import type { InsnIdx } from '../../base/units.ts';
import type { Program } from '../../bpf/program.ts';
import type { VerifyOptions, VerifyResult } from '../api.ts';
import { verify } from '../verify.ts';
import { candidates } from './candidates.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';
import { applyEdit, type Edit, editSize, positions } from './edit.ts';

/** An edit after which the verifier accepts the program and still reaches each instruction that it had refused. */
export interface Fix {
  /** What it does, one sentence a step. */
  readonly title: string;
  /** To be applied in order, each to the result of the one before. */
  readonly edits: readonly Edit[];
  /** Instructions inserted or replaced by all of them. */
  readonly size: number;
  readonly program: Program;
  /** Instructions that the verifier processed to accept it. */
  readonly processed: number;
  /** The refused instruction in the new program. */
  readonly insnIdx: InsnIdx;
}

export const MAX_EDIT = 6;
/** A load that becomes a call needs one more where it has an offset. */
const MAX_CALL = 7;
/** Edits that add what is missing, and those that change where a branch leads. */
const MAX_FIXES = 3;
const MAX_TURNS = 1;
const MAX_ROUNDS = 4;

interface Draft {
  readonly program: Program;
  readonly edits: readonly Edit[];
  readonly titles: readonly string[];
  readonly size: number;
  /** Refused instructions so far, in this program's numbering. */
  readonly refused: readonly InsnIdx[];
  readonly result: VerifyResult;
}

/** Candidates by class, each verified; where one mends the refused instruction and another is refused next, the search goes on from there. */
export function findFixes(
  rejected: { readonly program: Program; readonly result: VerifyResult; readonly found: Diagnosis },
  options: VerifyOptions,
  budget: { readonly tries: number; readonly processed: number },
): Fix[] {
  const { program, result: first } = rejected;
  const quiet: VerifyOptions = { ...options, logLevel: 0, recordStates: false };
  let tries = budget.tries;
  let processed = budget.processed;
  if (first.accepted) return [];
  const fixes: Fix[] = [];
  const turns: Fix[] = [];
  const resorts: Fix[] = [];
  const best = (): Fix[] => (fixes.length + turns.length > 0 ? [...fixes, ...turns] : resorts);
  let drafts: Draft[] = [
    { program, edits: [], titles: [], size: 0, refused: first.insnIdx === null ? [] : [first.insnIdx], result: first },
  ];
  for (let round = 0; round < MAX_ROUNDS && drafts.length > 0; round++) {
    const next: Draft[] = [];
    for (const draft of drafts) {
      if (draft.edits.length > 0) processed -= 2 * draft.result.processed;
      const found = draft.edits.length === 0 ? rejected.found : diagnose(draft.program, quiet, draft.result.message ?? '');
      for (const candidate of candidates(found)) {
        const size = draft.size + editSize(candidate.edit);
        if (size > (candidate.isCall ? MAX_CALL : MAX_EDIT)) continue;
        const kept = candidate.lastResort ? resorts : candidate.turnsBranch ? turns : fixes;
        if (kept.length >= (candidate.turnsBranch ? MAX_TURNS : MAX_FIXES) || (candidate.lastResort && round > 0)) continue;
        if (tries-- <= 0 || processed <= 0) return best();
        const edited = tryEdit(draft.program, candidate.edit);
        if (!edited) continue;
        const result = verify(edited.program, quiet);
        processed -= result.processed;
        const flagged = candidate.flagged === undefined ? draft.refused : [...draft.refused, candidate.flagged];
        const refused = flagged.map((idx) => edited.moved[idx]!);
        if (refused.length === 0) continue;
        const titles = [...draft.titles, candidate.title];
        if (kept.some(({ title }) => title === titles.join(' '))) continue;
        const edits = [...draft.edits, candidate.edit];
        if (result.accepted) {
          if (refused.every((idx) => result.visits[idx]! > 0))
            kept.push({ title: titles.join(' '), edits, size, program: edited.program, processed: result.processed, insnIdx: refused[0]! });
        } else if (result.insnIdx !== null && size < MAX_EDIT && moves(draft, result, edited.moved)) {
          next.push({ program: edited.program, edits, titles, size, refused: [...refused, result.insnIdx], result });
        }
      }
    }
    // An edit that mends is better than the start of a longer one.
    if (fixes.length + turns.length > 0) break;
    drafts = next.sort((a, b) => a.size - b.size);
  }
  return best();
}

function tryEdit(program: Program, edit: Edit): { readonly program: Program; readonly moved: Int32Array } | null {
  try {
    return { program: applyEdit(program, edit), moved: positions(program.insns.length, edit).moved };
  } catch (e) {
    if (e instanceof InputError) return null;
    throw e;
  }
}

/** The next refusal is another one than before. */
function moves(draft: Draft, result: VerifyResult, moved: Int32Array): boolean {
  return result.insnIdx !== moved[draft.result.insnIdx!] || result.message !== draft.result.message;
}

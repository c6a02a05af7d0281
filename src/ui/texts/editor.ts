const count = (value: number): string => value.toLocaleString('en');
const many = (value: number, one: string, more = `${one}s`): string => `${count(value)} ${value === 1 ? one : more}`;

/** Words of the editor, which comes when somebody edits. */
export const editor = {
  editLabel: (name: string) => `Text of function ${name}`,
  editOf: (insns: number, total: number) => `${many(insns, 'instruction')} of ${count(total)}`,
  editOpening: 'Opening the editor',
  editApplying: 'Applying the edit',
  editAsk: 'Leave without applying the changes?',
  editDrop: 'Leave',
  editKeep: 'Keep editing',
  editClose: 'Close',
  editApply: 'Apply',
  editApplyTitle: 'Put the function into the program (Ctrl+Enter)',
  editShow: 'Show',
  editStop: 'Stop',
  editMistake: (line: number, message: string, more: number) => `✕ line ${line}: ${message}${more > 0 ? `, and ${count(more)} more` : ''}`,
  editVerifying: (processed: number) =>
    processed === 0 ? 'Verifying the program with this text…' : `Verifying, ${count(processed)} processed so far`,
  editVerdict: (verdict: {
    readonly accepted: boolean;
    readonly message: string | null;
    readonly insnIdx: number | null;
    readonly processed: number;
    readonly elsewhere: string | null;
  }) =>
    verdict.accepted
      ? `✓ accepted, ${count(verdict.processed)} processed`
      : `✕ ${verdict.insnIdx === null ? '' : `insn ${verdict.insnIdx}${verdict.elsewhere ? ` in ${verdict.elsewhere}` : ''} · `}${verdict.message}`,
  what: {
    verdict: 'Verdict before',
    sameVerdict: 'the same',
    was: (accepted: boolean, message: string | null, insn: number | null) => (accepted ? '✓ accepted' : `✕ insn ${insn}: ${message}`),
    counts: 'Against before',
    processed: (was: number, now: number) => `processed ${count(was)} → ${count(now)}`,
    insns: (was: number, now: number) => (was === now ? 'as many instructions' : `instructions ${count(was)} → ${count(now)}`),
    state: 'First other state',
    differs: ({ now, name, before, after }: { now: number; name: string; before: string; after: string }) =>
      `insn ${now}: ${name} ${before || 'unknown'} → ${after || 'unknown'}`,
    sameStates: 'none: what both reach is known alike',
    stateless: 'not compared in programs of more than 8,000 instructions',
  },
  renameNothing: 'A label, a map or a function can be renamed; here stands none',
  renameRefused: (why: string) => `Not renamed: ${why}`,
  renaming: (from: string, to: string) => `rename ${from} to ${to}`,
  renamed: (from: string, to: string) => `${from} is now ${to} in the whole program`,
  knownHere: 'The verifier knows here:',
  editUnchecked: 'not checked',
  editUnchanged: 'no changes',
} as const;

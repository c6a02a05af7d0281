import type { Program } from '../bpf/program.ts';
import type { VerifyResult } from './api.ts';

/** A program with its verification. */
export interface Verified {
  readonly program: Program;
  readonly result: VerifyResult;
}

/** Instructions that the verifier processed for a source line (or, without line information, a function), before and now. */
export interface BudgetChange {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly was: number;
  readonly now: number;
}

/** What became of a program between two versions. */
export interface Against {
  readonly name: string;
  /** `same`: verdict, message and counters are equal. `changed`: the verdict is. */
  readonly change: 'same' | 'counts' | 'message' | 'fixed' | 'broken' | 'added' | 'removed';
  readonly was: VerifyResult | null;
  readonly now: VerifyResult | null;
  /** Where the budget went up or down, largest changes first. */
  readonly budget: readonly BudgetChange[];
}

interface Spent {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  processed: number;
}

/** Processed instructions by source line; lines are told apart by their text, as numbers move with what stands above them. */
function spentByLine({ program, result }: Verified): Map<string, Spent> {
  const spent = new Map<string, Spent>();
  let next = 0;
  let func = 0;
  let current: { file: string; line: number; text: string } | null = null;
  for (let insn = 0; insn < program.insns.length; insn++) {
    while (next < program.lineInfo.length && program.lineInfo[next]!.insnIdx <= insn) current = program.lineInfo[next++]!;
    while (func + 1 < program.subprogs.length && program.subprogs[func + 1]!.start <= insn) {
      func++;
      // A line ends with its function.
      if (current && (program.lineInfo[next - 1]?.insnIdx ?? -1) < program.subprogs[func]!.start) current = null;
    }
    const visits = result.visits[insn] ?? 0;
    if (visits === 0) continue;
    const name = program.subprogs[func]?.name ?? program.name;
    const { file, line, text } = current ?? { file: '', line: 0, text: name };
    const key = `${file}\n${text.trim()}`;
    const known = spent.get(key);
    if (known) known.processed += visits;
    else spent.set(key, { file, line, text: text.trim(), processed: visits });
  }
  return spent;
}

const MOST_LINES = 10;

function budgetOf(was: Verified, now: Verified): BudgetChange[] {
  const before = spentByLine(was);
  const after = spentByLine(now);
  const changes: BudgetChange[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(key);
    const line = after.get(key) ?? old!;
    const change = { file: line.file, line: line.line, text: line.text, was: old?.processed ?? 0, now: after.get(key)?.processed ?? 0 };
    if (change.was !== change.now) changes.push(change);
  }
  return changes.sort((a, b) => Math.abs(b.now - b.was) - Math.abs(a.now - a.was)).slice(0, MOST_LINES);
}

function changeOf(was: VerifyResult, now: VerifyResult): Against['change'] {
  if (was.accepted !== now.accepted) return now.accepted ? 'fixed' : 'broken';
  if (was.message !== now.message) return 'message';
  const same = was.processed === now.processed && was.totalStates === now.totalStates && was.stackDepth === now.stackDepth;
  return same ? 'same' : 'counts';
}

/** Pairs programs by name, and a lone one with a lone one, and says what changed. */
export function compareVersions(old: readonly Verified[], now: readonly Verified[]): Against[] {
  const lone = old.length === 1 && now.length === 1;
  const left = new Map(old.map((one) => [one.program.name, one]));
  const rows = now.map((one): Against => {
    const was = lone ? old[0] : left.get(one.program.name);
    if (was) left.delete(was.program.name);
    if (!was) return { name: one.program.name, change: 'added', was: null, now: one.result, budget: [] };
    return {
      name: one.program.name,
      change: changeOf(was.result, one.result),
      was: was.result,
      now: one.result,
      budget: budgetOf(was, one),
    };
  });
  const gone = [...left.values()].map(
    ({ program, result }): Against => ({ name: program.name, change: 'removed', was: result, now: null, budget: [] }),
  );
  return [...rows, ...gone];
}

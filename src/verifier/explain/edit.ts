import { InputError } from '../../base/errors.ts';
import type { InsnIdx } from '../../base/units.ts';
import { classOf, isFuncAddress, isJump, isPseudoCall, JA, JMP32, jumpTarget, opOf } from '../../bpf/insn.ts';
import type { Insn, Program } from '../../bpf/program.ts';

/** An instruction to insert. A jump to an instruction of the program names its old index; jumps within the insertion keep their offset. */
export interface NewInsn {
  readonly insn: Insn;
  readonly target?: InsnIdx;
  /** Aim so many instructions before the target: into what this edit inserts there. */
  readonly ahead?: number;
}

/** At instruction `at`: `remove` instructions go, `insert` comes in their place. */
export interface Change {
  readonly at: InsnIdx;
  readonly remove: number;
  readonly insert: readonly NewInsn[];
}

/** Changes in ascending order that do not overlap. */
export interface Edit {
  readonly changes: readonly Change[];
}

/** Instructions that an edit puts in or changes. */
export const editSize = (edit: Edit): number => edit.changes.reduce((sum, c) => sum + Math.max(c.insert.length, c.remove), 0);

/** Where instructions go: `moved[i]` for what stays or is replaced, `entry[i]` for jumps to it, which meet the insertion first. */
export interface Positions {
  readonly moved: Int32Array;
  readonly entry: Int32Array;
  readonly length: number;
}

/** New positions of the old instructions under an edit. Throws {@link InputError} when the edit does not fit the program. */
export function positions(count: number, edit: Edit): Positions {
  const moved = new Int32Array(count + 1);
  const entry = new Int32Array(count + 1);
  let next = 0;
  let at = 0;
  let result = 0;
  while (at <= count) {
    const change = edit.changes[next];
    if (change && change.at < at) throw new InputError('changes overlap or are out of order', `insn ${change.at}`);
    if (change?.at !== at) {
      moved[at] = result;
      entry[at++] = result++;
      continue;
    }
    if (change.remove < 0 || at + change.remove > count) throw new InputError('the edit reaches beyond the program', `insn ${at}`);
    next++;
    if (change.remove === 0) {
      entry[at] = result;
      moved[at] = result + change.insert.length;
      result += change.insert.length;
      if (edit.changes[next]?.at === at) throw new InputError('two changes at one instruction', `insn ${at}`);
      at++;
      result++;
      continue;
    }
    for (let i = 0; i < change.remove; i++, at++) {
      moved[at] = result + Math.min(i, change.insert.length);
      entry[at] = i === 0 ? result : moved[at]!;
    }
    result += change.insert.length;
  }
  if (next < edit.changes.length) throw new InputError('the edit reaches beyond the program', `insn ${edit.changes[next]!.at}`);
  return { moved, entry, length: result - 1 };
}

function aimed(insn: Insn, from: InsnIdx, to: InsnIdx): Insn {
  const off = to - from - 1;
  if (classOf(insn) === JMP32 && opOf(insn) === JA) return { ...insn, imm: off };
  if (off < -32768 || off > 32767) throw new InputError(`a jump over ${off} instructions is too far for its 16-bit offset`, `insn ${from}`);
  return { ...insn, off };
}

/**
 * The program after an edit: jumps, calls and function addresses keep their targets; functions, source lines, origins and calls of kernel
 * functions move along. What lands on an instruction with an insertion before it meets the insertion; inserted code has the source
 * line and origin of the instruction it precedes.
 */
export function applyEdit(program: Program, edit: Edit): Program {
  const { insns } = program;
  const { moved, entry, length } = positions(insns.length, edit);
  const out = new Array<Insn>(length);
  const origins = new Array<readonly number[]>(length);
  const removed = new Set<number>();
  for (const change of edit.changes) {
    for (let i = 0; i < change.remove; i++) removed.add(change.at + i);
    const base = entry[change.at]!;
    change.insert.forEach(({ insn, target, ahead }, i) => {
      if (target !== undefined && !(target >= 0 && target < insns.length))
        throw new InputError(`there is no instruction ${target}`, 'edit');
      out[base + i] = target === undefined ? insn : aimed(insn, base + i, moved[target]! - (ahead ?? 0));
      origins[base + i] = program.insnOrigins[change.at] ?? [];
    });
  }
  const inside = (target: number): boolean => target >= 0 && target <= insns.length;
  insns.forEach((insn, idx) => {
    if (removed.has(idx)) return;
    const at = moved[idx]!;
    origins[at] = program.insnOrigins[idx] ?? [];
    out[at] = insn;
    if (isJump(insn)) {
      const target = jumpTarget(insn, idx);
      if (inside(target)) out[at] = aimed(insn, at, entry[target]!);
    } else if (isPseudoCall(insn) || isFuncAddress(insn)) {
      const target = idx + insn.imm + 1;
      if (inside(target)) out[at] = { ...insn, imm: entry[target]! - at - 1 };
    }
  });
  const kfuncCalls = new Map<InsnIdx, string>();
  for (const [idx, name] of program.kfuncCalls) if (!removed.has(idx)) kfuncCalls.set(moved[idx]!, name);
  return {
    ...program,
    insns: out,
    subprogs: program.subprogs.map((sub) => ({ ...sub, start: entry[sub.start]! })),
    lineInfo: program.lineInfo.map((line) => ({ ...line, insnIdx: entry[line.insnIdx]! })),
    insnOrigins: origins,
    kfuncCalls,
  };
}

import { assemble, type Diagnostic } from './asm.ts';
import { secondSlots } from './functions.ts';
import { isFuncAddress, isPseudoCall } from './insn.ts';
import { headerText, listing } from './listing.ts';
import type { Insn, InsnIdx, Program } from './program.ts';

const FUNC_LINE = /^\s*\.func\s/;

/**
 * Lines [from, to) of function `func` in a text of `program`; null where the text has other functions than the program, so that no line
 * is certain.
 */
export function functionLines(lines: readonly string[], program: Program, func: number): readonly [from: number, to: number] | null {
  const starts: number[] = [];
  lines.forEach((line, at) => {
    if (FUNC_LINE.test(line)) starts.push(at);
  });
  if (starts.length !== program.subprogs.length) return null;
  return [starts[func]!, starts[func + 1] ?? lines.length];
}

/** Maps by their sizes alone: contents are no reading matter, and instructions name maps, not bytes. */
export function withoutContents(program: Program): Program {
  return { ...program, maps: program.maps.map((map) => (map.data ? { ...map, data: new Uint8Array(map.data.length) } : map)) };
}

/** A text of the whole program with labels, in which any function can be replaced. */
export function editableText(program: Program): string {
  return listing(withoutContents(program), { labels: true })
    .map((line) => line.text)
    .join('\n');
}

export interface FunctionEdit {
  /** The whole program with the function replaced; null when the text has mistakes. */
  readonly program: Program | null;
  /** Lines count in the function's text. */
  readonly diagnostics: readonly Diagnostic[];
  /** Line (from 1) of the function's text of each instruction slot from `start` on. */
  readonly lineOfInsn: readonly number[];
  readonly start: InsnIdx;
}

/**
 * Assembles the text of one function in place of function `func` of `base`, without assembling the others: they stand in as single
 * instructions that calls resolve to. The same program as assembling the whole text, but without the lines of its source.
 */
export function replaceFunction(base: Program, func: number, text: string): FunctionEdit {
  const header = headerText(withoutContents(base));
  const others = base.subprogs.filter((_, at) => at !== func);
  const stubs = others.map(({ name }) => `.func "${name}"\nexit`).join('\n');
  const shift = header.split('\n').length;
  const { program: part, diagnostics, lineOfInsn } = assemble(`${header}\n${text}\n${stubs}`);
  const length = text.split('\n').length;
  const start = base.subprogs[func]!.start;
  const own = diagnostics.map((problem) => ({ ...problem, line: Math.max(1, Math.min(length, problem.line - shift)) }));
  const lines = lineOfInsn.map((line) => line - shift);
  if (!part) return { program: null, diagnostics: own, lineOfInsn: lines.filter((line) => line <= length), start };
  // Behind the function's own instructions stands one for each other function.
  const size = part.insns.length - others.length;
  const result = splice(base, func, part, size);
  return { program: result, diagnostics: own, lineOfInsn: lines.slice(0, size), start };
}

function splice(base: Program, func: number, part: Program, size: number): Program {
  const { subprogs } = base;
  const start = subprogs[func]!.start;
  const end = subprogs[func + 1]?.start ?? base.insns.length;
  const grown = size - (end - start);
  const moved = (idx: InsnIdx): InsnIdx => (idx >= end ? idx + grown : idx);
  const others = subprogs.filter((_, at) => at !== func).map((other) => moved(other.start));
  const insns: Insn[] = [];
  const wide = secondSlots(base.insns);
  const calls = (insn: Insn) => isPseudoCall(insn) || isFuncAddress(insn);
  const keep = (from: InsnIdx, to: InsnIdx): void => {
    for (let idx = from; idx < to; idx++) {
      const insn = base.insns[idx]!;
      const at = insns.length;
      insns.push(calls(insn) && !wide[idx] ? { ...insn, imm: moved(idx + 1 + insn.imm) - at - 1 } : insn);
    }
  };
  keep(0, start);
  const wideHere = secondSlots(part.insns);
  for (let idx = 0; idx < size; idx++) {
    const insn = part.insns[idx]!;
    const target = idx + 1 + insn.imm;
    if (!calls(insn) || wideHere[idx] || target < size) insns.push(insn);
    else insns.push({ ...insn, imm: (others[target - size] ?? 0) - insns.length - 1 });
  }
  keep(end, base.insns.length);
  // The text may declare further functions, and call places that it did not declare.
  const inside = part.subprogs.filter((one) => one.start < size).map((one) => ({ ...one, start: one.start + start }));
  const kfuncCalls = new Map<InsnIdx, string>();
  for (const [idx, name] of base.kfuncCalls) if (idx < start || idx >= end) kfuncCalls.set(moved(idx), name);
  for (const [idx, name] of part.kfuncCalls) if (idx < size) kfuncCalls.set(idx + start, name);
  return {
    ...base,
    insns,
    subprogs: [
      ...subprogs.slice(0, func),
      ...inside,
      ...subprogs.slice(func + 1).map((other) => ({ ...other, start: moved(other.start) })),
    ],
    kfuncCalls,
    lineInfo: [],
    insnOrigins: [],
  };
}

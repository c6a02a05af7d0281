import { calledTargets, secondSlots } from '../bpf/functions.ts';
import { isFuncAddress, isPseudoCall } from '../bpf/insn.ts';
import type { Insn, InsnIdx, Program } from '../bpf/program.ts';

/**
 * Order in which libbpf places functions behind the main one: each when the first call of it is met, its own calls before the
 * caller's next ones (bpf_object__reloc_code). Functions that nothing calls are left out. Indices into `starts`.
 */
function callOrder(insns: readonly Insn[], starts: readonly InsnIdx[], second: Uint8Array): number[] {
  const indexAt = new Map(starts.map((start, index) => [start, index]));
  const placed = new Set([0]);
  // A stack of positions instead of recursion: a chain of calls may be as long as the program.
  const stack = [{ index: 0, idx: 0 }];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const end = starts[top.index + 1] ?? insns.length;
    if (top.idx >= end) {
      stack.pop();
      continue;
    }
    const idx = top.idx++;
    const insn = insns[idx]!;
    if (second[idx] || !(isPseudoCall(insn) || isFuncAddress(insn))) continue;
    const callee = indexAt.get(idx + 1 + insn.imm);
    if (callee === undefined || placed.has(callee)) continue;
    placed.add(callee);
    stack.push({ index: callee, idx: starts[callee]! });
  }
  return [...placed];
}

/**
 * The program with its functions where libbpf puts them when it loads the object, so that instruction numbers are those of the
 * kernel's log; functions that nothing calls are dropped. The same program when it is in that order already.
 */
export function inLinkOrder(program: Program): Program {
  const { insns, subprogs } = program;
  const second = secondSlots(insns);
  const starts = subprogs.map((func) => func.start);
  const known = new Set(starts);
  const isWhole = starts[0] === 0 && calledTargets(insns).every((target) => known.has(target));
  if (!isWhole) return program;
  const order = callOrder(insns, starts, second);
  if (order.length === starts.length && order.every((index, at) => index === at)) return program;
  const newStart: InsnIdx[] = [];
  const newIdx = new Int32Array(insns.length).fill(-1);
  const source: InsnIdx[] = [];
  for (const index of order) {
    newStart.push(source.length);
    const end = starts[index + 1] ?? insns.length;
    for (let idx = starts[index]!; idx < end; idx++) {
      newIdx[idx] = source.length;
      source.push(idx);
    }
  }
  const moved = source.map((idx, at): Insn => {
    const insn = insns[idx]!;
    if (second[idx] || !(isPseudoCall(insn) || isFuncAddress(insn))) return insn;
    return { ...insn, imm: newIdx[idx + 1 + insn.imm]! - at - 1 };
  });
  const keep = <T extends { readonly insnIdx: InsnIdx }>(records: readonly T[]): T[] =>
    records
      .filter((record) => newIdx[record.insnIdx]! >= 0)
      .map((record) => ({ ...record, insnIdx: newIdx[record.insnIdx]! }))
      .sort((a, b) => a.insnIdx - b.insnIdx);
  return {
    ...program,
    insns: moved,
    subprogs: order.map((index, at) => ({ ...subprogs[index]!, start: newStart[at]! })),
    lineInfo: keep(program.lineInfo),
    insnOrigins: program.insnOrigins.length === 0 ? [] : source.map((idx) => program.insnOrigins[idx] ?? []),
    kfuncCalls: new Map([...program.kfuncCalls].filter(([idx]) => newIdx[idx]! >= 0).map(([idx, name]) => [newIdx[idx]!, name])),
  };
}

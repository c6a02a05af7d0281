import type { Func, Line } from '../llvm-ir/module.ts';
import { leafCount, type Type } from '../llvm-ir/types.ts';
import { operands } from './values.ts';

/** Each part of a value has a register of its own. A handful is what clang makes of values. */
const MOST_PARTS = 1024;
/** Of results that are looked through, one behind the other: each takes a few frames of the stack. */
const MOST_BEHIND = 1000;

type Refuse = (what: string, dbg: Line['dbg']) => never;

/**
 * What lowering relies on, and clang never breaks: values have few parts, every name is given once, and no value is computed from itself but by a phi (LLVM's language
 * reference on static single assignment).
 */
export function checkFunction(func: Func, refuse: Refuse): void {
  const lines = func.blocks.flatMap((block) => block.lines);
  const check = (type: Type, dbg: Line['dbg']): void => {
    if (leafCount(type) > MOST_PARTS) refuse(`a value of more than ${MOST_PARTS} parts is not supported`, dbg);
  };
  for (const { type } of func.params) check(type, func.dbg);
  for (const line of lines) for (const { type } of [line, ...operands(line.inst)]) check(type, line.dbg);
  const byName = new Map<string, Line>();
  const names = new Set(func.params.map(({ name }) => name));
  for (const line of lines) {
    if (line.name === null) continue;
    if (names.has(line.name)) refuse(`the value %${line.name} is given twice`, line.dbg);
    names.add(line.name);
    byName.set(line.name, line);
  }
  checkOrder(lines, byName, refuse);
}

/** Depth first, without a frame of the stack for each value. */
function checkOrder(lines: readonly Line[], byName: ReadonlyMap<string, Line>, refuse: Refuse): void {
  /** How many results are looked through behind each; -1 while that is being found out. */
  const behind = new Map<Line, number>();
  const sources = (line: Line): Line[] =>
    line.inst.op === 'phi' ? [] : operands(line.inst).flatMap((value) => (value.kind === 'local' ? (byName.get(value.name) ?? []) : []));
  for (const first of lines) {
    const open: { readonly line: Line; readonly from: readonly Line[]; next: number }[] = [];
    const enter = (line: Line): void => {
      if (behind.get(line) === -1) refuse(`the value %${line.name} is computed from itself`, line.dbg);
      if (behind.has(line)) return;
      behind.set(line, -1);
      open.push({ line, from: sources(line), next: 0 });
    };
    enter(first);
    for (let top = open.at(-1); top; top = open.at(-1)) {
      const next = top.from[top.next++];
      if (next) {
        enter(next);
        continue;
      }
      open.pop();
      const depth = isLookedThrough(top.line) ? 1 + top.from.reduce((most, line) => Math.max(most, behind.get(line)!), 0) : 0;
      if (depth > MOST_BEHIND) refuse(`more than ${MOST_BEHIND} addresses or conditions, each made of the one before`, top.line.dbg);
      behind.set(top.line, depth);
    }
  }
}

/** Addresses, parts and conditions are often not computed where they stand but where they are used. */
function isLookedThrough({ inst, type }: Line): boolean {
  switch (inst.op) {
    case 'gep':
    case 'cast':
    case 'insertvalue':
    case 'extractvalue':
    case 'icmp':
      return true;
    case 'call':
      return inst.callee.kind === 'global' && inst.callee.name.startsWith('llvm.');
    default:
      return type.kind === 'int' && type.bits === 1;
  }
}

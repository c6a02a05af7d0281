import { classOf, LDX, MEM, modeOf, ST, STX } from '../bpf/insn.ts';
import type { Insn, Program } from '../bpf/program.ts';
import type { Emitted } from './backend/emit.ts';
import type { IrFunc } from './ir/ir.ts';
import { type IrMap, OWN, opCount, PROLOGUE, SPILL } from './ir/numbered.ts';

const FP = 10;

/** Whether an access goes to the frame below a function's own stack slots, where only spilled values lie. */
function isSpill(insn: Insn, slotBytes: number): boolean {
  const cls = classOf(insn);
  if (modeOf(insn) !== MEM || (cls !== LDX && cls !== ST && cls !== STX)) return false;
  return (cls === LDX ? insn.src : insn.dst) === FP && -insn.off > slotBytes;
}

/**
 * Follows operations, numbered in the order of `funcs`, to the instructions of `program`, whose functions may stand in another order than
 * `emitted` has them. Operations are numbered anew, in the program's order.
 */
export function irMap(funcs: readonly IrFunc[], emitted: Emitted, program: Program): IrMap {
  const byName = new Map(funcs.map((func) => [func.name, func]));
  const before = new Map<string, number>();
  let ops = 0;
  for (const func of funcs) {
    before.set(func.name, ops);
    ops += opCount(func);
  }
  // The program calls its entry by another name than the IR does.
  const entry = emitted.subprogs[0]!.name;
  const placed = program.subprogs.map(({ name }, at) => (at === 0 ? entry : name));
  const left = funcs.filter((func) => !placed.includes(func.name)).map((func) => func.name);
  const order = [...placed, ...left].map((name) => byName.get(name)!);
  const firstOp: number[] = [];
  let next = 0;
  for (const func of order) {
    firstOp.push(next);
    next += opCount(func);
  }
  const count = program.insns.length;
  const opOf = new Int32Array(count).fill(-1);
  const how = new Uint8Array(count).fill(OWN);
  const emittedAt = new Map(emitted.subprogs.map(({ name }, at) => [name, at]));
  placed.forEach((name, at) => {
    const from = emittedAt.get(name)!;
    const start = emitted.subprogs[from]!.start;
    const body = emitted.bodyStarts[from]! - start;
    const shift = firstOp[at]! - before.get(name)!;
    const slotBytes = byName.get(name)!.stackSlots.reduce((sum, bytes) => sum + ((bytes + 7) & ~7), 0);
    const base = program.subprogs[at]!.start;
    const end = program.subprogs[at + 1]?.start ?? count;
    for (let insn = base; insn < end; insn++) {
      opOf[insn] = emitted.originIds[start + insn - base]! + shift;
      if (insn - base < body) how[insn] = PROLOGUE;
      else if (isSpill(program.insns[insn]!, slotBytes)) how[insn] = SPILL;
    }
  });
  return { funcs: order, firstOp, opOf, how };
}

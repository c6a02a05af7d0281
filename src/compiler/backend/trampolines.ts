import type { BlockId, IrBlock, IrInst, Terminator } from '../ir/ir.ts';
import { successors } from './liveness.ts';
import type { Allocation } from './regalloc.ts';

/** Blocks that only jump on, because their copies became nothing, are passed over; those that nothing leads to go. */
export function withoutTrampolines(allocation: Allocation): Allocation {
  const { func, regOf } = allocation;
  const isNothing = (inst: IrInst): boolean =>
    inst.op === 'mov' && inst.width === 64 && 'reg' in inst.src && regOf[inst.dst]! >= 0 && regOf[inst.dst] === regOf[inst.src.reg];
  const blocks = func.blocks.map((block) => ({ ...block, insts: block.insts.filter((inst) => !isNothing(inst)) }));
  const byId = new Map(blocks.map((block) => [block.id, block]));
  const end = (id: BlockId): BlockId => {
    let at = id;
    // A ring of empty blocks is a loop without end; it stays as it is.
    for (let steps = 0; steps <= blocks.length; steps++) {
      const block = byId.get(at)!;
      if (block.insts.length > 0 || block.term.op !== 'jump') return at;
      at = block.term.to;
    }
    return id;
  };
  const retarget = (term: Terminator): Terminator => {
    if (term.op === 'jump') return { ...term, to: end(term.to) };
    if (term.op === 'branch') return { ...term, ifTrue: end(term.ifTrue), ifFalse: end(term.ifFalse) };
    if (term.op === 'mayGoto') return { ...term, exit: end(term.exit), next: end(term.next) };
    return term;
  };
  const entry = blocks[0]!.id;
  const threaded: IrBlock[] = blocks.map((block) => ({ ...block, term: retarget(block.term) }));
  const reached = new Set<BlockId>([entry]);
  const next = new Map(threaded.map((block) => [block.id, successors(block.term)]));
  for (const queue = [entry]; queue.length > 0; ) {
    for (const to of next.get(queue.pop()!)!) {
      if (reached.has(to)) continue;
      reached.add(to);
      queue.push(to);
    }
  }
  return { ...allocation, func: { ...func, blocks: threaded.filter((block) => reached.has(block.id)) } };
}

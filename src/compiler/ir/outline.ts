import { defOf, liveness, setHas } from '../backend/liveness.ts';
import type { BlockId, CallbackLoop, IrBlock, IrFunc, IrInst, VReg } from './ir.ts';

/** What the names of a function's callbacks begin with. */
export const roundName = (func: string): string => `${func}_round`;

/**
 * Makes callbacks of `bpf_loop` out of the loops that a function marks: the body becomes a function of its own, which finds the values that it shares
 * with its surroundings in a structure on the caller's stack and leaves there what it changes. The function itself comes first.
 */
export function outlineLoops(func: IrFunc): IrFunc[] {
  const { callbackLoops = [], ...plain } = func;
  let rest: IrFunc = plain;
  const callbacks: IrFunc[] = [];
  for (const [i, loop] of callbackLoops.entries()) {
    const made = outline(rest, loop, `${roundName(func.name)}${callbackLoops.length > 1 ? i : ''}`);
    rest = made.rest;
    callbacks.push(made.callback);
  }
  return [rest, ...callbacks];
}

function outline(func: IrFunc, loop: CallbackLoop, name: string): { rest: IrFunc; callback: IrFunc } {
  const { blocks } = func;
  const place = (id: BlockId): number => blocks.findIndex((block) => block.id === id);
  const [from, to] = [place(loop.head), place(loop.latch)];
  const body = blocks.slice(from, to + 1);
  const { origin } = body[0]!.term;
  const { liveIn } = liveness(func);
  const isLive = (at: number, vreg: VReg): boolean => setHas(liveIn[at]!, vreg);
  const assigned = new Set<VReg>();
  for (const { insts } of body)
    for (const inst of insts) {
      const dst = defOf(inst);
      if (dst !== null) assigned.add(dst);
    }
  const shared = Array.from({ length: func.vregCount }, (_, vreg) => vreg).filter((vreg) => vreg !== loop.index && isLive(from, vreg));
  const exit = place(loop.exit);
  for (const vreg of assigned)
    if (isLive(exit, vreg) && !shared.includes(vreg))
      throw new Error(`${name}: value ${vreg} would leave the loop without having entered it`);
  const changed = shared.filter((vreg) => assigned.has(vreg));
  const own = movedSlots(func, body, name);
  let { vregCount } = func;
  const fresh = (): VReg => vregCount++;
  const blockIds = Math.max(...blocks.map(({ id }) => id));
  const [entry, start, stop, done] = [1, 2, 3, 4].map((step) => blockIds + step) as [BlockId, BlockId, BlockId, BlockId];
  const offOf = (vreg: VReg): number => 8 * shared.indexOf(vreg);
  const load = (vreg: VReg, base: VReg): IrInst => ({ op: 'load', dst: vreg, base, off: offOf(vreg), size: 8, signed: false, origin });
  const store = (vreg: VReg, base: VReg): IrInst => ({ op: 'store', base, off: offOf(vreg), src: { reg: vreg }, size: 8, origin });

  const [number, context] = [fresh(), fresh()];
  const callback: IrFunc = {
    name,
    linkage: 'static',
    args: [
      { reg: number, type: 'scalar' },
      { reg: context, type: 'ptr' },
    ],
    returns: 'scalar',
    stackSlots: own.map((slot) => func.stackSlots[slot]!),
    blocks: [
      // The verifier knows nothing of the number that it hands in.
      {
        id: entry,
        insts: [],
        term: {
          op: 'branch',
          cmp: 'ugt',
          width: 64,
          a: { reg: number },
          b: { imm: loop.rounds - 1 },
          ifTrue: stop,
          ifFalse: start,
          origin,
        },
      },
      {
        id: start,
        insts: [{ op: 'mov', dst: loop.index, src: { reg: number }, width: 64, origin }, ...shared.map((vreg) => load(vreg, context))],
        term: { op: 'jump', to: loop.head, origin },
      },
      ...body.map((block): IrBlock => {
        const insts = block.insts.map((inst) => (inst.op === 'stackAddr' ? { ...inst, slot: own.indexOf(inst.slot) } : inst));
        return { ...block, insts, term: block.id === loop.latch ? { op: 'jump', to: done, origin: block.term.origin } : block.term };
      }),
      { id: done, insts: changed.map((vreg) => store(vreg, context)), term: { op: 'ret', value: { imm: 0 }, origin } },
      { id: stop, insts: [], term: { op: 'ret', value: { imm: 1 }, origin } },
    ],
    vregCount,
  };

  const slot = func.stackSlots.length;
  const [at, entryPoint] = [fresh(), fresh()];
  const call: IrBlock = {
    id: loop.head,
    insts: [
      { op: 'stackAddr', dst: at, slot, origin },
      ...shared.map((vreg) => store(vreg, at)),
      { op: 'funcAddr', dst: entryPoint, func: name, origin },
      {
        op: 'callHelper',
        dst: null,
        helper: 'bpf_loop',
        args: [{ imm: loop.rounds }, { reg: entryPoint }, { reg: at }, { imm: 0 }],
        origin,
      },
      ...changed.map((vreg) => load(vreg, at)),
    ],
    term: { op: 'jump', to: loop.exit, origin },
  };
  const rest: IrFunc = {
    ...func,
    stackSlots: [...func.stackSlots, Math.max(8, 8 * shared.length)],
    blocks: [...blocks.slice(0, from), call, ...blocks.slice(to + 1)],
    vregCount,
  };
  return { rest, callback };
}

/** Stack slots that only the body uses: they go with it. */
function movedSlots(func: IrFunc, body: readonly IrBlock[], name: string): number[] {
  const slots = (blocks: readonly IrBlock[]): Set<number> =>
    new Set(blocks.flatMap(({ insts }) => insts.flatMap((inst) => (inst.op === 'stackAddr' ? [inst.slot] : []))));
  const inside = slots(body);
  for (const slot of slots(func.blocks.filter((block) => !body.includes(block))))
    if (inside.has(slot)) throw new Error(`${name}: stack slot ${slot} is used inside and outside of the loop`);
  return [...inside].sort((a, b) => a - b);
}

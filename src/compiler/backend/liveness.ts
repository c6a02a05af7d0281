import type { IrBlock, IrFunc, IrInst, Operand, Terminator, VReg } from '../ir/ir.ts';

/** Stands for the frame pointer r10 as a base register: spill code addresses its slots through it. */
export const FRAME: VReg = -1;

/** Calls `visit` for every virtual register that the instruction or terminator reads. */
export function forEachUse(inst: IrInst | Terminator, visitAny: (reg: VReg) => void): void {
  const visit = (reg: VReg): void => {
    if (reg !== FRAME) visitAny(reg);
  };
  const regOf = (operand: Operand, on: (reg: VReg) => void): void => {
    if ('reg' in operand) on(operand.reg);
  };
  switch (inst.op) {
    case 'mov':
      regOf(inst.src, visit);
      break;
    case 'alu':
    case 'branch':
      regOf(inst.a, visit);
      regOf(inst.b, visit);
      break;
    case 'sext':
    case 'bswap':
      visit(inst.src);
      break;
    case 'load':
      visit(inst.base);
      break;
    case 'store':
      visit(inst.base);
      regOf(inst.src, visit);
      break;
    case 'atomic':
      visit(inst.base);
      visit(inst.src);
      if (inst.expected) regOf(inst.expected, visit);
      break;
    case 'asm':
      inst.uses.forEach(visit);
      break;
    case 'callHelper':
    case 'call':
      for (const arg of inst.args) regOf(arg, visit);
      break;
    case 'ret':
      if (inst.value) regOf(inst.value, visit);
      break;
    default:
  }
}

/** The register that the instruction writes, or null. */
export function defOf(inst: IrInst): VReg | null {
  return 'dst' in inst ? inst.dst : null;
}

export function successors(term: Terminator): readonly number[] {
  if (term.op === 'jump') return [term.to];
  if (term.op === 'branch') return term.ifTrue === term.ifFalse ? [term.ifTrue] : [term.ifTrue, term.ifFalse];
  if (term.op === 'mayGoto') return [term.exit, term.next];
  return [];
}

const hasEffect = (inst: IrInst): boolean =>
  inst.op === 'store' ||
  inst.op === 'atomic' ||
  inst.op === 'callHelper' ||
  inst.op === 'call' ||
  inst.op === 'asm' ||
  (inst.op === 'load' && inst.volatile === true);

/** Registers live at the end of each block (index in `func.blocks`), as bit sets. */
export interface Liveness {
  readonly liveIn: readonly Uint32Array[];
  readonly liveOut: readonly Uint32Array[];
}

const has = (set: Uint32Array, reg: VReg): boolean => (set[reg >>> 5] & (1 << (reg & 31))) !== 0;
const add = (set: Uint32Array, reg: VReg): void => {
  set[reg >>> 5] |= 1 << (reg & 31);
};
const drop = (set: Uint32Array, reg: VReg): void => {
  set[reg >>> 5] &= ~(1 << (reg & 31));
};

/** Backward data flow over the blocks until nothing changes. */
export function liveness(func: IrFunc): Liveness {
  const words = (func.vregCount + 31) >>> 5;
  const indexOf = new Map(func.blocks.map((block, index) => [block.id, index]));
  const gen = func.blocks.map(() => new Uint32Array(words));
  const kill = func.blocks.map(() => new Uint32Array(words));
  func.blocks.forEach((block, b) => {
    forEachUse(block.term, (reg) => add(gen[b], reg));
    for (let i = block.insts.length - 1; i >= 0; i--) {
      const dst = defOf(block.insts[i]);
      if (dst !== null) {
        add(kill[b], dst);
        drop(gen[b], dst);
      }
      forEachUse(block.insts[i], (reg) => add(gen[b], reg));
    }
  });
  const liveIn = gen.map((set) => set.slice());
  const liveOut = func.blocks.map(() => new Uint32Array(words));
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = func.blocks.length - 1; b >= 0; b--) {
      const out = liveOut[b];
      for (const succ of successors(func.blocks[b].term)) {
        const next = liveIn[indexOf.get(succ)!];
        for (let w = 0; w < words; w++) out[w] |= next[w];
      }
      for (let w = 0; w < words; w++) {
        const value = (gen[b][w] | (out[w] & ~kill[b][w])) >>> 0;
        if (value !== liveIn[b][w]) {
          liveIn[b][w] = value;
          changed = true;
        }
      }
    }
  }
  return { liveIn, liveOut };
}

/** Drops instructions whose result nobody reads, until none is left. */
export function removeDead(func: IrFunc): IrFunc {
  for (let current = func; ; ) {
    const { liveOut } = liveness(current);
    let removed = false;
    const blocks: IrBlock[] = current.blocks.map((block, b) => {
      const live = liveOut[b].slice();
      forEachUse(block.term, (reg) => add(live, reg));
      const kept: IrInst[] = [];
      for (let i = block.insts.length - 1; i >= 0; i--) {
        const inst = block.insts[i];
        const dst = defOf(inst);
        if (dst !== null && !has(live, dst) && !hasEffect(inst)) {
          removed = true;
          continue;
        }
        if (dst !== null) drop(live, dst);
        forEachUse(inst, (reg) => add(live, reg));
        kept.push(inst);
      }
      return { ...block, insts: kept.reverse() };
    });
    if (!removed) return current;
    current = { ...current, blocks };
  }
}

export { has as setHas };

import { InputError } from '../../base/errors.ts';
import type { IrBlock, IrFunc, IrInst, Operand, Terminator, VReg } from '../ir/ir.ts';
import { isCommutative } from './legalize.ts';
import { defOf, FRAME, forEachUse, liveness, removeDead, successors } from './liveness.ts';

/** BPF registers that values can live in: r0–r5 are lost at every call, r6–r9 survive it. */
export const CALLER_SAVED = [5, 4, 3, 2, 1, 0];
export const CALLEE_SAVED = [6, 7, 8, 9];
export const STACK_LIMIT_BYTES = 512;
/** Room for spills in frames that are larger than Linux allows: near the frame pointer, before the arrays that make them so large. */
const NEAR_BYTES = 256;
const LOOP_WEIGHT = 10;

export interface Allocation {
  /** The function with spill code; bases may be {@link FRAME}. */
  readonly func: IrFunc;
  /** BPF register of each virtual register; -1 for those that occur nowhere. */
  readonly regOf: Int8Array;
  /** Bytes below r10 of each stack slot of the function: its address is r10 - slotOffset. */
  readonly slotOffset: readonly number[];
  /** Arguments that go to the stack at entry: argument index → bytes below r10. */
  readonly argSpills: ReadonlyMap<number, number>;
  readonly stackBytes: number;
}

/** Registers of the values that found one, and the others. */
export interface Assignment {
  readonly regOf: Int8Array;
  readonly spilled: readonly VReg[];
  /** Where a spilled value begins: places are shared in this order. */
  readonly startOf: (vreg: VReg) => number;
  /** Of two spilled values: whether both are alive somewhere. */
  readonly clash: (a: VReg, b: VReg) => boolean;
  /** Of two spilled values: whether one place holds both, because one is a copy of the other wherever both are alive. */
  readonly isOne: (a: VReg, b: VReg) => boolean;
}

/** Gives registers to the values of a function; those in `unspillable` must get one. Arguments that go to the stack at entry are no values there. */
export type Assign = (func: IrFunc, unspillable: ReadonlySet<VReg>, spilledArgs: ReadonlySet<number>) => Assignment;

interface Interval {
  readonly vreg: VReg;
  start: number;
  end: number;
  weight: number;
  crossesCall: boolean;
  /** A register that would save a move. */
  fixedHint: number;
  vregHint: VReg;
}

/**
 * Linear scan over live ranges (Poletto and Sarkar, 1999), with ranges weighted by loop depth. A value that finds no register
 * goes to the stack, or is computed again where that is one instruction; then allocation starts over with the short ranges
 * that the spill code made. Every such value has a place of its own on the stack as long as a frame has room: the verifier forgets less that way, and
 * states read better. Throws when a frame would need more than `limit` bytes although places are shared.
 */
export function allocate(source: IrFunc, assign: Assign = scan, limit = STACK_LIMIT_BYTES): Allocation {
  const apart = allocateIn(source, assign, false, limit);
  const found = apart.stackBytes > limit ? allocateIn(source, assign, true, limit) : apart;
  if (found.stackBytes > limit)
    throw new InputError(
      `a frame of ${found.stackBytes} bytes exceeds ${limit}`,
      `function ${source.name}`,
      'Choose another loop strategy',
    );
  return found;
}

function allocateIn(source: IrFunc, assign: Assign, shares: boolean, limit: number): Allocation {
  const slotOffset: number[] = [];
  const isLarge = limit > STACK_LIMIT_BYTES && source.stackSlots.reduce((sum, bytes) => sum + bytes, 0) > STACK_LIMIT_BYTES;
  let near = 0;
  let stackBytes = isLarge ? NEAR_BYTES : 0;
  for (const bytes of source.stackSlots) {
    stackBytes += (bytes + 7) & ~7;
    slotOffset.push(stackBytes);
  }
  let func = removeDead(addressFrame(source, slotOffset));
  const argSpills = new Map<number, number>();
  const unspillable = new Set<VReg>();
  for (;;) {
    const { regOf, spilled, startOf, clash, isOne } = assign(func, unspillable, new Set(argSpills.keys()));
    const lost = spilled.find((vreg) => unspillable.has(vreg));
    if (lost !== undefined) throw new InputError('one instruction needs more registers than there are', `function ${source.name}`);
    if (spilled.length === 0) {
      return { func, regOf, slotOffset, argSpills, stackBytes };
    }
    const places = new Map<VReg, number | IrInst>();
    // Of places that may be shared: the values that have each.
    const holders = new Map<number, VReg[]>();
    for (const vreg of shares ? [...spilled].sort((a, b) => startOf(a) - startOf(b)) : spilled) {
      const again = rematerializable(func, vreg);
      if (again) {
        places.set(vreg, again);
        continue;
      }
      const fits = (others: readonly VReg[]): boolean =>
        shares ? !others.some((other) => clash(vreg, other)) : others.some((other) => isOne(vreg, other));
      const free = [...holders].find(([, others]) => fits(others))?.[0];
      const isNear = isLarge && near < NEAR_BYTES;
      if (free === undefined && isNear) near += 8;
      else if (free === undefined) stackBytes += 8;
      const place = free ?? (isNear ? near : stackBytes);
      holders.set(place, [...(holders.get(place) ?? []), vreg]);
      places.set(vreg, place);
      const arg = func.args.findIndex((a) => a.reg === vreg);
      if (arg >= 0) argSpills.set(arg, place);
    }
    func = removeDead(spill(func, places, unspillable));
  }
}

function scan(func: IrFunc, unspillable: ReadonlySet<VReg>, spilledArgs: ReadonlySet<number>): Assignment {
  const intervals = buildIntervals(func, unspillable, spilledArgs);
  const regOf = new Int8Array(func.vregCount).fill(-1);
  const holder: (Interval | null)[] = new Array<Interval | null>(10).fill(null);
  const spilled: Interval[] = [];
  for (const current of intervals) {
    for (let r = 0; r < 10; r++) {
      const active = holder[r];
      if (active && active.end < current.start) holder[r] = null;
    }
    const allowed = current.crossesCall ? CALLEE_SAVED : [...CALLER_SAVED, ...CALLEE_SAVED];
    const wanted = [current.fixedHint, current.vregHint >= 0 ? regOf[current.vregHint] : -1];
    let chosen = wanted.find((r) => r >= 0 && holder[r] === null && allowed.includes(r)) ?? -1;
    if (chosen < 0) chosen = allowed.find((r) => holder[r] === null) ?? -1;
    if (chosen < 0) {
      const victimReg = allowed.reduce((best, r) => (holder[r]!.weight < holder[best]!.weight ? r : best));
      const victim = holder[victimReg]!;
      if (victim.weight >= current.weight) {
        spilled.push(current);
        continue;
      }
      spilled.push(victim);
      regOf[victim.vreg] = -1;
      chosen = victimReg;
    }
    holder[chosen] = current;
    regOf[current.vreg] = chosen;
  }
  const byVReg = new Map(spilled.map((interval) => [interval.vreg, interval]));
  const clash = (a: VReg, b: VReg): boolean => byVReg.get(a)!.start <= byVReg.get(b)!.end && byVReg.get(b)!.start <= byVReg.get(a)!.end;
  return {
    regOf,
    spilled: spilled.map(({ vreg }) => vreg),
    startOf: (vreg) => byVReg.get(vreg)!.start,
    clash,
    isOne: (a, b) => a === b,
  };
}

/** Live ranges as closed position ranges: instruction i reads at 2i and writes at 2i+1. Sorted by start. */
function buildIntervals(func: IrFunc, unspillable: ReadonlySet<VReg>, spilledArgs: ReadonlySet<number>): Interval[] {
  const byVReg = new Array<Interval | undefined>(func.vregCount);
  const touch = (vreg: VReg, position: number): Interval => {
    let interval = byVReg[vreg];
    if (!interval) {
      interval = { vreg, start: position, end: position, weight: 0, crossesCall: false, fixedHint: -1, vregHint: -1 };
      byVReg[vreg] = interval;
    }
    if (position < interval.start) interval.start = position;
    if (position > interval.end) interval.end = position;
    return interval;
  };
  const depth = loopDepth(func);
  const { liveIn, liveOut } = liveness(func);
  const calls: number[] = [];
  let index = 0;
  func.blocks.forEach((block, b) => {
    const start = index * 2;
    const weight = LOOP_WEIGHT ** Math.min(depth[b], 6);
    forEachBit(liveIn[b], (vreg) => touch(vreg, start));
    for (const inst of block.insts) {
      const at = index * 2;
      forEachUse(inst, (vreg) => {
        touch(vreg, at).weight += weight;
      });
      addHints(inst, touch, at);
      const dst = defOf(inst);
      if (dst !== null) touch(dst, at + 1).weight += weight;
      if (inst.op === 'call' || inst.op === 'callHelper') calls.push(at);
      index++;
    }
    forEachUse(block.term, (vreg) => {
      touch(vreg, index * 2).weight += weight;
    });
    if (block.term.op === 'ret' && block.term.value && 'reg' in block.term.value) touch(block.term.value.reg, index * 2).fixedHint = 0;
    const end = index * 2 + 1;
    forEachBit(liveOut[b], (vreg) => touch(vreg, end));
    index++;
  });
  func.args.forEach((arg, i) => {
    const interval = byVReg[arg.reg];
    if (interval && !spilledArgs.has(i)) {
      interval.start = -1;
      if (interval.fixedHint < 0) interval.fixedHint = i + 1;
    }
  });
  const intervals = byVReg.filter((interval) => interval !== undefined);
  for (const interval of intervals) {
    interval.crossesCall = crossesCall(calls, interval);
    interval.weight = unspillable.has(interval.vreg)
      ? Number.POSITIVE_INFINITY
      : interval.weight / Math.sqrt(interval.end - interval.start + 1);
  }
  return intervals.sort((a, b) => a.start - b.start);
}

/** A call at position p destroys r0–r5 for every range that begins at or before p and ends after its result is written. */
function crossesCall(calls: readonly number[], interval: Interval): boolean {
  let low = 0;
  let high = calls.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (calls[mid] < interval.start) low = mid + 1;
    else high = mid;
  }
  return low < calls.length && calls[low] + 1 < interval.end;
}

function addHints(inst: IrInst, touch: (vreg: VReg, at: number) => Interval, at: number): void {
  if (inst.op === 'mov' && 'reg' in inst.src) {
    const src = touch(inst.src.reg, at);
    const dst = touch(inst.dst, at + 1);
    if (dst.vregHint < 0) dst.vregHint = inst.src.reg;
    if (src.vregHint < 0) src.vregHint = inst.dst;
  } else if (inst.op === 'alu') {
    // The second operand must outlive the write of the first when they cannot swap: `mov dst, a; op dst, b`.
    if ('reg' in inst.b && inst.b.reg !== inst.dst && !isCommutative(inst.alu)) touch(inst.b.reg, at + 1);
    const from = 'reg' in inst.a ? inst.a.reg : 'reg' in inst.b ? inst.b.reg : -1;
    if (from >= 0 && from !== inst.dst) {
      const dst = touch(inst.dst, at + 1);
      if (dst.vregHint < 0) dst.vregHint = from;
    }
  } else if (inst.op === 'call' || inst.op === 'callHelper') {
    inst.args.forEach((arg, i) => {
      if ('reg' in arg) {
        const interval = touch(arg.reg, at);
        if (interval.fixedHint < 0) interval.fixedHint = i + 1;
      }
    });
    if (inst.dst !== null) touch(inst.dst, at + 1).fixedHint = 0;
  }
}

/** Loop depth of each block, from back edges in layout order: everything between target and source is inside. */
export function loopDepth(func: IrFunc): number[] {
  const place = new Map(func.blocks.map((block, index) => [block.id, index]));
  const depth = func.blocks.map(() => 0);
  func.blocks.forEach((block, from) => {
    for (const succ of successors(block.term)) {
      const to = place.get(succ)!;
      if (to <= from) for (let b = to; b <= from; b++) depth[b]++;
    }
  });
  return depth;
}

export function forEachBit(set: Uint32Array, visit: (bit: number) => void): void {
  set.forEach((word, w) => {
    for (let rest = word; rest !== 0; rest &= rest - 1) visit(w * 32 + 31 - Math.clz32(rest & -rest));
  });
}

/** The one instruction that computes `vreg`, when that needs no register and is the only definition. */
function rematerializable(func: IrFunc, vreg: VReg): IrInst | null {
  let found: IrInst | null = null;
  if (func.args.some((arg) => arg.reg === vreg)) return null;
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      if (defOf(inst) !== vreg) continue;
      const simple =
        inst.op === 'const' ||
        inst.op === 'mapValue' ||
        inst.op === 'mapPtr' ||
        inst.op === 'stackAddr' ||
        (inst.op === 'mov' && 'imm' in inst.src);
      if (found || !simple) return null;
      found = inst;
    }
  }
  return found;
}

/** Accesses through the plain address of a stack slot go through r10 itself and need no register. */
function addressFrame(func: IrFunc, slotOffset: readonly number[]): IrFunc {
  const slotOf = new Map<VReg, Extract<IrInst, { op: 'stackAddr' }> | null>();
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      const dst = defOf(inst);
      if (dst !== null) slotOf.set(dst, inst.op === 'stackAddr' && !slotOf.has(dst) ? inst : null);
    }
  }
  const fold = (inst: IrInst): IrInst => {
    if (inst.op !== 'load' && inst.op !== 'store' && inst.op !== 'atomic') return inst;
    const place = slotOf.get(inst.base) ?? null;
    if (place === null) return inst;
    const off = inst.off + (place.off ?? 0) - slotOffset[place.slot];
    return off < -0x8000 ? inst : { ...inst, base: FRAME, off };
  };
  return { ...func, blocks: func.blocks.map((block) => ({ ...block, insts: block.insts.map(fold) })) };
}

/**
 * Loads spilled values before each use and stores them after each definition, through registers that live no longer than that, or to
 * the next instruction where that one uses the value again. A branch counts as the instruction before the block that only it leads
 * to: kernels up to 6.6 know what a comparison showed of the register that was compared, not of the slot that it was loaded from.
 */
function spill(func: IrFunc, places: ReadonlyMap<VReg, number | IrInst>, unspillable: Set<VReg>): IrFunc {
  let vregCount = func.vregCount;
  const fresh = (): VReg => {
    unspillable.add(vregCount);
    return vregCount++;
  };
  const reload = (vreg: VReg, reg: VReg, origin: number): IrInst => {
    const place = places.get(vreg)!;
    if (typeof place !== 'number') return { ...place, dst: reg, origin } as IrInst;
    return { op: 'load', dst: reg, base: FRAME, off: -place, size: 8, signed: false, origin };
  };
  const entries = entryCounts(func);
  // Spilled values that a register still holds from the instruction before.
  let held = new Map<VReg, VReg>();
  const blocks: IrBlock[] = func.blocks.map((block, b) => {
    const out: IrInst[] = [];
    const prev = func.blocks[b - 1];
    if (!prev || entries.get(block.id) !== 1 || !successors(prev.term).includes(block.id)) held = new Map();
    const before = <T extends IrInst | Terminator>(inst: T): T => {
      const renamed = new Map<VReg, VReg>();
      forEachUse(inst, (vreg) => {
        if (!places.has(vreg) || renamed.has(vreg)) return;
        const reg = held.get(vreg) ?? fresh();
        if (!held.has(vreg)) out.push(reload(vreg, reg, inst.origin));
        renamed.set(vreg, reg);
      });
      held = inst.op === 'call' || inst.op === 'callHelper' ? new Map() : renamed;
      return renamed.size > 0 ? renameUses(inst, renamed) : inst;
    };
    for (const original of block.insts) {
      const dst = defOf(original);
      const place = dst === null ? undefined : places.get(dst);
      if (place !== undefined && typeof place !== 'number') continue;
      if (original.op === 'mov' && original.width === 64 && 'reg' in original.src && place !== undefined) {
        // A copy to the place where the value lies already.
        if (places.get(original.src.reg) === place) continue;
      }
      const inst = before(original);
      if (dst !== null) held.delete(dst);
      if (inst.op === 'mov' && 'imm' in inst.src && inst.width === 64 && typeof place === 'number') {
        out.push({ op: 'store', base: FRAME, off: -place, src: inst.src, size: 8, origin: inst.origin });
      } else if (dst !== null && typeof place === 'number') {
        const isTied = (original.op === 'atomic' && original.dst === original.src) || (original.op === 'asm' && original.tied);
        const reg = isTied ? defOf(inst)! : fresh();
        held.set(dst, reg);
        out.push({ ...inst, dst: reg } as IrInst);
        out.push({ op: 'store', base: FRAME, off: -place, src: { reg }, size: 8, origin: inst.origin });
      } else out.push(inst);
    }
    const term = before(block.term);
    return { id: block.id, insts: out, term };
  });
  return { ...func, blocks, vregCount };
}

/** How many ways lead into each block; the function's entry is one. */
function entryCounts(func: IrFunc): Map<number, number> {
  const counts = new Map<number, number>([[func.blocks[0]!.id, 1]]);
  for (const block of func.blocks) for (const to of successors(block.term)) counts.set(to, (counts.get(to) ?? 0) + 1);
  return counts;
}

function renameUses<T extends IrInst | Terminator>(inst: T, names: ReadonlyMap<VReg, VReg>): T {
  const reg = (vreg: VReg): VReg => names.get(vreg) ?? vreg;
  const operand = (value: Operand): Operand => ('reg' in value ? { reg: reg(value.reg) } : value);
  switch (inst.op) {
    case 'mov':
      return { ...inst, src: operand(inst.src) };
    case 'alu':
    case 'branch':
      return { ...inst, a: operand(inst.a), b: operand(inst.b) };
    case 'sext':
    case 'bswap':
      return { ...inst, src: reg(inst.src) };
    case 'load':
      return { ...inst, base: reg(inst.base) };
    case 'store':
      return { ...inst, base: reg(inst.base), src: operand(inst.src) };
    case 'atomic': {
      // The old value of a fetching operation comes where its operand was.
      const dst = inst.dst !== null && inst.dst === inst.src ? reg(inst.src) : inst.dst;
      return { ...inst, base: reg(inst.base), src: reg(inst.src), dst, ...(inst.expected ? { expected: operand(inst.expected) } : {}) };
    }
    case 'asm':
      return { ...inst, uses: inst.uses.map(reg), dst: inst.tied && inst.dst !== null ? reg(inst.dst) : inst.dst };
    case 'callHelper':
    case 'call':
      return { ...inst, args: inst.args.map(operand) };
    case 'ret':
      return { ...inst, value: inst.value && operand(inst.value) };
    default:
      return inst;
  }
}

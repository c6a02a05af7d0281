import type { IrFunc, IrInst, VReg } from '../ir/ir.ts';
import { isCommutative } from './legalize.ts';
import { defOf, FRAME, forEachUse, liveness } from './liveness.ts';
import { type Assignment, CALLEE_SAVED, CALLER_SAVED, forEachBit, loopDepth } from './regalloc.ts';

const REGISTERS = 10;
const ORDER = [...CALLER_SAVED, ...CALLEE_SAVED];
const CALL_CLOBBERS = CALLER_SAVED.reduce((mask, reg) => mask | (1 << reg), 0);
const isCall = (inst: IrInst): boolean => inst.op === 'call' || inst.op === 'callHelper';

/** Which values are alive at once, exactly, and which registers each must not have. */
class Graph {
  private readonly words: number;
  private readonly bits: Uint32Array;
  readonly neighbours: VReg[][];
  /** Bit mask of registers, by value. */
  readonly forbidden: Uint16Array;
  readonly weight: Float64Array;
  readonly occurs: Uint8Array;
  /** Register that would save a move. */
  readonly wanted: Int8Array;
  readonly moves: (readonly [VReg, VReg, number])[] = [];

  constructor(count: number) {
    this.words = (count + 31) >>> 5;
    this.bits = new Uint32Array(this.words * count);
    this.neighbours = Array.from({ length: count }, () => []);
    this.forbidden = new Uint16Array(count);
    this.weight = new Float64Array(count);
    this.occurs = new Uint8Array(count);
    this.wanted = new Int8Array(count).fill(-1);
  }

  has(a: VReg, b: VReg): boolean {
    return (this.bits[a * this.words + (b >>> 5)]! & (1 << (b & 31))) !== 0;
  }

  edge(a: VReg, b: VReg): void {
    if (a === b || this.has(a, b)) return;
    this.bits[a * this.words + (b >>> 5)]! |= 1 << (b & 31);
    this.bits[b * this.words + (a >>> 5)]! |= 1 << (a & 31);
    this.neighbours[a]!.push(b);
    this.neighbours[b]!.push(a);
  }
}

function build(func: IrFunc, unspillable: ReadonlySet<VReg>, spilledArgs: ReadonlySet<number>): Graph {
  const graph = new Graph(func.vregCount);
  const { liveIn, liveOut } = liveness(func);
  const depth = loopDepth(func);
  func.blocks.forEach((block, b) => {
    const weight = 10 ** Math.min(depth[b]!, 6);
    const live = new Set<VReg>();
    forEachBit(liveOut[b]!, (reg) => live.add(reg));
    const use = (reg: VReg): void => {
      live.add(reg);
      graph.occurs[reg] = 1;
      graph.weight[reg]! += weight;
    };
    if (block.term.op === 'ret' && block.term.value && 'reg' in block.term.value) graph.wanted[block.term.value.reg] = 0;
    forEachUse(block.term, use);
    for (let i = block.insts.length - 1; i >= 0; i--) {
      const inst = block.insts[i]!;
      const dst = defOf(inst);
      const copied = inst.op === 'mov' && inst.width === 64 && 'reg' in inst.src ? inst.src.reg : -1;
      if (dst !== null) {
        live.delete(dst);
        graph.occurs[dst] = 1;
        graph.weight[dst]! += weight;
        for (const other of live) if (other !== copied) graph.edge(dst, other);
        if (copied >= 0) graph.moves.push([dst, copied, weight]);
      }
      // `mov dst, a; op dst, b`: the second operand must outlive the write of the first when they cannot swap.
      if (inst.op === 'alu' && 'reg' in inst.b && !isCommutative(inst.alu) && inst.b.reg !== inst.dst) graph.edge(inst.dst, inst.b.reg);
      if (inst.op === 'alu' && 'reg' in inst.a && inst.a.reg !== inst.dst) graph.moves.push([inst.dst, inst.a.reg, weight]);
      if (isCall(inst)) for (const other of live) graph.forbidden[other]! |= CALL_CLOBBERS;
      if (inst.op === 'atomic' && inst.atomic === 'cmpxchg') {
        // The expected value goes to r0 first, and the old one comes there.
        for (const other of live) graph.forbidden[other]! |= 1;
        if (inst.base !== FRAME) graph.forbidden[inst.base]! |= 1;
        graph.forbidden[inst.src]! |= 1;
        if (inst.dst !== null) graph.wanted[inst.dst] = 0;
      }
      if (inst.op === 'asm') {
        // What it writes besides may be written before its operands are read, and so may its result.
        for (const other of [...live, ...inst.uses, ...(dst === null ? [] : [dst])]) graph.forbidden[other]! |= inst.clobbers;
        if (dst !== null) for (const used of inst.uses) graph.edge(dst, used);
        for (const a of inst.uses) for (const b of inst.uses) graph.edge(a, b);
      }
      if (inst.op === 'call' || inst.op === 'callHelper') {
        inst.args.forEach((arg, at) => {
          if ('reg' in arg && graph.wanted[arg.reg]! < 0) graph.wanted[arg.reg] = at + 1;
        });
        if (inst.dst !== null) graph.wanted[inst.dst] = 0;
      }
      forEachUse(inst, use);
    }
  });
  // Arguments arrive together.
  const arrive: VReg[] = [];
  forEachBit(liveIn[0]!, (reg) => arrive.push(reg));
  for (const a of arrive) for (const b of arrive) graph.edge(a, b);
  func.args.forEach((arg, at) => {
    if (graph.occurs[arg.reg] && !spilledArgs.has(at) && graph.wanted[arg.reg]! < 0) graph.wanted[arg.reg] = at + 1;
  });
  for (const reg of unspillable) graph.weight[reg] = Number.POSITIVE_INFINITY;
  return graph;
}

/**
 * Registers by colouring of the interference graph (Chaitin; Briggs's optimistic order): liveness is exact, so that values of C with its many short
 * and overlapping lives seldom go to the stack; the graph's size grows with the square of the function's. Copies that can share a register do.
 */
export function colour(func: IrFunc, unspillable: ReadonlySet<VReg>, spilledArgs: ReadonlySet<number>): Assignment {
  const graph = build(func, unspillable, spilledArgs);
  const count = func.vregCount;
  const parent = Int32Array.from({ length: count }, (_, i) => i);
  const find = (reg: VReg): VReg => {
    let at = reg;
    while (parent[at] !== at) at = parent[at]!;
    return at;
  };
  const freeOf = (reg: VReg): number => {
    let free = 0;
    for (let r = 0; r < REGISTERS; r++) if (!(graph.forbidden[reg]! & (1 << r))) free++;
    return free;
  };
  const neighboursOf = (reg: VReg): Set<VReg> => {
    const found = new Set<VReg>();
    for (const other of graph.neighbours[reg]!) found.add(find(other));
    return found;
  };
  // Copies of dear places first.
  for (const [a, b] of graph.moves.sort((x, y) => y[2] - x[2])) {
    const [x, y] = [find(a), find(b)];
    if (x === y || unspillable.has(x) !== unspillable.has(y)) continue;
    const [nx, ny] = [neighboursOf(x), neighboursOf(y)];
    if (nx.has(y) || ny.has(x)) continue;
    parent[y] = x;
    for (const other of ny) graph.edge(x, other);
    graph.forbidden[x]! |= graph.forbidden[y]!;
    graph.weight[x]! += graph.weight[y]!;
    if (graph.wanted[x]! < 0) graph.wanted[x] = graph.wanted[y]!;
  }
  const nodes = new Set<VReg>();
  for (let reg = 0; reg < count; reg++) if (graph.occurs[reg] && find(reg) === reg) nodes.add(reg);
  const near = new Map([...nodes].map((reg) => [reg, neighboursOf(reg)] as const));
  const degree = new Map([...nodes].map((reg) => [reg, near.get(reg)!.size] as const));
  const stack: VReg[] = [];
  const left = new Set(nodes);
  const ready = [...nodes].filter((reg) => degree.get(reg)! < freeOf(reg));
  const remove = (reg: VReg): void => {
    left.delete(reg);
    stack.push(reg);
    for (const other of near.get(reg)!) {
      if (!left.has(other)) continue;
      const now = degree.get(other)! - 1;
      degree.set(other, now);
      if (now === freeOf(other) - 1) ready.push(other);
    }
  };
  while (left.size > 0) {
    const next = ready.pop();
    if (next !== undefined) {
      if (left.has(next)) remove(next);
      continue;
    }
    let cheapest = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const reg of left) {
      const cost = graph.weight[reg]! / (degree.get(reg)! + 1);
      if (cheapest < 0 || cost < least) [cheapest, least] = [reg, cost];
    }
    remove(cheapest);
  }
  const colourOf = new Int8Array(count).fill(-1);
  const spilledNodes = new Set<VReg>();
  while (stack.length > 0) {
    const reg = stack.pop()!;
    let taken = graph.forbidden[reg]!;
    for (const other of near.get(reg)!) if (colourOf[other]! >= 0) taken |= 1 << colourOf[other]!;
    const wanted = graph.wanted[reg]!;
    const chosen = wanted >= 0 && !(taken & (1 << wanted)) ? wanted : (ORDER.find((r) => !(taken & (1 << r))) ?? -1);
    if (chosen < 0) spilledNodes.add(reg);
    else colourOf[reg] = chosen;
  }
  const regOf = new Int8Array(count).fill(-1);
  const spilled: VReg[] = [];
  for (let reg = 0; reg < count; reg++) {
    if (!graph.occurs[reg]) continue;
    const node = find(reg);
    regOf[reg] = colourOf[node]!;
    if (spilledNodes.has(node)) spilled.push(reg);
  }
  const isOne = (a: VReg, b: VReg): boolean => find(a) === find(b);
  return { regOf, spilled, isOne, startOf: () => 0, clash: (a, b) => !isOne(a, b) && near.get(find(a))!.has(find(b)) };
}

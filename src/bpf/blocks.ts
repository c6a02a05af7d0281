import { CALL, EXIT, JA, JMP, JMP32, OP_LDDW } from './insn.ts';
import { jumpTargetAt } from './jumps.ts';

/** How control passes from one block to another: a branch taken or not taken, a jump, or on to the next instruction. */
export type EdgeKind = 'true' | 'false' | 'jump' | 'next';

export interface BlockEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  /** Leads to a block that is on the way to this one: it closes a loop. */
  readonly back: boolean;
}

/** Instructions [start, end) that run one after another. */
export interface BasicBlock {
  readonly start: number;
  readonly end: number;
  /** Whether any path from the function's entry leads here. */
  readonly reachable: boolean;
  /** Leaves the function by `exit`. */
  readonly exits: boolean;
}

/** The control flow of one function. Blocks stand in the order of the text; the first is the entry. */
export interface FlowGraph {
  readonly blocks: readonly BasicBlock[];
  readonly edges: readonly BlockEdge[];
  /** Jumps that lead out of the function, which no program that the kernel accepts has. */
  readonly leaving: number;
}

const isWide = (code: Uint8Array, idx: number): boolean => code[idx * 8] === OP_LDDW;
const isJumpClass = (opcode: number): boolean => (opcode & 7) === JMP || (opcode & 7) === JMP32;

/** Blocks and edges of the function of instructions [from, to) of `code`, 8 bytes an instruction. Calls do not end a block. */
export function flowGraph(code: Uint8Array, from: number, to: number): FlowGraph {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const leader = new Uint8Array(to - from + 1);
  leader[0] = 1;
  let leaving = 0;
  const inside = (target: number) => target >= from && target < to;
  for (let idx = from; idx < to; idx += isWide(code, idx) ? 2 : 1) {
    const opcode = code[idx * 8]!;
    if (!isJumpClass(opcode) || (opcode & 0xf0) === CALL) continue;
    leader[idx + 1 - from] = 1;
    if ((opcode & 0xf0) === EXIT) continue;
    const target = jumpTargetAt(view, idx);
    if (inside(target)) leader[target - from] = 1;
    else leaving++;
  }
  const starts: number[] = [];
  for (let idx = from; idx < to; idx += isWide(code, idx) ? 2 : 1) if (leader[idx - from]) starts.push(idx);
  const blockAt = new Map(starts.map((start, at) => [start, at]));
  const edges: { from: number; to: number; kind: EdgeKind; back: boolean }[] = [];
  const exits: boolean[] = [];
  starts.forEach((start, at) => {
    const end = starts[at + 1] ?? to;
    let last = start;
    for (let idx = start; idx < end; idx += isWide(code, idx) ? 2 : 1) last = idx;
    const opcode = code[last * 8]!;
    const edge = (target: number, kind: EdgeKind): void => {
      // A jump into the middle of a wide load has no block.
      const block = blockAt.get(target);
      if (block !== undefined) edges.push({ from: at, to: block, kind, back: false });
    };
    const jumps = isJumpClass(opcode) && (opcode & 0xf0) !== CALL;
    exits.push(jumps && (opcode & 0xf0) === EXIT);
    if (!jumps) edge(end, 'next');
    else if ((opcode & 0xf0) === JA) edge(jumpTargetAt(view, last), 'jump');
    else if ((opcode & 0xf0) !== EXIT) {
      edge(jumpTargetAt(view, last), 'true');
      edge(end, 'false');
    }
  });
  const reachable = walk(starts.length, edges);
  return {
    blocks: starts.map((start, at) => ({ start, end: starts[at + 1] ?? to, reachable: reachable[at] === 1, exits: exits[at]! })),
    edges,
    leaving,
  };
}

/** Depth-first from the entry: marks the edges that lead back, gives the blocks that are reached. Dead blocks are walked afterwards. */
function walk(count: number, edges: { from: number; to: number; back: boolean }[]): Uint8Array {
  const out: number[][] = Array.from({ length: count }, () => []);
  edges.forEach((edge, at) => {
    out[edge.from]!.push(at);
  });
  const reached = new Uint8Array(count);
  /** 1: on the way, 2: done. */
  const state = new Uint8Array(count);
  const next = new Uint32Array(count);
  for (let root = 0; root < count; root++) {
    if (state[root] !== 0) continue;
    const stack = [root];
    state[root] = 1;
    while (stack.length > 0) {
      const block = stack.at(-1)!;
      if (root === 0) reached[block] = 1;
      const at = out[block]![next[block]!];
      if (at === undefined) {
        state[block] = 2;
        stack.pop();
        continue;
      }
      next[block]!++;
      const edge = edges[at]!;
      if (state[edge.to] === 1) edge.back = true;
      else if (state[edge.to] === 0) {
        state[edge.to] = 1;
        stack.push(edge.to);
      }
    }
  }
  return reached;
}

import { CALL, EXIT, JA, JMP, JMP32, OP_LDDW } from './insn.ts';

/**
 * All jumps of a program as columns, in order of their upper end, each with a lane: two jumps that pass the same place have different
 * lanes, and short ones have low lanes, so that arrows nest. Lanes from {@link MOST_LANES} on are shared.
 */
export interface Jumps {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly lane: Uint8Array;
  /** Largest lower end of each run of {@link RUN} jumps: what lets a search skip runs that end before it. */
  readonly reach: Uint32Array;
}

export const MOST_LANES = 31;
const RUN = 256;

/** Where the jump at `idx` of the encoded program leads; -1 where none stands. Calls are no jumps. */
export function jumpTargetAt(code: DataView, idx: number): number {
  const opcode = code.getUint8(idx * 8);
  const cls = opcode & 7;
  if (cls !== JMP && cls !== JMP32) return -1;
  const op = opcode & 0xf0;
  if (op === CALL || op === EXIT) return -1;
  return idx + 1 + (cls === JMP32 && op === JA ? code.getInt32(idx * 8 + 4, true) : code.getInt16(idx * 8 + 2, true));
}

/** The jumps of `code`, 8 bytes an instruction; those that lead outside it are left out. */
export function collectJumps(code: Uint8Array): Jumps {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const count = code.length >> 3;
  const starts: number[] = [];
  const targets: number[] = [];
  for (let idx = 0; idx < count; idx++) {
    const opcode = code[idx * 8]!;
    if (opcode === OP_LDDW) idx++;
    else if ((opcode & 7) === JMP || (opcode & 7) === JMP32) {
      const target = jumpTargetAt(view, idx);
      if (target < 0 || target >= count) continue;
      starts.push(idx);
      targets.push(target);
    }
  }
  const upper = (at: number) => Math.min(starts[at]!, targets[at]!);
  const lower = (at: number) => Math.max(starts[at]!, targets[at]!);
  const order = Uint32Array.from(starts.keys()).sort((a, b) => upper(a) - upper(b) || lower(a) - lower(b));
  const from = order.map((at) => starts[at]!);
  const to = order.map((at) => targets[at]!);
  const reach = new Uint32Array(Math.ceil(order.length / RUN));
  order.forEach((at, place) => {
    const run = Math.floor(place / RUN);
    reach[run] = Math.max(reach[run]!, lower(at));
  });
  return { from, to, lane: allotLanes(from, to, count), reach };
}

/** The lowest lane that no shorter jump has anywhere on the way, found in a tree over instructions of the lanes in use. */
function allotLanes(from: Uint32Array, to: Uint32Array, count: number): Uint8Array {
  const lanes = new Uint8Array(from.length);
  if (from.length === 0) return lanes;
  let leaves = 1;
  while (leaves < count) leaves *= 2;
  // Lanes in use somewhere below a node, and those in use everywhere below it.
  const some = new Int32Array(2 * leaves);
  const all = new Int32Array(2 * leaves);
  const query = (node: number, low: number, high: number, a: number, b: number): number => {
    if (a <= low && high <= b) return some[node]!;
    const mid = (low + high) >> 1;
    let mask = all[node]!;
    if (a <= mid) mask |= query(2 * node, low, mid, a, b);
    if (b > mid) mask |= query(2 * node + 1, mid + 1, high, a, b);
    return mask;
  };
  const mark = (node: number, low: number, high: number, a: number, b: number, bit: number): void => {
    some[node]! |= bit;
    if (a <= low && high <= b) {
      all[node]! |= bit;
      return;
    }
    const mid = (low + high) >> 1;
    if (a <= mid) mark(2 * node, low, mid, a, b, bit);
    if (b > mid) mark(2 * node + 1, mid + 1, high, a, b, bit);
  };
  const length = (at: number) => Math.abs(to[at]! - from[at]!);
  const order = Uint32Array.from(from.keys()).sort((a, b) => length(a) - length(b) || a - b);
  for (const at of order) {
    const a = Math.min(from[at]!, to[at]!);
    const b = Math.max(from[at]!, to[at]!);
    const used = query(1, 0, leaves - 1, a, b);
    const free = ~used & (used + 1);
    const lane = free === 0 ? MOST_LANES : 31 - Math.clz32(free);
    lanes[at] = Math.min(lane, MOST_LANES);
    if (lane < MOST_LANES) mark(1, 0, leaves - 1, a, b, 1 << lane);
  }
  return lanes;
}

/** Visits the numbers of the jumps that begin, end or pass in instructions [first, last]. */
export function crossingJumps(jumps: Jumps, first: number, last: number, visit: (at: number) => void): void {
  const { from, to, reach } = jumps;
  for (let run = 0; run < reach.length; run++) {
    const begin = run * RUN;
    if (Math.min(from[begin]!, to[begin]!) > last) return;
    if (reach[run]! < first) continue;
    for (let at = begin; at < Math.min(begin + RUN, from.length); at++) {
      if (Math.min(from[at]!, to[at]!) <= last && Math.max(from[at]!, to[at]!) >= first) visit(at);
    }
  }
}

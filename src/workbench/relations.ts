import type { Selection } from './selection.ts';
import type { ModelView, ProgramView } from './views.ts';

/** Half-open range of instruction indices. */
export type Range = readonly [from: number, to: number];

const rangesByProgram = new WeakMap<ProgramView, Map<number, Range[]>>();

/** Instructions of every node (by ONNX node index) as sorted ranges. Computed once a program. */
export function nodeRanges(program: ProgramView): ReadonlyMap<number, readonly Range[]> {
  const known = rangesByProgram.get(program);
  if (known) return known;
  const map = new Map<number, [number, number][]>();
  const count = program.code.length / 8;
  for (let insn = 0; insn < count; insn++) {
    for (let at = program.originStart[insn]!; at < program.originStart[insn + 1]!; at++) {
      const origin = program.origins[program.originIdx[at]!];
      if (origin?.kind !== 'node') continue;
      let ranges = map.get(origin.nodeIdx);
      if (!ranges) {
        ranges = [];
        map.set(origin.nodeIdx, ranges);
      }
      const last = ranges.at(-1);
      if (last && last[1] >= insn) last[1] = insn + 1;
      else ranges.push([insn, insn + 1]);
    }
  }
  rangesByProgram.set(program, map);
  return map;
}

export function rangeCount(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** Whether `insn` lies in sorted `ranges`. */
export function inRanges(ranges: readonly Range[], insn: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const mid = (low + high) >> 1;
    const [from, to] = ranges[mid]!;
    if (insn < from) high = mid - 1;
    else if (insn >= to) low = mid + 1;
    else return true;
  }
  return false;
}

/** Origins of an instruction. */
export function originsOf(program: ProgramView, insn: number): readonly ProgramView['origins'][number][] {
  const origins = [];
  for (let at = program.originStart[insn] ?? 0; at < (program.originStart[insn + 1] ?? 0); at++) {
    const origin = program.origins[program.originIdx[at]!];
    if (origin) origins.push(origin);
  }
  return origins;
}

const NONE: readonly Range[] = [];

/** Instructions that belong to what is selected: the instruction itself is not among its own relatives. */
export function relatedRanges(selection: Selection | null, program: ProgramView | null, model: ModelView | null): readonly Range[] {
  if (!selection || !program) return NONE;
  if (selection.kind === 'node') return nodeRanges(program).get(Number(selection.id)) ?? NONE;
  if (selection.kind === 'tensor') {
    const producer = model?.nodes.find((node) => node.outputs.includes(String(selection.id)));
    return producer ? (nodeRanges(program).get(producer.index) ?? NONE) : NONE;
  }
  return NONE;
}

/** ONNX nodes that belong to what is selected. */
export function relatedNodes(selection: Selection | null, program: ProgramView | null, model: ModelView | null): ReadonlySet<number> {
  const nodes = new Set<number>();
  if (!selection) return nodes;
  if (selection.kind === 'insn' && program) {
    for (const origin of originsOf(program, Number(selection.id))) if (origin.kind === 'node') nodes.add(origin.nodeIdx);
  }
  if (selection.kind === 'tensor' && model) {
    const name = String(selection.id);
    for (const node of model.nodes) if (node.outputs.includes(name) || node.inputs.includes(name)) nodes.add(node.index);
  }
  return nodes;
}

/**
 * Where a selection lands in new artifacts: a node by its name, an instruction by its node and its place among that node's
 * instructions. Null when nothing there corresponds to it.
 */
export function remapSelection(
  selection: Selection,
  before: { model: ModelView | null; program: ProgramView | null },
  after: { model: ModelView | null; modelKey: string; program: ProgramView | null },
): Selection | null {
  if (selection.kind === 'node' && after.model && selection.artifact !== after.modelKey) {
    const old = before.model?.nodes.find((node) => node.index === selection.id);
    const found = old && after.model.nodes.find((node) => node.name === old.name && node.op === old.op);
    return found ? { kind: 'node', id: found.index, artifact: after.modelKey } : null;
  }
  if (selection.kind === 'tensor' && after.model && selection.artifact !== after.modelKey) {
    const known = after.model.nodes.some((node) => node.outputs.includes(String(selection.id)));
    return known ? { ...selection, artifact: after.modelKey } : null;
  }
  if (selection.kind === 'insn' && after.program && selection.artifact !== after.program.key) {
    if (!before.program) return null;
    const insn = Number(selection.id);
    const origin = originsOf(before.program, insn).find((candidate) => candidate.kind === 'node');
    if (!origin) return null;
    const place = ordinal(nodeRanges(before.program).get(origin.nodeIdx) ?? NONE, insn);
    const id = nth(nodeRanges(after.program).get(origin.nodeIdx) ?? NONE, place);
    return id === null ? null : { kind: 'insn', id, artifact: after.program.key };
  }
  return selection;
}

function ordinal(ranges: readonly Range[], insn: number): number {
  let place = 0;
  for (const [from, to] of ranges) {
    if (insn < to) return place + Math.max(0, insn - from);
    place += to - from;
  }
  return place;
}

function nth(ranges: readonly Range[], place: number): number | null {
  let left = place;
  for (const [from, to] of ranges) {
    if (left < to - from) return from + left;
    left -= to - from;
  }
  const last = ranges.at(-1);
  return last ? last[1] - 1 : null;
}

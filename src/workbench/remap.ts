import { NO_RANGES, type Range } from './ranges.ts';
import { irRanges, nodeRanges, originsOf } from './relations.ts';
import { ARTIFACT_OF, partId, type Selection, type SelectionKind, splitPart } from './selection.ts';
import type { Stages } from './stages.ts';
import type { Cursors } from './store.ts';
import type { ModelView, ProgramView, TraceView } from './views.ts';

/** Artifacts that a selection may count in. */
interface Held {
  readonly model: ModelView | null;
  readonly program: ProgramView | null;
}

interface Present extends Held {
  readonly modelKey: string;
  readonly trace?: TraceView | null;
  readonly traceKey?: string;
}

/**
 * Where a selection lands in new artifacts: a node, tensor or weight by its name, an instruction by its node and its place among that
 * node's instructions, a state and an IR operation with their instruction. Null when nothing there corresponds to it.
 */
export function remapSelection(selection: Selection, before: Held, after: Present): Selection | null {
  switch (ARTIFACT_OF[selection.kind]) {
    case 'model':
      return after.model && selection.artifact !== after.modelKey
        ? inModel(selection, before.model, after.model, after.modelKey)
        : selection;
    case 'program':
      return after.program && selection.artifact !== after.program.key ? inProgram(selection, before.program, after.program) : selection;
    case 'trace':
      return after.traceKey === undefined || after.traceKey === selection.artifact ? selection : null;
  }
}

function inModel(selection: Selection, before: ModelView | null, after: ModelView, artifact: string): Selection | null {
  switch (selection.kind) {
    case 'node': {
      const old = before?.nodes.find((node) => node.index === selection.id);
      const found = old && after.nodes.find((node) => node.name === old.name && node.op === old.op);
      return found ? { kind: 'node', id: found.index, artifact } : null;
    }
    case 'tensor':
      return hasTensor(after, String(selection.id)) ? { ...selection, artifact } : null;
    case 'element': {
      const { whole, part } = splitPart(selection.id);
      const count = elementCount(after, whole);
      return hasTensor(after, whole) && (count === null || part < count) ? { ...selection, artifact } : null;
    }
    default: {
      const { whole, part } = splitPart(selection.id);
      const weight = after.nodes.flatMap((node) => node.weights).find(({ name }) => name === whole);
      return weight && part < (weight.dims[0] ?? 1) ? { ...selection, artifact } : null;
    }
  }
}

const hasTensor = (model: ModelView, name: string): boolean =>
  model.inputs.some((input) => input.name === name) || model.nodes.some((node) => node.outputs.includes(name));

/** Elements of a value, where the model's view says its shape. */
function elementCount(model: ModelView, name: string): number | null {
  const summary = model.inputs.find((input) => input.name === name) ?? model.nodes.find((node) => node.output?.name === name)?.output;
  return summary ? summary.dims.reduce((n, dim) => n * dim, 1) : null;
}

function inProgram(selection: Selection, before: ProgramView | null, after: ProgramView): Selection | null {
  if (!before) return null;
  switch (selection.kind) {
    case 'state': {
      const { whole, part } = splitPart(selection.id);
      const insn = moved(Number(whole), before, after);
      return insn === null ? null : { kind: 'state', id: partId(insn, part), artifact: after.key };
    }
    case 'ir': {
      const [first] = irRanges(before).get(Number(selection.id)) ?? NO_RANGES;
      const insn = first ? moved(first[0], before, after) : null;
      const ir = insn === null ? -1 : (after.irOf?.[insn] ?? -1);
      return ir < 0 ? null : { kind: 'ir', id: ir, artifact: after.key };
    }
    default: {
      const insn = moved(Number(selection.id), before, after);
      return insn === null ? null : { kind: 'insn', id: insn, artifact: after.key };
    }
  }
}

/** The instruction of the new program with the same node and the same place among that node's instructions. */
function moved(insn: number, before: ProgramView, after: ProgramView): number | null {
  const origin = originsOf(before, insn).find((candidate) => candidate.kind === 'node');
  if (!origin) return null;
  const place = ordinal(nodeRanges(before).get(origin.nodeIdx) ?? NO_RANGES, insn);
  return nth(nodeRanges(after).get(origin.nodeIdx) ?? NO_RANGES, place);
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

const asPresent = (stages: Stages): Present => ({
  model: stages.model.value,
  modelKey: stages.model.key,
  program: stages.program.value,
  trace: stages.trace.value,
  traceKey: stages.trace.key,
});

/** {@link remapSelection} over the stages before and after a change. */
export function remapped(selection: Selection, before: Stages, after: Stages): Selection | null {
  return remapSelection(selection, { model: before.model.value, program: before.program.value }, asPresent(after));
}

/** Cursors as they stand in new artifacts; those that correspond to nothing there are gone. */
export function remappedCursors(cursors: Cursors, before: Stages, after: Stages): Cursors {
  const kept: { [Kind in SelectionKind]?: number | string } = {};
  for (const [name, id] of Object.entries(cursors)) {
    const kind = name as SelectionKind;
    const stage = before[ARTIFACT_OF[kind]];
    const artifact = ARTIFACT_OF[kind] === 'program' ? (before.program.value?.key ?? '') : stage.key;
    const next = remapped({ kind, id: id as number | string, artifact }, before, after);
    if (next) kept[kind] = next.id;
  }
  return kept;
}

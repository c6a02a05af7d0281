import type { Binding } from '../hooks/binding.ts';
import { COPY_LABEL, parseLabel } from '../hooks/labels.ts';
import { payloadRange } from '../hooks/tokens.ts';
import { frameOf } from './frames.ts';
import { inRanges, NO_RANGES, type Range, rangeCount, rangesOf, united } from './ranges.ts';
import { type Selection, splitPart } from './selection.ts';
import type { ModelView, ProgramView, TraceView } from './views.ts';

export { inRanges, type Range, rangeCount };

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

/** Origins of an instruction. */
export function originsOf(program: ProgramView, insn: number): readonly ProgramView['origins'][number][] {
  const origins = [];
  for (let at = program.originStart[insn] ?? 0; at < (program.originStart[insn + 1] ?? 0); at++) {
    const origin = program.origins[program.originIdx[at]!];
    if (origin) origins.push(origin);
  }
  return origins;
}

const bindingByProgram = new WeakMap<ProgramView, Map<string, readonly Range[]>>();

/** Instructions of the binding's code that is called `label`. Looked for once a program. */
function bindingRanges(program: ProgramView, label: string): readonly Range[] {
  let known = bindingByProgram.get(program);
  if (!known) {
    known = new Map();
    bindingByProgram.set(program, known);
  }
  let ranges = known.get(label);
  if (!ranges) {
    ranges = findBindingRanges(program, label);
    known.set(label, ranges);
  }
  return ranges;
}

function findBindingRanges(program: ProgramView, label: string): readonly Range[] {
  const origin = program.origins.findIndex((candidate) => candidate.kind === 'binding' && candidate.label === label);
  if (origin < 0) return NO_RANGES;
  const insns: number[] = [];
  for (let insn = 0; insn + 1 < program.originStart.length; insn++) {
    for (let at = program.originStart[insn]!; at < program.originStart[insn + 1]!; at++) {
      if (program.originIdx[at] === origin) insns.push(insn);
    }
  }
  return rangesOf(insns);
}

const irByProgram = new WeakMap<ProgramView, Map<number, Range[]>>();

/** Instructions of every IR operation; empty where the program does not say. */
export function irRanges(program: ProgramView): ReadonlyMap<number, readonly Range[]> {
  const known = irByProgram.get(program);
  if (known) return known;
  const map = new Map<number, [number, number][]>();
  program.irOf?.forEach((ir, insn) => {
    if (ir < 0) return;
    const ranges = map.get(ir);
    if (!ranges) map.set(ir, [[insn, insn + 1]]);
    else if (ranges.at(-1)![1] === insn) ranges.at(-1)![1] = insn + 1;
    else ranges.push([insn, insn + 1]);
  });
  irByProgram.set(program, map);
  return map;
}

/** What relations are derived from. */
export interface Artifacts {
  readonly model: ModelView | null;
  readonly program: ProgramView | null;
  readonly trace: TraceView | null;
  readonly binding: Binding | null;
  /** The event at the cursor: elements of a model's input come from its bytes. */
  readonly packet: number;
}

/** Rows of one initializer. */
export interface WeightRows {
  readonly name: string;
  readonly rows: readonly Range[];
}

/** Bytes of one packet, and the elements of a model input that they become. */
export interface PacketBytes {
  readonly packet: number;
  readonly bytes: readonly Range[];
}

/** What belongs to a selection in each panel: sorted ranges, empty where nothing does. The selected thing is not among its own relatives. */
export interface Relations {
  readonly nodes: readonly Range[];
  /** Names of values that the graph computes or takes. */
  readonly tensors: readonly string[];
  readonly weights: readonly WeightRows[];
  readonly ir: readonly Range[];
  readonly insns: readonly Range[];
  /** Instructions whose verifier states belong to it. */
  readonly states: readonly Range[];
  readonly bytes: PacketBytes | null;
  /** Elements that stand for the selection itself: the token of a byte. What depends on them: `dependencies.ts`. */
  readonly elements: readonly { readonly tensor: string; readonly ranges: readonly Range[] }[];
  /** Some of the instructions serve other nodes or rows too: rows and layers share loops. */
  readonly shared: boolean;
}

export const NO_RELATIONS: Relations = {
  nodes: NO_RANGES,
  tensors: [],
  weights: [],
  ir: NO_RANGES,
  insns: NO_RANGES,
  states: NO_RANGES,
  bytes: null,
  elements: [],
  shared: false,
};

/** Bytes of a packet that become tokens, and the model input that they become; null without such a binding or layer. */
export function tokenBytes(
  packet: number,
  { trace, binding, model }: Artifacts,
): { readonly from: number; readonly to: number; readonly tensor: string; readonly layer: string } | null {
  if (trace?.kind !== 'packets' || binding?.input.kind !== 'payload' || packet < 0 || packet >= trace.count) return null;
  const { layer, length } = binding.input;
  const frame = frameOf(trace, packet);
  const range = frame && payloadRange(frame, binding.input);
  const tensor = binding.input.tensor ?? model?.inputs[0]?.name;
  return range && tensor !== undefined ? { from: range.start, to: Math.min(range.end, range.start + length), tensor, layer } : null;
}

/** Whether any of the instructions serves a node besides `node`. */
function sharedWithOthers(program: ProgramView, ranges: readonly Range[], node: number): boolean {
  for (const [from, to] of ranges) {
    for (let at = program.originStart[from]!; at < program.originStart[to]!; at++) {
      const origin = program.origins[program.originIdx[at]!];
      if (origin?.kind === 'node' && origin.nodeIdx !== node) return true;
    }
  }
  return false;
}

const insnsOf = (program: ProgramView | null, nodes: readonly number[]): readonly Range[] =>
  program ? united(nodes.flatMap((node) => [...(nodeRanges(program).get(node) ?? NO_RANGES)])) : NO_RANGES;

function irOf(program: ProgramView | null, insns: readonly Range[]): readonly Range[] {
  const map = program?.irOf;
  if (!map) return NO_RANGES;
  const found = new Set<number>();
  for (const [from, to] of insns) for (let insn = from; insn < to; insn++) if (map[insn]! >= 0) found.add(map[insn]!);
  return rangesOf([...found].sort((a, b) => a - b));
}

const nodesAsRanges = (nodes: Iterable<number>): readonly Range[] => rangesOf([...new Set(nodes)].sort((a, b) => a - b));

function producerOf(model: ModelView | null, tensor: string): ModelView['nodes'][number] | undefined {
  return model?.nodes.find((node) => node.outputs.includes(tensor));
}

/** Nodes that make or read a value. */
function around(model: ModelView | null, tensor: string): number[] {
  return (model?.nodes ?? []).flatMap((node) => (node.outputs.includes(tensor) || node.inputs.includes(tensor) ? [node.index] : []));
}

const remembered = new WeakMap<object, { readonly artifacts: Artifacts; readonly relations: Relations }>();

/** What belongs to `selection` in every panel. The last answer for a selection is remembered. */
export function relate(selection: Selection | null, artifacts: Artifacts): Relations {
  if (!selection) return NO_RELATIONS;
  const last = remembered.get(selection);
  const same =
    last &&
    last.artifacts.model === artifacts.model &&
    last.artifacts.program === artifacts.program &&
    last.artifacts.trace === artifacts.trace &&
    last.artifacts.binding === artifacts.binding &&
    last.artifacts.packet === artifacts.packet;
  if (same) return last.relations;
  const relations = derive(selection, artifacts);
  remembered.set(selection, { artifacts, relations });
  return relations;
}

function derive(selection: Selection, artifacts: Artifacts): Relations {
  const { model, program } = artifacts;
  switch (selection.kind) {
    case 'node':
      return ofNode(Number(selection.id), artifacts);
    case 'tensor':
      return ofTensor(String(selection.id), artifacts);
    case 'element': {
      const { whole, part } = splitPart(selection.id);
      return { ...ofTensor(whole, artifacts), bytes: bytesOf(whole, part, artifacts) };
    }
    case 'weight': {
      const { whole } = splitPart(selection.id);
      const nodes = around(model, whole);
      return { ...withInsns(nodes, insnsOf(program, nodes), program), tensors: outputsOf(model, nodes), shared: true };
    }
    case 'ir':
      return program ? ofInsns(irRanges(program).get(Number(selection.id)) ?? NO_RANGES, artifacts) : NO_RELATIONS;
    case 'insn': {
      const insn = Number(selection.id);
      return { ...ofInsns([[insn, insn + 1]], artifacts), insns: NO_RANGES };
    }
    case 'state': {
      const insn = Number(splitPart(selection.id).whole);
      return ofInsns([[insn, insn + 1]], artifacts);
    }
    case 'packet': {
      const tokens = tokenBytes(Number(selection.id), artifacts);
      if (!tokens) return NO_RELATIONS;
      return { ...NO_RELATIONS, tensors: [tokens.tensor], bytes: { packet: Number(selection.id), bytes: [[tokens.from, tokens.to]] } };
    }
    case 'byte':
      return ofByte(selection, artifacts);
  }
}

function withInsns(nodes: readonly number[], insns: readonly Range[], program: ProgramView | null): Relations {
  return { ...NO_RELATIONS, nodes: nodesAsRanges(nodes), insns, states: insns, ir: irOf(program, insns) };
}

const outputsOf = (model: ModelView | null, nodes: readonly number[]): readonly string[] =>
  (model?.nodes ?? []).flatMap((node) => (nodes.includes(node.index) ? node.outputs : []));

function ofNode(index: number, { model, program }: Artifacts): Relations {
  const node = model?.nodes.find((candidate) => candidate.index === index);
  const insns = insnsOf(program, [index]);
  const weights = new Set(node?.weights.map(({ name }) => name));
  return {
    ...withInsns([], insns, program),
    tensors: node ? [...node.outputs, ...node.inputs.filter((name) => name !== '' && !weights.has(name))] : [],
    weights: node?.weights.map(({ name, dims }) => ({ name, rows: [[0, dims[0] ?? 1]] })) ?? [],
    shared: program !== null && sharedWithOthers(program, insns, index),
  };
}

function ofTensor(name: string, { model, program }: Artifacts): Relations {
  const producer = producerOf(model, name);
  const insns = producer ? insnsOf(program, [producer.index]) : inputInsns(name, program, model);
  return {
    ...withInsns(around(model, name), insns, program),
    weights: producer?.weights.map((weight) => ({ name: weight.name, rows: [[0, weight.dims[0] ?? 1]] })) ?? [],
    shared: producer !== undefined && program !== null && sharedWithOthers(program, insns, producer.index),
  };
}

/** A model input is made by the binding's code. */
function inputInsns(name: string, program: ProgramView | null, model: ModelView | null): readonly Range[] {
  return program && model?.inputs.some((input) => input.name === name) ? bindingRanges(program, COPY_LABEL) : NO_RANGES;
}

/** The byte of the packet at the cursor that an element of the model's input came from. */
function bytesOf(tensor: string, element: number, artifacts: Artifacts): PacketBytes | null {
  const { packet } = artifacts;
  const tokens = tokenBytes(packet, artifacts);
  if (tokens?.tensor !== tensor || tokens.from + element >= tokens.to) return null;
  return { packet, bytes: [[tokens.from + element, tokens.from + element + 1]] };
}

function ofInsns(insns: readonly Range[], { model, program }: Artifacts): Relations {
  if (!program) return NO_RELATIONS;
  const nodes = new Set<number>();
  for (const [from, to] of insns) {
    for (let insn = from; insn < to; insn++)
      for (const origin of originsOf(program, insn)) if (origin.kind === 'node') nodes.add(origin.nodeIdx);
  }
  const list = [...nodes];
  return { ...withInsns(list, insns, program), tensors: outputsOf(model, list), shared: nodes.size > 1 };
}

function ofByte(selection: Selection, artifacts: Artifacts): Relations {
  const { program, model } = artifacts;
  const { whole, part } = splitPart(selection.id);
  const packet = Number(whole);
  const tokens = tokenBytes(packet, artifacts);
  if (!tokens) return NO_RELATIONS;
  if (part < tokens.from) {
    // Headers are read where the layer is looked for.
    const insns = program ? bindingRanges(program, parseLabel(tokens.layer)) : NO_RANGES;
    return withInsns([], insns, program);
  }
  if (part >= tokens.to) return NO_RELATIONS;
  const insns = program ? bindingRanges(program, COPY_LABEL) : NO_RANGES;
  const element = part - tokens.from;
  const nodes = (model?.nodes ?? []).flatMap((node) => (node.inputs.includes(tokens.tensor) ? [node.index] : []));
  return {
    ...withInsns(nodes, insns, program),
    tensors: [tokens.tensor],
    elements: [{ tensor: tokens.tensor, ranges: [[element, element + 1]] }],
    shared: true,
  };
}

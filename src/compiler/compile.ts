import { InputError } from '../base/errors.ts';
import { Cancelled } from '../base/progress.ts';
import { MAP_FLAG_MMAPABLE, MAP_TYPE_ARRAY, MAP_TYPE_PERCPU_ARRAY } from '../bpf/maps.ts';
import type { LineInfo, MapDef, Program } from '../bpf/program.ts';
import { sectionType } from '../bpf/progtypes.ts';
import { inLinkOrder } from '../object/link-order.ts';
import type { KernelVersion } from '../verifier/api.ts';
import type { Compiled, CompileOptions, FixedStrategy, HookContext, NodeCost, ProgramMeta, TensorSlot } from './api.ts';
import { emitProgram } from './backend/emit.ts';
import { type CostEstimate, cheapest, estimate } from './cost.ts';
import { fold } from './fold/fold.ts';
import type { Buf, HGraph } from './graph/hops.ts';
import { takesMissing } from './graph/narrow.ts';
import { recognise } from './graph/recognise.ts';
import { leavesUnread } from './graph/unread.ts';
import { mapDims, product } from './graph/view.ts';
import type { FuncBuilder, Reg } from './ir/builder.ts';
import type { IrFunc } from './ir/ir.ts';
import { numberOps } from './ir/numbered.ts';
import { irMap } from './ir-map.ts';
import { MAP_OF, PAGE_BYTES } from './kernels/frame.ts';
import { type Lowered, lower } from './lower/lower.ts';
import type { IoLayout } from './lower/places.ts';
import { Origins } from './origins.ts';
import type { Parts } from './parts.ts';
import type { GraphPass } from './passes/note.ts';
import { roomForSums } from './plan/room.ts';
import { Scales } from './plan/scales.ts';
import { splitWideValues } from './plan/split.ts';
import { weightScales } from './plan/weight-scales.ts';
import { WeightBytes } from './plan/weights.ts';
import { applyPrecision, parseQuant } from './precision.ts';
import { strategiesOf, strategyFor } from './strategy.ts';
import { fingerprintOf, liveBlock, setFingerprint, weightsMapBytes } from './weights-map.ts';

/** Instruction set that a kernel takes: v4 came with 6.6. */
export const cpuOf = (kernel: KernelVersion): 'v3' | 'v4' => (kernel === '5.15' || kernel === '6.1' ? 'v3' : 'v4');

/** Compiles a calibrated model into a program for a hook. Throws {@link InputError} for what it cannot compile. */
export function compile(options: CompileOptions): Compiled {
  const { model, progress } = options;
  const pinned = strategyFor(options.strategy, options.kernel);
  const stage = (name: string, done: number): void => {
    if (progress?.cancelled) throw new Cancelled();
    progress?.report(name, done, 4);
  };
  stage('recognising', 0);
  const graph = graphOf(options);
  stage('planning', 1);
  const planned = planOf(options, graph);
  const { inputs, outputs, io } = planned;
  stage('generating code', 2);
  const { strategy, lowered, origins } = pinned ? lowerWith(options, planned, pinned) : lowerBest(options, planned);
  options.onPass?.({ pass: 'plan', graph, scales: planned.scales, strategy, lowered });
  const main = buildHook(options, lowered, inputs, outputs, origins);
  const maps = mapsOf(options, lowered, io);
  stage('assembling', 3);
  const funcs = [...main, ...lowered.funcs];
  const numbered = numberOps(funcs);
  const emitted = emitProgram(numbered.funcs, { cpu: cpuOf(options.kernel), maps });
  const insnOrigins = emitted.originIds.map((op) => origins.members(numbered.originOf[op]!));
  const name = programName(options.modelFile);
  // The entry carries the program's name, as libbpf has it, and functions stand where libbpf links them: instruction numbers are the kernel's.
  const subprogs = emitted.subprogs.map((subprog, i) => (i === 0 ? { ...subprog, name } : subprog));
  const program: Program = inLinkOrder({
    name,
    section: options.hook.section,
    progType: options.hook.progType,
    expectedAttachType: sectionType(options.hook.section)?.expectedAttachType ?? 0,
    sleepable: false,
    loadFlags: 0,
    license: 'GPL',
    insns: emitted.insns,
    subprogs,
    maps,
    lineInfo: lineInfo(
      options.modelFile,
      origins,
      insnOrigins,
      emitted.subprogs.map((s) => s.start),
    ),
    origins: origins.list,
    insnOrigins,
    kfuncCalls: new Map(),
  });
  stage('assembling', 4);
  const meta = metaOf(options, strategy, inputs, outputs, origins, program.insnOrigins);
  setFingerprint(maps[0]!.data!, fingerprintOf(program, meta, lowered.map));
  return {
    program,
    meta,
    nodes: nodeCosts(options, origins, program.insnOrigins),
    tensors: lowered.tensors,
    weights: weightScales(model, lowered.products, options.specialise ? null : planned.scales, options.calibration.method),
    ir: irMap(funcs, emitted, program),
  };
}

/** The weights map of a model, and the code that reads it as text that is equal for equal code: enough to exchange weights in a program that runs. */
export interface WeightsAlone {
  readonly data: Uint8Array;
  readonly code: string;
}

/**
 * What {@link compile} puts into `.data.weights`, without the steps behind it: instruction selection and assembly do not look at weights.
 * The map's fingerprint is left empty. Throws {@link InputError} for what cannot be compiled.
 */
export function compileWeights(options: CompileOptions & { readonly strategy: FixedStrategy }): WeightsAlone {
  const planned = planOf(options, graphOf(options));
  const { lowered, origins } = lowerWith(options, planned, options.strategy);
  const main = buildHook(options, lowered, planned.inputs, planned.outputs, origins);
  return {
    data: weightsMapBytes(lowered.map, lowered.shared, lowered.weights.bytes()),
    code: JSON.stringify([...main, ...lowered.funcs], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  };
}

/** The graph in integer kernels' terms, precision given and algebra done. */
function graphOf(options: CompileOptions): HGraph {
  const { model, families, quant, calibration, onPass } = options;
  const told = (pass: GraphPass, graph: HGraph): HGraph => {
    onPass?.({ pass, graph });
    return graph;
  };
  const recognised = told('recognised', recognise(model, families, calibration));
  const precise = told('precision', applyPrecision(recognised, model, parseQuant(quant)));
  const { special, unread } = partsOf(options);
  const own = special
    ? told('specialised', special.specialiseGraph(precise))
    : told('unread', unread && leavesUnread(precise) ? unread.dropDead(precise) : precise);
  return fold(told('split', splitWideValues(own, PAGE_BYTES)), told);
}

/** Code that the options ask for: weights may stand in instructions only where that was chosen. */
function partsOf({ parts = {}, specialise }: CompileOptions): Parts {
  if (specialise && !parts.special) throw new Error('what specialises was not loaded: await partsFor(options) and hand it over');
  return specialise ? parts : { ...parts, special: undefined };
}

interface Planned {
  readonly graph: HGraph;
  readonly scales: Scales;
  readonly io: IoLayout;
  readonly inputs: readonly TensorSlot[];
  readonly outputs: readonly TensorSlot[];
}

function planOf(options: CompileOptions, graph: HGraph): Planned {
  const given = new Map(options.slots?.inputs.map(({ name, scale }) => [name, scale]));
  const first = new Scales(graph, options.calibration, given);
  const { wide } = first;
  const roomy = wide.size ? roomForSums(graph, wide) : graph;
  const scales = wide.size ? new Scales(roomy, options.calibration, given) : first;
  return { graph: roomy, scales, ...slots(roomy, scales, options.slots?.outputs) };
}

interface WithStrategy {
  readonly strategy: FixedStrategy;
  readonly lowered: Lowered;
  readonly origins: Origins;
}

function lowerWith(options: CompileOptions, { graph, scales, io, inputs, outputs }: Planned, strategy: FixedStrategy): WithStrategy {
  const origins = new Origins();
  return {
    strategy,
    origins,
    lowered: lower(graph, scales, io, origins, {
      strategy,
      parts: partsOf(options),
      hookBytes: tableBytes(options, inputs, outputs),
      perCpu: options.hook.io === 'percpu',
    }),
  };
}

const costOf = ({ strategy, lowered }: WithStrategy): CostEstimate =>
  estimate(
    strategy,
    lowered.funcs,
    lowered.stages.map(({ name }) => name),
  );

/** The usual strategy where the verifier's budget allows it, else the best of those that the kernel takes. */
function lowerBest(options: CompileOptions, planned: Planned): WithStrategy {
  const [usual, ...others] = strategiesOf(options.kernel);
  const first = lowerWith(options, planned, usual!);
  const cost = costOf(first);
  if (cost.fits) return first;
  const all = [first, ...others.map((strategy) => lowerWith(options, planned, strategy))];
  const { strategy } = cheapest(all.map(costOf));
  return all.find((made) => made.strategy === strategy)!;
}

/** What the model would cost with each strategy that the kernel takes, the usual one first; `options.strategy` does not matter. */
export function strategyCosts(options: CompileOptions): CostEstimate[] {
  const planned = planOf(options, graphOf(options));
  return strategiesOf(options.kernel).map((strategy) => costOf(lowerWith(options, planned, strategy)));
}

export const programName = (file: string): string =>
  file
    .replace(/^.*\//, '')
    .replace(/\.onnx$/, '')
    .replace(/[^A-Za-z0-9_]/g, '_')
    .slice(0, 15) || 'model';

/** Places and scales of inputs and outputs, as the hook and the object's metadata see them. */
function slots(
  graph: HGraph,
  scales: Scales,
  given?: readonly TensorSlot[],
): { io: IoLayout; inputs: TensorSlot[]; outputs: TensorSlot[] } {
  const align = (n: number): number => Math.ceil(n / 8) * 8;
  let inputBytes = 0;
  const inputOff = new Map<Buf, number>();
  const inputs = graph.inputs.map((buf): TensorSlot => {
    const byteOff = inputBytes;
    inputOff.set(buf, byteOff);
    inputBytes += align(product(buf.dims) * scales.bytes(buf));
    return {
      name: buf.name,
      dims: buf.dims,
      map: MAP_OF.input,
      byteOff,
      elem: buf.float ? 'f32' : buf.kind === 'token' ? 'u16' : 'i16',
      scale: scales.of(buf).scale,
      ...(buf.vocabulary === undefined ? {} : { vocabulary: buf.vocabulary }),
      ...(buf.float && takesMissing(graph, buf) ? { missing: true as const } : {}),
    };
  });
  let outputBytes = 0;
  const outputs = graph.outputs.map(({ name, view }, i): TensorSlot => {
    const dims = mapDims(view.map);
    const byteOff = outputBytes;
    outputBytes += align(product(dims) * 4);
    const { classes } = view.buf;
    const scale = given?.[i]?.scale ?? scales.unit(view);
    return { name, dims, map: MAP_OF.output, byteOff, elem: 'i32', scale, ...(classes ? { classes } : {}) };
  });
  const outputFactor = graph.outputs.map(({ view }, i) => scales.unit(view) / outputs[i]!.scale);
  return { io: { inputBytes, outputBytes, inputOff, outputOff: outputs.map((o) => o.byteOff), outputFactor }, inputs, outputs };
}

/** Bytes of the tables that the hook will add to the weights: known before, because kernels check their operands against the whole map. */
function tableBytes(options: CompileOptions, inputs: readonly TensorSlot[], outputs: readonly TensorSlot[]): number {
  const tables = new WeightBytes();
  const none = (b: FuncBuilder): Reg => b.copy(0);
  options.hook.buildMain({
    kernel: options.kernel,
    inputs,
    outputs,
    addOrigin: () => 0,
    lookup: none,
    liveWeights: none,
    addTable: (bytes) => {
      tables.add(bytes);
      return none;
    },
    infer: () => {},
  });
  return tables.size;
}

function buildHook(
  options: CompileOptions,
  lowered: Lowered,
  inputs: readonly TensorSlot[],
  outputs: readonly TensorSlot[],
  origins: Origins,
): readonly IrFunc[] {
  const live = new WeakMap<FuncBuilder, Reg>();
  const liveWeights = (b: FuncBuilder): Reg => {
    let reg = live.get(b);
    if (!reg) {
      reg = liveBlock(b, lowered.map);
      live.set(b, reg);
    }
    return reg;
  };
  const context: HookContext = {
    kernel: options.kernel,
    inputs,
    outputs,
    addOrigin: (origin) => origins.add(origin),
    liveWeights,
    lookup: (b: FuncBuilder, map: string, onNull: number): Reg => {
      const at = b.stackSlot(8).addr();
      b.store(at, 0, 0, 4);
      const entry = b.callHelper('bpf_map_lookup_elem', [b.mapPtr(map), at]);
      b.when('eq', entry, 0, () => b.ret(onNull));
      return entry;
    },
    addTable: (bytes) => {
      const off = lowered.weights.add(bytes);
      return (b) => b.add(b.mapValue(MAP_OF.weights, off), liveWeights(b));
    },
    infer: (b) => {
      const before = b.origin;
      const block = liveWeights(b);
      for (const stage of lowered.stages) {
        b.setOrigin(stage.origin);
        b.call(stage.name, [block]);
      }
      b.setOrigin(before);
    },
  };
  return options.hook.buildMain(context);
}

function mapsOf(options: CompileOptions, lowered: Lowered, io: IoLayout): MapDef[] {
  const type = options.hook.io === 'percpu' ? MAP_TYPE_PERCPU_ARRAY : MAP_TYPE_ARRAY;
  const entry = (name: string, valueSize: number, maxEntries = 1): MapDef => {
    if (type === MAP_TYPE_PERCPU_ARRAY && valueSize > PAGE_BYTES)
      throw new InputError(
        `map ${name} needs ${valueSize} bytes; a per-CPU entry holds ${PAGE_BYTES}`,
        '',
        'Use smaller inputs or outputs',
      );
    return { name, type, keySize: 4, valueSize, maxEntries, flags: 0 };
  };
  const data = weightsMapBytes(lowered.map, lowered.shared, lowered.weights.bytes());
  return [
    // libbpf makes data sections mappable, so that user space can rewrite weights in place.
    {
      name: MAP_OF.weights,
      type: MAP_TYPE_ARRAY,
      keySize: 4,
      valueSize: data.length,
      maxEntries: 1,
      flags: MAP_FLAG_MMAPABLE,
      data,
      section: MAP_OF.weights,
    },
    entry(MAP_OF.scratch, lowered.layout.bytes.scratch, lowered.layout.pages),
    entry(MAP_OF.input, Math.max(8, io.inputBytes)),
    entry(MAP_OF.output, Math.max(8, io.outputBytes)),
    ...options.hook.maps,
  ];
}

/** One line record wherever the set of origins changes, and one at the start of every function. */
export function lineInfo(
  file: string,
  origins: Origins,
  insnOrigins: readonly (readonly number[])[],
  starts: readonly number[],
): LineInfo[] {
  const begin = new Set(starts);
  const lines: LineInfo[] = [];
  insnOrigins.forEach((ids, insnIdx) => {
    if (!begin.has(insnIdx) && insnOrigins[insnIdx - 1] === ids) return;
    const first = origins.list[ids[0]];
    const line = first?.kind === 'node' ? first.nodeIdx + 1 : 0;
    lines.push({
      insnIdx,
      file,
      line,
      column: 0,
      text: ids.length > 1 ? `${first.label} +${ids.length - 1}` : (first?.label ?? 'hand-written'),
    });
  });
  return lines;
}

export function nodeCosts(
  options: Pick<CompileOptions, 'model'>,
  origins: Origins,
  insnOrigins: readonly (readonly number[])[],
): NodeCost[] {
  const counts = new Map<number, number>();
  for (const ids of insnOrigins) for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  const byNode = new Map<number, number>();
  origins.list.forEach((origin, id) => {
    if (origin.kind === 'node') byNode.set(origin.nodeIdx, counts.get(id) ?? 0);
  });
  return options.model.nodes.map((node) => ({ index: node.index, name: node.name, op: node.op, insns: byNode.get(node.index) ?? 0 }));
}

function metaOf(
  options: CompileOptions,
  strategy: FixedStrategy,
  inputs: readonly TensorSlot[],
  outputs: readonly TensorSlot[],
  origins: Origins,
  insnOrigins: readonly (readonly number[])[],
): ProgramMeta {
  const { model, calibration } = options;
  return {
    format: 'bpformer',
    version: 1,
    model: {
      file: options.modelFile,
      name: model.name,
      opset: model.opset,
      nodes: model.nodes.map(({ index, name, op, outputs: [first] }) => ({ index, name, op, dims: model.values.get(first!)?.dims })),
    },
    kernel: options.kernel,
    strategy,
    quant: options.quant,
    ...(options.specialise ? { specialised: true as const } : {}),
    calibration: {
      source: calibration.source,
      samples: calibration.samples,
      ...(calibration.method ? { method: calibration.method } : {}),
    },
    inputs,
    outputs,
    binding: options.hook.binding,
    origins: origins.list,
    originRuns: originRuns(insnOrigins),
  };
}

/** Origins of instructions as run lengths. */
export function originRuns(insnOrigins: readonly (readonly number[])[]): ProgramMeta['originRuns'] {
  const runs: [number, readonly number[]][] = [];
  for (const ids of insnOrigins) {
    const last = runs[runs.length - 1];
    if (last && last[1] === ids) last[0]++;
    else runs.push([1, ids]);
  }
  return runs;
}

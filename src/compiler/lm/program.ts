import { InputError } from '../../base/errors.ts';
import { MAP_FLAG_MMAPABLE, MAP_TYPE_ARRAY } from '../../bpf/maps.ts';
import type { MapDef, Program } from '../../bpf/program.ts';
import { sectionType } from '../../bpf/progtypes.ts';
import { inLinkOrder } from '../../object/link-order.ts';
import type { Model } from '../../onnx/model.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import type { Calibration, Compiled, FixedStrategy, ProgramMeta, Quant, Strategy } from '../api.ts';
import { emitProgram } from '../backend/emit.ts';
import { cpuOf, lineInfo, nodeCosts, originRuns, programName } from '../compile.ts';
import { estimate, PROCESSED_LIMIT } from '../cost.ts';
import { recognise } from '../graph/recognise.ts';
import type { Rules } from '../graph/rule.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { numberOps } from '../ir/numbered.ts';
import { irMap } from '../ir-map.ts';
import { type Layout, MAP_OF, PAGE_BYTES } from '../kernels/frame.ts';
import { rsqrtTable } from '../kernels/norm.ts';
import { expTable } from '../kernels/softmax.ts';
import { Origins } from '../origins.ts';
import { Scales } from '../plan/scales.ts';
import { WeightBytes } from '../plan/weights.ts';
import { applyPrecision, DEFAULT_PRECISION, parseQuant } from '../precision.ts';
import { strategyFor, whyNot } from '../strategy.ts';
import { fingerprintOf, setFingerprint, WEIGHTS_HEADER, type WeightsLayout, weightsLayout, weightsMapBytes } from '../weights-map.ts';
import { ATTENTION, CACHE } from './attend-kernels.ts';
import { type Decoder, decoderOf, productsOf } from './decoder.ts';
import type { Ending } from './ending.ts';
import { tokenFunc, writeGenerate } from './generate.ts';
import { type DecoderHook, syscallHook } from './hook.ts';
import { inputBytes, outputBytes, stateBytes } from './layout.ts';
import { LOCK } from './lock.ts';
import { emitDecoder, isWide, type LoweredDecoder, lowerDecoder } from './lower.ts';
import { formOf, leastUnit, SCORE_MAX } from './matvec.ts';
import { bestKernel, pickKernel, type SampleShape, SCORES, STATE_MAP, temperatureParams, topKernel } from './sample-kernels.ts';

/** Tokens are 16 bits wide in the program. */
const MAX_VOCABULARY = 65536;
/** Scores have this many steps from zero to the largest that the calibration saw. */
const SCORE_STEPS = 2 ** 22;

export interface DecoderOptions {
  readonly model: Model;
  readonly modelFile: string;
  readonly decoder: Decoder;
  readonly calibration: Calibration;
  readonly kernel: KernelVersion;
  readonly strategy: Strategy;
  readonly quant: Quant;
  /** Travels in the object, so that text goes in and comes out without other files. */
  readonly tokenizer?: unknown;
  /** How requests come and answers go; a program of type syscall without it. */
  readonly hook?: DecoderHook;
  /** Unit of the scores of the program that these weights are for. */
  readonly scoreScale?: number;
  /** What the model does with the scores that the program gives. */
  readonly ending?: Ending | null;
}

/** The decoder in a model. Throws {@link InputError} for a model that does not generate text one token after the other. */
export function readDecoder(model: Model, families: Rules = new Map(), quant: Quant = DEFAULT_PRECISION): Decoder {
  const decoder = decoderOf(applyPrecision(recognise(model, families), model, parseQuant(quant)));
  if (decoder.vocabulary > MAX_VOCABULARY) throw new InputError(`a vocabulary of ${decoder.vocabulary} tokens; ${MAX_VOCABULARY} at most`);
  return decoder;
}

/** A program that reads a prompt, keeps keys and values in a map and generates tokens. Throws {@link InputError}. */
export function compileDecoder(options: DecoderOptions): Compiled {
  const usual = strategyOf(options);
  const first = lowerWith(options, usual);
  if (options.strategy !== 'auto' || usual !== 'global' || fits(first, options.kernel)) return finish(options, first);
  const other = LONG_LOOPS.find((strategy) => whyNot(strategy, options.kernel) === null);
  return finish(options, other ? lowerWith(options, other) : first);
}

interface LoweredWith {
  readonly strategy: FixedStrategy;
  readonly origins: Origins;
  readonly funcs: readonly IrFunc[];
  readonly maps: readonly MapDef[];
  readonly map: WeightsLayout;
  readonly scoreUnit: number;
}

/** Up to 6.1 the verifier finds fewer states that it knows: it goes through four to eight times what is estimated, later ones through twice as much. */
const OLD_FACTOR = 8;
const fits = ({ strategy, funcs }: LoweredWith, kernel: KernelVersion): boolean => {
  const { processed, fits: inBudget } = estimate(strategy, funcs, []);
  return kernel === '5.15' || kernel === '6.1' ? OLD_FACTOR * processed <= PROCESSED_LIMIT : inBudget;
};

function lowerWith(options: DecoderOptions, strategy: FixedStrategy): LoweredWith {
  const { decoder, calibration } = options;
  const hook = hookOf(options);
  const shared = new WeightBytes();
  shared.add(new Uint8Array(WEIGHTS_HEADER));
  const expOff = shared.add(expTable());
  const rsqrtOff = shared.add(rsqrtTable());
  const zeroOff = strategy === 'may_goto' ? shared.add(new Uint8Array(8)) : 0;
  const weights = new WeightBytes();
  const scales = scalesOf(decoder, calibration);
  const scoreScale = scoreScaleOf(options, scales);
  const lowered = lowerDecoder(decoder, scales, weights, scoreScale);
  const scoreUnit = scoreScale * decoder.logits.gain;
  const sample: SampleShape = {
    positions: decoder.positions,
    vocabulary: decoder.vocabulary,
    paramsOff: weights.add(temperatureParams(scoreUnit)),
  };
  const map = weightsLayout(shared.size, weights.size);
  const data = weightsMapBytes(map, shared.bytes(), weights.bytes());
  const layout: Layout = {
    bytes: {
      scratch: lowered.scratchBytes,
      input: inputBytes(decoder.positions),
      output: outputBytes(decoder.positions),
      weights: map.total,
    },
    pages: 1,
    pageBytes: PAGE_BYTES,
    packBytes: lowered.packBytes,
    expOff,
    rsqrtOff,
    zeroOff,
    strategy,
  };
  const origins = new Origins();
  const origin = (label: string): OriginId => origins.add({ kind: 'binding', nodeIdx: -1, label });
  const prompting = origin('prompt, then tokens');
  const main = hook.buildMain({
    positions: decoder.positions,
    vocabulary: decoder.vocabulary,
    origin,
    generate: (b, at) => {
      const before = b.origin;
      b.setOrigin(prompting);
      const status = writeGenerate(b, decoder, map, at);
      b.setOrigin(before);
      return status;
    },
  });
  const { funcs: kernels, writeCalls } = emitDecoder(lowered, layout, origins);
  const sampling = origin('sampling');
  const funcs = [
    ...main,
    tokenFunc(decoder, lowered, layout, origin('one token'), sampling, writeCalls),
    pickKernel(sample, layout, map, sampling),
    topKernel(sample, layout, sampling),
    bestKernel(sample, layout, sampling),
    ...kernels,
  ];
  const maps = [...mapsOf(decoder, lowered, data), ...hook.maps];
  return { strategy, origins, funcs, maps, map, scoreUnit };
}

const hookOf = ({ hook }: DecoderOptions): DecoderHook => hook ?? syscallHook();

function finish(options: DecoderOptions, { strategy, origins, funcs, maps, map, scoreUnit }: LoweredWith): Compiled {
  const { decoder, calibration, model } = options;
  const hook = hookOf(options);
  const numbered = numberOps(funcs);
  const emitted = emitProgram(numbered.funcs, { cpu: cpuOf(options.kernel), maps });
  const insnOrigins = emitted.originIds.map((op) => origins.members(numbered.originOf[op]!));
  const name = programName(options.modelFile);
  const type = sectionType(hook.section)!;
  const program: Program = inLinkOrder({
    name,
    section: hook.section,
    progType: type.progType,
    expectedAttachType: 0,
    sleepable: type.sleepable,
    loadFlags: 0,
    license: 'GPL',
    insns: emitted.insns,
    subprogs: emitted.subprogs.map((subprog, i) => (i === 0 ? { ...subprog, name } : subprog)),
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
  const meta: ProgramMeta = {
    format: 'bpformer',
    version: 1,
    model: {
      file: options.modelFile,
      name: model.name,
      opset: model.opset,
      nodes: model.nodes.map(({ index, name: node, op, outputs: [first] }) => ({
        index,
        name: node,
        op,
        dims: model.values.get(first!)?.dims,
      })),
    },
    kernel: options.kernel,
    strategy,
    quant: options.quant,
    calibration: { source: calibration.source, samples: calibration.samples },
    inputs: [],
    outputs: [],
    decoder: {
      positions: decoder.positions,
      vocabulary: decoder.vocabulary,
      scoreScale: scoreUnit,
      tokenizer: options.tokenizer ?? null,
      ...(options.ending ? { ending: options.ending } : {}),
    },
    binding: hook.binding,
    origins: origins.list,
    originRuns: originRuns(program.insnOrigins),
  };
  setFingerprint(maps[0]!.data!, fingerprintOf(program, meta, map));
  return {
    program,
    meta,
    nodes: nodeCosts(options, origins, program.insnOrigins),
    tensors: { stages: [], buffers: [], values: [] },
    weights: [],
    ir: irMap(funcs, emitted, program),
  };
}

/** Loops that the verifier goes through once or twice, the faster form first. */
const LONG_LOOPS = ['may_goto', 'bpf_loop'] as const;
/** Larger matrices are walked in too many rounds for bounded loops; the kernel's verifier goes through others once or twice. */
const BOUNDED_PRODUCTS = 2_000_000;

function strategyOf({ strategy, kernel, decoder }: DecoderOptions): FixedStrategy {
  if (strategy !== 'auto' || productsOf(decoder) <= BOUNDED_PRODUCTS) return strategyFor(strategy, kernel) ?? 'global';
  return LONG_LOOPS.find((loops) => whyNot(loops, kernel) === null) ?? 'global';
}

/** Results of attention are scaled by their range as inputs are: no op of the graph makes them. */
function scalesOf(decoder: Decoder, calibration: Calibration): Scales {
  const attended = decoder.items.flatMap((item) => (item.kind === 'attend' ? [item.out] : []));
  const ops = decoder.items.flatMap((item) => (item.kind === 'op' ? [item.op] : []));
  return new Scales({ inputs: [decoder.tokens, ...attended], ops, outputs: [], values: [] }, calibration);
}

/** New weights may give scores this many times coarser units than those that a program was made with. */
const SCORE_ROOM = 4;

function scoreScaleOf({ decoder, calibration, scoreScale }: DecoderOptions, scales: Scales): number {
  const last = decoder.items[decoder.items.length - 1];
  if (last.kind !== 'op' || last.op.kind !== 'linear') return 1;
  const range = calibration.ranges[last.op.out.name];
  const top = range ? Math.max(-range.min, range.max) : 1;
  const least = leastUnit(last.op.weights, {
    ...formOf(last.op.precision, isWide(decoder)),
    unit: Math.abs(scales.unit(last.op.a)),
    method: scales.method,
  });
  const given = scoreScale === undefined ? undefined : scoreScale / decoder.logits.gain;
  if (given === undefined) return Math.max(top / SCORE_STEPS, SCORE_ROOM * least) || 1;
  if (least > given || top > given * SCORE_MAX)
    throw new InputError(
      `scores up to ${top.toPrecision(3)} do not fit the program, whose unit is ${given.toPrecision(3)}`,
      '',
      'Compile it and load the new program',
    );
  return given;
}

function mapsOf(decoder: Decoder, lowered: LoweredDecoder, data: Uint8Array): MapDef[] {
  const array = (name: string, valueSize: number): MapDef => ({
    name,
    type: MAP_TYPE_ARRAY,
    keySize: 4,
    valueSize,
    maxEntries: 1,
    flags: 0,
  });
  return [
    { ...array(MAP_OF.weights, data.length), flags: MAP_FLAG_MMAPABLE, data, section: MAP_OF.weights },
    array(MAP_OF.scratch, lowered.scratchBytes),
    array(MAP_OF.input, inputBytes(decoder.positions)),
    array(MAP_OF.output, outputBytes(decoder.positions)),
    array(CACHE, lowered.cacheBytes),
    array(ATTENTION, lowered.attentionBytes),
    array(SCORES, lowered.scoresBytes),
    array(STATE_MAP, stateBytes(decoder.vocabulary)),
    LOCK,
  ];
}

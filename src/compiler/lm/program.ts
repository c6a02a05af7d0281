import { InputError } from '../../base/errors.ts';
import { MAP_FLAG_MMAPABLE, MAP_TYPE_ARRAY } from '../../bpf/maps.ts';
import type { MapDef, Program } from '../../bpf/program.ts';
import { sectionType } from '../../bpf/progtypes.ts';
import { inLinkOrder } from '../../object/link-order.ts';
import type { Model } from '../../onnx/model.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import type { Calibration, Compiled, FixedStrategy, Quant, Strategy } from '../api.ts';
import { emitProgram } from '../backend/emit.ts';
import { cpuOf, lineInfo, nodeCosts, originRuns, programName } from '../compile.ts';
import { recognise } from '../graph/recognise.ts';
import type { Rules } from '../graph/rule.ts';
import type { FuncBuilder, Reg } from '../ir/builder.ts';
import { FuncBuilder as Builder } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { numberOps } from '../ir/numbered.ts';
import { irMap } from '../ir-map.ts';
import { type Layout, linkageOf, MAP_OF } from '../kernels/frame.ts';
import { rsqrtTable } from '../kernels/norm.ts';
import { expTable } from '../kernels/softmax.ts';
import { Origins } from '../origins.ts';
import { Scales } from '../plan/scales.ts';
import { WeightBytes } from '../plan/weights.ts';
import { strategyFor, whyNot } from '../strategy.ts';
import { ATTENTION, CACHE } from './attend-kernels.ts';
import { type Decoder, decoderOf, productsOf } from './decoder.ts';
import { checked, entryOf } from './frame.ts';
import { FLAG_RESET, INPUT, inputBytes, OUTPUT, outputBytes, STATE, STATUS, stateBytes } from './layout.ts';
import { emitDecoder, type LoweredDecoder, lowerDecoder } from './lower.ts';
import { sumUnit } from './matvec.ts';
import { bestKernel, PICK_FUNC, pickKernel, type SampleShape, SCORES, STATE_MAP, temperatureParams, topKernel } from './sample-kernels.ts';

/** Section and name of the program that user space runs with BPF_PROG_TEST_RUN. */
export const DECODER_SECTION = 'syscall';
const TOKEN_FUNC = 'one_token';
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
}

/** The decoder in a model. Throws {@link InputError} for a model that does not generate text one token after the other. */
export function readDecoder(model: Model, families: Rules = new Map()): Decoder {
  const decoder = decoderOf(recognise(model, families));
  if (decoder.vocabulary > MAX_VOCABULARY) throw new InputError(`a vocabulary of ${decoder.vocabulary} tokens; ${MAX_VOCABULARY} at most`);
  return decoder;
}

/** A program of type syscall that reads a prompt, keeps keys and values in a map and generates tokens. Throws {@link InputError}. */
export function compileDecoder(options: DecoderOptions): Compiled {
  const { decoder, calibration, model } = options;
  const strategy = strategyOf(options);
  const weights = new WeightBytes();
  const expOff = weights.add(expTable());
  const rsqrtOff = weights.add(rsqrtTable());
  const zeroOff = strategy === 'may_goto' ? weights.add(new Uint8Array(8)) : 0;
  const scales = scalesOf(decoder, calibration);
  const scoreScale = scoreScaleOf(decoder, scales, calibration);
  const lowered = lowerDecoder(decoder, scales, weights, scoreScale);
  const scoreUnit = scoreScale * decoder.logits.gain;
  const sample: SampleShape = {
    positions: decoder.positions,
    vocabulary: decoder.vocabulary,
    paramsOff: weights.add(temperatureParams(scoreUnit)),
  };
  const data = weights.bytes();
  const layout: Layout = {
    bytes: {
      scratch: lowered.scratchBytes,
      input: inputBytes(decoder.positions),
      output: outputBytes(decoder.positions),
      weights: data.length,
    },
    pages: 1,
    packBytes: lowered.packBytes,
    expOff,
    rsqrtOff,
    zeroOff,
    strategy,
  };
  const origins = new Origins();
  const origin = (label: string): OriginId => origins.add({ kind: 'binding', nodeIdx: -1, label });
  const main = mainFunc(decoder, origin('prompt, then tokens'));
  const { funcs: kernels, writeCalls } = emitDecoder(lowered, layout, origins);
  const sampling = origin('sampling');
  const funcs = [
    main,
    tokenFunc(decoder, lowered, layout, origin('one token'), sampling, writeCalls),
    pickKernel(sample, layout, sampling),
    topKernel(sample, layout, sampling),
    bestKernel(sample, layout, sampling),
    ...kernels,
  ];
  const maps = mapsOf(decoder, lowered, data);
  const numbered = numberOps(funcs);
  const emitted = emitProgram(numbered.funcs, { cpu: cpuOf(options.kernel), maps });
  const insnOrigins = emitted.originIds.map((op) => origins.members(numbered.originOf[op]!));
  const name = programName(options.modelFile);
  const type = sectionType(DECODER_SECTION)!;
  const program: Program = inLinkOrder({
    name,
    section: DECODER_SECTION,
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
  return {
    program,
    meta: {
      format: 'bpformer',
      version: 1,
      model: {
        file: options.modelFile,
        name: model.name,
        opset: model.opset,
        nodes: model.nodes.map(({ index, name: node, op }) => ({ index, name: node, op })),
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
      },
      binding: null,
      origins: origins.list,
      originRuns: originRuns(program.insnOrigins),
    },
    nodes: nodeCosts(options, origins, program.insnOrigins),
    tensors: { stages: [], buffers: [], values: [] },
    weights: [],
    ir: irMap(funcs, emitted, program),
  };
}

/** Larger matrices are walked in too many rounds for bounded loops; the kernel's verifier goes through others once or twice. */
const BOUNDED_PRODUCTS = 2_000_000;

function strategyOf({ strategy, kernel, decoder }: DecoderOptions): FixedStrategy {
  if (strategy !== 'auto' || productsOf(decoder) <= BOUNDED_PRODUCTS) return strategyFor(strategy, kernel) ?? 'global';
  return (['may_goto', 'bpf_loop'] as const).find((loops) => whyNot(loops, kernel) === null) ?? 'global';
}

/** Results of attention are scaled by their range as inputs are: no op of the graph makes them. */
function scalesOf(decoder: Decoder, calibration: Calibration): Scales {
  const attended = decoder.items.flatMap((item) => (item.kind === 'attend' ? [item.out] : []));
  const ops = decoder.items.flatMap((item) => (item.kind === 'op' ? [item.op] : []));
  return new Scales({ inputs: [decoder.tokens, ...attended], ops, outputs: [], values: [] }, calibration);
}

function scoreScaleOf(decoder: Decoder, scales: Scales, calibration: Calibration): number {
  const last = decoder.items[decoder.items.length - 1];
  if (last.kind !== 'op' || last.op.kind !== 'linear') return 1;
  const range = calibration.ranges[last.op.out.name];
  const top = range ? Math.max(-range.min, range.max) : 1;
  // A multiplier above one would not fit; int16 weights are the ones with the larger unit.
  return Math.max(top / SCORE_STEPS, sumUnit(last.op.weights, Math.abs(scales.unit(last.op.a)), 2)) || 1;
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
  ];
}

/** Reads the prompt and generates tokens, one position after the other, until enough are there or one says stop. */
function mainFunc(decoder: Decoder, origin: OriginId): IrFunc {
  const b = new Builder('generate', 'main', ['ctx']);
  b.setOrigin(origin);
  const bail = b.newBlock();
  const input = entryOf(b, MAP_OF.input, bail);
  const output = entryOf(b, MAP_OF.output, bail);
  const state = entryOf(b, STATE_MAP, bail);
  b.when('ne', b.and(b.load(input, INPUT.flags, 4), FLAG_RESET), 0, () => {
    b.store(state, STATE.position, 0, 4);
    const seed = b.load(input, INPUT.seed, 4);
    // Zero is the fixed point of the generator.
    b.when('eq', seed, 0, () => b.assign(seed, 1));
    b.store(state, STATE.random, seed, 4);
  });
  b.store(output, OUTPUT.count, 0, 4);
  b.store(output, OUTPUT.candidates, 0, 4);
  const prompt = b.load(input, INPUT.prompt, 4);
  const rounds = b.add(prompt, b.load(input, INPUT.generate, 4));
  // The last token of a prompt gives the first new one, which takes no position of its own yet.
  b.when('ne', prompt, 0, () => b.when('ne', rounds, prompt, () => b.aluTo(rounds, 'sub', rounds, 1)));
  const status = b.copy(STATUS.done);
  const done = b.newBlock();
  b.loop(0, 2 * decoder.positions, 1, (i) => {
    const [go, next] = [b.newBlock(), b.newBlock()];
    b.branch('uge', i, rounds, done, go);
    b.startBlock(go);
    b.assign(status, b.call(TOKEN_FUNC, [i]));
    b.branch('ne', status, STATUS.done, done, next);
    b.startBlock(next);
  });
  b.jump(done);
  b.startBlock(done);
  b.store(output, OUTPUT.status, status, 4);
  b.store(output, OUTPUT.position, b.load(state, STATE.position, 4), 4);
  b.ret(status);
  b.startBlock(bail);
  b.ret(STATUS.full);
  return b.finish();
}

/** One position: round `i` reads a token of the prompt or the one that was chosen last; from the prompt's end on it chooses the next. */
function tokenFunc(
  decoder: Decoder,
  lowered: LoweredDecoder,
  layout: Layout,
  origin: OriginId,
  sampling: OriginId,
  writeCalls: (b: FuncBuilder, part: LoweredDecoder['head'], position: Reg) => void,
): IrFunc {
  // Bounded loops: a large vocabulary takes more rounds than `may_goto` goes without looking at the clock.
  const b = new Builder(TOKEN_FUNC, linkageOf(layout), ['scalar'], 'scalar');
  b.setOrigin(origin);
  const [bail, full] = [b.newBlock(), b.newBlock()];
  const round = b.arg(0);
  const input = entryOf(b, MAP_OF.input, bail);
  const state = entryOf(b, STATE_MAP, bail);
  const position = b.load(state, STATE.position, 4);
  checked(b, 'ugt', position, decoder.positions - 1, full);
  const token = b.load(state, STATE.last, 4);
  const prompt = b.load(input, INPUT.prompt, 4);
  b.when('ult', round, prompt, () => {
    b.when('ult', round, decoder.positions, () => b.assign(token, b.load(b.add(input, b.lsh(round, 1)), INPUT.tokens, 2)));
  });
  b.store(input, INPUT.token, token, 4);
  b.store(state, STATE.position, b.add(position, 1), 4);
  for (const part of lowered.parts) writeCalls(b, part, position);
  b.setOrigin(origin);
  const [early, choose] = [b.newBlock(), b.newBlock()];
  const later = b.add(round, 1);
  b.branch('ult', later, prompt, early, choose);
  b.startBlock(choose);
  const wanted = b.newBlock();
  b.branch('eq', b.load(input, INPUT.generate, 4), 0, early, wanted);
  b.startBlock(wanted);
  writeCalls(b, lowered.head, position);
  b.setOrigin(sampling);
  const chosen = b.call(PICK_FUNC, []);
  const output = entryOf(b, MAP_OF.output, bail);
  const count = b.load(output, OUTPUT.count, 4);
  b.store(state, STATE.last, chosen, 4);
  b.when('ult', count, decoder.positions, () => {
    b.store(b.add(output, b.lsh(count, 2)), OUTPUT.tokens, chosen, 4);
    b.store(output, OUTPUT.count, b.add(count, 1), 4);
  });
  const [stop, more] = [b.newBlock(), b.newBlock()];
  b.branch('eq', b.and(chosen, -1), b.load(input, INPUT.stop, 4), stop, more);
  b.startBlock(stop);
  b.ret(STATUS.stopped);
  b.startBlock(more);
  b.jump(early);
  b.startBlock(early);
  b.ret(STATUS.done);
  b.startBlock(full);
  b.ret(STATUS.full);
  b.startBlock(bail);
  b.ret(STATUS.full);
  return b.finish();
}

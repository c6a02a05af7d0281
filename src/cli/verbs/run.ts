import { InputError } from '../../base/errors.ts';
import type { Program } from '../../bpf/program.ts';
import { openKernel, whyNoKernel } from '../../companion/kernel.ts';
import { KernelRunner } from '../../companion/kernel-runner.ts';
import type { ProgramMeta } from '../../compiler/api.ts';
import { answerOf } from '../../hooks/text/packet.ts';
import { programBtf } from '../../object/program-btf.ts';
import { decoderOfMeta, scoresOf } from '../../replay/generate.ts';
import { npyTensor, tensorInputs } from '../../replay/inputs.ts';
import { ModelRunner, type Outcome, parseMeta } from '../../replay/runner.ts';
import { readTensors } from '../../replay/tensor-files.ts';
import { readNpy } from '../../traces/npy.ts';
import { contextKind } from '../../vm/context.ts';
import { Vm } from '../../vm/vm.ts';
import { type Args, choice, ENGINES, type Engine, MODEL_OPTIONS, onlyPositional, parse, pictureScaling } from '../args.ts';
import { textMachine } from '../decoder.ts';
import { fileName, print, printJson, readInput } from '../io.ts';
import type { ExitStatus, Verb } from '../main.ts';
import { compileModel } from '../model.ts';
import { openObject } from '../object.ts';
import { type ProgramFile, pickProgram, readPrograms } from '../programs.ts';

interface Output {
  readonly name: string;
  readonly shape: readonly number[];
  /** Texts where the model gives labels that are texts. */
  readonly data: readonly (number | string)[];
}

interface RunResult {
  readonly outputs: readonly Output[];
  readonly returnValue: number;
  /** Mean time of one run; measured by the kernel, or by the clock around the interpreter. */
  readonly nsPerRun: number;
}

/** `run MODEL.onnx|FILE.o (--input [NAME=]X.npy… | --packet P.bin)` */
export const runVerb: Verb = async (argv): Promise<ExitStatus> => {
  const args = parse(argv, { ...MODEL_OPTIONS, input: 'list', packet: 'string', engine: 'string', repeat: 'string', program: 'string' });
  const path = onlyPositional(args, 'one model or object');
  const engine = choice(args, 'engine', ENGINES, 'wasm');
  const repeat = args.count('repeat', 1);
  const packet = args.string('packet');
  if ((packet === undefined) === (args.list('input').length === 0)) throw new InputError('takes --input or --packet', 'arguments');
  const result =
    packet === undefined
      ? await runOnTensors(path, args, engine, repeat)
      : await runOnPacket(path, readInput(packet), args, engine, repeat);
  if (args.flag('json')) printJson(result);
  else {
    for (const { name, shape, data } of result.outputs)
      print(
        `${name} [${shape.join(', ')}]: ${data
          .slice(0, 16)
          .map((x) => (typeof x === 'string' ? x : Number(x.toPrecision(6))))
          .join(' ')}${data.length > 16 ? ' …' : ''}`,
      );
    print(`returned ${result.returnValue}; ${Math.round(result.nsPerRun)} ns a run`);
  }
  return 0;
};

/** Scores after every token of each row of a text generating program's input, as the model that it was compiled from gives them. */
async function runOnTokens(file: ProgramFile, args: Args, engine: Engine): Promise<RunResult | null> {
  const program = pickProgram(file, args.string('program'));
  const meta = parseMeta(file.meta, file.file, program);
  if (!meta?.decoder) return null;
  const decoder = decoderOfMeta(meta, program, file.file);
  const where = args.list('input')[0].replace(/^[^=]+=/, '');
  const { dims, data } = npyTensor(readNpy(readInput(where), fileName(where)));
  const length = dims[dims.length - 1] ?? 1;
  const tokens = Array.from(data as ArrayLike<number | bigint>, Number);
  const { machine, close } = await textMachine({ program, meta }, engine, file.file);
  const rows = tokens.length / length;
  const before = performance.now();
  try {
    const scores: number[] = [];
    for (let row = 0; row < rows; row++) scores.push(...(await scoresOf(machine, tokens.slice(row * length, (row + 1) * length), decoder)));
    const outputs = [{ name: 'logits', shape: [rows, length, decoder.vocabulary], data: scores }];
    return { outputs, returnValue: 0, nsPerRun: ((performance.now() - before) * 1e6) / rows };
  } finally {
    close();
  }
}

async function runOnTensors(path: string, args: Args, engine: Engine, repeat: number): Promise<RunResult> {
  const onTokens = /\.onnx$/i.test(path) ? null : await runOnTokens(readPrograms(path), args, engine);
  if (onTokens) return onTokens;
  const opened = /\.onnx$/i.test(path) ? await compileModel(path, args) : openObject(path, args.string('program'));
  if (opened.binding.input.kind !== 'tensor')
    throw new InputError('its binding takes packets', path, 'Give --packet, or compile the model without --binding');
  const arrays = args.list('input').flatMap((text) => {
    const match = /^([^=]+)=(.+)$/.exec(text);
    const file = match ? match[2] : text;
    const own = match ? opened.model.inputs.filter(({ name }) => name === match[1]) : opened.model.inputs;
    const tensors = readTensors(
      readInput(file),
      file,
      { inputs: own.length > 0 ? own : opened.model.inputs.slice(0, 1) },
      pictureScaling(args),
    );
    return match && tensors.length === 1 ? [{ ...tensors[0], name: match[1] }] : tensors;
  });
  const samples = tensorInputs(opened.model, arrays);
  if (samples.length === 0) throw new InputError('holds no input', arrays[0].where);
  const { program, meta } = opened.compiled;
  const runner = engine === 'kernel' ? await KernelRunner.open(program, meta, repeat) : new ModelRunner(program, meta, engine);
  const outcomes: Outcome[] = [];
  let ns = 0;
  try {
    for (const sample of samples) {
      for (let i = runner instanceof KernelRunner ? repeat : 1; i <= repeat; i++) {
        const before = performance.now();
        const outcome = await runner.runTensors(sample);
        ns += runner instanceof KernelRunner ? runner.lastNs * repeat : (performance.now() - before) * 1e6;
        if (i === repeat) outcomes.push(outcome);
      }
    }
  } finally {
    if (runner instanceof KernelRunner) runner.close();
  }
  const outputs = meta.outputs.map(({ name, dims, classes }) => ({
    name,
    shape: dims[0] === 1 ? [samples.length, ...dims.slice(1)] : [samples.length, ...dims],
    data: outcomes.flatMap((outcome) => Array.from(outcome.outputs![name], (x) => textOf(classes?.[x]) ?? x)),
  }));
  return { outputs, returnValue: outcomes[outcomes.length - 1].returnValue, nsPerRun: ns / (samples.length * repeat) };
}

const textOf = (label: number | string | undefined): string | undefined => (typeof label === 'string' ? label : undefined);

async function runOnPacket(path: string, packet: Uint8Array, args: Args, engine: Engine, repeat: number): Promise<RunResult> {
  const isModel = /\.onnx$/i.test(path);
  const file = isModel ? null : readPrograms(path);
  const built = isModel ? await compileModel(path, args) : null;
  const program = built ? built.compiled.program : pickProgram(file!, args.string('program'));
  const meta = built ? built.compiled.meta : parseMeta(file!.meta, path, program);
  if (!meta) return plain(await runPlain(program, packet, engine, repeat));
  if (meta.decoder) return runTextPacket(program, meta, packet, engine);
  const runner = engine === 'kernel' ? await KernelRunner.open(program, meta, repeat) : new ModelRunner(program, meta, engine);
  try {
    const before = performance.now();
    let outcome = await runner.runPacket(packet);
    // The kernel repeats by itself.
    if (runner instanceof ModelRunner) for (let i = 1; i < repeat; i++) outcome = runner.runPacket(packet);
    const nsPerRun = runner instanceof KernelRunner ? runner.lastNs : ((performance.now() - before) * 1e6) / repeat;
    const outputs = outcome.outputs ? meta.outputs.map(({ name, dims }) => ({ name, shape: dims, data: [...outcome.outputs![name]] })) : [];
    return { outputs, returnValue: outcome.returnValue, nsPerRun };
  } finally {
    if (runner instanceof KernelRunner) runner.close();
  }
}

const plain = ({ outputs, returnValue, nsPerRun }: RunResult): RunResult => ({ outputs, returnValue, nsPerRun });

/** Milliseconds after which a run that does not end is stopped, as the page stops it. */
const RUN_LIMIT_MS = 900;

/** A program that BPFormer did not compile: a packet, or the bytes of the context for program types that see no packet. */
async function runPlain(
  program: Program,
  packet: Uint8Array,
  engine: Engine,
  repeat: number,
): Promise<RunResult & { readonly left: Uint8Array | null }> {
  if (engine !== 'kernel') {
    const vm = new Vm(program, { engine, timeLimitMs: RUN_LIMIT_MS });
    const input = contextKind(program.progType) === 'memory' ? { context: packet } : { packet };
    const before = performance.now();
    let last = vm.run(input);
    for (let i = 1; i < repeat; i++) last = vm.run(input);
    return { outputs: [], left: last.packet, returnValue: last.returnValue, nsPerRun: ((performance.now() - before) * 1e6) / repeat };
  }
  const kernel = await openKernel();
  if (!kernel) throw new InputError(`no kernel can be asked: ${whyNoKernel()}`, '--engine kernel');
  try {
    const loaded = await kernel.load(program, { btf: programBtf(program) });
    if (!loaded.program) throw new InputError(`the kernel rejects the program (errno ${loaded.errno})`, program.name);
    const takesContext = contextKind(program.progType) === 'memory';
    const run = await loaded.program.testRun(packet, takesContext ? { ctx: packet } : { repeat });
    if (run.errno !== 0) {
      const what = `the kernel's test run of ${packet.length} bytes failed with errno ${run.errno}`;
      throw new InputError(what, program.name, 'XDP test runs take 14 to 3520 bytes');
    }
    return { outputs: [], left: takesContext ? null : run.data, returnValue: run.returnValue, nsPerRun: run.durationNs };
  } finally {
    kernel.close();
  }
}

/** A packet for a text generating program: what it answered. */
async function runTextPacket(program: Program, meta: ProgramMeta, packet: Uint8Array, engine: Engine): Promise<RunResult> {
  if (meta.binding === null)
    throw new InputError(
      'it takes requests in its context, not packets',
      program.name,
      'Use generate, or compile the model with --binding',
    );
  // An answer is no request: once, whatever `repeat` says.
  const { outputs, left, ...result } = await runPlain(program, packet, engine, 1);
  const answered = left?.some((byte, i) => byte !== packet[i]);
  const tokens = answered ? answerOf(left!).tokens : [];
  return { ...result, outputs: [...outputs, { name: 'tokens', shape: [tokens.length], data: tokens }] };
}

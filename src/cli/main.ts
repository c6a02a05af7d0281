#!/usr/bin/env node
// Objects of any kind are run here.
import '../vm/rare.ts';
import { InputError } from '../base/errors.ts';
import { heedBranchHints } from './branch-hints.ts';
import { tell } from './io.ts';
import { version } from './version.ts';

/** 0 done, accepted, agrees; 1 rejected or disagrees. Unusable input is an {@link InputError} and becomes 2. */
export type ExitStatus = 0 | 1;
export type Verb = (argv: readonly string[]) => Promise<ExitStatus> | ExitStatus;

interface VerbEntry {
  readonly usage: string;
  readonly load: () => Promise<Verb>;
}

const MODEL =
  '[--dim NAME=N]… [--binding B.json] [--calibrate TRACE|X.npy] [--kernel K] [--strategy S] [--quant Q] [--specialise] [--calibration minmax|percentile:P|mse]' +
  ' [--quant auto --min-agreement 0.999 --cost insns|bytes]';

const VERBS: Readonly<Record<string, VerbEntry>> = {
  compile: {
    usage: `MODEL.onnx -o OUT.o ${MODEL} [--json], or FILE.c -o OUT.o [-mcpu=v1|v2|v3|v4] [-O LEVEL] [-I FOLDER]… [-D NAME[=VALUE]]… [--json]`,
    load: async () => async (argv) =>
      argv.some((arg) => /\.c$/i.test(arg))
        ? (await import('./verbs/compile-c.ts')).compileCVerb(argv)
        : (await import('./verbs/compile.ts')).compileVerb(argv),
  },
  verify: {
    usage:
      'FILE.o|FILE.s… [--program NAME] [--kernel K] [--privilege root|bpf|unpriv] [--log-level N] [--against OLD] [--format log|github] [--json], or --cases CASES.jsonl --jsonl',
    load: async () => (await import('./verbs/verify.ts')).verifyVerb,
  },
  explain: {
    usage: 'FILE.o|FILE.s|LOG [--with FILE.o|FILE.s] [--program NAME] [--kernel K] [--privilege root|bpf|unpriv] [--json]',
    load: async () => (await import('./verbs/explain.ts')).explainVerb,
  },
  reduce: {
    usage: 'FILE.o|FILE.s [--program NAME] [--kernel K] [--privilege root|bpf|unpriv] [--tries N] [-o OUT.s] [--json]',
    load: async () => (await import('./verbs/reduce.ts')).reduceVerb,
  },
  run: {
    usage: `MODEL.onnx|FILE.o (--input [NAME=]X.npy… | --packet P.bin) ${MODEL} [--engine wasm|interp|kernel] [--repeat N] [--json]`,
    load: async () => (await import('./verbs/run.ts')).runVerb,
  },
  replay: {
    usage: `MODEL.onnx|FILE.o TRACE ${MODEL} [--compare ort] [--min-agreement 0.995] [--engine wasm|interp|kernel] [--json]`,
    load: async () => (await import('./verbs/replay.ts')).replayVerb,
  },
  tensors: {
    usage: 'MODEL.onnx TRACE (-o OUT.npz|OUT.safetensors | --against RECORDED) [--events N] [--json]',
    load: async () => (await import('./verbs/tensors.ts')).tensorsVerb,
  },
  features: {
    usage: 'BINDING.json CAPTURE -o X.npy [--events E.npy] [--json]',
    load: async () => (await import('./verbs/features.ts')).featuresVerb,
  },
  weights: {
    usage: 'NEW.onnx --for OUT.o -o W.bin [--calibrate TRACE|X.npy] [--program NAME] [--json]',
    load: async () => (await import('./verbs/weights.ts')).weightsVerb,
  },
  generate: {
    usage: `MODEL.onnx|FILE.o --prompt TEXT --tokens N ${MODEL} [--temperature T --top-k K --seed N] [--engine wasm|interp|kernel] [--json]`,
    load: async () => (await import('./verbs/generate.ts')).generateVerb,
  },
  export: {
    usage:
      'OUT.o --as libbpf|bpftool|bpfman|c|link|linux [--form ctx|struct|data] -o FILE [--program NAME] [--json]; bpfman: [--image REF] [--interface NAME] [--namespace NS] [--weights W.bin] [--node NAME]…',
    load: async () => (await import('./verbs/export.ts')).exportVerb,
  },
  conformance: {
    usage: 'CASES.jsonl [--engine interp|wasm] [--jsonl]',
    load: async () => (await import('./verbs/conformance.ts')).conformanceVerb,
  },
  lesson: {
    usage: 'lint FILE.md [--json], or check FILE.md --answer A [--exercise ID] [--json]',
    load: async () => (await import('./verbs/lesson.ts')).lessonVerb,
  },
  kernel: {
    usage: '[--port N] [--no-open] [--allow-write] [--site FOLDER] [--guests FOLDER] [--json]',
    load: async () => (await import('./verbs/kernel.ts')).kernelVerb,
  },
  accel: { usage: 'VERB …', load: async () => (await import('./verbs/accel.ts')).accelVerb },
  asm: { usage: 'FILE.s -o OUT.o', load: async () => (await import('./verbs/asm.ts')).asmVerb },
  disasm: { usage: 'FILE.o [--program NAME] [--syntax kernel|llvm]', load: async () => (await import('./verbs/asm.ts')).disasmVerb },
};

function help(): string {
  const rows = Object.entries(VERBS).map(([verb, { usage }]) => `  ${verb.padEnd(12)}${usage}`);
  return [
    'bpformer VERB …',
    '',
    ...rows,
    '',
    'Exit status: 0 done, accepted, agrees; 1 rejected or disagrees; 2 unusable input or arguments.',
  ].join('\n');
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === 'help' || name === '--help') {
    process.stdout.write(`${help()}\n`);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    process.stdout.write(`bpformer ${version()}\n`);
    return 0;
  }
  const entry = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (!entry) throw new InputError(`there is no verb ${name}`, 'arguments', `Verbs: ${Object.keys(VERBS).join(', ')}`);
  if (rest.includes('--help')) {
    process.stdout.write(`bpformer ${name} ${entry.usage}\n`);
    return 0;
  }
  heedBranchHints();
  const verb = await entry.load();
  return verb(rest);
}

// A reader such as head may go before all is printed: nothing is left to say then, and what was decided stands.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') tell(`bpformer: standard output: ${error.code}`);
  process.exit(process.exitCode ?? 2);
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // One line that says what and where; anything else is a defect of ours, and says so without a stack trace.
  if (error instanceof InputError) tell(`bpformer: ${error.message.replace(/\s*\n\s*/g, ' ')}`);
  else tell(`bpformer: internal error: ${String((error as Error)?.message ?? error).split('\n')[0]}`);
  process.exitCode = 2;
}

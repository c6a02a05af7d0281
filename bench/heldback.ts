/**
 * Judges trained exports that the compiler's tests have never seen, by the command line alone, as a user meets it:
 * `node --import tsx bench/heldback.ts FOLDER [--only NAME] [--exact N]`.
 *
 * FOLDER/NAME holds `model.onnx`, `inputs.npy` and `calibration.npy` (the layout of samples/zoo/export.py). Each model is compiled with
 * its calibration inputs, verified by our verifier and by this machine's kernel, replayed in the kernel beside ONNX Runtime, and its
 * first N inputs run through both engines, whose outputs must be equal.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoadResult, openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { readObject } from '../src/object/reader.ts';
import { inspectModel } from '../src/onnx/import.ts';
import { readNpy, writeNpy } from '../src/traces/npy.ts';

const argument = (name: string): string | undefined => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const folder = process.argv[2];
if (!folder) throw new Error('usage: bench/heldback.ts FOLDER [--only NAME] [--exact N]');
const exactInputs = Number(argument('--exact') ?? 16);
const MIN_AGREEMENT = 0.995;
const MAX_PROCESSED = 1_000_000;

const kernel = await openKernel();
if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
const scratch = mkdtempSync(join(tmpdir(), 'heldback-'));

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of several verbs.
  readonly json: any;
  readonly message: string;
}

/** One call of the command line. */
function bpformer(...args: string[]): Answer {
  try {
    const options = { encoding: 'utf8', maxBuffer: 2 ** 28, stdio: 'pipe' } as const;
    const out = execFileSync(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args, '--json'], options);
    return { status: 0, json: JSON.parse(out), message: '' };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { status, json: stdout ? JSON.parse(stdout) : null, message: String(stderr).trim() };
  }
}

/** The program that an object holds, as this kernel sees it. */
async function askKernel(path: string): Promise<LoadResult> {
  const [program] = readObject(new Uint8Array(readFileSync(path)), path).programs;
  const loaded = await kernel!.load(program!, { btf: programBtf(program!) });
  await loaded.program?.close();
  return loaded;
}

const failures: string[] = [];
console.log('model                             insns processed  kernel’s  agreement   outside ties  max|Δ|  events/s   interp=kernel');
for (const name of readdirSync(folder).sort()) {
  const only = argument('--only');
  const dir = join(folder, name);
  if ((only && !name.includes(only)) || !existsSync(join(dir, 'model.onnx'))) continue;
  const fail = (what: string): void => {
    failures.push(`${name}: ${what}`);
    console.log(`${name.padEnd(32)} ✕ ${what}`);
  };
  const model = join(dir, 'model.onnx');
  const inputs = join(dir, 'inputs.npy');
  const object = join(scratch, 'model.o');
  const array = readNpy(new Uint8Array(readFileSync(inputs)), inputs);
  const { symbolicDims } = inspectModel(new Uint8Array(readFileSync(model)), name);
  const dims = symbolicDims.flatMap((dim) => ['--dim', `${dim}=${/batch/.test(dim) ? 1 : array.shape[1]}`]);
  const options = [...dims, '--calibrate', join(dir, 'calibration.npy')];

  const compiled = bpformer('compile', model, '-o', object, ...options);
  if (!compiled.json) {
    fail(`compile: ${compiled.message}`);
    continue;
  }
  const verified = bpformer('verify', object).json?.programs[0];
  const asked = await askKernel(object);
  if (!asked.accepted) fail(`the kernel rejects it: ${asked.message}`);
  if (verified?.accepted !== asked.accepted || verified?.processed !== asked.processed)
    fail(
      `our verifier: ${verified?.accepted} after ${verified?.processed} (${verified?.message}); the kernel: ${asked.accepted} after ${asked.processed}`,
    );
  if (verified?.stackDepth !== asked.stackDepth) fail(`stack depth ${verified?.stackDepth}, the kernel's ${asked.stackDepth}`);
  if (compiled.json.verify.processed !== verified?.processed) fail(`compile says ${compiled.json.verify.processed} processed`);
  if ((asked.processed ?? 0) > MAX_PROCESSED) fail(`${asked.processed} processed`);
  if (!asked.accepted) continue;

  const replayed = bpformer('replay', model, inputs, ...options, '--compare', 'ort', '--engine', 'kernel');
  if (!replayed.json) {
    fail(`replay: ${replayed.message}`);
    continue;
  }
  const { events, agreement, maxAbsError, nearTies, eventsPerSecond } = replayed.json;
  const missed = Math.round(events * (1 - agreement));
  const outside = missed - nearTies.disagreed;
  const away = events - nearTies.events;
  if (outside > away * (1 - MIN_AGREEMENT)) fail(`${outside} of ${away} events outside near-ties disagree`);

  const some = join(scratch, 'some.npy');
  const count = Math.min(exactInputs, array.shape[0]!);
  const elements = (array.data.length / array.shape[0]!) * count;
  writeFileSync(some, writeNpy({ ...array, shape: [count, ...array.shape.slice(1)], data: array.data.slice(0, elements) }));
  const [interp, native] = ['interp', 'kernel'].map((engine) => bpformer('run', object, '--input', some, '--engine', engine));
  let differences = 0;
  interp!.json?.outputs.forEach((output: { data: number[] }, i: number) => {
    output.data.forEach((value, j) => {
      if (value !== native!.json?.outputs[i].data[j]) differences++;
    });
  });
  if (!interp!.json || !native!.json) fail(`run: ${interp!.message} ${native!.message}`);
  else if (differences > 0) fail(`${differences} output values differ between interpreter and kernel`);
  console.log(
    `${name.padEnd(32)} ${String(compiled.json.insns).padStart(6)} ${String(verified?.processed).padStart(9)} ${String(asked.processed).padStart(9)}` +
      `  ${(agreement * 100).toFixed(2).padStart(6)} %  ${String(outside).padStart(3)} of ${String(away).padStart(4)}  ${maxAbsError.toFixed(4).padStart(8)}` +
      `  ${eventsPerSecond.toFixed(0).padStart(7)}   ${differences} of ${interp!.json?.outputs[0].data.length}`,
  );
}
kernel.close();
rmSync(scratch, { recursive: true });
console.log(failures.length === 0 ? 'no failure' : `${failures.length} failures\n${failures.join('\n')}`);
process.exitCode = failures.length === 0 ? 0 : 1;

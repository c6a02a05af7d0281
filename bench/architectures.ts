/**
 * One small model of every architecture in samples/zoo/architectures.py: does it compile, does this machine's kernel accept it, do
 * kernel and interpreter agree, and how close is it to ONNX Runtime? `npm run long architectures -- [FOLDER] [--only NAME] [--inputs N]`.
 *
 * FOLDER holds `trained` and `random`, each as `architectures.py` (with and without `--random`) writes it; default `.cache/architectures`.
 * Trained models are judged by the share of equal argmaxes over the last axis of their first output; random ones by the error of all
 * outputs relative to their largest magnitude, beside the margins of their argmaxes.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { KernelRunner } from '../src/companion/kernel-runner.ts';
import type { Compiled } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { familiesFor } from '../src/compiler/families.ts';
import { allParts } from '../src/compiler/parts.ts';
import { tensorHook } from '../src/hooks/tensor.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { importModel } from '../src/onnx/import.ts';
import type { Model } from '../src/onnx/model.ts';
import { calibrate } from '../src/reference/calibrate.ts';
import { createReference, type Tensors } from '../src/reference/reference.ts';
import { npyTensor, tensorInputs } from '../src/replay/inputs.ts';
import { ModelRunner } from '../src/replay/runner.ts';
import { readNpz } from '../src/traces/npz.ts';

/** What architectures.py says of a model. */
interface Meta {
  readonly name: string;
  readonly family: string;
  readonly opset: number;
  readonly dynamic: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly params: number;
  readonly accuracy: number | null;
}

interface Row {
  readonly name: string;
  readonly family: string;
  readonly opset: number;
  readonly dynamic: string;
  readonly params: number;
  readonly trained: boolean;
  /** Share of right answers of the PyTorch model; null with random weights. */
  readonly accuracy: number | null;
  /** Why it was not compiled or not accepted. */
  failure?: string;
  insns?: number;
  processed?: number;
  microseconds?: number;
  /** Rows of scores that were compared, and how many have the same largest one in both. */
  compared?: number;
  agreed?: number;
  agreement?: number;
  /** Largest margin (difference of the two best scores of ONNX Runtime, relative to its largest magnitude) of a row that disagrees. */
  worstMargin?: number;
  /** Median of such margins over all rows. */
  medianMargin?: number;
  /** Largest and root mean square difference over all outputs, relative to the largest magnitude of each. */
  maxError?: number;
  rmsError?: number;
  /** Outputs that differ between interpreter and kernel, over a few inputs. */
  differences?: number;
}

/** Inputs that both engines run. */
const EXACT_INPUTS = 4;

async function judge(folder: string, inputs: number): Promise<Row> {
  const meta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')) as Meta;
  const { name, family, opset, dynamic, params, accuracy } = meta;
  const row: Row = { name, family, opset, dynamic, params, trained: accuracy !== null, accuracy };
  const file = (part: string): Uint8Array => new Uint8Array(readFileSync(join(folder, part)));
  try {
    const bytes = file('model.onnx');
    const model = importModel(bytes, { fileName: `${name}.onnx`, dims: meta.dims });
    const ranges = await calibrate(bytes, samples(model, file('calibration.npz')), { source: 'trace', fileName: `${name}.onnx` });
    const compiled = compile({
      model,
      modelFile: `${name}.onnx`,
      calibration: ranges,
      hook: tensorHook(),
      kernel: '6.18',
      strategy: 'auto',
      quant: 'w8a16',
      families: await familiesFor(model),
      parts: await allParts(),
    });
    row.insns = compiled.program.insns.length;
    const kernel = await openKernel();
    if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
    const loaded = await kernel.load(compiled.program, { btf: programBtf(compiled.program) });
    row.processed = loaded.processed ?? 0;
    await loaded.program?.close();
    kernel.close();
    if (loaded.message !== null) throw new Error(`the kernel rejects it: ${loaded.message}`);
    await compare(row, bytes, compiled, samples(model, file('inputs.npz')).slice(0, inputs));
  } catch (error) {
    row.failure = (error as Error).name === 'InputError' ? (error as Error).message : String((error as Error).stack);
  }
  return row;
}

const samples = (model: Model, npz: Uint8Array): Tensors[] =>
  tensorInputs(
    model,
    [...readNpz(npz)].map(([name, array]) => ({ name, tensor: npyTensor(array), where: name })),
  );

async function compare(row: Row, bytes: Uint8Array, compiled: Compiled, events: readonly Tensors[]): Promise<void> {
  const reference = await createReference(bytes);
  const runner = await KernelRunner.open(compiled.program, compiled.meta);
  const interpreter = new ModelRunner(compiled.program, compiled.meta, 'interp');
  const tops = compiled.meta.outputs.map(() => 0);
  const worst = compiled.meta.outputs.map(() => 0);
  const squares = compiled.meta.outputs.map(() => ({ sum: 0, count: 0 }));
  const scores = Math.max(
    0,
    compiled.meta.outputs.findIndex(({ classes }) => !classes),
  );
  const margins: { margin: number; same: boolean }[] = [];
  let differences = 0;
  let ns = Number.POSITIVE_INFINITY;
  try {
    for (const [n, sample] of events.entries()) {
      const { outputs } = await runner.runTensors(sample);
      ns = Math.min(ns, runner.lastNs);
      const own = n < EXACT_INPUTS ? interpreter.runTensors(sample).outputs! : null;
      const wanted = await reference.run(sample);
      compiled.meta.outputs.forEach(({ name, dims }, slot) => {
        const got = outputs![name]!;
        const want = Float64Array.from(wanted[name]!.data as ArrayLike<number | bigint>, Number);
        if (own) own[name]!.forEach((x, i) => void (x === got[i] || differences++));
        want.forEach((x, i) => {
          tops[slot] = Math.max(tops[slot]!, Math.abs(x));
          worst[slot] = Math.max(worst[slot]!, Math.abs(x - got[i]!));
          squares[slot]!.sum += (x - got[i]!) ** 2;
          squares[slot]!.count++;
        });
        // Classifiers of scikit-learn give a label first.
        if (slot === scores) margins.push(...decisions(want, got, dims[dims.length - 1] ?? 1));
      });
    }
  } finally {
    runner.close();
    await reference.release();
  }
  row.microseconds = ns / 1000;
  row.differences = differences;
  row.compared = margins.length;
  row.agreed = margins.filter(({ same }) => same).length;
  row.agreement = row.agreed / row.compared;
  row.worstMargin = Math.max(0, ...margins.filter(({ same }) => !same).map(({ margin }) => margin)) / tops[scores]!;
  row.medianMargin = margins.map(({ margin }) => margin).sort((a, b) => a - b)[margins.length >> 1]! / tops[scores]!;
  row.maxError = Math.max(...worst.map((x, i) => x / (tops[i]! || 1)));
  row.rmsError = Math.max(...squares.map(({ sum, count }, i) => Math.sqrt(sum / count) / (tops[i]! || 1)));
}

/** For each row of `width` scores: the reference's margin and whether both have the same largest one. */
function decisions(want: ArrayLike<number>, got: ArrayLike<number>, width: number): { margin: number; same: boolean }[] {
  return Array.from({ length: want.length / width }, (_, r) => {
    let [first, second, ours] = [0, -1, 0];
    for (let i = 1; i < width; i++) {
      const at = r * width + i;
      if (want[at]! > want[r * width + first]!) [first, second] = [i, first];
      else if (second < 0 || want[at]! > want[r * width + second]!) second = i;
      if (got[at]! > got[r * width + ours]!) ours = i;
    }
    return { margin: second < 0 ? 0 : want[r * width + first]! - want[r * width + second]!, same: first === ours };
  });
}

function print(row: Row): void {
  const number = (x: number | undefined, digits: number): string => (x === undefined ? '–' : x.toFixed(digits));
  const line = row.failure
    ? `✕ ${row.failure}`
    : `${String(row.insns).padStart(6)} ${String(row.processed).padStart(7)} ${number(row.microseconds, 1).padStart(8)} µs  ` +
      `${number(100 * row.agreement!, 3).padStart(7)} % of ${String(row.compared).padStart(6)}  worst margin ${number(row.worstMargin, 4)} median ${number(row.medianMargin, 3)}` +
      `  error max ${number(row.maxError, 5)} rms ${number(row.rmsError, 6)}  ≠ ${row.differences}`;
  console.log(
    `${row.name.padEnd(26)} ${row.trained ? 'trained' : 'random '} ${row.accuracy === null ? '     ' : row.accuracy.toFixed(3)} ${line}`,
  );
}

export default async function measure(args: string[]): Promise<unknown> {
  const option = (name: string): string | undefined => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
  const folder = args[0] && !args[0].startsWith('--') ? args[0] : '.cache/architectures';
  const inputs = Number(option('--inputs') ?? Number.POSITIVE_INFINITY);
  const only = option('--only')?.split(',');
  const rows: Row[] = [];
  for (const part of ['trained', 'random']) {
    const at = join(folder, part);
    if (!existsSync(at)) throw new Error(`no folder ${at}: run samples/zoo/architectures.py ${at}${part === 'random' ? ' --random' : ''}`);
    for (const name of readdirSync(at).sort()) {
      if ((only && !only.includes(name)) || !existsSync(join(at, name, 'meta.json'))) continue;
      const row = await judge(join(at, name), inputs);
      print(row);
      rows.push(row);
    }
  }
  // A part of the list is for looking, not for the record.
  return only ? undefined : { rows };
}

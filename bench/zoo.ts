/**
 * Compiles every trained model of a zoo folder (samples/zoo/export.py), runs it in the kernel on the zoo's inputs and compares it
 * with ONNX Runtime: `node --import tsx bench/zoo.ts FOLDER [--only NAME] [--inputs N]`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { compile } from '../src/compiler/compile.ts';
import { familiesFor } from '../src/compiler/families.ts';
import { plainHook } from '../src/compiler/testing/tensor-hook.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { importModel, inspectModel } from '../src/onnx/import.ts';
import type { Model, Tensor } from '../src/onnx/model.ts';
import { calibrate } from '../src/reference/calibrate.ts';
import { createReference } from '../src/reference/reference.ts';
import { splitInputs } from '../src/replay/split-inputs.ts';
import { loadTensor, storeTensor } from '../src/replay/tensors.ts';
import { readNpy } from '../src/traces/npy.ts';

const argument = (name: string): string | undefined => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const folder = process.argv[2];
if (!folder) throw new Error('usage: bench/zoo.ts FOLDER [--only NAME] [--inputs N]');
const limit = Number(argument('--inputs') ?? Number.POSITIVE_INFINITY);
/** Differences between the two largest scores below this are near-ties, counted apart. */
const TIE = 0.02;

const kernel = await openKernel();
if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);

const softmax = (v: readonly number[]): number[] => {
  const top = Math.max(...v);
  const e = v.map((x) => Math.exp(x - top));
  const sum = e.reduce((a, b) => a + b);
  return e.map((x) => x / sum);
};
/** Probabilities of the classes, whatever the model ends in. */
function probabilities(values: ArrayLike<number>): number[] {
  const v = Array.from(values);
  if (v.length === 1) return [1 - v[0]!, v[0]!];
  const sum = v.reduce((a, b) => a + b);
  return v.every((x) => x >= -0.01) && Math.abs(sum - 1) < 0.01 ? v : softmax(v);
}
const argmax = (v: readonly number[]): number => v.indexOf(Math.max(...v));

function tensorOf(path: string): Tensor {
  const { shape, data } = readNpy(new Uint8Array(readFileSync(path)), path);
  // splitInputs converts to the model's element type.
  return { dtype: 'float32', dims: shape, data } as Tensor;
}

function load(bytes: Uint8Array, name: string, length: number): Model {
  const { symbolicDims, inputs, suggested } = inspectModel(bytes, name);
  const [batch, sequence] = inputs[0]!.dims;
  const dims = Object.fromEntries(symbolicDims.map((d) => [d, d === batch ? 1 : d === sequence ? length : suggested[d]!]));
  return importModel(bytes, { fileName: name, dims });
}

console.log('model                         insns processed  verify  compile      time   agree              ties mean|dp| max|dlogit|');
let bad = 0;
for (const name of readdirSync(folder)) {
  if (argument('--only') && !name.includes(argument('--only')!)) continue;
  const dir = join(folder, name);
  let bytes: Uint8Array;
  let npy: Tensor;
  let calibration: Tensor;
  try {
    bytes = new Uint8Array(readFileSync(join(dir, 'model.onnx')));
    npy = tensorOf(join(dir, 'inputs.npy'));
    calibration = tensorOf(join(dir, 'calibration.npy'));
  } catch {
    continue;
  }
  try {
    const model = load(bytes, name, npy.dims[1]!);
    const input = model.inputs[0]!;
    const samples = (t: Tensor) => splitInputs(t, input, name).map((tensor) => ({ [input.name]: tensor }));
    const ranges = await calibrate(bytes, samples(calibration), { source: 'trace' });
    const options = {
      model,
      modelFile: `${name}.onnx`,
      calibration: ranges,
      hook: plainHook,
      kernel: '6.18',
      strategy: 'auto',
      quant: 'w8a16',
      families: await familiesFor(model),
    } as const;
    const started = performance.now();
    const { program, meta } = compile(options);
    const compileMs = performance.now() - started;
    const loading = performance.now();
    const result = await kernel.load(program, { btf: programBtf(program) });
    const verifyMs = performance.now() - loading;
    const processed = /processed (\d+)/.exec(result.log)?.[1];
    if (!result.program) {
      bad++;
      console.log(`${name}: REJECTED ${result.message}`);
      continue;
    }
    const reference = await createReference(bytes);
    const key = new Uint8Array(4);
    const inMap = result.program.map('input');
    const outMap = result.program.map('output');
    // Classifiers of scikit-learn give a label first.
    const slot = meta.outputs.find(({ classes }) => !classes)!;
    const label = meta.outputs.find(({ classes }) => classes?.every((c) => typeof c === 'number'));
    let agree = 0;
    let total = 0;
    let ties = 0;
    let dp = 0;
    let dlogit = 0;
    let ns = Number.POSITIVE_INFINITY;
    for (const sample of samples(npy).slice(0, limit)) {
      const buffer = new Uint8Array(inMap.def.valueSize);
      storeTensor(sample[input.name]!, meta.inputs[0]!, buffer);
      await inMap.update(key, buffer);
      const run = await result.program.testRun(new Uint8Array(64), { repeat: total < 20 ? 10 : 1 });
      if (total < 20) ns = Math.min(ns, run.durationNs);
      const output = await outMap.lookupIndex(0);
      const got = loadTensor(slot, output);
      const theirs = await reference.run(sample);
      const want = theirs[slot.name]!.data as Float32Array;
      const sameLabel = !label || loadTensor(label, output).every((x, i) => x === Number((theirs[label.name]!.data as BigInt64Array)[i]));
      want.forEach((x, i) => {
        dlogit = Math.max(dlogit, Math.abs(x - got[i]!));
      });
      const p = probabilities(want);
      const q = probabilities(got);
      dp += p.reduce((s, x, i) => s + Math.abs(x - q[i]!), 0) / p.length;
      const sorted = [...p].sort((a, b) => b - a);
      total++;
      if (argmax(p) === argmax(q) && sameLabel) agree++;
      else if (sorted[0]! - sorted[1]! < TIE) ties++;
    }
    const share = agree / total;
    if (share < 0.995) bad++;
    console.log(
      `${name.padEnd(28)} ${String(program.insns.length).padStart(6)} ${String(processed).padStart(9)} ${verifyMs.toFixed(0).padStart(5)}ms ${compileMs.toFixed(0).padStart(6)}ms ${(ns / 1000).toFixed(1).padStart(9)}us ` +
        `${(share * 100).toFixed(2).padStart(7)} % (${agree}/${total}) ${String(ties).padStart(3)} ${(dp / total).toFixed(5)} ${dlogit.toFixed(4)}${share < 0.995 ? '  BELOW' : ''}`,
    );
    await reference.release();
    await result.program.close();
  } catch (error) {
    bad++;
    console.log(`${name}: ${(error as Error).name === 'InputError' ? (error as Error).message : (error as Error).stack}`);
  }
}
kernel.close();
process.exitCode = bad ? 1 : 0;

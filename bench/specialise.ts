/**
 * What `--specialise` is worth: `npm run long specialise`. Trained encoders as they are, with half of their heads and hidden units cut off, and with four of
 * five weights zero; and random ensembles of trees. Each compiled with and without, run in this machine's kernel in turn, results compared.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Kernel, openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import type { Calibration, Compiled } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { randomTrees, type TreesCase } from '../src/compiler/families/ml/testing/random-trees.ts';
import { familiesFor } from '../src/compiler/families.ts';
import { recognise } from '../src/compiler/graph/recognise.ts';
import { allParts } from '../src/compiler/parts.ts';
import { FIXTURES, loadModel, storeInput, tensors } from '../src/compiler/testing/fixtures.ts';
import { floatCalibration } from '../src/compiler/testing/float-calibration.ts';
import { pruned } from '../src/compiler/testing/prune.ts';
import { plainHook } from '../src/compiler/testing/tensor-hook.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { importModel } from '../src/onnx/import.ts';
import type { Model, Tensor } from '../src/onnx/model.ts';
import { calibrate } from '../src/reference/calibrate.ts';
import { loadTensor, storeTensor } from '../src/replay/tensors.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(resolve(root, path)));
const [BATCHES, RUNS, COMPARED] = [15, 100, 100] as const;
const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);
const parts = await allParts();
type Sample = Readonly<Record<string, Tensor>>;

/** Both programs in turn. */
async function compare(kernel: Kernel, model: Model, calibration: Calibration, samples: readonly Sample[]): Promise<object> {
  const families = await familiesFor(model);
  const make = (specialise: boolean): Compiled =>
    compile({
      model,
      modelFile: 'm.onnx',
      calibration,
      hook: plainHook,
      kernel: '6.18',
      strategy: 'auto',
      quant: 'w8a16',
      families,
      parts,
      specialise,
    });
  const made = [];
  for (const [name, compiled] of [
    ['data', make(false)],
    ['code', make(true)],
  ] as const) {
    const { program, message, processed } = await kernel.load(compiled.program, { btf: programBtf(compiled.program) });
    if (!program) throw new Error(`refused: ${message}`);
    made.push({ name, compiled, program, processed, best: Number.POSITIVE_INFINITY });
  }
  const outputs = made.map(() => [] as number[][]);
  for (const sample of samples.slice(0, COMPARED))
    for (const [i, { compiled, program }] of made.entries()) {
      await program.map('input').update(KEY, bytesOf(compiled, sample));
      await program.testRun(PACKET);
      const bytes = await program.map('output').lookupIndex(0);
      outputs[i]!.push(compiled.meta.outputs.flatMap((slot) => Array.from(loadTensor(slot, bytes) as ArrayLike<number>, Number)));
    }
  for (let batch = 0; batch < BATCHES; batch++)
    for (const one of made) one.best = Math.min(one.best, (await one.program.testRun(PACKET, { repeat: RUNS })).durationNs);
  for (const { program } of made) await program.closeAll();
  const [data, code] = outputs as [number[][], number[][]];
  const top = Math.max(...data.flat().map(Math.abs)) || 1;
  const [a, b] = made as [(typeof made)[0], (typeof made)[0]];
  return {
    us: Object.fromEntries(made.map(({ name, best }) => [name, Math.round(best / 10) / 100])),
    ratio: Math.round((b.best / a.best) * 100) / 100,
    insns: [a.compiled.program.insns.length, b.compiled.program.insns.length],
    processed: [a.processed, b.processed],
    largestDifference: Number((Math.max(...data.flatMap((row, i) => row.map((y, j) => Math.abs(y - code[i]![j]!)))) / top).toPrecision(2)),
  };
}

function bytesOf(compiled: Compiled, sample: Sample): Uint8Array {
  if (compiled.meta.inputs[0]!.elem !== 'f32') return storeInput(compiled, sample);
  const bytes = new Uint8Array(compiled.program.maps.find((m) => m.name === 'input')!.valueSize);
  for (const slot of compiled.meta.inputs) storeTensor(sample[slot.name]!, slot, bytes);
  return bytes;
}

export default async function measure(): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(whyNoKernel());
  const figures: Record<string, object> = {};
  const note = (name: string, figure: object): void => {
    figures[name] = figure;
    console.error(name, JSON.stringify(figure));
  };
  for (const fixture of FIXTURES) {
    const whole = loadModel(read, fixture);
    const samples = tensors(read, fixture, 'inputs.npy', whole);
    for (const [name, block, share] of [
      ['as trained', 1, 0],
      ['a third of blocks of 8 zero', 8, 0.33],
      ['four of five weights zero', 1, 0.415],
    ] as const) {
      const model = share ? pruned(whole, block, share, 7) : whole;
      const graph = recognise(model, await familiesFor(model));
      const inputs = samples
        .slice(0, 12)
        .map(
          (sample) => new Map(Object.entries(sample).map(([k, { data }]) => [k, Array.from(data as ArrayLike<number | bigint>, Number)])),
        );
      note(`${fixture}, ${name}`, await compare(kernel, model, floatCalibration(graph, inputs), samples));
    }
  }
  const forest: TreesCase = {
    seed: 1,
    trees: 1,
    depth: 10,
    features: 12,
    classes: 1,
    leaves: 'all',
    kind: 'regressor',
    transform: 'NONE',
    aggregate: 'SUM',
    base: false,
    positive: false,
    modes: 'leq',
    scaler: false,
  };
  for (const [trees, depth, more] of [
    [1, 12, {}],
    [50, 6, {}],
    [50, 10, {}],
    [120, 4, {}],
    [50, 6, { kind: 'classifier', classes: 5 }],
  ] as const) {
    const { bytes, inputs } = randomTrees({ ...forest, ...more, trees, depth });
    const model = importModel(bytes, { fileName: 'trees' });
    const samples = inputs.map((data) => ({ X: { dtype: 'float32' as const, dims: [1, forest.features], data } }));
    const calibration = await calibrate(bytes, samples, { source: 'trace' });
    note(
      `${trees} trees of depth ${depth}${'classes' in more ? `, ${more.classes} classes` : ''}`,
      await compare(kernel, model, calibration, samples),
    );
  }
  kernel.close();
  return figures;
}

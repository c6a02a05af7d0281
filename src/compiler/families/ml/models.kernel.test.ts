import { afterAll, describe, expect, test } from 'vitest';
import { randomOf } from '../../../base/random.ts';
import { kernelForTests } from '../../../companion/vitest-kernel.ts';
import { programBtf } from '../../../object/program-btf.ts';
import { importModel } from '../../../onnx/import.ts';
import type { DType, Tensor } from '../../../onnx/model.ts';
import { type AttrSpec, encodeModel, type NodeSpec } from '../../../onnx/testing/encode-model.ts';
import { calibrate } from '../../../reference/calibrate.ts';
import { createReference } from '../../../reference/reference.ts';
import { loadTensor, storeTensor } from '../../../replay/tensors.ts';
import { Vm } from '../../../vm/vm.ts';
import { compile } from '../../compile.ts';
import { familiesFor } from '../../families.ts';
import { plainHook } from '../../testing/tensor-hook.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());
const KEY = new Uint8Array(4);
const FEATURES = 7;

const random = randomOf(17);
const floats = (n: number, by = 1): number[] => Array.from({ length: n }, () => Math.fround((random() * 2 - 1) * by));
const ml = (op: string, inputs: readonly string[], outputs: readonly string[], attrs: Record<string, AttrSpec>): NodeSpec => ({
  op,
  domain: 'ai.onnx.ml',
  inputs,
  outputs,
  attrs,
});
/** Columns of very different sizes. */
const SIZES = [1e6, 1, 1e-3, 300, 50, 2, 1e4];
const weights = (rows: number): number[] =>
  Array.from({ length: rows }, () => SIZES.map((size) => Math.fround((random() * 2 - 1) / size))).flat();
const scaler = ml('Scaler', ['X'], ['scaled'], {
  offset: { floats: SIZES.map((size) => size * 0.3) },
  scale: { floats: SIZES.map((size) => 1 / size) },
});
const text = (value: string): AttrSpec => ({ string: value });
const ints = (values: readonly number[]): AttrSpec => ({ ints: values });
const stump = (id: number): Record<string, AttrSpec> => ({
  nodes_treeids: ints([0, 0, 0]),
  nodes_nodeids: ints([0, 1, 2]),
  nodes_featureids: ints([id, 0, 0]),
  nodes_modes: { strings: ['BRANCH_GT', 'LEAF', 'LEAF'] },
  nodes_values: { floats: [0.25, 0, 0] },
  nodes_truenodeids: ints([1, 0, 0]),
  nodes_falsenodeids: ints([2, 0, 0]),
  target_treeids: ints([0, 0]),
  target_nodeids: ints([1, 2]),
  target_ids: ints([0, 0]),
  target_weights: { floats: [1.5, -2.25] },
  n_targets: { int: 1 },
});

interface Case {
  readonly nodes: readonly NodeSpec[];
  readonly outputs: readonly string[];
  readonly tolerance: number;
  readonly missing?: boolean;
  readonly initializers?: Readonly<Record<string, Tensor>>;
  /** float32 unless the model takes whole numbers. */
  readonly dtype?: 'int64';
}

const int64 = (values: readonly number[]): Tensor => ({ dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
const classifier = (input: string, rows: number, transform: string): NodeSpec =>
  ml('LinearClassifier', [input], ['label', 'scores'], {
    coefficients: { floats: input === 'scaled' ? floats(rows * FEATURES) : weights(rows) },
    intercepts: { floats: floats(rows) },
    classlabels_ints: ints(Array.from({ length: Math.max(2, rows) }, (_, i) => 5 - i)),
    post_transform: text(transform),
  });

/** A machine of two support vectors for each class, with features of one size. */
const machine = (classes: number, type: string, attrs: Readonly<Record<string, AttrSpec>> = {}): NodeSpec =>
  ml('SVMClassifier', ['scaled'], ['label', 'scores'], {
    classlabels_ints: ints(Array.from({ length: classes }, (_, i) => 3 * i)),
    vectors_per_class: ints(new Array(classes).fill(2)),
    support_vectors: { floats: floats(2 * classes * FEATURES) },
    coefficients: { floats: floats((classes - 1) * 2 * classes) },
    rho: { floats: floats((classes * (classes - 1)) / 2, 0.1) },
    kernel_type: text(type),
    kernel_params: { floats: [0.4, 0.3, 3] },
    ...attrs,
  });

const CASES: Readonly<Record<string, Case>> = {
  'LinearClassifier, softmax, features of all sizes': {
    nodes: [classifier('X', 4, 'SOFTMAX')],
    outputs: ['label', 'scores'],
    tolerance: 2e-6,
  },
  'LinearClassifier behind a Scaler': {
    nodes: [scaler, classifier('scaled', 3, 'LOGISTIC')],
    outputs: ['label', 'scores'],
    tolerance: 4e-6,
  },
  'LinearClassifier of one score': { nodes: [classifier('X', 1, 'LOGISTIC')], outputs: ['label', 'scores'], tolerance: 2e-6 },
  'LinearClassifier of whole numbers': {
    nodes: [classifier('X', 3, 'NONE')],
    outputs: ['label', 'scores'],
    tolerance: 1e-5,
    dtype: 'int64',
  },
  LinearRegressor: {
    nodes: [
      ml('LinearRegressor', ['X'], ['y'], {
        coefficients: { floats: weights(2) },
        intercepts: { floats: floats(2, 10) },
        targets: { int: 2 },
      }),
    ],
    outputs: ['y'],
    tolerance: 1e-5,
  },
  'SVMRegressor with support vectors': {
    nodes: [
      ml('SVMRegressor', ['X'], ['y'], {
        coefficients: { floats: floats(3) },
        support_vectors: { floats: weights(3) },
        rho: { floats: [0.5] },
        n_supports: { int: 3 },
        kernel_type: text('LINEAR'),
        kernel_params: { floats: [1, 0, 3] },
      }),
    ],
    outputs: ['y'],
    tolerance: 1e-5,
  },
  'SVMRegressor of exponentials, features of one size as they come': {
    nodes: [
      ml('Normalizer', ['X'], ['even'], { norm: text('L2') }),
      ml('SVMRegressor', ['even'], ['y'], {
        coefficients: { floats: floats(40) },
        support_vectors: { floats: floats(40 * FEATURES) },
        rho: { floats: [0.5] },
        n_supports: { int: 40 },
        kernel_type: text('RBF'),
        kernel_params: { floats: [0.7, 0, 3] },
      }),
    ],
    outputs: ['y'],
    tolerance: 2e-3,
  },
  'SVMClassifier of exponentials behind a Scaler, three classes': {
    nodes: [scaler, machine(3, 'RBF')],
    outputs: ['label', 'scores'],
    tolerance: 2e-4,
  },
  'SVMClassifier of four classes, six pairs': { nodes: [scaler, machine(4, 'LINEAR')], outputs: ['label', 'scores'], tolerance: 1e-5 },
  'SVMClassifier of cubes, two classes': { nodes: [scaler, machine(2, 'POLY')], outputs: ['label', 'scores'], tolerance: 5e-4 },
  'SVMClassifier of tanh, probabilities': {
    nodes: [scaler, machine(2, 'SIGMOID', { prob_a: { floats: [-1.7] }, prob_b: { floats: [0.2] } })],
    outputs: ['label', 'scores'],
    tolerance: 4e-3,
  },
  'OneHotEncoder of a column that is cut to whole numbers, before trees': {
    nodes: [
      ml('ArrayFeatureExtractor', ['X', 'column'], ['one'], {}),
      { op: 'Cast', inputs: ['one'], outputs: ['whole'], attrs: { to: { int: 7 } } },
      ml('OneHotEncoder', ['whole'], ['hot'], { cats_int64s: ints([-1, 0, 1, 2]), zeros: { int: 1 } }),
      { op: 'Reshape', inputs: ['hot', 'row'], outputs: ['flat'] },
      ml('TreeEnsembleRegressor', ['flat'], ['y'], stump(2)),
    ],
    outputs: ['y', 'flat'],
    tolerance: 1e-4,
    initializers: { column: int64([5]), row: int64([-1, 4]) },
  },
  'Imputer before a linear model': {
    nodes: [
      ml('Imputer', ['X'], ['filled'], { imputed_value_floats: { floats: SIZES }, replaced_value_float: { float: Number.NaN } }),
      classifier('filled', 3, 'SOFTMAX'),
    ],
    outputs: ['label', 'scores'],
    tolerance: 4e-6,
    missing: true,
  },
  'Normalizer L2': { nodes: [ml('Normalizer', ['X'], ['y'], { norm: text('L2') })], outputs: ['y'], tolerance: 2e-3 },
  'Normalizer L1 of scaled features': {
    nodes: [scaler, ml('Normalizer', ['scaled'], ['y'], { norm: text('L1') })],
    outputs: ['y'],
    tolerance: 2e-3,
  },
  'Imputer before trees': {
    nodes: [
      ml('Imputer', ['X'], ['filled'], {
        imputed_value_floats: { floats: SIZES.map((_, i) => i % 2) },
        replaced_value_float: { float: Number.NaN },
      }),
      ml('TreeEnsembleRegressor', ['filled'], ['y'], stump(1)),
    ],
    outputs: ['y'],
    tolerance: 1e-6,
    missing: true,
  },
  'Binarizer before a linear model': {
    nodes: [
      ml('Binarizer', ['X'], ['flags'], { threshold: { float: 0.125 } }),
      ml('LinearRegressor', ['flags'], ['y'], { coefficients: { floats: floats(FEATURES) }, intercepts: { floats: [0.25] } }),
    ],
    outputs: ['y'],
    tolerance: 1e-5,
  },
  'chosen columns before trees': {
    nodes: [ml('ArrayFeatureExtractor', ['X', 'columns'], ['some'], {}), ml('TreeEnsembleRegressor', ['some'], ['y'], stump(1))],
    outputs: ['y'],
    tolerance: 1e-6,
    initializers: { columns: int64([4, 1, 6]) },
  },
  'columns joined again before trees': {
    nodes: [
      ml('ArrayFeatureExtractor', ['X', 'columns'], ['some'], {}),
      { op: 'Concat', inputs: ['some', 'X'], outputs: ['all'], attrs: { axis: { int: 1 } } },
      ml('TreeEnsembleRegressor', ['all'], ['y'], stump(4)),
    ],
    outputs: ['y'],
    tolerance: 1e-6,
    initializers: { columns: int64([1, 2, 3]) },
  },
  'trees on computed features': {
    nodes: [scaler, { op: 'Tanh', inputs: ['scaled'], outputs: ['bent'] }, ml('TreeEnsembleRegressor', ['bent'], ['y'], stump(2))],
    outputs: ['y'],
    tolerance: 1e-6,
  },
  'a label under other names': {
    nodes: [
      classifier('X', 3, 'NONE'),
      ml('LabelEncoder', ['label'], ['name'], { keys_int64s: ints([3, 4, 5]), values_int64s: ints([30, 40, 50]) }),
    ],
    outputs: ['name', 'scores'],
    tolerance: 1e-5,
  },
  'ArgMax and the label that it chooses': {
    nodes: [
      ml('LinearRegressor', ['X'], ['y'], { coefficients: { floats: weights(3) }, intercepts: { floats: floats(3) }, targets: { int: 3 } }),
      { op: 'ArgMax', inputs: ['y'], outputs: ['best'], attrs: { axis: { int: 1 } } },
      ml('ArrayFeatureExtractor', ['labels', 'best'], ['label'], {}),
    ],
    outputs: ['label'],
    tolerance: 0,
    initializers: { labels: int64([7, 8, 9]) },
  },
};

describe.skipIf(!kernel)('classic models', () => {
  test.each(Object.entries(CASES))('%s', async (_, c) => {
    const dtype: DType = c.dtype ?? 'float32';
    const bytes = encodeModel({
      opset: 15,
      domains: { 'ai.onnx.ml': 2 },
      nodes: c.nodes,
      inputs: [{ name: 'X', dtype, dims: [1, FEATURES] }],
      outputs: c.outputs.map((name) => ({ name })),
      ...(c.initializers ? { initializers: c.initializers } : {}),
    });
    const model = importModel(bytes, { fileName: 'classic' });
    const samples = Array.from({ length: 40 }, () => {
      const values = SIZES.map((size) => (c.missing && random() < 0.2 ? Number.NaN : (random() * 2 - 1) * size));
      const data = dtype === 'int64' ? BigInt64Array.from(values, (x) => BigInt(Math.round(x))) : Float32Array.from(values);
      return { X: { dtype, dims: [1, FEATURES], data } };
    });
    const compiled = compile({
      model,
      modelFile: 'classic.onnx',
      calibration: await calibrate(bytes, samples, { source: 'trace' }),
      hook: plainHook,
      kernel: '6.18',
      strategy: 'auto',
      quant: 'w8a16',
      families: await familiesFor(model),
    });
    const loaded = await kernel!.load(compiled.program, { btf: programBtf(compiled.program) });
    expect(loaded.message, loaded.log.slice(-1500)).toBeNull();
    const vm = new Vm(compiled.program);
    const reference = await createReference(bytes);
    for (const sample of samples) {
      const input = new Uint8Array(compiled.program.maps.find((m) => m.name === 'input')!.valueSize);
      storeTensor(sample.X, compiled.meta.inputs[0]!, input);
      await loaded.program!.map('input').update(KEY, input);
      await loaded.program!.testRun(new Uint8Array(64));
      const output = await loaded.program!.map('output').lookupIndex(0);
      vm.maps.get('input').update(KEY, input);
      vm.runXdp(new Uint8Array(64));
      expect(vm.maps.get('output').lookup(KEY)).toEqual(output);
      const want = await reference.run(sample);
      for (const slot of compiled.meta.outputs) {
        const got = loadTensor(slot, output);
        const theirs = Array.from(want[slot.name]!.data as ArrayLike<number | bigint>, Number);
        for (const [i, y] of theirs.entries())
          expect(Math.abs(y - got[i]!), `${slot.name}[${i}] ${y}`).toBeLessThanOrEqual(slot.classes ? 0 : c.tolerance);
      }
    }
    await reference.release();
    await loaded.program!.close();
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Cancelled } from '../base/progress.ts';
import { randomOf } from '../base/random.ts';
import { embeddingRows } from '../hooks/fit.ts';
import { importModel } from '../onnx/import.ts';
import { Inference } from '../onnx/infer.ts';
import { concreteInputs, symbolicInputs } from '../onnx/inputs.ts';
import { readModelProto } from '../onnx/proto.ts';
import { encodeModel } from '../onnx/testing/encode-model.ts';
import { WireWriter } from '../onnx/write.ts';
import { calibrate } from './calibrate.ts';
import { argmax, Comparison } from './compare.ts';
import { generateInputs } from './generate.ts';
import { createReference } from './reference.ts';

const FIXTURES: readonly [string, URL, Record<string, number>][] = [
  ['bert-small', new URL('../../samples/zoo/fixtures/bert-small/model.onnx', import.meta.url), { batch: 1, sequence: 16 }],
  ['encoder-post-relu-cls', new URL('../../samples/zoo/fixtures/encoder-post-relu-cls/model.onnx', import.meta.url), {}],
  ['gpt-small', new URL('../../samples/zoo/fixtures/gpt-small/model.onnx', import.meta.url), { batch: 1 }],
  ['vit-window-small', new URL('../../samples/zoo/fixtures/vit-window-small/model.onnx', import.meta.url), {}],
  ['payload-ids', new URL('../../public/samples/payload/payload-ids.onnx', import.meta.url), { batch: 1 }],
];
const payload = readFileSync(FIXTURES[4][1]);
const model = importModel(payload, { fileName: 'payload-ids.onnx', dims: { batch: 1 } });

describe('ONNX Runtime confirms what import inferred', () => {
  test.each(FIXTURES)('%s', async (name, url, dims) => {
    const bytes = readFileSync(url);
    const proto = readModelProto(bytes, name);
    const inference = new Inference({ file: name, opset: proto.opsets.get('')!, functions: [] });
    inference.addInitializers(proto.graph!);
    for (const input of concreteInputs(symbolicInputs(proto.graph!, name), dims, name))
      inference.known.set(input.name, { ...input, value: null });
    inference.run(proto.graph!.nodes);
    const reference = await createReference(bytes, { outputs: 'all', fileName: name });
    const values = await reference.run(generateInputs(importModel(bytes, { fileName: name, dims }), 1, 1)[0]);
    expect(Object.keys(values)).toHaveLength(reference.outputNames.length + reference.intermediateNames.length);
    let constants = 0;
    for (const [value, tensor] of Object.entries(values)) {
      const known = inference.known.get(value)!;
      expect({ value, dtype: known.dtype, dims: [...known.dims] }).toEqual({ value, dtype: tensor.dtype, dims: [...tensor.dims] });
      if (!known.value) continue;
      constants++;
      const [mine, theirs] = [Array.from(known.value.data as Float32Array, Number), Array.from(tensor.data as Float32Array, Number)];
      mine.forEach((x, i) => {
        expect(x).toBeCloseTo(theirs[i], 5);
      });
    }
    expect(constants).toBeGreaterThan(0);
    await reference.release();
  });
});

test('intermediate values change no output', async () => {
  const input = generateInputs(model, 3, 1)[0];
  const [plain, all] = [await createReference(payload), await createReference(payload, { outputs: 'all' })];
  const [a, b] = [(await plain.run(input)).logits, (await all.run(input)).logits];
  Array.from(a.data as Float32Array).forEach((value, i) => {
    expect(value).toBeCloseTo((b.data as Float32Array)[i], 4);
  });
});

test('weights outside the file reach the runtime', async () => {
  const entry = (w: WireWriter, key: string, value: string) => w.message(13, (e) => e.string(1, key).string(2, value));
  const bytes = new WireWriter()
    .int(1, 8)
    .message(8, (w) => w.int(2, 17))
    .message(7, (g) => {
      g.message(1, (n) => n.string(1, 'x').string(1, 'w').string(2, 'y').string(4, 'Add'));
      g.string(2, 'g');
      g.message(5, (t) => entry(t.int(1, 2).int(2, 1).string(8, 'w'), 'location', 'w.bin').int(14, 1));
      const type = (t: WireWriter) => t.message(1, (s) => s.int(1, 1).message(2, (d) => d.message(1, (i) => i.int(1, 2))));
      g.message(11, (v) => v.string(1, 'x').message(2, type));
      g.message(12, (v) => v.string(1, 'y').message(2, type));
    })
    .finish();
  const externalData = (location: string) => (location === 'w.bin' ? new Uint8Array(Float32Array.of(10, 20).buffer) : null);
  const reference = await createReference(bytes, { externalData });
  const { y } = await reference.run({ x: { dtype: 'float32', dims: [2], data: Float32Array.of(1, 2) } });
  expect(y.data).toEqual(Float32Array.of(11, 22));
  await expect(createReference(bytes, { fileName: 'e.onnx' })).rejects.toThrow(/^e\.onnx: ONNX Runtime refuses it/);
});

test('what the runtime refuses is an input error', async () => {
  const broken = encodeModel({
    opset: 17,
    nodes: [{ op: 'Frob', inputs: ['x'], outputs: ['y'] }],
    inputs: [{ name: 'x', dtype: 'float32', dims: [1] }],
    outputs: [{ name: 'y' }],
  });
  await expect(createReference(broken, { fileName: 'b.onnx' })).rejects.toThrow(/^b\.onnx: ONNX Runtime refuses it: .*Frob/);
  const reference = await createReference(payload, { fileName: 'p.onnx' });
  await expect(reference.run({ tokens: { dtype: 'float32', dims: [1], data: Float32Array.of(1) } })).rejects.toThrow(
    /^p\.onnx: ONNX Runtime refuses it/,
  );
});

describe('calibration', () => {
  test('gives the range of every float value that import left', async () => {
    const samples = generateInputs(model, 1, 6);
    const calibration = await calibrate(payload, samples, { source: 'generated' });
    expect(calibration).toMatchObject({ source: 'generated', samples: 6 });
    for (const { name, dtype } of model.values.values()) {
      if (dtype === 'float32' && !model.initializers.has(name)) expect(calibration.ranges[name], name).toBeDefined();
    }
    const reference = await createReference(payload);
    const logits = await Promise.all(samples.map(async (sample) => Array.from((await reference.run(sample)).logits.data as Float32Array)));
    expect(calibration.ranges.logits.min).toBeCloseTo(Math.min(...logits.flat()), 4);
    expect(calibration.ranges.logits.max).toBeCloseTo(Math.max(...logits.flat()), 4);
  });
  test('leaves infinities out', async () => {
    const bytes = encodeModel({
      opset: 17,
      nodes: [{ op: 'Log', inputs: ['x'], outputs: ['y'] }],
      inputs: [{ name: 'x', dtype: 'float32', dims: [3] }],
      outputs: [{ name: 'y' }],
    });
    const { ranges } = await calibrate(bytes, [{ x: { dtype: 'float32', dims: [3], data: Float32Array.of(0, 1, Math.E) } }], {
      source: 'trace',
    });
    expect(ranges.y.min).toBe(0);
    expect(ranges.y.max).toBeCloseTo(1, 6);
  });
  test('stops when asked', async () => {
    const progress = { report: () => {}, cancelled: true };
    await expect(calibrate(payload, generateInputs(model, 1, 300), { source: 'generated', progress })).rejects.toBeInstanceOf(Cancelled);
  });
});

describe('generated inputs', () => {
  test('tokens lie in the embedding, and the same seed gives the same inputs', () => {
    const rows = embeddingRows(model, 'tokens')!;
    expect(rows).toBeGreaterThan(256);
    const [a, b] = [generateInputs(model, 7, 20), generateInputs(model, 7, 20)];
    expect(a).toEqual(b);
    const tokens = a.flatMap(({ tokens }) => Array.from(tokens.data as BigInt64Array, Number));
    expect(Math.max(...tokens)).toBeLessThan(rows);
    expect(Math.min(...tokens)).toBeGreaterThanOrEqual(0);
    expect(new Set(tokens).size).toBeGreaterThan(150);
  });
  test('a payload binding gives bytes and then padding', () => {
    const binding = {
      hook: 'xdp',
      input: { kind: 'payload', layer: 'l4_payload', length: 48, pad: 256 },
      output: { kind: 'tensor' },
    } as const;
    for (const { tokens } of generateInputs(model, 1, 50, binding)) {
      const values = Array.from(tokens.data as BigInt64Array, Number);
      const first = values.indexOf(256);
      if (first >= 0) expect(values.slice(first).every((token) => token === 256)).toBe(true);
    }
  });
  test('floats are standard normal', () => {
    const window = importModel(readFileSync(FIXTURES[3][1]), { fileName: 'w' });
    const values = generateInputs(window, 1, 200).flatMap((sample) => Array.from(Object.values(sample)[0].data as Float32Array));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.abs(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length - 1)).toBeLessThan(0.05);
  });
  test('the generator is uniform', () => {
    const random = randomOf(1);
    const bins = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 10_000; i++) bins[Math.floor(random() * 10)]++;
    expect(Math.max(...bins) - Math.min(...bins)).toBeLessThan(200);
  });
});

test('comparison counts agreement by class, near ties and errors', () => {
  const comparison = new Comparison(['PASS', 'DROP'], 0.1);
  expect(comparison.result().agreement).toBeNull();
  comparison.add({ reference: 0, actual: 0, margin: 2, referenceValues: [1, 2], actualValues: [1, 2.5] });
  comparison.add({ reference: 1, actual: 0, margin: 0.05, referenceValues: [0], actualValues: [0.25] });
  comparison.add({ reference: 1, actual: 1, margin: 0.5, referenceValues: [], actualValues: [] });
  expect(comparison.result()).toEqual({
    events: 3,
    agreed: 2,
    agreement: 2 / 3,
    maxAbsError: 0.5,
    meanAbsError: 0.25,
    relativeError: Math.sqrt((0.25 + 0.0625) / 5),
    margins: { least: 0.05, median: 0.5 },
    classes: [
      { name: 'PASS', events: 1, agreed: 1 },
      { name: 'DROP', events: 2, agreed: 1 },
    ],
    confusion: [
      [1, 0],
      [1, 1],
    ],
    nearTies: { margin: 0.1, events: 1, disagreed: 1 },
  });
});

test('argmax takes the first of equals and says how clear it was', () => {
  expect(argmax([1, 3, 3, 2])).toEqual({ index: 1, margin: 0 });
  expect(argmax([5, 3, 1])).toEqual({ index: 0, margin: 2 });
  expect(argmax([1, 2, 5])).toEqual({ index: 2, margin: 3 });
});

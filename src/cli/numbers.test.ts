import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { readNpy, writeNpy } from '../traces/npy.ts';
import { call, inRepo, json, scratchFolder } from './testing/call.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

const FIXTURE = inRepo('samples/zoo/fixtures/bert-small');
const inputs = readNpy(new Uint8Array(readFileSync(`${FIXTURE}/calibration.npy`)));
const width = inputs.data.length / inputs.shape[0]!;
const trace = scratch.write(
  'trace.npy',
  writeNpy({ ...inputs, shape: [16, ...inputs.shape.slice(1)], data: inputs.data.slice(0, 16 * width) }),
);
const compile = [
  'compile',
  `${FIXTURE}/model.onnx`,
  '-o',
  scratch.path('m.o'),
  '--dim',
  'batch=1',
  '--dim',
  'sequence=16',
  '--calibrate',
  trace,
] as const;
const NODE = '/layers.0/intermediate/MatMul';

interface Compiled {
  quant: string;
  accuracy: { argmaxAgreement: number; relativeError: number; margins: { least: number; median: number } };
  nodes: {
    name: string;
    error: { sqnr: number | string; elements: number; maxAbs: number; meanAbs: number; saturated: number; rangeUsed: number } | null;
  }[];
  search?: { met: boolean; trials: { quant: string; agreement: number; insns: number; kept: boolean }[] };
}

describe('precision on the command line', () => {
  it('is chosen by node, in a list or a file, and reported with the error of every node', async () => {
    const list = await json<Compiled>(...compile, '--quant', `w4a16,${NODE}=w16a16`, '--calibration', 'mse');
    const document = scratch.write('quant.json', JSON.stringify({ default: 'w4a16', nodes: { [NODE]: 'w16a16' } }));
    const file = await json<Compiled>(...compile, '--quant', document, '--calibration', 'mse');
    expect(list.value.quant).toBe(`w4a16,${NODE}=w16a16`);
    expect(file.value).toEqual(list.value);
    const { accuracy, nodes } = list.value;
    expect(accuracy.margins.least).toBeLessThanOrEqual(accuracy.margins.median);
    const coarse = nodes.find(({ name }) => name === '/layers.0/attention/value/Add')!.error!;
    const plain = await json<Compiled>(...compile);
    const fine = plain.value.nodes.find(({ name }) => name === '/layers.0/attention/value/Add')!.error!;
    expect(coarse.elements).toBe(fine.elements);
    expect(Number(coarse.sqnr)).toBeLessThan(Number(fine.sqnr) - 10);
    expect(accuracy.relativeError).toBeGreaterThan(plain.value.accuracy.relativeError);
    expect(coarse.meanAbs).toBeLessThanOrEqual(coarse.maxAbs);
    expect(coarse.rangeUsed).toBeGreaterThan(0.1);
  }, 120_000);

  it('is searched for, and what was tried is told', async () => {
    const { status, value } = await json<Compiled>(...compile, '--quant', 'auto', '--min-agreement', '0.99', '--cost', 'bytes');
    expect(status).toBe(0);
    expect(value.search!.met).toBe(true);
    expect(value.search!.trials.findLast(({ kept }) => kept)!.quant).toBe(value.quant);
    expect(value.accuracy.argmaxAgreement).toBeGreaterThanOrEqual(0.99);
  }, 240_000);

  it.each([
    ['--quant', 'w3a16', /there is no precision w3a16/],
    ['--quant', 'w8a16,nobody=w4a16', /the model has no node nobody/],
    ['--calibration', 'best', /minmax, percentile:P/],
  ])('%s %s is refused in one line', async (option, text, message) => {
    const { status, err } = await call(...compile, option, text);
    expect(status).toBe(2);
    expect(err).toMatch(message);
  });
});

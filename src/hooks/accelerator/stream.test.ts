import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FIXTURES, type Fixture, loadModel, modelBytes, tensors } from '../../compiler/testing/fixtures.ts';
import type { Model } from '../../onnx/model.ts';
import { createReference } from '../../reference/reference.ts';
import { Device } from './device.ts';
import { applyFusions, proposeFusions } from './fusion.ts';
import { ModelOnDevice, type PassValues, type Stream } from './stream.ts';
import { tensorFrom } from './tensor-bytes.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../../${path}`, import.meta.url)));

async function sampleOf(fixture: Fixture): Promise<{ model: Model; values: PassValues[] }> {
  const model = loadModel(read, fixture);
  const reference = await createReference(modelBytes(read, fixture), { outputs: 'all' });
  const values: PassValues[] = [];
  for (const inputs of tensors(read, fixture, 'inputs.npy', model).slice(0, 3))
    values.push({ ...inputs, ...(await reference.run(inputs)) });
  await reference.release();
  return { model, values };
}

/** Runs passes as requests of their own and gives the outputs' elements. */
function run(on: ModelOnDevice, device: Device, values: readonly PassValues[]): Record<string, number[]>[] {
  const streams: Stream[] = [];
  let firstSeq = 0;
  for (const [request, each] of values.entries()) {
    const stream = on.pass(each, { request, firstSeq });
    firstSeq += stream.commands.length;
    for (const { addr, data } of stream.writes) device.memory.write(addr, data);
    device.submit(stream.commands);
    streams.push(stream);
  }
  device.run();
  expect(device.unfinished).toBe(0);
  return streams.map(({ outputs }) =>
    Object.fromEntries(
      Object.entries(outputs).map(([name, { addr, bytes, dims }]) => [
        name,
        Array.from(tensorFrom(on.model.values.get(name)!.dtype, dims, device.memory.read(addr, bytes)).data as Float32Array, Number),
      ]),
    ),
  );
}

describe.each(FIXTURES)('%s on the device', (fixture) => {
  test('gives what ONNX Runtime gives, and the same bits when commands are fused', async () => {
    const { model, values } = await sampleOf(fixture);
    const device = new Device();
    const on = ModelOnDevice.load(model, device.memory, values[0]!);
    expect(on.plan.steps.every((step) => on.isComputed(step))).toBe(true);
    const plain = run(on, device, values);
    for (const [at, outputs] of plain.entries())
      for (const [name, made] of Object.entries(outputs))
        expect(made, name).toEqual(Array.from(values[at]![name]!.data as Float32Array, (x) => expect.closeTo(x, 4)));

    const other = new Device();
    const again = ModelOnDevice.load(model, other.memory, values[0]!);
    const fusions = proposeFusions(again, other.parameters);
    const kinds = new Set(fusions.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(expect.arrayContaining(['attention', 'matmul']));
    const fused = applyFusions(again, fusions);
    expect(run(fused, other, values)).toEqual(plain);
    expect(fused.plan.steps.length).toBeLessThan(on.plan.steps.length / 2);
    const bytes = (of: ModelOnDevice): number => of.plan.steps.reduce((sum, step) => sum + step.bytes, 0);
    expect(bytes(fused)).toBeLessThan(bytes(on));
    for (const { before, after } of fusions) expect([after.bytes < before.bytes, after.ns < before.ns]).toEqual([true, true]);
    expect(other.nowNs).toBeLessThan(device.nowNs);
  });
});

describe('commands of a model', () => {
  test('describe real tensors: sizes, strides, roles, layers, work', async () => {
    const { model, values } = await sampleOf('encoder-post-relu-cls');
    const device = new Device();
    const on = ModelOnDevice.load(model, device.memory, values[0]!);
    const { commands, writes } = on.pass(values[0]!, { request: 3, tenant: 2, token: 1, firstSeq: 10, key: 7 });
    expect(commands.map(({ seq }) => seq)).toEqual(commands.map((_, at) => 10 + at));
    expect(writes.map(({ name }) => name)).toEqual(model.inputs.map(({ name }) => name));
    const products = commands.filter(({ op }) => op === 'matmul');
    const linear = products.find(({ tensors }) => tensors[1]!.role === 'weight')!;
    const [x, w, y] = linear.tensors;
    expect([x!.role, w!.role, y!.role]).toEqual(['activation', 'weight', 'output']);
    expect(linear.flops).toBe(2 * y!.dims.reduce((n, d) => n * d, 1) * x!.dims.at(-1)!);
    expect(linear.bytes).toBe(x!.bytes + w!.bytes + y!.bytes);
    expect(w!.strides).toEqual([4 * w!.dims[1]!, 4]);
    expect(Array.from(new Float32Array(device.memory.read(w!.addr, w!.bytes).buffer))).toEqual(
      Array.from(model.initializers.get(w!.name)!.data as Float32Array),
    );
    // Two layers, and what stands before and behind them.
    expect(on.plan.layers.filter((label) => /\d/.test(label)).length).toBe(2);
    // What one command writes and others read lies at one address.
    const written = new Set(commands.flatMap(({ tensors }) => tensors.filter(({ role }) => role === 'output').map(({ addr }) => addr)));
    const inputs = new Set(writes.map(({ addr }) => addr));
    for (const { tensors } of commands)
      for (const { role, addr } of tensors) if (role === 'activation') expect(written.has(addr) || inputs.has(addr)).toBe(true);
  });

  test('of two requests use memory of their own; of two tokens of one request the same', async () => {
    const { model, values } = await sampleOf('gpt-small');
    const device = new Device();
    const on = ModelOnDevice.load(model, device.memory, values[0]!);
    const addrs = (request: number, token: number): number[] =>
      on
        .pass(values[0]!, { request, token, firstSeq: 0 })
        .commands.flatMap(({ tensors }) => tensors.filter(({ role }) => role !== 'weight').map(({ addr }) => addr));
    expect(addrs(1, 0)).toEqual(addrs(1, 1));
    const first = new Set(addrs(1, 0));
    expect(addrs(2, 0).some((addr) => first.has(addr))).toBe(false);
  });

  test('are refused without their inputs', async () => {
    const { model, values } = await sampleOf('bert-small');
    const on = ModelOnDevice.load(model, new Device().memory, values[0]!);
    const { name } = model.inputs[0]!;
    expect(() => on.pass({}, { request: 0, firstSeq: 0 })).toThrow(`value \`${name}\`: no tensor was given for it`);
    const wrong = { ...values[0]!, [name]: { ...values[0]![name]!, dims: [1, 1] } };
    expect(() => on.pass(wrong, { request: 0, firstSeq: 0 })).toThrow('and should be');
  });
});

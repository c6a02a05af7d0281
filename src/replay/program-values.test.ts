import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Strategy } from '../compiler/api.ts';
import { compile } from '../compiler/compile.ts';
import { SELECTION } from '../compiler/families/select.ts';
import { recognise } from '../compiler/graph/recognise.ts';
import { evaluate, readView } from '../compiler/testing/evaluate.ts';
import { compileFixture, FIXTURES, loadModel, modelBytes, tensors } from '../compiler/testing/fixtures.ts';
import { floatCalibration } from '../compiler/testing/float-calibration.ts';
import { type EncoderShape, randomEncoder } from '../compiler/testing/random-model.ts';
import { plainHook } from '../compiler/testing/tensor-hook.ts';
import { calibrate } from '../reference/calibrate.ts';
import { createReference } from '../reference/reference.ts';
import { valueError } from '../reference/value-error.ts';
import { iterations, ValueReader } from './program-values.ts';
import { ModelRunner } from './runner.ts';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));

describe('values of a compiled model', () => {
  test.each(FIXTURES)('%s: every value in memory is what ONNX Runtime computes, but for rounding', async (fixture) => {
    const model = loadModel(read, fixture);
    const bytes = modelBytes(read, fixture);
    const calibration = await calibrate(bytes, tensors(read, fixture, 'calibration.npy', model).slice(0, 16), { source: 'trace' });
    const compiled = compileFixture(fixture, model, calibration);
    const reader = new ValueReader(compiled.program, compiled.meta, compiled.tensors);
    const runner = new ModelRunner(compiled.program, compiled.meta, 'wasm');
    const reference = await createReference(bytes, { outputs: 'all' });
    const rows = new Map<string, number>();
    for (const sample of tensors(read, fixture, 'inputs.npy', model).slice(0, 3)) {
      const { values, ran, unplanned } = reader.tensors(sample);
      expect([ran, unplanned]).toEqual([true, []]);
      const expected = await reference.run(sample);
      for (const value of values) {
        const floats = expected[value.name] ?? sample[value.name];
        if (!floats) continue;
        const real = Float64Array.from(floats.data as ArrayLike<number | bigint>, Number);
        expect(value.data.length, value.name).toBe(real.length);
        rows.set(value.name, Math.max(rows.get(value.name) ?? 0, valueError(value, real).relative));
      }
      // What was read last is what the program gave.
      const [output] = compiled.meta.outputs;
      const last = values.find(({ name }) => name === output.name)!;
      const given = runner.runTensors(sample).outputs![output.name];
      expect(Array.from(last.data, (x) => x * last.scale)).toEqual(Array.from(given, (x) => expect.closeTo(x, 10)));
    }
    const worst = [...rows].sort((a, b) => b[1] - a[1]);
    expect(worst[0][1], worst[0][0]).toBeLessThan(0.03);
    // Probabilities stand in memory for a while even where attention is one kernel.
    for (const { op, outputs } of model.nodes) if (op === 'Softmax') expect([...rows.keys()]).toContain(outputs[0]);
    const named = model.nodes.flatMap((node) => node.outputs).filter((name) => rows.has(name));
    expect(named.length).toBeGreaterThan(model.nodes.length / 3);
    await reference.release();
  });

  it('says which stages of an edited program did not run as planned, and leaves their values out', async () => {
    const model = loadModel(read, 'bert-small');
    const calibration = await calibrate(modelBytes(read, 'bert-small'), tensors(read, 'bert-small', 'calibration.npy', model), {
      source: 'trace',
    });
    const compiled = compileFixture('bert-small', model, calibration);
    const { program } = compiled;
    const { start } = program.subprogs.find(({ name }) => name === 'stage_1')!;
    const call = program.insns.findIndex((insn, at) => at > start && insn.opcode === 0x85 && insn.src === 1);
    // r0 = 0 in place of a kernel's call.
    const insns = program.insns.map((insn, at) => (at === call ? { opcode: 0xb7, dst: 0, src: 0, off: 0, imm: 0 } : insn));
    const reader = new ValueReader({ ...program, insns }, compiled.meta, compiled.tensors);
    const { values, unplanned, ran } = reader.tensors(tensors(read, 'bert-small', 'inputs.npy', model)[0]!);
    expect([ran, unplanned]).toEqual([true, ['stage_1']]);
    expect(values.some(({ stage }) => stage === 0)).toBe(true);
    expect(values.some(({ stage }) => stage === 1)).toBe(false);
  });

  const readEncoder = (shape: EncoderShape, strategy: Strategy = 'auto'): { worst: number; pages: number } => {
    const model = randomEncoder(shape);
    const graph = recognise(model, SELECTION);
    const sample = new Map([['tokens', Array.from({ length: shape.sequence }, (_, i) => (i === 0 ? 1 : (i * 31) % shape.vocabulary))]]);
    const options = {
      model,
      modelFile: 'random.onnx',
      hook: plainHook,
      families: SELECTION,
      kernel: '6.18',
      strategy,
      quant: 'w8a16',
    } as const;
    const compiled = compile({ ...options, calibration: floatCalibration(graph, [sample]) });
    const tokens = { dtype: 'int64', dims: model.inputs[0]!.dims, data: BigInt64Array.from(sample.get('tokens')!, BigInt) } as const;
    const { values, unplanned } = new ValueReader(compiled.program, compiled.meta, compiled.tensors).tensors({ tokens });
    expect(unplanned).toEqual([]);
    const exact = evaluate(graph, sample);
    const byName = new Map(values.map((value) => [value.name, value]));
    let worst = 0;
    for (const { kind, out } of graph.ops) if (kind === 'softmax') expect([...byName.keys()]).toContain(out.name);
    // What was folded into a neighbour is in no memory.
    const held = graph.values.filter(({ name }) => byName.has(name));
    expect(held.length).toBeGreaterThan(graph.values.length / 3);
    for (const { name, view } of held) {
      const { relative, masked, count } = valueError(byName.get(name)!, readView(view, exact));
      if (masked < count) worst = Math.max(worst, relative);
    }
    return { worst, pages: compiled.program.maps.find(({ name }) => name === 'scratch')!.maxEntries };
  };
  const plain = { heads: 2, hidden: 12, classes: 3, vocabulary: 20, activation: 'Relu', mask: 'none', pool: 'mean', fused: false } as const;

  it.each([
    { ...plain, sequence: 21, width: 16, seed: 5 },
    { ...plain, sequence: 7, width: 6, mask: 'causal', activation: 'Gelu', fused: true, seed: 6 },
    { ...plain, sequence: 9, width: 8, mask: 'tokens', pool: 'first', seed: 7 },
  ] as const)('$sequence rows of $width with $mask mask: what it reads is what exact arithmetic gives, an odd last row too', (shape) => {
    expect(readEncoder(shape).worst).toBeLessThan(0.05);
  });

  it.each(['bounded', 'may_goto', 'bpf_loop', 'unrolled'] as const)('reads the same where loops are %s', (strategy) => {
    expect(readEncoder({ ...plain, sequence: 13, width: 12, seed: 9 }, strategy)).toEqual(
      readEncoder({ ...plain, sequence: 13, width: 12, seed: 9 }),
    );
  });

  it('reads values that lie in several pages of memory', () => {
    const { worst, pages } = readEncoder({ ...plain, sequence: 100, width: 64, seed: 8 });
    expect(pages).toBeGreaterThan(1);
    expect(worst).toBeLessThan(0.05);
  });

  it('goes through rows as the stages do: every row once, but for an odd last pair', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 2, max: 5 }), { maxLength: 3 }), fc.constantFrom(1 as const, 2 as const), (outer, lanes) => {
        const rows = new Set(
          iterations(outer, lanes).flatMap((indices) =>
            Array.from({ length: outer.length > 0 ? lanes : 1 }, (_, lane) =>
              indices.map((i, at) => (at === indices.length - 1 ? i + lane : i)).join(),
            ),
          ),
        );
        expect(rows.size).toBe(outer.reduce((n, dim) => n * dim, 1));
      }),
      { seed: 1 },
    );
  });
});

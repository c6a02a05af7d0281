import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { Vm } from '../../vm/vm.ts';
import { compile } from '../compile.ts';
import { SELECTION } from '../families/select.ts';
import { recognise } from '../graph/recognise.ts';
import { PAGE_BYTES } from '../kernels/frame.ts';
import { evaluate, readView } from '../testing/evaluate.ts';
import { loadOutput } from '../testing/fixtures.ts';
import { floatCalibration } from '../testing/float-calibration.ts';
import { randomEncoder } from '../testing/random-model.ts';
import { plainHook } from '../testing/tensor-hook.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);

describe.skipIf(!kernel)('a fused query-key-value projection of more than a map entry', () => {
  test.each(['none', 'causal'] as const)('is accepted and gives the same integers in all engines (mask: %s)', async (mask) => {
    const shape = { sequence: 64, width: 88, heads: 4, hidden: 16, classes: 3, vocabulary: 9 } as const;
    expect(shape.sequence * 3 * shape.width * 2).toBeGreaterThan(PAGE_BYTES);
    const model = randomEncoder({ ...shape, activation: 'Relu', pool: 'mean', fused: true, seed: 4, mask });
    const graph = recognise(model, SELECTION);
    const samples = Array.from(
      { length: 4 },
      (_, n) => new Map([['tokens', Array.from({ length: shape.sequence }, (_unused, i) => ((i + 3) * (n + 7) * 31) % shape.vocabulary)]]),
    );
    const calibration = floatCalibration(graph, samples);
    const compiled = compile({
      model,
      modelFile: 'wide.onnx',
      calibration,
      hook: plainHook,
      kernel: '6.18',
      strategy: 'auto',
      quant: 'w8a16',
    });
    const loaded = await kernel!.load(compiled.program, { btf: programBtf(compiled.program) });
    expect(loaded.message, loaded.log.slice(-1500)).toBeNull();
    const input = new Uint8Array(compiled.program.maps.find((m) => m.name === 'input')!.valueSize);
    new Uint16Array(input.buffer).set(samples[0]!.get('tokens')!);
    await loaded.program!.map('input').update(KEY, input);
    await loaded.program!.testRun(PACKET);
    const theirs = await loaded.program!.map('output').lookupIndex(0);
    await loaded.program!.close();
    for (const engine of ['interp', 'wasm'] as const) {
      const vm = new Vm(compiled.program, { engine });
      vm.maps.get('input').update(KEY, input);
      vm.runXdp(PACKET);
      expect(vm.maps.get('output').lookup(KEY), engine).toEqual(theirs);
    }
    const { max, min } = calibration.ranges[graph.outputs[0]!.view.buf.name]!;
    const got = loadOutput(compiled, theirs!);
    for (const [i, x] of readView(graph.outputs[0]!.view, evaluate(graph, samples[0]!)).entries())
      expect(Math.abs(x - got[i]!)).toBeLessThan(0.02 * (max - min) + 0.01);
  });
});

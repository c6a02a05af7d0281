import type { Kernel } from '../../companion/kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import type { Model } from '../../onnx/model.ts';
import { Vm } from '../../vm/vm.ts';
import { compile } from '../compile.ts';
import { familiesFor } from '../families.ts';
import { recognise } from '../graph/recognise.ts';
import { partsFor } from '../parts.ts';
import { whyNot } from '../strategy.ts';
import { evaluate, readView } from './evaluate.ts';
import { loadOutput } from './fixtures.ts';
import { floatCalibration } from './float-calibration.ts';
import { pruned } from './prune.ts';
import type { RandomTarget } from './random-shapes.ts';
import { plainHook } from './tensor-hook.ts';

const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);

/** What became of a random model. */
export interface RandomResult {
  /** The kernel's message where it rejects the program. */
  readonly refused: string | null;
  /** Runs that left other integers in the kernel than in the interpreter. */
  readonly differing: number;
  /** Largest difference from exact arithmetic over the range of the output. */
  readonly error: number;
}

/** Tokens of which the first is never padding (a row that masks everything has no meaning), and floats. */
function samplesFor(model: Model, vocabulary: number, count: number): Map<string, number[]>[] {
  return Array.from(
    { length: count },
    (_, n) =>
      new Map(
        model.inputs.map(({ name, dims }) => {
          const size = dims.reduce((a, b) => a * b, 1);
          const token = (i: number): number => (i === 0 ? 1 : ((i + 3) * (n + 7) * 31) % vocabulary);
          return [name, Array.from({ length: size }, (_unused, i) => (name === 'tokens' ? token(i) : Math.sin(i * 1.3 + n)))];
        }),
      ),
  );
}

/** Compiles a model with random weights, loads it and compares kernel, interpreter and exact arithmetic on two inputs. */
export async function checkRandom(kernel: Kernel, dense: Model, vocabulary: number, target: RandomTarget): Promise<RandomResult> {
  const { zeros, specialise } = target;
  const model = zeros ? pruned(dense, zeros.block, zeros.share, 1) : dense;
  const families = await familiesFor(model);
  const graph = recognise(model, families);
  const samples = samplesFor(model, vocabulary, 6);
  const calibration = floatCalibration(graph, samples);
  const compiled = compile({
    model,
    modelFile: 'random.onnx',
    calibration,
    hook: plainHook,
    families,
    kernel: target.kernel,
    strategy: whyNot(target.strategy, target.kernel) ? 'global' : target.strategy,
    quant: target.quant,
    specialise,
    parts: await partsFor({ model, ...target }),
  });
  const loaded = await kernel.load(compiled.program, { btf: programBtf(compiled.program) });
  if (!loaded.program) return { refused: loaded.message ?? loaded.log.slice(-500), differing: 0, error: 0 };
  const vm = new Vm(compiled.program);
  let differing = 0;
  let error = 0;
  for (const sample of samples.slice(0, 2)) {
    const input = new Uint8Array(compiled.program.maps.find((m) => m.name === 'input')!.valueSize);
    for (const slot of compiled.meta.inputs) {
      const values = sample.get(slot.name)!;
      if (slot.elem === 'u16') new Uint16Array(input.buffer, slot.byteOff).set(values);
      else new Int16Array(input.buffer, slot.byteOff).set(values.map((x) => Math.round(x / slot.scale)));
    }
    vm.maps.get('input').update(KEY, input);
    vm.runXdp(PACKET);
    await loaded.program.map('input').update(KEY, input);
    await loaded.program.testRun(PACKET);
    const theirs = await loaded.program.map('output').lookupIndex(0);
    const ours = vm.maps.get('output').lookup(KEY)!;
    if (theirs.some((byte, i) => byte !== ours[i])) differing++;
    const got = loadOutput(compiled, theirs);
    const { view } = graph.outputs[0]!;
    const { max, min } = calibration.ranges[view.buf.name]!;
    readView(view, evaluate(graph, sample)).forEach((x, i) => {
      error = Math.max(error, Math.abs(x - got[i]!) / (max - min || 1));
    });
  }
  await loaded.program.close();
  return { refused: null, differing, error };
}

import { randomOf } from '../../base/random.ts';
import type { Kernel } from '../../companion/kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { importModel } from '../../onnx/import.ts';
import type { Model, Tensor, TensorData } from '../../onnx/model.ts';
import { allocate, elementCount, isFloat, isWide } from '../../onnx/tensor.ts';
import { encodeModel, type ModelSpec } from '../../onnx/testing/encode-model.ts';
import { calibrate } from '../../reference/calibrate.ts';
import { createReference, type Tensors } from '../../reference/reference.ts';
import { Vm } from '../../vm/vm.ts';
import type { Compiled } from '../api.ts';
import { compile } from '../compile.ts';
import { familiesFor } from '../families.ts';
import { recognise } from '../graph/recognise.ts';
import { partsFor } from '../parts.ts';
import { evaluate, readView } from './evaluate.ts';
import { plainHook } from './tensor-hook.ts';

const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);

/** What the judges say of one model. */
export interface Judgement {
  readonly compiled: Compiled;
  /** Largest difference between the recognised graph in double precision and ONNX Runtime, over the range of each output. */
  readonly exactError: number;
  /** The same for the integers of the program. */
  readonly error: number;
  /** The mean of that over all elements. */
  readonly meanError: number;
  /** Share of samples and outputs whose largest element is at the same place as the reference's. */
  readonly argmax: number;
  /** The kernel's message; null when it accepts, or was not asked. */
  readonly refused: string | null;
  /** Runs in which the interpreter, the translator and (where it was asked) the kernel left different integers. */
  readonly differing: number;
}

export interface JudgeOptions {
  readonly kernel?: Kernel | null;
  readonly samples?: number;
  readonly seed?: number;
  /** Elements of an input; without it, floats from −2 to 2 and tokens of the vocabulary. */
  readonly input?: (random: () => number, name: string) => number;
}

/** Compiles an ONNX file and compares recognised graph, both engines and kernel with each other and with ONNX Runtime. */
export async function judge(file: Uint8Array | ModelSpec, options: JudgeOptions = {}): Promise<Judgement> {
  const bytes = file instanceof Uint8Array ? file : encodeModel(file);
  const model = importModel(bytes, { fileName: 'judged.onnx' });
  const families = await familiesFor(model);
  const random = randomOf(options.seed ?? 1);
  // Whoever says what the inputs are knows how large they get.
  const tokens = options.input ? [] : recognise(model, families).inputs;
  const vocabularies = new Map(tokens.map((buf) => [buf.name, buf.vocabulary ?? 2]));
  const samples = Array.from({ length: options.samples ?? 4 }, () => sampleOf(model, vocabularies, random, options.input));
  const calibration = await calibrate(bytes, samples, { source: 'trace' });
  const graph = recognise(model, families, calibration);
  const reference = await createReference(bytes);
  const wanted: Tensors[] = [];
  for (const sample of samples) wanted.push(await reference.run(sample));
  await reference.release();

  const spans = new Map(graph.outputs.map(({ name }) => [name, spanOf(wanted.map((w) => w[name].data))]));
  let exactError = 0;
  samples.forEach((sample, i) => {
    const memory = evaluate(graph, new Map(Object.entries(sample).map(([name, t]) => [name, numbers(t.data)])));
    for (const { name, view } of graph.outputs)
      exactError = Math.max(exactError, apart(readView(view, memory), wanted[i][name].data) / spans.get(name)!);
  });

  const compiled = compile({
    model,
    modelFile: 'judged.onnx',
    calibration,
    hook: plainHook,
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
    families,
    parts: await partsFor({ model, quant: 'w8a16' }),
  });
  const machines = [new Vm(compiled.program), new Vm(compiled.program, { engine: 'wasm' })];
  const loaded = options.kernel ? await options.kernel.load(compiled.program, { btf: programBtf(compiled.program) }) : null;
  const inputBytes = compiled.program.maps.find((m) => m.name === 'input')!.valueSize;
  let error = 0;
  const all = { sum: 0, count: 0 };
  let differing = 0;
  let agreeing = 0;
  for (const [i, sample] of samples.entries()) {
    const input = storeInputs(compiled, sample, inputBytes);
    const results = machines.map((vm) => {
      vm.maps.get('input').update(KEY, input);
      vm.runXdp(PACKET);
      return vm.maps.get('output').lookup(KEY)!;
    });
    if (loaded?.program) {
      await loaded.program.map('input').update(KEY, input);
      await loaded.program.testRun(PACKET);
      results.push(await loaded.program.map('output').lookupIndex(0));
    }
    if (results.some((r) => !sameBytes(r, results[0]))) differing++;
    for (const slot of compiled.meta.outputs) {
      const view = new DataView(results[0].buffer, results[0].byteOffset, results[0].byteLength);
      const got = Float64Array.from(
        { length: elementCount(slot.dims) },
        (_, at) => view.getInt32(slot.byteOff + 4 * at, true) * slot.scale,
      );
      const want = numbers(wanted[i][slot.name].data);
      error = Math.max(error, apart(got, want) / spans.get(slot.name)!);
      all.count += got.length;
      got.forEach((x, at) => {
        all.sum += Math.abs(x - want[at]) / spans.get(slot.name)!;
      });
      if (top(got) === top(want)) agreeing++;
    }
  }
  await loaded?.program?.close();
  return {
    compiled,
    exactError,
    error,
    meanError: all.sum / all.count,
    argmax: agreeing / (samples.length * compiled.meta.outputs.length),
    refused: loaded?.message ?? null,
    differing,
  };
}

const numbers = (data: TensorData): Float64Array => Float64Array.from(data as ArrayLike<number | bigint>, Number);
const top = (data: Float64Array): number => data.indexOf(data.reduce((a, b) => Math.max(a, b)));
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

function apart(a: ArrayLike<number>, b: ArrayLike<number | bigint>): number {
  let worst = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - Number(b[i])));
  return worst;
}

function spanOf(lists: readonly TensorData[]): number {
  let [min, max] = [0, 0];
  for (const list of lists)
    for (const x of numbers(list)) {
      min = Math.min(min, x);
      max = Math.max(max, x);
    }
  return max - min || 1;
}

function sampleOf(
  model: Model,
  vocabularies: ReadonlyMap<string, number>,
  random: () => number,
  input?: JudgeOptions['input'],
): Record<string, Tensor> {
  return Object.fromEntries(
    model.inputs.map(({ name, dtype, dims }) => {
      const data = allocate(dtype, elementCount(dims)) as unknown as { [i: number]: number | bigint; length: number };
      for (let i = 0; i < data.length; i++) {
        const x = input?.(random, name) ?? (isFloat(dtype) ? random() * 4 - 2 : Math.floor(random() * vocabularies.get(name)!));
        data[i] = isWide(dtype) ? BigInt(x) : x;
      }
      return [name, { dtype, dims, data: data as unknown as TensorData }];
    }),
  );
}

function storeInputs(compiled: Compiled, sample: Tensors, bytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes));
  for (const slot of compiled.meta.inputs) {
    numbers(sample[slot.name].data).forEach((x, i) => {
      if (slot.elem === 'u16') view.setUint16(slot.byteOff + 2 * i, x, true);
      else view.setInt16(slot.byteOff + 2 * i, Math.max(-32768, Math.min(32767, Math.round(x / slot.scale))), true);
    });
  }
  return new Uint8Array(view.buffer);
}

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Compiled } from '../compiler/api.ts';
import { buildDecoder } from '../compiler/lm/build.ts';
import { STATUS } from '../compiler/lm/layout.ts';
import { LOCK_MAP } from '../compiler/lm/lock.ts';
import { loadModel } from '../compiler/testing/fixtures.ts';
import { swapped, weightsFile, weightsTarget } from '../compiler/weights-file.ts';
import { programBtf } from '../object/program-btf.ts';
import type { Model } from '../onnx/model.ts';
import { contextOf, decodeResult, encodeRequest, type GenerateRequest } from '../replay/generate.ts';
import { Vm } from '../vm/vm.ts';
import { type Kernel, openKernel } from './kernel.ts';
import type { KernelMap } from './kernel-map.ts';
import type { KernelProgram } from './kernel-program.ts';
import { swapWeights } from './swap-weights.ts';
import { kernelForTests } from './vitest-kernel.ts';

const kernel = await kernelForTests();
const KEY = new Uint8Array(4);
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));

const model = loadModel(read, 'gpt-small');
/** Weights of another training. */
const retrained: Model = {
  ...model,
  initializers: new Map(
    [...model.initializers].map(([name, t]) => [
      name,
      t.data instanceof Float32Array && t.data.length > 8 ? { ...t, data: t.data.map((x, i) => x * (0.8 + (i % 5) * 0.1)) } : t,
    ]),
  ),
};
const build = (of: Model, scoreScale?: number): Promise<Compiled> =>
  buildDecoder({
    model: of,
    modelFile: 'gpt-small.onnx',
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
    texts: [[1, 2, 0, 1, 2, 1]],
    ...(scoreScale === undefined ? {} : { scoreScale }),
  });

const A = await build(model);
const decoder = A.meta.decoder!;
const B = await build(retrained, decoder.scoreScale);
const target = weightsTarget(A, 'a.o');
const files = [weightsFile(A, target, 'a.onnx'), weightsFile(B, target, 'b.onnx')];
const request = (prompt: number[], more: Partial<GenerateRequest> = {}): Uint8Array =>
  encodeRequest({ reset: true, prompt, count: 10, candidates: 3, temperature: 0, seed: 1, stop: null, ...more }, decoder);
const PROMPTS = [[1], [2, 0], [2, 1, 2], [0, 0, 1, 2]];

/** What the weights of a map answer to every prompt, by our engine. */
function answers(weights: Uint8Array): string[] {
  const vm = new Vm(A.program, { engine: 'wasm' });
  vm.maps.get('.data.weights').update(KEY, weights);
  return PROMPTS.map((prompt) => {
    const input = request(prompt);
    return text(vm.run({ context: contextOf(input, A.program) }).context, input);
  });
}
const text = (context: Uint8Array, input: Uint8Array): string => Buffer.from(context.subarray(input.length)).toString('hex');

afterAll(() => kernel?.close());

describe.skipIf(!kernel)('a text generating program that several call while its weights are replaced', () => {
  const first = A.program.maps[0]!.data!;
  const [ofA, ofB] = [answers(first), answers(swapped(first, files[1]!, 'b'))];
  let program: KernelProgram;
  let callers: { kernel: Kernel; program: KernelProgram }[];
  let swapper: Kernel;
  let [weights, lock]: KernelMap[] = [];
  beforeAll(async () => {
    const loaded = await kernel!.load(A.program, { btf: programBtf(A.program) });
    expect(loaded.message, loaded.log.slice(-2000)).toBeNull();
    program = loaded.program!;
    // struct bpf_prog_info and bpf_map_info: type, id.
    const id = (await kernel!.info(program.fd, 16)).getUint32(4, true);
    callers = await Promise.all(
      [0, 1].map(async (cpu) => {
        const own = (await openKernel())!;
        await own.pin(cpu);
        return { kernel: own, program: await own.openProgram(id) };
      }),
    );
    swapper = (await openKernel())!;
    [weights, lock] = await Promise.all(
      ['.data.weights', LOCK_MAP].map(async (name) => swapper.openMap((await kernel!.info(program.map(name).fd, 88)).getUint32(4, true))),
    );
  });
  afterAll(() => {
    for (const caller of callers) caller.kernel.close();
    swapper.close();
  });

  it('the two trainings answer differently', () => {
    for (const [i, a] of ofA.entries()) expect(a).not.toBe(ofB[i]);
  });

  it('every answer is of one training, and of the request that was made', async () => {
    const seen = { a: 0, b: 0, busy: 0, mixed: 0 };
    let swaps = 0;
    let calling = true;
    const swapping = (async () => {
      while (calling) await swapWeights(swapper, weights!, files[++swaps % 2]!, lock);
    })();
    await Promise.all(
      callers.map(async ({ program: own }) => {
        for (let call = 0; call < 1500; call++) {
          const i = call % PROMPTS.length;
          const input = request(PROMPTS[i]!);
          const { returnValue, data } = await own.testRun(new Uint8Array(0), { ctx: contextOf(input, A.program) });
          const answer = text(data, input);
          seen[returnValue === STATUS.busy ? 'busy' : answer === ofA[i] ? 'a' : answer === ofB[i] ? 'b' : 'mixed']++;
        }
      }),
    );
    calling = false;
    await swapping;
    console.info(
      `${swaps} swaps, ${seen.a} answers of the old weights, ${seen.b} of the new, ${seen.mixed} mixed; ${seen.busy} found it busy`,
    );
    expect(seen.mixed).toBe(0);
    expect(seen.a).toBeGreaterThan(0);
    expect(seen.b).toBeGreaterThan(0);
  }, 120_000);

  it('a text that was begun with the old weights is not gone on with', async () => {
    const run = async (input: Uint8Array) =>
      decodeResult((await program.testRun(new Uint8Array(0), { ctx: contextOf(input, A.program) })).data.subarray(input.length), decoder);
    const whole = await run(request([1, 2], { count: 6 }));
    const begun = await run(request([1, 2], { count: 3 }));
    const gone = await run(request([], { count: 3, reset: false }));
    expect([...begun.tokens, ...gone.tokens]).toEqual(whole.tokens);
    await swapWeights(swapper, weights!, files[0]!, lock);
    expect(await run(request([], { count: 1, reset: false }))).toMatchObject({ status: 'stale', tokens: [] });
    expect(await run(request([1], { count: 1 }))).toMatchObject({ status: 'done' });
  });

  it('a call during another does nothing and says so', async () => {
    const input = request([1, 2]);
    const context = contextOf(input, A.program);
    await program.map(LOCK_MAP).update(KEY, new Uint8Array(4));
    const during = await program.testRun(new Uint8Array(0), { ctx: context });
    expect(during.returnValue).toBe(STATUS.busy);
    expect(during.data).toEqual(context);
    await program.map(LOCK_MAP).delete(KEY);
    expect((await program.testRun(new Uint8Array(0), { ctx: context })).returnValue).toBe(STATUS.done);
  });
});

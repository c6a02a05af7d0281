import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Calibration, Compiled } from '../compiler/api.ts';
import { compile } from '../compiler/compile.ts';
import { SELECTION } from '../compiler/families/select.ts';
import { swapped, weightsFile, weightsTarget } from '../compiler/weights-file.ts';
import { readWeightsHeader } from '../compiler/weights-map.ts';
import { checkBinding } from '../hooks/fit.ts';
import { parseBinding } from '../hooks/parse.ts';
import { capturePackets } from '../hooks/testing/packets.ts';
import { SCORE_BYTES, SCORE_MAP, xdpHook } from '../hooks/xdp.ts';
import { programBtf } from '../object/program-btf.ts';
import { importModel } from '../onnx/import.ts';
import type { Model } from '../onnx/model.ts';
import { Vm } from '../vm/vm.ts';
import { type Kernel, openKernel } from './kernel.ts';
import type { KernelProgram } from './kernel-program.ts';
import { swapWeights } from './swap-weights.ts';
import { kernelForTests } from './vitest-kernel.ts';

const kernel = await kernelForTests();
const KEY = new Uint8Array(4);
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'bpformer-swap-'));
const tool = join(folder, 'swap-weights');
const source = new URL('./swap-weights.c', import.meta.url).pathname;
const built = kernel
  ? await run('cc', ['-O2', '-o', tool, source, '-lbpf']).then(
      () => true,
      (error: Error) => {
        if (process.env.BPFORMER_NEEDS_KERNEL) throw error;
        console.warn('tests of swap-weights.c skipped: it was not built, which takes libbpf-dev');
        return false;
      },
    )
  : false;
const sample = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../public/samples/payload/${name}`, import.meta.url)));
const packets = capturePackets(sample('heldout.pcap')).slice(0, 40);

const model = importModel(sample('payload-ids.onnx'), { fileName: 'payload-ids.onnx', dims: { batch: 1 } });
const binding = checkBinding(parseBinding(JSON.parse(new TextDecoder().decode(sample('binding.json'))), 'binding.json'), model, '')!;
const calibration = JSON.parse(new TextDecoder().decode(sample('calibration.json'))) as Calibration;

const build = (other: Partial<Model> = {}, room = 1, slots?: Pick<Compiled['meta'], 'inputs' | 'outputs'>): Compiled =>
  compile({
    model: { ...model, ...other },
    modelFile: 'payload-ids.onnx',
    hook: xdpHook(binding),
    families: SELECTION,
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
    calibration: {
      ...calibration,
      ranges: Object.fromEntries(
        Object.entries(calibration.ranges).map(([name, { min, max }]) => [name, { min: min * room, max: max * room }]),
      ),
    },
    ...(slots ? { slots } : {}),
  });

/** Weights of another training: changed matrices, and ranges that give every scale, table and multiplier another value. */
const retrained = (): Partial<Model> => ({
  initializers: new Map(
    [...model.initializers].map(([name, t]) => [
      name,
      t.data instanceof Float32Array && t.data.length > 8 ? { ...t, data: t.data.map((x, i) => x * (0.8 + (i % 5) * 0.1)) } : t,
    ]),
  ),
});

const A = build();
const B = build(retrained(), 1.4, A.meta);
const target = weightsTarget(A, 'a.o');
const files = [weightsFile(A, target, 'a.onnx'), weightsFile(B, target, 'b.onnx')];

/** What an event leaves behind: score, verdict, class and lead. */
const text = (value: Uint8Array): string => Buffer.from(value.subarray(0, SCORE_BYTES)).toString('hex');
/** What the weights of a map make of every packet, by the interpreter. */
function decisions(map: Uint8Array): string[] {
  const vm = new Vm(A.program, { engine: 'wasm' });
  vm.maps.get('.data.weights').update(KEY, map);
  return packets.map((packet) => {
    vm.runXdp(packet);
    return text(vm.maps.get(SCORE_MAP).lookup(KEY)!);
  });
}
const first = A.program.maps[0]!.data!;

afterAll(() => {
  rmSync(folder, { recursive: true });
  kernel?.close();
});

describe.skipIf(!kernel)('new weights in a loaded program', () => {
  const [ofA, ofB] = [decisions(first), decisions(swapped(first, files[1]!, 'b'))];
  let program: KernelProgram;
  let other: Kernel;
  beforeAll(async () => {
    const loaded = await kernel!.load(A.program, { btf: programBtf(A.program) });
    expect(loaded.message, loaded.log.slice(-2000)).toBeNull();
    program = loaded.program!;
    await kernel!.pin(0);
    other = (await openKernel())!;
    for (const [i, bytes] of files.entries()) writeFileSync(join(folder, `${i}.bin`), bytes);
  });
  afterAll(() => other?.close());

  it('the two trainings decide every packet differently, and so does a mixture of both', () => {
    const { start, size } = readWeightsHeader(first)!;
    const mixed = first.slice();
    mixed.set(swapped(first, files[1]!, 'b').subarray(start + size + size / 2, start + 2 * size), start + size / 2);
    const ofBoth = decisions(mixed);
    for (const [i, a] of ofA.entries()) {
      expect(a).not.toBe(ofB[i]);
      expect([a, ofB[i]]).not.toContain(ofBoth[i]);
    }
  });

  /** Runs the packets `rounds` times while `swap` puts in the one and the other; counts what came of it. */
  async function hammer(rounds: number, swap: (which: number) => Promise<void>) {
    let hammering = true;
    let swaps = 0;
    const swapping = (async () => {
      while (hammering) await swap(++swaps % 2);
    })();
    const score = program.map(SCORE_MAP);
    const seen = { a: 0, b: 0, mixed: 0 };
    for (let round = 0; round < rounds; round++) {
      for (const [i, { value }] of (await program.testRunBatch(packets, { map: score, key: KEY })).entries()) {
        const decision = text(value!);
        seen[decision === ofA[i] ? 'a' : decision === ofB[i] ? 'b' : 'mixed']++;
      }
    }
    hammering = false;
    await swapping;
    return { seen, swaps };
  }

  it.skipIf(!built)(
    'of 20,000 events under load every one is decided by one set of weights while swap-weights.c runs again and again',
    async () => {
      const { id } = await program.info();
      const { seen, swaps } = await hammer(500, (which) => run(tool, [String(id), join(folder, `${which}.bin`)]).then(() => {}));
      console.info(`${seen.a + seen.b + seen.mixed} events over ${swaps} swaps: ${seen.a} old, ${seen.b} new, ${seen.mixed} mixed`);
      expect(seen.mixed).toBe(0);
      expect(seen.a).toBeGreaterThan(0);
      expect(seen.b).toBeGreaterThan(0);
    },
    300_000,
  );

  it('and while the companion puts them in', async () => {
    // struct bpf_map_info: type, id.
    const theirs = await other.openMap((await kernel!.info(program.map('.data.weights').fd, 88)).getUint32(4, true));
    const { seen, swaps } = await hammer(100, (which) => swapWeights(other, theirs, files[which]!));
    console.info(`${seen.a + seen.b + seen.mixed} events over ${swaps} swaps: ${seen.a} old, ${seen.b} new, ${seen.mixed} mixed`);
    expect(seen.mixed).toBe(0);
    expect(seen.a).toBeGreaterThan(0);
    expect(seen.b).toBeGreaterThan(0);
  }, 300_000);

  it.skipIf(!built)('swap-weights.c refuses what does not fit, and changes nothing then', async () => {
    const { id } = await program.info();
    const broken = files[0]!.slice();
    broken[8]! ^= 1;
    writeFileSync(join(folder, 'other.bin'), broken);
    writeFileSync(join(folder, 'short.bin'), files[0]!.subarray(0, 1000));
    const before = await program.map('.data.weights').lookup(KEY);
    await expect(run(tool, [String(id), join(folder, 'other.bin')])).rejects.toThrow(/for another program/);
    await expect(run(tool, [String(id), join(folder, 'short.bin')])).rejects.toThrow(/cut short/);
    await expect(run(tool, ['/sys/fs/bpf/none', join(folder, '0.bin')])).rejects.toThrow(/No such file/);
    expect(await program.map('.data.weights').lookup(KEY)).toEqual(before);
  });
});

import { afterAll, describe, expect, it } from 'vitest';
import type { Program } from '../bpf/program.ts';
import type { Kernel, KernelProgram } from '../companion/kernel.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { structuredProgram } from '../verifier/testing/generator/program.ts';
import { verify } from '../verifier/verify.ts';
import { randomProgram, randomSource } from './testing/random-program.ts';
import { TaintCheck } from './testing/taint.ts';
import { Vm } from './vm.ts';

/** BPFORMER_FUZZ programs; 300 in a test run. */
const COUNT = Number(process.env.BPFORMER_FUZZ ?? 300);
const FIRST_SEED = Number(process.env.BPFORMER_FUZZ_SEED ?? 1);

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const XDP = 6;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** What a run leaves: verdict, packet, and the maps as processor 0 sees them. */
interface Outcome {
  readonly returnValue: number;
  readonly packet: string;
  readonly maps: Record<string, Record<string, string>>;
}

async function kernelOutcomes(program: KernelProgram, packets: readonly Uint8Array[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const packet of packets) {
    const run = await program.testRun(packet);
    expect(run.errno).toBe(0);
    const maps: Outcome['maps'] = {};
    for (const map of program.maps.filter(({ def }) => def.keySize > 0)) {
      const entries = await map.dump();
      maps[map.def.name] = Object.fromEntries(entries.map((e) => [hex(e.key), hex(e.value.subarray(0, map.def.valueSize))]));
    }
    outcomes.push({ returnValue: run.returnValue, packet: hex(run.data), maps });
  }
  return outcomes;
}

function vmOutcomes(vm: Vm, packets: readonly Uint8Array[]): Outcome[] {
  return packets.map((packet) => {
    const run = vm.runXdp(packet);
    const maps: Outcome['maps'] = {};
    for (const map of vm.maps)
      if (map.def.keySize > 0) maps[map.name] = Object.fromEntries(map.entries().map((e) => [hex(e.key), hex(e.value)]));
    return { returnValue: run.returnValue, packet: hex(run.metadata) + hex(run.packet), maps };
  });
}

function packetsOf(seed: number): Uint8Array[] {
  const random = randomSource(seed);
  return Array.from({ length: 3 }, () => Uint8Array.from({ length: 60 + (random() % 40) }, () => random()));
}

async function compare(kernel: Kernel, program: Program, seed: number): Promise<string | null> {
  const loaded = await kernel.load(program, {
    logLevel: 1,
    ...(program.kfuncCalls.size + program.subprogs.length > 1 ? { btf: programBtf(program) } : {}),
  });
  if (!loaded.program) return `rejected: ${loaded.message}`;
  const packets = packetsOf(seed);
  const expected = await kernelOutcomes(loaded.program, packets);
  await loaded.program.closeAll();
  for (const engine of ['interp', 'wasm'] as const) {
    const vm = new Vm(program, { engine });
    expect({ seed, engine: vm.engine, outcomes: vmOutcomes(vm, packets) }).toEqual({ seed, engine, outcomes: expected });
  }
  return null;
}

describe.skipIf(!kernel)('interpreter, WebAssembly and kernel', () => {
  it(`agree on ${COUNT} random programs: r0, packet and maps`, { timeout: 3_600_000 }, async () => {
    await kernel!.pin(0);
    const rejections: string[] = [];
    let compared = 0;
    for (let seed = FIRST_SEED; compared < COUNT; seed++) {
      const rejection = await compare(kernel!, randomProgram(seed), seed);
      if (rejection) rejections.push(`seed ${seed}: ${rejection}`);
      else compared++;
      if (rejections.length > 10 + compared / 10) break;
    }
    expect(compared, rejections.slice(0, 5).join('\n')).toBe(COUNT);
  });

  // `npm run long engine-fuzz` compares many more, of more types.
  it('agree on 60 programs with loops, calls, callbacks and kernel functions', { timeout: 300_000 }, async () => {
    await kernel!.pin(0);
    let compared = 0;
    let setAside = 0;
    for (let seed = FIRST_SEED; compared < 60; seed++) {
      const program = structuredProgram(seed, { engine: true, mistakes: 0 });
      if (program.progType !== XDP) continue;
      const { accepted } = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0, onProgress: (processed) => processed > 5000 });
      if (!accepted) continue;
      const taint = new TaintCheck(new Vm(program));
      if (packetsOf(seed).some((packet) => taint.run({ packet }) !== null)) setAside++;
      else if ((await compare(kernel!, program, seed)) === null) compared++;
    }
    expect(setAside).toBeLessThan(12);
  });
});

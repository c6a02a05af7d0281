/** One process of `engine-fuzz`: every n-th seed, each accepted program in both engines and in the kernel. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPerCpu } from '../../src/bpf/maps.ts';
import type { Program } from '../../src/bpf/program.ts';
import { progTypeName } from '../../src/bpf/progtypes.ts';
import { type KernelMap, type KernelProgram, openKernel, whyNoKernel } from '../../src/companion/kernel.ts';
import { programBtf } from '../../src/object/program-btf.ts';
import { Dice } from '../../src/verifier/testing/dice.ts';
import { structuredProgram } from '../../src/verifier/testing/generator/program.ts';
import { verify } from '../../src/verifier/verify.ts';
import { contextKind } from '../../src/vm/context.ts';
import { TaintCheck } from '../../src/vm/testing/taint.ts';
import { Vm, type VmInput } from '../../src/vm/vm.ts';
import { listingOf } from '../verifier-mutate.ts';
import { harmsKernel } from './harmful.ts';
import { kindsOf } from './kinds.ts';
import { shardJob } from './shards.ts';
import { commitNow, count, loadTally, saveTally, see, tallyPath } from './tally.ts';

const EVENTS = 2;
const SAVE_EVERY = 100;
const MOST_PROCESSED = 30_000;
const MOST_EXECUTED = 1_000_000;

const job = shardJob();
const path = tallyPath('engine-fuzz', job.first, job.total, job.shard, job.shards);
const tally = loadTally(path, job.first + job.shard);
const kernel = (await openKernel())!;
if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
const cpu = job.shard % kernel.cpus;
await kernel.pin(cpu);
const commit = commitNow();
const defects = process.env.BPFORMER_DEFECTS ?? join(tmpdir(), 'defects');
mkdirSync(defects, { recursive: true });

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What a run leaves: r0 as u32, the packet (or context) with its metadata, and every entry of maps with keys, of every processor. */
interface Outcome {
  readonly returnValue: number;
  readonly data: string;
  readonly maps: Record<string, Record<string, string>>;
}

/** The maps' contents before the first run, drawn by the seed: arrays alone, hashes begin empty. */
function contents(vm: Vm, dice: Dice): { readonly map: string; readonly key: Uint8Array; readonly value: Uint8Array }[] {
  const byte = (): number => (dice.chance(40) ? dice.below(4) : dice.below(256));
  const out: { map: string; key: Uint8Array; value: Uint8Array }[] = [];
  for (const map of vm.maps) {
    for (const { key } of map.entries()) out.push({ map: map.name, key, value: Uint8Array.from({ length: map.def.valueSize }, byte) });
  }
  return out;
}

async function dump(map: KernelMap): Promise<Record<string, string>> {
  const { def } = map;
  if (def.keySize === 0 || def.type === 4) return {};
  const entries = await map.dump();
  const stride = (def.valueSize + 7) & ~7;
  const values = (value: Uint8Array): string =>
    isPerCpu(def.type)
      ? Array.from({ length: kernel.cpus }, (_, c) => hex(value.subarray(c * stride, c * stride + def.valueSize))).join(' ')
      : hex(value);
  return Object.fromEntries(entries.map((entry) => [hex(entry.key), values(entry.value)]));
}

async function inKernel(program: KernelProgram, inputs: readonly VmInput[]): Promise<Outcome[] | string> {
  const outcomes: Outcome[] = [];
  for (const input of inputs) {
    const run = 'packet' in input ? await program.testRun(input.packet) : await program.testRun(new Uint8Array(0), { ctx: input.context });
    if (run.errno !== 0) return `errno ${run.errno}`;
    const data = hex(run.data);
    const maps: Outcome['maps'] = {};
    for (const map of program.maps) maps[map.def.name] = await dump(map);
    outcomes.push({ returnValue: run.returnValue, data, maps });
  }
  return outcomes;
}

function inMachine(vm: Vm, inputs: readonly VmInput[]): { outcomes: Outcome[]; executed: number } {
  let executed = 0;
  const outcomes = inputs.map((input) => {
    const run = vm.run(input);
    executed += run.insnsExecuted;
    const data = run.packet ? hex(run.metadata) + hex(run.packet) : hex(run.context);
    const maps: Outcome['maps'] = {};
    for (const map of vm.maps) {
      if (map.def.keySize === 0 || map.def.type === 4) maps[map.name] = {};
      else if (!isPerCpu(map.def.type)) maps[map.name] = Object.fromEntries(map.entries().map((e) => [hex(e.key), hex(e.value)]));
      else {
        const each = Array.from({ length: kernel.cpus }, (_, c) => map.entries(c));
        maps[map.name] = Object.fromEntries(each[0].map((e, i) => [hex(e.key), each.map((of) => hex(of[i].value)).join(' ')]));
      }
    }
    return { returnValue: run.returnValue, data, maps };
  });
  return { outcomes, executed };
}

const sorted = (outcomes: readonly Outcome[]): string =>
  JSON.stringify(outcomes, (_, value: unknown) =>
    value && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );

/** Where two outcomes part. */
function parting(a: readonly Outcome[], b: readonly Outcome[]): string {
  for (const [i, one] of a.entries()) {
    const other = b[i];
    if (one.returnValue !== other.returnValue) return `event ${i}: r0 ${one.returnValue}, in the kernel ${other.returnValue}`;
    if (one.data !== other.data) return `event ${i}: data ${one.data}\n in the kernel ${other.data}`;
    for (const name of Object.keys(one.maps)) {
      if (sorted([{ ...one, maps: { [name]: one.maps[name] } }]) !== sorted([{ ...one, maps: { [name]: other.maps[name] } }]))
        return `event ${i}: map ${name} ${JSON.stringify(one.maps[name])}\n in the kernel ${JSON.stringify(other.maps[name])}`;
    }
  }
  return 'nowhere';
}

function inputsOf(program: Program, dice: Dice): VmInput[] {
  const isMemory = contextKind(program.progType) === 'memory';
  return Array.from({ length: EVENTS }, (_, i) => {
    const bytes = Uint8Array.from({ length: isMemory ? 256 : i === 0 ? 64 + dice.below(40) : 20 + dice.below(60) }, () =>
      dice.chance(40) ? dice.below(4) : dice.below(256),
    );
    return isMemory ? { context: bytes } : { packet: bytes };
  });
}

async function compare(seed: number): Promise<void> {
  const program = structuredProgram(seed, { engine: true });
  const ours = verify(program, {
    kernel: '6.18',
    privilege: 'root',
    logLevel: 0,
    cpus: kernel.cpus,
    onProgress: (processed) => processed > MOST_PROCESSED,
  });
  if (ours.message === 'stopped') {
    see(tally, 'skipped', `more than ${MOST_PROCESSED} processed`);
    return;
  }
  if (harmsKernel(program)) {
    see(tally, 'skipped', 'would harm the kernel');
    return;
  }
  count(tally, 'generated');
  const loaded = await kernel.load(program, {
    logLevel: 1,
    logSize: 1 << 20,
    ...(program.subprogs.length > 1 ? { btf: programBtf(program) } : {}),
  });
  if (!loaded.program) return;
  count(tally, 'accepted');
  const onKernel = loaded.program;
  try {
    const dice = new Dice(seed);
    const machines = (['interp', 'wasm'] as const).map(
      (engine) => new Vm(program, { engine, cpu, cpus: kernel.cpus, maxInsns: MOST_EXECUTED }),
    );
    const inputs = inputsOf(program, dice);
    const before = contents(machines[0], dice);
    const tainted = new Vm(program, { cpu, cpus: kernel.cpus, maxInsns: MOST_EXECUTED });
    for (const vm of [...machines, tainted]) for (const { map, key, value } of before) vm.maps.get(map).update(key, value);
    const taint = new TaintCheck(tainted);
    const why = inputs.map((input) => taint.run(input)).find((depends) => depends !== null);
    if (why) {
      see(tally, 'setAside', why.replace(/ at instruction \d+/, ''));
      return;
    }
    await Promise.all(before.map(({ map, key, value }) => onKernel.map(map).update(key, value)));
    const expected = await inKernel(onKernel, inputs);
    if (typeof expected === 'string') {
      see(tally, 'skipped', `the kernel's test run: ${expected}`);
      return;
    }
    count(tally, 'compared');
    see(tally, 'commits', commit);
    see(tally, 'progTypes', progTypeName(program.progType));
    for (const name of new Set(kindsOf(program.insns))) see(tally, 'insns', name);
    for (const vm of machines) {
      const { outcomes, executed } = inMachine(vm, inputs);
      if (vm === machines[0]) see(tally, 'executed', String(Math.round(executed / EVENTS)));
      see(tally, 'engines', vm.engine);
      if (sorted(outcomes) === sorted(expected)) continue;
      see(tally, 'found', vm.engine);
      const text = parting(outcomes, expected);
      writeFileSync(join(defects, `engine-${vm.engine}-${seed}.txt`), `${text}\n${program.section}\n${listingOf(program)}\n`);
      console.error(`${vm.engine} seed ${seed} (${program.section}): ${text.slice(0, 200)}`);
    }
  } catch (error) {
    if (/stopped after/.test((error as Error).message)) {
      see(tally, 'skipped', `more than ${MOST_EXECUTED} executed`);
      return;
    }
    see(tally, 'found', 'fault');
    writeFileSync(join(defects, `engine-fault-${seed}.txt`), `${(error as Error).stack}\n${listingOf(program)}\n`);
    console.error(`fault seed ${seed} (${program.section}): ${(error as Error).message}`);
  } finally {
    await onKernel.closeAll();
  }
}

const began = performance.now();
const soFar = tally.seconds;
let sinceSaved = 0;
while (tally.next < job.first + job.total && performance.now() - began < job.seconds * 1000) {
  await compare(tally.next);
  tally.next += job.shards;
  tally.seconds = soFar + Math.round((performance.now() - began) / 1000);
  if (++sinceSaved % SAVE_EVERY === 0) saveTally(path, tally);
}
saveTally(path, tally);
kernel.close();

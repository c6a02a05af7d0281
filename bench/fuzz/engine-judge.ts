import { isPerCpu, MAP_TYPE_PERF_EVENT_ARRAY, MAP_TYPE_RINGBUF } from '../../src/bpf/maps.ts';
import type { Program } from '../../src/bpf/program.ts';
import type { Kernel, KernelMap, KernelProgram } from '../../src/companion/kernel.ts';
import { programBtf } from '../../src/object/program-btf.ts';
import { record } from '../../src/verifier/query/recorder.ts';
import { Dice } from '../../src/verifier/testing/dice.ts';
import { verify } from '../../src/verifier/verify.ts';
import { contextKind } from '../../src/vm/context.ts';
import { Containment } from '../../src/vm/testing/containment.ts';
import { TaintCheck } from '../../src/vm/testing/taint.ts';
import { Vm, type VmInput } from '../../src/vm/vm.ts';
import { harmsKernel } from './harmful.ts';

export const EVENTS = 2;
const MOST_EXECUTED = 1_000_000;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * What a run leaves: r0 as u32, the packet (or context) with its metadata, every entry of maps with keys, of every processor, the records
 * that a reader of ring buffers finds, and after the last run what queues and stacks hold.
 */
interface Outcome {
  readonly returnValue: number;
  readonly data: string;
  readonly maps: Record<string, Record<string, string>>;
}

/** What became of a program. `executed` is the mean of the events'. */
export type Judgement =
  | { readonly kind: 'rejected' | 'skipped' | 'setAside' | 'kernelFault' | 'fault'; readonly why: string }
  | {
      readonly kind: 'compared';
      readonly executed: number;
      readonly engines: readonly string[];
      readonly differences: readonly { readonly engine: string; readonly text: string }[];
    };

/** Asks both engines and the kernel what programs do with events that a seed draws. */
export class EngineJudge {
  readonly #kernel: Kernel;
  readonly #cpu: number;

  /** `cpu` is where the kernel's test runs are pinned. */
  constructor(kernel: Kernel, cpu: number) {
    this.#kernel = kernel;
    this.#cpu = cpu;
  }

  async judge(program: Program, seed: number): Promise<Judgement> {
    if (harmsKernel(program)) return { kind: 'skipped', why: 'would harm the kernel' };
    const loaded = await this.#kernel.load(program, {
      logLevel: 1,
      logSize: 1 << 20,
      ...(program.subprogs.length > 1 ? { btf: programBtf(program) } : {}),
    });
    if (!loaded.program) return { kind: 'rejected', why: loaded.message ?? '' };
    try {
      return await this.#compare(program, loaded.program, seed);
    } catch (error) {
      const { message } = error as Error;
      if (/stopped after/.test(message)) return { kind: 'skipped', why: `more than ${MOST_EXECUTED} executed` };
      if (/not available in this machine/.test(message)) return { kind: 'skipped', why: message.replace(/^.*?(helper|kernel)/, '$1') };
      return { kind: 'fault', why: (error as Error).stack ?? message };
    } finally {
      await loaded.program.closeAll();
    }
  }

  async #compare(program: Program, onKernel: KernelProgram, seed: number): Promise<Judgement> {
    const dice = new Dice(seed);
    const options = { cpu: this.#cpu, cpus: this.#kernel.cpus, maxInsns: MOST_EXECUTED };
    const machines = (['interp', 'wasm'] as const).map((engine) => new Vm(program, { engine, ...options }));
    const inputs = inputsOf(program, dice);
    const before = contents(machines[0], dice);
    const tainted = new Vm(program, options);
    for (const vm of [...machines, tainted]) for (const { map, key, value } of before) vm.maps.get(map).update(key, value);
    const taint = new TaintCheck(tainted);
    const why = inputs.map((input) => taint.run(input)).find((depends) => depends !== null);
    if (why) return { kind: 'setAside', why: why.replace(/ at instruction \d+/, '') };
    await Promise.all(before.map(({ map, key, value }) => onKernel.map(map).update(key, value)));
    const expected = await this.#inKernel(onKernel, inputs);
    if (typeof expected === 'string') return { kind: 'skipped', why: `the kernel's test run: ${expected}` };
    const differences: { engine: string; text: string }[] = [];
    let executed = 0;
    for (const vm of machines) {
      const run = this.#inMachine(vm, inputs);
      executed = Math.round(run.executed / EVENTS);
      if (sorted(run.outcomes) !== sorted(expected)) differences.push({ engine: vm.engine, text: parting(run.outcomes, expected) });
    }
    if (differences.length > 0 && this.#cameWhereNoPathWas(program, before, inputs))
      return { kind: 'kernelFault', why: 'it comes where the kernel, which loses precision, took code out that no path had reached' };
    return { kind: 'compared', executed, engines: machines.map(({ engine }) => engine), differences };
  }

  /**
   * Whether a run executes what 6.18 has taken out of the program: where it loses the precision of a number, its verifier takes a path to be
   * covered by one that goes another way (`kernel-faults.kernel.test.ts`). All that the run computes lies within the verifier's states
   * up to where that happens, so that it is no mistake of the engine.
   */
  #cameWhereNoPathWas(program: Program, before: Contents, inputs: readonly VmInput[]): boolean {
    const options = { kernel: '6.18', privilege: 'root', logLevel: 0, cpus: this.#kernel.cpus } as const;
    const { visits } = verify(program, options);
    const [traced, contained] = [0, 1].map(() => {
      const vm = new Vm(program, { cpu: this.#cpu, cpus: this.#kernel.cpus, maxInsns: MOST_EXECUTED });
      for (const { map, key, value } of before) vm.maps.get(map).update(key, value);
      return vm;
    });
    let unseen = false;
    for (const input of inputs)
      traced.trace(input, (insnIdx) => {
        unseen ||= visits[insnIdx] === 0;
      });
    if (!unseen) return false;
    const containment = new Containment(contained, record(program, options));
    return inputs.every((input) => containment.run(input) === null) && containment.leftEarly > 0;
  }

  async #inKernel(program: KernelProgram, inputs: readonly VmInput[]): Promise<Outcome[] | string> {
    const outcomes: Outcome[] = [];
    for (const [i, input] of inputs.entries()) {
      const run =
        'packet' in input ? await program.testRun(input.packet) : await program.testRun(new Uint8Array(0), { ctx: input.context });
      if (run.errno !== 0) return `errno ${run.errno}`;
      const data = hex(run.data);
      const maps: Outcome['maps'] = {};
      for (const map of program.maps) maps[map.def.name] = await this.#dump(map, i === inputs.length - 1);
      outcomes.push({ returnValue: run.returnValue, data, maps });
    }
    return outcomes;
  }

  async #dump(map: KernelMap, last: boolean): Promise<Record<string, string>> {
    const { def } = map;
    if (def.type === MAP_TYPE_RINGBUF) return numbered(await map.takeRecords());
    if (def.type === MAP_TYPE_PERF_EVENT_ARRAY) return {};
    if (def.keySize === 0) {
      const values: Uint8Array[] = [];
      for (let value = last ? await map.takeValue() : null; value; value = await map.takeValue()) values.push(value);
      return numbered(values);
    }
    const entries = await map.dump();
    const stride = (def.valueSize + 7) & ~7;
    const values = (value: Uint8Array): string =>
      isPerCpu(def.type)
        ? Array.from({ length: this.#kernel.cpus }, (_, c) => hex(value.subarray(c * stride, c * stride + def.valueSize))).join(' ')
        : hex(value);
    return Object.fromEntries(entries.map((entry) => [hex(entry.key), values(entry.value)]));
  }

  #inMachine(vm: Vm, inputs: readonly VmInput[]): { outcomes: Outcome[]; executed: number } {
    let executed = 0;
    const outcomes = inputs.map((input, i) => {
      const run = vm.run(input);
      executed += run.insnsExecuted;
      const data = run.packet ? hex(run.metadata) + hex(run.packet) : hex(run.context);
      const maps: Outcome['maps'] = {};
      for (const map of vm.maps) {
        const { type, keySize } = map.def;
        if (type === MAP_TYPE_RINGBUF)
          maps[map.name] = numbered(run.events.flatMap((e) => (e.kind === 'ringbuf' && e.map === map.name ? [e.data] : [])));
        else if (type === MAP_TYPE_PERF_EVENT_ARRAY) maps[map.name] = {};
        else if (keySize === 0) {
          const values: Uint8Array[] = [];
          for (let value = i === inputs.length - 1 ? map.take!() : null; value; value = map.take!()) values.push(value);
          maps[map.name] = numbered(values);
        } else {
          const each = Array.from({ length: isPerCpu(type) ? this.#kernel.cpus : 1 }, (_, c) => map.entries(c));
          maps[map.name] = Object.fromEntries(each[0].map((e, at) => [hex(e.key), each.map((of) => hex(of[at].value)).join(' ')]));
        }
      }
      return { returnValue: run.returnValue, data, maps };
    });
    return { outcomes, executed };
  }
}

const numbered = (values: readonly Uint8Array[]): Record<string, string> => Object.fromEntries(values.map((value, i) => [i, hex(value)]));

type Contents = readonly { readonly map: string; readonly key: Uint8Array; readonly value: Uint8Array }[];

/** The maps' contents before the first run, drawn by the seed: arrays alone, hashes begin empty. */
function contents(vm: Vm, dice: Dice): Contents {
  const byte = (): number => (dice.chance(40) ? dice.below(4) : dice.below(256));
  const out: { map: string; key: Uint8Array; value: Uint8Array }[] = [];
  for (const map of vm.maps) {
    for (const { key } of map.entries()) out.push({ map: map.name, key, value: Uint8Array.from({ length: map.def.valueSize }, byte) });
  }
  return out;
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

import { InputError } from '../base/errors.ts';
import type { Program } from '../bpf/program.ts';
import type { ProgramMeta } from '../compiler/api.ts';
import { CLOCK_MAP, clockValue } from '../hooks/clock.ts';
import { CONTROL_MAP, judgeAll } from '../hooks/production/binding.ts';
import { readScore, SCORE_MAP } from '../hooks/xdp.ts';
import { programBtf } from '../object/program-btf.ts';
import type { Tensors } from '../reference/reference.ts';
import { type Outcome, readOutputs } from '../replay/runner.ts';
import { storeTensor } from '../replay/tensors.ts';
import { type Kernel, openKernel, whyNoKernel } from './kernel.ts';
import type { KernelProgram } from './kernel-program.ts';

const KEY0 = new Uint8Array(4);
/** Test runs want at least an Ethernet header. */
const TENSOR_PACKET = new Uint8Array(64);

/** A compiled model in this machine's kernel, run with BPF_PROG_TEST_RUN. */
export class KernelRunner {
  readonly program: KernelProgram;
  readonly #kernel: Kernel;
  readonly meta: ProgramMeta;
  readonly #repeat: number;
  /** Mean time of the last run, as the kernel measured it. */
  lastNs = 0;

  constructor(kernel: Kernel, program: KernelProgram, meta: ProgramMeta, repeat: number) {
    this.#kernel = kernel;
    this.program = program;
    this.meta = meta;
    this.#repeat = repeat;
  }

  /** Loads the program. Throws {@link InputError} when there is no kernel to ask or it rejects the program. */
  static async open(program: Program, meta: ProgramMeta, repeat = 1): Promise<KernelRunner> {
    const kernel = await openKernel();
    if (!kernel) throw new InputError(`no kernel can be asked: ${whyNoKernel()}`, '--engine kernel');
    await kernel.pin(0);
    const loaded = await kernel.load(program, { btf: programBtf(program) });
    if (!loaded.program) {
      kernel.close();
      throw new InputError(
        `the kernel rejects the program: ${loaded.log.trim().split('\n').slice(-2)[0] ?? `errno ${loaded.errno}`}`,
        program.name,
      );
    }
    const control = loaded.program.maps.find(({ def }) => def.name === CONTROL_MAP);
    await control?.update(KEY0, judgeAll());
    return new KernelRunner(kernel, loaded.program, meta, repeat);
  }

  /** `timeNs` is what a program with flows takes for now. */
  async runPacket(packet: Uint8Array, timeNs?: number): Promise<Outcome> {
    if (timeNs !== undefined && this.program.maps.some(({ def }) => def.name === CLOCK_MAP))
      await this.program.map(CLOCK_MAP).update(KEY0, clockValue(timeNs));
    const returnValue = await this.#run(packet);
    const score = this.program.maps.some((map) => map.def.name === SCORE_MAP) ? readScore(await this.#value(SCORE_MAP)) : null;
    return { returnValue, score, outputs: score?.ran === false ? null : await this.#outputs(), insnsExecuted: 0 };
  }

  async runTensors(inputs: Tensors): Promise<Outcome> {
    for (const slot of this.meta.inputs) {
      const tensor = inputs[slot.name];
      if (!tensor) throw new InputError(`input \`${slot.name}\` is missing`, 'inputs');
      const value = await this.#value(slot.map);
      storeTensor(tensor, slot, value);
      await this.program.map(slot.map).update(KEY0, value);
    }
    const returnValue = await this.#run(TENSOR_PACKET);
    return { returnValue, score: null, outputs: await this.#outputs(), insnsExecuted: 0 };
  }

  /** What the kernel's verifier counted when it accepted the program. */
  async statistics(): Promise<{ readonly processed: number; readonly jitedBytes: number }> {
    const { verifiedInsns, jitedBytes } = await this.program.info();
    return { processed: verifiedInsns, jitedBytes };
  }

  close(): void {
    this.#kernel.close();
  }

  async #run(packet: Uint8Array): Promise<number> {
    const run = await this.program.testRun(packet, { repeat: this.#repeat });
    if (run.errno !== 0) throw new InputError(`the kernel's test run failed with errno ${run.errno}`, `packet of ${packet.length} bytes`);
    this.lastNs = run.durationNs;
    return run.returnValue;
  }

  /** Entry 0 of a map; of a per-CPU map the first processor's value: the loader is pinned to that one. */
  async #value(map: string): Promise<Uint8Array> {
    const { def } = this.program.map(map);
    const value = (await this.program.map(map).lookup(KEY0))!;
    return value.slice(0, def.valueSize);
  }

  async #outputs(): Promise<Record<string, Float64Array>> {
    const values = new Map<string, Uint8Array>();
    for (const slot of this.meta.outputs) if (!values.has(slot.map)) values.set(slot.map, await this.#value(slot.map));
    return readOutputs(this.meta.outputs, (map) => values.get(map)!);
  }
}

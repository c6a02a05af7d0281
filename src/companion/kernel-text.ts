import { InputError } from '../base/errors.ts';
import type { Program } from '../bpf/program.ts';
import type { DecoderMeta } from '../compiler/api.ts';
import { SCORES } from '../compiler/lm/sample-kernels.ts';
import { CONTROL_MAP, judgeAll } from '../hooks/production/binding.ts';
import type { TextBinding } from '../hooks/text/binding.ts';
import { programBtf } from '../object/program-btf.ts';
import { checkStatus, contextOf, type TextMachine } from '../replay/generate.ts';
import { PacketText, type Send } from '../replay/packet-text.ts';
import { type Kernel, openKernel, whyNoKernel } from './kernel.ts';
import type { KernelProgram } from './kernel-program.ts';

const KEY0 = new Uint8Array(4);

/** A text generating program in this machine's kernel, run with BPF_PROG_TEST_RUN on requests in its context, or in packets. */
export class KernelText implements TextMachine {
  readonly #kernel: Kernel;
  readonly program: KernelProgram;
  readonly #loaded: Program;

  constructor(kernel: Kernel, program: KernelProgram, loaded: Program) {
    this.#kernel = kernel;
    this.program = program;
    this.#loaded = loaded;
  }

  /** Loads the program. Throws {@link InputError} when there is no kernel to ask or it rejects the program. */
  static async open(program: Program): Promise<KernelText> {
    const kernel = await openKernel();
    if (!kernel) throw new InputError(`no kernel can be asked: ${whyNoKernel()}`, '--engine kernel');
    await kernel.pin(0);
    const loaded = await kernel.load(program, { btf: programBtf(program) });
    if (loaded.program) return new KernelText(kernel, loaded.program, program);
    kernel.close();
    const why = loaded.log.trim().split('\n').slice(-2)[0] ?? `errno ${loaded.errno}`;
    throw new InputError(`the kernel rejects the program: ${why}`, program.name);
  }

  /** As {@link run} of a program that takes packets. */
  async inPackets(binding: TextBinding, decoder: DecoderMeta): Promise<PacketText> {
    const control = this.program.maps.find(({ def }) => def.name === CONTROL_MAP);
    await control?.update(KEY0, judgeAll());
    const send: Send = async (frame) => {
      const { errno, data, durationNs } = await this.program.testRun(frame);
      if (errno !== 0) throw new InputError(`the kernel's test run failed with errno ${errno}`);
      return { packet: data, ns: durationNs };
    };
    return new PacketText(binding, decoder, send, () => this.scores());
  }

  async run(input: Uint8Array): Promise<{ output: Uint8Array; ns: number }> {
    const run = await this.program.testRun(new Uint8Array(0), { ctx: contextOf(input, this.#loaded) });
    if (run.errno !== 0) throw new InputError(`the kernel's test run failed with errno ${run.errno}`);
    checkStatus(run.returnValue);
    return { output: run.data.subarray(input.length), ns: run.durationNs };
  }

  async scores(): Promise<Uint8Array> {
    return (await this.program.map(SCORES).lookup(KEY0))!;
  }

  close(): void {
    this.#kernel.close();
  }
}

import type { MapDef } from '../../bpf/program.ts';
import { FuncBuilder, type Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { MAP_OF } from '../kernels/frame.ts';
import { entryOf } from './frame.ts';
import { inputBytes, outputBytes, STATUS } from './layout.ts';
import { acquire, release } from './lock.ts';
import { STATE_MAP } from './sample-kernels.ts';

export interface DecoderHookContext {
  readonly positions: number;
  readonly vocabulary: number;
  /** Answers the request in map `input` in map `output` with the weights that were live after `swaps` replacements ({@link acquire}); gives the status. */
  generate(b: FuncBuilder, at: { readonly input: Reg; readonly output: Reg; readonly state: Reg; readonly swaps: Reg }): Reg;
  /** Registers an origin for code that belongs to no node. */
  origin(label: string): OriginId;
}

/** The main function of a text generating program: where requests come from and where answers go. */
export interface DecoderHook {
  readonly section: string;
  readonly maps: readonly MapDef[];
  /** The binding document, which travels in the object. */
  readonly binding: unknown;
  buildMain(context: DecoderHookContext): readonly IrFunc[];
}

/** A program that user space runs (BPF_PROG_TEST_RUN) with a request in its context; the answer stands behind it. It returns the status. */
export const syscallHook = (): DecoderHook => ({
  section: 'syscall',
  maps: [],
  binding: null,
  buildMain: ({ positions, origin, generate }) => {
    const b = new FuncBuilder('generate', 'main', ['ctx']);
    b.setOrigin(origin('request and answer'));
    const [bail, busy] = [b.newBlock(), b.newBlock()];
    const input = entryOf(b, MAP_OF.input, bail);
    const output = entryOf(b, MAP_OF.output, bail);
    const state = entryOf(b, STATE_MAP, bail);
    const swaps = acquire(b, busy);
    const request = inputBytes(positions);
    for (let off = 0; off < request; off += 8) b.store(input, off, b.load(b.arg(0), off, 8), 8);
    const status = generate(b, { input, output, state, swaps });
    for (let off = 0; off < outputBytes(positions); off += 8) b.store(b.arg(0), request + off, b.load(output, off, 8), 8);
    release(b);
    b.ret(status);
    b.startBlock(busy);
    b.ret(STATUS.busy);
    b.startBlock(bail);
    b.ret(STATUS.full);
    return [b.finish()];
  },
});

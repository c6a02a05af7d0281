import { InputError } from '../../../base/errors.ts';
import { PROG_TYPE_ACCELERATOR } from '../../../bpf/accelerator/names.ts';
import type { Program } from '../../../bpf/program.ts';
import { asLoaded } from '../../../companion/protocol.ts';
import type { Line } from '../../../companion/remote.ts';
import type { ProgramMeta } from '../../../compiler/api.ts';
import { type Btf, readBtf } from '../../../object/btf.ts';
import { btfObjection } from '../../../object/btf-check.ts';
import { readObject } from '../../../object/reader.ts';
import type { LoadTarget } from '../../../object/target.ts';
import type { ProgramSpec } from '../../clients.ts';
import type { CallContext } from '../../rpc.ts';
import { bytesOf } from '../blobs.ts';
import { heldProgram } from '../programs.ts';

/** Types of the kernel at the other end, fetched once, by programs that name some. */
let types: Promise<Btf | null> | null = null;

function kernelTypes({ client }: Line, context: CallContext): Promise<Btf | null> {
  types ??= (async () => {
    context.progress('fetching the kernel’s types', 0, 0);
    const { blobs } = await client.ask('btf');
    return readBtf(blobs[0]!.slice(), 'the kernel’s types');
  })().catch(() => null);
  return types;
}

/** Program types whose context or arguments are structures of the kernel: tracing, struct_ops, ext, lsm, raw_tracepoint. */
const TYPED = new Set([17, 24, 26, 27, 28, 29]);

/** A program as the kernel at the other end gets it: relocated against its types, if it came as an object. */
export async function programFor(
  spec: ProgramSpec,
  line: Line,
  release: string,
  context: CallContext,
): Promise<{ program: Program; meta: ProgramMeta | null; kernelBtf: Btf | null }> {
  const held = await heldProgram(spec, context);
  let { program } = held;
  if (program.progType === PROG_TYPE_ACCELERATOR)
    throw new InputError('it runs on the simulated accelerator, which no kernel knows', program.name, 'Open a program of another type');
  const relocates = spec.from.kind === 'object' && !spec.fork && hasTypes(bytesOf(spec.from.blob));
  const named = TYPED.has(program.progType) || program.attachTo !== undefined || program.kfuncCalls.size > 0;
  const kernelBtf = relocates || named ? await kernelTypes(line, context) : null;
  if (relocates && kernelBtf && spec.from.kind === 'object') {
    const { programs } = readObject(bytesOf(spec.from.blob), spec.from.blob.name, targetOf(kernelBtf, release));
    program = programs.find(({ name }) => name === program.name) ?? program;
  }
  if (program.unloadable !== undefined)
    throw new InputError(program.unloadable, program.name, 'A loader refuses it before the kernel sees it');
  return { program: asLoaded(program), meta: held.meta, kernelBtf };
}

const text = new TextDecoder('latin1');

/** Objects with extended BTF may have relocations against the kernel's types. */
const hasTypes = (bytes: Uint8Array): boolean => text.decode(bytes).includes('.BTF.ext');

function targetOf(btf: Btf, release: string): LoadTarget {
  const [major = 0, minor = 0, patch = 0] =
    /^(\d+)\.(\d+)(?:\.(\d+))?/
      .exec(release)
      ?.slice(1)
      .map((part) => Number(part ?? 0)) ?? [];
  return {
    btf: () => btf,
    config: () => null,
    symbols: () => null,
    refusesTypes: btfObjection,
    virtual: (name) => {
      if (name === 'LINUX_KERNEL_VERSION') return BigInt((major << 16) | (minor << 8) | Math.min(patch, 255));
      return name === 'LINUX_HAS_BPF_COOKIE' ? 1n : undefined;
    },
  };
}

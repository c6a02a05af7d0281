import { InputError } from '../base/errors.ts';
import type { Program } from '../bpf/program.ts';
import { PROG_TYPE_XDP } from '../bpf/progtypes.ts';
import { KernelRunner } from '../companion/kernel-runner.ts';
import type { ProgramMeta } from '../compiler/api.ts';
import type { Binding } from '../hooks/binding.ts';
import type { ValueInfo } from '../onnx/model.ts';
import type { Runner } from '../replay/replay.ts';
import { ModelRunner, type Outcome, parseMeta } from '../replay/runner.ts';
import { Vm } from '../vm/core.ts';
import type { Args, Engine } from './args.ts';
import { type CompiledModel, compileModel } from './model.ts';
import { openObject } from './object.ts';
import { pickProgram, readPrograms } from './programs.ts';

/** A program that takes a trace, and what is known of it. */
export interface Side {
  readonly path: string;
  readonly program: Program;
  /** Null for a program that BPFormer did not write. */
  readonly meta: ProgramMeta | null;
  readonly binding: Binding | null;
  /** What its events are read for. */
  readonly model: { readonly inputs: readonly ValueInfo[] };
  /** Where it was compiled from a model here. */
  readonly loaded: CompiledModel | null;
}

export const isModel = (path: string): boolean => /\.onnx$/i.test(path);

/** Compiles a model or opens an object or assembly. A program of other people's must be XDP's: a capture is all that it can be given. */
export async function openSide(path: string, args: Args): Promise<Side> {
  if (isModel(path)) {
    const loaded = await compileModel(path, args);
    const { compiled, binding, model } = loaded;
    return { path, program: compiled.program, meta: compiled.meta, binding, model, loaded };
  }
  const file = readPrograms(path);
  const program = pickProgram(file, args.string('program'));
  if (parseMeta(file.meta, path, program)) {
    const { compiled, binding, model } = openObject(path, args.string('program'));
    return { path, program, meta: compiled.meta, binding, model, loaded: null };
  }
  if (program.progType !== PROG_TYPE_XDP)
    throw new InputError(
      'it has no .debug_bpformer section and is no XDP program, so no trace is known to fit it',
      path,
      'Run it with --packet',
    );
  return { path, program, meta: null, binding: null, model: { inputs: [] }, loaded: null };
}

export async function runnerOf({ path, program, meta }: Side, engine: Engine): Promise<Runner> {
  if (meta) return engine === 'kernel' ? KernelRunner.open(program, meta) : new ModelRunner(program, meta, engine);
  if (engine === 'kernel')
    throw new InputError(
      'it has no .debug_bpformer section, and only programs with one are replayed in the kernel',
      path,
      'Run it with --packet',
    );
  return new PacketRunner(program, engine);
}

/** A program without our metadata: it says no more than its return value. */
class PacketRunner implements Runner {
  readonly #vm: Vm;

  constructor(program: Program, engine: 'wasm' | 'interp') {
    this.#vm = new Vm(program, { engine });
  }

  runPacket(packet: Uint8Array): Outcome {
    const returnValue = this.#vm.runUnseen({ packet });
    return { returnValue, score: null, outputs: null, insnsExecuted: this.#vm.insnsExecuted };
  }

  runTensors(): Outcome {
    throw new Error('a program without metadata takes packets');
  }
}

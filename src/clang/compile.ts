import { InputError, oneLine } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import type { Program } from '../bpf/program.ts';
import type { Cpu } from '../compiler/backend/legalize.ts';
import { type LinkFile, linkObjects, undefinedNames } from '../object/combine.ts';
import { readObject } from '../object/reader.ts';
import type { LoadTarget } from '../object/target.ts';
import { type Diagnostic, parseDiagnostics } from './diagnostics.ts';
import { builtinHeaders } from './headers/tree.ts';
import { parseModule } from './llvm-ir/parser.ts';
import { moduleToObject } from './object/write.ts';
import { type FileTree, runClang } from './toolchain.ts';

export type { Cpu, Diagnostic, FileTree };

export interface CompileOptions {
  /** Name of the source, which messages and line info bear; `program.c` without one. */
  readonly fileName?: string;
  /** Instruction set; v3 without one, as clang chooses since 20. */
  readonly cpu?: Cpu;
  /** `-O` level; 2 without one, which is what BPF code is written for. */
  readonly optimize?: '0' | '1' | '2' | '3' | 's';
  /** `NAME` or `NAME=VALUE`. */
  readonly defines?: readonly string[];
  /** Files beside the source, for `#include "…"`. */
  readonly files?: FileTree;
  /** Folders that are searched before our own headers, in order. */
  readonly include?: readonly FileTree[];
  /** False leaves out our own headers. */
  readonly ownHeaders?: boolean;
  /** The running kernel, which CO-RE relocations are resolved against in `programs`. */
  readonly target?: LoadTarget | null;
  /** Objects that become one with what is compiled, in order. */
  readonly link?: readonly LinkInput[];
  readonly progress?: Progress;
}

/** An object to link with; with `symbols` only where the program uses one of these names and does not define it. */
export interface LinkInput extends LinkFile {
  readonly symbols?: readonly string[];
}

export interface CompiledC {
  /** In the order of the object; empty when there is an error. */
  readonly programs: readonly Program[];
  /** What libbpf loads; null when there is an error. */
  readonly object: Uint8Array | null;
  /** clang's and ours, in order. */
  readonly diagnostics: readonly Diagnostic[];
  /** LLVM's IR behind the optimiser; null when clang refuses the source. */
  readonly ir: string | null;
}

/** Loops stay loops and switches comparisons: BPF has neither vectors nor tables of jumps. */
const FLAGS = ['-fno-jump-tables', '-fno-vectorize', '-fno-slp-vectorize', '-fno-stack-protector'];
/** A loop that ends at the end of a packet would count rounds instead, from a difference of pointers that the verifier does not know. */
const PASSES = ['-mllvm', '-disable-lftr'];
const QUIET = ['-fno-color-diagnostics', '-fno-caret-diagnostics'];

/**
 * Compiles C for BPF: clang's front end and optimiser in WebAssembly, then our own back end. Mistakes in the source are diagnostics,
 * never exceptions; what is wrong with the request itself is an {@link InputError}.
 */
export async function compileC(source: string, options: CompileOptions = {}): Promise<CompiledC> {
  const file = options.fileName ?? 'program.c';
  if (!/^[\w.+-]+$/.test(file)) throw new InputError('the name of a source has letters, digits, dots and dashes only', file);
  const include = options.include ?? [];
  const folders = Object.fromEntries(include.map((tree, at) => [`include${at}`, tree]));
  const own: FileTree = options.ownHeaders === false ? {} : { bpformer: builtinHeaders() };
  const tree: FileTree = { ...options.files, ...folders, ...own, [file]: source };
  const cpu = options.cpu ?? 'v3';
  const args = [
    ...['-target', 'bpf', `-mcpu=${cpu}`, `-O${options.optimize ?? '2'}`, '-g', '-S', '-emit-llvm', ...FLAGS, ...PASSES, ...QUIET],
    ...['-D__TARGET_ARCH_x86', ...(options.defines ?? []).map((define) => `-D${define}`)],
    ...[...Object.keys(folders), ...Object.keys(own)].map((folder) => `-I${folder}`),
    file,
  ];
  const { output: ir, messages, crash } = await runClang(args, tree, options.progress);
  const diagnostics = parseDiagnostics(messages);
  if (ir === null) {
    const explained = crash === null && diagnostics.some(({ severity }) => severity === 'error');
    const why = oneLine(crash ?? messages.split('\n')[0]!);
    if (!explained) diagnostics.push({ severity: 'error', file, line: 0, column: 0, message: `clang gave up: ${why}` });
    return { programs: [], object: null, diagnostics, ir: null };
  }
  try {
    const name = file.replace(/\.c$/, '.o');
    const compiled = moduleToObject(parseModule(ir), { cpu, source: (path) => textAt(tree, path) });
    const object = linked({ name, bytes: compiled }, options.link ?? []);
    const read = readObject(object, name, options.target ?? null);
    return {
      programs: read.programs,
      object,
      diagnostics: [...diagnostics, ...read.warnings.map((message) => warning(file, message))],
      ir,
    };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { programs: [], object: null, diagnostics: [...diagnostics, fromError(error, file)], ir };
  }
}

/** The object with those that it is to be linked with. */
function linked(own: LinkFile, inputs: readonly LinkInput[]): Uint8Array {
  if (inputs.length === 0) return own.bytes;
  const used = undefinedNames(own);
  const wanted = inputs.filter(({ symbols }) => !symbols || symbols.some((symbol) => used.has(symbol)));
  return wanted.length === 0 ? own.bytes : linkObjects([own, ...wanted]);
}

const warning = (file: string, message: string): Diagnostic => ({ severity: 'warning', file, line: 0, column: 0, message });

/** A refusal of the lowering with its place, in clang's form. */
function fromError({ what, where, advice }: InputError, file: string): Diagnostic {
  const place = /^(.*):(\d+):(\d+)$/.exec(where);
  const message = [what, advice].filter(Boolean).join('. ');
  if (!place)
    return { severity: 'error', file, line: 0, column: 0, message: where && where !== 'C source' ? `${where}: ${message}` : message };
  return { severity: 'error', file: place[1]!, line: Number(place[2]), column: Number(place[3]), message };
}

function textAt(tree: FileTree, path: string): string | undefined {
  let at: FileTree | string | Uint8Array | undefined = tree;
  for (const part of path.split('/').filter((name) => name !== '' && name !== '.')) {
    at = typeof at === 'object' && !(at instanceof Uint8Array) ? at[part] : undefined;
  }
  return typeof at === 'string' ? at : at instanceof Uint8Array ? new TextDecoder().decode(at) : undefined;
}

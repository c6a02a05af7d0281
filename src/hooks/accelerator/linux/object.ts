import { InputError } from '../../../base/errors.ts';
import { ACCEL_FUNCTIONS } from '../../../bpf/accelerator/functions.ts';
import { ACCEL_SECTION, PROG_TYPE_ACCELERATOR } from '../../../bpf/accelerator/names.ts';
import type { Program } from '../../../bpf/program.ts';
import { compileC } from '../../../clang/compile.ts';
import { linkObjects, undefinedNames } from '../../../object/combine.ts';
import { readObject } from '../../../object/reader.ts';
import type { KernelVersion } from '../../../verifier/api.ts';
import { verify } from '../../../verifier/verify.ts';
import { SHIMS_C, shimDefines } from './shims.ts';

/** Bytes of stack that Linux gives a program and all that it calls. */
const LINUX_STACK = 512;

const compiled = new Map<string, Promise<Uint8Array>>();

/** The functions named and what they need, as an object that others are linked with; our clang makes it when it is first asked for. */
function shims(names: readonly string[]): Promise<Uint8Array> {
  const defines = shimDefines(names);
  const key = defines.join();
  let made = compiled.get(key);
  if (!made) {
    made = compileC(SHIMS_C, { fileName: 'accelerator.c', defines }).then(({ object, diagnostics }) => {
      if (!object) throw new Error(diagnostics.map(({ line, message }) => `accelerator.c:${line}: ${message}`).join('\n'));
      return object;
    });
    compiled.set(key, made);
  }
  return made;
}

/** `accelerator/HOOK` and `gaudi/HOOK` become `syscall`. */
const linuxSection = (name: string): string =>
  name.replace(/^(\??)(.*)$/, (_, mark: string, rest: string) => mark + (ACCEL_SECTION.test(rest) ? 'syscall' : rest));

/** Why Linux refuses a program that the device takes; null when it does not. */
function refusal(program: Program, onDevice: Program | undefined, kernel: KernelVersion): string | null {
  const { accepted, message } = verify(program, { kernel, privilege: 'root', logLevel: 0 });
  if (accepted) return null;
  const { stackDepth = '0' } = onDevice ? verify(onDevice, { kernel: '6.18', privilege: 'root', logLevel: 0 }) : {};
  const frames = stackDepth.split('+').map(Number);
  const deepest = Math.max(...frames);
  const says = `Linux ${kernel} will refuse it: ${message}`;
  return deepest > LINUX_STACK
    ? `${says}; a function of it uses ${deepest} bytes of stack, and Linux gives a program ${LINUX_STACK} in all`
    : says;
}

/**
 * The programs of an object for the accelerator as Linux loads them: of type syscall, with the context that they had, and with the functions of the
 * device that they call linked in as eBPF (`shims.ts`, docs/accelerator.md). Throws {@link InputError} for objects without such programs,
 * and for programs that Linux refuses, with the reason.
 */
export async function linuxObject(object: Uint8Array, fileName = 'program.o', kernel: KernelVersion = '6.18'): Promise<Uint8Array> {
  const { programs } = readObject(object, fileName);
  const own = programs.filter(({ progType }) => progType === PROG_TYPE_ACCELERATOR);
  if (own.length === 0)
    throw new InputError('it has no program for the accelerator', fileName, 'Its sections are accelerator/HOOK or gaudi/HOOK');
  const open = undefinedNames({ name: fileName, bytes: object });
  const needed = [...ACCEL_FUNCTIONS.keys()].filter((name) => open.has(name));
  const files = [{ name: fileName, bytes: object }];
  if (needed.length > 0) files.push({ name: 'accelerator.o', bytes: await shims(needed) });
  const linked = linkObjects(files, linuxSection);
  for (const program of readObject(linked, fileName).programs) {
    const reason = refusal(
      program,
      own.find(({ name }) => name === program.name),
      kernel,
    );
    if (reason !== null) throw new InputError(reason, program.name);
  }
  return linked;
}

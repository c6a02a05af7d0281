import { InputError } from '../../base/errors.ts';
import { assemblePrograms } from '../../bpf/asm.ts';
import type { Program } from '../../bpf/program.ts';
import { readObject } from '../../object/reader.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { verifyBeside } from '../../verifier/logfile/beside.ts';
import type { BlobRef } from '../document.ts';
import type { BesideView } from '../log-views.ts';
import type { CallContext } from '../rpc.ts';
import { heldLog } from './logs.ts';

export interface BesideArgs {
  readonly blob: BlobRef;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly kernel: KernelVersion;
}

/** Our verifier on the program of a log, beside it. The program is the file's only one, or the one that the log names. */
export async function besideLog({ blob, name, bytes, kernel }: BesideArgs, context: CallContext): Promise<BesideView> {
  const log = await heldLog(blob, context);
  const programs = programsOf(name, bytes);
  const wanted = log.columns.runs[log.columns.run]!.program;
  const program = programs.find((each) => each.name === wanted) ?? (programs.length === 1 ? programs[0] : undefined);
  if (!program) {
    const names = programs.map((each) => each.name).join(', ');
    throw new InputError(programs.length === 0 ? 'it has no program' : `the log does not name one of its programs (${names})`, name);
  }
  const { level, same, values, difference, result } = verifyBeside(log.bytes, log.columns, program, { kernel, privilege: 'root' });
  return { level, same, values, difference, accepted: result.accepted, message: result.message };
}

function programsOf(name: string, bytes: Uint8Array): readonly Program[] {
  if (bytes[0] === 0x7f && bytes[1] === 0x45) return readObject(bytes, name).programs;
  const { programs, diagnostics } = assemblePrograms(new TextDecoder().decode(bytes));
  if (!programs) throw new InputError(diagnostics[0]!.message, `${name}:${diagnostics[0]!.line}`);
  return programs;
}

import { assemble } from '../../bpf/asm.ts';
import { withoutContents } from '../../bpf/edit-function.ts';
import { disassemble } from '../../bpf/listing.ts';
import { writeObject } from '../../object/writer.ts';
import type { ProgramSpec } from '../clients.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import type { AssemblyDiagnostic } from '../views.ts';
import { heldProgram } from './programs.ts';

/** The text that the editor opens: the whole program with labels, so that inserting a line keeps every jump. */
export async function programText({ program: spec }: { program: ProgramSpec }, context: CallContext): Promise<string> {
  const { program } = await heldProgram(spec, context);
  return disassemble(withoutContents(program), { labels: true });
}

export function diagnose({ text }: { text: string }): readonly AssemblyDiagnostic[] {
  return assemble(text).diagnostics.map(({ line, column, message }) => ({ line, column, endColumn: column + 1, message }));
}

/** The ELF object, with what a loader of ours needs beside it. */
export async function exportObject({ program: spec }: { program: ProgramSpec }, context: CallContext): Promise<Transferred<Uint8Array>> {
  const { program, meta } = await heldProgram(spec, context);
  const bytes = writeObject(program, meta ? { meta } : {});
  return new Transferred(bytes, [bytes.buffer]);
}

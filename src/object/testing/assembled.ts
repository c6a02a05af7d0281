import { assemble } from '../../bpf/asm.ts';
import type { Program } from '../../bpf/program.ts';

/** The program of a text that the assembler must take. */
export function assembled(text: string): Program {
  const { program, diagnostics } = assemble(text);
  if (!program) throw new Error(JSON.stringify(diagnostics));
  return program;
}

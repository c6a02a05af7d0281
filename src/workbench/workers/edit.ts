import { InputError } from '../../base/errors.ts';
import { editableText, functionLines } from '../../bpf/edit-function.ts';
import { encodeInsns } from '../../bpf/insn.ts';
import type { ProgramSpec } from '../clients.ts';
import type { EditBase } from '../edit-view.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import { bytesOf } from './blobs.ts';
import { type Held, heldProgram } from './programs.ts';

/** The whole text that an edit is put into: a fork's own, with the labels and comments of whoever wrote it, where its functions are those of the program. */
function wholeText(spec: ProgramSpec, { program }: Held): string[] {
  if (spec.fork) {
    const own = new TextDecoder().decode(bytesOf(spec.fork)).split(/\r\n|\n|\r/);
    if (functionLines(own, program, 0)) return own;
  }
  return editableText(program).split('\n');
}

/** Function `func` as a text to edit. */
export async function editBase(
  { program: spec, func }: { program: ProgramSpec; func: number },
  context: CallContext,
): Promise<Transferred<EditBase>> {
  const held = await heldProgram(spec, context);
  const { insns, lineInfo: _lines, origins: _origins, insnOrigins: _own, ...rest } = held.program;
  const whole = wholeText(spec, held);
  const range = functionLines(whole, held.program, func);
  if (!range) throw new InputError('the program cannot be cut into functions');
  const code = encodeInsns(insns) as Uint8Array<ArrayBuffer>;
  const { start, name } = held.program.subprogs[func]!;
  const end = held.program.subprogs[func + 1]?.start ?? insns.length;
  const text = `${whole
    .slice(...range)
    .join('\n')
    .trimEnd()}\n`;
  return new Transferred({ key: spec.key, func, name, text, insns: end - start, total: insns.length, code, rest }, [code.buffer]);
}

/** The whole text with `text` in place of function `func`. */
export async function editedText(
  { program: spec, func, text }: { program: ProgramSpec; func: number; text: string },
  context: CallContext,
): Promise<string> {
  const held = await heldProgram(spec, context);
  const whole = wholeText(spec, held);
  const range = functionLines(whole, held.program, func);
  if (!range) throw new InputError('the program cannot be cut into functions');
  return `${[...whole.slice(0, range[0]), text.trimEnd(), ...whole.slice(range[1])].join('\n').trimEnd()}\n`;
}

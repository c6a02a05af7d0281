import { InputError } from '../../base/errors.ts';
import type { Program } from '../../bpf/program.ts';
import type { ProgramMeta } from '../../compiler/api.ts';
import { readObject } from '../../object/reader.ts';
import { parseMeta } from '../../replay/runner.ts';
import type { BlobRef } from '../document.ts';
import { bytesOf } from './blobs.ts';
import { assembled } from './fork.ts';

interface ReadProgram {
  readonly program: Program;
  readonly meta: ProgramMeta | null;
  /** All that the object holds. */
  readonly siblings: readonly { readonly name: string; readonly section: string }[];
}

/** A program that no compiler of ours has just made: the one of that name in an object, or its first, with what is written beside it; or a text. */
export function readProgram(kind: 'object' | 'assembly', blob: BlobRef, name?: string): ReadProgram {
  const bytes = bytesOf(blob);
  if (kind === 'assembly') return { program: assembled(new TextDecoder().decode(bytes), blob.name), meta: null, siblings: [] };
  const object = readObject(bytes, blob.name);
  const program = object.programs.find((each) => each.name === name) ?? object.programs[0];
  if (!program) throw new InputError('the object holds no program', blob.name, 'Give a section such as SEC("xdp") a function');
  const siblings = object.programs.map((each) => ({ name: each.name, section: each.section }));
  return { program, meta: parseMeta(object.meta, blob.name, program), siblings };
}

/** Fails where a file holds no program that could be opened. */
export function checkProgram({ kind, blob }: { kind: 'object' | 'assembly'; blob: BlobRef }): void {
  readProgram(kind, blob);
}

import { leaveBlobs, putBlob } from '../../workbench/blobs.ts';
import { callOnProgram } from '../../workbench/clients.ts';
import type { CodeFile, CodeSide } from '../../workbench/codes-views.ts';
import type { BlobRef, ProjectDoc } from '../../workbench/document.ts';
import { isOpenProgram, whenLeft } from '../../workbench/leaving.ts';
import type { Stages } from '../../workbench/stages.ts';
import { codes as texts } from '../texts/codes.ts';

/** A program that can stand at one side. */
export interface Choice {
  readonly id: string;
  readonly label: string;
  readonly name: string;
  /** The instructions are those of the program on show. */
  readonly isOpen: boolean;
  side(): Promise<CodeSide>;
}

/** Ids do not name the bytes of the open program: it changes and stays chosen. */
const OPEN = 'open:';

/** The object that the open program stands in as it is: the file, or what C was compiled to; null where there is none, as of a model. */
export function openObject(doc: ProjectDoc, stages: Pick<Stages, 'c'>): BlobRef | null {
  const { source, fork } = doc;
  if (fork) return null;
  return source?.kind === 'object' ? source.blob : source?.kind === 'c' ? (stages.c.value?.object ?? null) : null;
}

/** The object of the open program, written where there is none. */
export async function writtenObject(doc: ProjectDoc, stages: Pick<Stages, 'program' | 'c'>): Promise<BlobRef> {
  const own = openObject(doc, stages);
  if (own) return own;
  const { key } = stages.program.value!;
  const blob = await putBlob(`${doc.name}.o`, await callOnProgram<Uint8Array<ArrayBuffer>>(key, 'exportObject'));
  written.push({ key, blob });
  return blob;
}

/** Objects that were written of programs: no document names them. */
let written: { readonly key: string; readonly blob: BlobRef }[] = [];
whenLeft(() => {
  leaveBlobs(written.filter(({ key }) => !isOpenProgram(key)).map(({ blob }) => blob));
  written = written.filter(({ key }) => isOpenProgram(key));
});

/** The open program and its siblings, then those of the files that were added. */
export function choicesOf(doc: ProjectDoc, stages: Pick<Stages, 'program' | 'c'>, files: readonly CodeFile[]): Choice[] {
  const program = stages.program.value;
  const own: Choice[] = [];
  if (program && !program.fromLog) {
    const blob = openObject(doc, stages);
    const open: Choice = {
      id: OPEN,
      label: texts.open(program.name),
      name: program.name,
      isOpen: true,
      side: async () => ({ kind: 'object', blob: await writtenObject(doc, stages), program: blob ? program.name : null }),
    };
    const siblings = blob ? program.siblings.filter(({ name }) => name !== program.name) : [];
    own.push(
      open,
      ...siblings.map(
        ({ name }): Choice => ({
          id: OPEN + name,
          label: texts.ofFile(name, blob!.name),
          name,
          isOpen: false,
          side: async () => ({ kind: 'object', blob: blob!, program: name }),
        }),
      ),
    );
  }
  const added = files.flatMap(({ kind, blob, programs }) =>
    programs.map(
      ({ name }): Choice => ({
        id: `${blob.hash}:${name}`,
        label: texts.ofFile(name, blob.name),
        name,
        isOpen: false,
        side: async () => ({ kind, blob, program: kind === 'object' ? name : null }),
      }),
    ),
  );
  return [...own, ...added];
}

import { InputError } from '../../base/errors.ts';
import { getBlob, holdBlob } from '../blobs.ts';
import { blobsOf, type ProjectDoc } from '../document.ts';
import { WorkerClient } from '../rpc.ts';
import type { ArchiveParts } from './archive.ts';
import type { SampleRef } from './record.ts';
import { fields, isHash, isInt, isOneOf, isText, orNull, parseDoc, parseWith } from './schema.ts';

/** Version of `project.json`. */
const VERSION = 1;
export const PROJECT_EXTENSION = '.bpformer';

const archiveWorker = new WorkerClient(
  'project file',
  () => new Worker(new URL('../workers/archive.worker.ts', import.meta.url), { type: 'module', name: 'archive' }),
  'project',
);

/** The document and all bytes that it names, as one file; undo steps stay in the browser. */
export function packProject(doc: ProjectDoc, sample: SampleRef | null): Promise<Uint8Array<ArrayBuffer>> {
  // Captures that stay on disk are chosen again where the project is opened.
  const held = blobsOf(doc).filter(({ modified }) => modified === undefined);
  const blobs = new Map(held.map((ref) => [ref.hash, getBlob(ref)]));
  const project = JSON.stringify({ format: 'bpformer-project', version: VERSION, sample, doc }, null, 1);
  return archiveWorker.call<Uint8Array<ArrayBuffer>>('pack', { project, blobs } satisfies ArchiveParts);
}

const header = (doc: (value: unknown, path: string) => void) =>
  fields({
    format: isOneOf(['bpformer-project']),
    version: isInt(1, VERSION),
    sample: orNull(fields({ id: isText(200, 1), hash: isHash })),
    doc,
  });

/** The document of a project file, whose bytes this tab holds from then on. */
export async function unpackProject(name: string, bytes: Uint8Array): Promise<{ doc: ProjectDoc; sample: SampleRef | null }> {
  const { project, blobs } = await archiveWorker.call<ArchiveParts>('unpack', { bytes, where: name });
  return readProject(name, project, blobs);
}

/** What `project.json` says, with every byte that it names. */
export function readProject(name: string, project: string, blobs: ArchiveParts['blobs']): { doc: ProjectDoc; sample: SampleRef | null } {
  let value: unknown;
  try {
    value = JSON.parse(project);
  } catch (error) {
    throw new InputError(`its project.json is not JSON: ${error instanceof Error ? error.message : String(error)}`, name);
  }
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > VERSION) {
    throw new InputError(
      `it was written by a newer BPFormer (version ${version} of the format; this one reads ${VERSION})`,
      name,
      'Reload the page to get the newer one',
    );
  }
  const read = parseWith<{ doc: unknown; sample: SampleRef | null }>(
    header(() => {}),
    value,
    name,
  );
  const doc = parseDoc(read.doc, `${name}, project.json, doc`);
  for (const ref of blobsOf(doc)) {
    if (ref.modified !== undefined) continue;
    const found = blobs.get(ref.hash);
    if (!found) throw new InputError(`the bytes of ${ref.name} are missing`, name, 'Export the project again where it was made');
    if (found.length !== ref.size) throw new InputError(`the size of ${ref.name} is not the one that it names`, name);
    holdBlob(ref.hash, found);
  }
  return { doc, sample: read.sample };
}

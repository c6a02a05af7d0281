import { type BlobRef, blobsOf, type DocHistory } from '../document.ts';

/** A sample by its name and by the SHA-256 of its document (`docHash`), which names its bytes in turn. */
export interface SampleRef {
  readonly id: string;
  readonly hash: string;
}

/** How a project began, and the sample that lies under it if one does. */
export interface Origin {
  readonly how: 'sample' | 'file' | 'link' | 'copy' | 'new';
  readonly sample: SampleRef | null;
}

/** What the list of projects shows: one record a project, beside its history. */
export interface ProjectMeta {
  /** Version of the record's form. */
  readonly schema: 1;
  readonly id: string;
  readonly name: string;
  readonly kind: 'model' | 'object' | 'c' | 'assembly' | 'log' | 'empty';
  /** Name of the file that is its source; '' without one. */
  readonly file: string;
  readonly createdAt: number;
  readonly changedAt: number;
  /** Counts saves and take-overs: a save names the revision that it follows, so that none is lost. */
  readonly revision: number;
  /** Bytes of all blobs that it names. */
  readonly bytes: number;
  /** Hashes of all blobs that it or its undo steps name. */
  readonly blobs: readonly string[];
  readonly origin: Origin;
}

/** Every blob that a document or a step of its undo names, by hash. */
export function blobsOfHistory({ past, doc, future }: DocHistory): Map<string, BlobRef> {
  const all = new Map<string, BlobRef>();
  for (const each of [doc, ...past.map((step) => step.doc), ...future.map((step) => step.doc)]) {
    for (const ref of blobsOf(each)) all.set(ref.hash, ref);
  }
  return all;
}

export function metaOf(
  id: string,
  origin: Origin,
  history: DocHistory,
  times: { createdAt: number; changedAt: number },
  revision: number,
): ProjectMeta {
  const { doc } = history;
  const blobs = blobsOfHistory(history);
  return {
    schema: 1,
    id,
    name: doc.name,
    kind: doc.source?.kind ?? 'empty',
    file: doc.source?.blob.name ?? '',
    ...times,
    revision,
    bytes: [...blobs.values()].reduce((sum, { size }) => sum + size, 0),
    blobs: [...blobs.keys()],
    origin,
  };
}

/** JSON with sorted keys: equal values, equal text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

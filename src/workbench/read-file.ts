import { holdBlob, putBlob } from './blobs.ts';
import { logWorker } from './clients.ts';
import type { BlobRef } from './document.ts';
import type { FileKind } from './files.ts';
import type { FileAnswer } from './workers/files.ts';

/** Smaller files are read and hashed here: that takes less time than asking a worker. */
const LARGE_BYTES = 4 * 1024 * 1024;
/** Larger captures stay on disk. */
const OUTSIDE_BYTES = 16 * 1024 * 1024;

interface ReadFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ref: BlobRef;
  /** Of a file that stays on disk: what it is. */
  readonly kind?: FileKind;
  /** Of a large file, what tells whether it is a log. */
  readonly sample?: string;
}

/** Bytes of a file, and its name among the blobs. Large files are read and hashed in a worker: copying them alone would hold up the page. */
export async function readFile(file: File, name: string): Promise<ReadFile> {
  if (file.size < LARGE_BYTES && !/\.gz$/i.test(file.name)) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    return { bytes, ref: await putBlob(name, bytes) };
  }
  if (file.size >= OUTSIDE_BYTES) {
    const ref = await (await import('./outside.ts')).outsideFile(file, name);
    if (ref) return { bytes: new Uint8Array(0), ref, kind: 'packets' };
  }
  const { bytes, hash, kept, sample } = await logWorker.call<FileAnswer>('readFile', { file });
  holdBlob(hash, bytes);
  if (kept) logWorker.adopt(hash, bytes);
  return { bytes, ref: { hash, name, size: bytes.length }, sample };
}

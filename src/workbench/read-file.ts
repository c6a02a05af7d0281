import { holdBlob, putBlob } from './blobs.ts';
import { logWorker } from './clients.ts';
import type { BlobRef } from './document.ts';
import type { FileAnswer } from './workers/files.ts';

/** Smaller files are read and hashed here: that takes less time than asking a worker. */
const LARGE_BYTES = 4 * 1024 * 1024;

interface ReadFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ref: BlobRef;
  /** Of a large file, what tells whether it is a log. */
  readonly sample?: string;
}

/** Bytes of a file, and its name among the blobs. Large files are read and hashed in a worker: copying them alone would hold up the page. */
export async function readFile(file: File, name: string): Promise<ReadFile> {
  if (file.size < LARGE_BYTES && !/\.gz$/i.test(file.name)) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    return { bytes, ref: await putBlob(name, bytes) };
  }
  const { bytes, hash, kept, sample } = await logWorker.call<FileAnswer>('readFile', { file });
  holdBlob(hash, bytes);
  if (kept) logWorker.adopt(hash, bytes);
  return { bytes, ref: { hash, name, size: bytes.length }, sample };
}

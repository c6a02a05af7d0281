import { loadSample } from '../actions.ts';
import { hasBlob, putBlob } from '../blobs.ts';
import { type BlobRef, blobsOf, type ProjectDoc } from '../document.ts';
import { SAMPLES } from '../samples.ts';
import { keeper } from './start.ts';

/**
 * Brings the bytes that a document names into this tab: from where projects are kept, else from the samples. Gives those that are nowhere to be
 * found, each once.
 */
export async function findBlobs(...docs: readonly ProjectDoc[]): Promise<readonly BlobRef[]> {
  const missing = () => [...new Map(docs.flatMap(blobsOf).map((ref) => [ref.hash, ref])).values()].filter(({ hash }) => !hasBlob(hash));
  if (missing().length === 0) return [];
  const kept = await keeper().catch(() => null);
  // One that is gone must not keep the others back.
  for (const ref of missing()) await kept?.fetchKept([ref]).catch(() => {});
  for (const sample of SAMPLES) {
    if (missing().length === 0) break;
    await loadSample(sample).catch(() => null);
  }
  return missing();
}

/** Which of `wanted` a file is; null for one that is none of them. Its bytes are held under their hash, which is what tells. */
export async function offerFile(file: File, wanted: readonly BlobRef[]): Promise<BlobRef | null> {
  if (!wanted.some(({ size }) => size === file.size)) return null;
  const { hash } = await putBlob(file.name, new Uint8Array(await file.arrayBuffer()));
  return wanted.find((ref) => ref.hash === hash) ?? null;
}

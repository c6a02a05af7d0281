import { sha256 } from '../blobs.ts';
import type { ProjectDoc } from '../document.ts';
import { canonical } from './record.ts';

/** SHA-256 of a document, which names its bytes by theirs: equal documents, equal hashes. */
export function docHash(doc: ProjectDoc): Promise<string> {
  return sha256(new TextEncoder().encode(canonical(doc)));
}

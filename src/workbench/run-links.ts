import { useAb } from './ab.ts';
import { getBlob } from './blobs.ts';
import { type BlobRef, EMPTY_PROJECT, type ProjectDoc } from './document.ts';
import { findBlobs } from './projects/find-blobs.ts';
import { linkOf, type Share } from './projects/share.ts';
import type { KeptRun } from './run-records.ts';

/** A link that restores a run or a comparison, with the files that it names without carrying them. */
export type RunLink =
  | { readonly kind: 'link'; readonly url: string; readonly files: readonly BlobRef[] }
  | { readonly kind: 'none'; readonly why: string };

const asLink = (share: Share): RunLink => (share.kind === 'link' ? share : { kind: 'none', why: share.why });

/** The comparison on show. */
export async function linkOfComparison(): Promise<RunLink> {
  const { a, b, name } = useAb.getState();
  return a && b ? asLink(await linkOf(a.doc, await forkOf(a.doc), { name, doc: b.doc })) : { kind: 'none', why: '' };
}

/** A run of the history. */
export const linkOfRun = async ({ doc }: Pick<KeptRun, 'doc'>): Promise<RunLink> => asLink(await linkOf(doc, await forkOf(doc)));

/** An edited program travels as text: the compiled one may be another by now. */
async function forkOf({ fork }: ProjectDoc) {
  if (!fork) return {};
  await findBlobs({ ...EMPTY_PROJECT, fork });
  return { fork: { kind: 'text' as const, text: new TextDecoder().decode(getBlob(fork.text)) } };
}

import { patchWeights, type WeightEdit } from '../onnx/patch-weights.ts';
import { getBlob, putBlob } from './blobs.ts';
import type { BlobRef, ProjectDoc } from './document.ts';
import { currentDoc, editDoc } from './store.ts';

type ModelSource = Extract<NonNullable<ProjectDoc['source']>, { kind: 'model' }>;

/** The model file that weights are changed against; null for a project without a model. */
export const fileOf = ({ source }: ProjectDoc): BlobRef | null => (source?.kind === 'model' ? (source.edited?.from ?? source.blob) : null);

const NOTHING: readonly WeightEdit[] = [];

/** Entries of the weights that differ from the file. */
export const weightsOf = ({ source }: ProjectDoc): readonly WeightEdit[] =>
  source?.kind === 'model' ? (source.edited?.weights ?? NOTHING) : NOTHING;

/** The project with the weights of its file; itself where they are those. */
export function withFile(doc: ProjectDoc): ProjectDoc {
  const { source } = doc;
  return source?.kind === 'model' && source.edited ? { ...doc, source: { kind: 'model', blob: source.edited.from } } : doc;
}

/** `edits` with one more, which takes the place of an earlier one of the same entry. */
export const withEdit = (edits: readonly WeightEdit[], edit: WeightEdit): readonly WeightEdit[] => [
  ...edits.filter(({ tensor, index }) => tensor !== edit.tensor || index !== edit.index),
  edit,
];

/** The project with these entries of its file's weights changed: its model becomes a file of its own, which everything reads. */
export async function withWeights(doc: ProjectDoc, weights: readonly WeightEdit[]): Promise<ProjectDoc> {
  const from = fileOf(doc);
  if (!from) return doc;
  const blob = weights.length === 0 ? from : await putBlob(from.name, patchWeights(getBlob(from), from.name, weights));
  // Weights that are those of the file again are no change.
  const source: ModelSource = blob.hash === from.hash ? { kind: 'model', blob: from } : { kind: 'model', blob, edited: { from, weights } };
  return { ...doc, source };
}

let last: Promise<void> = Promise.resolve();

/** Changes weights of the open project, as one step of undo, after the changes before it. A hand-edited program stays what it is. */
export function editWeights(label: string, weights: readonly WeightEdit[]): Promise<void> {
  const change = () => applyWeights(label, weights);
  last = last.then(change, change);
  return last;
}

async function applyWeights(label: string, weights: readonly WeightEdit[]): Promise<void> {
  const before = currentDoc();
  const { source } = await withWeights(before, weights);
  editDoc(label, (doc) => (doc.source === before.source && doc.source?.blob.hash !== source?.blob.hash ? { ...doc, source } : doc));
}

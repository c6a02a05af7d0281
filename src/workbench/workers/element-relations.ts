import type { ModelSpec } from '../clients.ts';
import { type RelatedElements, relatedElements } from '../dependencies.ts';
import type { Range } from '../ranges.ts';
import { modelOf } from './models.ts';

export interface ElementRelationsArgs {
  readonly model: ModelSpec;
  readonly tensor: string;
  readonly ranges: readonly Range[];
  /** What the event gives the model's inputs, where that decides which elements are used (rows of an embedding). */
  readonly known: readonly (readonly [name: string, contents: ArrayLike<number>])[];
}

/** Elements of all tensors that belong to some elements of one. */
export async function elementRelations({ model, tensor, ranges, known }: ElementRelationsArgs): Promise<readonly RelatedElements[]> {
  return relatedElements(await modelOf(model.model, model.dims), tensor, ranges, new Map(known));
}

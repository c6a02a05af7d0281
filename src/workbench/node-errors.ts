import type { ValueError } from '../reference/value-error.ts';
import type { EventValues } from './value-views.ts';
import type { ModelNodeView, ModelView } from './views.ts';

/** One operator of the model and how far its output is from the reference. */
export interface NodeError {
  readonly node: ModelNodeView;
  /** Its first output. */
  readonly tensor: string;
  /** `folded`: it leaves no tensor of its own in memory. */
  readonly held: 'whole' | 'rows' | 'folded';
  readonly error: ValueError | null;
  /** Of a folded one: the tensor that the kernel makes which it became part of; null where that is not known. */
  readonly into: string | null;
}

/** A difference of this share of a tensor's range counts as parting from the reference. */
export const DIVERGES = 0.01;

/** All operators that are left, in order. */
export function nodeErrors(model: ModelView, { program, errors, byName }: EventValues): readonly NodeError[] {
  const folded = new Map(program.foldedInto.map(({ node, values }) => [node, values]));
  return model.nodes.flatMap((node): NodeError[] => {
    const [tensor] = node.outputs;
    if (node.folded !== undefined || tensor === undefined) return [];
    const value = byName.get(tensor);
    if (!value) return [{ node, tensor, held: 'folded', error: null, into: folded.get(node.index)?.[0] ?? null }];
    return [{ node, tensor, held: value.byRows ? 'rows' : 'whole', error: errors.get(tensor) ?? null, into: null }];
  });
}

/** Place of the first operator that parts from the reference, and of the one that does most; -1 without one. */
export function divergence(rows: readonly NodeError[]): { readonly first: number; readonly worst: number } {
  let worst = -1;
  rows.forEach(({ error }, at) => {
    if (error && error.relative > (rows[worst]?.error?.relative ?? 0)) worst = at;
  });
  return { first: rows.findIndex(({ error }) => error !== null && error.relative > DIVERGES), worst };
}

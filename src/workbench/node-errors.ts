import { DIVERGES, type ValueError } from '../reference/value-error.ts';
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
  /** What the step that makes it adds by itself; null where that is not known. */
  readonly own: ValueError | null;
  /** Of a folded one: the tensor that the kernel makes which it became part of; null where that is not known. */
  readonly into: string | null;
}

/** All operators that are left, in order. */
export function nodeErrors(model: ModelView, { program, errors, own, byName }: EventValues): readonly NodeError[] {
  const folded = new Map(program.foldedInto.map(({ node, values }) => [node, values]));
  return model.nodes.flatMap((node): NodeError[] => {
    const [tensor] = node.outputs;
    if (node.folded !== undefined || tensor === undefined) return [];
    const value = byName.get(tensor);
    if (!value) return [{ node, tensor, held: 'folded', error: null, own: null, into: folded.get(node.index)?.[0] ?? null }];
    return [
      { node, tensor, held: value.byRows ? 'rows' : 'whole', error: errors.get(tensor) ?? null, own: own?.get(tensor) ?? null, into: null },
    ];
  });
}

/** Places of operators; -1 without one. */
export interface Divergence {
  /** The first that parts from the reference. */
  readonly first: number;
  /** The one that is farthest from it. */
  readonly worst: number;
  /** The one that adds the most by itself. */
  readonly source: number;
}

export function divergence(rows: readonly NodeError[]): Divergence {
  return {
    first: rows.findIndex(({ error }) => error !== null && error.relative > DIVERGES),
    worst: largest(rows.map(({ error }) => error)),
    source: largest(rows.map(({ own }) => own)),
  };
}

function largest(errors: readonly (ValueError | null)[]): number {
  let at = -1;
  errors.forEach((error, i) => {
    if (error && error.relative > (errors[at]?.relative ?? 0)) at = i;
  });
  return at;
}

import type { VisibleGraph } from './visible.ts';

export interface OwnTensor {
  readonly name: string;
  readonly input: boolean;
}

/** Tensors that run into a node of the drawing, then those that run out of it, each once. */
export function tensorsOf({ edges }: VisibleGraph, at: number): readonly OwnTensor[] {
  const own = new Map<string, OwnTensor>();
  for (const { to, tensors } of edges) if (to === at) for (const name of tensors) own.set(name, { name, input: true });
  for (const { from, tensors } of edges) {
    if (from !== at) continue;
    for (const name of tensors) if (!own.has(name)) own.set(name, { name, input: false });
  }
  return [...own.values()];
}

import type { FixedStrategy } from '../api.ts';
import type { HGraph } from '../graph/hops.ts';
import type { Lowered } from '../lower/lower.ts';
import type { Scales } from '../plan/scales.ts';

/** Passes whose result is a graph of ops, in their order; `specialised` only with weights in the code, and then in place of `unread`. */
export const GRAPH_PASSES = [
  'recognised',
  'precision',
  'specialised',
  'unread',
  'split',
  'linears',
  'embeddings',
  'attention',
  'residuals',
  'norms',
] as const;
export type GraphPass = (typeof GRAPH_PASSES)[number];

/** What the compiler tells of a pass that is done, if it is asked to (`CompileOptions.onPass`). */
export type PassNote =
  | { readonly pass: GraphPass; readonly graph: HGraph }
  | {
      readonly pass: 'plan';
      readonly graph: HGraph;
      readonly scales: Scales;
      readonly strategy: FixedStrategy;
      readonly lowered: Pick<Lowered, 'planned' | 'callees' | 'tensors'>;
    };

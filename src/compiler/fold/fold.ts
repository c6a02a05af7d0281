import type { HGraph } from '../graph/hops.ts';
import type { GraphPass } from '../passes/note.ts';
import { foldNormAffine } from './affine.ts';
import { fuseAttention } from './attention.ts';
import { foldEmbeddings } from './embedding.ts';
import { mergeLinears } from './linears.ts';
import { foldResiduals } from './residual.ts';

const FOLDS: readonly (readonly [GraphPass, (graph: HGraph) => HGraph])[] = [
  ['linears', mergeLinears],
  ['embeddings', foldEmbeddings],
  ['attention', fuseAttention],
  ['residuals', foldResiduals],
  ['norms', foldNormAffine],
];

/** Algebra before arithmetic: the same function of the inputs with fewer and larger steps. `told` hears of the graph after each. */
export const fold = (graph: HGraph, told?: (pass: GraphPass, graph: HGraph) => void): HGraph =>
  FOLDS.reduce((before, [pass, folded]) => {
    const after = folded(before);
    told?.(pass, after);
    return after;
  }, graph);

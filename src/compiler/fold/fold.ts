import type { HGraph } from '../graph/hops.ts';
import { fuseAttention } from './attention.ts';
import { foldEmbeddings } from './embedding.ts';
import { foldResiduals } from './residual.ts';

/** Algebra before arithmetic: the same function of the inputs with fewer and larger steps. */
export const fold = (graph: HGraph): HGraph => foldResiduals(fuseAttention(foldEmbeddings(graph)));

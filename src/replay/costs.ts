import type { Program } from '../bpf/program.ts';
import type { NodeCost } from '../compiler/api.ts';

export interface VerifiedNodeCost extends NodeCost {
  /** Share of the processed instructions: what serves several nodes is divided among them evenly. */
  readonly processed: number;
}

/** Adds to each node its share of the verifier's work. `visits` counts how often each instruction was processed. */
export function nodeCosts(program: Program, nodes: readonly NodeCost[], visits: Uint32Array): VerifiedNodeCost[] {
  const share = new Map<number, number>();
  program.insnOrigins.forEach((origins, insnIdx) => {
    const served = new Set(origins.map((origin) => program.origins[origin].nodeIdx).filter((node) => node >= 0));
    for (const node of served) share.set(node, (share.get(node) ?? 0) + visits[insnIdx] / served.size);
  });
  return nodes.map((node) => ({ ...node, processed: Math.round(share.get(node.index) ?? 0) }));
}

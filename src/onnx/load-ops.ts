import { opDef } from './ops/table.ts';
import { type NodeProto, readModelProto } from './proto.ts';

/** All nodes, those of subgraphs and of functions included. */
function* nodesOf(nodes: readonly NodeProto[]): Generator<NodeProto> {
  for (const node of nodes) {
    yield node;
    for (const { g } of node.attributes) if (g) yield* nodesOf(g.nodes);
  }
}

/** Loads what importing this model by `core.ts` takes beyond the common operators, if anything. Throws {@link InputError} for what is no model. */
export async function loadOps(bytes: Uint8Array, file: string): Promise<void> {
  const { graph, functions } = readModelProto(bytes, file);
  for (const nodes of [graph?.nodes ?? [], ...functions.map((each) => each.nodes)]) {
    for (const { domain, op } of nodesOf(nodes)) {
      if (opDef(domain, op)) continue;
      await import('./ops/rare.ts');
      return;
    }
  }
}

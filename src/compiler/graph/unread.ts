import { type Buf, type HGraph, opViews } from './hops.ts';
import { mapDims, product } from './view.ts';

/** Whether some value has elements that no op and no output reads, wherever its readers' parts lie. */
export function leavesUnread(graph: HGraph): boolean {
  const read = new Map<Buf, number>();
  for (const { buf, map } of [...graph.ops.flatMap(opViews), ...graph.outputs.map(({ view }) => view)])
    read.set(buf, (read.get(buf) ?? 0) + product(mapDims(map)));
  return graph.ops.some(({ out }) => (read.get(out) ?? 0) < product(out.dims));
}

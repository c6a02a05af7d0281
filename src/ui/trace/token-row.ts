import { frameOf } from '../../workbench/frames.ts';
import { type Selection, splitPart } from '../../workbench/selection.ts';
import type { ModelNodeView, ModelView, PacketTraceView } from '../../workbench/views.ts';
import { weightRole } from '../../workbench/weight-rows.ts';

const COPIES = new Set(['Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);

/** The nodes that look up rows by the tokens of model input `tensor`, with the tables that they read. */
export function embeddings(model: ModelView | null, tensor: string): readonly { readonly node: ModelNodeView; readonly table: string }[] {
  const tokens = new Set([tensor]);
  const found: { node: ModelNodeView; table: string }[] = [];
  for (const node of model?.nodes ?? []) {
    if (node.folded !== undefined) continue;
    const [first, second] = node.inputs;
    if (COPIES.has(node.op) && first !== undefined && tokens.has(first)) for (const output of node.outputs) tokens.add(output);
    if (first !== undefined && second !== undefined && tokens.has(second) && weightRole(node, first) === 'token')
      found.push({ node, table: first });
  }
  return found;
}

/** The token whose row of an embedding is selected; -1 where none is. */
export function selectedToken(selection: Selection | null, model: ModelView | null, tensor: string | undefined): number {
  if (selection?.kind !== 'weight' || tensor === undefined) return -1;
  const { whole, part } = splitPart(selection.id);
  return embeddings(model, tensor).some(({ table }) => table === whole) ? part : -1;
}

/** Whether any byte of [from, to) of a packet is `value`. */
export function holdsByte(trace: PacketTraceView, packet: number, from: number, to: number, value: number): boolean {
  return frameOf(trace, packet)?.subarray(from, to).includes(value) === true;
}

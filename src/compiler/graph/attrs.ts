import type { Attr, Node } from '../../onnx/model.ts';

/** A numeric attribute; integers arrive as bigint or number. */
export function attrNumber(node: Node, name: string): number | undefined {
  const value = node.attrs.get(name);
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : undefined;
}
export function attrString(node: Node, name: string): string | undefined {
  const value = node.attrs.get(name);
  return typeof value === 'string' ? value : undefined;
}
export function attrInts(node: Node, name: string): number[] | undefined {
  const value: Attr | undefined = node.attrs.get(name);
  return Array.isArray(value) ? value.map(Number) : undefined;
}

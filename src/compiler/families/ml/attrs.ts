import { InputError } from '../../../base/errors.ts';
import type { Node, Tensor } from '../../../onnx/model.ts';
import { place } from '../../graph/lazy.ts';

/** Refuses a node with a reason and the nearest rewrite. */
export function refuse(node: Node, what: string, advice: string): never {
  throw new InputError(what, place(node), advice);
}

/** A list of numbers, from a list attribute or a tensor; empty when it is not there. */
export function numbers(node: Node, ...names: readonly string[]): number[] {
  for (const name of names) {
    const value = node.attrs.get(name);
    if (Array.isArray(value)) return value.map(Number);
    if (value !== null && typeof value === 'object' && 'data' in value)
      return Array.from((value as Tensor).data as ArrayLike<number>, Number);
  }
  return [];
}

export function strings(node: Node, name: string): string[] {
  const value = node.attrs.get(name);
  return Array.isArray(value) ? value.map(String) : [];
}

/** Labels of a classifier's classes. */
export function classLabels(node: Node, ints: string): (number | string)[] {
  const names = strings(node, 'classlabels_strings');
  return names.length > 0 ? names : numbers(node, ints);
}

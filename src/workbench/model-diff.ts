import { type MatchSide, matchModels } from './model-match.ts';
import type { ModelNodeView, TensorSummary } from './views.ts';

export type NodeState = 'added' | 'removed' | 'changed' | 'same';

/** What a changed node differs in. */
export interface NodeChange {
  readonly kind: 'attribute' | 'output' | 'weights' | 'inputs';
  /** Attribute, or initializer in the model that is open. */
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** A node of two models: in the one that is open (`a`), in the other (`b`), or in both. By ONNX node index. */
export interface NodeDifference {
  readonly state: NodeState;
  readonly a: number | null;
  readonly b: number | null;
  readonly changes: readonly NodeChange[];
  /** Names differ; by itself no change. */
  readonly renamed: boolean;
}

export interface ModelDifference {
  /** In the order of the open model, with what is added where it stands. */
  readonly nodes: readonly NodeDifference[];
  readonly count: { readonly [State in NodeState]: number };
}

/** From the open model `a` to the other one, `b`: what `b` has more is added. */
export function diffModels(a: MatchSide, b: MatchSide): ModelDifference {
  const toB = new Map(matchModels(a, b));
  const toA = new Map([...toB].map(([at, other]) => [other, at]));
  const makers = { a: makersOf(a.nodes), b: makersOf(b.nodes) };
  const nodes: NodeDifference[] = [];
  let next = 0;
  const added = (until: number) => {
    for (; next < until; next++) {
      if (!toA.has(next)) nodes.push({ state: 'added', a: null, b: b.nodes[next]!.index, changes: [], renamed: false });
    }
  };
  a.nodes.forEach((node, at) => {
    const other = toB.get(at);
    if (other === undefined) {
      nodes.push({ state: 'removed', a: node.index, b: null, changes: [], renamed: false });
      return;
    }
    added(other);
    const twin = b.nodes[other]!;
    const changes = changesOf(node, twin, a.hashes, b.hashes);
    // The same tensor: made by the paired node at the same output, or an input of the model or a weight on both sides.
    const rewired = node.inputs.flatMap((name, slot): NodeChange[] => {
      const [from, to] = [makers.a.get(name), makers.b.get(twin.inputs[slot] ?? '')];
      const same = from === undefined ? to === undefined : to !== undefined && toB.get(from.at) === to.at && from.output === to.output;
      return same ? [] : [{ kind: 'inputs', name, before: name, after: twin.inputs[slot] ?? '' }];
    });
    const extra = twin.inputs.slice(node.inputs.length).map((name): NodeChange => ({ kind: 'inputs', name, before: '', after: name }));
    const all = [...changes, ...rewired, ...extra];
    nodes.push({
      state: all.length > 0 ? 'changed' : 'same',
      a: node.index,
      b: twin.index,
      changes: all,
      renamed: node.name !== twin.name,
    });
  });
  added(b.nodes.length);
  const count = { added: 0, removed: 0, changed: 0, same: 0 };
  for (const { state } of nodes) count[state]++;
  return { nodes, count };
}

function makersOf(nodes: readonly ModelNodeView[]): Map<string, { at: number; output: number }> {
  const makers = new Map<string, { at: number; output: number }>();
  nodes.forEach((node, at) => {
    node.outputs.forEach((name, output) => {
      makers.set(name, { at, output });
    });
  });
  return makers;
}

const shapeOf = (tensor: TensorSummary | null | undefined): string =>
  tensor ? `${tensor.dims.join('×') || 'scalar'} ${tensor.dtype}` : '';

function changesOf(
  node: ModelNodeView,
  twin: ModelNodeView,
  hashesA: ReadonlyMap<string, string>,
  hashesB: ReadonlyMap<string, string>,
): NodeChange[] {
  const changes: NodeChange[] = [];
  const attrs = new Map(twin.attrs.map(({ name, text }) => [name, text]));
  for (const { name, text } of node.attrs) {
    const after = attrs.get(name) ?? '';
    if (after !== text) changes.push({ kind: 'attribute', name, before: text, after });
    attrs.delete(name);
  }
  for (const [name, text] of attrs) changes.push({ kind: 'attribute', name, before: '', after: text });
  if (shapeOf(node.output) !== shapeOf(twin.output))
    changes.push({ kind: 'output', name: '', before: shapeOf(node.output), after: shapeOf(twin.output) });
  const count = Math.max(node.weights.length, twin.weights.length);
  for (let at = 0; at < count; at++) {
    const [before, after] = [node.weights[at], twin.weights[at]];
    const [hashA, hashB] = [before && hashesA.get(before.name), after && hashesB.get(after.name)];
    if (hashA !== hashB || shapeOf(before) !== shapeOf(after))
      changes.push({ kind: 'weights', name: before?.name ?? after!.name, before: shapeOf(before), after: shapeOf(after) });
  }
  return changes;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelNodeView, ModelView } from '../../workbench/views.ts';
import { buildGraph } from './graph-model.ts';
import { buildGroups, type Group } from './groups.ts';
import { allGroups, firstOpen, groupsAround, visibleGraph } from './visible.ts';

/** A chain of operators; `skip` is how many back each reads besides the one before. */
function modelOf(names: readonly string[], ops: readonly string[], skip = 0): ModelView {
  const tensor = (at: number) => (at < 0 ? 'x' : `t${at}`);
  const nodes = names.map(
    (name, index): ModelNodeView => ({
      index,
      name,
      op: ops[index],
      domain: '',
      inputs: [tensor(index - 1), ...(skip > 0 && index > skip ? [tensor(index - 1 - skip)] : [])],
      outputs: [tensor(index)],
      attrs: [],
      output: { name: tensor(index), dtype: 'float32', dims: [1, 8] },
      weights: [],
    }),
  );
  const float = (name: string) => ({ name, dtype: 'float32', dims: [1, 8] });
  return {
    file: 'm.onnx',
    name: 'm',
    producer: '',
    opset: 17,
    parameterCount: 0,
    inputs: [float('x')],
    outputs: [float(tensor(names.length - 1))],
    nodes,
  };
}

const layer = (at: number) =>
  ['norm/LayerNormalization', 'attn/MatMul', 'attn/Softmax', 'attn/MatMul', 'Add'].map((name) => `/encoder/layers.${at}/${name}`);
const LAYER_OPS = ['LayerNormalization', 'MatMul', 'Softmax', 'MatMul', 'Add'];
const encoder = (layers: number) =>
  modelOf(
    ['/embed/Gather', ...Array.from({ length: layers }, (_, at) => layer(at)).flat(), '/head/Gemm'],
    ['Gather', ...Array.from({ length: layers }, () => LAYER_OPS).flat(), 'Gemm'],
    2,
  );

const labels = (children: readonly (Group | number)[]): unknown[] =>
  children.map((child) => (typeof child === 'number' ? child : [child.label, child.repeats ?? 1, labels(child.children)]));

describe('buildGroups', () => {
  it('recovers a stack of layers from names', () => {
    const graph = buildGraph(encoder(2));
    const inLayer = (first: number, name: string) => [name, 1, [first, ['attn', 1, [first + 1, first + 2, first + 3]], first + 4]];
    expect(labels(buildGroups(graph))).toEqual([0, 1, ['Encoder layer', 2, [inLayer(2, 'layers.0'), inLayer(7, 'layers.1')]], 12, 13]);
  });

  it('finds blocks that repeat without names', () => {
    const ops = Array.from({ length: 12 }, () => LAYER_OPS).flat();
    const graph = buildGraph(
      modelOf(
        ops.map((op, at) => `${op}_${at}`),
        ops,
        2,
      ),
    );
    const stack = buildGroups(graph).find((child) => typeof child === 'object')!;
    expect(stack).toMatchObject({ label: 'Block' });
    expect(stack.repeats).toBeGreaterThanOrEqual(11);
    expect(stack.children.every((block) => typeof block === 'object' && block.ops === 5)).toBe(true);
  });

  it('keeps layers apart that are built differently', () => {
    const model = encoder(3);
    const nodes = model.nodes.map((node) => (node.index === 8 ? { ...node, op: 'Sigmoid' } : node));
    expect(JSON.stringify(labels(buildGroups(buildGraph({ ...model, nodes }))))).not.toContain('Encoder layer');
  });
});

describe('visibleGraph', () => {
  it('shows every node once, in itself or in one folded group, and its edges lead on in order', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', 'layers.0', 'layers.1'), { maxLength: 3 })
      .map((parts) => `/${[...parts, 'Op'].join('/')}`);
    const models = fc.array(name, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(models, fc.nat(3), fc.array(fc.nat(1)), (names, skip, choice) => {
        const graph = buildGraph(
          modelOf(
            names,
            names.map(() => 'Add'),
            skip,
          ),
        );
        const tree = buildGroups(graph);
        const open = new Set([...allGroups(tree)].filter((_, at) => choice[at % Math.max(1, choice.length)] === 1));
        const { nodes, edges, frames, place } = visibleGraph(graph, tree, open);
        const shown = nodes.map(() => 0);
        for (const at of place) shown[at]++;
        expect(shown).toEqual(nodes.map(({ group }) => (group ? group.last - group.first + 1 : 1)));
        for (const { from, to } of edges) expect(from).toBeLessThan(to);
        for (const { first, last } of frames) expect(first).toBeLessThanOrEqual(last);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('opens a small model whole and shows a large one as a few cards', () => {
    const small = buildGraph(encoder(2));
    expect(firstOpen(small, buildGroups(small))).toEqual(allGroups(buildGroups(small)));
    const large = buildGraph(encoder(100));
    const tree = buildGroups(large);
    expect(visibleGraph(large, tree, firstOpen(large, tree)).nodes.length).toBeLessThan(60);
  });

  it('names the groups around a node, outermost first', () => {
    const graph = buildGraph(encoder(2));
    expect(groupsAround(buildGroups(graph), 8).map((group) => group.label)).toEqual(['Encoder layer', 'layers.1', 'attn']);
  });
});

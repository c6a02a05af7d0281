import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffModels, type NodeDifference } from './model-diff.ts';
import { type MatchSide, matchModels } from './model-match.ts';
import type { ModelNodeView } from './views.ts';

interface Part {
  readonly op: string;
  readonly name?: string;
  /** Positions read; default: the one before. */
  readonly reads?: readonly number[];
  readonly weight?: string;
  readonly dims?: readonly number[];
  readonly attrs?: ModelNodeView['attrs'];
}

/** A model whose weights' contents are their texts. `prefix` keeps tensor names of two models apart. */
function side(parts: readonly Part[], prefix = ''): MatchSide {
  const hashes = new Map<string, string>();
  const nodes = parts.map((part, index): ModelNodeView => {
    const reads = (part.reads ?? [index - 1]).map((at) => (at < 0 ? 'x' : `${prefix}t${at}`));
    const weights = part.weight === undefined ? [] : [{ name: `${prefix}w${index}`, dtype: 'float32', dims: [4, 4] }];
    if (part.weight !== undefined) hashes.set(`${prefix}w${index}`, part.weight);
    return {
      index,
      name: part.name ?? `${part.op}_${index}`,
      op: part.op,
      domain: '',
      inputs: [...reads, ...weights.map(({ name }) => name)],
      outputs: [`${prefix}t${index}`],
      attrs: part.attrs ?? [],
      output: { name: `${prefix}t${index}`, dtype: 'float32', dims: part.dims ?? [1, 4] },
      weights,
    };
  });
  return { nodes, hashes };
}

/** A Transformer's layer without anything but its operators; `id` makes its weights its own. */
const layer = (at: number, id: string, module = ''): Part[] => {
  const named = (op: string, name: string) => ({ op, ...(module === '' ? {} : { name: `${module}/${name}` }) });
  return [
    { ...named('LayerNormalization', 'norm'), weight: `${id}.norm` },
    { ...named('MatMul', 'q'), weight: `${id}.q`, reads: [at] },
    { ...named('MatMul', 'k'), weight: `${id}.k`, reads: [at] },
    { ...named('MatMul', 'scores'), reads: [at + 1, at + 2], dims: [1, 1] },
    { ...named('Softmax', 'softmax'), dims: [1, 1] },
    { ...named('MatMul', 'mix'), reads: [at + 4, at] },
    { ...named('Add', 'add'), reads: [at + 5, at - 1] },
  ];
};

const LAYER = 7;
const stack = (ids: readonly string[], modules: readonly string[] = []): Part[] =>
  ids.flatMap((id, at) => layer(at * LAYER, id, modules[at] ?? ''));

const of = (nodes: readonly NodeDifference[], state: string) => nodes.filter((node) => node.state === state);

describe('matching', () => {
  it('pairs a model with itself, node by node, whatever the names', () => {
    const parts = stack(['a', 'b', 'c']);
    const renamed = parts.map((part, at) => ({ ...part, name: `node_${parts.length - at}` }));
    const pairs = matchModels(side(parts, 'l'), side(renamed, 'r'));
    expect(pairs).toEqual(parts.map((_, at) => [at, at]));
    expect(diffModels(side(parts, 'l'), side(renamed, 'r')).count).toEqual({ added: 0, removed: 0, changed: 0, same: parts.length });
  });

  it('finds a layer that was put in front, though numbered names shift', () => {
    const before = stack(['a', 'b'], ['/layers.0', '/layers.1']);
    const after = stack(['new', 'a', 'b'], ['/layers.0', '/layers.1', '/layers.2']);
    const { nodes, count } = diffModels(side(before, 'l'), side(after, 'r'));
    expect(count.removed).toBe(0);
    expect(of(nodes, 'added').map(({ b }) => b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    // Only what reads the model's input read something else before.
    expect(of(nodes, 'changed').every(({ changes }) => changes.every(({ kind }) => kind === 'inputs'))).toBe(true);
    expect(of(nodes, 'changed')).toHaveLength(2);
  });

  it('pairs a fine-tuned and renamed model by structure alone', () => {
    const before = stack(['a', 'b', 'c']);
    const after = stack(['x', 'y', 'z']).map((part, at) => ({ ...part, name: `t${at * 7}` }));
    const { count, nodes } = diffModels(side(before, 'l'), side(after, 'r'));
    expect(count.added + count.removed).toBe(0);
    expect(nodes.every(({ a, b }) => a === b)).toBe(true);
    expect(of(nodes, 'changed').every(({ changes }) => changes.every(({ kind }) => kind === 'weights'))).toBe(true);
  });

  it('finds an operator that took another one’s place', () => {
    const before: Part[] = [{ op: 'MatMul', weight: 'a' }, { op: 'Relu' }, { op: 'MatMul', weight: 'b' }];
    const after: Part[] = [{ op: 'MatMul', weight: 'a' }, { op: 'Gelu' }, { op: 'MatMul', weight: 'b' }];
    const { nodes, count } = diffModels(side(before, 'l'), side(after, 'r'));
    expect(count).toEqual({ added: 1, removed: 1, changed: 1, same: 1 });
    expect(of(nodes, 'changed')[0].changes).toEqual([{ kind: 'inputs', name: 'lt1', before: 'lt1', after: 'rt1' }]);
  });
});

it('says attributes, shapes and weights that differ', () => {
  const before = side([
    {
      op: 'Gemm',
      name: '/fc/Gemm',
      weight: 'w',
      attrs: [
        { name: 'alpha', text: '1' },
        { name: 'transB', text: '1' },
      ],
    },
  ]);
  const after = side([
    {
      op: 'Gemm',
      name: '/fc/Gemm',
      weight: 'v',
      dims: [1, 8],
      attrs: [
        { name: 'alpha', text: '2' },
        { name: 'beta', text: '0' },
      ],
    },
  ]);
  const [node] = diffModels(before, after).nodes;
  expect(node).toMatchObject({ state: 'changed', a: 0, b: 0, renamed: false });
  expect(node.changes).toEqual([
    { kind: 'attribute', name: 'alpha', before: '1', after: '2' },
    { kind: 'attribute', name: 'transB', before: '1', after: '' },
    { kind: 'attribute', name: 'beta', before: '', after: '0' },
    { kind: 'output', name: '', before: '1×4 float32', after: '1×8 float32' },
    { kind: 'weights', name: 'w0', before: '4×4 float32', after: '4×4 float32' },
  ]);
});

describe('for all models', () => {
  const part = fc.record({
    op: fc.constantFrom('Relu', 'Add', 'MatMul', 'Softmax'),
    weight: fc.option(fc.constantFrom('u', 'v', 'w'), { nil: undefined }),
    back: fc.nat(3),
  });
  const model = fc
    .array(part, { maxLength: 30 })
    .map((parts): Part[] =>
      parts.map(({ op, weight, back }, at) => ({ op, ...(weight === undefined ? {} : { weight }), reads: [Math.max(-1, at - 1 - back)] })),
    );

  it('pairs each node at most once, with one of the same operator, and counts every node', () => {
    fc.assert(
      fc.property(model, model, (left, right) => {
        const [a, b] = [side(left, 'l'), side(right, 'r')];
        const pairs = matchModels(a, b);
        expect(new Set(pairs.map(([at]) => at)).size).toBe(pairs.length);
        expect(new Set(pairs.map(([, at]) => at)).size).toBe(pairs.length);
        for (const [x, y] of pairs) expect(a.nodes[x].op).toBe(b.nodes[y].op);
        const { nodes, count } = diffModels(a, b);
        expect(count.removed + count.changed + count.same).toBe(left.length);
        expect(count.added + count.changed + count.same).toBe(right.length);
        expect(nodes).toHaveLength(count.added + count.removed + count.changed + count.same);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('finds nothing to say of a model and a copy of it', () => {
    fc.assert(
      fc.property(model, (parts) => {
        const { count } = diffModels(side(parts, 'l'), side(parts, 'r'));
        expect(count.added + count.removed).toBe(0);
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  it('finds one node that was left out of a chain as removed', () => {
    const chain = fc.array(fc.constantFrom('Relu', 'Tanh', 'Erf', 'Sqrt'), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(chain, fc.nat(), (ops, pick) => {
        const parts = ops.map((op): Part => ({ op }));
        const { count } = diffModels(
          side(parts, 'l'),
          side(
            parts.filter((_, at) => at !== pick % ops.length),
            'r',
          ),
        );
        expect([count.removed, count.added]).toEqual([1, 0]);
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});

import { describe, expect, it } from 'vitest';
import { inRanges, nodeRanges, rangeCount, relatedNodes, relatedRanges, remapSelection } from './relations.ts';
import { chain as model, programWith as program } from './testing/views.ts';

describe('relations between nodes and instructions', () => {
  const shared = program('p', [[0], [0, 1], [1], [], [0]]);

  it('gathers the instructions of a node as sorted ranges, shared ones under each of their nodes', () => {
    expect(nodeRanges(shared).get(0)).toEqual([
      [0, 2],
      [4, 5],
    ]);
    expect(nodeRanges(shared).get(1)).toEqual([[1, 3]]);
    expect(rangeCount(nodeRanges(shared).get(0)!)).toBe(3);
  });

  it('answers whether an instruction lies in ranges', () => {
    const ranges = nodeRanges(shared).get(0)!;
    expect([0, 1, 2, 3, 4, 5].map((insn) => inRanges(ranges, insn))).toEqual([true, true, false, false, true, false]);
    expect(inRanges([], 0)).toBe(false);
  });

  it('relates a tensor to the instructions of the node that makes it, and to those that read it', () => {
    const named = model(['a', 'b']);
    const selection = { kind: 'tensor', id: 'a_out', artifact: 'm' } as const;
    expect(relatedRanges(selection, shared, named)).toEqual(nodeRanges(shared).get(0));
    expect([...relatedNodes(selection, shared, named)]).toEqual([0, 1]);
  });

  it('relates an instruction to all nodes that it serves', () => {
    expect([...relatedNodes({ kind: 'insn', id: 1, artifact: 'p' }, shared, null)]).toEqual([0, 1]);
  });
});

describe('a stale selection', () => {
  it('keeps a node that the new model has by name, and drops one that it lacks', () => {
    const before = { model: model(['a', 'b']), program: null };
    const after = { model: model(['b', 'c']), modelKey: 'new', program: null };
    expect(remapSelection({ kind: 'node', id: 1, artifact: 'old' }, before, after)).toEqual({ kind: 'node', id: 0, artifact: 'new' });
    expect(remapSelection({ kind: 'node', id: 0, artifact: 'old' }, before, after)).toBeNull();
  });

  it('keeps the place of an instruction among those of its node', () => {
    const before = { model: null, program: program('old', [[0], [1], [1], [1]]) };
    const after = { model: null, modelKey: '', program: program('new', [[0], [0], [1], [1], [1]]) };
    expect(remapSelection({ kind: 'insn', id: 2, artifact: 'old' }, before, after)).toEqual({ kind: 'insn', id: 3, artifact: 'new' });
  });

  it('drops an instruction that no node claims', () => {
    const before = { model: null, program: program('old', [[]]) };
    const after = { model: null, modelKey: '', program: program('new', [[0]]) };
    expect(remapSelection({ kind: 'insn', id: 0, artifact: 'old' }, before, after)).toBeNull();
  });

  it('leaves a selection of the present artifact alone', () => {
    const selection = { kind: 'insn', id: 0, artifact: 'same' } as const;
    const present = program('same', [[0]]);
    expect(remapSelection(selection, { model: null, program: present }, { model: null, modelKey: '', program: present })).toBe(selection);
  });
});

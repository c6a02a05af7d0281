import { expect, it } from 'vitest';
import type { NodeState } from '../../workbench/model-diff.ts';
import { badgeText, changesIn, spokenChange } from './changes.ts';
import { buildGraph } from './graph-model.ts';
import { buildGroups } from './groups.ts';
import { chainModel } from './testing/models.ts';
import { visibleGraph } from './visible.ts';
import { tensorsOf } from './walk.ts';

const graph = buildGraph(chainModel(['/enc/Relu', '/enc/Tanh', '/Erf']));
const folded = visibleGraph(graph, buildGroups(graph), new Set());
const groupAt = folded.nodes.findIndex(({ group }) => group !== null);
const states = (list: readonly NodeState[]) => new Map(list.map((state, index) => [index, state]));

it('lets a folded group speak for what it holds', () => {
  const of = (list: readonly NodeState[]) => changesIn(folded, states(list))![groupAt];
  expect(of(['same', 'same', 'added'])).toBeNull();
  expect(of(['added', 'added', 'same'])).toEqual({ state: 'added', count: 2 });
  expect(of(['added', 'same', 'same'])).toEqual({ state: 'changed', count: 1 });
  expect(of(['removed', 'changed', 'same'])).toEqual({ state: 'changed', count: 2 });
  expect(changesIn(folded, null)).toBeNull();
});

it('writes a glyph, with a count where there are several', () => {
  expect(badgeText({ state: 'removed', count: 1 })).toBe('−');
  expect(badgeText({ state: 'changed', count: 1200 })).toBe('~1,200');
  expect(spokenChange({ state: 'added', count: 1 })).toBe('added');
  expect(spokenChange(null)).toBe('');
});

it('walks the tensors that a node reads, then those that it makes', () => {
  expect(tensorsOf(folded, groupAt)).toEqual([
    { name: 'x', input: true },
    { name: '/enc/Tanh_out', input: false },
  ]);
});

import { expect, it } from 'vitest';
import type { ModelView } from '../../workbench/views.ts';
import { buildGraph } from './graph-model.ts';
import { buildGroups } from './groups.ts';
import { barOf, heatOf, measure, numberOf, spokenValue } from './measure.ts';
import type { Overlay } from './overlays.ts';
import { visibleGraph } from './visible.ts';

const node = (index: number, name: string, input: string) => ({
  index,
  name,
  op: 'Relu',
  domain: '',
  inputs: [input],
  outputs: [`t${index}`],
  attrs: [],
  output: { name: `t${index}`, dtype: 'float32', dims: [4] },
  weights: [],
});

const model: ModelView = {
  file: 'm.onnx',
  name: 'm',
  producer: '',
  opset: 17,
  parameterCount: 0,
  inputs: [{ name: 'x', dtype: 'float32', dims: [4] }],
  outputs: [{ name: 't2', dtype: 'float32', dims: [4] }],
  nodes: [node(0, '/a/Relu', 'x'), node(1, '/a/Relu_1', 't0'), node(2, '/Relu', 't1')],
};

const overlay: Overlay = {
  id: 'test',
  title: 'Test',
  unit: 'things',
  about: '',
  order: 1,
  ramp: 'linear',
  fold: 'sum',
  format: (value) => value.toFixed(1),
  missing: '',
  useValues: () => null,
};

const graph = buildGraph(model);
const folded = visibleGraph(graph, buildGroups(graph), new Set());
const groupAt = folded.nodes.findIndex(({ group }) => group !== null);
const values = new Map([
  [0, 2],
  [1, 3],
  [2, 4],
]);

it('shows the sum or the largest of a folded group', () => {
  expect(measure(folded, overlay, values, null).values[groupAt]).toBe(5);
  expect(measure(folded, { ...overlay, fold: 'max' }, values, null).values[groupAt]).toBe(3);
  expect(measure(folded, overlay, new Map([[2, 4]]), null).values[groupAt]).toBeUndefined();
});

it('says values as numbers, bars, colours and words, and nothing where there are none', () => {
  const heat = [
    { fill: '#111111', text: '#ffffff' },
    { fill: '#eeeeee', text: '#000000' },
  ];
  const own = measure(folded, overlay, values, heat);
  expect([own.least, own.most]).toEqual([4, 5]);
  expect(numberOf(own, groupAt)).toBe('5.0');
  expect(spokenValue(own, groupAt)).toBe('5.0 things');
  expect(barOf(own, groupAt)).toBe(1);
  expect(heatOf(own, groupAt)).toBe(heat[1]);
  const none = measure(folded, overlay, null, heat);
  expect([numberOf(none, groupAt), spokenValue(none, groupAt), barOf(none, groupAt), heatOf(none, groupAt)]).toEqual(['', '', null, null]);
  expect([none.least, none.most]).toEqual([0, 0]);
});

import { expect, it } from 'vitest';
import { buildGraph } from './graph-model.ts';
import { buildGroups } from './groups.ts';
import { layoutGraph } from './layout.ts';
import { measure } from './measure.ts';
import type { Overlay } from './overlays.ts';
import { buildScene } from './scene.ts';
import { svgPieces } from './svg-text.ts';
import { modelWith, nodeOf } from './testing/models.ts';
import { allGroups, layoutInput, visibleGraph } from './visible.ts';

const overlay: Overlay = {
  ...{ id: 't', title: 'T', unit: '', about: '', order: 1, ramp: 'linear', fold: 'sum', missing: '' },
  format: String,
  useValues: () => null,
};

function svg(names: readonly string[]): string {
  const graph = buildGraph(modelWith(names.map((name, at) => nodeOf(at, name, [at === 0 ? 'x' : `${names[at - 1]}_out`]))));
  const tree = buildGroups(graph);
  const visible = visibleGraph(graph, tree, allGroups(tree));
  const scene = buildScene(visible, layoutGraph(layoutInput(visible)));
  const marks = {
    ...{ active: -1, related: new Set<number>(), hits: new Set<number>(), reach: null, tensor: new Set<number>() },
    measure: measure(visible, overlay, new Map([[0, 3]]), null),
    label: () => '',
    changes: visible.nodes.map(() => ({ state: 'added' as const, count: 1 })),
  };
  return [...svgPieces({ scene, marks, palette: { colour: (name) => `#${name}`, sans: '', mono: '' } })].join('');
}

it('writes the whole graph, with colours in figures and signs that XML takes', () => {
  const text = svg(['/enc/Relu', '/enc/Tanh <&"\u0001', '/Erf']);
  expect(text.match(/class="t"/g)).toHaveLength(3);
  expect(text).toContain('&lt;&amp;&quot;\ufffd');
  expect(text).not.toMatch(/var\(|NaN|undefined|[^\t\n\r\P{Cc}]/u);
  expect(text.startsWith('<?xml')).toBe(true);
  expect(text.trimEnd().endsWith('</svg>')).toBe(true);
});

it('grows with the graph and stays in pieces', () => {
  const names = Array.from({ length: 900 }, (_, at) => `/layer.${at}/Relu`);
  expect(svg(names).match(/class="t"/g)).toHaveLength(900);
});

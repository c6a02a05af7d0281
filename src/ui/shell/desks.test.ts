import fc from 'fast-check';
import { type IJsonModel, type IJsonRowNode, Model } from 'flexlayout-react';
import { Circle } from 'lucide-react';
import { describe, expect, it } from 'vitest';
import type { PanelDef } from '../panel.ts';
import { arrangement, DESKS, restored } from './desks.ts';

const Empty = () => null;

const panel = (id: string, home: PanelDef['home']): PanelDef => ({
  id,
  title: id,
  about: id,
  icon: Circle,
  Component: Empty,
  home,
  shows: [],
});

const PANELS = [
  panel('a', { explore: ['left', 0], learn: ['left', 0] }),
  panel('b', { explore: ['centre', 0], learn: ['centre', 0] }),
  panel('c', { explore: ['right', 1], learn: ['right', 0] }),
  panel('d', { explore: ['right', 0] }),
  panel('e', { explore: ['below', 0] }),
];

function tabs(node: unknown): string[] {
  const { type, id, children } = node as { type: string; id: string; children?: unknown[] };
  return type === 'tab' ? [id] : (children ?? []).flatMap(tabs);
}

describe('desks', () => {
  it('give every panel its place, in order, and nothing else', () => {
    const model = arrangement(DESKS[0]!, PANELS);
    expect(tabs(model.layout)).toEqual(['a', 'b', 'e', 'd', 'c']);
    expect(() => Model.fromJson(model)).not.toThrow();
  });

  it('keep panels side by side where nothing stands below them', () => {
    const learn = arrangement(DESKS.find(({ id }) => id === 'learn')!, PANELS).layout;
    // Root: side by side; its rows: above each other; theirs: side by side again.
    const above = learn.children![0] as IJsonRowNode;
    const beside = above.children![0] as IJsonRowNode;
    expect([above.type, beside.type, beside.children!.length]).toEqual(['row', 'row', 2]);
  });

  it('come back as they were kept', () => {
    for (const desk of DESKS) {
      const model = Model.fromJson(arrangement(desk, PANELS));
      const back = restored(JSON.parse(JSON.stringify(model.toJson())), PANELS);
      expect(tabs(back?.layout ?? { type: 'row' })).toEqual(tabs(model.toJson().layout));
    }
  });

  it('take any stored text without failing, and show no panel twice', () => {
    const node = fc.letrec((tie) => ({
      tab: fc.record({ type: fc.constant('tab'), component: fc.constantFrom('a', 'b', 'zz', '__proto__'), weight: fc.anything() }),
      set: fc.record({ type: fc.constant('tabset'), children: fc.array(tie('tab')), selected: fc.anything(), weight: fc.anything() }),
      row: fc.record({
        type: fc.constant('row'),
        children: fc.array(fc.oneof({ depthSize: 'small' }, tie('set'), tie('row'), fc.anything())),
      }),
    })).row;
    fc.assert(
      fc.property(fc.oneof(node, fc.anything()), (layout) => {
        const back = restored({ layout }, PANELS);
        if (!back) return;
        const shown = tabs(back.layout);
        expect(new Set(shown).size).toBe(shown.length);
        expect(() => Model.fromJson(back as IJsonModel)).not.toThrow();
      }),
    );
  });
});

import type { IJsonModel, IJsonRowNode, IJsonTabNode, IJsonTabSetNode } from 'flexlayout-react';
import type { DeskId, PanelDef, Region } from '../panel.ts';
import { shell as texts } from '../texts/shell.ts';

export interface Desk {
  readonly id: DeskId;
  readonly title: string;
  readonly about: string;
  /** Shares of width: left, centre, right; and of height: what stands below, in the middle and on the right. */
  readonly shares: { readonly left: number; readonly right: number; readonly below: number; readonly rightBelow: number };
}

export const DESKS: readonly Desk[] = [
  { id: 'explore', ...texts.desks.explore, shares: { left: 28, right: 31, below: 36, rightBelow: 48 } },
  { id: 'debug', ...texts.desks.debug, shares: { left: 26, right: 36, below: 36, rightBelow: 58 } },
  { id: 'replay', ...texts.desks.replay, shares: { left: 30, right: 38, below: 42, rightBelow: 54 } },
  { id: 'learn', ...texts.desks.learn, shares: { left: 34, right: 30, below: 40, rightBelow: 50 } },
  { id: 'accelerator', ...texts.desks.accelerator, shares: { left: 50, right: 42, below: 46, rightBelow: 50 } },
];

export const isDeskId = (id: unknown): id is DeskId => DESKS.some((desk) => desk.id === id);

const GLOBAL: IJsonModel['global'] = {
  tabEnableRename: false,
  tabEnableRenderOnDemand: true,
  tabEnableScrollbars: false,
  tabSetEnableDeleteWhenEmpty: true,
  tabSetEnableMaximize: true,
  tabSetMinWidth: 160,
  tabSetMinHeight: 96,
  tabSetEnableTabScrollbar: false,
  enableEdgeDockIndicators: false,
};

const tabOf = (panel: PanelDef): IJsonTabNode => ({ type: 'tab', id: panel.id, component: panel.id, name: panel.title });

/** The tabs of one region; null where no panel has its home there. */
function tabset(panels: readonly PanelDef[], desk: DeskId, region: Region, weight: number): IJsonTabSetNode | null {
  const here = panels
    .filter((panel) => panel.home[desk]?.[0] === region)
    .sort((a, b) => a.home[desk]![1] - b.home[desk]![1])
    .map(tabOf);
  return here.length > 0 ? { type: 'tabset', weight, name: here.map((tab) => tab.name).join(', '), children: here } : null;
}

type Part = IJsonRowNode | IJsonTabSetNode;

/** A row around what is there. Rows alternate their direction by depth, so only tabs may stand for a row of their own. */
function row(weight: number, parts: readonly (Part | null)[]): Part | null {
  const children = parts.filter((part): part is Part => part !== null);
  const [only] = children;
  if (!only) return null;
  if (children.length === 1 && only.type === 'tabset') return { ...only, weight };
  return { type: 'row', weight, children };
}

/** A desk as it stands until the user changes it: every panel in the region that it calls home. */
export function arrangement(desk: Desk, panels: readonly PanelDef[]): IJsonModel {
  const { left, right, below, rightBelow } = desk.shares;
  const at = (region: Region, weight: number) => tabset(panels, desk.id, region, weight);
  const centreShare = 100 - right;
  const middle = row(100 - right, [
    row(100 - below, [at('left', (left / centreShare) * 100), at('centre', (1 - left / centreShare) * 100)]),
    row(below, [at('below', 55), at('belowRight', 45)]),
  ]);
  const side = row(right, [at('right', 100 - rightBelow), at('rightBelow', rightBelow)]);
  const children = [middle, side].filter((part): part is Part => part !== null);
  return { global: GLOBAL, borders: [], layout: { type: 'row', children } };
}

const MOST_NODES = 200;
const MOST_DEPTH = 12;

/**
 * A stored arrangement with only panels that exist, each at most once; null where nothing usable is left. What the browser stored may be
 * of another version, or damaged.
 */
export function restored(stored: unknown, panels: readonly PanelDef[]): IJsonModel | null {
  const known = new Map(panels.map((panel) => [panel.id, panel]));
  let nodes = 0;
  const weightOf = (weight: unknown) => (typeof weight === 'number' && weight > 0 && weight < 1e6 ? weight : 100);
  const part = (node: unknown, depth: number): Part | null => {
    if (typeof node !== 'object' || node === null || depth > MOST_DEPTH || ++nodes > MOST_NODES) return null;
    const { type, weight, children, selected } = node as { type?: unknown; weight?: unknown; children?: unknown; selected?: unknown };
    if (!Array.isArray(children)) return null;
    if (type === 'row') {
      const parts = children.map((child) => part(child, depth + 1)).filter((child): child is Part => child !== null);
      return parts.length > 0 ? { type: 'row', weight: weightOf(weight), children: parts } : null;
    }
    if (type !== 'tabset') return null;
    const tabs = children.flatMap((child: { component?: unknown } | null) => {
      const panel = known.get(String(child?.component));
      if (!panel) return [];
      known.delete(panel.id);
      return [tabOf(panel)];
    });
    if (tabs.length === 0) return null;
    const chosen = typeof selected === 'number' && selected >= 0 && selected < tabs.length ? Math.floor(selected) : 0;
    return { type: 'tabset', weight: weightOf(weight), selected: chosen, name: tabs.map((tab) => tab.name).join(', '), children: tabs };
  };
  const { layout } = (typeof stored === 'object' && stored !== null ? stored : {}) as { layout?: unknown };
  const top = part(layout, 0);
  if (!top) return null;
  const root: IJsonRowNode = top.type === 'row' ? (top as IJsonRowNode) : { type: 'row', children: [top as IJsonTabSetNode] };
  return { global: GLOBAL, borders: [], layout: root };
}

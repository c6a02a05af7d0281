import { type Action, Actions, DockLocation, Model, type Node, type TabNode, TabSetNode } from 'flexlayout-react';
import { flushSync } from 'react-dom';
import { create } from 'zustand';
import type { DeskId } from '../panel.ts';
import { arrangement, DESKS, isDeskId, restored } from './desks.ts';
import { PANELS } from './panels.ts';

/**
 * Which desk is on show and how each is arranged. Arrangements belong to the browser, not to a project: they are kept in its local
 * storage and survive whatever is opened.
 */
interface DeskState {
  readonly desk: DeskId;
  /** Panels that do not scroll after the selection. */
  readonly pinned: ReadonlySet<string>;
}

const DESK_KEY = 'bpformer.desk';
const PINNED_KEY = 'bpformer.pinned';
const layoutKey = (desk: DeskId) => `bpformer.desk.${desk}`;

function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

/** Whether the page shows one lesson inside of another page: `?embed=ID`. */
export const isEmbedded = (): boolean => new URLSearchParams(location.search).has('embed');

function write(key: string, value: unknown): void {
  // Arrangements inside of another page are not the browser's.
  if (isEmbedded()) return;
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Full or forbidden: the arrangement lasts as long as the tab.
  }
}

const storedDesk = read(DESK_KEY);
const storedPins = read(PINNED_KEY);

export const useDesk = create<DeskState>()(() => ({
  desk: isDeskId(storedDesk) ? storedDesk : 'explore',
  pinned: new Set(Array.isArray(storedPins) ? storedPins.filter((id) => PANELS.has(id as string)) : []),
}));

const panels = [...PANELS.values()];
const models = new Map<DeskId, Model>();

/** The arrangement of a desk, as FlexLayout holds it. */
export function modelOf(id: DeskId): Model {
  let model = models.get(id);
  if (!model) {
    const usual = arrangement(DESKS.find((desk) => desk.id === id)!, panels);
    try {
      model = Model.fromJson(restored(read(layoutKey(id)), panels) ?? usual);
    } catch {
      model = Model.fromJson(usual);
    }
    models.set(id, model);
  }
  return model;
}

/** Keeps the present arrangement of the desk on show. */
export function keepArrangement(): void {
  const { desk } = useDesk.getState();
  const model = modelOf(desk);
  nameTabs(model);
  write(layoutKey(desk), model.toJson());
}

/** Rows of tabs are called after the panels in them, for assistive technology. */
function nameTabs(model: Model): void {
  const renamed: [id: string, name: string][] = [];
  model.visitNodes((node: Node) => {
    if (!(node instanceof TabSetNode)) return;
    const name = node
      .getTabNodes()
      .map((tab) => tab.getName())
      .join(', ');
    if (name !== node.getName()) renamed.push([node.getId(), name]);
  });
  for (const [id, name] of renamed) model.doAction(Actions.updateNodeAttributes(id, { name }));
}

export function showDesk(desk: DeskId): void {
  write(DESK_KEY, desk);
  useDesk.setState({ desk });
}

/** Puts the desk on show back as it was at first. */
export function resetDesk(): void {
  const { desk } = useDesk.getState();
  write(layoutKey(desk), null);
  models.delete(desk);
  useDesk.setState({ desk });
  version++;
  for (const listener of listeners) listener();
}

/** Counts resets, which replace the model of a desk. */
let version = 0;
const listeners = new Set<() => void>();
export const deskVersion = {
  subscribe: (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
  get: () => version,
};

export function togglePin(id: string): void {
  const pinned = new Set(useDesk.getState().pinned);
  if (!pinned.delete(id)) pinned.add(id);
  write(PINNED_KEY, [...pinned]);
  useDesk.setState({ pinned });
}

export const isPinned = (id: string): boolean => useDesk.getState().pinned.has(id);

/**
 * Changes an arrangement and draws it at once: a panel's element is taken out and put in elsewhere, which would take the focus with it if
 * that came after a focus was set.
 */
function act(model: Model, action: Action): void {
  flushSync(() => model.doAction(action));
}

const present = () => modelOf(useDesk.getState().desk);

/** Brings a panel to the front of the desk on show, adding it where it is missing, and moves the focus into it. */
export function showPanel(id: string): void {
  const panel = PANELS.get(id);
  if (!panel) return;
  const model = present();
  const tab = model.getNodeById(id);
  if (tab) {
    const set = tab.getParent();
    const hidden = model.getMaximizedTabset();
    if (hidden && set !== hidden) act(model, Actions.maximizeToggle(hidden.getId()));
    if (!(set instanceof TabSetNode) || set.getSelectedNode() !== tab) act(model, Actions.selectTab(id));
  } else {
    const beside = activeSet(model);
    if (!beside) return;
    act(model, Actions.addTab({ type: 'tab', id, component: id, name: panel.title }, beside.getId(), DockLocation.CENTER, -1, true));
  }
  keepArrangement();
  focusPanel(id);
}

const FOCUSABLE = 'button:not(:disabled), [href], input:not([hidden]), select, textarea, [tabindex]:not([tabindex="-1"])';

/** Moves the focus to what matters in a panel: what it marks, its list or graph, else its first control. */
export function focusPanel(id: string): void {
  const panel = document.querySelector<HTMLElement>(`[data-panel="${id}"]`);
  if (!panel) return;
  const candidates = ['[data-first-focus]', '[role=listbox], [role=tree], [role=grid], textarea', FOCUSABLE];
  for (const selector of candidates) {
    for (const element of panel.querySelectorAll<HTMLElement>(selector)) {
      element.focus();
      if (document.activeElement === element) return;
    }
  }
  panel.focus();
}

function activeSet(model: Model): TabSetNode | undefined {
  return model.getActiveTabset() ?? model.getFirstTabSet();
}

/** The panel that has the focus, else the one in front of the active tabs; '' without one. */
export function activePanel(): string {
  const focused = document.activeElement?.closest<HTMLElement>('[data-panel]')?.dataset.panel;
  return focused ?? activeSet(present())?.getSelectedNode()?.getId() ?? '';
}

function tabAndSet(id: string): { model: Model; tab: TabNode; set: TabSetNode } | null {
  const model = present();
  const tab = model.getNodeById(id) as TabNode | undefined;
  const set = tab?.getParent();
  return tab && set instanceof TabSetNode ? { model, tab, set } : null;
}

export function closePanel(id: string): void {
  const found = tabAndSet(id);
  if (!found) return;
  act(found.model, Actions.deleteTab(id));
  keepArrangement();
}

export function toggleMaximised(id: string): void {
  const found = tabAndSet(id);
  if (!found) return;
  act(found.model, Actions.maximizeToggle(found.set.getId()));
  keepArrangement();
  focusPanel(id);
}

export type Side = 'left' | 'right' | 'top' | 'bottom';

const DOCK: { readonly [S in Side]: DockLocation } = {
  left: DockLocation.LEFT,
  right: DockLocation.RIGHT,
  top: DockLocation.TOP,
  bottom: DockLocation.BOTTOM,
};

/** Gives a panel a place of its own on one side of the tabs that it stands in. */
export function splitPanel(id: string, side: Side): void {
  const found = tabAndSet(id);
  if (!found || found.set.getTabNodes().length < 2) return;
  act(found.model, Actions.moveNode(id, found.set.getId(), DOCK[side], -1, true));
  keepArrangement();
  focusPanel(id);
}

/** Moves a panel to the tabs that lie on one side of it on the screen. */
export function movePanel(id: string, side: Side): void {
  const found = tabAndSet(id);
  if (!found) return;
  const target = neighbourSet(found.model, found.set, side);
  if (!target) return;
  act(found.model, Actions.moveNode(id, target.getId(), DockLocation.CENTER, -1, true));
  keepArrangement();
  focusPanel(id);
}

function neighbourSet(model: Model, from: TabSetNode, side: Side): TabSetNode | null {
  const a = from.getRect();
  let best: TabSetNode | null = null;
  let least = Number.POSITIVE_INFINITY;
  model.visitNodes((node: Node) => {
    if (!(node instanceof TabSetNode) || node === from) return;
    const b = node.getRect();
    const across = side === 'left' || side === 'right';
    const gap = { left: a.x - (b.x + b.width), right: b.x - (a.x + a.width), top: a.y - (b.y + b.height), bottom: b.y - (a.y + a.height) }[
      side
    ];
    if (gap < -1) return;
    const apart = across
      ? Math.max(0, b.y - (a.y + a.height), a.y - (b.y + b.height))
      : Math.max(0, b.x - (a.x + a.width), a.x - (b.x + b.width));
    const distance = gap + apart * 4;
    if (distance < least) [best, least] = [node, distance];
  });
  return best;
}

/** Makes the tabs that hold a panel wider or taller by a share of their row. */
export function resizePanel(id: string, by: number): void {
  const found = tabAndSet(id);
  const parent = found?.set.getParent();
  if (!found || !parent) return;
  const children = parent.getChildren() as TabSetNode[];
  if (children.length < 2) return;
  const weights = children.map((child) => child.getWeight());
  const at = children.indexOf(found.set);
  const other = at + 1 < children.length ? at + 1 : at - 1;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const step = Math.max(-weights[at]! + total * 0.1, Math.min(weights[other]! - total * 0.1, total * by));
  weights[at]! += step;
  weights[other]! -= step;
  act(found.model, Actions.adjustWeights(parent.getId(), weights));
  keepArrangement();
}

import { type BorderNode, type ITabSetRenderValues, Layout, type TabNode, TabSetNode } from 'flexlayout-react';
import 'flexlayout-react/style/light.css';
import { Maximize2, Minimize2, MoreHorizontal, Pin, X } from 'lucide-react';
import { memo, Suspense, useEffect, useRef, useSyncExternalStore } from 'react';
import { Boundary } from '../components/Boundary.tsx';
import { registerSlot, SlotContext } from '../components/panel-slot.ts';
import { PinnedContext } from '../components/pinned.ts';
import { Skeleton } from '../components/Skeleton.tsx';
import { shell as texts } from '../texts/shell.ts';
import { deskVersion, keepArrangement, modelOf, useDesk } from './desk-store.ts';
import { keepFocusIn } from './keep-focus.ts';
import { PanelMenu } from './PanelMenu.tsx';
import { PANELS } from './panels.ts';
import './desk.css';

const ICONS = {
  maximize: <Maximize2 size={12} />,
  restore: <Minimize2 size={12} />,
  more: <MoreHorizontal size={14} />,
  close: <X size={12} />,
};

const KEYS = { focusNextTabset: 'F6', focusPreviousTabset: 'Shift+F6', closeTab: 'Delete' };

/** The desk on show: dockable panels, dragged by their tabs or moved by commands. Not rendered with what surrounds it: the docking measures all its parts anew each time. */
export const Desk = memo(function Desk() {
  const desk = useDesk((state) => state.desk);
  const version = useSyncExternalStore(deskVersion.subscribe, deskVersion.get);
  const main = useRef<HTMLElement>(null);
  useEffect(() => keepFocusIn(main.current!), []);
  return (
    <main ref={main} className="desk" data-desk={desk} aria-label={texts.deskLabel(texts.desks[desk].title)}>
      <Layout
        key={`${desk} ${version}`}
        model={modelOf(desk)}
        factory={(node) => <PanelTab node={node} />}
        icons={ICONS}
        keyMap={KEYS}
        realtimeResize
        supportsPopout={false}
        onModelChange={keepArrangement}
        onRenderTabSet={renderTabSet}
        onTabSetPlaceHolder={() => <EmptyDesk />}
        i18nTranslator={(key) => (texts.docking as Readonly<Record<string, string>>)[key] ?? key}
        tabDragSpeed={window.matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 0.12}
      />
    </main>
  );
});

/** The row of tabs: the slot that the front panel fills, and its menu. */
function renderTabSet(node: TabSetNode | BorderNode, values: ITabSetRenderValues): void {
  if (!(node instanceof TabSetNode)) return;
  const id = node.getId();
  const front = node.getSelectedNode()?.getId();
  values.buttons.push(<div key="slot" className="panel-slot" data-slot-of={front} ref={(element) => registerSlot(id, element, front)} />);
  if (front) values.buttons.push(<PanelMenu key="menu" id={front} alone={node.getTabNodes().length < 2} />);
}

function PanelTab({ node }: { node: TabNode }) {
  const id = node.getComponent() ?? '';
  const panel = PANELS.get(id);
  const set = node.getParent();
  const pinned = useDesk((state) => state.pinned.has(id));
  if (!panel) return null;
  const { Component } = panel;
  return (
    <SlotContext value={set instanceof TabSetNode ? set.getId() : null}>
      <PinnedContext value={pinned}>
        {pinned ? <PinNote /> : null}
        <Boundary title={panel.title}>
          <Suspense fallback={<Skeleton title={panel.title} />}>
            <Component />
          </Suspense>
        </Boundary>
      </PinnedContext>
    </SlotContext>
  );
}

/** Says that a panel does not follow the selection. */
function PinNote() {
  return (
    <p className="pin-note small muted">
      <Pin size={12} aria-hidden="true" /> {texts.pinned}
    </p>
  );
}

function EmptyDesk() {
  return <p className="empty">{texts.emptyDesk}</p>;
}

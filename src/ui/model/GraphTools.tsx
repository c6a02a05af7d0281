import { ChevronsDownUp, ChevronsUpDown, Ellipsis, Maximize, Minus, Plus, Waypoints } from 'lucide-react';
import type { ReactNode } from 'react';
import { Menu, type MenuItem } from '../components/Menu.tsx';
import { graph as texts } from '../texts/model.ts';
import type { PanZoom } from './usePanZoom.ts';

interface GraphToolsProps {
  readonly pan: PanZoom;
  readonly paths: boolean;
  readonly onPaths: () => void;
  readonly groups: number;
  readonly onOpenAll: () => void;
  readonly onFoldAll: () => void;
  readonly more: readonly MenuItem[];
}

export function GraphTools({ pan, paths, onPaths, groups, onOpenAll, onFoldAll, more }: GraphToolsProps) {
  return (
    <div className="graph-tools">
      <Tool name={texts.paths} hint={`${texts.commands.paths} (P)`} pressed={paths} onClick={onPaths}>
        <Waypoints size={14} />
      </Tool>
      {groups === 0 ? null : (
        <>
          <Tool name={texts.openAll} onClick={onOpenAll}>
            <ChevronsUpDown size={14} />
          </Tool>
          <Tool name={texts.foldAll} onClick={onFoldAll}>
            <ChevronsDownUp size={14} />
          </Tool>
        </>
      )}
      <Tool wide name={texts.zoomIn} hint={`${texts.zoomIn} (+)`} onClick={() => pan.zoomBy(1.25)}>
        <Plus size={14} />
      </Tool>
      <Tool wide name={texts.zoomOut} hint={`${texts.zoomOut} (-)`} onClick={() => pan.zoomBy(0.8)}>
        <Minus size={14} />
      </Tool>
      <Tool name={texts.whole} hint={`${texts.whole} (0)`} onClick={pan.fitAll}>
        <Maximize size={14} />
      </Tool>
      {more.length === 0 ? null : <Menu label={texts.more} button={<Ellipsis size={14} />} items={more} square alignEnd />}
    </div>
  );
}

interface ToolProps {
  readonly name: string;
  readonly hint?: string;
  readonly pressed?: boolean;
  /** Left away in a narrow panel: wheel and keys do the same. */
  readonly wide?: boolean;
  readonly onClick: () => void;
  readonly children: ReactNode;
}

function Tool({ name, hint, pressed, wide = false, onClick, children }: ToolProps) {
  return (
    <button
      type="button"
      className={wide ? 'button square wide-only' : 'button square'}
      aria-label={name}
      title={hint ?? name}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

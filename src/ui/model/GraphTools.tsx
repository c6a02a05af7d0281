import { ChevronsDownUp, ChevronsUpDown, Maximize, Minus, Plus, Waypoints } from 'lucide-react';
import type { ReactNode } from 'react';
import type { PanZoom } from './usePanZoom.ts';

interface GraphToolsProps {
  readonly pan: PanZoom;
  readonly paths: boolean;
  readonly onPaths: () => void;
  readonly groups: number;
  readonly onOpenAll: () => void;
  readonly onFoldAll: () => void;
}

export function GraphTools({ pan, paths, onPaths, groups, onOpenAll, onFoldAll }: GraphToolsProps) {
  return (
    <div className="graph-tools">
      <Tool name="Trace paths" hint="Trace what the selected operator reads and feeds (P)" pressed={paths} onClick={onPaths}>
        <Waypoints size={14} />
      </Tool>
      {groups === 0 ? null : (
        <>
          <Tool name="Open all groups" onClick={onOpenAll}>
            <ChevronsUpDown size={14} />
          </Tool>
          <Tool name="Fold all groups" onClick={onFoldAll}>
            <ChevronsDownUp size={14} />
          </Tool>
        </>
      )}
      <Tool name="Zoom in" hint="Zoom in (+)" onClick={() => pan.zoomBy(1.25)}>
        <Plus size={14} />
      </Tool>
      <Tool name="Zoom out" hint="Zoom out (-)" onClick={() => pan.zoomBy(0.8)}>
        <Minus size={14} />
      </Tool>
      <Tool name="Show the whole model" hint="Show the whole model (0)" onClick={pan.fitAll}>
        <Maximize size={14} />
      </Tool>
    </div>
  );
}

interface ToolProps {
  readonly name: string;
  readonly hint?: string;
  readonly pressed?: boolean;
  readonly onClick: () => void;
  readonly children: ReactNode;
}

function Tool({ name, hint, pressed, onClick, children }: ToolProps) {
  return (
    <button
      type="button"
      className="button square bordered"
      aria-label={name}
      title={hint ?? name}
      {...(pressed === undefined ? {} : { 'aria-pressed': pressed })}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

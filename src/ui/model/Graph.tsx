import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { graph as texts } from '../texts/model.ts';
import { GraphSearch } from './GraphSearch.tsx';
import { GraphTools } from './GraphTools.tsx';
import type { ModelGraph } from './graph-model.ts';
import { buildGroups } from './groups.ts';
import { HeatLegend } from './HeatLegend.tsx';
import { HoverNote, nodeAt } from './HoverNote.tsx';
import { heatSteps } from './heat.ts';
import { Minimap, placeFrame } from './Minimap.tsx';
import { measure as measured, spokenValue } from './measure.ts';
import { neighbour } from './neighbour.ts';
import type { Overlay, OverlayValues } from './overlays.ts';
import { areaOf, type Marks, paint, readPalette, type View } from './paint.ts';
import { SvgScene } from './SvgScene.tsx';
import { LABEL_HEIGHT, nameOf, reachOf, type Scene, search } from './scene.ts';
import { useLayout } from './useLayout.ts';
import { usePanZoom } from './usePanZoom.ts';
import { allGroups, firstOpen, groupsAround, visibleGraph } from './visible.ts';

interface GraphProps {
  readonly graph: ModelGraph;
  /** What the cards show as a number and a bar. */
  readonly overlay: Overlay;
  readonly values: OverlayValues;
  /** Whether the overlay colours the cards too. */
  readonly heated: boolean;
  readonly chooser: ReactNode;
  readonly selected: number | null;
  readonly related: ReadonlySet<number>;
  readonly onSelect: (nodeIdx: number) => void;
}

/** Graphs up to this size are SVG as a whole, and each operator is an option of its own. */
const WHOLE_UP_TO = 300;
/** Larger ones are SVG near the view, and beyond this size or where this many stand in view, a canvas. */
const SVG_UP_TO = 2000;
const SVG_IN_VIEW = 250;
/** How far beyond the view SVG is drawn, in views. */
const MARGIN = 0.75;
/** Graphs of fewer nodes need no minimap. */
const MAP_FROM = 24;
/** Options around the active one that assistive technology finds beside a drawing that has none. */
const MIRRORED = 20;

type Shown =
  | 'canvas'
  | null
  | { readonly area: ReturnType<typeof areaOf>; readonly nodes: readonly number[]; readonly edges: readonly number[] };

const NO_NODES = {
  graph: { nodes: [], edges: [], indexOfOp: new Map() },
  tree: [],
  nodes: [],
  edges: [],
  frames: [],
  place: new Int32Array(0),
};

/** Which groups of a model are open, kept while the list is shown instead. */
const openOf = new WeakMap<ModelGraph, ReadonlySet<string>>();

/** The model as a zoomable graph: drag to pan, wheel to zoom, arrows to walk from node to node, groups that open and fold. */
export function Graph({ graph, overlay, values, heated, chooser, selected, related, onSelect }: GraphProps) {
  const tree = useMemo(() => buildGroups(graph), [graph]);
  const everything = useMemo(() => allGroups(tree), [tree]);
  const [, setOpened] = useState<ReadonlySet<string> | null>(null);
  const open = openOf.get(graph) ?? firstOpen(graph, tree);
  openOf.set(graph, open);
  const visible = useMemo(() => visibleGraph(graph, tree, open), [graph, tree, open]);
  const { scene, error, progress, stop } = useLayout(visible);

  const box = useRef<HTMLDivElement>(null);
  const svgView = useRef<SVGGElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const mapFrame = useRef<HTMLDivElement>(null);
  const finder = useRef<HTMLInputElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [paths, setPaths] = useState(true);
  const [query, setQuery] = useState('');
  const [hitAt, setHitAt] = useState(-1);
  const [shown, setShown] = useState<Shown>(null);
  const [theme, setTheme] = useState(0);
  const palette = useRef<ReturnType<typeof readPalette> | null>(null);

  const selectedAt = selected === null ? -1 : (graph.indexOfOp.get(selected) ?? -1);
  const position = cursor ?? selectedAt;
  const active = scene && position >= 0 ? (scene.visible.place[position] ?? -1) : -1;
  const hits = useMemo(() => search(graph, query).filter((at) => graph.nodes[at]!.node), [graph, query]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme has new colours
  const heat = useMemo(() => (heated ? heatSteps(readPalette(document.documentElement).colour) : null), [heated, theme]);
  const measure = useMemo(() => measured(scene?.visible ?? NO_NODES, overlay, values, heat), [scene, overlay, values, heat]);
  const marks = useMemo<Marks>(() => {
    const place = scene?.visible.place;
    const relatedAt = new Set<number>();
    for (const index of related) {
      const at = graph.indexOfOp.get(index);
      if (at !== undefined && place) relatedAt.add(place[at]!);
    }
    return {
      active,
      related: relatedAt,
      hits: new Set(place ? hits.map((at) => place[at]!) : []),
      reach: scene && paths ? reachOf(scene.visible, active) : null,
      measure,
    };
  }, [scene, measure, related, active, hits, paths, graph]);

  // Drawing reads the newest scene and marks without being set up anew for each.
  const latest = useRef({ scene, marks, shown });
  latest.current = { scene, marks, shown };

  const draw = useCallback((view: View) => {
    const { scene: drawn, marks: marked, shown: mode } = latest.current;
    if (!drawn || view.width === 0) return;
    placeFrame(mapFrame.current, drawn, view);
    const wanted = wantedMode(drawn, view, mode);
    if (wanted !== mode) {
      latest.current.shown = wanted;
      setShown(wanted);
    }
    svgView.current?.setAttribute('transform', `translate(${view.x} ${view.y}) scale(${view.k})`);
    const element = canvas.current;
    if (wanted !== 'canvas' || !element) return;
    const ratio = window.devicePixelRatio;
    const width = Math.round(view.width * ratio);
    const height = Math.round(view.height * ratio);
    if (element.width !== width || element.height !== height) {
      element.width = width;
      element.height = height;
    }
    palette.current ??= readPalette(element);
    paint(element.getContext('2d')!, drawn, view, marked, palette.current, ratio);
  }, []);
  const pan = usePanZoom(box, scene?.layout.bounds ?? null, graph, draw);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each of them changes what is drawn
  useLayoutEffect(() => draw(pan.view()), [draw, pan, scene, marks, shown, theme]);

  useEffect(() => {
    const observer = new MutationObserver(() => {
      palette.current = null;
      setTheme((count) => count + 1);
    });
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    return () => observer.disconnect();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what is selected elsewhere takes the cursor along
  useEffect(() => setCursor(null), [selected, graph]);

  // A group that opens or folds stays where it was on the screen.
  const anchor = useRef<{ position: number; x: number; y: number } | 'fit' | null>(null);
  useLayoutEffect(() => {
    const held = anchor.current;
    anchor.current = null;
    if (!scene) return;
    if (held && held !== 'fit') {
      const corner = cornerOf(scene, held.position);
      pan.moveTo(corner.x, corner.y, held.x, held.y);
    }
    // A graph that shrank may leave nothing in view.
    if (held === 'fit' || scene.nodesIn(areaOf(pan.view(), -0.1)).length === 0) pan.fitWidth();
  }, [scene, pan]);

  // What is selected comes into view when it lies outside.
  const firstRelated = marks.related.values().next().value ?? -1;
  const target = active >= 0 ? active : firstRelated;
  useEffect(() => {
    if (scene && target >= 0) pan.reveal(scene.layout.x[target]!, scene.layout.y[target]!);
  }, [target, scene, pan]);

  const setOpen = useCallback(
    (next: ReadonlySet<string>, keep: number) => {
      const { scene: drawn } = latest.current;
      if (drawn && keep >= 0) {
        const view = pan.view();
        const corner = cornerOf(drawn, keep);
        anchor.current = { position: keep, x: corner.x * view.k + view.x, y: corner.y * view.k + view.y };
      } else anchor.current = 'fit';
      openOf.set(graph, next);
      setOpened(next);
    },
    [graph, pan],
  );
  const fold = useCallback(
    (id: string) => {
      const frame = latest.current.scene?.visible.frames.find((candidate) => candidate.group.id === id);
      const next = new Set(openOf.get(graph));
      next.delete(id);
      setOpen(next, frame?.group.first ?? -1);
    },
    [graph, setOpen],
  );
  const pick = useCallback(
    (at: number) => {
      const picked = latest.current.scene?.visible.nodes[at];
      if (!picked) return;
      if (picked.group) {
        setCursor(picked.group.first);
        setOpen(new Set([...(openOf.get(graph) ?? []), picked.group.id]), picked.group.first);
      } else if (picked.node?.node) {
        setCursor(null);
        onSelect(picked.node.node.index);
      }
    },
    [graph, onSelect, setOpen],
  );

  const step = (by: 1 | -1) => {
    if (hits.length === 0) return;
    const next = hitAt < 0 ? (by === 1 ? 0 : hits.length - 1) : (hitAt + by + hits.length) % hits.length;
    setHitAt(next);
    const at = hits[next]!;
    const around = groupsAround(tree, at).map((group) => group.id);
    if (around.some((id) => !open.has(id))) setOpen(new Set([...open, ...around]), -1);
    setCursor(null);
    onSelect(graph.nodes[at]!.node!.index);
  };

  const around = position < 0 ? [] : groupsAround(tree, position).filter((group) => open.has(group.id));

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !scene) return;
    const group = active >= 0 ? scene.visible.nodes[active]!.group : null;
    const inner = around.at(-1);
    if (event.key === '+' || event.key === '=') pan.zoomBy(1.25);
    else if (event.key === '-') pan.zoomBy(0.8);
    else if (event.key === '0') pan.fitAll();
    else if (event.key === 'Enter' && group) pick(active);
    else if (event.key === 'c' && inner) {
      fold(inner.id);
      setCursor(inner.first);
    } else if (event.key === '/' || event.key === 'f') finder.current?.focus();
    else if (event.key === 'p') setPaths(!paths);
    else {
      const next = neighbour(scene, active, event.key);
      if (next === null) return;
      const { node, group: other } = scene.visible.nodes[next]!;
      if (other) setCursor(other.first);
      else if (node?.node) {
        setCursor(null);
        onSelect(node.node.index);
      }
    }
    event.preventDefault();
  };

  const onClick = (event: MouseEvent<HTMLDivElement>) => {
    if (!scene || shown !== 'canvas') return;
    const rect = event.currentTarget.getBoundingClientRect();
    const view = pan.view();
    const at = nodeAt(scene, view, event.clientX - rect.left, event.clientY - rect.top);
    if (at >= 0) {
      pick(at);
      return;
    }
    const x = (event.clientX - rect.left - view.x) / view.k;
    const y = (event.clientY - rect.top - view.y) / view.k;
    const label = scene.frames.find((frame) => x >= frame.x && x <= frame.x + frame.width && y >= frame.y && y <= frame.y + LABEL_HEIGHT);
    if (label) fold(label.frame.group.id);
  };

  const whole = shown === null;
  const canvasShown = shown === 'canvas';
  return (
    <div className="graph">
      <div className="graph-bar" role="toolbar" aria-label={texts.tools}>
        <GraphSearch
          ref={finder}
          query={query}
          hits={hits.length}
          at={hitAt}
          onQuery={(text) => {
            setQuery(text);
            setHitAt(-1);
          }}
          onStep={step}
          onLeave={() => box.current?.focus()}
        />
        {chooser}
        <GraphTools
          pan={pan}
          paths={paths}
          onPaths={() => setPaths(!paths)}
          groups={everything.size}
          onOpenAll={() => setOpen(everything, position)}
          onFoldAll={() => setOpen(new Set(), position)}
        />
      </div>
      {error ? <ErrorNote error={{ what: texts.layoutFailed(error), where: '', advice: texts.layoutAdvice }} /> : null}
      {progress ? (
        <div className="graph-progress">
          <Progress
            progress={{ stage: texts.layingOut, done: progress.done, total: progress.total }}
            label={texts.layingOutShort}
            onCancel={stop}
          />
        </div>
      ) : null}
      <div className="graph-stage">
        <div className="graph-view">
          <div
            ref={box}
            className={`graph-box${scene && scene.visible !== visible && !error ? ' stale' : ''}`}
            role="listbox"
            tabIndex={0}
            aria-label={texts.name(graph.indexOfOp.size)}
            aria-activedescendant={scene && active >= 0 ? `graph-${scene.visible.nodes[active]!.id}` : undefined}
            onKeyDown={onKeyDown}
            onClick={onClick}
            data-drawing={canvasShown ? 'canvas' : 'svg'}
            data-nodes={scene?.visible.nodes.length}
          >
            {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: a drawing, which takes no focus */}
            <canvas ref={canvas} className="graph-canvas" aria-hidden="true" hidden={!canvasShown} />
            {scene && !canvasShown ? (
              <svg className="graph-svg" role="presentation" aria-hidden={whole ? undefined : true}>
                <g ref={svgView}>
                  <SvgScene
                    scene={scene}
                    marks={marks}
                    shown={usable(shown, scene)}
                    prefix={whole ? 'graph-' : 'drawn-'}
                    onPick={pick}
                    onFold={fold}
                  />
                </g>
              </svg>
            ) : null}
            {scene && !whole ? <Mirror scene={scene} marks={marks} /> : null}
          </div>

          {scene ? <HoverNote box={box} scene={scene} view={pan.view} nodes={canvasShown} measure={measure} /> : null}
        </div>
        {scene && scene.visible.nodes.length >= MAP_FROM ? (
          <Minimap scene={scene} marks={marks} theme={theme} frame={mapFrame} onMove={pan.showShare} />
        ) : null}
      </div>
      {around.length > 0 ? (
        <nav className="graph-crumbs small" aria-label={texts.crumbs}>
          {around.map((group) => (
            <button key={group.id} type="button" className="link" title={texts.foldUp} onClick={() => fold(group.id)}>
              {group.repeats === undefined ? group.label : `${group.label} ×${group.repeats}`}
            </button>
          ))}
        </nav>
      ) : null}
      {heat && scene ? <HeatLegend measure={measure} /> : null}
    </div>
  );
}

/** SVG of all, SVG of what is near the view, or a canvas. */
function wantedMode(scene: Scene, view: View, present: Shown): Shown {
  const count = scene.visible.nodes.length;
  if (count <= WHOLE_UP_TO) return null;
  if (count > SVG_UP_TO) return 'canvas';
  const near = areaOf(view);
  if (present && present !== 'canvas') {
    const { area, nodes } = present;
    const covered = near.minX >= area.minX && near.maxX <= area.maxX && near.minY >= area.minY && near.maxY <= area.maxY;
    if (covered && usable(present, scene) && nodes.length <= SVG_IN_VIEW) return present;
  }
  const area = areaOf(view, MARGIN);
  const nodes = scene.nodesIn(area);
  if (nodes.length > SVG_IN_VIEW) return 'canvas';
  const shown = { area, nodes, edges: scene.edgesIn(area) };
  scenes.set(shown, scene);
  return shown;
}

/** Which scene a list of nodes near the view counts in. */
const scenes = new WeakMap<object, Scene>();

const NOTHING = { nodes: [], edges: [] };

function usable(shown: Shown, scene: Scene): { readonly nodes: readonly number[]; readonly edges: readonly number[] } | null {
  if (shown === null) return scene.visible.nodes.length <= WHOLE_UP_TO ? null : NOTHING;
  return shown !== 'canvas' && scenes.get(shown) === scene ? shown : NOTHING;
}

/** Top middle of what node `position` of the model's graph is drawn in. */
function cornerOf(scene: Scene, position: number): { x: number; y: number } {
  const at = scene.visible.place[position]!;
  return { x: scene.layout.x[at]!, y: scene.layout.y[at]! - scene.visible.nodes[at]!.height / 2 };
}

/** The nodes around the active one, for assistive technology, where the drawing itself has no elements for them. */
function Mirror({ scene, marks }: { scene: Scene; marks: Marks }) {
  const { nodes } = scene.visible;
  const middle = Math.max(0, marks.active);
  const first = Math.max(0, middle - MIRRORED);
  return (
    <div className="visually-hidden" role="presentation">
      {nodes.slice(first, middle + MIRRORED).map((node, offset) => (
        <div
          key={node.id}
          id={`graph-${node.id}`}
          role="option"
          tabIndex={-1}
          aria-selected={first + offset === marks.active}
          aria-posinset={first + offset + 1}
          aria-setsize={nodes.length}
          aria-label={nameOf(scene.visible, first + offset, spokenValue(marks.measure, first + offset))}
        />
      ))}
    </div>
  );
}

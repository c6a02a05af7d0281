import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  Suspense,
  useCallback,
  useContext,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { announce, select } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import type { MenuItem } from '../components/Menu.tsx';
import { Progress } from '../components/Progress.tsx';
import { part } from '../components/part.tsx';
import { PinnedContext } from '../components/pinned.ts';
import { graph as texts } from '../texts/model.ts';
import { changesIn, type NodeStates } from './changes.ts';
import { type DrawMode, modeFor, partOf } from './draw-mode.ts';
import { edgeAt, edgesOf, LABELS_FROM, nodeAt } from './edges.ts';
import { GraphSearch } from './GraphSearch.tsx';
import { GraphTools } from './GraphTools.tsx';
import { GraphTree, rowId } from './GraphTree.tsx';
import { type ModelGraph, shapeText } from './graph-model.ts';
import { buildGroups } from './groups.ts';
import { HeatLegend } from './HeatLegend.tsx';
import { heatSteps } from './heat.ts';
import { Minimap, placeFrame } from './Minimap.tsx';
import { measure as measured } from './measure.ts';
import { neighbour } from './neighbour.ts';
import type { Overlay, OverlayValues } from './overlays.ts';
import { areaOf, type Marks, paint, readPalette, type View } from './paint.ts';
import { SvgScene } from './SvgScene.tsx';
import { LABEL_HEIGHT, reachOf, type Scene, search } from './scene.ts';
import { edgeLabel, integerText, type TensorTable } from './tensors.ts';
import { treeRows } from './tree-rows.ts';
import { useLayout } from './useLayout.ts';
import { usePanZoom } from './usePanZoom.ts';
import { useThemeCount } from './useThemeCount.ts';
import { allGroups, firstOpen, groupsAround, visibleGraph } from './visible.ts';
import { tensorsOf } from './walk.ts';

const HoverNote = part(() => import('./HoverNote.tsx'));

interface GraphProps {
  readonly graph: ModelGraph;
  readonly table: TensorTable;
  /** What the cards show as a number and a bar. */
  readonly overlay: Overlay;
  readonly values: OverlayValues;
  /** Whether the overlay colours the cards too. */
  readonly heated: boolean;
  readonly chooser: ReactNode;
  readonly selected: number | null;
  /** A tensor that is selected, by name. */
  readonly tensor: string | null;
  readonly related: ReadonlySet<number>;
  readonly onSelect: (nodeIdx: number) => void;
  /** Of two models that are compared: the states of this one's nodes. */
  readonly states?: NodeStates | null;
  /** Of the model that the open one is compared with: its tensors are no part of the project. */
  readonly foreign?: boolean;
  /** Name for assistive technology. */
  readonly name: string;
  /** Whether the panel's commands act on this graph. */
  readonly commanded?: boolean;
  /** A node to bring into view, out of its groups; each new object is a new wish. */
  readonly goTo?: { readonly node: number } | null;
  readonly more?: readonly MenuItem[];
  /** Gets what an export needs. */
  readonly onDrawing?: (drawing: Drawing | null) => void;
}

/** What the graph shows at the moment, for exports. */
export interface Drawing {
  readonly scene: Scene;
  readonly marks: Marks;
}

/** Graphs of fewer nodes need no minimap. */
const MAP_FROM = 24;

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
export function Graph({
  graph,
  table,
  overlay,
  values,
  heated,
  chooser,
  selected,
  tensor,
  related,
  onSelect,
  states = null,
  foreign = false,
  name,
  commanded = true,
  goTo = null,
  more = [],
  onDrawing,
}: GraphProps) {
  const tree = useMemo(() => buildGroups(graph), [graph]);
  const everything = useMemo(() => allGroups(tree), [tree]);
  const [, setOpened] = useState<ReadonlySet<string> | null>(null);
  const open = openOf.get(graph) ?? firstOpen(graph, tree);
  openOf.set(graph, open);
  const visible = useMemo(() => visibleGraph(graph, tree, open), [graph, tree, open]);
  const { scene, error, progress, stop } = useLayout(visible);
  const lines = useMemo(() => (scene ? treeRows(scene.visible) : null), [scene]);

  const prefix = useId();
  const box = useRef<HTMLDivElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const svgView = useRef<SVGGElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const mapFrame = useRef<HTMLDivElement>(null);
  const finder = useRef<HTMLInputElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [paths, setPaths] = useState(true);
  const [query, setQuery] = useState('');
  const [hitAt, setHitAt] = useState(-1);
  const [shown, setShown] = useState<DrawMode>(null);
  const theme = useThemeCount();

  const selectedAt = selected === null ? -1 : (graph.indexOfOp.get(selected) ?? -1);
  const position = cursor ?? selectedAt;
  const active = scene && position >= 0 ? (scene.visible.place[position] ?? -1) : -1;
  const hits = useMemo(() => search(graph, query).filter((at) => graph.nodes[at]!.node), [graph, query]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme has new colours
  const palette = useMemo(() => readPalette(document.documentElement), [theme]);
  const heat = useMemo(() => (heated ? heatSteps(palette.colour) : null), [heated, palette]);
  const measure = useMemo(() => measured(scene?.visible ?? NO_NODES, overlay, values, heat), [scene, overlay, values, heat]);
  const label = useMemo(() => labels(scene, table), [scene, table]);
  const reach = useMemo(() => (scene && paths ? reachOf(scene.visible, active) : null), [scene, paths, active]);
  const tensorEdges = useMemo(() => (scene ? edgesOf(scene, tensor) : new Set<number>()), [scene, tensor]);
  const changes = useMemo(() => (scene ? changesIn(scene.visible, states) : null), [scene, states]);
  const marks = useMemo<Marks>(() => {
    const place = scene?.visible.place;
    const relatedAt = new Set<number>();
    for (const index of related) {
      const at = graph.indexOfOp.get(index);
      if (at !== undefined && place) relatedAt.add(place[at]!);
    }
    const hitsAt = new Set(place ? hits.map((at) => place[at]!) : []);
    return { active, related: relatedAt, hits: hitsAt, reach, measure, tensor: tensorEdges, label, changes };
  }, [scene, measure, related, active, hits, reach, tensorEdges, label, changes, graph]);
  useEffect(() => onDrawing?.(scene ? { scene, marks } : null), [onDrawing, scene, marks]);

  // Drawing reads the newest scene and marks without being set up anew for each.
  const latest = useRef({ scene, marks, shown, palette });
  latest.current = { scene, marks, shown, palette };

  const draw = useCallback((view: View) => {
    const { scene: drawn, marks: marked, shown: mode, palette: colours } = latest.current;
    if (!drawn || view.width === 0) return;
    placeFrame(mapFrame.current, drawn, view);
    const wanted = modeFor(drawn, view, mode);
    if (wanted !== mode) {
      latest.current.shown = wanted;
      setShown(wanted);
    }
    svgView.current?.setAttribute('transform', `translate(${view.x} ${view.y}) scale(${view.k})`);
    svg.current?.classList.toggle('labelled', view.k >= LABELS_FROM);
    const element = canvas.current;
    if (wanted !== 'canvas' || !element) return;
    const ratio = window.devicePixelRatio;
    const width = Math.round(view.width * ratio);
    const height = Math.round(view.height * ratio);
    if (element.width !== width || element.height !== height) {
      element.width = width;
      element.height = height;
    }
    paint(element.getContext('2d')!, drawn, view, marked, colours, ratio);
  }, []);
  // What was in view stays there when the panel shrinks, as it does when details open below.
  const shrunk = useRef<(before: View) => void>(() => {});
  const resized = useCallback((before: View) => shrunk.current(before), []);
  const pan = usePanZoom(box, scene?.layout.bounds ?? null, graph, draw, resized);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each of them changes what is drawn
  useLayoutEffect(() => draw(pan.view()), [draw, pan, scene, marks, shown, palette]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another model has other nodes
  useEffect(() => setCursor(null), [graph]);
  // What is selected elsewhere takes the cursor along.
  useEffect(() => {
    if (selected !== null) setCursor(null);
  }, [selected]);

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

  // What is selected comes into view when it lies outside, unless the panel is pinned and it was selected elsewhere.
  const firstRelated = marks.related.values().next().value ?? -1;
  const target = active >= 0 ? active : firstRelated;
  const pinned = useContext(PinnedContext);
  useEffect(() => {
    const own = box.current?.contains(document.activeElement) === true;
    if (scene && target >= 0 && (own || !pinned)) pan.reveal(scene.layout.x[target]!, scene.layout.y[target]!);
  }, [target, scene, pan, pinned]);

  useEffect(() => {
    shrunk.current = (before) => {
      if (scene && target >= 0 && inView(scene, target, before)) pan.reveal(scene.layout.x[target]!, scene.layout.y[target]!);
    };
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

  // A wish from outside, such as the next difference of two models.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new wish moves anything
  useEffect(() => {
    const at = goTo ? graph.indexOfOp.get(goTo.node) : undefined;
    if (at === undefined) return;
    const hiding = groupsAround(tree, at).map((group) => group.id);
    if (hiding.some((id) => !open.has(id))) setOpen(new Set([...open, ...hiding]), -1);
  }, [goTo]);

  const around = position < 0 ? [] : groupsAround(tree, position).filter((group) => open.has(group.id));
  const inner = around.at(-1);
  const foldInner = useCallback(() => {
    if (!inner) return;
    fold(inner.id);
    setCursor(inner.first);
  }, [inner, fold]);
  const nextTensor = useCallback(() => {
    const { scene: drawn } = latest.current;
    if (!drawn || active < 0 || foreign) return;
    const own = tensorsOf(drawn.visible, active);
    const at = own.findIndex(({ name }) => name === tensor);
    const next = own[(at + 1) % Math.max(1, own.length)];
    if (!next) return;
    // The cursor stays on the node whose tensors are walked.
    setCursor(position);
    select('tensor', next.name);
    const info = table.get(next.name);
    const facts = info ? [shapeText(info.dims, info.dtype), integerText(info)].filter((fact) => fact !== null).join(', ') : '';
    announce(texts.walked(next.input ? texts.input : texts.output, next.name, facts));
  }, [active, position, tensor, table, foreign]);
  // An id that no command has: keys act on the other graph.
  const own = (id: string) => (commanded ? id : `${prefix}${id}`);
  useCommandHandler(
    own('model.graph.find'),
    useCallback(() => finder.current?.focus(), []),
  );
  useCommandHandler(
    own('model.graph.paths'),
    useCallback(() => setPaths((on) => !on), []),
  );
  useCommandHandler(
    own('model.graph.zoomIn'),
    useCallback(() => pan.zoomBy(1.25), [pan]),
  );
  useCommandHandler(
    own('model.graph.zoomOut'),
    useCallback(() => pan.zoomBy(0.8), [pan]),
  );
  useCommandHandler(own('model.graph.whole'), pan.fitAll);
  useCommandHandler(
    own('model.graph.openAll'),
    useCallback(() => setOpen(everything, position), [setOpen, everything, position]),
  );
  useCommandHandler(
    own('model.graph.foldAll'),
    useCallback(() => setOpen(new Set(), position), [setOpen, position]),
  );
  useCommandHandler(own('model.graph.fold'), foldInner);
  useCommandHandler(own('model.graph.tensor'), nextTensor);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !scene) return;
    if (event.key === 'Enter' && active >= 0 && scene.visible.nodes[active]!.group) pick(active);
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
    if (!scene || (event.target as Element).closest('.graph-op, .graph-group text, [role=treeitem]')) return;
    const rect = event.currentTarget.getBoundingClientRect();
    const view = pan.view();
    const [px, py] = [event.clientX - rect.left, event.clientY - rect.top];
    const at = nodeAt(scene, view, px, py);
    if (at >= 0) {
      pick(at);
      return;
    }
    const edge = edgeAt(scene, view, px, py);
    if (edge >= 0 && !foreign) {
      // Between groups several tensors share an edge: each click takes the next.
      const { tensors } = scene.visible.edges[edge]!;
      select('tensor', tensors[(tensors.indexOf(tensor ?? '') + 1) % tensors.length]!);
      return;
    }
    const [x, y] = [(px - view.x) / view.k, (py - view.y) / view.k];
    const named = scene.frames.find((frame) => x >= frame.x && x <= frame.x + frame.width && y >= frame.y && y <= frame.y + LABEL_HEIGHT);
    if (shown === 'canvas' && named) fold(named.frame.group.id);
  };

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
          more={more}
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
            role="tree"
            tabIndex={0}
            aria-label={name}
            aria-description={texts.keys}
            aria-activedescendant={lines && active >= 0 ? rowId(prefix, lines.rows[lines.rowOf[active]!]!) : undefined}
            onKeyDown={onKeyDown}
            onClick={onClick}
            data-drawing={canvasShown ? 'canvas' : 'svg'}
            data-nodes={scene?.visible.nodes.length}
          >
            <canvas ref={canvas} className="graph-canvas" aria-hidden="true" tabIndex={-1} hidden={!canvasShown} />
            {scene && !canvasShown ? (
              <svg ref={svg} className="graph-svg" aria-hidden="true">
                <g ref={svgView}>
                  <SvgScene scene={scene} marks={marks} shown={partOf(shown, scene)} onPick={pick} onFold={fold} />
                </g>
              </svg>
            ) : null}
            {scene && lines ? <GraphTree scene={scene} tree={lines} marks={marks} prefix={prefix} onPick={pick} onFold={fold} /> : null}
          </div>
          {scene ? (
            <Suspense fallback={null}>
              <HoverNote box={box} scene={scene} table={table} view={pan.view} nodes={canvasShown} measure={measure} />
            </Suspense>
          ) : null}
        </div>
        {scene && scene.visible.nodes.length >= MAP_FROM ? (
          <Minimap scene={scene} marks={marks} palette={palette} frame={mapFrame} onMove={pan.showShare} />
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

/** Top middle of what node `position` of the model's graph is drawn in. */
function cornerOf(scene: Scene, position: number): { x: number; y: number } {
  const at = scene.visible.place[position]!;
  return { x: scene.layout.x[at]!, y: scene.layout.y[at]! - scene.visible.nodes[at]!.height / 2 };
}

function inView({ layout }: Scene, at: number, { x, y, k, width, height }: View): boolean {
  const [px, py] = [layout.x[at]! * k + x, layout.y[at]! * k + y];
  return px >= 0 && px <= width && py >= 0 && py <= height;
}

/** Labels of edges, made when they are first drawn. */
function labels(scene: Scene | null, table: TensorTable): (edge: number) => string {
  const known = new Map<number, string>();
  return (edge) => {
    const found = known.get(edge);
    if (found !== undefined) return found;
    const tensors = scene?.visible.edges[edge]?.tensors ?? [];
    const info = tensors.length === 1 ? table.get(tensors[0]!) : undefined;
    const text = tensors.length > 1 ? texts.tensors(tensors.length) : info ? edgeLabel(info) : (tensors[0] ?? '');
    known.set(edge, text);
    return text;
  };
}

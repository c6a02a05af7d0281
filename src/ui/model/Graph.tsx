import { select as d3select } from 'd3-selection';
import { curveBumpY, line } from 'd3-shape';
import { type D3ZoomEvent, type ZoomBehavior, zoom, zoomIdentity, zoomTransform } from 'd3-zoom';
import { Maximize, Minus, Plus } from 'lucide-react';
import { type KeyboardEvent, memo, useCallback, useEffect, useMemo, useRef } from 'react';
import { formatCount } from '../../workbench/selectors.ts';
import { familyColour, familyOf } from './families.ts';
import { buildGroups, type GraphGroup, type ModelGraph } from './graph-model.ts';
import type { LayoutResult, Point } from './layout.ts';

interface GraphProps {
  readonly graph: ModelGraph;
  readonly layout: LayoutResult;
  /** Instructions by ONNX node index; empty before the first program. */
  readonly costs: ReadonlyMap<number, number>;
  readonly selected: number | null;
  readonly related: ReadonlySet<number>;
  readonly onSelect: (nodeIdx: number) => void;
}

const path = line<Point>()
  .x((point) => point.x)
  .y((point) => point.y)
  .curve(curveBumpY);

const CHARS = 19;
const clip = (text: string, chars: number) => (text.length > chars ? `${text.slice(0, chars - 1)}…` : text);

/** The model as a zoomable graph: drag to pan, wheel to zoom, arrows to walk from node to node. */
export function Graph({ graph, layout, costs, selected, related, onSelect }: GraphProps) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<SVGGElement>(null);
  const behaviour = useRef<ZoomBehavior<HTMLDivElement, unknown> | null>(null);
  const selectedAt = selected === null ? -1 : (graph.indexOfOp.get(selected) ?? -1);

  const fitWidth = useCallback(() => {
    const element = box.current;
    if (!element || !behaviour.current) return;
    const { minX, maxX, minY } = layout.bounds;
    const scale = Math.min(1, Math.max(0.4, (element.clientWidth - 24) / (maxX - minX)));
    const x = (element.clientWidth - (maxX + minX) * scale) / 2;
    d3select(element).call(behaviour.current.transform, zoomIdentity.translate(x, 12 - minY * scale).scale(scale));
  }, [layout]);

  const fitAll = useCallback(() => {
    const element = box.current;
    if (!element || !behaviour.current) return;
    const { minX, maxX, minY, maxY } = layout.bounds;
    const scale = Math.min(1, (element.clientWidth - 24) / (maxX - minX), (element.clientHeight - 24) / (maxY - minY));
    const x = (element.clientWidth - (maxX + minX) * scale) / 2;
    const y = (element.clientHeight - (maxY + minY) * scale) / 2;
    d3select(element).call(behaviour.current.transform, zoomIdentity.translate(x, y).scale(scale));
  }, [layout]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const zooming = zoom<HTMLDivElement, unknown>()
      .scaleExtent([0.05, 2])
      .on('zoom', (event: D3ZoomEvent<HTMLDivElement, unknown>) => {
        view.current?.setAttribute('transform', event.transform.toString());
      });
    behaviour.current = zooming;
    d3select(element).call(zooming).on('dblclick.zoom', null);
    return () => {
      d3select(element).on('.zoom', null);
    };
  }, []);

  useEffect(fitWidth, [fitWidth]);

  // The selected node comes into view when it lies outside.
  useEffect(() => {
    const element = box.current;
    const at = selectedAt >= 0 ? selectedAt : firstRelated(graph, related);
    const point = at >= 0 ? layout.nodes[at] : undefined;
    if (!element || !point || !behaviour.current) return;
    const { x, y, k } = zoomTransform(element);
    const screenX = point.x * k + x;
    const screenY = point.y * k + y;
    const dx = outside(screenX, 100 * k, element.clientWidth);
    // Far along the graph the node lands in the middle, so that what stands around it shows too.
    const dy = outside(screenY, 32 * k, element.clientHeight) === 0 ? 0 : element.clientHeight / 2 - screenY;
    if (dx !== 0 || dy !== 0) d3select(element).call(behaviour.current.translateBy, dx / k, dy / k);
  }, [selectedAt, related, layout, graph]);

  const zoomBy = (factor: number) => {
    if (box.current && behaviour.current) d3select(box.current).call(behaviour.current.scaleBy, factor);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '+' || event.key === '=') zoomBy(1.25);
    else if (event.key === '-') zoomBy(0.8);
    else if (event.key === '0') fitAll();
    else {
      const next = neighbour(graph, layout, selectedAt, event.key);
      if (next === null) return;
      onSelect(next);
    }
    event.preventDefault();
  };

  const most = useMemo(() => Math.max(1, ...costs.values()), [costs]);
  const groups = useMemo(() => drawnGroups(graph, layout), [graph, layout]);
  return (
    <div className="graph">
      <div
        ref={box}
        className="graph-box"
        role="listbox"
        tabIndex={0}
        aria-label={`Model graph, ${graph.indexOfOp.size} operators`}
        aria-activedescendant={selectedAt >= 0 ? `graph-${graph.nodes[selectedAt]!.id}` : undefined}
        onKeyDown={onKeyDown}
      >
        <svg className="graph-svg" role="presentation">
          <g ref={view}>
            {groups.map((group) => (
              // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a drawing, which takes no focus
              <g key={group.path} className="graph-group" aria-hidden="true">
                <rect x={group.x} y={group.y} width={group.width} height={group.height} rx={6} />
                <text x={group.x + 6} y={group.y + 11}>
                  {group.label}
                </text>
              </g>
            ))}
            <Edges graph={graph} layout={layout} selectedAt={selectedAt} />
            {graph.nodes.map((node, at) => {
              const point = layout.nodes[at]!;
              if (!node.node) {
                return (
                  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a drawing, which takes no focus
                  <g
                    key={node.id}
                    className="graph-io"
                    transform={`translate(${point.x - node.width / 2} ${point.y - node.height / 2})`}
                    aria-hidden="true"
                  >
                    <rect width={node.width} height={node.height} rx={node.height / 2} />
                    <text className="graph-title" x={node.width / 2} y={18} textAnchor="middle">
                      {clip(`${node.title}  ${node.subtitle}`, 24)}
                    </text>
                  </g>
                );
              }
              return (
                <OpNode
                  key={node.id}
                  id={`graph-${node.id}`}
                  index={node.node.index}
                  x={point.x - node.width / 2}
                  y={point.y - node.height / 2}
                  width={node.width}
                  height={node.height}
                  title={node.title}
                  name={node.node.name}
                  subtitle={node.subtitle}
                  op={node.node.op}
                  insns={costs.get(node.node.index)}
                  share={(costs.get(node.node.index) ?? 0) / most}
                  selected={at === selectedAt}
                  related={related.has(node.node.index)}
                  onSelect={onSelect}
                />
              );
            })}
          </g>
        </svg>
      </div>
      <div className="graph-tools">
        <button type="button" className="button square bordered" aria-label="Zoom in" title="Zoom in (+)" onClick={() => zoomBy(1.25)}>
          <Plus size={14} />
        </button>
        <button type="button" className="button square bordered" aria-label="Zoom out" title="Zoom out (-)" onClick={() => zoomBy(0.8)}>
          <Minus size={14} />
        </button>
        <button
          type="button"
          className="button square bordered"
          aria-label="Show the whole model"
          title="Show the whole model (0)"
          onClick={fitAll}
        >
          <Maximize size={14} />
        </button>
      </div>
    </div>
  );
}

/** How far to move so that `at` lies at least `margin` inside of `size`; 0 when it does. */
function outside(at: number, margin: number, size: number): number {
  if (at < margin) return margin - at;
  return at > size - margin ? size - margin - at : 0;
}

interface OpNodeProps {
  readonly id: string;
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly name: string;
  readonly subtitle: string;
  readonly op: string;
  readonly insns: number | undefined;
  readonly share: number;
  readonly selected: boolean;
  readonly related: boolean;
  readonly onSelect: (nodeIdx: number) => void;
}

const OpNode = memo(function OpNode(props: OpNodeProps) {
  const { id, index, x, y, width, height, title, name, subtitle, op, insns, share, selected, related, onSelect } = props;
  return (
    <g
      id={id}
      role="option"
      aria-selected={selected}
      aria-label={`${name}, ${op}, ${subtitle}${insns === undefined ? '' : `, ${insns} instructions`}`}
      data-node={index}
      className={`graph-op${selected ? ' selected' : related ? ' related' : ''}`}
      transform={`translate(${x} ${y})`}
      onClick={() => onSelect(index)}
    >
      <title>{name}</title>
      <rect className="graph-card" width={width} height={height} rx={4} />
      <rect width={3} height={height - 8} x={4} y={4} rx={1.5} fill={familyColour(familyOf(op))} />
      <text className="graph-title" x={14} y={18}>
        {clip(title, insns === undefined ? CHARS : CHARS - 4)}
      </text>
      {insns === undefined ? null : (
        <text className="graph-count" x={width - 8} y={18} textAnchor="end">
          {formatCount(insns)}
        </text>
      )}
      <text className="graph-sub" x={14} y={34}>
        {clip(subtitle, 24)}
      </text>
      {insns === undefined ? null : (
        <rect className="graph-cost" x={14} y={height - 5} height={2} width={Math.max(1, (width - 22) * share)} rx={1} />
      )}
    </g>
  );
});

const Edges = memo(function Edges({ graph, layout, selectedAt }: { graph: ModelGraph; layout: LayoutResult; selectedAt: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a drawing, which takes no focus
    <g className="graph-edges" aria-hidden="true">
      {graph.edges.map((edge, at) => (
        <path
          key={at}
          d={path([...(layout.edges[at] ?? [])]) ?? ''}
          className={edge.from === selectedAt || edge.to === selectedAt ? 'near' : undefined}
          strokeWidth={1 + Math.min(3, Math.log10(1 + edge.bytes / 256))}
        />
      ))}
    </g>
  );
});

function firstRelated(graph: ModelGraph, related: ReadonlySet<number>): number {
  for (const index of related) {
    const at = graph.indexOfOp.get(index);
    if (at !== undefined) return at;
  }
  return -1;
}

/** The operator that an arrow key leads to: along edges up and down, within a rank left and right. */
function neighbour(graph: ModelGraph, layout: LayoutResult, from: number, key: string): number | null {
  const ops = graph.nodes.flatMap((node, at) => (node.node ? [at] : []));
  if (!['ArrowDown', 'ArrowUp', 'ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(key) || ops.length === 0) return null;
  const index = (at: number) => graph.nodes[at]!.node!.index;
  if (from < 0 || key === 'Home') return index(ops[0]!);
  if (key === 'End') return index(ops.at(-1)!);
  const here = layout.nodes[from]!;
  if (key === 'ArrowDown' || key === 'ArrowUp') {
    const linked = graph.edges
      .filter((edge) => (key === 'ArrowDown' ? edge.from === from : edge.to === from))
      .map((edge) => (key === 'ArrowDown' ? edge.to : edge.from))
      .filter((at) => graph.nodes[at]!.node);
    const place = ops.indexOf(from);
    const next = linked.length > 0 ? linked[0]! : ops[place + (key === 'ArrowDown' ? 1 : -1)];
    return next === undefined ? null : index(next);
  }
  const side = key === 'ArrowRight' ? 1 : -1;
  let best: number | null = null;
  let distance = Number.POSITIVE_INFINITY;
  for (const at of ops) {
    const point = layout.nodes[at]!;
    const dx = (point.x - here.x) * side;
    const far = dx + Math.abs(point.y - here.y) * 4;
    if (dx > 1 && Math.abs(point.y - here.y) < 60 && far < distance) {
      distance = far;
      best = at;
    }
  }
  return best === null ? null : index(best);
}

interface DrawnGroup {
  readonly path: string;
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const LABEL_HEIGHT = 13;
const INSET = 6;
/** More nested areas than these would fill the gaps between operators. */
const MOST_LEVELS = 2;

/** Groups whose area holds no foreign operator: others would claim nodes that they don't have. */
function drawnGroups(graph: ModelGraph, layout: LayoutResult): readonly DrawnGroup[] {
  const groups = distinctGroups(buildGroups(graph)).filter((group) => !holdsForeign(group, graph, layout));
  const drawn: DrawnGroup[] = [];
  for (const group of groups) {
    const inner = groups.filter((other) => other !== group && other.path.startsWith(`${group.path}/`));
    const level = 1 + Math.max(0, ...inner.map((other) => other.path.slice(group.path.length + 1).split('/').length));
    if (level > MOST_LEVELS) continue;
    const box = boxOf(group, graph, layout);
    const side = INSET * level;
    const top = LABEL_HEIGHT * level;
    drawn.push({
      path: group.path,
      label: group.label,
      x: box.minX - side,
      y: box.minY - top,
      width: box.maxX - box.minX + 2 * side,
      height: box.maxY - box.minY + top + side,
    });
  }
  return drawn;
}

/** Groups with the same members are one, named by the whole path that they share. */
function distinctGroups(groups: readonly GraphGroup[]): readonly GraphGroup[] {
  const byMembers = new Map<string, GraphGroup>();
  for (const group of groups) {
    const key = group.members.join();
    const outer = byMembers.get(key);
    byMembers.set(key, outer ? { ...group, label: `${outer.label} / ${group.label}` } : group);
  }
  return [...byMembers.values()];
}

function holdsForeign(group: GraphGroup, graph: ModelGraph, layout: LayoutResult): boolean {
  const box = boxOf(group, graph, layout);
  const own = new Set(group.members);
  return graph.nodes.some((node, at) => {
    if (!node.node || own.has(at)) return false;
    const { x, y } = layout.nodes[at]!;
    return x > box.minX && x < box.maxX && y > box.minY && y < box.maxY;
  });
}

function boxOf(group: GraphGroup, graph: ModelGraph, layout: LayoutResult): LayoutResult['bounds'] {
  let [minX, minY, maxX, maxY] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const at of group.members) {
    const { x, y } = layout.nodes[at]!;
    const { width, height } = graph.nodes[at]!;
    minX = Math.min(minX, x - width / 2);
    maxX = Math.max(maxX, x + width / 2);
    minY = Math.min(minY, y - height / 2);
    maxY = Math.max(maxY, y + height / 2);
  }
  return { minX, minY, maxX, maxY };
}

import { memo } from 'react';
import { graph as texts } from '../texts/model.ts';
import { badgeText, badgeWidth, type Change } from './changes.ts';
import { edgePath, labelledEdges, labelPlace } from './edges.ts';
import { familyColour } from './families.ts';
import type { HeatStep } from './heat.ts';
import { barOf, heatOf, numberOf } from './measure.ts';
import type { Marks } from './paint.ts';
import { cardOf, edgeWidth, onPath, type Scene } from './scene.ts';

interface SvgSceneProps {
  readonly scene: Scene;
  readonly marks: Marks;
  /** Nodes and edges near the view; null draws all. */
  readonly shown: { readonly nodes: readonly number[]; readonly edges: readonly number[] } | null;
  readonly onPick: (at: number) => void;
  readonly onFold: (groupId: string) => void;
}

/** The graph as SVG: crisp. What assistive technology reads stands beside it. */
export const SvgScene = memo(function SvgScene({ scene, marks, shown, onPick, onFold }: SvgSceneProps) {
  const { visible } = scene;
  const nodes = shown?.nodes ?? visible.nodes.map((_, at) => at);
  const edges = shown?.edges ?? visible.edges.map((_, at) => at);
  const labelled = labelledEdges(scene);
  return (
    <>
      {scene.frames.map(({ frame, x, y, width, height }) => (
        <g key={frame.group.id} className="graph-group">
          <rect x={x} y={y} width={width} height={height} rx={6} />
          {/* biome-ignore lint/a11y/noStaticElementInteractions: the key C and the path below the graph fold too */}
          <text x={x + 6} y={y + 11} onClick={() => onFold(frame.group.id)}>
            {frame.group.repeats === undefined ? frame.group.label : `${frame.group.label} ×${frame.group.repeats}`}
            <title>{texts.foldUp}</title>
          </text>
        </g>
      ))}
      <g className={`graph-edges${marks.reach ? ' traced' : ''}`}>
        {edges.map((edge) => {
          const { from, to, bytes } = visible.edges[edge]!;
          return (
            <Edge
              key={edge}
              scene={scene}
              edge={edge}
              width={edgeWidth(bytes)}
              near={marks.reach !== null && onPath(marks.reach, from, to)}
              chosen={marks.tensor.has(edge)}
            />
          );
        })}
      </g>
      <g>
        {edges.map((edge) =>
          labelled[edge] === 1 || marks.tensor.has(edge) ? (
            <text key={edge} className={marks.tensor.has(edge) ? 'graph-label chosen' : 'graph-label'} {...labelPlace(scene, edge)}>
              {marks.label(edge)}
            </text>
          ) : null,
        )}
      </g>
      {nodes.map((at) => (
        <NodeCard
          key={visible.nodes[at]!.id}
          scene={scene}
          at={at}
          count={numberOf(marks.measure, at)}
          bar={barOf(marks.measure, at)}
          heat={heatOf(marks.measure, at)}
          change={marks.changes?.[at] ?? null}
          selected={at === marks.active}
          related={marks.related.has(at)}
          hit={marks.hits.has(at)}
          off={marks.reach !== null && marks.reach[at] === 0}
          onPick={onPick}
        />
      ))}
    </>
  );
});

interface EdgeProps {
  readonly scene: Scene;
  readonly edge: number;
  readonly width: number;
  readonly near: boolean;
  readonly chosen: boolean;
}

const Edge = memo(function Edge({ scene, edge, width, near, chosen }: EdgeProps) {
  return (
    <path d={edgePath(scene, edge)} className={chosen ? 'chosen' : near ? 'near' : undefined} strokeWidth={chosen ? width + 2 : width} />
  );
});

interface NodeCardProps {
  readonly scene: Scene;
  readonly at: number;
  readonly count: string;
  readonly bar: number | null;
  readonly heat: HeatStep | null;
  readonly change: Change | null;
  readonly selected: boolean;
  readonly related: boolean;
  readonly hit: boolean;
  readonly off: boolean;
  readonly onPick: (at: number) => void;
}

const NodeCard = memo(function NodeCard({ scene, at, count, bar, heat, change, selected, related, hit, off, onPick }: NodeCardProps) {
  const { node, group, width, height } = scene.visible.nodes[at]!;
  const x = scene.layout.x[at]! - width / 2;
  const y = scene.layout.y[at]! - height / 2;
  const card = cardOf(scene.visible, at, count);
  const filled = selected ? null : heat;
  const ink = filled ? { fill: filled.text } : undefined;
  const ground = filled ? { fill: filled.fill } : undefined;
  const state = `${selected ? ' selected' : related ? ' related' : ''}${hit ? ' hit' : ''}${off && !related ? ' off' : ''}${filled ? ' heated' : ''}`;
  if (node && !node.node) {
    return (
      <g className={`graph-io${state}`} transform={`translate(${x} ${y})`}>
        <rect width={width} height={height} rx={height / 2} />
        <text className="graph-title" x={width / 2} y={18} textAnchor="middle">
          {card.title}
        </text>
      </g>
    );
  }
  let top = 4;
  const stripes = scene.stripes[at]!.map(({ family, share }) => {
    const tall = (height - 8) * share;
    top += tall;
    return <rect key={family} width={3} height={tall} x={4} y={top - tall} rx={1.5} fill={familyColour(family)} />;
  });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a drawing; keys act on the tree beside it
    <g
      {...(node?.node ? { 'data-node': node.node.index } : { 'data-group': group!.id })}
      className={`${group ? 'graph-op graph-fold' : 'graph-op'}${state}`}
      transform={`translate(${x} ${y})`}
      onClick={() => onPick(at)}
    >
      <title>{group ? texts.openIt(group.label) : node!.node!.name}</title>
      {group ? <rect className="graph-card" style={ground} x={4} y={4} width={width} height={height} rx={4} /> : null}
      <rect className="graph-card" style={ground} width={width} height={height} rx={4} />
      {stripes}
      <text className="graph-title" style={ink} x={14} y={18}>
        {card.title}
      </text>
      {card.count === '' ? null : (
        <text className="graph-count" style={ink} x={width - 8} y={18} textAnchor="end">
          {card.count}
        </text>
      )}
      <text className="graph-sub" style={ink} x={14} y={34}>
        {card.subtitle}
      </text>
      {bar === null ? null : (
        <rect className="graph-cost" style={ink} x={14} y={height - 5} height={2} width={Math.max(1, (width - 22) * bar)} rx={1} />
      )}
      {change ? <Badge change={change} /> : null}
    </g>
  );
});

/** The glyph of a change at the corner of a card. */
function Badge({ change }: { change: Change }) {
  const text = badgeText(change);
  const width = badgeWidth(text);
  return (
    <g className={`graph-change ${change.state}`}>
      <rect x={-7} y={-7} width={width} height={14} rx={3} />
      <text x={width / 2 - 7} y={4} textAnchor="middle">
        {text}
      </text>
    </g>
  );
}

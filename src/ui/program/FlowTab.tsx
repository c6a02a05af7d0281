import { Maximize2, ZoomIn, ZoomOut } from 'lucide-react';
import { type KeyboardEvent, useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { Cancelled, STOPPED } from '../../base/progress.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { PinnedContext } from '../components/pinned.ts';
import type { View } from '../model/paint.ts';
import { usePanZoom } from '../model/usePanZoom.ts';
import { program as texts } from '../texts/program.ts';
import { Code } from './Code.tsx';
import { FLOW_HEAD_PX, FLOW_LINE_PX, type FlowLayout, type FlowLink, type FlowNode, neighbourBlock } from './flow.ts';
import { heatColour, heatShare, shortCount, type Visits, visitsOf } from './heat.ts';
import { callOnListing } from './listing-client.ts';
import { funcOf, funcRange } from './rows.ts';
import './flow.css';

interface FlowTabProps {
  readonly program: ProgramView;
  /** The instruction whose function is shown. */
  readonly cursor: number;
  readonly heat: boolean;
}

/** The control-flow graph of the function at the cursor: blocks with their code, edges by kind, loops turned back. */
export default function FlowTab({ program, cursor, heat }: FlowTabProps) {
  const func = Math.max(0, funcOf(program, Math.max(0, cursor)));
  const { layout, waiting, failed, stop } = useFlow(program, func, cursor);
  const name = program.subprogs[func]?.name ?? program.name;
  return (
    <section className="flow" aria-label={texts.flowLabel(name)}>
      {layout ? <FlowGraphView program={program} layout={layout} name={name} cursor={cursor} heat={heat} /> : null}
      {failed ? <p className="flow-note small">{texts.flowFailed(failed)}</p> : null}
      {waiting ? (
        <p className="flow-note small" role="status">
          {texts.flowWaiting}{' '}
          <button type="button" className="link" onClick={stop}>
            {texts.flowStop}
          </button>
        </p>
      ) : null}
    </section>
  );
}

/** Work that takes less than this shows no progress. */
const SHOW_AFTER_MS = 100;

interface Held {
  readonly key: string;
  readonly func: number;
  readonly layout: FlowLayout;
}

/** The layout of a function; of a very large one, of the blocks around the cursor, anew when the cursor leaves them. */
function useFlow(program: ProgramView, func: number, cursor: number) {
  const [held, setHeld] = useState<Held | null>(null);
  const [waiting, setWaiting] = useState(false);
  const [failed, setFailed] = useState('');
  const own = held && held.key === program.key && held.func === func ? held.layout : null;
  const covered =
    own !== null && (own.total === own.nodes.length || own.nodes.some(({ start, end }) => cursor >= start && cursor < end) || cursor < 0);
  const around = covered ? -1 : Math.max(0, cursor);
  const controller = useRef<AbortController | null>(null);
  useEffect(() => {
    if (around < 0) return;
    const [from, to] = funcRange(program, func);
    const abort = new AbortController();
    controller.current = abort;
    setFailed('');
    const late = setTimeout(() => setWaiting(true), SHOW_AFTER_MS);
    const settle = () => {
      clearTimeout(late);
      if (controller.current === abort) setWaiting(false);
    };
    callOnListing<FlowLayout>(program, 'flow', { from, to, around }, { signal: abort.signal }).then(
      (layout) => {
        settle();
        if (!abort.signal.aborted) setHeld({ key: program.key, func, layout });
      },
      (error: unknown) => {
        settle();
        if (controller.current === abort)
          setFailed(error instanceof Cancelled ? texts.flowStopped : error instanceof Error ? error.message : String(error));
      },
    );
    return () => {
      controller.current = null;
      clearTimeout(late);
      abort.abort(STOPPED);
    };
  }, [program, func, around]);
  const stop = useCallback(() => controller.current?.abort(STOPPED), []);
  return { layout: own, waiting, failed, stop };
}

interface FlowGraphViewProps {
  readonly program: ProgramView;
  readonly layout: FlowLayout;
  readonly name: string;
  readonly cursor: number;
  readonly heat: boolean;
}

function FlowGraphView({ program, layout, name, cursor, heat }: FlowGraphViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const scene = useRef<HTMLDivElement>(null);
  const id = useId();
  const pinned = useContext(PinnedContext);
  const verified = useWorkbench((state) => state.stages.verified.value);
  const visits = useMemo(() => visitsOf(program, verified), [program, verified]);
  const bounds = useMemo(() => ({ minX: 0, minY: 0, maxX: layout.width, maxY: layout.height }), [layout]);
  const draw = useCallback(({ x, y, k }: View) => {
    if (scene.current) scene.current.style.transform = `translate(${x}px, ${y}px) scale(${k})`;
  }, []);
  const pan = usePanZoom(box, bounds, layout, draw);
  const active = layout.nodes.findIndex(({ start, end }) => cursor >= start && cursor < end);

  useLayoutEffect(() => {
    const node = layout.nodes[active];
    if (!node || pinned) return;
    pan.reveal(node.x + node.width / 2, node.y + Math.min(node.height / 2, FLOW_HEAD_PX));
  }, [layout, active, pan, pinned]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '+' || event.key === '-') pan.zoomBy(event.key === '+' ? 1.25 : 0.8);
    else {
      const next = neighbourBlock(layout, active, event.key);
      if (!/^(Arrow|Home|End)/.test(event.key)) return;
      if (next >= 0) select('insn', layout.nodes[next]!.start);
    }
    event.preventDefault();
  };
  const dead = layout.nodes.filter(({ reachable }) => !reachable).length;
  return (
    <>
      <div
        ref={box}
        className="flow-box"
        role="listbox"
        tabIndex={0}
        aria-label={texts.flowBlocks(name, layout.total)}
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        onKeyDown={onKeyDown}
      >
        <div ref={scene} className="flow-scene" role="presentation">
          <svg className="flow-svg" width={Math.ceil(layout.width) + 8} height={Math.ceil(layout.height) + 8} aria-hidden="true">
            {layout.links.map((link, at) => (
              <Link key={at} link={link} strong={link.from === active || link.to === active} />
            ))}
          </svg>
          {layout.nodes.map((node, at) => (
            <Block
              key={node.block}
              id={`${id}-${at}`}
              layout={layout}
              at={at}
              cursor={at === active ? cursor : -1}
              visits={visits}
              heat={heat}
            />
          ))}
        </div>
      </div>
      <div className="flow-foot small">
        <span className="ellipsis muted">
          {texts.flowSummary(layout.total, layout.links.filter(({ back }) => back).length, dead)}
          {layout.nodes.length < layout.total ? ` · ${texts.flowCulled(layout.nodes.length, layout.cutLinks)}` : ''}
          {layout.leaving > 0 ? ` · ${texts.flowLeaving(layout.leaving)}` : ''}
        </span>
        <span className="flow-key muted">{texts.flowKey}</span>
        <button type="button" className="button square" aria-label={texts.zoomOut} title={texts.zoomOut} onClick={() => pan.zoomBy(0.8)}>
          <ZoomOut size={14} />
        </button>
        <button type="button" className="button square" aria-label={texts.zoomIn} title={texts.zoomIn} onClick={() => pan.zoomBy(1.25)}>
          <ZoomIn size={14} />
        </button>
        <button type="button" className="button square" aria-label={texts.zoomFit} title={texts.zoomFit} onClick={pan.fitAll}>
          <Maximize2 size={14} />
        </button>
      </div>
    </>
  );
}

const EDGE_MARKS: Readonly<Record<FlowLink['kind'], string>> = { true: 'T', false: 'F', jump: '', next: '' };

function Link({ link, strong }: { link: FlowLink; strong: boolean }) {
  const { points, kind, back } = link;
  const end = points.at(-1)!;
  const before = points.at(-2) ?? end;
  // The head points the way of the last stretch, which dagre draws from above, or from below for a loop.
  const up = end.y < before.y;
  const head = `M${end.x} ${end.y}l-4 ${up ? 7 : -7}h8z`;
  const [start, second = start] = points;
  const mark = EDGE_MARKS[kind];
  return (
    <g className={`flow-edge${back ? ' back' : ''}${strong ? ' strong' : ''}`}>
      <path className="flow-path" d={smooth(points)} />
      <path className="flow-edge-head" d={head} />
      {mark ? (
        <text x={start!.x + (second!.x - start!.x) * 0.2 + 4} y={start!.y + (back ? -4 : 11)}>
          {mark}
        </text>
      ) : null}
    </g>
  );
}

/** A line through points whose corners are rounded. */
function smooth(points: FlowLink['points']): string {
  const [first, ...rest] = points;
  let path = `M${first!.x} ${first!.y}`;
  rest.forEach((point, at) => {
    const next = rest[at + 1];
    path += next ? `Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}` : `L${point.x} ${point.y}`;
  });
  return path;
}

interface BlockProps {
  readonly id: string;
  readonly layout: FlowLayout;
  readonly at: number;
  /** The instruction under the cursor; -1 when it is in another block. */
  readonly cursor: number;
  readonly visits: Visits | null;
  readonly heat: boolean;
}

function Block({ id, layout, at, cursor, visits, heat }: BlockProps) {
  const node = layout.nodes[at]!;
  const count = visits ? visits.perInsn[node.start]! : null;
  const selected = cursor >= node.start;
  const { x, y, width, height } = node;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the listbox handles keys
    <div
      id={id}
      role="option"
      aria-selected={selected}
      aria-label={labelOf(layout, at, count)}
      tabIndex={-1}
      data-block={node.start}
      className={`flow-block${selected ? ' selected' : ''}${node.reachable ? '' : ' dead'}`}
      style={{ left: x, top: y, width, height }}
      onClick={(event) => {
        const line = (event.target as Element).closest<HTMLElement>('[data-line]');
        select('insn', line ? Number(line.dataset.line) : node.start);
      }}
    >
      {heat && count !== null ? <span className="flow-heat" style={{ background: heatColour(heatShare(count, visits!.most)) }} /> : null}
      <div className="flow-title" style={{ height: FLOW_HEAD_PX }}>
        <span>{node.end - node.start === 1 ? node.start : `${node.start}–${node.end - 1}`}</span>
        <span className="muted">{node.reachable ? (count === null ? '' : `×${shortCount(count)}`) : texts.flowDead}</span>
      </div>
      {node.lines.map((line, row) => (
        <div
          key={row}
          className={`flow-line mono${line.insn >= 0 && line.insn === cursor ? ' cursor' : ''}${line.insn < 0 ? ' muted' : ''}`}
          style={{ height: FLOW_LINE_PX }}
          data-line={line.insn >= 0 ? line.insn : undefined}
        >
          {line.insn < 0 ? line.text : <Code text={line.text} />}
        </div>
      ))}
    </div>
  );
}

/** What assistive technology says of a block: where it stands, what leads on, how often it was verified. */
function labelOf({ nodes, links }: FlowLayout, at: number, count: number | null): string {
  const node = nodes[at] as FlowNode;
  const next = links
    .filter((link) => link.from === at)
    .map((link) => texts.flowEdge(link.kind, nodes[link.to]!.start, link.back))
    .join(', ');
  return texts.flowBlock(node.start, node.end - 1, node.insns, next, node.exits, node.reachable, count);
}

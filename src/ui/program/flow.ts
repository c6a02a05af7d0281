import { Graph, layout } from '@dagrejs/dagre';
import { type BasicBlock, type BlockEdge, type FlowGraph, flowGraph } from '../../bpf/blocks.ts';
import { type CodeView, insnText, isWide } from './decode.ts';

/** A line of a block's box; `insn` is -1 for the line that stands for those left out. */
export interface FlowLine {
  readonly insn: number;
  readonly text: string;
}

export interface FlowNode extends BasicBlock {
  /** Its number in the whole function. */
  readonly block: number;
  readonly insns: number;
  readonly lines: readonly FlowLine[];
  /** Upper left corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface FlowLink extends Pick<BlockEdge, 'kind' | 'back'> {
  /** Places in `nodes`. */
  readonly from: number;
  readonly to: number;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** A laid out graph of a function, or of the blocks around an instruction when it has too many. */
export interface FlowLayout {
  readonly nodes: readonly FlowNode[];
  readonly links: readonly FlowLink[];
  readonly width: number;
  readonly height: number;
  /** Blocks of the whole function. */
  readonly total: number;
  readonly leaving: number;
  /** Edges to blocks that are not shown. */
  readonly cutLinks: number;
}

/** Dagre's time grows with the square of the blocks, and nobody reads more than these at once. */
export const MOST_BLOCKS = 160;
const MOST_LINES = 12;
const HEAD_LINES = 7;
const TAIL_LINES = 4;
const MOST_CHARACTERS = 44;
const CHARACTER_PX = 6.7;
export const FLOW_LINE_PX = 15;
export const FLOW_HEAD_PX = 20;
const PADDING_PX = 8;
const LEAST_WIDTH_PX = 132;

/** The blocks nearest to `centre`, by steps along edges either way. */
function nearest({ blocks, edges }: FlowGraph, centre: number): number[] {
  if (blocks.length <= MOST_BLOCKS) return [...blocks.keys()];
  const beside: number[][] = blocks.map(() => []);
  for (const { from, to } of edges) {
    beside[from]!.push(to);
    beside[to]!.push(from);
  }
  const found = new Set([centre]);
  for (const block of found) {
    for (const next of beside[block]!) if (found.size < MOST_BLOCKS) found.add(next);
  }
  return [...found].sort((a, b) => a - b);
}

function linesOf(view: CodeView, { start, end }: BasicBlock): { lines: FlowLine[]; insns: number } {
  const all: number[] = [];
  for (let insn = start; insn < end; insn += isWide(view, insn) ? 2 : 1) all.push(insn);
  const line = (insn: number): FlowLine => {
    const text = insnText(view, insn);
    return { insn, text: text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text };
  };
  if (all.length <= MOST_LINES) return { lines: all.map(line), insns: all.length };
  const left = all.length - HEAD_LINES - TAIL_LINES;
  return {
    lines: [...all.slice(0, HEAD_LINES).map(line), { insn: -1, text: `⋯ ${left} more` }, ...all.slice(-TAIL_LINES).map(line)],
    insns: all.length,
  };
}

/** Lays out the function of instructions [from, to), around instruction `around` where it is too large. */
export function layoutFlow(view: CodeView, from: number, to: number, around: number): FlowLayout {
  const flow = flowGraph(view.code, from, to);
  const centre = Math.max(
    0,
    flow.blocks.findLastIndex(({ start }) => start <= around),
  );
  const shown = nearest(flow, centre);
  const place = new Map(shown.map((block, at) => [block, at]));
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'TB', nodesep: 24, ranksep: 32, edgesep: 12, marginx: 0, marginy: 0 });
  const boxes = shown.map((block, at) => {
    const content = linesOf(view, flow.blocks[block]!);
    const longest = Math.max(...content.lines.map(({ text }) => text.length));
    const width = Math.max(LEAST_WIDTH_PX, Math.ceil(longest * CHARACTER_PX) + 2 * PADDING_PX);
    const height = FLOW_HEAD_PX + content.lines.length * FLOW_LINE_PX + PADDING_PX;
    graph.setNode(String(at), { width, height });
    return { block, ...content, width, height };
  });
  const links = flow.edges.filter((edge) => place.has(edge.from) && place.has(edge.to));
  links.forEach((edge, at) => {
    const [a, b] = [String(place.get(edge.from)), String(place.get(edge.to))];
    // Loops are turned round, so that code runs down the page.
    if (edge.back) graph.setEdge(b, a, {}, String(at));
    else graph.setEdge(a, b, {}, String(at));
  });
  layout(graph);
  const nodes = boxes.map((box, at): FlowNode => {
    const { x, y } = graph.node(String(at)) as unknown as { x: number; y: number };
    return { ...flow.blocks[box.block]!, ...box, x: x - box.width / 2, y: y - box.height / 2 };
  });
  const placed = links.map((edge, at): FlowLink => {
    const [a, b] = [place.get(edge.from)!, place.get(edge.to)!];
    const name = edge.back ? [String(b), String(a)] : [String(a), String(b)];
    const { points } = graph.edge(name[0]!, name[1]!, String(at)) as unknown as { points: { x: number; y: number }[] };
    return { from: a, to: b, kind: edge.kind, back: edge.back, points: edge.back ? [...points].reverse() : points };
  });
  return {
    nodes,
    links: placed,
    width: Math.max(...nodes.map((node) => node.x + node.width), ...placed.flatMap(({ points }) => points.map(({ x }) => x))),
    height: Math.max(...nodes.map((node) => node.y + node.height)),
    total: flow.blocks.length,
    leaving: flow.leaving,
    cutLinks: flow.edges.length - links.length,
  };
}

/** The node that an arrow key leads to: along forward edges down and up, beside it left and right; -1 for none. */
export function neighbourBlock({ nodes, links }: FlowLayout, at: number, key: string): number {
  if (nodes.length === 0) return -1;
  if (key === 'Home' || at < 0) return 0;
  if (key === 'End') return nodes.length - 1;
  const onward = links.filter((link) => !link.back);
  if (key === 'ArrowDown') return onward.find((link) => link.from === at)?.to ?? -1;
  if (key === 'ArrowUp') return onward.find((link) => link.to === at)?.from ?? -1;
  const side = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
  if (side === 0) return -1;
  const own = nodes[at]!;
  let [best, nearestPx] = [-1, Number.POSITIVE_INFINITY];
  nodes.forEach((node, other) => {
    const dx = (node.x + node.width / 2 - own.x - own.width / 2) * side;
    const overlap = Math.min(node.y + node.height, own.y + own.height) - Math.max(node.y, own.y);
    if (other === at || dx <= 0 || overlap <= 0 || dx >= nearestPx) return;
    [best, nearestPx] = [other, dx];
  });
  return best;
}

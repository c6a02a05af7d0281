/**
 * The model graph on huge models: `npm run build`, then `npm run long graph [FOLDER]`, with FOLDER made by
 * `python3 samples/zoo/deep.py FOLDER` (or named in BPFORMER_ZOO). Layout by segments beside dagre on the whole graph, as Netron does
 * it, each dagre run in a process of its own that is ended after LIMIT_S; then, in Chromium on the built site, the frames while a model
 * file of 10,000 nodes and the exports of FOLDER are panned and zoomed.
 */
import { fork } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Graph, layout } from '@dagrejs/dagre';
import { importModel, inspectModel } from '../src/onnx/import.ts';
import { buildGraph, type ModelGraph } from '../src/ui/model/graph-model.ts';
import { buildGroups } from '../src/ui/model/groups.ts';
import { type LayoutInput, layoutGraph } from '../src/ui/model/layout.ts';
import { allGroups, firstOpen, layoutInput, visibleGraph } from '../src/ui/model/visible.ts';
import type { ModelNodeView, ModelView, TensorSummary } from '../src/workbench/views.ts';
import { inBrowser } from './graph/in-browser.ts';
import { layeredModel } from './graph/layered-model.ts';

const LIMIT_S = 60;
const RUNS = 5;
const SIZES = [490, 1996, 9988];

/** Dagre on a whole graph; runs in a process that can be ended. */
function dagre({ nodes, edges }: LayoutInput): void {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'TB', nodesep: 20, ranksep: 28, edgesep: 12 });
  for (const [at, { width, height }] of nodes.entries()) graph.setNode(String(at), { width, height });
  for (const [at, { from, to }] of edges.entries()) graph.setEdge(String(from), String(to), {}, String(at));
  layout(graph);
}

if (process.send) {
  process.once('message', (input: LayoutInput) => {
    const before = performance.now();
    try {
      dagre(input);
      process.send!({ ms: performance.now() - before }, () => process.exit(0));
    } catch (error) {
      process.send!({ error: String(error) }, () => process.exit(0));
    }
  });
}

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

function dagreMs(input: LayoutInput): Promise<number | string> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(import.meta.url), [], { execArgv: ['--import', 'tsx'] });
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      resolve(`more than ${LIMIT_S} s`);
    }, LIMIT_S * 1000);
    child.once('message', (message: { ms?: number; error?: string }) => {
      clearTimeout(limit);
      resolve(message.ms === undefined ? message.error! : round(message.ms));
    });
    child.send(input);
  });
}

/** Our layout with an empty cache: the median of RUNS after one that warms up the engine. */
function ourMs(input: LayoutInput): { ms: number; coldMs: number; segments: number; distinct: number } {
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const before = performance.now();
    layoutGraph(input);
    times.push(performance.now() - before);
  }
  const { segments, distinct } = layoutGraph(input);
  const [cold, ...warm] = times;
  return { ms: round(warm.sort((a, b) => a - b)[RUNS >> 1]!, 1), coldMs: round(cold!, 1), segments, distinct };
}

async function compare(name: string, graph: ModelGraph): Promise<object> {
  const before = performance.now();
  const tree = buildGroups(graph);
  const first = visibleGraph(graph, tree, firstOpen(graph, tree));
  const groupsMs = performance.now() - before;
  const whole = layoutInput(visibleGraph(graph, tree, allGroups(tree)));
  const folded = layoutInput(first);
  const figures = {
    name,
    nodes: whole.nodes.length,
    edges: whole.edges.length,
    segmentsWholeGraph: ourMs(whole),
    groupsMs: round(groupsMs, 1),
    firstView: { nodes: folded.nodes.length, ...ourMs(folded) },
    dagreWholeGraphMs: await dagreMs(whole),
  };
  console.error(JSON.stringify(figures));
  return figures;
}

function viewOf(bytes: Uint8Array, fileName: string): ModelView {
  const { symbolicDims, suggested } = inspectModel(bytes, fileName);
  const open = (sequence: number) =>
    importModel(bytes, {
      fileName,
      dims: Object.fromEntries(symbolicDims.map((dim) => [dim, dim === 'batch' ? 1 : sequence || suggested[dim]!])),
    });
  // A position table may fix the length that an export leaves open.
  let model: ReturnType<typeof open> | undefined;
  for (const length of [0, 16, 24, 48]) {
    try {
      model = open(length);
      break;
    } catch (error) {
      if (length === 48) throw error;
    }
  }
  const summary = ({ name, dtype, dims }: TensorSummary): TensorSummary => ({ name, dtype, dims });
  const nodes = model!.nodes.map(
    ({ index, name, op, domain, inputs, outputs }): ModelNodeView => ({
      index,
      name,
      op,
      domain,
      inputs,
      outputs,
      attrs: [],
      output: model!.values.has(outputs[0]!) ? summary(model!.values.get(outputs[0]!)! as TensorSummary) : null,
      weights: [],
    }),
  );
  return {
    file: fileName,
    name: fileName,
    producer: '',
    opset: model!.opset,
    parameterCount: 0,
    inputs: model!.inputs.map(summary),
    outputs: model!.outputs.map(summary),
    nodes,
  };
}

/** Real exports of at least this many nodes are measured; folding constants leaves fewer. */
const DEEP_FROM = 900;

/** Deep models of a folder, smallest first (`samples/zoo/deep.py` exports such). */
function deepModels(folder: string | undefined): { name: string; bytes: Uint8Array; view: ModelView; fileNodes: number }[] {
  if (!folder || !existsSync(folder)) return [];
  const models = readdirSync(folder)
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => {
      const bytes = new Uint8Array(readFileSync(join(folder, name)));
      return { name, bytes, view: viewOf(bytes, name), fileNodes: inspectModel(bytes, name).nodeCount };
    });
  return models.filter(({ fileNodes }) => fileNodes >= DEEP_FROM).sort((a, b) => a.fileNodes - b.fileNodes);
}

const LAYER_OPS = 12;

export default async function measure(args: readonly string[] = []): Promise<unknown> {
  const folder = args[0] ?? process.env.BPFORMER_ZOO;
  const real = deepModels(folder);
  const layouts: object[] = [];
  for (const size of SIZES) {
    const { bytes } = layeredModel(Math.round((size - 2) / LAYER_OPS), { named: false });
    layouts.push(await compare(`synthetic ${size}`, buildGraph(viewOf(bytes, `synthetic-${size}.onnx`))));
  }
  for (const { name, view, fileNodes } of real) layouts.push({ fileNodes, ...(await compare(name, buildGraph(view))) });
  const { bytes, nodes } = layeredModel(Math.round(9998 / LAYER_OPS));
  const files = [{ name: 'synthetic-10000.onnx', bytes, operators: nodes }].concat(
    real.map(({ name, bytes: own, view }) => ({ name, bytes: own, operators: view.nodes.length })),
  );
  return {
    method: {
      layout: `median of ${RUNS} runs with an empty cache; dagre once, in a process of its own, ended after ${LIMIT_S} s`,
      frames:
        "intervals of requestAnimationFrame in Chromium without a GPU while the mouse drags and the wheel turns, and the longest tasks of the page's main thread from a trace: wall time, and the processor time that it took of it; a task that waited for a processor is longer by wall time alone",
      load: `${loadavg()[0]!.toFixed(1)} runnable processes on ${cpus().length} cores when it ended`,
      real:
        real.length > 0
          ? `${real.length} exports of samples/zoo/deep.py`
          : 'no real exports: give a folder made by `python3 samples/zoo/deep.py FOLDER` as argument or in BPFORMER_ZOO',
    },
    layouts,
    browser: await inBrowser(files),
  };
}

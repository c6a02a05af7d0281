/**
 * The model graph on huge models: `npm run long graph` (after `npm run build`). Layout by segments beside dagre on the whole graph, as
 * Netron does it, each dagre run in a process of its own that is ended after LIMIT_S; then, in Chromium on the built site, the frames
 * while a model file of 10,000 nodes is panned and zoomed.
 */
import { fork } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Graph, layout } from '@dagrejs/dagre';
import { chromium, type Page } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from '../scripts/serve.mjs';
import { importModel, inspectModel } from '../src/onnx/import.ts';
import { buildGraph, type ModelGraph } from '../src/ui/model/graph-model.ts';
import { buildGroups } from '../src/ui/model/groups.ts';
import { type LayoutInput, layoutGraph } from '../src/ui/model/layout.ts';
import { allGroups, firstOpen, layoutInput, visibleGraph } from '../src/ui/model/visible.ts';
import type { ModelNodeView, ModelView, TensorSummary } from '../src/workbench/views.ts';
import { layeredModel } from './graph/layered-model.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
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

/** `times` copies of a model one after another, each reading the output of the one before, as a model of that depth would. */
function replicate(view: ModelView, times: number): ModelView {
  const [input] = view.inputs;
  const [output] = view.outputs;
  const nodes: ModelNodeView[] = [];
  for (let copy = 0; copy < times; copy++) {
    const named = (tensor: string) => {
      if (tensor === input!.name) return copy === 0 ? tensor : `${output!.name}#${copy - 1}`;
      return `${tensor}#${copy}`;
    };
    for (const node of view.nodes) {
      nodes.push({
        ...node,
        index: nodes.length,
        name: `/model.${copy}${node.name.startsWith('/') ? '' : '/'}${node.name}`,
        inputs: node.inputs.map(named),
        outputs: node.outputs.map(named),
        output: node.output && { ...node.output, name: named(node.output.name) },
      });
    }
  }
  return { ...view, nodes, outputs: [{ ...output!, name: `${output!.name}#${times - 1}` }] };
}

function deepest(): { name: string; view: ModelView } {
  const folders = [process.env.BPFORMER_ZOO, join(here, '..', '.cache', 'zoo'), join(here, '..', 'samples', 'zoo', 'fixtures')];
  const folder = folders.find((candidate) => candidate && existsSync(candidate))!;
  let best: { name: string; view: ModelView } | null = null;
  for (const name of readdirSync(folder)) {
    const file = [join(folder, name, 'model.onnx'), join(folder, name)].find((path) => path.endsWith('.onnx') && existsSync(path));
    if (!file) continue;
    const view = viewOf(new Uint8Array(readFileSync(file)), name);
    if (!best || view.nodes.length > best.view.nodes.length) best = { name, view };
  }
  return best!;
}

/** As text: what runs in the page must not pass through this process's loader, which adds names of its own. */
const WATCH = `{
  const watch = { stop: false, deltas: [], tasks: [] };
  window.watch = watch;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) watch.tasks.push(entry.duration);
  }).observe({ entryTypes: ['longtask'] });
  let last = performance.now();
  requestAnimationFrame(function tick(now) {
    watch.deltas.push(now - last);
    last = now;
    if (!watch.stop) requestAnimationFrame(tick);
  });
}`;

/** Frame intervals while `act` runs, with long tasks apart: what people feel, and what of it is our script. */
async function frames(page: Page, act: () => Promise<void>): Promise<object> {
  await page.evaluate(WATCH);
  await act();
  const { deltas, tasks } = await page.evaluate(() => {
    const { watch } = window as unknown as { watch: { stop: boolean; deltas: number[]; tasks: number[] } };
    watch.stop = true;
    return { deltas: watch.deltas.slice(1), tasks: watch.tasks };
  });
  deltas.sort((a, b) => a - b);
  const at = (share: number) => round(deltas[Math.min(deltas.length - 1, Math.floor(deltas.length * share))]!, 1);
  return {
    frames: deltas.length,
    medianMs: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    worstMs: at(1),
    over50Ms: deltas.filter((delta) => delta > 50).length,
    longTasksMs: tasks.map((task) => round(task)),
  };
}

async function inBrowser(layers: number): Promise<object | string> {
  const executablePath = await findBrowser();
  if (!executablePath) return 'no Chromium is installed';
  const root = process.env.BPFORMER_DIST ?? join(here, '..', 'dist');
  const { server, url } = await serve({ root, base: '/bpformer/' });
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(url);
    await page.waitForSelector('[data-testid=compare][data-complete=true]', { timeout: 120_000 });
    const { bytes, nodes } = layeredModel(layers);
    const started = performance.now();
    await page
      .locator('#file-picker')
      .setInputFiles({ name: 'layers.onnx', mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) });
    const box = page.getByRole('tree', { name: `Model graph, ${nodes} operators` });
    await box.waitFor({ timeout: 120_000 });
    await page.waitForFunction(() => Number(document.querySelector<HTMLElement>('.graph-box')?.dataset.nodes) > 0);
    const openedMs = performance.now() - started;
    // What compiling such a model says or does is not measured here; its worker would take turns with the page's frames.
    const stop = page.getByRole('button', { name: 'Stop' }).first();
    await page.waitForTimeout(1000);
    if (await stop.isVisible()) await stop.click();
    const { x, y, width, height } = (await box.boundingBox())!;
    const middle = { x: x + width / 2, y: y + height / 2 };
    const drag = async () => {
      for (let round = 0; round < 4; round++) {
        await page.mouse.move(middle.x, y + height - 40);
        await page.mouse.down();
        for (let step = 0; step < 40; step++) await page.mouse.move(middle.x + Math.sin(step / 4) * 30, y + height - 40 - step * 12);
        await page.mouse.up();
      }
    };
    const wheel = async (by: number) => {
      await page.mouse.move(middle.x, middle.y);
      for (let step = 0; step < 60; step++) {
        await page.mouse.wheel(0, by);
        await page.waitForTimeout(16);
      }
    };
    const folded = {
      nodes: Number(await box.getAttribute('data-nodes')),
      drawing: await box.getAttribute('data-drawing'),
      pan: await frames(page, drag),
    };
    const before = performance.now();
    await page.getByRole('button', { name: 'Open all groups' }).click();
    await page.waitForFunction((all) => Number(document.querySelector<HTMLElement>('.graph-box')?.dataset.nodes) >= all, nodes);
    const openAllMs = performance.now() - before;
    const idle = await frames(page, () => page.waitForTimeout(1500));
    return {
      operators: nodes,
      fileBytes: bytes.length,
      fileToFirstGraphMs: round(openedMs),
      openAllGroupsMs: round(openAllMs),
      folded,
      whole: {
        nodes: Number(await box.getAttribute('data-nodes')),
        drawing: await box.getAttribute('data-drawing'),
        idle,
        pan: await frames(page, drag),
        zoomOut: await frames(page, () => wheel(240)),
        panZoomedOut: await frames(page, drag),
        zoomIn: await frames(page, () => wheel(-240)),
      },
    };
  } finally {
    await browser.close();
    server.close();
  }
}

const LAYER_OPS = 12;

export default async function measure(): Promise<unknown> {
  const layouts: object[] = [];
  for (const size of SIZES) {
    const { bytes } = layeredModel(Math.round((size - 2) / LAYER_OPS), { named: false });
    layouts.push(await compare(`synthetic ${size}`, buildGraph(viewOf(bytes, `synthetic-${size}.onnx`))));
  }
  const { name, view } = deepest();
  for (const target of [1000, 2000, 3000]) {
    const times = Math.ceil(target / view.nodes.length);
    layouts.push(await compare(`${name} ×${times}`, buildGraph(replicate(view, times))));
  }
  return {
    method: {
      layout: `median of ${RUNS} runs with an empty cache; dagre once, in a process of its own, ended after ${LIMIT_S} s`,
      frames:
        'intervals of requestAnimationFrame in Chromium without a GPU while the mouse drags and the wheel turns; long tasks are those over 50 ms',
    },
    layouts,
    browser: await inBrowser(Math.round(9998 / LAYER_OPS)),
  };
}

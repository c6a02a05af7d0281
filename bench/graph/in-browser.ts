/** Frames of the model graph in Chromium on the built site. */
import { join } from 'node:path';
import { type Browser, chromium, type Page } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../../e2e/browser.ts';
import { serve } from '../../scripts/serve.mjs';

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

/** As text: what runs in the page must not pass through this process's loader, which adds names of its own. */
const WATCH = `{
  const watch = { stop: false, deltas: [] };
  window.watch = watch;
  let last = performance.now();
  requestAnimationFrame(function tick(now) {
    watch.deltas.push(now - last);
    last = now;
    if (!watch.stop) requestAnimationFrame(tick);
  });
}`;

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds by wall clock, and of the thread's processor time. */
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Frame intervals while `act` runs, and the longest tasks of the page's main thread: what people feel, and what of it is our work. */
async function frames(browser: Browser, page: Page, act: () => Promise<void>): Promise<object> {
  await browser.startTracing(page, { categories: ['toplevel', '__metadata', 'disabled-by-default-lifecycles'] });
  await page.evaluate(WATCH);
  await act();
  const deltas = await page.evaluate(() => {
    const { watch } = window as unknown as { watch: { stop: boolean; deltas: number[] } };
    watch.stop = true;
    return watch.deltas.slice(1);
  });
  const tasks = threadTasks(JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] });
  deltas.sort((a, b) => a - b);
  const at = (share: number) => round(deltas[Math.min(deltas.length - 1, Math.floor(deltas.length * share))]!, 1);
  return {
    frames: deltas.length,
    medianMs: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    worstMs: at(1),
    over50Ms: deltas.filter((delta) => delta > 50).length,
    tasks,
  };
}

/** The longest tasks of the page's main thread and of the threads that draw, by wall and by processor time. */
function threadTasks({ traceEvents }: { traceEvents: readonly TraceEvent[] }): object {
  const names = new Map(
    traceEvents.flatMap(({ name, args, pid, tid }) =>
      name === 'thread_name' && args?.name ? [[`${pid} ${tid}`, args.name] as const] : [],
    ),
  );
  const tasks = (of: (thread: string) => boolean) => {
    const own = traceEvents.filter(({ name, ph, pid, tid }) => ph === 'X' && /RunTask/.test(name) && of(names.get(`${pid} ${tid}`) ?? ''));
    const most = (length: (event: TraceEvent) => number) => round(own.reduce((top, event) => Math.max(top, length(event)), 0) / 1000, 1);
    return {
      longestMs: most(({ dur }) => dur ?? 0),
      longestProcessorMs: most(({ tdur }) => tdur ?? 0),
      over50ProcessorMs: own.filter(({ tdur }) => (tdur ?? 0) > 50_000).length,
    };
  };
  return {
    main: tasks((thread) => thread === 'CrRendererMain'),
    drawing: tasks((thread) => /^(Compositor|VizCompositor|CrGpuMain|ThreadPoolForeg|CompositorTile)/.test(thread)),
  };
}

export interface ModelFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly operators: number;
}

/** Opens each file, then drags and zooms the graph as it is at first and with all groups open. */
export async function inBrowser(files: readonly ModelFile[]): Promise<object | string> {
  const executablePath = await findBrowser();
  if (!executablePath) return 'no Chromium is installed';
  const root = process.env.BPFORMER_DIST ?? join(import.meta.dirname, '..', '..', 'dist');
  const { server, url } = await serve({ root, base: '/bpformer/' });
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
  try {
    const results: object[] = [];
    for (const file of files) results.push(await measureFile(browser, url, file));
    return results;
  } finally {
    await browser.close();
    server.close();
  }
}

async function measureFile(browser: Browser, url: string, { name, bytes, operators }: ModelFile): Promise<object> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForSelector('[data-testid=compare][data-complete=true]', { timeout: 300_000 });
    const started = performance.now();
    await page.locator('#file-picker').setInputFiles({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) });
    // Folding may leave fewer operators than the file has.
    const box = page.locator('.graph-box[data-nodes]');
    await page.waitForFunction(
      (file) => document.querySelector('.graph-box[data-nodes]') && document.querySelector(`[data-model="${file}"]`),
      name,
      { timeout: 300_000 },
    );
    const openedMs = performance.now() - started;
    // What compiling such a model says or does is not measured here; its workers would take turns with the page's frames.
    await page.waitForTimeout(2000);
    for (let turn = 0; turn < 8; turn++) {
      const stop = page.getByRole('button', { name: 'Stop' }).first();
      if (await stop.isVisible()) await stop.click().catch(() => {});
      await page.waitForTimeout(250);
    }
    const { x, y, width, height } = (await box.boundingBox())!;
    const middle = { x: x + width / 2, y: y + height / 2 };
    const drag = async () => {
      for (let turn = 0; turn < 4; turn++) {
        await page.mouse.move(middle.x, y + height - 40);
        await page.mouse.down();
        for (let step = 0; step < 40; step++)
          await page.mouse.move(middle.x + Math.sin(step / 4) * 30, y + height - 40 - (step * (height - 80)) / 40);
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
    const state = async () => ({ nodes: Number(await box.getAttribute('data-nodes')), drawing: await box.getAttribute('data-drawing') });
    const first = { ...(await state()), pan: await frames(browser, page, drag) };
    const nodes = first.nodes;
    const before = performance.now();
    await page.getByRole('button', { name: 'Open all groups' }).click();
    await page.waitForFunction((all) => Number(document.querySelector<HTMLElement>('.graph-box')?.dataset.nodes) > all, nodes);
    const openAllMs = performance.now() - before;
    const idle = await frames(browser, page, () => page.waitForTimeout(1500));
    const result = {
      name,
      operators,
      fileBytes: bytes.length,
      fileToFirstGraphMs: round(openedMs),
      openAllGroupsMs: round(openAllMs),
      first,
      whole: {
        ...(await state()),
        idle,
        pan: await frames(browser, page, drag),
        zoomOut: await frames(browser, page, () => wheel(240)),
        panZoomedOut: await frames(browser, page, drag),
        zoomIn: await frames(browser, page, () => wheel(-240)),
      },
    };
    console.error(JSON.stringify(result));
    return result;
  } finally {
    await context.close();
  }
}

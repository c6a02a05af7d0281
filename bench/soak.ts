/**
 * `npm run long soak [MINUTES] [SEED]` (after `npm run build`): a random user in Chromium on the built site. Errors, a page that does not answer, and memory that does not
 * come back are findings; each is printed with what was done before it. With BPFORMER_SNAPSHOTS=FOLDER each reading of memory leaves its heap snapshots there.
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from '../e2e/browser.ts';
import { serve } from '../scripts/serve.mjs';
import { randomOf } from '../src/base/random.ts';
import { encodeLink } from '../src/workbench/projects/link.ts';
import { HeapMeter, type Heaps } from './soak/heap.ts';
import { until } from './soak/pointer.ts';
import { RandomUser } from './soak/user.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
/** Between two readings of memory, each with the small program open and nothing else. */
const SEGMENT_MS = 5 * 60_000;
/** Behind the hour on one page: this share of it more, in which the page is loaded anew now and then. */
const RELOADS_SHARE = 1 / 6;
/** Then, so many things from one load to the next; fewer where reloads are what is looked at. */
const RELOAD_EVERY = 25;
const OFTEN = 8;
/** A page that answers nothing for so long hangs. */
const HANG_MS = 30_000;
const HANGS = 'an action hangs';
const QUIET_MS = 120_000;
/** What was asked for before is let go, and so are the files and the workers of the project before (`src/workbench/release.ts`). */
const SETTLE_MS = 15_000;
/** How long one way to reset the desk may take, and how often it is tried. */
const RESET_MS = 30_000;
const MOST_TRIES = 3;
/** Trials of a reset, the wait for quiet, and the reading. */
const REST_MS = MOST_TRIES * 4 * RESET_MS + QUIET_MS + 120_000;
const MOST_GROWTH = 1.2;
/**
 * Whoever follows a link to another page, as to the licences, begins with an empty memory when he comes back, and what was there before is not measured: the random
 * user stays.
 */
const STAY = `navigation.addEventListener('navigate', (event) => {
  if (!event.destination.sameDocument && event.cancelable && !globalThis.mayReload) event.preventDefault();
})`;

interface Finding {
  readonly action: number;
  readonly what: string;
  readonly before: readonly string[];
}

const SMALL = encodeLink({
  v: 1,
  base: { kind: 'text', text: { kind: 'assembly', name: 'pass.s', text: '.section xdp\n.license GPL\nr0 = 2\nexit\n' } },
  set: {},
});

const within = <T>(work: Promise<T>, ms: number, what: string): Promise<T> =>
  Promise.race([work, new Promise<never>((_, reject) => setTimeout(() => reject(new Error(what)), ms).unref())]);

class Soak {
  readonly findings: Finding[] = [];
  readonly readings: { readonly minute: number; readonly page: number; readonly heaps: Heaps }[] = [];
  readonly counts: Record<string, number> = {};
  actions = 0;
  #page!: Page;
  #meter!: HeapMeter;
  #pages = 0;
  /** How often the present page was loaded. */
  #loads = 0;
  #reloads = false;
  #reloadEvery = RELOAD_EVERY;
  readonly #browser: Browser;
  readonly #site: string;
  readonly #user: RandomUser;
  readonly #started = performance.now();

  constructor(browser: Browser, site: string, seed: number) {
    this.#browser = browser;
    this.#site = site;
    this.#user = new RandomUser(randomOf(seed), join(here, '..', 'public', 'samples'));
  }

  #found(what: string): void {
    const finding = { action: this.actions, what: what.slice(0, 1500), before: this.#user.done.slice(-14) };
    this.findings.push(finding);
    console.error(JSON.stringify(finding));
  }

  async #open(): Promise<void> {
    await this.#openPage();
    this.#meter = await HeapMeter.of(this.#page);
    await this.#rest();
    await this.#user.lookAround(this.#page);
    await this.#rest();
  }

  async #openPage(): Promise<void> {
    await this.#page?.context().close();
    const context = await this.#browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true });
    this.#page = await context.newPage();
    this.#pages++;
    this.#loads = 0;
    this.#page.on('domcontentloaded', () => {
      if (++this.#loads > 1 && !this.#reloads) this.#found('the page was loaded anew');
    });
    await this.#page.addInitScript(STAY);
    this.#page.on('pageerror', (error) => this.#found(`uncaught: ${error.stack ?? error.message}`));
    this.#page.on('console', (message) => {
      if (message.type() === 'error') this.#found(`console: ${message.text()} ${message.location().url}`);
    });
    this.#page.on('crash', () => this.#found('the page crashed'));
    this.#page.on('dialog', (dialog) => void dialog.accept().catch(() => {}));
    // A handle on the element would keep all that the element was part of.
    this.#page.on('filechooser', (chooser) => void chooser.element().dispose());
    await this.#page.goto(`${this.#site}${SMALL}`, { timeout: QUIET_MS });
    // To choose files Playwright puts a world of scripts of its own into the page, which stays: it must not count as growth.
    await this.#page.locator('#file-picker').waitFor({ state: 'attached' });
  }

  /** Closes what is open by opening the small program in the same page, and reads the memory once nothing runs. */
  async #rest(): Promise<void> {
    const page = this.#page;
    await page.setViewportSize({ width: 1440, height: 900 });
    await this.#resetDesk();
    await page.evaluate(`location.hash = ''`);
    await page.evaluate(`location.hash = ${JSON.stringify(SMALL)}`);
    const quiet = `document.querySelector('[data-running]') === null && /pass\\.s/.test(document.body.textContent)`;
    if (!(await until(page, quiet, QUIET_MS))) this.#found('the small program did not come to rest');
    await page.waitForTimeout(SETTLE_MS);
    const heaps = await this.#meter.read();
    const minute = Math.round((performance.now() - this.#started) / 600) / 100;
    this.readings.push({ minute, page: this.#pages, heaps });
    console.error(JSON.stringify({ minute, page: this.#pages, actions: this.actions, ...heaps, findings: this.findings.length }));
  }

  /**
   * The same panels on show each time, no lesson, and a device without a past: those of another desk have workers of their own for the small program too. By keys alone, and again where they went elsewhere: a list
   * or a dialog that the user left open takes them, and a pointer may wait for it.
   */
  async #resetDesk(): Promise<void> {
    const page = this.#page;
    const come = async (what: string): Promise<void> => {
      if (!(await until(page, what, RESET_MS))) throw new Error(`never: ${what}`);
    };
    const reset = async (): Promise<void> => {
      await page.evaluate('document.activeElement?.blur()');
      for (let pressed = 0; pressed < 3; pressed++) await page.keyboard.press('Escape');
      // The device and what it recorded is no part of a project: closing it is to reset it.
      await desk('Alt+5', 'accelerator');
      await come(
        `document.querySelector('[data-testid=accel-counts]') && !document.querySelector('[data-panel=accel-device] [data-running]')`,
      );
      await command('Reset the accelerator', 'accel-device.reset');
      await come(`document.querySelector('[data-testid=accel-counts]').dataset.passes === '0 0 0'`);
      await desk('Alt+1', 'explore');
      await page.evaluate(`document.querySelector('.lesson [aria-label="Close the lesson"]')?.click()`);
      await come(`!document.querySelector('.lesson')`);
    };
    const desk = async (keys: string, name: string): Promise<void> => {
      await page.keyboard.press(keys);
      await come(`document.querySelector('[data-desk-tab=${name}]').ariaChecked === 'true'`);
      await command('Reset this desk', 'desk-reset');
    };
    const command = async (title: string, id: string): Promise<void> => {
      await page.keyboard.press('Control+k');
      await come(`document.querySelector('.palette[open]')`);
      await page.keyboard.insertText(title);
      await come(`document.querySelector('.palette [role=option][aria-selected=true][data-value="${id}"]')`);
      await page.keyboard.press('Enter');
      await come(`!document.querySelector('.palette')`);
    };
    const failed: string[] = [];
    while (failed.length < MOST_TRIES) {
      try {
        // Longer than each of its steps, which say what did not come.
        await within(reset(), 4 * RESET_MS, 'no end');
        return;
      } catch (error) {
        failed.push((error as Error).message);
      }
    }
    for (const message of failed) this.#found(`the desk was not reset: ${message}`);
  }

  /** An action that does not end in a page that answers waits for a list that was left open: it is closed, and the user goes on. */
  async #stuck(error: Error): Promise<boolean> {
    if (error.message !== HANGS) throw error;
    await within(this.#page.evaluate('document.activeElement?.blur()'), HANG_MS, 'the page does not answer');
    return false;
  }

  async #segment(until: number): Promise<void> {
    while (performance.now() < until) {
      this.actions++;
      const act =
        this.#reloads && this.actions % this.#reloadEvery === 0 ? this.#user.reload(this.#page) : this.#user.act(this.#page, this.#site);
      const ended = await within(
        act.then(() => true),
        HANG_MS,
        HANGS,
      ).catch((error: unknown) => this.#stuck(error as Error));
      const name = `${this.#user.done.at(-1)!.split(' ')[0]!}${ended ? '' : ' without end'}`;
      this.counts[name] = (this.counts[name] ?? 0) + 1;
      const text = (await within(this.#page.evaluate('document.body.innerText'), HANG_MS, 'the page does not answer')) as string;
      const bad = /^.*(failed unexpectedly|This panel failed|worker stopped each|worker cannot be started).*$/m.exec(text);
      if (bad && !this.findings.some(({ what }) => what.includes(bad[0].slice(0, 120)))) this.#found(`shown: ${bad[0]}`);
      if (text.trim() === '') this.#found('the page is white');
      await this.#page.waitForTimeout(40);
    }
  }

  async run(minutes: number): Promise<void> {
    await this.#open();
    const end = performance.now() + minutes * 60_000;
    while (performance.now() < end) {
      try {
        await this.#segment(Math.min(end, performance.now() + SEGMENT_MS));
        await within(this.#rest(), REST_MS, 'the page does not come to rest');
      } catch (error) {
        this.#found(`stopped: ${(error as Error).message}`);
        await this.#open();
      }
    }
    this.#reloads = true;
    await this.#segment(performance.now() + minutes * 60_000 * RELOADS_SHARE).catch((error: unknown) =>
      this.#found(`stopped: ${(error as Error).message}`),
    );
  }

  /** Reloads every few things: workers are ended at any moment of their work. A page that was lost is opened anew. */
  async runReloading(minutes: number): Promise<void> {
    this.#reloads = true;
    this.#reloadEvery = OFTEN;
    await this.#openPage();
    const end = performance.now() + minutes * 60_000;
    while (performance.now() < end) {
      try {
        await this.#segment(end);
      } catch (error) {
        this.#found(`stopped: ${(error as Error).message}`);
        await this.#openPage();
      }
    }
  }

  /** What was done, and what was found. */
  done(): object {
    return { loadAverage: loadavg()[0], actions: this.actions, byKind: this.counts, findings: this.findings };
  }

  /**
   * Growth within the pages, the last reading and the largest one over the start: that is when each sample and each panel was looked at once and closed, so that the parts of the
   * page that are loaded on demand are there. The reading of the fresh page stands beside it.
   */
  growth(): object[] {
    return [...new Set(this.readings.map(({ page }) => page))].flatMap((page) => {
      const [fresh, start, ...rest] = this.readings.filter((one) => one.page === page).map(({ heaps }) => heaps);
      const last = rest.at(-1);
      if (!fresh || !start || !last) return [];
      const ratioOf = (heaps: Heaps, of: (heaps: Heaps) => number): number => Math.round((of(heaps) / of(start)) * 100) / 100;
      const ratios = (of: (heaps: Heaps) => number) => ({
        last: ratioOf(last, of),
        most: Math.max(...rest.map((heaps) => ratioOf(heaps, of))),
      });
      const grown = {
        objects: ratios(({ objectsMB }) => objectsMB),
        objectsAndBuffers: ratios(({ objectsMB, buffersMB }) => objectsMB + buffersMB),
        code: ratios(({ codeMB }) => codeMB),
        heap: ratios(({ heapMB }) => heapMB),
      };
      if (Math.max(grown.objects.last, grown.objectsAndBuffers.last) > MOST_GROWTH)
        this.#found(`page ${page}: memory grew, ${JSON.stringify(grown)}`);
      return [{ page, fresh, start, last, grown }];
    });
  }
}

/** A random user on the built site: `go` says in what way, until it ends. */
export async function soaked(seed: number, go: (soak: Soak) => Promise<void>): Promise<Soak> {
  const executablePath = await findBrowser();
  if (!executablePath) throw new Error('no Chromium is installed');
  const root = process.env.BPFORMER_DIST ?? join(here, '..', 'dist');
  const { server, url } = await serve({ root, base: '/bpformer/' });
  const browser = await chromium.launch({ executablePath, args: LAUNCH_ARGS });
  const soak = new Soak(browser, url, seed);
  try {
    await go(soak);
  } finally {
    await browser.close().catch(() => {});
    server.close();
  }
  return soak;
}

export default async function measure([minutes = '60', seed = '1']: string[]): Promise<unknown> {
  const soak = await soaked(Number(seed), (one) => one.run(Number(minutes)));
  return { minutes: Number(minutes), seed: Number(seed), ...soak.done(), growth: soak.growth(), readings: soak.readings };
}

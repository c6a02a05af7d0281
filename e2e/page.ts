import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, test as base, expect, type Locator, type Page } from '@playwright/test';
import { encodeLink } from '../src/workbench/projects/link.ts';

export const root = join(import.meta.dirname, '..');
export const samples = join(root, 'public', 'samples');

/** Packets of the first sample's capture that most tests need. All 2,000 cost seconds of computing on every page. */
export const FEW_PACKETS = 64;

/** A column of results as `shipped.json` has it: typed array and base64 of its bytes. */
interface Column {
  readonly $array: 'Float64Array' | 'Float32Array' | 'Uint8Array';
  readonly base64: string;
}

const BYTES = { Float64Array: 8, Float32Array: 4, Uint8Array: 1 } as const;

function cutColumn({ $array, base64 }: Column, count: number): Column {
  const bytes = Buffer.from(base64, 'base64').subarray(0, count * BYTES[$array]);
  return { $array, base64: bytes.toString('base64') };
}

/** The sample's capture, its labels and the results that come with it, cut to the first packets. */
export const cutFiles = (() => {
  const read = (name: string): Buffer => readFileSync(join(samples, 'payload', name));
  const capture = read('heldout.pcap');
  let end = 24;
  for (let packet = 0; packet < FEW_PACKETS; packet++) end += 16 + capture.readUInt32LE(end + 8);
  const labels = JSON.parse(read('heldout-labels.json').toString()) as { packets: unknown[] };
  const shipped = JSON.parse(read('shipped.json').toString()) as Record<string, object>;
  for (const stage of ['replay', 'reference']) {
    const columns = shipped[stage] as { score: Column; verdict: Column; outputs: Column; outputWidth: number };
    shipped[stage] = {
      ...columns,
      total: FEW_PACKETS,
      done: FEW_PACKETS,
      score: cutColumn(columns.score, FEW_PACKETS),
      verdict: cutColumn(columns.verdict, FEW_PACKETS),
      outputs: cutColumn(columns.outputs, FEW_PACKETS * columns.outputWidth),
    };
  }
  return {
    'heldout.pcap': capture.subarray(0, end),
    'heldout-labels.json': Buffer.from(JSON.stringify({ ...labels, packets: labels.packets.slice(0, FEW_PACKETS) })),
    'shipped.json': Buffer.from(JSON.stringify(shipped)),
  };
})();

/** Gives pages of the context the first packets of the sample's capture alone. */
export async function cutCapture(context: BrowserContext): Promise<void> {
  for (const [name, body] of Object.entries(cutFiles)) await context.route(`**/payload/${name}`, (route) => route.fulfill({ body }));
}

/** A program of two instructions as a link: for tests that open something of their own, or that are about the frame around it. */
const SMALL = encodeLink({
  v: 1,
  base: { kind: 'text', text: { kind: 'assembly', name: 'pass.s', text: '.section xdp\n.license GPL\nr0 = 2\nexit\n' } },
  set: {},
});

/** What a page opens with. */
type Start = 'sample' | 'small program';

/** Where a page with this start lies; under another address of the site if need be. */
export const addressOf = (start: Start, site = process.env.BPFORMER_SITE!): string => `${site}${start === 'sample' ? '' : SMALL}`;

/** Opens the site; gives what the browser reports as errors or breaches of the policy from then on. */
async function openSite(page: Page, { start, wholeCapture }: Options): Promise<string[]> {
  if (!wholeCapture) await cutCapture(page.context());
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(addressOf(start));
  if (start === 'small program') await expect(page.getByRole('button', { name: 'Project pass.s' })).toBeVisible();
  return problems;
}

interface Options {
  /** Its sample has `FEW_PACKETS` packets unless the test asks for the whole capture. */
  readonly wholeCapture: boolean;
  readonly start: Start;
}

/** A page on the site that fails its test when the browser reports an error or a breach of the policy. */
export const test = base.extend<{ site: Page } & Options>({
  wholeCapture: [false, { option: true }],
  start: ['sample', { option: true }],
  site: async ({ page, wholeCapture, start }, use) => {
    const problems = await openSite(page, { wholeCapture, start });
    await use(page);
    expect(problems).toEqual([]);
  },
});

/** The page that the tests of one file share; the next file gets another. */
class SharedPage {
  readonly #browser: Browser;
  #open: { readonly file: string; readonly page: Page; readonly problems: string[] } | null = null;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  async of(file: string, options: Options): Promise<{ page: Page; problems: string[] }> {
    if (this.#open?.file === file) return this.#open;
    await this.close();
    const page = await this.#browser.newPage();
    this.#open = { file, page, problems: await openSite(page, options) };
    return this.#open;
  }

  async close(): Promise<void> {
    await this.#open?.page.context().close();
    this.#open = null;
  }
}

/**
 * As `test`, but all tests of the file have the same page, each as the one before it has left it: opening the sample costs more than most
 * journeys through it. Their file says `test.describe.configure({ mode: 'serial' })`, so that they run in their order.
 */
export const onePage = test.extend<object, { shared: SharedPage }>({
  shared: [
    async ({ browser }, use) => {
      const shared = new SharedPage(browser);
      await use(shared);
      await shared.close();
    },
    { scope: 'worker' },
  ],
  site: async ({ shared, wholeCapture, start }, use, info) => {
    const { page, problems } = await shared.of(`${info.file} ${info.repeatEachIndex}`, { wholeCapture, start });
    await use(page);
    expect(problems).toEqual([]);
  },
});

export { expect };

/** Opens files as the Open button does. */
export async function open(page: Page, ...files: readonly (string | { name: string; mimeType: string; buffer: Buffer })[]): Promise<void> {
  await page.locator('#file-picker').setInputFiles(files as string[]);
}

/** Waits until every event of the trace has a verdict; gives their number. */
export async function replayed(page: Page, total: number): Promise<void> {
  await expect(page.getByTestId('replayed')).toHaveAttribute('data-done', String(total));
}

/** Waits until the whole trace is compared with ONNX Runtime; gives the agreement as a share. */
export async function agreement(page: Page): Promise<number> {
  await expect(page.getByTestId('compare')).toHaveAttribute('data-complete', 'true');
  return Number(await page.getByTestId('agreement').getAttribute('data-agreement'));
}

/** Chooses an entry of the project menu. */
export async function choose(page: Page, title: string | RegExp): Promise<void> {
  await page.getByRole('button', { name: /^Project/ }).click();
  await page.getByRole('menuitem', { name: title }).click();
}

/** Chooses a sample from the project menu. */
export const sample = (page: Page, name: string): Promise<void> => choose(page, name);

/** Selects the first operator of a kind in the graph, wherever it lies; gives its node. */
export async function selectOp(page: Page, op: string): Promise<Locator> {
  const node = page.locator('.graph-op', { hasText: op }).first();
  await node.dispatchEvent('click');
  await expect(node).toHaveClass(/\bselected\b/);
  return node;
}

/** Waits until the project is stored. */
export const keptIn = (page: Page) => expect(page.getByTestId('save-state')).toHaveAttribute('data-status', 'saved');

/** The choice of the kernel whose rules hold. */
export const kernel = (page: Page) => page.locator('.kernel select');

/** Gives one product of the sample a precision that is too coarse for it, in the Numbers panel; gives the product's name. */
export async function coarsen(page: Page): Promise<string> {
  await page.getByRole('tab', { name: 'Numbers' }).click();
  const numbers = page.locator('[data-panel=numbers]');
  await numbers.getByText('By product, largest first').click();
  const product = numbers.getByRole('combobox', { name: /^Precision of/ }).nth(3);
  const name = (await product.getAttribute('aria-label'))!.replace('Precision of ', '');
  await product.selectOption('w1a8');
  await replayed(page, FEW_PACKETS);
  return name;
}

/** Runs a command of the palette by its name. */
export async function command(page: Page, name: string): Promise<void> {
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Commands and places' });
  await expect(palette).toBeVisible();
  await page.keyboard.type(name);
  await expect(palette.getByRole('option').first()).toHaveText(new RegExp(`^${name}`, 'i'));
  await page.keyboard.press('Enter');
}

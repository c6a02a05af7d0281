import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BrowserContext, test as base, expect, type Locator, type Page } from '@playwright/test';

export const root = join(import.meta.dirname, '..');
export const samples = join(root, 'public', 'samples');

/** Packets of the first sample's capture that most tests need. All 2,000 cost seconds of computing on every page. */
export const FEW_PACKETS = 64;

/** Serves the sample's capture and its labels cut to the first packets. */
async function cutCapture(context: BrowserContext): Promise<void> {
  const capture = readFileSync(join(samples, 'payload', 'heldout.pcap'));
  let end = 24;
  for (let packet = 0; packet < FEW_PACKETS; packet++) end += 16 + capture.readUInt32LE(end + 8);
  const labels = JSON.parse(readFileSync(join(samples, 'payload', 'heldout-labels.json'), 'utf8')) as { packets: unknown[] };
  const cutLabels = { ...labels, packets: labels.packets.slice(0, FEW_PACKETS) };
  await context.route('**/payload/heldout.pcap', (route) => route.fulfill({ body: capture.subarray(0, end) }));
  await context.route('**/payload/heldout-labels.json', (route) => route.fulfill({ json: cutLabels }));
}

/**
 * A page on the site that fails its test when the browser reports an error or a breach of the policy. Its sample has `FEW_PACKETS` packets
 * unless the test asks for the whole capture: `test.use({ wholeCapture: true })`.
 */
export const test = base.extend<{ site: Page; wholeCapture: boolean }>({
  wholeCapture: [false, { option: true }],
  site: async ({ page, wholeCapture }, use) => {
    if (!wholeCapture) await cutCapture(page.context());
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    await page.goto(process.env.BPFORMER_SITE!);
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
  await expect(page.getByTestId('replayed')).toHaveAttribute('data-done', String(total), { timeout: 100_000 });
}

/** Waits until the whole trace is compared with ONNX Runtime; gives the agreement as a share. */
export async function agreement(page: Page): Promise<number> {
  await expect(page.getByTestId('compare')).toHaveAttribute('data-complete', 'true', { timeout: 100_000 });
  return Number(await page.getByTestId('agreement').getAttribute('data-agreement'));
}

/** Chooses a sample from the project menu. */
export async function sample(page: Page, title: string): Promise<void> {
  await page.getByRole('button', { name: /^Project/ }).click();
  await page.getByRole('menuitem', { name: title }).click();
}

/** Selects the first operator of a kind in the graph, wherever it lies; gives its node. */
export async function selectOp(page: Page, op: string): Promise<Locator> {
  const node = page.locator('.graph-op', { hasText: op }).first();
  await node.dispatchEvent('click');
  await expect(node).toHaveClass(/\bselected\b/);
  return node;
}

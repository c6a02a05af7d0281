import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import type { AbRecord } from '../../src/replay/ab-record.ts';
import { changeOf, said } from '../../src/replay/report.ts';
import type { RunRecord } from '../../src/replay/run-record.ts';
import { noViolations } from '../axe.ts';
import { cutFiles, expect, FEW_PACKETS, replayed, root, samples, test } from '../page.ts';

const QUANT = 'w1a8';

/** The same comparison on the command line, on the same packets: its report. */
function onCommandLine(): AbRecord {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-compare-'));
  try {
    for (const [name, bytes] of Object.entries(cutFiles)) writeFileSync(join(folder, name), bytes);
    const payload = join(samples, 'payload');
    const model = [join(payload, 'payload-ids.onnx'), join(folder, 'heldout.pcap'), '--dim', 'batch=1'];
    const bound = ['--binding', join(payload, 'binding.json'), '--calibrate', join(payload, 'calibration.pcap'), '--compare', 'ort'];
    const report = join(folder, 'report.json');
    const rest = ['--labels', join(folder, 'heldout-labels.json'), '--against-quant', QUANT, '--report', report, '--differing', '1000'];
    execFileSync(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'replay', ...model, ...bound, ...rest], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return JSON.parse(readFileSync(report, 'utf8')) as AbRecord;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * A run without when and where it was measured; the sample's scales come as a file, those of the command line from the capture they were taken of, and
 * the command line names the loops that `auto` came to.
 */
const measured = ({ at: _at, nsPerEvent: _ns, engine: _engine, ...run }: RunRecord) =>
  rounded({ ...run, settings: { ...run.settings, calibration: '', strategy: '' } });
const compared = ({ at: _at, times: _times, a, b, ...record }: AbRecord) => rounded({ ...record, a: measured(a), b: measured(b) });

/** Browsers and Node differ in the last bit of an exponential. */
const rounded = (value: object): unknown =>
  JSON.parse(JSON.stringify(value, (_key, one: unknown) => (typeof one === 'number' ? Number(one.toPrecision(12)) : one)));

async function saved(site: Page, button: Locator): Promise<string> {
  const saving = site.waitForEvent('download');
  await button.click();
  return readFileSync(await (await saving).path(), 'utf8');
}

/** Cells of the first table row of a report that has this name. */
function cellsOf(report: string, name: string): string[] {
  const [, cells] = new RegExp(`<th scope="row">${name}</th>(.*?)</tr>`).exec(report)!;
  return [...cells!.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, cell]) => cell!);
}

test('two precisions run beside each other, reports hold the figures of the page and of the command line, and a link makes the comparison again', async ({
  site,
  context,
}) => {
  const expected = onCommandLine();
  expect(expected.differs).toBeGreaterThan(0);
  await replayed(site, FEW_PACKETS);
  await site.getByRole('radio', { name: 'Replay' }).click();
  const compare = site.locator('[data-panel=compare]');
  await compare.getByRole('button', { name: 'A/B', exact: true }).click();
  await compare.getByLabel('precision').selectOption(QUANT);
  await compare.getByRole('button', { name: 'Run both' }).click();
  const ab = compare.getByTestId('ab');
  await expect(ab).toHaveAttribute('data-status', 'done');
  await expect(ab).toHaveAttribute('data-differing', String(expected.differs));
  await expect(compare.getByTestId('ab-same')).toHaveAttribute('data-same', String(expected.same));
  const figures = compare.getByTestId('ab-figures');
  const { a, b } = expected;
  const share = (value: number): string => `${(value * 100).toFixed(2)} %`;
  const rows: readonly (readonly [page: RegExp, report: string, a: string, b: string, change?: string])[] = [
    [/^instructions/, 'instructions', said('insns', a.insns), said('insns', b.insns), changeOf('insns', b.insns, a.insns)],
    [/^processed/, 'processed by the verifier', said('processed', a.processed), said('processed', b.processed)],
    [/^agrees/, 'agreement with ONNX Runtime', share(a.comparison!.agreement!), share(b.comparison!.agreement!)],
    [/^largest/, 'largest difference from ONNX Runtime', said('maxError', a.maxScoreError), said('maxError', b.maxScoreError)],
  ];
  for (const [name, , left, right] of rows) {
    const cells = figures.getByRole('row', { name }).getByRole('cell');
    await expect(cells.nth(0)).toHaveText(left);
    await expect(cells.nth(1)).toHaveText(right);
  }
  await expect(compare.getByTestId('ab-right')).toContainText('as the labels have it');
  // A row of the list takes the Trace panel to its event.
  await compare.locator('.ab-list').getByRole('option').first().click();
  await expect(site.locator('[data-panel=trace] .vrow.selected')).toContainText(String(expected.differing[0]!.event + 1));
  await noViolations(site, { parts: ['[data-panel=compare]'] });

  // Everything that both say of the events, of the programs and of the labels is the same number.
  const json = JSON.parse(await saved(site, compare.getByRole('button', { name: 'Save as JSON' }))) as AbRecord;
  expect(compared(json)).toEqual(compared(expected));
  const report = await saved(site, compare.getByRole('button', { name: 'Save as HTML' }));
  for (const [, name, left, right, change] of rows) {
    const cells = cellsOf(report, name);
    expect(cells.slice(0, 2)).toEqual([left, right]);
    if (change !== undefined) expect(cells[2]).toBe(change);
  }
  const labelled = [a.detection!.program, b.detection!.program];
  expect(cellsOf(report, 'precision against the labels').slice(0, 2)).toEqual(labelled.map(({ precision }) => share(precision!)));
  expect(cellsOf(report, 'recall against the labels').slice(0, 2)).toEqual(labelled.map(({ recall }) => share(recall!)));
  const right = [expected.pairs.reference!, expected.pairs.labels!];
  expect(cellsOf(report, 'only A right')).toEqual(right.map(({ onlyA }) => String(onlyA)));
  expect(cellsOf(report, 'exact McNemar p, two-sided')).toEqual(right.map(({ p }) => p.toPrecision(3)));
  expect(report).toContain(`${expected.same} of ${FEW_PACKETS} events`);
  const [, link] = /href="([^"]+)"/.exec(report)!;

  // Both sides are runs of the history now, any two stand side by side, and each has a report of its own.
  await compare.getByRole('button', { name: 'Runs', exact: true }).click();
  const runs = compare.getByTestId('runs');
  await expect(runs).toHaveAttribute('data-runs', '2');
  await expect(compare.getByTestId('runs-pair')).toContainText('≠');
  await noViolations(site, { parts: ['[data-panel=compare]'] });
  const history = runs.locator('.runs-table tbody tr');
  for (const side of [a, b]) {
    const row = history.filter({ hasText: said('insns', side.insns) });
    await row.getByRole('button').click();
    expect(measured(JSON.parse(await saved(site, compare.getByRole('button', { name: 'Save as JSON' }))) as RunRecord)).toEqual(
      measured(side),
    );
    const page = await saved(site, compare.getByRole('button', { name: 'Save as HTML' }));
    expect(cellsOf(page, 'area under the curve')).toEqual(
      [side.detection!.program, side.detection!.reference!].map(({ area }) => area!.toFixed(4)),
    );
    expect(cellsOf(page, 'instructions')[0]).toBe(said('insns', side.insns));
  }

  const other = await context.newPage();
  await other.goto(link!.replaceAll('&#38;', '&'));
  const again = other.getByTestId('ab');
  await expect(again).toHaveAttribute('data-status', 'done');
  await expect(again).toHaveAttribute('data-differing', String(expected.differs));
  await expect(other.getByTestId('ab-same')).toHaveAttribute('data-same', String(expected.same));
  await other.close();
});

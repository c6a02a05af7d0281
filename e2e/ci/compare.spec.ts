import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import type { AbRecord } from '../../src/replay/ab-record.ts';
import { changeOf, said } from '../../src/replay/report.ts';
import { figures, type RunRecord } from '../../src/replay/run-record.ts';
import { noViolations } from '../axe.ts';
import { choose, cutFiles, expect, FEW_PACKETS, replayed, root, samples, test } from '../page.ts';

const QUANT = 'w1a8';

/** A sample's comparison on the command line: its report. `files` stand in for those of the sample. */
function onCommandLine(sample: string, model: string, files: Readonly<Record<string, Buffer>>, ...options: readonly string[]): AbRecord {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-compare-'));
  try {
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
    const path = (name: string): string => join(name in files ? folder : join(samples, sample), name);
    const bound = ['--binding', path('binding.json'), '--calibrate', path('calibration.pcap'), '--labels', path('heldout-labels.json')];
    const report = join(folder, 'report.json');
    const verb = ['replay', path(model), path('heldout.pcap'), ...bound, '--compare', 'ort', '--report', report, ...options];
    execFileSync(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...verb], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
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
  const options = ['--dim', 'batch=1', '--against-quant', QUANT, '--differing', '1000'];
  const expected = onCommandLine('payload', 'payload-ids.onnx', cutFiles, ...options);
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

test.describe('all precisions and loops', () => {
  test.use({ start: 'small program' });
  const PACKETS = 1314;
  const [PRECISIONS, LOOPS] = [
    ['w16a16', 'w8a16', 'w8a8', 'w4a16', 'w2a16', 'w2a8'],
    ['global', 'bounded', 'may_goto', 'bpf_loop', 'unrolled'],
  ];
  const titles = [...PRECISIONS.map((one) => `${one} · auto · 6.18`), ...LOOPS.map((one) => `w8a16 · ${one} · 6.18`)];
  const titleOf = ({ settings: { quant, strategy, kernel } }: RunRecord): string => `${quant} · ${strategy} · ${kernel}`;

  test('are tried to the end, also after a stop: figures as the command line has them, the picture marks what nothing beats, and one is taken', async ({
    site,
  }) => {
    await choose(site, /^flows/);
    await replayed(site, PACKETS);
    await site.getByRole('radio', { name: 'Replay' }).click();
    const compare = site.locator('[data-panel=compare]');
    await compare.getByRole('button', { name: 'Runs', exact: true }).click();
    const runs = compare.getByTestId('runs');
    await expect(runs).toHaveAttribute('data-runs', '1');
    const kept = async (): Promise<RunRecord[]> => {
      const file = JSON.parse(await saved(site, compare.getByRole('button', { name: 'Export all' }))) as { runs: { record: RunRecord }[] };
      return file.runs.map(({ record }) => record);
    };

    // Stopped on the way, what was tried stays, and is not tried again.
    const trials = runs.locator('.runs-trials');
    const start = trials.getByRole('button', { name: 'Try precisions and loops' });
    await start.click();
    await site.waitForFunction(() => Number(document.querySelector<HTMLElement>('[data-testid=runs]')!.dataset.runs) > 2);
    await trials.getByRole('button', { name: 'Stop' }).click();
    await expect(trials.getByRole('progressbar')).toHaveCount(0);
    const before = await kept();
    expect(before.length).toBeLessThan(titles.length);
    await start.click();
    // Most of the variants are compiled, verified and run here.
    await expect(start).toBeEnabled({ timeout: 300_000 });
    const all = await kept();
    expect(all).toEqual(expect.arrayContaining(before));

    // Each has its row with all figures, or is named among those that cannot be.
    const refused = await trials.getByText(/could not be compiled or are rejected/).allTextContents();
    const names = refused.flatMap((text) => text.replace(/^.*rejected: /, '').split(', '));
    expect([...all.map(titleOf), ...names].toSorted()).toEqual(titles.toSorted());
    const rows = await runs
      .locator('.runs-table tbody tr')
      .evaluateAll((found) =>
        found.map((row) => [row.querySelector('button')!.textContent, ...[...row.querySelectorAll('td')].map((cell) => cell.textContent)]),
      );
    expect(rows).toEqual(all.map((run) => [titleOf(run), ...figures(run).map(({ id, value }) => said(id, value))]));
    for (const { comparison, processed, nsPerEvent, detection } of all) {
      expect(comparison!.events).toBeGreaterThan(0);
      expect(processed).toBeGreaterThan(0);
      expect(nsPerEvent).toBeGreaterThan(0);
      expect(detection).not.toBeNull();
    }
    const options = ['--min-agreement', '0', '--quant', 'w4a16', '--against-quant', 'w8a16', '--against-strategy', 'bounded'];
    const { a, b } = onCommandLine('flows', 'flows.onnx', {}, ...options);
    const named = (title: string): RunRecord => all.find((run) => titleOf(run) === title)!;
    expect(measured(named('w4a16 · auto · 6.18'))).toEqual(measured(a));
    expect(measured(named('w8a16 · bounded · 6.18'))).toEqual(measured(b));

    const points = all.map((run) => ({ title: titleOf(run), x: run.insns, y: run.maxScoreError! }));
    const beaten = ({ x, y }: { x: number; y: number }): boolean =>
      points.some((other) => other.x <= x && other.y <= y && (other.x < x || other.y < y));
    const labels = (found: Locator): Promise<string[]> =>
      found.evaluateAll((circles) => circles.map((circle) => circle.getAttribute('aria-label')!.split(':')[0]!).toSorted());
    expect(await labels(runs.locator('.pareto-point'))).toEqual(points.map(({ title }) => title).toSorted());
    const best = points.filter((point) => !beaten(point)).map(({ title }) => title);
    expect(best.length).toBeLessThan(points.length);
    expect(await labels(runs.locator('.pareto-point.best'))).toEqual(best.toSorted());
    await noViolations(site, { parts: ['[data-panel=compare]'] });

    // A point is taken with Enter: one step of undo.
    const undo = site.getByRole('button', { name: /^Undo/ });
    const [nothing, first] = [await undo.getAttribute('aria-label'), compare.locator('.ab-first')];
    await runs.getByRole('button', { name: 'w4a16 · auto · 6.18:' }).press('Enter');
    await replayed(site, PACKETS);
    await compare.getByRole('button', { name: 'A/B', exact: true }).click();
    await expect(first).toContainText('w4a16 · auto · 6.18');
    await expect(undo).toHaveAttribute('aria-label', 'Undo: take the settings w4a16');
    await undo.click();
    await expect(first).toContainText('w8a16 · auto · 6.18');
    await expect(undo).toHaveAttribute('aria-label', nothing!);
  });
});

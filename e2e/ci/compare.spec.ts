import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noViolations } from '../axe.ts';
import { cutFiles, expect, FEW_PACKETS, replayed, root, samples, test } from '../page.ts';

const QUANT = 'w1a8';

interface Answer {
  readonly events: number;
  readonly insns: number;
  readonly agreement: number;
  readonly against: {
    readonly insns: number;
    readonly comparison: { readonly same: number; readonly differs: number; readonly differing: { event: number }[] };
  };
}

/** The same comparison on the command line, on the same packets. */
function onCommandLine(): Answer {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-compare-'));
  try {
    for (const [name, bytes] of Object.entries(cutFiles)) writeFileSync(join(folder, name), bytes);
    const payload = join(samples, 'payload');
    const model = [join(payload, 'payload-ids.onnx'), join(folder, 'heldout.pcap'), '--dim', 'batch=1'];
    const bound = ['--binding', join(payload, 'binding.json'), '--calibrate', join(payload, 'calibration.pcap'), '--compare', 'ort'];
    const rest = ['--labels', join(folder, 'heldout-labels.json'), '--against-quant', QUANT, '--json'];
    const text = execFileSync(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'replay', ...model, ...bound, ...rest], {
      cwd: root,
      encoding: 'utf8',
    });
    return JSON.parse(text) as Answer;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('two precisions run beside each other with the figures of the command line, and a link makes the comparison again', async ({
  site,
  context,
}) => {
  const expected = onCommandLine();
  const { comparison } = expected.against;
  expect(comparison.differs).toBeGreaterThan(0);
  await replayed(site, FEW_PACKETS);
  await site.getByRole('radio', { name: 'Replay' }).click();
  const compare = site.locator('[data-panel=compare]');
  await compare.getByRole('button', { name: 'A/B', exact: true }).click();
  await compare.getByLabel('precision').selectOption(QUANT);
  await compare.getByRole('button', { name: 'Run both' }).click();
  const ab = compare.getByTestId('ab');
  await expect(ab).toHaveAttribute('data-status', 'done');
  await expect(ab).toHaveAttribute('data-differing', String(comparison.differs));
  await expect(compare.getByTestId('ab-same')).toHaveAttribute('data-same', String(comparison.same));
  const figures = compare.getByTestId('ab-figures');
  const insns = figures.getByRole('row', { name: /^instructions/ });
  await expect(insns).toContainText(expected.insns.toLocaleString('en'));
  await expect(insns).toContainText(expected.against.insns.toLocaleString('en'));
  await expect(figures.getByRole('row', { name: /^agrees/ })).toContainText(`${(expected.agreement * 100).toFixed(2)} %`);
  await expect(compare.getByTestId('ab-right')).toContainText('as the labels have it');
  // A row of the list takes the Trace panel to its event.
  await compare.locator('.ab-list').getByRole('option').first().click();
  await expect(site.locator('[data-panel=trace] .vrow.selected')).toContainText(String(comparison.differing[0]!.event + 1));
  await noViolations(site, { parts: ['[data-panel=compare]'] });
  const saving = site.waitForEvent('download');
  await compare.getByRole('button', { name: 'Save as HTML' }).click();
  const report = readFileSync(await (await saving).path(), 'utf8');
  const [, link] = /href="([^"]+)"/.exec(report)!;
  // Both sides are runs of the history now, and any two stand side by side.
  await compare.getByRole('button', { name: 'Runs', exact: true }).click();
  await expect(compare.getByTestId('runs')).toHaveAttribute('data-runs', '2');
  await expect(compare.getByTestId('runs-pair')).toContainText('≠');
  await noViolations(site, { parts: ['[data-panel=compare]'] });

  const other = await context.newPage();
  await other.goto(link!.replaceAll('&#38;', '&'));
  const again = other.getByTestId('ab');
  await expect(again).toHaveAttribute('data-status', 'done');
  await expect(again).toHaveAttribute('data-differing', String(comparison.differs));
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { agreement, expect, open, replayed, sample, samples, selectOp, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });

test('every node selects as many instructions as it costs', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const softmax = await selectOp(site, 'Softmax');
  await expect(softmax).toHaveClass(/\bselected\b/);
  await expect(site.getByTestId('selected-insns')).toBeVisible();
  await expect(site.locator('[data-panel=program] .vrow.related').first()).toBeVisible();

  const graph = site.getByRole('tree', { name: /^Model graph/ });
  // The graph has been laid out when it names its operators.
  await expect(graph.locator('.graph-op').nth(20)).toBeAttached();
  const nodes = await graph.locator('.graph-op').evaluateAll((all) => all.map((node) => Number(node.getAttribute('data-node'))));
  for (const index of nodes) {
    await graph.locator(`[data-node="${index}"]`).dispatchEvent('click');
    await expect(graph.locator(`[data-node="${index}"]`)).toHaveClass(/\bselected\b/);
    const insns = Number(await site.getByTestId('node-insns').getAttribute('data-insns'));
    if (insns === 0) await expect(site.getByTestId('selected-insns')).toHaveCount(0);
    else await expect(site.getByTestId('selected-insns')).toHaveAttribute('data-count', String(insns));
  }
});

test('a changed payload byte changes the score, and undo brings the old one back', async ({ site }) => {
  // Packet 4 lies near the threshold, so that its score tells changes of a byte apart.
  const row = site.locator('[data-packet="3"]');
  await expect(row.locator('[data-score]')).toHaveText(/\d/);
  await row.click();
  const score = site.getByTestId('packet-score');
  const before = await row.locator('[data-score]').textContent();
  await expect(score).toContainText(before!);
  const tokens = site.locator('.bytes-grid td.token[data-cell^="hex"]');
  await tokens.nth(3).click();
  await site.keyboard.type('ff00ff41');
  await expect(row.locator('[data-score]')).not.toHaveText(before!);
  await expect(score).not.toContainText(before!);
  await site.getByRole('button', { name: 'Revert bytes' }).click();
  await expect(row.locator('[data-score]')).toHaveText(before!);
});

test('one selection runs through the panels, and its history can be walked', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const listing = site.getByRole('tree', { name: 'Instructions', exact: true });
  const softmax = await selectOp(site, 'Softmax');
  await listing.focus();
  await site.keyboard.press('Home');
  await site.keyboard.press('ArrowDown');
  await expect(listing.locator('.vrow.selected')).toHaveCount(1);
  await expect(site.getByTestId('insn-foot')).toContainText('mov');
  await site.getByRole('tab', { name: 'State at cursor' }).click();
  await expect(site.getByTestId('state')).toContainText('r10');
  await listing.focus();
  // Back past the instructions on the way.
  const isSelected = () => softmax.evaluate((node) => node.classList.contains('selected'));
  for (let step = 0; step < 2 && !(await isSelected()); step++) await site.keyboard.press('[');
  await expect(softmax).toHaveClass(/\bselected\b/);
});

test('an edit of the program forks it: verified and run again, shown as a difference, discarded', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await site.getByRole('button', { name: 'Edit' }).click();
  const editor = site.getByTestId('editor');
  await expect(editor.locator('.view-line').first()).toBeVisible();
  await expect(editor.locator('.view-lines')).toContainText('r6 = r1');
  // The first instruction of the program becomes one that the verifier refuses.
  await editor.locator('.view-line', { hasText: 'r6 = r1' }).first().click();
  await site.keyboard.press('End');
  await site.keyboard.type('\nr6 = nonsense');
  await expect(editor.getByRole('status')).toContainText('✕ line');
  await expect(site.getByRole('button', { name: 'Apply' })).toBeDisabled();
  for (const _ of 'nonsense') await site.keyboard.press('Backspace');
  await site.keyboard.type('*(u64 *)(r9 +0)');
  await expect(editor.getByRole('status')).toContainText('✕ insn 1 · R9 !read_ok');
  await site.getByRole('button', { name: 'Apply' }).click();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
  await expect(site.locator('[data-panel=verifier] .verdict')).toContainText('R9 !read_ok');
  await expect(site.getByTestId('fork-changes')).toContainText('1 change');
  await site.getByRole('button', { name: 'Diff', exact: true }).click();
  await expect(site.locator('.diff-added')).toContainText('r6 = *(u64 *)(r9 +0)');
  await site.getByRole('button', { name: 'Discard', exact: true }).click();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await expect(site.getByTestId('fork-changes')).toHaveCount(0);
});

test('the binding decides: its form previews the tokens, refuses what does not fit, and a new threshold moves verdicts', async ({
  site,
}) => {
  const row = site.locator('[data-packet="3"]');
  await expect(row.locator('[data-score]')).toHaveText(/\d/);
  const score = await row.locator('[data-score]').textContent();
  await expect(row.locator('[data-verdict]')).toHaveText('DROP');
  await site.locator('[data-packet="0"]').click();
  await site.getByRole('button', { name: 'Binding' }).click();
  const form = site.getByRole('form', { name: 'Binding' });
  await expect(form).toContainText(/tokens of packet 1: 48 bytes/);
  await form.getByLabel('length').fill('33');
  await expect(form.getByTestId('error-note')).toContainText(/33.*48/);
  await expect(form.getByRole('button', { name: 'Apply' })).toBeDisabled();
  await form.getByLabel('length').fill('48');
  await expect(form.getByTestId('error-note')).toHaveCount(0);
  await form.getByLabel('threshold', { exact: true }).fill('0.9');
  await form.getByRole('button', { name: 'Apply' }).click();
  await expect(row.locator('[data-verdict]')).toHaveText('PASS');
  await expect(row.locator('[data-score]')).toHaveText(score!);
  await site.getByRole('button', { name: 'Undo: change the binding' }).click();
  await expect(row.locator('[data-verdict]')).toHaveText('DROP');
});

test('a second model with tensors, opened by hand and replayed', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await open(site, join(samples, 'motion', 'model.onnx'));
  await expect(site.getByRole('dialog')).toContainText('batch');
  await site.getByRole('button', { name: 'Open with these' }).click();
  // Without a trace it is calibrated on generated inputs, and nothing is claimed about its accuracy.
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await expect(site.getByTestId('unmeasured')).toContainText('Accuracy is unmeasured');
  await expect(site.getByRole('contentinfo')).toContainText('calibrated on 64 generated inputs');
  await open(site, join(samples, 'motion', 'trace.npy'));
  await replayed(site, 512);
  expect(await agreement(site)).toBeGreaterThanOrEqual(0.98);
  await expect(site.getByTestId('compare')).toContainText('generated inputs');
});

test('the motion sample, calibrated on its own trace, and the exported object', async ({ site }) => {
  await sample(site, 'motion');
  await replayed(site, 512);
  expect(await agreement(site)).toBeGreaterThanOrEqual(0.98);
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  const [download] = await Promise.all([site.waitForEvent('download'), site.getByRole('button', { name: /Export object/ }).click()]);
  expect(download.suggestedFilename()).toBe('motion.bpf.o');
  const bytes = readFileSync(await download.path());
  expect(bytes.subarray(0, 4)).toEqual(Buffer.from('\x7fELF', 'latin1'));
  // What was exported opens again, as a program that names the same operators.
  await open(site, { name: 'motion.bpf.o', mimeType: 'application/octet-stream', buffer: bytes });
  await expect(site.getByRole('button', { name: 'Project motion.bpf.o' })).toBeVisible();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
});

test('assembly that the kernel would refuse: the number and the reason in one line', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const text = '.section xdp\n.license GPL\nr2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +0)\nr0 = 2\nexit\n';
  await open(site, { name: 'unchecked.s', mimeType: 'text/plain', buffer: Buffer.from(text) });
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
  const verdict = site.locator('[data-panel=verifier] .verdict');
  await expect(verdict).toContainText('insn 1');
  await expect(verdict).toContainText('R2 offset is outside of the packet');
  await verdict.getByRole('button', { name: 'insn 1' }).click();
  await expect(site.locator('[data-panel=program] .vrow.selected')).toContainText('r0 = *(u8 *)(r2 +0)');
  await site.getByRole('tab', { name: 'Log' }).click();
  await expect(site.getByRole('listbox', { name: 'Verifier log' })).toContainText('R2');
  // A program without a model has nothing to compare; a capture still gets no verdict from a program that cannot be loaded.
  await open(site, join(samples, 'payload', 'heldout.pcap'));
  await expect(site.locator('[data-panel=trace]').getByTestId('error-note')).toContainText('rejects');
  // The rejection is explained, and an edit that is offered makes the verifier accept.
  await site.getByRole('tab', { name: 'Why' }).click();
  const why = site.getByTestId('why');
  await expect(why).toContainText('Packet bytes are read without proof that they exist');
  await why.getByRole('button', { name: 'Apply' }).first().click();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await expect(site.getByTestId('fork-changes')).toBeVisible();
});

import { noViolations } from './axe.ts';
import { expect, open, test } from './page.ts';

test.use({ start: 'small program' });

const SOURCE = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int first_byte(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data;
  return data[0] ? XDP_PASS : XDP_DROP;
}
SEC("tc") int always(struct __sk_buff *skb) {
  return 0;
}
`;
const MENDED = SOURCE.replace(
  '  return data[0]',
  '  if (data + 1 > (unsigned char *)(long)ctx->data_end) return XDP_PASS;\n  return data[0]',
);

test('C is compiled in the tab: a refusal at its line, a mistake while it is typed, and the mended program accepted', async ({ site }) => {
  await open(site, { name: 'first.c', mimeType: 'text/x-c', buffer: Buffer.from(SOURCE) });
  const panel = site.locator('[data-panel=c]');
  const status = site.getByTestId('c-status');
  await expect(status).toContainText('Built');
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
  // The verifier's refusal stands at the line of its instruction.
  await expect(panel.locator('.squiggly-error').first()).toBeVisible();
  await expect(site.locator('[data-panel=program]')).toContainText('return data[0]');

  const editor = panel.locator('.monaco-editor').first();
  const replace = async (text: string): Promise<void> => {
    await editor.click();
    await site.keyboard.press('Control+a');
    await site.keyboard.insertText(text);
  };
  await replace(`${SOURCE}int broken(void) { return 0.9f * 2 > nothing; }\n`);
  await expect(status).toContainText("Line 10: use of undeclared identifier 'nothing'");
  await replace(MENDED);
  await expect(status).toContainText('Compiles: 2 programs');
  await site.keyboard.press('Control+Enter');
  await expect(status).toContainText('Built');
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await noViolations(site, { parts: ['[data-panel=c]'] });

  // The object holds two programs; undo goes back to the one that was refused.
  const choice = site.getByRole('combobox', { name: 'Program of the object' });
  await choice.selectOption('always');
  await expect(site.locator('[data-panel=program]')).toContainText('always');
  await site.getByRole('button', { name: 'Undo' }).click();
  await site.getByRole('button', { name: 'Undo' }).click();
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'false');
});

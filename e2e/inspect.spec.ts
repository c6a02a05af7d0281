import { assemblePrograms } from '../src/bpf/asm.ts';
import { writeObject } from '../src/object/writer.ts';
import { noViolations } from './axe.ts';
import { expect, open, test } from './page.ts';

test.use({ start: 'small program' });

/** An object of two programs and a map. */
function object(extra: string): Buffer {
  const map = '.map counts array 4 8 16\n';
  const first = `.section xdp\n.license GPL\n${map}.func first\nr1 = map[counts]\nr2 = 7\n${extra}r0 = 2\nexit\n`;
  const second = `.section tc\n.license GPL\n${map}.func second\nr1 = map[counts]\nr0 = 0\nexit\n`;
  return Buffer.from(writeObject([first, second].map((text) => assemblePrograms(text).programs![0]!)));
}
const file = (name: string, buffer: Buffer) => ({ name, mimeType: 'application/octet-stream', buffer });

test('two objects beside each other with both verdicts, and the types of one', async ({ site }) => {
  await open(site, file('new.o', object('')));
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await site.getByText('Debug', { exact: true }).first().click();
  await site.getByText('Compare code', { exact: true }).first().click();
  const codes = site.locator('[data-panel=codes]');
  await codes.getByLabel('Add an object or assembly to compare with').setInputFiles(file('old.o', object('r3 = *(u8 *)(r2 +0)\n')));
  const figures = site.getByTestId('codes-figures');
  await expect(figures).toContainText('✓ accepted');
  await expect(figures).toContainText("✕ insn 3: R2 invalid mem access 'scalar'");
  await expect(codes.getByRole('status')).toHaveText('1 difference');
  await codes.getByRole('button', { name: 'Next difference' }).click();
  await expect(codes.locator('.vrow.selected')).toContainText('r3 = *(u8 *)(r2 +0)');
  await codes.getByRole('combobox', { name: 'Program at the right' }).selectOption('second · new.o');
  await expect(figures).toContainText('second');
  await noViolations(site, { parts: ['[data-panel=codes]'] });

  await site.getByText('Types', { exact: true }).first().click();
  const types = site.locator('[data-panel=btf]');
  await types.getByRole('searchbox').fill('xdp_md');
  await types.getByText('xdp_md', { exact: true }).first().click();
  await expect(site.getByTestId('btf-detail')).toContainText('struct xdp_md {');
  await types.getByRole('button', { name: 'Maps 1' }).click();
  await expect(types.getByRole('row', { name: /counts/ })).toContainText('size only');
  await noViolations(site, { parts: ['[data-panel=btf]'] });
});

import type { Page } from '@playwright/test';
import { noViolations } from './axe.ts';
import { expect, selectOp, onePage as test } from './page.ts';

test.describe.configure({ mode: 'serial' });

async function palette(page: Page): Promise<void> {
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('dialog', { name: 'Commands and places' })).toBeVisible();
}

test('a pinned panel stays where it is while the selection moves', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const first = site.locator('[data-panel=program] .vrow').first();
  const before = await first.textContent();
  await site.getByRole('button', { name: 'Panel menu of Program' }).click();
  await site.getByRole('menuitem', { name: /^Pin/ }).click();
  await expect(site.locator('[data-panel=program]').locator('xpath=..')).toContainText('Pinned');
  await selectOp(site, 'Softmax');
  await expect(site.getByTestId('selected-insns')).toBeVisible();
  expect(await first.textContent()).toBe(before);
  await site.getByRole('button', { name: 'Panel menu of Program' }).click();
  await site.getByRole('menuitem', { name: /^Unpin/ }).click();
  await site.locator('.graph-op', { hasText: 'LayerNorm' }).first().dispatchEvent('click');
  await expect(first).not.toHaveText(before!);
});

test('Escape closes a dialog that has lost the focus too, and no key reaches the page behind', async ({ site }) => {
  await selectOp(site, 'Softmax');
  await palette(site);
  await site.keyboard.type('softmax');
  await site.evaluate('document.activeElement.blur()');
  await site.keyboard.press('Alt+5');
  await site.keyboard.press('Escape');
  await expect(site.getByRole('dialog')).toHaveCount(0);
  await expect(site.locator('[data-desk-tab=explore]')).toHaveAttribute('aria-checked', 'true');
  await expect(site.getByTestId('selected-insns')).toBeVisible();
  await site.keyboard.press('Escape');
  await expect(site.getByTestId('selected-insns')).toHaveCount(0);
});

test('the palette goes to instructions, events and operators; the tour walks the panels and can be left', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await palette(site);
  await site.keyboard.type('1860');
  await site.getByRole('option', { name: 'Instruction 1860' }).click();
  await expect(site.getByTestId('insn-foot')).toContainText('1860');
  await palette(site);
  await site.keyboard.type('softmax');
  await site.getByRole('option', { name: /^Softmax \// }).click();
  await expect(site.locator('.graph-op.selected')).toContainText('Softmax');

  await site.getByRole('button', { name: 'New here? Take the tour' }).click();
  const card = site.getByRole('dialog', { name: 'A Transformer, as ONNX has it' });
  await expect(card.getByRole('button', { name: 'Next' })).toBeFocused();
  await site.keyboard.press('Enter');
  await expect(
    site.getByRole('dialog', { name: 'The same model, as eBPF instructions' }).getByRole('button', { name: 'Next' }),
  ).toBeFocused();
  await site.keyboard.press('Escape');
  await expect(site.locator('.tour-card')).toHaveCount(0);
  await expect(site.getByRole('button', { name: 'New here? Take the tour' })).toHaveCount(0);
});

test('a panel dragged by its tab joins another row of tabs', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const desk = site.locator('.desk');
  const from = desk.getByRole('tab', { name: 'Trace', exact: true });
  const to = site.locator('[data-panel=program]');
  const start = (await from.boundingBox())!;
  const end = (await to.boundingBox())!;
  await site.mouse.move(start.x + 10, start.y + 10);
  await site.mouse.down();
  for (const share of [0.1, 0.4, 0.8, 1]) {
    const x = start.x + 10 + share * (end.x + end.width / 2 - start.x);
    await site.mouse.move(x, start.y + 10 + share * (end.y + end.height / 2 - start.y));
  }
  await site.mouse.up();
  await expect(desk.getByRole('tablist', { name: /Program/ }).getByRole('tab', { name: 'Trace' })).toBeVisible();
});

test('desks keep their arrangement: split, moved, maximised, closed and reset with the keyboard', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  const desk = site.locator('.desk');
  // The panel that was dragged goes back to its place.
  await palette(site);
  await site.keyboard.type('reset this desk');
  await site.keyboard.press('Enter');
  const tabs = (name: string) => desk.getByRole('tab', { name, exact: true });
  await expect(tabs('Verifier')).toHaveAttribute('aria-selected', 'true');

  // Alt+Shift+Down moves the verifier to the tabs below it, which are those of Compare.
  await tabs('Verifier').focus();
  await palette(site);
  await site.keyboard.type('show verifier');
  await site.keyboard.press('Enter');
  await expect(site.locator('[data-panel=verifier] :focus, [data-panel=verifier]:focus')).toHaveCount(1);
  await site.keyboard.press('Alt+Shift+ArrowDown');
  await expect(desk.getByRole('tablist', { name: /Compare/ }).getByRole('tab', { name: 'Verifier' })).toBeVisible();

  // Split again, to a row of tabs of its own; maximised and back.
  await expect(site.locator('[data-panel=verifier] :focus, [data-panel=verifier]:focus')).toHaveCount(1);
  await palette(site);
  await site.keyboard.type('split to the right');
  await site.keyboard.press('Enter');
  await expect(desk.getByRole('tablist', { name: 'Verifier', exact: true })).toBeVisible();
  await site.locator('[data-panel=verifier]').focus();
  await site.keyboard.press('Alt+Enter');
  await expect(tabs('Model')).toBeHidden();
  await site.keyboard.press('Alt+Enter');
  await expect(tabs('Model')).toBeVisible();

  // What has the focus may be taken out of the page: the keyboard stays in the panel.
  await site.locator('[data-panel=verifier]').evaluate(async (panel) => {
    const button = panel.appendChild(document.createElement('button'));
    button.focus();
    await new Promise(requestAnimationFrame);
    button.remove();
  });
  await expect(site.locator('[data-panel=verifier]')).toBeFocused();

  // Closed with the keyboard, kept over a reload, back by name.
  await tabs('Compare').focus();
  await site.keyboard.press('Delete');
  await expect(tabs('Compare')).toHaveCount(0);
  await site.reload();
  await expect(tabs('Verifier')).toBeVisible();
  await expect(tabs('Compare')).toHaveCount(0);
  // Nor does the tour offer itself again once it was left.
  await expect(site.getByTestId('verdict')).toBeVisible();
  await expect(site.getByRole('button', { name: 'New here? Take the tour' })).toHaveCount(0);
  await palette(site);
  await site.keyboard.type('show compare');
  await site.keyboard.press('Enter');
  await expect(tabs('Compare')).toHaveAttribute('aria-selected', 'true');

  await palette(site);
  await site.keyboard.type('reset this desk');
  await site.keyboard.press('Enter');
  await expect(desk.getByRole('tablist', { name: 'Verifier', exact: true })).toBeVisible();

  // F6 goes round the panels; Alt and a digit change the desk, which the browser remembers.
  await tabs('Model').focus();
  await site.keyboard.press('F6');
  await expect(tabs('Model')).not.toBeFocused();
  await site.keyboard.press('Alt+2');
  await expect(desk).toHaveAttribute('data-desk', 'debug');
  await site.reload();
  await expect(desk).toHaveAttribute('data-desk', 'debug');
});

test('single keys can be turned off, and every key is listed', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await site.keyboard.press('?');
  const sheet = site.getByRole('dialog', { name: 'Keys' });
  await expect(sheet).toContainText('Everything by name');
  await sheet.getByLabel('Single keys work outside of panels too').uncheck();
  await site.keyboard.press('Escape');
  await expect(sheet).toBeHidden();
  await site.keyboard.press('?');
  await expect(sheet).toBeHidden();
});

test('in a narrow window what can be done in a panel keeps its room, and tabs without room are in a menu', async ({ site }) => {
  await site.setViewportSize({ width: 1024, height: 768 });
  for (const desk of ['Explore', 'Debug', 'Replay', 'Learn', 'Accelerator']) {
    await site.getByRole('radio', { name: desk }).click();
    await expect(site.locator('.desk')).toHaveAttribute('data-desk', desk.toLowerCase());
    const crowded = () =>
      site.evaluate(() =>
        [...document.querySelectorAll('.desk .flexlayout__tabset_tabbar_outer')].flatMap((row) => {
          const end = row.getBoundingClientRect().right;
          const places = [...row.querySelectorAll('.flexlayout__tab_toolbar :is(button, select, input)')].map((one) =>
            one.getBoundingClientRect(),
          );
          return places.some(({ left, right }, i) => left < (places[i - 1]?.right ?? 0) - 1 || right > end + 1) ? [row.textContent] : [];
        }),
      );
    await expect.poll(crowded, desk).toEqual([]);
  }
  await site.getByRole('radio', { name: 'Learn' }).click();
  await site.getByRole('button', { name: 'Panels behind' }).click();
  await noViolations(site, { parts: ['.desk'] });
  await site.getByRole('menuitem', { name: 'Messages' }).click();
  await expect(site.locator('[data-panel=messages]')).toBeVisible();
});

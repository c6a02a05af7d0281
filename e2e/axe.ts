import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

export interface Scan {
  /** Selectors of the parts to look at; the whole page without any. */
  readonly parts?: readonly string[];
  /** Rules to look for; all without any. */
  readonly rules?: readonly string[];
}

/** Fails with what axe finds wrong. The page has no frames, so axe runs in it at once: to collect from frames takes twice the time. */
export async function noViolations(page: Page, { parts = [], rules = [] }: Scan = {}): Promise<void> {
  const axe = new AxeBuilder({ page }).setLegacyMode().options({
    resultTypes: ['violations'],
    ...(rules.length > 0 ? { runOnly: { type: 'rule', values: [...rules] } } : {}),
  });
  for (const part of parts) axe.include(part);
  const { violations } = await axe.analyze();
  expect(violations.map(({ id, nodes }) => ({ id, at: nodes.map(({ target, html }) => [target, html]) }))).toEqual([]);
  expect(await page.locator('iframe').count()).toBe(0);
}

import { expect, type Page } from '@playwright/test';
import axe, { type AxeResults, type RunOptions } from 'axe-core';

export interface Scan {
  /** Selectors of the parts to look at; the whole page without any. */
  readonly parts?: readonly string[];
  /** Rules to look for; all without any. */
  readonly rules?: readonly string[];
}

/**
 * Fails with what axe finds wrong. Axe is put into a page once and stays: each copy of its half a megabyte is compiled and optimised anew.
 * Frames are not looked into: the page has none.
 */
export async function noViolations(page: Page, { parts = [], rules = [] }: Scan = {}): Promise<void> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  const options: RunOptions = {
    resultTypes: ['violations'],
    ...(rules.length > 0 ? { runOnly: { type: 'rule', values: [...rules] } } : {}),
  };
  const violations = await page.evaluate(
    async ([include, options]) => {
      const { axe } = window as unknown as { axe: { run: (context: unknown, options: unknown) => Promise<AxeResults> } };
      const { violations } = await axe.run(include.length > 0 ? { include } : document, options);
      return violations.map(({ id, nodes }) => ({ id, at: nodes.map(({ target, html }) => [target, html]) }));
    },
    [[...parts], options] as const,
  );
  expect(violations).toEqual([]);
  expect(await page.locator('iframe').count()).toBe(0);
}

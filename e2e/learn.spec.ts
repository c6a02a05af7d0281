import type { Page } from '@playwright/test';
import { noViolations } from './axe.ts';
import { expect, open, test } from './page.ts';

test.use({ start: 'small program' });

/** Exercises that this browser keeps as passed. */
const keptAsPassed = (page: Page, lesson: string): Promise<unknown> =>
  page.evaluate(
    (key) =>
      new Promise((resolve) => {
        const opening = indexedDB.open('bpformer-course');
        opening.onsuccess = () => {
          const asked = opening.result.transaction('lessons').objectStore('lessons').get(key);
          asked.onsuccess = () => {
            opening.result.close();
            resolve(asked.result?.passed ?? []);
          };
        };
      }),
    lesson,
  );

const HEAD = '---\nlesson: hostile\ntitle: A <b>hostile</b> lesson\nminutes: 1\n---\n';
const HOSTILE = `${HEAD}
## A step <img src=x onerror="window.pwned = 1">

<script>window.pwned = 2</script>

[a link](javascript:window.pwned=3) and <a href="javascript:window.pwned=4">another</a>, ![a picture](https://evil.example/x.png)

:go[drive]{onclick="window.pwned=5"} :term[no such term]{style="position:fixed"}

::live[Click]{widget="__proto__" onload="window.pwned=6"}
`;
const markdown = (name: string, text: string) => ({ name, mimeType: 'text/markdown', buffer: Buffer.from(text) });

test('a lesson: wrong, hint, right, kept over a reload; hostile lessons stay inert or are refused with their line', async ({ site }) => {
  await site.keyboard.press('Control+k');
  await site.getByRole('option', { name: /^Open the course/ }).click();
  await site.getByRole('button', { name: /^Start with Registers/ }).click();
  await expect(site.locator('[data-fact="linux.stack"]').first()).toHaveText('512');
  await site.getByRole('button', { name: 'Next', exact: true }).click();
  const exercise = site.locator('[data-exercise="pass"]');
  const answer = exercise.getByRole('textbox');
  await answer.fill('.section xdp\nr0 = 1\nexit\n');
  await answer.press('Control+Enter');
  await expect(exercise.locator('[data-feedback="failed"]')).toContainText('it returned 1');
  await exercise.getByRole('button', { name: 'Show the hint' }).click();
  await expect(exercise).toContainText('before exit');
  await noViolations(site, { parts: ['.lesson'] });
  await answer.fill('.section xdp\nr0 = 2\nexit\n');
  await exercise.getByRole('button', { name: 'Check' }).click();
  await expect(exercise).toHaveAttribute('data-passed', 'true');
  await expect.poll(() => keptAsPassed(site, 'registers')).toEqual(['pass']);
  await site.reload();
  await expect(exercise).toHaveAttribute('data-passed', 'true');
  await expect(answer).toHaveValue('.section xdp\nr0 = 2\nexit\n');
  await site.getByRole('button', { name: 'More of this lesson' }).click();
  await site.getByRole('menuitem', { name: 'Forget what I did here' }).click();
  await expect(site.locator('[data-step-title]')).toHaveText('Eleven registers');
  await expect.poll(() => keptAsPassed(site, 'registers')).toEqual([]);

  await open(site, markdown('hostile.md', HOSTILE));
  const lesson = site.locator('.lesson');
  await expect(lesson).toContainText('Not of the course');
  await expect(lesson).toContainText('<script>window.pwned = 2</script>');
  const problems = site.getByTestId('lesson-problems');
  await expect(problems).toContainText('Line 9');
  await expect(problems).toContainText('Line 11');
  await expect(lesson.locator('script, img, [onclick], [onerror], [onload], a[href^="javascript"], [style*="position"]')).toHaveCount(0);
  expect(await site.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();

  await open(site, markdown('malformed.md', '---\nlesson: [\n---\n## A step\n'));
  await expect(lesson).toContainText('malformed.md is no lesson yet');
  await expect(problems).toContainText(/Line [12]/);
  await open(site, markdown('deep.md', `${HEAD}## A step\n\n${'> '.repeat(500)}deep\n`));
  await expect(lesson.getByTestId('error-note')).toContainText('line 8 nests deeper');
  await open(site, markdown('huge.md', `${HEAD}## A step\n\n${'word '.repeat(200_000)}\n`));
  await expect(lesson.getByTestId('error-note')).toContainText('a lesson may have 524288');
});

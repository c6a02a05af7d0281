import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { exercisesOf, type Lesson } from '../../src/course/lesson.ts';
import { readLesson } from '../../src/course/read.ts';
import { noViolations } from '../axe.ts';
import { expect, root, onePage as test } from '../page.ts';

// Every lesson and every exercise of the course, from the lessons' own files: a new lesson joins by being there.
test.describe.configure({ mode: 'serial' });
test.use({ start: 'small program' });

const folder = join(root, 'src', 'lessons', 'course');
const lessons: readonly Lesson[] = readdirSync(folder)
  .filter((name) => name.endsWith('.md'))
  .map((name) => readLesson(readFileSync(join(folder, name), 'utf8'), name, null).lesson!);

const pane = (page: Page) => page.locator('.lesson');

async function toContents(page: Page): Promise<void> {
  const contents = pane(page).getByRole('button', { name: 'All lessons', exact: true });
  if (await contents.isVisible()) await contents.click();
  else if (!(await pane(page).isVisible())) {
    await page.keyboard.press('Control+k');
    await page.getByRole('option', { name: /^Open the course/ }).click();
  }
  await expect(pane(page).locator('.course-list')).toBeVisible();
}

/** Checks an answer; gives all that was observed and advised where it fails, null where it passes. */
async function check(exercise: Locator, answer: string | null): Promise<string | null> {
  if (answer !== null) await exercise.getByRole('textbox').fill(answer);
  await exercise.getByRole('button', { name: 'Check', exact: true }).click();
  const feedback = exercise.locator('[data-feedback]');
  await expect(feedback).toBeVisible();
  if ((await feedback.getAttribute('data-feedback')) === 'passed') return null;
  return (await feedback.locator('[data-passed="false"] .feedback-seen, [data-passed="false"] .feedback-advice').allInnerTexts()).join(' ');
}

const plain = (text: string): string => text.replace(/\s+/g, ' ');

for (const lesson of lessons) {
  test(`${lesson.id}: every exercise begins failing, meets typical mistakes as promised, and passes with its solution`, async ({
    site,
  }) => {
    await toContents(site);
    await pane(site).getByRole('button', { name: lesson.title, exact: true }).click();
    for (const [at, step] of lesson.steps.entries()) {
      await pane(site)
        .getByRole('button', { name: new RegExp(`^Step ${at + 1}: `) })
        .click();
      await expect(pane(site).locator(`[data-step="${at + 1}"]`)).toBeVisible();
      for (const block of step.blocks) {
        if (block.kind !== 'exercise') continue;
        const { id, solution, wrong, hints } = block.exercise;
        const exercise = pane(site).locator(`[data-exercise="${id}"]`);
        await test.step(`${lesson.id} ${id}`, async () => {
          expect(await check(exercise, null), 'the beginning must not pass').not.toBeNull();
          for (const { text, says } of wrong) expect(plain((await check(exercise, text)) ?? 'it passed')).toContain(plain(says));
          for (const _ of hints) await exercise.locator('[data-hint]').click();
          expect(await check(exercise, solution), 'the solution must pass').toBeNull();
          await expect(exercise).toHaveAttribute('data-passed', 'true');
        });
      }
      await noViolations(site, { parts: ['.lesson'] });
      if (lesson.id === lessons[0]!.id) {
        await site.emulateMedia({ colorScheme: 'dark' });
        await expect(site.locator('html')).toHaveAttribute('data-theme', 'dark');
        await noViolations(site, { parts: ['.lesson'] });
        await site.emulateMedia({ colorScheme: 'light' });
      }
    }
    await toContents(site);
    await expect(pane(site).locator(`[data-lesson="${lesson.id}"]`)).toHaveAttribute('data-state', 'done');
  });
}

test('the list: all done, a path of two lessons, and paper without answers', async ({ site }) => {
  await expect(pane(site)).toContainText('Every exercise is done.');
  await noViolations(site, { parts: ['.lesson'] });
  await pane(site).getByRole('button', { name: 'Make a path for a class …' }).click();
  await noViolations(site, { parts: ['.lesson'] });
  const file = { format: 'bpformer-path', version: 1, title: 'Class 7b', lessons: ['packets', 'registers'] };
  await site
    .locator('#file-picker')
    .setInputFiles({ name: 'class.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(file)) });
  await pane(site).getByRole('button', { name: 'Cancel' }).click();
  await expect(pane(site)).toContainText('Class 7b');
  await expect(pane(site).locator('[data-lesson]')).toHaveCount(2);
  await pane(site).locator('[data-lesson="registers"]').getByRole('button').click();
  await expect(pane(site).locator('[data-step]')).toBeVisible();
  const paper = await site.evaluate(() => {
    window.dispatchEvent(new Event('beforeprint'));
    const text = document.querySelector('.lesson-paper')?.textContent ?? '';
    window.dispatchEvent(new Event('afterprint'));
    return text;
  });
  const registers = lessons.find(({ id }) => id === 'registers')!;
  for (const { title, start, solution } of exercisesOf(registers)) {
    expect(paper).toContain(title);
    expect(paper).toContain(start);
    expect(paper).not.toContain(solution);
  }
});

test('a lesson by keyboard alone', async ({ site }) => {
  await toContents(site);
  const whole = pane(site).getByRole('button', { name: 'Show the whole course' });
  if (await whole.isVisible()) await whole.click();
  await site.locator('.desk [data-panel]').first().focus();
  const lesson = lessons.find(({ id }) => id === 'registers')!;
  const focused = (selector: string) => expect(site.locator(`${selector}:focus`)).toHaveCount(1);
  /** Tabs on until the focus is there. */
  const tabTo = async (selector: string): Promise<void> => {
    for (let presses = 0; presses < 60; presses++) {
      if (await site.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
      await site.keyboard.press('Tab');
    }
    await focused(selector);
  };
  await site.keyboard.press('F8');
  await focused('.lesson *');
  await tabTo('[data-lesson="registers"] button');
  await site.keyboard.press('Enter');
  await focused('[data-step-title]');
  while ((await pane(site).locator('[data-step="1"]').count()) === 0) await site.keyboard.press('p');
  for (const [at, step] of lesson.steps.entries()) {
    await expect(pane(site).locator(`[data-step="${at + 1}"]`)).toBeVisible();
    for (const block of step.blocks) {
      if (block.kind !== 'exercise') continue;
      const place = `[data-exercise="${block.exercise.id}"]`;
      await tabTo(`${place} textarea`);
      await site.keyboard.press('Control+a');
      await site.keyboard.insertText(block.exercise.wrong[0]!.text);
      await site.keyboard.press('Control+Enter');
      await expect(site.locator(`${place} [data-feedback="failed"]`)).toBeVisible();
      await site.keyboard.press('Control+a');
      await site.keyboard.insertText(block.exercise.solution);
      await tabTo(`${place} [data-check]`);
      await site.keyboard.press('c');
      await expect(site.locator(`${place} [data-feedback="passed"]`)).toBeVisible();
      await focused(`${place} [data-check]`);
    }
    if (at + 1 < lesson.steps.length) {
      await site.keyboard.press('n');
      await focused('[data-step-title]');
    }
  }
});

test('inside of another page: the lesson and its panels alone, and what the browser keeps of the desk stays', async ({ site }) => {
  const kept = await site.evaluate(() => JSON.stringify(Object.entries(localStorage).filter(([key]) => key.startsWith('bpformer.desk'))));
  await site.goto(`${process.env.BPFORMER_SITE!}?embed=rejection&panels=verifier,log`);
  await expect(pane(site).getByRole('heading', { level: 2 })).toHaveText(lessons.find(({ id }) => id === 'rejection')!.title);
  await expect(site.locator('.topbar')).toBeHidden();
  await expect(site.locator('[data-panel="verifier"]')).toBeVisible();
  await expect(site.locator('.desk .flexlayout__tab_button')).toHaveCount(2);
  await noViolations(site, { parts: ['.lesson'] });
  expect(await site.evaluate(() => JSON.stringify(Object.entries(localStorage).filter(([key]) => key.startsWith('bpformer.desk'))))).toBe(
    kept,
  );
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { exercisesOf, type Lesson } from '../../src/course/lesson.ts';
import { readLesson } from '../../src/course/read.ts';
import { noViolations } from '../axe.ts';
import { focusIn } from '../lesson-keys.ts';
import { pane, plain, toLesson, walk } from '../lesson-walk.ts';
import { noMotion } from '../motion.ts';
import { expect, root, onePage as test } from '../page.ts';

// Every lesson and every exercise of the course, from the lessons' own files: a new lesson joins by being there.
test.describe.configure({ mode: 'serial' });
test.use({ start: 'small program' });

const folder = join(root, 'src', 'lessons', 'course');
const lessons: readonly Lesson[] = readdirSync(folder)
  .filter((name) => name.endsWith('.md'))
  .map((name) => readLesson(readFileSync(join(folder, name), 'utf8'), name, null).lesson!);

/**
 * Lessons that are done with keys alone; among them are a task in the tool, a byte and the bits under the hand, and answers of every field.
 * `BPFORMER_COURSE_KEYS=all` does every lesson so. The others try one typical mistake of each exercise: `lessons.test.ts` grades all of them with the
 * same code.
 */
const BY_KEYS: readonly string[] =
  process.env.BPFORMER_COURSE_KEYS === 'all' ? lessons.map(({ id }) => id) : ['registers', 'packets', 'fixed-point'];

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

for (const lesson of lessons.filter(({ id }) => BY_KEYS.includes(id))) {
  test(`${lesson.id}, with keys alone: every exercise begins failing, meets typical mistakes as promised, and passes with its solution`, async ({
    site,
  }) => {
    await site.emulateMedia({ reducedMotion: 'reduce' });
    await toLesson(site, lesson);
    for (const [place, step] of lesson.steps.entries()) {
      await expect(pane(site).locator(`[data-step="${place + 1}"]`)).toBeVisible();
      await test.step(step.title, () => walk(site, step));
      await noViolations(site, { parts: ['.lesson'] });
      await noMotion(site);
      await site.keyboard.press('Enter');
      // Behind the last step of the last lesson there is the list of all.
      await expect(pane(site).locator('[data-step-title]:focus').or(pane(site).locator('.course-list'))).toHaveCount(1);
    }
    await focusIn(site, '.lesson');
  });
}

for (const lesson of lessons.filter(({ id }) => !BY_KEYS.includes(id))) {
  test(`${lesson.id}: every exercise begins failing, meets a typical mistake as promised, and passes with its solution`, async ({
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
          for (const { text, says } of wrong.slice(0, 1))
            expect(plain((await check(exercise, text)) ?? 'it passed')).toContain(plain(says));
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
  await expect(pane(site).locator('[data-lesson][data-state="done"]')).toHaveCount(lessons.length);
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

test('inside of another page: the lesson and its panels alone, and what the browser keeps of the desk stays', async ({ site }) => {
  const kept = () =>
    site.evaluate(() => Object.fromEntries(Object.entries(localStorage).filter(([key]) => key.startsWith('bpformer.desk'))));
  // A file of the site that runs nothing: no page writes any more.
  await site.goto(`${process.env.BPFORMER_SITE!}icon.svg`);
  const before = await kept();
  let goOn = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  await site.route(/LessonPane[^/]*\.js$/, async (route) => {
    await held;
    await route.continue();
  });
  await site.goto(`${process.env.BPFORMER_SITE!}?embed=rejection&panels=verifier,log`);
  // The desk is there before the lesson is.
  await site.locator('[data-desk-tab=debug]').click();
  await expect(site.locator('[data-desk-tab=debug]')).toHaveAttribute('aria-checked', 'true');
  await site.locator('[data-desk-tab=explore]').click();
  await expect(site.locator('[data-desk-tab=explore]')).toHaveAttribute('aria-checked', 'true');
  expect(await kept()).toEqual(before);
  goOn();
  await expect(pane(site).getByRole('heading', { level: 2 })).toHaveText(lessons.find(({ id }) => id === 'rejection')!.title);
  await expect(site.locator('.topbar')).toBeHidden();
  await expect(site.locator('[data-panel="verifier"]')).toBeVisible();
  await expect(site.locator('.desk .flexlayout__tab_button')).toHaveCount(2);
  await noViolations(site, { parts: ['.lesson'] });
  await site.unrouteAll();
  expect(await kept()).toEqual(before);
});

test('a lesson that does not come can be closed, and stays closed when it comes', async ({ site }) => {
  await site.goto(`${process.env.BPFORMER_SITE!}icon.svg`);
  let goOn = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  await site.route(/course\.worker[^/]*\.js$/, async (route) => {
    await held;
    await route.continue();
  });
  await site.goto(`${process.env.BPFORMER_SITE!}?lesson=registers`);
  await expect(pane(site).getByText('Opening the lesson')).toBeVisible();
  await pane(site).getByRole('button', { name: 'Close the lesson' }).click();
  await expect(pane(site)).toHaveCount(0);
  await expect(site).not.toHaveURL(/lesson=/);
  await site.keyboard.press('Control+k');
  await site.getByRole('option', { name: /^Open the course/ }).click();
  goOn();
  // The list, which the same worker gives; the lesson would have come before it.
  await expect(pane(site).getByText(lessons[0]!.title).first()).toBeVisible();
  await expect(pane(site).locator('[data-step]')).toHaveCount(0);
  await site.unrouteAll();
});

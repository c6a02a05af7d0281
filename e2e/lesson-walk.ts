import type { Page } from '@playwright/test';
import type { Condition, Exercise, Lesson, Step } from '../src/course/lesson.ts';
import { noViolations } from './axe.ts';
import { focusIn, moveTo, type Stop } from './lesson-keys.ts';
import { command, expect } from './page.ts';

export const pane = (page: Page) => page.locator('.lesson');

/** Opens a lesson with keys, unless the lesson before it led there. */
export async function toLesson(page: Page, { id, title }: Lesson): Promise<void> {
  if ((await pane(page).count()) === 0) await command(page, 'Open the course');
  await expect(pane(page).locator('[data-step], .course-list')).toBeVisible();
  await page.keyboard.press('F8');
  await focusIn(page, '.lesson');
  if ((await pane(page).locator('[data-step]').count()) > 0) {
    if ((await pane(page).getByRole('heading', { level: 2 }).textContent()) === title) return;
    await moveTo(page, 'contents', { key: 'Shift+Tab' });
    await page.keyboard.press('Enter');
    await focusIn(page, '.lesson');
  }
  const wanted = pane(page).locator(`[data-lesson="${id}"] button:focus`);
  for (let stops = 0; (await wanted.count()) === 0; stops++) {
    expect(stops).toBeLessThan(60);
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await expect(pane(page).locator('[data-step-title]:focus')).toHaveCount(1);
}

export const plain = (text: string): string => text.replace(/\s+/g, ' ');

/** Checks the answer that has the focus; gives all that was observed and advised where it fails, null where it passes. */
async function check(page: Page, { id, kind }: Exercise, answer: string | null): Promise<string | null> {
  if (answer !== null) {
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText(answer);
  }
  await page.keyboard.press(kind === 'value' ? 'Enter' : 'Control+Enter');
  const feedback = pane(page).locator(`[data-exercise="${id}"] [data-feedback]`);
  await expect(feedback).toBeVisible();
  if ((await feedback.getAttribute('data-feedback')) === 'passed') return null;
  const told = await feedback.locator('[data-passed="false"] .feedback-seen, [data-passed="false"] .feedback-advice').allInnerTexts();
  return plain(told.join(' '));
}

/** The focus stands in the answer; at the end it stands on *Check*, and the exercise has passed. */
async function solve(page: Page, exercise: Exercise): Promise<void> {
  const { id, solution, wrong, hints } = exercise;
  const place = `[data-exercise="${id}"]`;
  expect(await check(page, exercise, null), 'the beginning must not pass').not.toBeNull();
  for (const { text, says } of wrong) expect((await check(page, exercise, text)) ?? 'it passed').toContain(plain(says));
  await noViolations(page, { parts: [place] });
  for (const [at] of hints.entries()) {
    // It stays under the finger until the last hint has been shown.
    if (at === 0) await moveTo(page, 'hint');
    await page.keyboard.press('Enter');
    await expect(page.locator(`${place} .exercise-hints > li`)).toHaveCount(at + 1);
    await focusIn(page, place);
  }
  // With the last hint its button is gone, and the focus is on the exercise.
  if (hints.length > 0) await moveTo(page, 'answer');
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(solution);
  await moveTo(page, 'check');
  await page.keyboard.press('c');
  await expect(page.locator(`${place} [data-feedback="passed"]`)).toBeVisible();
  await expect(page.locator(place)).toHaveAttribute('data-passed', 'true');
  await expect(page.locator(`${place} [data-check]:focus`)).toHaveCount(1);
}

/** Does in the tool what a task asks for, and comes back to the lesson. */
async function doTask(page: Page, until: Condition): Promise<void> {
  const panel = until.select?.startsWith('insn:') ? 'program' : until.select ? 'model' : until.panel!;
  await command(page, `Show ${panel}`);
  const done = pane(page).locator('[data-task][data-done="true"]');
  if (until.select) {
    await page.keyboard.press('Home');
    for (let steps = 0; steps < 100 && (await done.count()) === 0; steps++) await page.keyboard.press('ArrowDown');
  }
  await expect(done).toHaveCount(1);
  await page.keyboard.press('F8');
  await expect(pane(page).locator('[data-step-title]:focus')).toHaveCount(1);
}

/** What a stop is there for. After each the focus is where it was, or near. */
const AT: Partial<Record<Stop, (page: Page) => Promise<void>>> = {
  async term(page) {
    await page.keyboard.press('Enter');
    await expect(page.locator('.lesson-card:popover-open')).toHaveCount(1);
    await page.keyboard.press('Escape');
    await expect(page.locator('.lesson-card:popover-open')).toHaveCount(0);
  },
  async drives(page) {
    await page.keyboard.press('Enter');
  },
  async solution(page) {
    await page.keyboard.press('Enter');
    await expect(page.locator('.exercise-shown:visible').last()).toBeVisible();
  },
  async weight(page) {
    await page.keyboard.press('End');
    await expect(pane(page).locator('[data-testid=outcomes][data-stale=false] .touch-changed').first()).toBeVisible();
  },
  async byte(page) {
    await page.keyboard.press('ArrowUp');
    await expect(pane(page).getByTestId('byte-token')).toContainText('→');
    await expect(pane(page).locator('.touch-attention[data-stale=false]').first()).toBeVisible();
  },
  async bits(page) {
    await page.keyboard.press('ArrowRight');
    await expect(pane(page).locator('tr[aria-current=true]')).toContainText('µs');
  },
  async token(page) {
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect(pane(page).locator('[data-taken="1"][data-stale=false]').getByTestId('token-cost')).toContainText('1 position computed');
  },
  async run(page) {
    await page.keyboard.press('ArrowRight');
    await expect(pane(page).locator('[data-testid=playback]:not([data-place="0"])')).toBeVisible();
    await expect(pane(page).getByTestId('written')).toBeVisible();
  },
};

/** By what a tool of the text is seen to be ready. */
const TOOLS = '[data-testid=weight-slider], [data-testid=byte-pad], [data-testid=bits-slider], [data-testid=scrub], .token-next';

/** From a step's title, which has the focus, through all that it has to the button that leads on. */
export async function walk(page: Page, { blocks }: Step): Promise<void> {
  for (const block of blocks) if (block.kind === 'task') await doTask(page, block.until);
  const tools = blocks.filter(({ kind }) => kind === 'live');
  await expect(pane(page).locator(TOOLS)).toHaveCount(tools.length);
  const waiting = new Map(blocks.flatMap((block) => (block.kind === 'exercise' ? [[block.exercise.id, block.exercise] as const] : [])));
  await moveTo(page, 'onwards', {
    visit: async (stop) => {
      const id = stop === 'answer' ? await page.locator('[data-exercise]:focus-within').getAttribute('data-exercise') : null;
      const exercise = id === null ? undefined : waiting.get(id);
      if (exercise) await solve(page, exercise);
      else await AT[stop]?.(page);
      if (id !== null) waiting.delete(id);
      await focusIn(page, '.lesson');
    },
  });
  expect([...waiting.keys()]).toEqual([]);
  // What is dimmed until the answer to a touch is there is not looked at.
  await expect(pane(page).locator('[data-stale=true]')).toHaveCount(0);
}

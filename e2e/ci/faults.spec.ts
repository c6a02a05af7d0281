import type { Page } from '@playwright/test';
import { addressOf, agreement, choose, cutCapture, expect, keptIn, kernel, test } from '../page.ts';

test.use({ start: 'small program' });

const PANEL = /\/assets\/MachinePanel-[^/]*\.js$/;

async function openMachine(page: Page): Promise<void> {
  await page.goto(addressOf('small program'));
  await expect(page.getByTestId('verdict')).toBeVisible();
  await page.getByRole('radio', { name: 'Debug' }).click();
  await page.getByRole('tab', { name: 'Machine', exact: true }).click();
}

test('a part that cannot be loaded is told of, the rest goes on, and the user tries again until it is there', async ({ page }) => {
  const uncaught: string[] = [];
  page.on('pageerror', (error) => uncaught.push(error.message));
  let failing = true;
  await page.route(PANEL, (route) => (failing ? route.abort('connectionreset') : route.continue()));
  await openMachine(page);
  const note = page.getByRole('alert').filter({ hasText: 'Machine could not be loaded' });
  await note.getByRole('button', { name: 'Try again' }).click();
  // Still in vain. Now the page itself would have to be loaded anew, and is not while there is no server.
  await page.route(process.env.BPFORMER_SITE!, (route) => (failing ? route.abort('internetdisconnected') : route.continue()));
  await note.getByRole('button', { name: 'Reload the page' }).click();
  await expect(note).toContainText('The server cannot be reached now');
  // Other panels answer.
  await kernel(page).selectOption('6.1');
  await expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await keptIn(page);
  failing = false;
  await note.getByRole('button', { name: 'Reload the page' }).click();
  await expect(page.locator('[data-panel=machine]')).toBeVisible();
  await expect(kernel(page)).toHaveValue('6.1');
  await expect(note).toHaveCount(0);
  expect(uncaught).toEqual([]);
});

test('a part whose style could not be loaded comes with it when the user tries again, in place', async ({ page }) => {
  let failing = true;
  await page.route(/\/assets\/MachinePanel-[^/]*\.css$/, (route) => (failing ? route.abort('timedout') : route.continue()));
  await openMachine(page);
  const again = page.getByRole('button', { name: 'Try again' });
  await expect(again).toBeVisible();
  failing = false;
  await page.evaluate(() => Object.assign(window, { same: true }));
  await again.click();
  await expect(page.locator('[data-panel=machine]')).toBeVisible();
  const unstyled = () => [...document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')].filter(({ sheet }) => !sheet).length;
  expect(await page.evaluate(unstyled)).toBe(0);
  expect(await page.evaluate(() => 'same' in window)).toBe(true);
});

test('a part that comes slowly has an outline until it is there', async ({ page }) => {
  let come = (): void => {};
  const asked = new Promise<void>((resolve) => {
    come = resolve;
  });
  await page.route(PANEL, async (route) => {
    await asked;
    await route.continue();
  });
  await openMachine(page);
  // Parts beside it may be on their way too.
  await expect(page.getByTestId('skeleton').filter({ hasText: 'Loading Machine' })).toBeVisible();
  come();
  await expect(page.locator('[data-panel=machine]')).toBeVisible();
  await expect(page.getByTestId('skeleton')).toHaveCount(0);
});

test('ONNX Runtime that cannot be loaded is told of as that, and comes when the trace is replayed again', async ({ page }) => {
  let failing = true;
  await cutCapture(page.context());
  await page.route(/\/assets\/ort-wasm[^/]*\.wasm$/, (route) => (failing ? route.abort('internetdisconnected') : route.continue()));
  await page.goto(addressOf('sample'));
  const compare = page.locator('[data-panel=compare]');
  await expect(compare.getByRole('alert')).toContainText('ONNX Runtime could not be loaded: ');
  await expect(compare.getByRole('alert')).not.toContainText('payload-ids.onnx');
  failing = false;
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  await expect(compare.getByRole('alert')).toHaveCount(0);
  expect(await agreement(page)).toBe(1);
});

test('what stands in front of the desk fails by itself', async ({ page }) => {
  await page.route(/\/assets\/(Palette|Tour|ProjectsDialog)-[^/]*\.js$/, (route) => route.fulfill({ status: 404, body: 'gone' }));
  await page.goto(addressOf('small program'));
  await expect(page.getByTestId('verdict')).toBeVisible();
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('alert').filter({ hasText: 'The list of everything by name could not be loaded' });
  await expect(palette).toBeVisible();
  await kernel(page).selectOption('6.1');
  await expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await palette.getByRole('button', { name: 'Dismiss this message' }).click();
  await expect(palette).toHaveCount(0);
  await choose(page, /^Projects and files/);
  await expect(page.getByRole('alert')).toContainText('The dialog could not be loaded');
});

test('a clock that jumps days ahead and back harms neither the project nor what runs', async ({ site }) => {
  await expect(site.getByTestId('verdict')).toBeVisible();
  await site.clock.install({ time: new Date('2031-03-01T00:00:00Z') });
  await site.clock.resume();
  await kernel(site).selectOption('6.6');
  await keptIn(site);
  await site.clock.setSystemTime(new Date('1999-01-01T00:00:00Z'));
  await kernel(site).selectOption('6.12');
  await keptIn(site);
  await expect(site.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  await site.reload();
  await expect(kernel(site)).toHaveValue('6.12');
  await site.getByRole('button', { name: 'Undo: kernel 6.12' }).click();
  await expect(kernel(site)).toHaveValue('6.6');
});

test('no string becomes HTML, script or a worker of another origin', async ({ page }) => {
  await page.goto(addressOf('small program'));
  await expect(page.getByTestId('verdict')).toBeVisible();
  const refused = await page.evaluate(
    () =>
      // In a task of the page's own: what the test's connection runs is exempt from the policy.
      new Promise<string[]>((resolve) => {
        const tries: Record<string, () => unknown> = {
          html: () => {
            document.createElement('div').innerHTML = '<b>x</b>';
          },
          evaluated: () => (globalThis as unknown as Record<string, (text: string) => unknown>)[`ev${'al'}`]!('1'),
          built: () => Reflect.construct(Function, ['return 1']),
          worker: () => new Worker('https://example.com/x.js'),
          blob: () => new Worker(URL.createObjectURL(new Blob(['1']))),
        };
        setTimeout(() =>
          resolve(
            Object.entries(tries).map(([name, act]) => {
              try {
                act();
                return `${name} went through`;
              } catch (error) {
                return `${name}: ${(error as Error).name}`;
              }
            }),
          ),
        );
      }),
  );
  expect(refused).toEqual(['html: TypeError', 'evaluated: EvalError', 'built: EvalError', 'worker: TypeError', 'blob: TypeError']);
});

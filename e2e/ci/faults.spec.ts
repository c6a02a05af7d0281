import { addressOf, expect, keptIn, kernel, test } from '../page.ts';

test.use({ start: 'small program' });

test('a part of the page that cannot be loaded is told of, the rest goes on, and a reload brings it', async ({ page }) => {
  const uncaught: string[] = [];
  page.on('pageerror', (error) => uncaught.push(error.message));
  let failing = true;
  let refused = 0;
  await page.route(/\/assets\/MachinePanel-[^/]*\.js$/, async (route) => {
    if (failing) {
      refused++;
      await route.abort('connectionreset');
    } else await route.continue();
  });
  await page.goto(addressOf('small program'));
  await expect(page.getByTestId('verdict')).toBeVisible();
  await page.getByRole('radio', { name: 'Debug' }).click();
  await page.getByRole('tab', { name: 'Machine', exact: true }).click();
  const again = page.getByRole('button', { name: 'Try again' });
  await expect(again).toBeVisible();
  expect(refused).toBeGreaterThan(0);
  // Other panels answer.
  await kernel(page).selectOption('6.1');
  await expect(page.getByTestId('verdict')).toHaveAttribute('data-accepted', 'true');
  failing = false;
  await page.reload();
  await expect(page.locator('[data-panel=machine]')).toBeVisible();
  await expect(kernel(page)).toHaveValue('6.1');
  expect(uncaught).toEqual([]);
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

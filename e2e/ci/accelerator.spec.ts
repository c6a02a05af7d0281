import type { Locator, Page } from '@playwright/test';
import { noViolations } from '../axe.ts';
import { expect, test } from '../page.ts';

test.use({ start: 'small program' });

const device = (page: Page): Locator => page.locator('[data-panel=accel-device]');
const hooks = (page: Page): Locator => page.locator('[data-panel=accel-hooks]');
const measures = (page: Page): Locator => page.locator('[data-panel=accel-measures]');
const view = (panel: Locator, name: string): Promise<void> => panel.getByRole('button', { name, exact: true }).click();

/** Compiles a use in the tab, verifies and attaches it; `program` is one of its programs. */
async function attach(page: Page, use: string, program: string): Promise<void> {
  await view(hooks(page), 'Programs');
  await hooks(page)
    .getByRole('button', { name: `Attach ${use}`, exact: true })
    .click();
  await expect(hooks(page).locator(`[data-program=${program}]`)).toBeVisible();
}

interface Asked {
  readonly Requests?: number;
  readonly tokens?: number;
  readonly rows?: number;
  readonly provenance?: 'signed' | 'forged' | 'none';
}

/** Starts the device again, sends requests and runs the clock until all is done; passes submitted, done and aborted. */
async function serve(page: Page, { Requests = 1, tokens = 1, rows = 1, provenance = 'signed' }: Asked, wanted: string): Promise<void> {
  await view(device(page), 'Reset');
  const counts = page.getByTestId('accel-counts');
  await expect(counts).toHaveAttribute('data-passes', '0 0 0');
  await device(page).getByRole('textbox', { name: 'Requests' }).fill(String(Requests));
  await device(page).getByRole('textbox', { name: 'tenants' }).fill('1');
  await device(page).getByRole('textbox', { name: 'tokens each' }).fill(String(tokens));
  await device(page)
    .getByRole('textbox', { name: /first dimension/ })
    .fill(String(rows));
  await device(page).getByRole('combobox', { name: 'provenance' }).selectOption(provenance);
  await view(device(page), 'Send');
  await expect(counts).not.toHaveAttribute('data-passes', '0 0 0');
  await view(device(page), 'Run');
  await expect(counts).toHaveAttribute('data-passes', wanted);
  await expect(device(page).locator('[data-running]')).toHaveCount(0);
}

test('programs on the simulated accelerator check, meter, record, seal and sign what it is asked for', async ({ site }) => {
  // Nine programs are compiled in the tab.
  test.setTimeout(900_000);
  await site.getByRole('radio', { name: 'Accelerator' }).click();
  await expect(site.getByTestId('accel-diagram')).toBeVisible();
  await device(site).getByRole('combobox', { name: 'Speed' }).selectOption({ label: 'unlimited' });
  const details = site.getByTestId('accel-details');
  const command = (name: RegExp) => site.locator('[data-panel=accel-timeline]').getByRole('option', { name }).first();

  // Without a program the host reads every activation: the search that is to find nothing later finds them.
  await serve(site, {}, '1 1 0');
  await view(measures(site), 'Trace');
  await measures(site).getByRole('button', { name: 'Search for plaintext' }).click();
  await expect(site.getByTestId('accel-search')).not.toHaveAttribute('data-found', '0');

  // The article's program, compiled here: 4,096 pass; of 4,097 no command comes to the units.
  await attach(site, 'Validate, as the article prints it', 'validate');
  await serve(site, { rows: 4096 }, '1 1 0');
  await serve(site, { rows: 4097 }, '1 0 1');
  await expect(site.getByTestId('accel-counts')).toHaveAttribute('data-commands', '30 0 30');
  await view(measures(site), 'Layers');
  // Nothing on the units: no time in any layer.
  await expect(site.getByTestId('accel-layers').locator('tbody tr').first().locator('td').nth(4)).toHaveText('0');
  await command(/EPERM/).click();
  await expect(details).toContainText('✕ -EPERM');
  await hooks(site).getByRole('button', { name: 'Detach validate' }).click();

  // Shape and provenance: a wrong shape, and bytes that nobody signed as they are.
  await attach(site, 'Shape and provenance', 'shape_provenance');
  await serve(site, {}, '1 1 0');
  await serve(site, { rows: 4097 }, '1 0 1');
  await command(/EINVAL/).click();
  await expect(details).toContainText('-EINVAL');
  await serve(site, { provenance: 'forged' }, '1 0 1');
  await command(/EKEYREJECTED/).click();
  await expect(details).toContainText('-EKEYREJECTED');

  // Confidential inference, audit and signatures together.
  await attach(site, 'Confidential inference', 'seal_outputs');
  await attach(site, 'Audit log', 'audit_output');
  await attach(site, 'Signed activations', 'sign_outputs');
  await serve(site, { tokens: 2 }, '2 2 0');
  await view(measures(site), 'Trace');
  await measures(site).getByRole('button', { name: 'Search for plaintext' }).click();
  await expect(site.getByTestId('accel-search')).toHaveAttribute('data-found', '0');
  await command(/norm1/).click();
  await expect(details).toContainText('✓ sealed');
  await expect(details).toContainText('signed on the device');
  await view(measures(site), 'Audit');
  const verdict = site.getByTestId('accel-audit-verdict');
  await measures(site).getByRole('button', { name: 'Verify' }).click();
  await expect(verdict).toContainText('✓ 62 records');
  await measures(site)
    .getByRole('option', { name: /output of command 1$|output of command 1 / })
    .first()
    .click();
  await measures(site)
    .getByRole('button', { name: /^Remove record/ })
    .click();
  await measures(site).getByRole('button', { name: 'Verify' }).click();
  await expect(verdict).toContainText('✕ 1 record missing');

  // A bucket whose rate is changed in flight.
  for (const name of [
    'seal_inputs',
    'choose_key',
    'seal_outputs',
    'audit_pass',
    'audit_output',
    'check_inputs',
    'sign_outputs',
    'shape_provenance',
    'note_outputs',
  ])
    await hooks(site)
      .getByRole('button', { name: `Detach ${name}` })
      .click();
  await attach(site, 'Adaptive QoS', 'token_bucket');
  await attach(site, 'Metrics and quotas', 'measure_layer');
  await device(site).getByRole('combobox', { name: 'Speed' }).selectOption({ label: '10.0 ms in 1 s' });
  await view(device(site), 'Reset');
  await device(site).getByRole('textbox', { name: 'Requests' }).fill('2000');
  await device(site).getByRole('textbox', { name: 'tokens each' }).fill('1');
  await view(device(site), 'Send');
  await view(device(site), 'Run');
  await view(measures(site), 'Tenants');
  const slider = measures(site).getByRole('slider', { name: 'Refill rate of tenant 1' });
  const curve = site.getByTestId('accel-curve');
  await expect(curve).toHaveAttribute('data-last', /^(19|20|21)000$/);
  await slider.fill('100');
  await expect(measures(site).locator('[data-tenant="1"]')).toContainText('1,000 tokens/s');
  await expect(measures(site).locator('.accel-chart')).toContainText('1,000/s');
  // One token in each period of a millisecond.
  await expect(curve).toHaveAttribute('data-last', '1000');
  await view(device(site), 'Pause');
  await noViolations(site, { parts: ['.desk'] });

  // Signed delivery: what was changed, what is not signed and what was taken back is refused, each with its reason.
  await view(hooks(site), 'Delivery');
  const delivery = site.getByTestId('accel-delivery');
  const log = site.getByTestId('accel-deliveries');
  await delivery.getByRole('button', { name: 'Make a key' }).click();
  await expect(delivery).toContainText('operations');
  const act = (name: string) => delivery.getByRole('button', { name, exact: true }).click();
  await act('Sign validate');
  await act('Deliver validate signed');
  await expect(log).toContainText('✓ taken validate, signed');
  await act('Deliver validate with one bit changed');
  await expect(log).toContainText('the object is not what was signed');
  await act('Deliver validate unsigned');
  await expect(log).toContainText('the object is not signed');
  await act('Revoke validate');
  await act('Deliver validate signed');
  await expect(log).toContainText('was revoked');

  // Fused kernels give the same bytes; the cost of programs is a straight line.
  await view(measures(site), 'Fusion');
  await measures(site)
    .getByRole('button', { name: /^Apply/ })
    .click();
  await expect(site.getByTestId('accel-fused')).toHaveAttribute('data-equal', 'true');
  await view(measures(site), 'Overhead');
  await view(measures(site), 'Measure');
  const row = site.getByTestId('accel-overhead').getByRole('row', { name: /^validate/ });
  await expect(row).toContainText('about 1.80 µs');
  expect(Number(await row.locator('td').nth(3).textContent())).toBeGreaterThan(0.999);
  await view(hooks(site), 'Lesson');
  await noViolations(site, { parts: ['[data-panel=accel-measures]', '[data-panel=accel-hooks]'] });
});

import { defineConfig } from '@playwright/test';
import { findBrowser, LAUNCH_ARGS } from './e2e/browser.ts';

const executablePath = await findBrowser();
if (executablePath === null)
  console.warn('No Chromium is installed: the browser tests are skipped. Install Chromium, Chrome or Edge to run them.');

/**
 * Most code of a journey runs a few times, and to optimise it costs more than it gives: `ci/touch` and `ci/tensor-errors` took 134 s of processor time with
 * V8's own thresholds and 120 s with these. Benchmarks keep V8's own.
 */
const RARELY_OPTIMISED = '--js-flags=--no-maglev --invocation-count-for-turbofan=20000';

export default defineConfig({
  testDir: 'e2e',
  testMatch: '*.spec.ts',
  // What takes long or needs a kernel runs where the kernel is required too: in `.ci/run`.
  testIgnore: process.env.BPFORMER_NEEDS_KERNEL ? [] : 'e2e/ci/**',
  globalSetup: './e2e/server.setup.ts',
  outputDir: 'test-results',
  // A wait ends when what it waits for is there; these only end hopeless ones, on the slowest machine that runs the tests.
  timeout: 420_000,
  expect: { timeout: 100_000 },
  retries: 0,
  // Pages wait for their workers and for timers as much as they compute.
  workers: 3,
  fullyParallel: true,
  forbidOnly: true,
  reporter: 'list',
  ...(executablePath === null ? { grep: /$^/ } : {}),
  projects: [
    {
      name: 'chromium',
      use: {
        browserName: 'chromium',
        launchOptions: { ...(executablePath === null ? {} : { executablePath }), args: [...LAUNCH_ARGS, RARELY_OPTIMISED] },
        viewport: { width: 1440, height: 900 },
        actionTimeout: 60_000,
        // Every test has a profile of its own: each would fetch the whole site once more. `projects.spec.ts` tests the worker.
        serviceWorkers: 'block',
        screenshot: 'only-on-failure',
      },
    },
  ],
});

// `npm test`: installs what is missing, then lint, types, unit tests, the build and browser tests. Kernel tests come last where they are
// asked for (`npm run kernel`, or BPFORMER_NEEDS_KERNEL=1 as in .ci/run). Ends with one line of counts and a non-zero status on any failure.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { install, root, run } from './install.mjs';

install();

const cache = join(root, '.cache');
mkdirSync(cache, { recursive: true });
const unitReport = join(cache, 'unit.json');
const browserReport = join(cache, 'browser.json');
rmSync(browserReport, { force: true });

const totals = { passed: 0, failed: 0, skipped: 0 };
const failedSteps = [];
/** Failed tests by name, repeated at the end: a long log's beginning is easily lost. */
const failedTests = [];
/** Status of a step that could not look. */
const NOT_CHECKED = 77;

/** Runs one step with its output on this terminal. */
function step(name, command, args, env) {
  const started = Date.now();
  console.log(`\n── ${name}`);
  const status = run(command, args, env);
  console.log(
    `── ${name}: ${status === 0 ? 'ok' : status === NOT_CHECKED ? 'skipped' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(1)} s`,
  );
  if (status !== 0 && status !== NOT_CHECKED) failedSteps.push(name);
  return status;
}

/** A step without tests of its own counts as one. */
function count(status) {
  if (status === 0) totals.passed++;
  else if (status === NOT_CHECKED) totals.skipped++;
  else totals.failed++;
}

const KERNEL_TESTS = '**/*.kernel.test.ts';

/** Runs the unit tests that `choice` leaves. */
function unitTests(name, choice) {
  rmSync(unitReport, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${unitReport}`];
  const status = step(name, 'npx', ['vitest', 'run', ...choice, ...reporters]);
  add(unitReport, (r) => {
    totals.passed += r.numPassedTests;
    totals.failed += r.numFailedTests;
    totals.skipped += r.numPendingTests + (r.numTodoTests ?? 0);
    for (const file of r.testResults)
      for (const test of file.assertionResults) if (test.status === 'failed') failed(test.fullName, test.failureMessages[0]);
    // A file that fails to load has no failed test of its own.
    if (status !== 0 && r.numFailedTests === 0) totals.failed++;
  });
}

function failed(name, message = '') {
  const plain = stripVTControlCharacters(message);
  failedTests.push(`${name}\n    ${plain.split('\n').slice(0, 12).join('\n    ')}`);
}

/** The failed tests of one of Playwright's suites and of those in it. */
function addBrowserFailures(suite) {
  for (const inner of suite.suites ?? []) addBrowserFailures(inner);
  for (const spec of suite.specs ?? [])
    if (!spec.ok) failed(`${spec.file}:${spec.line} ${spec.title}`, spec.tests[0]?.results[0]?.error?.message);
}

/** Adds a report's counts; a runner that died without one counts as a failure. */
function add(report, read) {
  if (existsSync(report)) read(JSON.parse(readFileSync(report, 'utf8')));
  else totals.failed++;
}

count(step('format and lint', 'npx', ['biome', 'check', '.']));
count(step('type-aware lint', 'npx', ['oxlint', '--type-aware', '--max-warnings', '0', 'src', 'e2e', 'bench', 'scripts']));
count(step('layers', 'node', ['scripts/check-layers.mjs']));
count(step('types', 'npx', ['tsc', '--noEmit']));
count(step('calibration of the samples', 'node', ['--import', 'tsx', 'scripts/calibrate-samples.ts', '--check']));
count(step('shipped results of the first sample', 'node', ['--import', 'tsx', 'scripts/ship-samples.ts', '--check']));

unitTests('unit tests', ['--exclude', KERNEL_TESTS]);

count(step('build', 'npx', ['vite', 'build', '--logLevel', 'warn']));
count(step('size of what the page loads', 'node', ['scripts/check-size.mjs']));
// The browser tests below need only the page; the package takes as long as several of them.
if (process.env.BPFORMER_NEEDS_KERNEL) {
  count(step('package: packed, installed, its examples run', 'node', ['scripts/release/check-package.mjs']));
  count(step('known vulnerabilities', 'node', ['scripts/release/audit.mjs']));
}
const browser = step('browser tests', 'npx', ['playwright', 'test', '--reporter=list,json'], {
  PLAYWRIGHT_JSON_OUTPUT_NAME: browserReport,
});
add(browserReport, (r) => {
  totals.passed += r.stats.expected + r.stats.flaky;
  totals.failed += r.stats.unexpected;
  totals.skipped += r.stats.skipped;
  addBrowserFailures(r);
  if (browser !== 0 && r.stats.unexpected === 0) totals.failed++;
});

if (process.env.BPFORMER_NEEDS_KERNEL) unitTests('kernel tests', ['.kernel.test.']);
else console.log('\n── kernel tests and e2e/ci: skipped here; `.ci/run` runs them, `npm run kernel` the first where bpf() can be used');

for (const test of failedTests) console.log(`\nfailed: ${test}`);
if (failedSteps.length > 0) console.log(`\nfailed: ${failedSteps.join(', ')}`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed > 0 || failedSteps.length > 0 ? 1 : 0);

// Asks the registry about known vulnerabilities of what is shipped. Fails for high and critical ones; where the registry does not answer, says so and ends with 77:
// then nothing was checked.
import { spawnSync } from 'node:child_process';
import { root } from '../install.mjs';

const { stdout, stderr } = spawnSync('npm', ['audit', '--json', '--fetch-retries=0', '--fetch-timeout=20000'], {
  cwd: root,
  encoding: 'utf8',
  timeout: 60_000,
});
let report = null;
try {
  report = JSON.parse(stdout);
} catch {
  // What npm prints then is no report.
}
if (!report?.metadata?.vulnerabilities) {
  const why = report?.message ?? report?.error?.summary ?? stderr?.trim().split('\n')[0] ?? '';
  console.log(`NOT CHECKED: the registry gave no list of vulnerabilities${why ? ` (${why})` : ''}`);
  process.exit(77);
}
const { vulnerabilities } = report.metadata;
for (const { name, severity, range, via } of Object.values(report.vulnerabilities ?? {}))
  console.log(`${severity}: ${name} ${range} (${via.map((one) => (typeof one === 'string' ? `by ${one}` : one.title)).join('; ')})`);
console.log(`${report.metadata.dependencies?.total ?? 'all'} packages: ${JSON.stringify(vulnerabilities)}`);
process.exit(vulnerabilities.high + vulnerabilities.critical > 0 ? 1 : 0);

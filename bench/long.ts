/**
 * `npm run long NAME`: a long run (corpus, big fuzzing, benchmark). Each one is a module in `bench/` whose default export returns
 * figures; they are written to `bench/results/NAME.json` with the commit, the command and the machine.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const name = process.argv[2] ?? '';
// Other files of the folder are parts of these, or scripts that take a folder of models and are run by themselves.
const available = readdirSync(here)
  .filter((file) => file.endsWith('.ts') && file !== 'long.ts' && /^export default /m.test(readFileSync(join(here, file), 'utf8')))
  .map((file) => file.slice(0, -3));

if (!available.includes(name)) {
  console.error(`npm run long NAME, with NAME one of: ${available.join(', ')}`);
  process.exit(2);
}

const git = (...args: string[]): string => execFileSync('git', args, { cwd: here, encoding: 'utf8' }).trim();
// What runs is what stands here now: a long run may outlast the tree that it was begun on.
const tree = { commit: git('rev-parse', 'HEAD'), dirty: git('status', '--porcelain') !== '' };
const { default: measure } = (await import(`./${name}.ts`)) as { default: (args: string[]) => Promise<unknown> };
const figures = await measure(process.argv.slice(3));
if (figures !== undefined) {
  const record = {
    name,
    command: `npm run long ${process.argv.slice(2).join(' ')}`,
    ...tree,
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.version },
    figures,
  };
  const folder = join(here, 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(record, null, 1)}\n`);
  console.log(JSON.stringify(figures, null, 1));
}

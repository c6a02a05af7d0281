// Packs the package, installs it into an empty project in a clean folder, and runs there what docs/api.md shows, the command line and TypeScript over both.
// Where no registry and no cache of npm has its dependencies, they are linked from this repository's, only those that package.json names.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../install.mjs';

const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'bpformer-package-'));
const project = join(folder, 'project');
/** Of a step that hangs. */
const LIMIT_MS = 120_000;

function run(command, args, cwd, accepted = [0]) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: LIMIT_MS,
    maxBuffer: 1 << 26,
    // npm says where it was started; the command line would take paths from there.
    env: { ...process.env, INIT_CWD: undefined, NODE_OPTIONS: undefined },
  });
  if (!accepted.includes(status)) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}\n${stderr}`);
  return { status, stdout, stderr };
}

function link(tarball) {
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  execFileSync('tar', ['xzf', tarball, '-C', modules]);
  execFileSync('mv', [join(modules, 'package'), join(modules, own.name)]);
  for (const name of Object.keys(own.dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  execFileSync('chmod', ['+x', join(modules, own.name, own.bin.bpformer)]);
  symlinkSync(join('..', own.name, own.bin.bpformer), join(modules, '.bin', 'bpformer'));
}

/** Code of docs/api.md with the output that stands behind it. */
function examples() {
  const text = readFileSync(join(root, 'docs/api.md'), 'utf8');
  return [...text.matchAll(/## ([^\n]+)\n[^#]*?```js\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)].map(([, title, code, output]) => ({
    title,
    code,
    output,
  }));
}

try {
  if (!existsSync(join(root, 'dist/index.html'))) run('npx', ['vite', 'build', '--logLevel', 'warn'], root);
  run('node', ['scripts/release/lib.mjs'], root);
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], root);
  const tarball = join(folder, `${own.name}-${own.version}.tgz`);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
  const npm = spawnSync(
    'npm',
    ['install', '--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=0', '--fetch-timeout=15000', tarball],
    {
      cwd: project,
      encoding: 'utf8',
      timeout: LIMIT_MS,
    },
  );
  if (npm.status !== 0) {
    rmSync(join(project, 'node_modules'), { recursive: true, force: true });
    link(tarball);
  }
  console.log(npm.status === 0 ? 'installed by npm' : 'npm could not install it here (no registry); its dependencies are linked');

  const bpformer = join(project, 'node_modules/.bin/bpformer');
  const installed = join(project, 'node_modules', own.name);
  assert.equal(run(bpformer, ['--version'], project).stdout.trim(), `bpformer ${own.version}`);
  assert.ok(existsSync(join(installed, 'dist/index.html')), 'the built IDE is in the package');
  assert.ok(!readdirSync(installed).includes('src'), 'no TypeScript is in the package');

  const found = examples();
  assert.ok(found.length >= 5, 'docs/api.md has examples');
  for (const [i, { title, code, output }] of found.entries()) {
    writeFileSync(join(project, `example-${i}.js`), code);
    assert.equal(run('node', [`example-${i}.js`], project).stdout, output, title);
    console.log(`docs/api.md, ${title}: its output is what it says`);
  }

  const samples = join(installed, 'dist/samples');
  const compiled = JSON.parse(
    run(bpformer, ['compile', join(samples, 'motion/model.onnx'), '--dim', 'batch=1', '-o', 'cli.o', '--json'], project).stdout,
  );
  assert.equal(compiled.verify.accepted, true);
  assert.equal(JSON.parse(run(bpformer, ['verify', 'cli.o', '--json'], project).stdout).programs[0].processed, compiled.verify.processed);
  assert.equal(run(bpformer, ['verify', join(samples, 'rejected/unchecked.s'), '--json'], project, [1]).status, 1);
  assert.match(run(bpformer, ['explain', join(samples, 'rejected/unchecked.s')], project, [1]).stdout, /data_end/);
  run(bpformer, ['export', 'cli.o', '--as', 'libbpf', '-o', 'loader.c'], project);
  assert.match(run(bpformer, ['compile', 'nothing.onnx', '-o', 'x.o'], project, [2]).stderr, /^bpformer: /);
  console.log('the command line compiles, verifies, explains, exports and refuses');

  const types = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--types',
    'node',
    '--typeRoots',
    join(root, 'node_modules/@types'),
  ];
  const use = `import { compile, verify, type VerifyResult } from 'bpformer';
const { program, object } = await compile(new Uint8Array(), { kernel: '6.1' });
const verdict: VerifyResult = verify(program);
const bytes: Uint8Array = object;
// @ts-expect-error there is no such kernel
await compile(bytes, { kernel: '4.19' });
console.log(verdict.accepted satisfies boolean);
`;
  writeFileSync(join(project, 'use.ts'), use);
  run(join(root, 'node_modules/.bin/tsc'), [...types, 'use.ts'], project);
  console.log('its types are there, and hold');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

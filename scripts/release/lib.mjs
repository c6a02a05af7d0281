// Writes lib/: the command line and the library as JavaScript with types, in the folders of src/, so that files beside a module are found as they are there.
import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root, run } from '../install.mjs';

const lib = join(root, 'lib');
const src = join(root, 'src');
/** Folders whose modules read files beside them: C of loaders, the companion's entry page. */
const WITH_FILES = ['cli', 'companion'];

rmSync(lib, { recursive: true, force: true });
const status = run('npx', ['tsc', '-p', 'tsconfig.package.json']);
if (status !== 0) process.exit(status);

function* files(dir) {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) {
      if (name !== 'testing' && name !== 'testdata') yield* files(path);
    } else yield path;
  }
}
for (const folder of WITH_FILES)
  for (const path of files(join(src, folder))) {
    if (!/\.(c|h|html|js)$/.test(path)) continue;
    const to = join(lib, relative(src, path));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(path, to);
  }

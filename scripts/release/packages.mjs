// What the page and the command line are made of: packages that src/ names, and all that these need, from the lock file and the installed folders.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../install.mjs';

/** Licences that may be shipped beside ours. */
const ALLOWED = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'OFL-1.1',
  'Zlib',
  'Unlicense',
  'CC0-1.0',
  'MPL-2.0',
]);

function* sources(dir) {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) {
      if (name !== 'testing') yield* sources(path);
    } else if (/\.(tsx?|css)$/.test(name) && !/\.test\.tsx?$/.test(name)) yield path;
  }
}

/** Packages that product code imports by name. Those that it takes types from alone are seen too, and harmless. */
function named() {
  const found = new Set();
  for (const path of sources(join(root, 'src')))
    for (const [, spec] of readFileSync(path, 'utf8').matchAll(/(?:from\s+|import\s*\(\s*|import\s+)['"]([^'".][^'"]*)['"]/g)) {
      const name = spec
        .split('/')
        .slice(0, spec.startsWith('@') ? 2 : 1)
        .join('/');
      if (!spec.startsWith('node:')) found.add(name);
    }
  return found;
}

/** Text of the licence file of a package's folder; null where it has none. */
function licenceText(folder) {
  const name = readdirSync(folder).find((file) => /^(licen[cs]e|copying)(\..*)?$/i.test(file));
  return name ? readFileSync(join(folder, name), 'utf8').trim() : null;
}

/**
 * Every shipped package: `{ name, version, licence, text, integrity, resolved, needs }`, by name and version. Throws for a licence that is not among
 * those that may be shipped.
 */
export function shippedPackages() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  /** Where Node finds `name` from a package's folder. */
  const find = (from, name) => {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const path = `${at ? `${at}/` : ''}node_modules/${name}`;
      if (packages[path]) return path;
      if (at === '') return null;
    }
  };
  const paths = new Set();
  const visit = (path) => {
    if (paths.has(path)) return;
    paths.add(path);
    const { dependencies = {}, peerDependencies = {} } = packages[path];
    for (const name of [...Object.keys(dependencies), ...Object.keys(peerDependencies)]) {
      const next = find(path, name);
      if (next) visit(next);
    }
  };
  for (const name of named()) {
    const path = find('', name);
    // Types of packages that are not installed by this name.
    if (path) visit(path);
  }
  const found = [...paths].flatMap((path) => {
    const folder = join(root, path);
    if (!existsSync(join(folder, 'package.json'))) return [];
    const { name, version, license, licenses } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    if (name.startsWith('@types/')) return [];
    const licence = typeof license === 'string' ? license : (license?.type ?? licenses?.[0]?.type ?? 'unknown');
    const parts = licence.replace(/[()]/g, '').split(/\s+(?:OR|AND)\s+/);
    if (!parts.every((part) => ALLOWED.has(part.replace(/ WITH LLVM-exception$/, ''))))
      throw new Error(`${name} ${version}: licence ${licence} is not among those that may be shipped`);
    const needs = Object.keys(packages[path].dependencies ?? {}).flatMap((one) => {
      const next = find(path, one);
      return next && !one.startsWith('@types/') ? [`${one}@${packages[next].version}`] : [];
    });
    const { integrity = null, resolved = null } = packages[path];
    return [{ name, version, licence, text: licenceText(folder), integrity, resolved, needs }];
  });
  return found.toSorted((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
}

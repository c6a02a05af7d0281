// A folder under src/ imports only from folders above it in this list (docs/architecture.md); core folders know no DOM and no Node.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const LAYERS = [
  'base',
  'bpf',
  'object',
  'verifier',
  'vm',
  'onnx',
  'compiler',
  'clang',
  'hooks',
  'traces',
  'reference',
  'replay',
  'course',
  'companion',
  'cli',
  'api',
  'lessons',
  'workbench',
  'ui',
];
/** These may use Node's modules; tests may everywhere. */
const NODE_ALLOWED = new Set(['companion', 'cli']);
/** These may name packages of the page. */
const PAGE = new Set(['workbench', 'ui']);
const PAGE_PACKAGES = /^(react|react-dom|zustand|monaco-editor|d3-|lucide-react|cmdk|flexlayout-react|@fontsource)/;

const root = resolve(dirname(new URL(import.meta.url).pathname), '..');
const src = join(root, 'src');
const problems = [];

function* files(dir) {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else if (/\.tsx?$/.test(name)) yield path;
  }
}

for (const path of files(src)) {
  const rel = relative(src, path);
  const layer = rel.includes('/') ? rel.split('/')[0] : 'ui';
  // Helpers of tests live in `testing/` folders; product code never imports them.
  const isTest = /\.test\.tsx?$|\/testing\//.test(path);
  if (!LAYERS.includes(layer)) problems.push(`${rel}: folder ${layer} is not in the list of layers`);
  const text = readFileSync(path, 'utf8');
  for (const match of text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)['"]([^'"]+)['"]/g)) {
    const spec = match[1];
    if (spec.startsWith('.')) {
      const target = relative(src, resolve(dirname(path), spec));
      if (target.startsWith('..')) continue;
      const targetLayer = target.includes('/') ? target.split('/')[0] : 'ui';
      const from = LAYERS.indexOf(layer);
      const to = LAYERS.indexOf(targetLayer);
      if (target.includes('/testing/') && !isTest) problems.push(`${rel}: imports ${target}, which is for tests`);
      if (to > from && !isTest) problems.push(`${rel}: imports ${target}, which lies below ${layer}`);
    } else if (!isTest) {
      if (spec.startsWith('node:') && !NODE_ALLOWED.has(layer)) problems.push(`${rel}: imports ${spec}; only companion and cli may`);
      if (PAGE_PACKAGES.test(spec) && !PAGE.has(layer)) problems.push(`${rel}: imports ${spec}; only the page may`);
    }
  }
  if (!PAGE.has(layer) && !isTest && /\b(document|window)\./.test(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ''))) {
    problems.push(`${rel}: uses the DOM`);
  }
}

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log('layers: every import goes down the list');

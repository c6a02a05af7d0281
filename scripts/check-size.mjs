// Bytes of JavaScript that the built site loads by itself, against the limits of scripts/limits.json, which grow on purpose only:
// `npm run build && node scripts/check-size.mjs`. `interactive` is what stands before the first interaction: page, graph layout and the
// worker that compiles and runs. The verifier and ONNX Runtime follow by themselves while the first verdicts are on show.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const assets = join(process.env.BPFORMER_DIST ?? at('../dist'), 'assets');
const limits = JSON.parse(readFileSync(at('./limits.json'), 'utf8'));
const names = readdirSync(assets).filter((name) => /\.m?js$/.test(name));
const sources = new Map(names.map((name) => [name, readFileSync(join(assets, name), 'utf8')]));

/** A script and those that it imports without waiting to be asked. */
function closure(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const [, path] of sources.get(name).matchAll(/(?:^|[;}\s])(?:import|export)(?:[^'"()]*?from)?\s*["']\.\/([^'"]+)["']/g)) {
    if (sources.has(path)) closure(path, seen);
  }
  return seen;
}

/** The page's entry and the scripts of the workers that it starts by itself. */
const html = readFileSync(join(assets, '..', 'index.html'), 'utf8');
const [, entry] = /<script type="module"[^>]*src="\.\/assets\/([^"]+)"/.exec(html);
const starts = { page: entry };
for (const worker of ['compile', 'reference', 'layout']) starts[worker] = names.find((name) => name.startsWith(`${worker}.worker-`));

const kB = (bytes) => Math.round(bytes / 100) / 10;
const counted = new Set();
const EARLY = new Set(['page', 'compile', 'layout']);
const figures = {};
for (const [part, start] of Object.entries(starts)) {
  const scripts = [...closure(start)];
  figures[part] = kB(scripts.reduce((sum, name) => sum + gzipSync(sources.get(name), { level: 6 }).length, 0));
  if (EARLY.has(part)) for (const name of scripts) counted.add(name);
}
figures.interactive = kB([...counted].reduce((sum, name) => sum + gzipSync(sources.get(name), { level: 6 }).length, 0));

let failed = false;
for (const [part, size] of Object.entries(figures)) {
  const limit = limits.javascriptKB[part];
  const over = size > limit;
  failed ||= over;
  console.log(`${over ? '✕' : '✓'} ${part}: ${size} kB of ${limit} kB (gzip)`);
}
process.exit(failed ? 1 : 0);

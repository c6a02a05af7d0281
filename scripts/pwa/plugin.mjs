// Writes the service worker into the built site: lists what belongs to this version and names the version by a hash over all of it,
// which the page carries too (`<meta name="bpformer-version">`), so that page and worker can tell whether they belong together.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Files beyond this size wait for their first use. */
const LARGE = 1_000_000;
const META = '<meta name="bpformer-version" content="">';

function* filesOf(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* filesOf(path);
    else yield path;
  }
}

/** Scripts of other alphabets than the interface's come when a text needs them. */
const isRare = (path) => /-(latin-ext|cyrillic|cyrillic-ext|greek|greek-ext|vietnamese)-.*\.woff2$/.test(path);

/** @returns {import('vite').Plugin} */
export function offline() {
  let out = 'dist';
  return {
    name: 'offline',
    apply: 'build',
    configResolved(config) {
      out = join(config.root, config.build.outDir);
      if (config.build.outDir.startsWith(sep)) out = config.build.outDir;
    },
    transformIndexHtml: () => [{ tag: 'meta', attrs: { name: 'bpformer-version', content: '' }, injectTo: 'head' }],
    // Once everything is written, what lies in public/ included.
    closeBundle() {
      const page = join(out, 'index.html');
      let html;
      try {
        html = readFileSync(page, 'utf8');
      } catch {
        return;
      }
      const [core, later] = [[], []];
      const hash = createHash('sha256');
      for (const path of [...filesOf(out)].sort((a, b) => (a < b ? -1 : 1))) {
        const name = relative(out, path).split(sep).join('/');
        if (name === 'sw.js' || name.endsWith('.md')) continue;
        hash.update(name).update('\0').update(readFileSync(path)).update('\0');
        (statSync(path).size > LARGE || isRare(name) ? later : core).push(name);
      }
      const version = hash.digest('hex').slice(0, 16);
      if (!html.includes(META)) throw new Error('index.html does not hold the place of its version');
      writeFileSync(page, html.replace(META, META.replace('content=""', `content="${version}"`)));
      const source = readFileSync(fileURLToPath(new URL('service-worker.js', import.meta.url)), 'utf8');
      writeFileSync(
        join(out, 'sw.js'),
        source.replace('__VERSION__', version).replace('__CORE__', JSON.stringify(core)).replace('__LATER__', JSON.stringify(later)),
      );
    },
  };
}

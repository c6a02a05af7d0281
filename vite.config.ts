import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { CSP } from './scripts/csp.mjs';
import { offline } from './scripts/pwa/plugin.mjs';
import { bill } from './scripts/release/sbom.mjs';

/** Hosts such as GitHub Pages send no headers of ours, so the built page carries its policy itself. */
const policy: Plugin = {
  name: 'content-security-policy',
  apply: 'build',
  transformIndexHtml: () => [{ tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: CSP }, injectTo: 'head-prepend' }],
};

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string };
/** What the page shows of itself. */
const release: Plugin = {
  name: 'release',
  transformIndexHtml: () => [{ tag: 'meta', attrs: { name: 'bpformer-release', content: version }, injectTo: 'head' }],
};

export default defineConfig({
  base: './',
  plugins: [react(), policy, release, bill(), offline()],
  worker: { format: 'es' },
  resolve: {
    alias: {
      // Lessons are read in a worker, where the package's own choice for browsers, which asks the document, has none.
      'decode-named-character-reference': fileURLToPath(new URL('node_modules/decode-named-character-reference/index.js', import.meta.url)),
    },
  },
  build: {
    target: 'es2022',
    // A data: URL would need a wider policy.
    assetsInlineLimit: 0,
    sourcemap: false,
    chunkSizeWarningLimit: 5000,
  },
});

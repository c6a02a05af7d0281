import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';
import type { verify } from '../src/verifier/verify.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Builds the verifier as the page ships it: one minified file, in which constants stand as numbers. Returns its address. */
export async function bundleVerifier(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'bpformer-verifier-'));
  await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'error',
    build: {
      target: 'es2022',
      outDir,
      emptyOutDir: false,
      minify: true,
      lib: { entry: join(root, 'src/verifier/verify.ts'), formats: ['es'], fileName: () => 'verify.mjs' },
    },
  });
  return pathToFileURL(join(outDir, 'verify.mjs')).href;
}

export async function bundledVerify(address: string): Promise<typeof verify> {
  return ((await import(address)) as { verify: typeof verify }).verify;
}

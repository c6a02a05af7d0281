import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '../scripts/serve.mjs';

/** One static server for the whole run: the built site at a sub-path, under the headers that it is published with. */
export default async function setup(): Promise<() => Promise<void>> {
  const root = process.env.BPFORMER_DIST ?? join(import.meta.dirname, '..', 'dist');
  if (!existsSync(join(root, 'index.html'))) throw new Error('There is no built site in dist/: run `npm run build` first');
  const { server, url } = await serve({ root, base: '/bpformer/' });
  process.env.BPFORMER_SITE = url;
  return () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
}

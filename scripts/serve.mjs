// A plain static server for the built site: `node scripts/serve.mjs [--port N] [--base /path/] [--root dist] [--ancestors "https://…"]`. No rewriting, no compression
// cleverness beyond gzip, no cross-origin isolation: what works here works on any static host.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import { CSP } from './csp.mjs';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ttf': 'font/ttf',
  '.webmanifest': 'application/manifest+json',
};
const COMPRESSED = new Set(['.html', '.js', '.mjs', '.css', '.json', '.svg', '.wasm', '.onnx']);

/** What answers requests for the files below `root`, which stand at `base`. */
export function siteListener({ root, base = '/', ancestors = "'none'" }) {
  const top = resolve(root);
  return (request, response) => {
    response.setHeader('Content-Security-Policy', `${CSP}; frame-ancestors ${ancestors}`);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'no-referrer');
    const fail = (status, text) => response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
    if (request.method !== 'GET' && request.method !== 'HEAD') return fail(405, 'Only GET and HEAD.');
    let path;
    try {
      path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    } catch {
      return fail(400, 'Bad address.');
    }
    if (path === '/' && base !== '/') return response.writeHead(302, { Location: base }).end();
    if (!path.startsWith(base)) return fail(404, 'Not found.');
    let file = normalize(join(top, path.slice(base.length)));
    if (file !== top && !file.startsWith(top + sep)) return fail(404, 'Not found.');
    let info = statSync(file, { throwIfNoEntry: false });
    if (info?.isDirectory()) {
      file = join(file, 'index.html');
      info = statSync(file, { throwIfNoEntry: false });
    }
    if (!info?.isFile()) return fail(404, 'Not found.');
    const extension = extname(file);
    response.setHeader('Content-Type', TYPES[extension] ?? 'application/octet-stream');
    response.setHeader('Cache-Control', /-[\w-]{8}\.\w+$/.test(file) ? 'public, max-age=31536000, immutable' : 'no-cache');
    const gzip = COMPRESSED.has(extension) && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    if (gzip) response.setHeader('Content-Encoding', 'gzip');
    else response.setHeader('Content-Length', info.size);
    response.writeHead(200);
    if (request.method === 'HEAD') return response.end();
    const done = () => {};
    if (gzip) pipeline(createReadStream(file), createGzip({ level: 6 }), response, done);
    else pipeline(createReadStream(file), response, done);
  };
}

/** Starts the server; resolves with its address once it listens. */
export function serve({ root, port = 0, base = '/', host = '127.0.0.1', ancestors = "'none'" }) {
  const server = createServer(siteListener({ root, base, ancestors }));
  return new Promise((accept, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      accept({ server, url: `http://${host}:${address.port}${base}` });
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, fallback) => {
    const at = process.argv.indexOf(`--${name}`);
    return at > 0 ? process.argv[at + 1] : fallback;
  };
  const { url } = await serve({
    root: option('root', fileURLToPath(new URL('../dist', import.meta.url))),
    port: Number(option('port', '4173')),
    base: option('base', '/'),
    ancestors: option('ancestors', "'none'"),
  });
  console.log(`BPFormer: ${url}`);
}

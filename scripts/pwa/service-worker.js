// The site without a network. The build puts the names in (`plugin.mjs`): what belongs to this version, and the version itself, a hash
// over all of it. Files with a hash in their name never change and come from the cache first; the page and the samples come from the
// network first, so that a new version is seen at once; and no cache ever holds a mix of two versions.
const VERSION = '__VERSION__';
/** The page and what it needs to start, open a sample and compile it. */
const CORE = __CORE__;
/** Large or rare parts: kept from their first use on, or when the user asks for the whole. */
const LATER = __LATER__;

const PREFIX = 'bpformer-';
const CACHE = PREFIX + VERSION;
const KNOWN = new Set([...CORE, ...LATER]);
const NETWORK_MS = 4000;

const scope = () => self.registration.scope;
const urlOf = (path) => new URL(path, scope()).href;
const isHashed = (path) => path.startsWith('assets/');

/** Fetches a file of this version; a file without a hash in its name is asked for anew. */
async function fetchPart(path, options = {}) {
  const response = await fetch(new Request(urlOf(path), { cache: isHashed(path) ? 'default' : 'no-cache', ...options }));
  if (!response.ok) throw new Error(`${path} answers ${response.status}`);
  return response;
}

/** Puts files into the cache, a few at a time; `told` hears how many are there. */
async function keep(paths, told = () => {}) {
  const cache = await caches.open(CACHE);
  const rest = [...paths];
  let done = 0;
  const work = async () => {
    for (let path = rest.shift(); path !== undefined; path = rest.shift()) {
      const request = urlOf(path);
      if (!(await cache.match(request))) {
        const response = await fetchPart(path);
        // A page of another version means that the site changed while this worker was fetched: the next update tries again.
        if (path === 'index.html' && !(await response.clone().text()).includes(`content="${VERSION}"`)) throw new Error('another version');
        await cache.put(request, response);
      }
      told(++done, paths.length);
    }
  };
  await Promise.all([work(), work(), work()]);
}

/** What the browser has fetched already without this worker costs nothing to keep. */
async function keepUsed() {
  const cache = await caches.open(CACHE);
  for (const path of LATER) {
    try {
      if (await cache.match(urlOf(path))) continue;
      const response = await fetch(new Request(urlOf(path), { cache: 'only-if-cached', mode: 'same-origin' }));
      if (response.ok) await cache.put(urlOf(path), response);
    } catch {
      // Not used yet.
    }
  }
}

self.addEventListener('install', (event) => {
  event.waitUntil(keep(CORE));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      // The version before stays for tabs that still show it; older ones go.
      const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
      for (const name of names.slice(0, -1)) await caches.delete(name);
      await self.clients.claim();
      await keepUsed();
    })(),
  );
});

async function fromCacheFirst(request, path) {
  const cached = await caches.match(request.url);
  if (cached) return cached;
  const response = await fetch(request);
  if (response.ok && KNOWN.has(path)) {
    const copy = response.clone();
    caches
      .open(CACHE)
      .then((cache) => cache.put(request.url, copy))
      .catch(() => {});
  }
  return response;
}

/** The network, unless it fails or, for a page, takes too long. */
async function fromNetworkFirst(request, path, patience) {
  const cached = await (await caches.open(CACHE)).match(urlOf(path));
  if (!cached) return fetch(request);
  const network = fetch(request);
  network.catch(() => {});
  try {
    if (!patience) return await network;
    const late = new Promise((resolve) => setTimeout(resolve, patience, null));
    return (await Promise.race([network, late])) ?? cached;
  } catch {
    return cached;
  }
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(scope())) return;
  const path = request.url.slice(scope().length).replace(/[?#].*$/, '');
  if (request.mode === 'navigate') {
    if (path === '' || path === 'index.html') event.respondWith(fromNetworkFirst(request, 'index.html', NETWORK_MS));
  } else if (isHashed(path)) event.respondWith(fromCacheFirst(request, path));
  else if (KNOWN.has(path)) event.respondWith(fromNetworkFirst(request, path, 0));
});

self.addEventListener('message', (event) => {
  const [port] = event.ports;
  if (event.data === 'version') port?.postMessage({ version: VERSION });
  else if (event.data === 'activate') self.skipWaiting();
  else if (event.data === 'keep-all') {
    event.waitUntil(
      keep([...CORE, ...LATER], (done, total) => port?.postMessage({ done, total })).then(
        () => port?.postMessage({ whole: true }),
        (error) => port?.postMessage({ failed: String(error.message ?? error) }),
      ),
    );
  } else if (event.data === 'state') {
    event.waitUntil(
      caches
        .open(CACHE)
        .then((cache) => cache.keys())
        .then((keys) => port?.postMessage({ version: VERSION, kept: keys.length, total: KNOWN.size })),
    );
  }
});

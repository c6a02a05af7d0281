import { create } from 'zustand';
import { useWorkbench } from '../store.ts';

/** Whether the page works without a network, and whether a newer version of it is ready. */
export interface OfflineState {
  /** `none`: this browser or address has no service worker. `core`: all but the large parts not used yet. `whole`: everything. */
  readonly kept: 'unknown' | 'none' | 'core' | 'whole';
  readonly progress: { readonly done: number; readonly total: number } | null;
  readonly failed: string | null;
  readonly update: 'none' | 'ready' | 'put off' | 'needed';
}

export const useOffline = create<OfflineState>()(() => ({ kept: 'unknown', progress: null, failed: null, update: 'none' }));

const { setState, getState } = useOffline;
let registration: ServiceWorkerRegistration | null = null;

/** The version of the page, which the build writes; '' on the development server. */
const pageVersion = (): string => document.querySelector<HTMLMetaElement>('meta[name=bpformer-version]')?.content ?? '';

/** The version that the server has now; null while it does not answer. */
async function siteVersion(): Promise<string | null> {
  try {
    const response = await fetch(document.baseURI, { cache: 'no-store' });
    if (!response.ok) return null;
    const site = new DOMParser().parseFromString(await response.text(), 'text/html');
    return site.querySelector<HTMLMetaElement>('meta[name=bpformer-version]')?.content ?? '';
  } catch {
    return null;
  }
}

/** How long nothing must run before the rest of the site is fetched. */
const REST_MS = 1500;

/** Registers the service worker of the built site once the first results stand, so that it takes nothing from the first load. */
export function startOffline(): void {
  // A part of the page that could not be loaded may be no longer on the server: then this tab is older than the site.
  addEventListener('vite:preloadError', () => {
    void siteVersion().then((version) => {
      if (version !== null && version !== pageVersion()) setState({ update: 'needed' });
    });
  });
  if (pageVersion() === '' || !('serviceWorker' in navigator)) {
    setState({ kept: 'none' });
    return;
  }
  const register = () => void startWorker().catch(() => setState({ kept: 'none' }));
  let begun = false;
  let resting: ReturnType<typeof setTimeout> | undefined;
  const stop = useWorkbench.subscribe(({ stages }) => {
    const running = Object.values(stages).some(({ status }) => status === 'running');
    begun ||= running;
    if (!begun) return;
    // Between two stages nothing runs for a moment either.
    clearTimeout(resting);
    if (!running)
      resting = setTimeout(() => {
        stop();
        register();
      }, REST_MS);
  });
}

async function startWorker(): Promise<void> {
  registration = await navigator.serviceWorker.register(new URL('sw.js', document.baseURI), { updateViaCache: 'none' });
  registration.addEventListener('updatefound', () => {
    const { installing } = registration!;
    installing?.addEventListener('statechange', () => {
      if (installing.state === 'installed' && navigator.serviceWorker.controller) void meet(installing);
      else if (installing.state === 'activated') void measureOffline();
    });
  });
  if (registration.waiting) await meet(registration.waiting);
  await navigator.serviceWorker.ready;
  await measureOffline();
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') registration?.update().catch(() => {});
  });
}

/** A worker that waits: of this page's own version it may begin; a newer one waits until the user reloads. */
async function meet(worker: ServiceWorker): Promise<void> {
  const answer = await ask(worker, 'version');
  if (answer.version === pageVersion()) worker.postMessage('activate');
  else setState({ update: 'ready' });
}

interface Answer {
  readonly version?: string;
  readonly kept?: number;
  readonly total?: number;
  readonly done?: number;
  readonly whole?: true;
  readonly failed?: string;
}

function listen(worker: ServiceWorker, question: string, hear: (answer: Answer) => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }: MessageEvent<Answer>) => hear(data);
  worker.postMessage(question, [port2]);
}

const ask = (worker: ServiceWorker, question: string): Promise<Answer> => new Promise((resolve) => listen(worker, question, resolve));

export async function measureOffline(): Promise<void> {
  const worker = registration?.active;
  if (!worker) return;
  const { kept = 0, total = 0 } = await ask(worker, 'state');
  setState({ kept: kept >= total ? 'whole' : 'core' });
}

/** Fetches every part of the page that is not kept yet. */
export function keepWhole(): void {
  const worker = registration?.active;
  if (!worker || getState().progress) return;
  setState({ progress: { done: 0, total: 1 }, failed: null });
  listen(worker, 'keep-all', ({ done, total, whole, failed }) => {
    if (whole) setState({ progress: null, kept: 'whole' });
    else if (failed !== undefined) setState({ progress: null, failed });
    else setState({ progress: { done: done ?? 0, total: total ?? 1 } });
  });
}

export const putOffUpdate = (): void => setState({ update: 'put off' });

/** Loads the page anew; false, and nothing changes, while the server does not answer. */
export async function reloadPage(): Promise<boolean> {
  if ((await siteVersion()) === null) return false;
  takeUpdate();
  return true;
}

/** Reloads into the new version: its worker begins, and with it no part of the old one is used. */
export function takeUpdate(): void {
  const waiting = registration?.waiting;
  const reload = () => location.reload();
  if (!waiting) {
    reload();
    return;
  }
  navigator.serviceWorker.addEventListener('controllerchange', reload, { once: true });
  waiting.postMessage('activate');
}

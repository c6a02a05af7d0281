import { pageVersion, useOffline } from './offline.ts';

/** What the page says to its service worker, and hears of it: loaded once the first results stand. */

const { setState, getState } = useOffline;
let registration: ServiceWorkerRegistration | null = null;

/** Registers the service worker, and notes when a newer version of the page is there. */
export async function startWorker(): Promise<void> {
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

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

const { setState } = useOffline;

/** The version of the page, which the build writes; '' on the development server. */
export const pageVersion = (): string => document.querySelector<HTMLMetaElement>('meta[name=bpformer-version]')?.content ?? '';

/** The version that the server has now; null while it does not answer. */
async function siteVersion(): Promise<string | null> {
  try {
    const response = await fetch(document.baseURI, { cache: 'no-store' });
    if (!response.ok) return null;
    // No parser: text of the network becomes no HTML here.
    return /bpformer-version"? content="(\w*)/.exec(await response.text())?.[1] ?? '';
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
  const register = () =>
    void import('./offline-worker.ts').then(({ startWorker }) => startWorker()).catch(() => setState({ kept: 'none' }));
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

/** Loads the page anew; false, and nothing changes, while the server does not answer. */
export async function reloadPage(): Promise<boolean> {
  if ((await siteVersion()) === null) return false;
  location.reload();
  return true;
}

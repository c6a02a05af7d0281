import { openSample, whenFileOpens } from '../actions.ts';
import { blobsOf, type DocHistory } from '../document.ts';
import { notifyFailure } from '../failures.ts';
import { onWorkerDeath } from '../rpc.ts';
import { SAMPLES } from '../samples.ts';
import { announce, useWorkbench } from '../store.ts';
import { PROJECT_KEY, recall, remember, setProject, useProject, warn } from './state.ts';
import { projectTexts as texts } from './texts.ts';

type KeeperModule = typeof import('./shelf.ts');
let loading: Promise<KeeperModule> | null = null;

/** The part that keeps projects: loaded when there is something to keep or to bring back. */
export function keeper(): Promise<KeeperModule> {
  loading ??= import('./shelf.ts').then(
    async (module) => {
      await module.startKeeper();
      return module;
    },
    (error: unknown) => {
      loading = null;
      setProject({ forbidden: texts.forbidden(error instanceof Error ? error.message : String(error)) });
      throw error;
    },
  );
  return loading;
}

/** Opens what this tab had open, or what a link says, or the first sample; then follows every change. */
export function startProjects(): void {
  let shown = useProject.getState();
  useWorkbench.subscribe((state, before) => {
    if (state.history === before.history) return;
    const left = shown;
    shown = useProject.getState();
    const { origin } = shown;
    const untouched = isUntouched(state.history);
    // An untouched sample is kept nowhere: its files come with the site.
    if (left.id !== shown.id && left.origin.how === 'sample' && isUntouched(before.history)) {
      const at = performance.now();
      void import('../release.ts').then(({ leaveProject }) => leaveProject(blobsOf(before.history.doc), at));
    }
    if (origin.how === 'sample' && untouched) remember('tab', PROJECT_KEY, origin.sample ? `sample:${origin.sample.id}` : null);
    if (!untouched || (origin.how !== 'sample' && state.history.doc.source)) void keeper().catch(() => {});
  });
  whenFileOpens((kind, ref) => {
    keeper().then(
      (module) => module.noteFile(kind, ref),
      () => {},
    );
  });
  onWorkerDeath(({ worker, cause, restarted }) => {
    const note = texts.workerDied(worker, cause, restarted);
    warn(`worker ${worker}`, note, 'note');
    announce(note.what);
  });
  // A link that is pasted into the address of an open page.
  addEventListener('hashchange', () => void openFragment());
  // Without one the sample's files are asked for before the first paint.
  if (location.hash.startsWith('#p=')) void openFragment().then((opened) => opened || openLast());
  else openLast();
}

const isUntouched = ({ past, future }: DocHistory): boolean => past.length === 0 && future.length === 0;

/** Opens the project that the page's address carries; false where it carries none that can be opened. */
async function openFragment(): Promise<boolean> {
  if (!location.hash.startsWith('#p=')) return false;
  try {
    const { openLink } = await import('./share.ts');
    await openLink(location.hash);
    // From now on the project is in the browser, and a reload brings its later changes back.
    history.replaceState(null, '', location.pathname + location.search);
    return true;
  } catch (error) {
    notifyFailure(texts.openingLink, error);
    return false;
  }
}

/** Opens what this tab had open, else the project that was open last anywhere, else the first sample. */
function openLast(): void {
  const tab = recall('tab', PROJECT_KEY);
  const last = tab ?? recall('browser', PROJECT_KEY);
  if (last?.startsWith('project:')) void bringBack(last.slice('project:'.length), tab !== null);
  else void openSample(SAMPLES.find(({ id }) => last === `sample:${id}`) ?? SAMPLES[0]!);
}

async function bringBack(id: string, ofThisTab: boolean): Promise<void> {
  const opened = await keeper()
    .then(async (module) => {
      // A new tab does not ask for what another tab has open.
      if (!ofThisTab && (await module.isOpenElsewhere(id))) return false;
      return module.openProject(id, ofThisTab);
    })
    .catch(() => false);
  if (!opened) await openSample(SAMPLES[0]!);
}

import { InputError } from '../../base/errors.ts';
import { hasBlob, holdBlob, sha256 } from '../blobs.ts';
import { type BlobRef, blobsOf, type DocHistory } from '../document.ts';
import { toUserError, type UserError } from '../errors.ts';
import * as memory from '../release.ts';
import { announce, currentDoc, followHistory, guardEdits, onMissingBlobs, showHistory, useWorkbench } from '../store.ts';
import { openBrowserDepot } from './browser-depot.ts';
import { Conflict, type Depot, MemoryDepot, type RawProject } from './depot.ts';
import { blobsOfHistory, type ProjectMeta } from './record.ts';
import { parseHistory, parseMeta } from './schema.ts';
import { Session } from './session.ts';
import { beginProject, PROJECT_KEY, remember, setProject, useProject, warn } from './state.ts';
import { openChannel, openElsewhere, ProjectLock, type TabMessage, whenNoBlobsCome } from './tabs.ts';
import { projectTexts as texts } from './texts.ts';

/**
 * Keeps projects in the browser's storage: follows the store, saves each step, brings a project back, and settles with other tabs
 * who may write it. Loaded once there is something to keep or to bring back.
 */
interface Keeper {
  readonly depot: Depot;
  readonly tell: (message: TabMessage) => void;
}

let keeper: Promise<Keeper> | null = null;
/** The open project once it is kept, and its lock. */
let session: Session | null = null;
let lock: ProjectLock | null = null;
/** Projects that were left while storage had no room for their last changes. */
const parked = new Map<string, Session>();
/** Projects that were left and are being saved. */
const leaving = new Set<Session>();

/** How long a tab may take to save and let go before its project is taken from it. */
const YIELD_MS = 3000;
/** On a reload the page before lets go of its lock only now. */
const RELOAD_MS = 600;
/** Between two attempts to save what found no room. */
const RETRY_MS = 15_000;

export function startKeeper(): Promise<Keeper> {
  keeper ??= openDepot().then((depot) => {
    const tell = openChannel((message) => void hear(message));
    setProject({ depot: depot.kind });
    onMissingBlobs((refs) => loadBlobs(depot, refs));
    memory.alsoNamed(() => [...parked.values(), ...leaving].flatMap(({ newest }) => (newest ? [...blobsOfHistory(newest).keys()] : [])));
    guardEdits(() => {
      const { access, refused } = useProject.getState();
      if (access === 'edit') return true;
      setProject({ refused: refused + 1, access: access === 'view' ? 'elsewhere' : access });
      announce(texts.refused);
      return false;
    });
    useWorkbench.subscribe((state, before) => {
      if (state.history !== before.history) follow(depot, state.history);
    });
    const leave = () => {
      session?.flushNow();
      for (const each of parked.values()) each.flushNow();
    };
    addEventListener('pagehide', () => {
      leave();
      // The page that comes after a reload need not wait; a page that comes back takes it again.
      if (session && !session.pending) lock?.release();
    });
    addEventListener('pageshow', (event: PageTransitionEvent) => {
      if (event.persisted && lock && !lock.held) void comeBack();
    });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') leave();
      else retrySaves();
    });
    addEventListener('beforeunload', (event) => {
      if (unsavedProjects().length > 0) event.preventDefault();
    });
    follow(depot, useWorkbench.getState().history);
    return { depot, tell };
  });
  return keeper;
}

async function openDepot(): Promise<Depot> {
  try {
    if (typeof indexedDB === 'undefined') throw new Error('this browser has no IndexedDB');
    return await openBrowserDepot(() => setProject({ forbidden: texts.outdated }));
  } catch (error) {
    const newer = error instanceof DOMException && error.name === 'VersionError';
    setProject({ forbidden: newer ? texts.newer : texts.forbidden(error instanceof Error ? error.message : String(error)) });
    return new MemoryDepot();
  }
}

/** What has not reached the storage, in this tab: the open project and those that were left. */
export function unsavedProjects(): { readonly id: string; readonly name: string }[] {
  const open = session?.pending || useProject.getState().unsaved ? [{ id: useProject.getState().id, name: currentDoc().name }] : [];
  return [...open, ...[...parked.values()].map(({ id, pending }) => ({ id, name: pending?.doc.name ?? '' }))];
}

/** Follows the store: a project is kept from its first change on, or from its opening if it is the user's own. */
function follow(depot: Depot, history: DocHistory): void {
  const { id, origin, access } = useProject.getState();
  if (session && session.id !== id) leaveProject();
  if (access !== 'edit') return;
  if (!session) {
    if (origin.how === 'sample' && history.past.length === 0 && history.future.length === 0) return;
    if (origin.how === 'new' && history.doc.source === null && history.past.length === 0) return;
    session = newSession(depot, { id, origin, createdAt: Date.now(), revision: 0, kept: null });
    lock = newLock(id);
    void lock.tryNow();
  }
  point(id);
  session.save(history);
}

/** The tab, and the browser's next new tab, open this project again. */
function point(id: string): void {
  remember('tab', PROJECT_KEY, `project:${id}`);
  remember('browser', PROJECT_KEY, `project:${id}`);
}

function leaveProject(): void {
  const [left, held, at] = [session!, lock, performance.now()];
  session = null;
  lock = null;
  setProject({ previous: { id: left.id, name: (left.pending ?? left.kept)?.doc.name ?? '' } });
  leaving.add(left);
  void left.flush().then(() => {
    leaving.delete(left);
    if (left.pending) parked.set(left.id, left);
    else {
      held?.release();
      if (left.kept) memory.leaveProject(blobsOfHistory(left.kept).values(), at);
    }
  });
}

function newLock(id: string): ProjectLock {
  return new ProjectLock(id, () => {
    if (useProject.getState().id === id) losing();
  });
}

export function newSession(depot: Depot, start: ConstructorParameters<typeof Session>[1]): Session {
  const isOpen = () => useProject.getState().id === start.id;
  const made = new Session(depot, start, {
    saving: () => {
      const { save } = useProject.getState();
      // A notice about missing room stays until there is some.
      if (isOpen() && save.problem === null) setProject({ save: { ...save, status: 'saving' } });
    },
    saved: (meta) => {
      if (parked.delete(meta.id) && session?.id !== meta.id) {
        announce(texts.savedAfterAll(meta.name));
        memory.forgetFiles(blobsOfHistory(made.newest!).values());
      }
      if (isOpen()) setProject({ save: { status: 'saved', at: meta.changedAt, problem: null }, unsaved: false });
      showMeta(meta);
      void keeper?.then(({ tell }) => tell({ kind: 'saved', id: meta.id, revision: meta.revision }));
      void askToPersist();
    },
    failed: (error) => void saveFailed(depot, start.id, error),
  });
  return made;
}

function showMeta(meta: ProjectMeta): void {
  const { projects } = useProject.getState();
  setProject({ projects: [meta, ...projects.filter(({ id }) => id !== meta.id)] });
}

async function saveFailed(depot: Depot, id: string, error: unknown): Promise<void> {
  const isOpen = useProject.getState().id === id;
  if (error instanceof Conflict) {
    if (isOpen) losing();
    return;
  }
  const full = error instanceof DOMException && error.name === 'QuotaExceededError';
  const room = await measureRoom();
  await refreshProjects().catch(() => {});
  if (useProject.getState().id === id) {
    const { save } = useProject.getState();
    const problem: UserError = full
      ? texts.full(currentDoc().name, neededBytes(), room, biggestOther())
      : texts.failed(currentDoc().name, error);
    setProject({ save: { status: full ? 'full' : 'failed', at: save.at, problem } });
    if (save.status !== 'full' && save.status !== 'failed') announce(problem.what);
  }
  if (full) void sweep(depot).then((freed) => freed > 0 && retrySaves());
  scheduleRetry();
}

/** The kept project whose deletion frees most, apart from the open one. */
function biggestOther(): ProjectMeta | null {
  const { id, projects } = useProject.getState();
  const others = projects.filter((project) => project.id !== id);
  return others.reduce<ProjectMeta | null>((most, project) => (most && most.bytes >= project.bytes ? most : project), null);
}

/** Bytes of the open project that are not in storage yet. */
function neededBytes(): number {
  const named = new Set(session?.kept ? blobsOfHistory(session.kept).keys() : []);
  const pending = session?.pending;
  if (!pending) return 0;
  return [...blobsOfHistory(pending).values()].reduce((sum, { hash, size }) => sum + (named.has(hash) ? 0 : size), 0);
}

let retrying: ReturnType<typeof setTimeout> | undefined;
function scheduleRetry(): void {
  clearTimeout(retrying);
  retrying = setTimeout(retrySaves, RETRY_MS);
}

/** Saves again what found no room before. */
export function retrySaves(): void {
  if (useProject.getState().access === 'edit') session?.retry();
  for (const each of parked.values()) each.retry();
}

export async function measureRoom(): Promise<{ usage: number; quota: number; persisted: boolean } | null> {
  try {
    const { usage = 0, quota = 0 } = await navigator.storage.estimate();
    const room = { usage, quota, persisted: await navigator.storage.persisted() };
    setProject({ room });
    return room;
  } catch {
    return null;
  }
}

let asked = false;
/** Once something is kept that nobody else has, the browser is asked not to clear it away. */
async function askToPersist(force = false): Promise<void> {
  if ((asked && !force) || typeof navigator.storage?.persist !== 'function') return;
  if (!force && useProject.getState().origin.how !== 'file') return;
  asked = true;
  if (!(await navigator.storage.persisted())) await navigator.storage.persist();
  await measureRoom();
}

export const persistStorage = (): Promise<void> => askToPersist(true);

/** Another tab writes the project now: this one shows it and changes nothing. */
function losing(): void {
  const unsaved = session?.pending !== null && session?.pending !== undefined;
  setProject({ access: 'taken', unsaved });
  announce(unsaved ? texts.takenUnsaved.what : texts.taken.what);
  // With changes of its own it does not come back into the other's place.
  if (unsaved) return;
  if (lock) void lock.wait().then(whenMine);
  // A tab that stood still has not heard what the other saved meanwhile.
  void followOther(Number.MAX_SAFE_INTEGER);
}

async function hear(message: TabMessage): Promise<void> {
  const { id, access } = useProject.getState();
  if (message.kind === 'saved' || message.kind === 'deleted') void refreshProjects();
  if (message.id !== id || !session) return;
  if (message.kind === 'yield') {
    if (access === 'edit') {
      await session.flush();
      lock?.release();
      losing();
    } else if (lock && access !== 'taken') void lock.wait().then(whenMine);
  } else if (message.kind === 'deleted') {
    if (access !== 'edit') setProject({ access: 'deleted', unsaved: true });
  } else if (access !== 'edit' && !useProject.getState().unsaved) await followOther(message.revision);
}

/** Shows what the tab that writes has saved. */
async function followOther(revision: number): Promise<void> {
  const { depot } = await startKeeper();
  const open = session;
  if (!open || revision <= open.revision) return;
  const raw = await depot.read(open.id);
  if (!raw || session !== open || useProject.getState().access === 'edit') return;
  try {
    const [meta, history] = parsed(raw);
    if (meta.revision === open.revision) return;
    await loadBlobs(depot, blobsOf(history.doc));
    if (session !== open || useProject.getState().access === 'edit') return;
    open.follow(history, meta.revision);
    followHistory(history);
  } catch {
    // The next save of the other tab comes as a whole again.
  }
}

export function parsed(raw: RawProject): readonly [ProjectMeta, DocHistory] {
  return [parseMeta(raw.meta, 'the record of the project'), parseHistory(raw.history, 'the history of the project')];
}

/** Goes on as the writer if the lock came. */
const whenMine = (mine: boolean): Promise<void> => (mine ? becomeWriter() : Promise.resolve());

/** The lock is this tab's: reads what was written last and goes on from there. */
async function becomeWriter(): Promise<void> {
  const { depot } = await startKeeper();
  const { id, access } = useProject.getState();
  const open = session;
  if (!open || open.id !== id || access === 'edit') return;
  const claimed = await depot.claim(id).catch(() => null);
  if (!claimed) {
    setProject({ access: 'deleted', unsaved: true });
    return;
  }
  try {
    const [meta, history] = parsed(claimed);
    const same = meta.revision === open.revision && open.kept !== null;
    if (!same) await loadBlobs(depot, blobsOf(history.doc));
    open.follow(same ? open.kept! : history, claimed.revision);
    setProject({ access: 'edit', save: { status: 'saved', at: meta.changedAt, problem: null } });
    if (!same) followHistory(history);
    if (access !== 'opening') announce(texts.yours);
  } catch (error) {
    setProject({ access: 'deleted', unsaved: true });
    warn(texts.reading, toUserError(error, texts.reading));
  }
}

/** A page that was put away and comes back: others may have written meanwhile. */
async function comeBack(): Promise<void> {
  if (useProject.getState().access !== 'edit' || !lock) return;
  setProject({ access: 'opening' });
  if (await lock.tryNow()) await becomeWriter();
  else {
    setProject({ access: 'elsewhere' });
    void lock.wait().then(whenMine);
  }
}

/** Asks the tab that holds the project to let go; takes it from one that does not answer. */
export async function takeOver(): Promise<void> {
  const { tell } = await startKeeper();
  const mine = lock;
  if (!mine) return;
  const granted = mine.wait().then(whenMine);
  tell({ kind: 'yield', id: useProject.getState().id });
  const late = setTimeout(() => {
    if (!mine.held) void mine.steal().then(whenMine);
  }, YIELD_MS);
  await granted;
  if (mine.held) clearTimeout(late);
}

export function viewOnly(): void {
  setProject({ access: 'view' });
}

/** The project on show under a new name and identity, with its undo steps: this tab's own. */
export async function openAsCopy(): Promise<void> {
  const { depot } = await startKeeper();
  const { history } = useWorkbench.getState();
  const name = texts.copyOf(history.doc.name);
  lock?.release();
  session = null;
  lock = null;
  beginProject({ how: 'copy', sample: useProject.getState().origin.sample });
  followHistory({ ...history, doc: { ...history.doc, name } });
  follow(depot, useWorkbench.getState().history);
}

/** Bytes that the storage does not give: the record that names them is sound. */
class MissingBytes extends InputError {}

/** Brings bytes back from storage; each is what its name says, or an error. */
export async function loadBlobs(depot: Depot, refs: readonly BlobRef[]): Promise<void> {
  await Promise.all(
    refs.map(async (ref) => {
      if (hasBlob(ref.hash)) return;
      if (ref.modified !== undefined) {
        // Without a copy the stage that needs it asks for the file.
        await (await import('../outside.ts')).restoreFile(ref.hash, ref.size);
        return;
      }
      const bytes = await depot.readBlob(ref.hash);
      if (!bytes) throw new MissingBytes(texts.missingBytes, ref.name);
      if (bytes.length !== ref.size || (await sha256(bytes)) !== ref.hash) throw new MissingBytes(texts.changedBytes, ref.name);
      holdBlob(ref.hash, bytes);
    }),
  );
}

/** Opens a kept project; false, with the reason told, where it cannot be read. `reload` waits a moment for the page before. */
export async function openProject(id: string, reload = false): Promise<boolean> {
  const { depot } = await startKeeper();
  const left = parked.get(id);
  if (left?.pending) {
    const history = left.pending;
    await switchTo(id, left, 'edit');
    showHistory(history);
    return true;
  }
  const next = newLock(id);
  const mine = await next.tryNow();
  const claimed = mine ? await depot.claim(id) : null;
  const raw: RawProject | null = mine ? claimed : await depot.read(id);
  if (!raw) {
    next.release();
    return false;
  }
  try {
    const [meta, history] = parsed(raw);
    await loadBlobs(depot, blobsOf(history.doc));
    const revision = claimed?.revision ?? meta.revision;
    const opened = newSession(depot, { id, origin: meta.origin, createdAt: meta.createdAt, revision, kept: history });
    await switchTo(id, opened, mine ? 'edit' : reload ? 'opening' : 'elsewhere', next);
    setProject({ save: { status: 'saved', at: meta.changedAt, problem: null } });
    showHistory(history);
  } catch (error) {
    next.release();
    if (error instanceof MissingBytes) warn(texts.opening(id), texts.incomplete(error.message));
    else await putAside(depot, id, raw, error);
    return false;
  }
  if (!mine) {
    void next.wait().then(whenMine);
    if (reload) {
      setTimeout(() => {
        const now = useProject.getState();
        if (now.id === id && now.access === 'opening') setProject({ access: 'elsewhere' });
      }, RELOAD_MS);
    }
  }
  return true;
}

export const openInTabs = openElsewhere;

export async function isOpenElsewhere(id: string): Promise<boolean> {
  return (await openElsewhere()).has(id);
}

async function switchTo(id: string, next: Session, access: 'edit' | 'opening' | 'elsewhere', nextLock?: ProjectLock): Promise<void> {
  if (session && session.id !== id) leaveProject();
  beginProject(next.origin, id, access);
  session = next;
  lock = nextLock ?? newLock(id);
  if (!nextLock) void lock.tryNow();
  point(id);
}

/** A record that cannot be used stays, out of the way, and is told of. */
async function putAside(depot: Depot, id: string, raw: RawProject, error: unknown): Promise<void> {
  const name = (raw.meta as { name?: unknown } | null)?.name;
  const shown = typeof name === 'string' && name !== '' ? name.slice(0, 80) : id;
  const { what, where } = toUserError(error, texts.reading);
  const reason = where ? `${where}: ${what}` : what;
  await depot.setAside({ id, from: 'project', reason, at: Date.now(), value: raw }).catch(() => {});
  warn(texts.opening(shown), texts.damaged(shown, reason));
}

/** A project that was deleted is not saved after all. */
export const forgetParked = (id: string): boolean => parked.delete(id);

/** Reads the list of projects; what cannot be read is set aside. */
export async function refreshProjects(): Promise<void> {
  const { depot } = await startKeeper();
  const projects: ProjectMeta[] = [];
  for (const raw of await depot.metas()) {
    try {
      projects.push(parseMeta(raw, 'a project in storage'));
    } catch (error) {
      const id = (raw as { id?: unknown } | null)?.id;
      if (typeof id !== 'string') continue;
      const whole = await depot.read(id);
      await putAside(depot, id, whole ?? { meta: raw, history: null }, error);
    }
  }
  projects.sort((a, b) => b.changedAt - a.changedAt);
  setProject({ projects });
}

/** Removes blobs that no record names from storage; gives the bytes that this frees. What is open stays in the tab's memory. */
export async function sweep(depot: Depot): Promise<number> {
  let freed = 0;
  await whenNoBlobsCome(async () => {
    freed = await depot.sweep();
  });
  await measureRoom();
  return freed;
}

import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { DocHistory } from '../document.ts';
import { type AsideRecord, Conflict, type Depot, namedBlobs, type RawProject, REACH, type RecentFile } from './depot.ts';
import type { ProjectMeta } from './record.ts';

/** Version of the stores. A new one adds a case to `upgrade`; records carry a version of their own (`schema`). */
const VERSION = 1;
const PIECE_BYTES = 4 * 1024 * 1024;

interface Schema extends DBSchema {
  projects: { key: string; value: ProjectMeta };
  histories: { key: string; value: { id: string; history: DocHistory } };
  /** One entry for each revision that was taken: the second who adds it fails, and with it all that it wrote. */
  revisions: { key: [id: string, revision: number]; value: { id: string; revision: number; claim: boolean } };
  blobs: { key: string; value: Uint8Array<ArrayBuffer> };
  files: { key: string; value: RecentFile };
  asides: { key: string; value: AsideRecord };
}

const STORES = ['projects', 'histories', 'revisions', 'blobs', 'files', 'asides'] as const;

/** Opens the stores; `onOutdated` tells that a newer page wants to change them. */
export async function openBrowserDepot(onOutdated: () => void): Promise<Depot> {
  const db = await openDB<Schema>('bpformer', VERSION, {
    upgrade(database, from) {
      if (from < 1) {
        database.createObjectStore('projects', { keyPath: 'id' });
        database.createObjectStore('histories', { keyPath: 'id' });
        database.createObjectStore('revisions', { keyPath: ['id', 'revision'] });
        database.createObjectStore('blobs');
        database.createObjectStore('files', { keyPath: 'hash' });
        database.createObjectStore('asides', { keyPath: 'id' });
      }
    },
    blocking(_from, _to, event) {
      (event.target as IDBDatabase).close();
      onOutdated();
    },
  });
  for (const name of STORES) if (!db.objectStoreNames.contains(name)) throw new Error(`the store ${name} is missing`);
  const folder = await blobFolder();
  return new BrowserDepot(db, folder);
}

/** The folder of blobs in the origin's private file system; null where files cannot be written from a page. */
async function blobFolder(): Promise<FileSystemDirectoryHandle | null> {
  try {
    if (typeof FileSystemFileHandle === 'undefined' || !('createWritable' in FileSystemFileHandle.prototype)) return null;
    const root = await navigator.storage.getDirectory();
    return await root.getDirectoryHandle('blobs', { create: true });
  } catch {
    return null;
  }
}

/** An abort of a transaction hides its reason behind the request that failed. */
function asConflict(error: unknown): unknown {
  return error instanceof DOMException && error.name === 'ConstraintError' ? new Conflict() : error;
}

class BrowserDepot implements Depot {
  readonly #db: IDBPDatabase<Schema>;
  #folder: FileSystemDirectoryHandle | null;

  constructor(db: IDBPDatabase<Schema>, folder: FileSystemDirectoryHandle | null) {
    this.#db = db;
    this.#folder = folder;
  }

  get kind(): Depot['kind'] {
    return this.#folder ? 'opfs' : 'indexeddb';
  }

  metas(): Promise<unknown[]> {
    return this.#db.getAll('projects');
  }

  async read(id: string): Promise<RawProject | null> {
    const tx = this.#db.transaction(['projects', 'histories']);
    const [meta, history] = await Promise.all([tx.objectStore('projects').get(id), tx.objectStore('histories').get(id)]);
    return meta === undefined && history === undefined ? null : { meta, history: history?.history };
  }

  async claim(id: string): Promise<(RawProject & { revision: number }) | null> {
    const tx = this.#db.transaction(['projects', 'histories', 'revisions'], 'readwrite');
    const done = tx.done;
    done.catch(() => {});
    const projects = tx.objectStore('projects');
    const [meta, record] = await Promise.all([projects.get(id), tx.objectStore('histories').get(id)]);
    if (meta === undefined && record === undefined) return null;
    const before = Number.isSafeInteger(meta?.revision) ? meta!.revision : 0;
    const revision = before + REACH;
    try {
      // A record that cannot be read is only looked at.
      if (meta && before > 0) {
        const revisions = tx.objectStore('revisions');
        const taken = Array.from({ length: REACH }, (_, at) => revisions.add({ id, revision: before + 1 + at, claim: true }));
        await Promise.all([...taken, projects.put({ ...meta, revision })]);
      }
      await done;
    } catch (error) {
      throw asConflict(error);
    }
    return { meta, history: record?.history, revision };
  }

  async save(meta: ProjectMeta, history: DocHistory): Promise<void> {
    const { id, revision } = meta;
    const tx = this.#db.transaction(['projects', 'histories', 'revisions'], 'readwrite');
    const requests = [
      tx.objectStore('revisions').add({ id, revision, claim: false }),
      tx.objectStore('projects').put(meta),
      tx.objectStore('histories').put({ id, history }),
    ];
    tx.commit();
    try {
      await Promise.all([...requests, tx.done]);
    } catch (error) {
      const first = await Promise.allSettled([...requests, tx.done]);
      const reason = first.find((each) => each.status === 'rejected' && (each.reason as Error)?.name !== 'AbortError');
      throw asConflict(reason?.status === 'rejected' ? reason.reason : error);
    }
    void this.#forget(id, revision);
  }

  /** Drops the entries of revisions that nobody can follow any more. A claim stays: its loser may still try to write. */
  async #forget(id: string, revision: number): Promise<void> {
    try {
      const tx = this.#db.transaction('revisions', 'readwrite');
      const store = tx.objectStore('revisions');
      for (const old of await store.getAll(IDBKeyRange.bound([id, 0], [id, revision], false, true))) {
        if (!old.claim) await store.delete([id, old.revision]);
      }
      await tx.done;
    } catch {
      // They take a few bytes each; the next save tries again.
    }
  }

  async remove(id: string): Promise<void> {
    const tx = this.#db.transaction(['projects', 'histories', 'revisions'], 'readwrite');
    const meta = await tx.objectStore('projects').get(id);
    // The next revisions are taken for good: a tab that still shows the project cannot bring it back by a save.
    for (let at = 1; Number.isSafeInteger(meta?.revision) && at <= REACH; at++) {
      await tx.objectStore('revisions').put({ id, revision: meta!.revision + at, claim: true });
    }
    await Promise.all([tx.objectStore('projects').delete(id), tx.objectStore('histories').delete(id), tx.done]);
  }

  /** The folder of blobs, asked for again where it could not be had before. */
  async #blobFolder(): Promise<FileSystemDirectoryHandle | null> {
    this.#folder ??= await blobFolder();
    return this.#folder;
  }

  async #fileOf(hash: string): Promise<File | null> {
    try {
      const folder = await this.#blobFolder();
      return folder ? await (await folder.getFileHandle(hash)).getFile() : null;
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotFoundError') return null;
      throw error;
    }
  }

  async hasBlob(hash: string, size: number): Promise<boolean> {
    if ((await this.#fileOf(hash).catch(() => null))?.size === size) return true;
    return (await this.#db.getKey('blobs', hash)) !== undefined;
  }

  async putBlob(hash: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const folder = await this.#blobFolder();
    if (!folder) {
      await this.#db.put('blobs', bytes, hash);
      return;
    }
    const handle = await folder.getFileHandle(hash, { create: true });
    // What is written stands in a file of its own until it is closed: half a blob is never seen.
    const out = await handle.createWritable();
    try {
      // In pieces: the browser copies what it is given at once, and the page waits for it.
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) await out.write(bytes.subarray(at, at + PIECE_BYTES));
      await out.close();
    } catch (error) {
      await out.abort().catch(() => {});
      const file = await this.#fileOf(hash).catch(() => null);
      if (file?.size === 0) await folder.removeEntry(hash).catch(() => {});
      throw error;
    }
  }

  async readBlob(hash: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const file = await this.#fileOf(hash);
    if (file) return new Uint8Array(await file.arrayBuffer());
    // From a time when there was no folder.
    const value: unknown = await this.#db.get('blobs', hash);
    return value instanceof Uint8Array ? (value as Uint8Array<ArrayBuffer>) : null;
  }

  async sweep(): Promise<number> {
    const tx = this.#db.transaction(['projects', 'files', 'asides', 'blobs'], 'readwrite');
    const named = namedBlobs(
      await tx.objectStore('projects').getAll(),
      await tx.objectStore('files').getAll(),
      await tx.objectStore('asides').getAll(),
    );
    let freed = 0;
    // Records and blobs in one transaction: a save in another tab comes before or after it as a whole.
    for (const hash of await tx.objectStore('blobs').getAllKeys()) {
      if (named.has(hash)) continue;
      freed += (await tx.objectStore('blobs').get(hash))?.length ?? 0;
      await tx.objectStore('blobs').delete(hash);
    }
    await tx.done;
    const folder = await this.#blobFolder();
    if (!folder) return freed;
    const names: string[] = [];
    for await (const name of folder.keys()) names.push(name);
    for (const name of names) {
      if (named.has(name)) continue;
      try {
        const size = (await this.#fileOf(name))?.size ?? 0;
        await folder.removeEntry(name);
        freed += size;
      } catch {
        // Another tab has it open, or took it away first.
      }
    }
    return freed;
  }

  files(): Promise<unknown[]> {
    return this.#db.getAll('files');
  }

  async putFile(file: RecentFile): Promise<void> {
    await this.#db.put('files', file);
  }

  async removeFile(hash: string): Promise<void> {
    await this.#db.delete('files', hash);
  }

  asides(): Promise<AsideRecord[]> {
    return this.#db.getAll('asides');
  }

  async setAside(record: AsideRecord): Promise<void> {
    const tx = this.#db.transaction(['asides', 'projects', 'histories', 'files'], 'readwrite');
    const writes: Promise<unknown>[] = [tx.objectStore('asides').put(record)];
    if (record.from === 'project') writes.push(tx.objectStore('projects').delete(record.id), tx.objectStore('histories').delete(record.id));
    else writes.push(tx.objectStore('files').delete(record.id));
    await Promise.all([...writes, tx.done]);
  }

  async removeAside(id: string): Promise<void> {
    await this.#db.delete('asides', id);
  }
}

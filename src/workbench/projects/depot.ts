import type { DocHistory } from '../document.ts';
import type { ProjectMeta } from './record.ts';

/** A file that was opened: its bytes can be asked for as long as they are kept. */
export interface RecentFile {
  readonly hash: string;
  readonly name: string;
  readonly size: number;
  readonly kind: string;
  readonly openedAt: number;
}

/** A record that could not be read: kept aside, as it was, for a look at it. */
export interface AsideRecord {
  readonly id: string;
  readonly from: 'project' | 'file';
  readonly reason: string;
  readonly at: number;
  readonly value: unknown;
}

/** What a project's records hold before anyone has looked at them. */
export interface RawProject {
  readonly meta: unknown;
  readonly history: unknown;
}

/**
 * Where projects lie: records and blobs. Blobs come first, then the record that names them. A save names its revision, and each
 * revision of a project is written once: whoever comes second gets a {@link Conflict} and has changed nothing.
 */
export interface Depot {
  readonly kind: 'opfs' | 'indexeddb' | 'memory';
  metas(): Promise<unknown[]>;
  read(id: string): Promise<RawProject | null>;
  /** Reads a project and takes its next revisions ({@link REACH}), so that no save of an earlier reader can follow. */
  claim(id: string): Promise<(RawProject & { readonly revision: number }) | null>;
  /** Writes revision `meta.revision`. Everything is asked of the browser before this returns, so a page that goes away may call it. */
  save(meta: ProjectMeta, history: DocHistory): Promise<void>;
  /** Takes a project away for good: no save of a tab that still shows it can follow. */
  remove(id: string): Promise<void>;
  hasBlob(hash: string, size: number): Promise<boolean>;
  putBlob(hash: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  readBlob(hash: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Removes the blobs that nothing names; gives how many bytes that frees. */
  sweep(): Promise<number>;
  files(): Promise<unknown[]>;
  putFile(file: RecentFile): Promise<void>;
  removeFile(hash: string): Promise<void>;
  asides(): Promise<AsideRecord[]>;
  /** Takes a record out of the way under the reason that it cannot be read. */
  setAside(record: AsideRecord): Promise<void>;
  removeAside(id: string): Promise<void>;
}

/**
 * How many revisions a take-over takes at once: as many saves as a tab may have sent off before it hears that one of them failed.
 * With fewer, the second could arrive where the first was refused.
 */
export const REACH = 2;

/** Another tab has written this project since. */
export class Conflict extends Error {
  constructor() {
    super('another tab has written this project');
    this.name = 'Conflict';
  }
}

/** How much of the recently opened files is kept: the newest few, the small ones, and not too much in all. */
const RECENT = { most: 24, each: 64 * 2 ** 20, total: 256 * 2 ** 20 };

/** The files whose bytes stay: newest first. */
export function keptFiles(files: readonly RecentFile[]): RecentFile[] {
  let total = 0;
  return [...files]
    .sort((a, b) => b.openedAt - a.openedAt)
    .slice(0, RECENT.most)
    .filter(({ size }) => {
      if (size > RECENT.each || total + size > RECENT.total) return false;
      total += size;
      return true;
    });
}

/** Hashes that some record names, as far as its form can be made out: what cannot be read keeps what it seems to name. */
export function namedBlobs(metas: readonly unknown[], files: readonly unknown[], asides: readonly AsideRecord[]): Set<string> {
  const named = new Set<string>();
  const sound: RecentFile[] = [];
  const aside = asides.map(({ value }) => (value as { meta?: unknown } | null)?.meta);
  for (const meta of [...metas, ...aside]) {
    const blobs = (meta as { blobs?: unknown } | null)?.blobs;
    if (Array.isArray(blobs)) for (const hash of blobs) if (typeof hash === 'string') named.add(hash);
  }
  for (const file of files as readonly (Partial<RecentFile> | null)[]) {
    if (typeof file?.hash === 'string' && typeof file.size === 'number' && typeof file.openedAt === 'number')
      sound.push(file as RecentFile);
  }
  for (const { hash } of keptFiles(sound)) named.add(hash);
  return named;
}

/** A depot for this tab alone, where the browser keeps nothing. */
export class MemoryDepot implements Depot {
  readonly kind = 'memory';
  readonly #metas = new Map<string, ProjectMeta>();
  readonly #histories = new Map<string, DocHistory>();
  readonly #taken = new Set<string>();
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #files = new Map<string, RecentFile>();
  readonly #asides = new Map<string, AsideRecord>();

  async metas(): Promise<unknown[]> {
    return [...this.#metas.values()];
  }

  async read(id: string): Promise<RawProject | null> {
    const meta = this.#metas.get(id);
    return meta ? { meta, history: this.#histories.get(id) } : null;
  }

  async claim(id: string): Promise<(RawProject & { revision: number }) | null> {
    const meta = this.#metas.get(id);
    if (!meta) return null;
    const revision = meta.revision + REACH;
    for (let at = meta.revision + 1; at <= revision; at++) this.#take(id, at);
    this.#metas.set(id, { ...meta, revision });
    return { meta, history: this.#histories.get(id), revision };
  }

  #take(id: string, revision: number): void {
    const key = `${id}/${revision}`;
    if (this.#taken.has(key)) throw new Conflict();
    this.#taken.add(key);
  }

  async save(meta: ProjectMeta, history: DocHistory): Promise<void> {
    this.#take(meta.id, meta.revision);
    this.#metas.set(meta.id, meta);
    this.#histories.set(meta.id, history);
  }

  async remove(id: string): Promise<void> {
    const meta = this.#metas.get(id);
    for (let at = 1; meta && at <= REACH; at++) this.#taken.add(`${id}/${meta.revision + at}`);
    this.#metas.delete(id);
    this.#histories.delete(id);
  }

  async hasBlob(hash: string, size: number): Promise<boolean> {
    return this.#blobs.get(hash)?.length === size;
  }

  async putBlob(hash: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#blobs.set(hash, bytes);
  }

  async readBlob(hash: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#blobs.get(hash) ?? null;
  }

  async sweep(): Promise<number> {
    const named = namedBlobs([...this.#metas.values()], [...this.#files.values()], [...this.#asides.values()]);
    let freed = 0;
    for (const [hash, bytes] of this.#blobs) {
      if (named.has(hash)) continue;
      this.#blobs.delete(hash);
      freed += bytes.length;
    }
    return freed;
  }

  async files(): Promise<unknown[]> {
    return [...this.#files.values()];
  }

  async putFile(file: RecentFile): Promise<void> {
    this.#files.set(file.hash, file);
  }

  async removeFile(hash: string): Promise<void> {
    this.#files.delete(hash);
  }

  async asides(): Promise<AsideRecord[]> {
    return [...this.#asides.values()];
  }

  async setAside(record: AsideRecord): Promise<void> {
    this.#asides.set(record.id, record);
    if (record.from === 'project') await this.remove(record.id);
    else this.#files.delete(record.id);
  }

  async removeAside(id: string): Promise<void> {
    this.#asides.delete(id);
  }
}

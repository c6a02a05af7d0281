import { Unzip, UnzipInflate, UnzipPassThrough, Zip, ZipDeflate } from 'fflate';
import { InputError } from '../../base/errors.ts';
import { Cancelled } from '../../base/progress.ts';
import { sha256 } from '../blobs.ts';

/**
 * A project as one file: a zip of `project.json` and of each blob under its hash. Reading expects hostile files: entries, sizes and
 * what they inflate to are bounded, and every blob must be what its name says.
 */
export interface ArchiveParts {
  readonly project: string;
  readonly blobs: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

export const ARCHIVE_LIMITS = { entries: 64, project: 4 * 2 ** 20, total: 2 ** 30 };

/** Lets others work between two pieces; tells how far it is and hears a cancel. */
export type Rest = (done: number, total: number) => Promise<void>;

const PIECE = 2 ** 18;
/** Packed bytes that are read at once: each may unpack to a thousand (deflate), and sizes are judged behind them. */
const PACKED_PIECE = 2 ** 14;
const ADVICE = 'Give a .bpformer file as BPFormer exports it';

export async function packArchive({ project, blobs }: ArchiveParts, rest: Rest): Promise<Uint8Array<ArrayBuffer>> {
  const entries: [string, Uint8Array][] = [['project.json', new TextEncoder().encode(project)]];
  for (const [hash, bytes] of blobs) entries.push([`blobs/${hash}`, bytes]);
  const total = entries.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  const chunks: Uint8Array[] = [];
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    chunks.push(chunk);
  });
  let done = 0;
  for (const [name, bytes] of entries) {
    const file = new ZipDeflate(name, { level: 6 });
    // The same project gives the same bytes.
    file.mtime = new Date(1980, 0, 1);
    zip.add(file);
    for (let from = 0; ; from += PIECE) {
      const last = from + PIECE >= bytes.length;
      file.push(bytes.subarray(from, from + PIECE), last);
      done += Math.min(PIECE, bytes.length - from);
      await rest(done, total);
      if (last) break;
    }
  }
  zip.end();
  return joined(chunks);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

interface Entry {
  readonly name: string;
  readonly chunks: Uint8Array[];
  whole: boolean;
}

export async function unpackArchive(bytes: Uint8Array, where: string, rest: Rest): Promise<ArchiveParts> {
  const refuse = (what: string): never => {
    throw new InputError(what, where, ADVICE);
  };
  const entries = new Map<string, Entry>();
  let inflated = 0;
  const unzip = new Unzip((file) => {
    const { name } = file;
    if (name !== 'project.json' && !/^blobs\/[0-9a-f]{64}$/.test(name))
      refuse(`it holds ${JSON.stringify(name.slice(0, 80))}, which no project file does`);
    if (entries.has(name)) refuse(`it holds ${name} twice`);
    if (entries.size >= ARCHIVE_LIMITS.entries) refuse(`it holds more than ${ARCHIVE_LIMITS.entries} files`);
    const entry: Entry = { name, chunks: [], whole: false };
    entries.set(name, entry);
    let size = 0;
    file.ondata = (error, chunk, final) => {
      if (error) throw error;
      size += chunk.length;
      inflated += chunk.length;
      if (inflated > ARCHIVE_LIMITS.total) refuse('it unpacks to more than 1 GiB');
      if (name === 'project.json' && size > ARCHIVE_LIMITS.project) refuse('its project.json is larger than 4 MiB');
      entry.chunks.push(chunk.slice());
      if (final) entry.whole = true;
    };
    file.start();
  });
  unzip.register(UnzipInflate);
  unzip.register(UnzipPassThrough);
  try {
    for (let from = 0; from < bytes.length; from += PACKED_PIECE) {
      unzip.push(bytes.subarray(from, from + PACKED_PIECE), from + PACKED_PIECE >= bytes.length);
      await rest(Math.min(from + PACKED_PIECE, bytes.length), bytes.length);
    }
  } catch (error) {
    if (error instanceof InputError || error instanceof Cancelled) throw error;
    refuse(`it is no whole zip file (${error instanceof Error ? error.message : String(error)})`);
  }
  const cut = [...entries.values()].find(({ whole }) => !whole);
  if (cut) refuse(`it ends within ${cut.name}`);
  const text = entries.get('project.json');
  if (!text) return refuse('it holds no project.json');
  const blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const { name, chunks } of entries.values()) {
    if (name === 'project.json') continue;
    const blob = joined(chunks);
    const hash = name.slice('blobs/'.length);
    if ((await sha256(blob)) !== hash) refuse(`the contents of ${name} are not those that its name says`);
    blobs.set(hash, blob);
  }
  try {
    return { project: new TextDecoder('utf-8', { fatal: true }).decode(joined(text.chunks)), blobs };
  } catch {
    return refuse('its project.json is not text');
  }
}

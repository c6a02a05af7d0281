/**
 * `npm run long captures FOLDER [COLLECTION…]`: makes a collection of captures in FOLDER unless it is there (`capture-collection.ts`), and counts the packets
 * of every capture in it, and in other people's COLLECTIONs, as tshark does.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { InputError } from '../src/base/errors.ts';
import { openFile } from '../src/cli/file-source.ts';
import { openCapture } from '../src/traces/capture/capture.ts';
import { makeCollection } from './capture-collection.ts';
import { eachOf, filesOf, TsharkCache } from './tshark.ts';

/** Link types that tshark refuses in pcap files, where we show bytes with a word. */
const UNKNOWN_LINK = /network type \d+ unknown or unsupported/;
/** Link type of frames that nobody knows but whoever made them. */
const USER0 = 147;

/** Packets that tshark lists before it stops; null where it does not take the file at all. */
async function tsharkCount(cache: TsharkCache, path: string): Promise<{ count: number | null; why: string }> {
  const { stdout, stderr } = await cache.ask(path, ['-T', 'fields', '-e', 'frame.number']);
  const why = stderr
    .replaceAll(path, 'FILE')
    .replace(/^Running as user.*\n/, '')
    .trim();
  if (UNKNOWN_LINK.test(why)) return { ...(await withLinkType(cache, path, USER0)), why };
  if (stdout !== '') return { count: stdout.trimEnd().split('\n').length, why };
  // Nothing to list: an empty capture, or one that is none.
  return { count: why === '' ? 0 : null, why };
}

const UNPACK: Readonly<Record<number, string>> = { 8075: 'gzip', 10421: 'zstd' };

/** The bytes of a capture, unpacked; what the tool gave before damage counts. */
function unpacked(path: string): Buffer {
  const bytes = readFileSync(path);
  const tool = UNPACK[bytes.readUInt16BE(0)];
  return tool ? Buffer.from(spawnSync(tool, ['-dcq'], { input: bytes, maxBuffer: 2 ** 30 }).stdout) : bytes;
}

/** What tshark counts in a pcap file whose link type is another one. */
async function withLinkType(cache: TsharkCache, path: string, linkType: number): Promise<{ count: number | null; why: string }> {
  const bytes = unpacked(path);
  if (bytes[0] === 0xa1) bytes.writeUInt32BE(linkType, 20);
  else bytes.writeUInt32LE(linkType, 20);
  const changed = join(mkdtempSync(join(tmpdir(), 'link-type-')), 'changed.pcap');
  writeFileSync(changed, bytes);
  try {
    return await tsharkCount(cache, changed);
  } finally {
    rmSync(dirname(changed), { recursive: true });
  }
}

interface Outcome {
  readonly file: string;
  readonly theirs: number | null;
  readonly why: string;
  readonly ours: number | null;
  readonly message: string;
}

async function compare(cache: TsharkCache, folder: string, file: string): Promise<Outcome> {
  const path = join(folder, file);
  const { count: theirs, why } = await tsharkCount(cache, path);
  const source = await openFile(path);
  try {
    const { count, damage } = await openCapture(source);
    return { file, theirs, why, ours: count, message: damage ? `byte ${damage.offset}: ${damage.what}` : '' };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { file, theirs, why, ours: null, message: error.what };
  }
}

export default async function captures([folder, ...others]: string[]): Promise<unknown> {
  if (!folder)
    throw new Error(
      'npm run long captures FOLDER [COLLECTION…]: FOLDER is filled with captures unless it is there, COLLECTIONs are compared as they are',
    );
  if (!existsSync(folder)) await makeCollection(folder);
  const cache = new TsharkCache(folder);
  const outcomes: Outcome[] = [];
  for (const one of [folder, ...others])
    await eachOf([...filesOf(one)], async (file) => void outcomes.push(await compare(cache, one, file)));
  const equal = outcomes.filter(({ ours, theirs }) => (ours ?? 0) === (theirs ?? 0));
  const other = outcomes.filter(({ ours, theirs }) => (ours ?? 0) !== (theirs ?? 0));
  const told = other.filter(({ message }) => /byte \d+/.test(message));
  const wrong = other.filter(({ message }) => !/byte \d+/.test(message));
  return {
    files: outcomes.length,
    packets: outcomes.reduce((sum, { ours }) => sum + (ours ?? 0), 0),
    /** Broken on purpose or by their format. */
    damaged: outcomes.filter(({ message }) => message !== '').length,
    sameCount: equal.length,
    /** Of these, link types that tshark refuses: counted by it with another link type in the header. */
    unknownLinkTypes: equal.filter(({ why }) => UNKNOWN_LINK.test(why)).length,
    /** Another count, with a message that says at which byte the capture ends. */
    saysTheByte: told.length,
    wrong: wrong.map(({ file, ours, theirs, why }) => ({ file, ours, theirs, why })),
    otherCounts: told.map(({ file, ours, theirs, message, why }) => ({ file, ours, theirs, message, why })),
  };
}

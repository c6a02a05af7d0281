import { create } from 'zustand';
import { beginsAsCapture, packingOf } from '../traces/capture/begins.ts';
import { holdFile, sha256 } from './blobs.ts';
import { holdCopies, keepCopy } from './capture.ts';
import type { BlobRef } from './document.ts';
import { useReplayControl } from './replay-control.ts';
import { useWorkbench } from './store.ts';

/**
 * Captures that are too large to be held: they are read where they lie on disk. A reference to one names its size, its time and samples of its
 * bytes. Since a page may not open files by itself, a copy goes into the browser's own storage where there is room, for the next visit.
 */
const SAMPLE_BYTES = 64 << 10;
/** A copy may take so much of the free room. */
const COPY_SHARE = 0.5;
const FOLDER = 'captures';

/** Whether a copy of the capture with this hash will be there after a reload. */
interface Copy {
  readonly hash: string;
  readonly state: 'unknown' | 'none' | 'copying' | 'kept';
}

export const useCopy = create<Copy>()(() => ({ hash: '', state: 'unknown' }));

/** The reference to a capture that stays on disk; null for any other file. */
export async function outsideFile(file: File, name: string): Promise<BlobRef | null> {
  const head = await bytesOf(file, 0, 4);
  const packing = packingOf(head);
  if (packing === 'gzip' ? !(await holdsCapture(file)) : packing === null && !beginsAsCapture(head)) return null;
  const ref = { hash: await hashOf(file), name, size: file.size, modified: file.lastModified };
  holdFile(ref.hash, file);
  return ref;
}

const bytesOf = async (file: Blob, from: number, length: number): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await file.slice(from, from + length).arrayBuffer());

/** gzip packs many things: what is inside begins as a capture. */
async function holdsCapture(file: Blob): Promise<boolean> {
  const reader = file.slice(0, SAMPLE_BYTES).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    const { value } = await reader.read();
    return value !== undefined && beginsAsCapture(value);
  } catch {
    return false;
  } finally {
    void reader.cancel().catch(() => {});
  }
}

async function hashOf(file: File): Promise<string> {
  const places = [0, Math.floor(file.size / 2), Math.max(0, file.size - SAMPLE_BYTES)];
  const samples = await Promise.all(places.map((from) => bytesOf(file, from, SAMPLE_BYTES)));
  const text = new TextEncoder().encode(`capture ${file.size} ${file.lastModified}`);
  return sha256(new Uint8Array(await new Blob([text, ...samples]).arrayBuffer()));
}

/** Copies a capture into the browser's storage, if there is room. */
export async function keepForLater({ hash, size }: BlobRef, file: Blob): Promise<void> {
  if (useCopy.getState().hash === hash && useCopy.getState().state !== 'unknown') return;
  const say = (state: Copy['state']) => useCopy.setState({ hash, state });
  say('unknown');
  if (await restoreFile(hash, size)) {
    holdFile(hash, file);
    say('kept');
    return;
  }
  try {
    const { usage = 0, quota = 0 } = await navigator.storage.estimate();
    if (size > (quota - usage) * COPY_SHARE) {
      say('none');
      return;
    }
    say('copying');
    await givingWay(() => keepCopy(file, FOLDER, hash));
    if (useCopy.getState().hash === hash) say('kept');
  } catch {
    if (useCopy.getState().hash === hash) say('none');
  }
}

/** A replay that goes as fast as it can and comes to its end. */
const isRacing = (): boolean => {
  const { speed, paused } = useReplayControl.getState();
  return useWorkbench.getState().stages.replay.status === 'running' && speed === 'fast' && !paused;
};

/** Copies only while no replay races. */
async function givingWay(copying: () => Promise<void>): Promise<void> {
  let held = false;
  const look = () => {
    if (held === isRacing()) return;
    held = !held;
    holdCopies(held).catch(() => {});
  };
  const ends = [useWorkbench.subscribe(look), useReplayControl.subscribe(look)];
  try {
    look();
    await copying();
  } finally {
    for (const end of ends) end();
    if (held) holdCopies(false).catch(() => {});
  }
}

/** Takes a capture from the browser's storage; false where no whole copy of it is there. */
export async function restoreFile(hash: string, size: number): Promise<boolean> {
  try {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER);
    const file = await (await folder.getFileHandle(hash)).getFile();
    if (file.size !== size) return false;
    holdFile(hash, file);
    useCopy.setState({ hash, state: 'kept' });
    return true;
  } catch {
    return false;
  }
}

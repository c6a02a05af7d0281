import { leaveBlobs, releaseBlobs } from './blobs.ts';
import { forgetPrograms } from './clients.ts';
import type { BlobRef } from './document.ts';
import { forgetLeft } from './leaving.ts';
import { blobsOfHistory } from './projects/record.ts';
import { WorkerClient } from './rpc.ts';
import { useWorkbench } from './store.ts';

/**
 * Lets go of what a project needed in memory that was left: its files, once storage has them or they come with the site, and workers that only it used. Whoever
 * goes back to it has the files read again (`loadBlobs`, `findBlobs`).
 */

/** What is asked for so long after a project was left still belongs to it: panels that end their work, a comparison that goes on. */
const QUIET_MS = 5000;

type Namer = () => Iterable<string>;
const namers: Namer[] = [() => blobsOfHistory(useWorkbench.getState().history).keys()];

/** Adds hashes that must not go beside those of the open project. */
export function alsoNamed(namer: Namer): void {
  namers.push(namer);
}

let leftAt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The project that named `refs` was left at `at`, by `performance.now()`, and they can be had again. */
export function leaveProject(refs: Iterable<BlobRef>, at: number): void {
  // Projects that were left one after the other may reach the storage in any order.
  leftAt = Math.max(leftAt, at);
  forgetFiles(refs);
}

/** Files that no project names, as those that could not be opened. */
export function forgetFiles(refs: Iterable<BlobRef>): void {
  leaveBlobs(refs);
  clearTimeout(timer);
  timer = setTimeout(look, QUIET_MS);
}

function look(): void {
  if (leftAt > 0) forgetLeft();
  const named = new Set(namers.flatMap((namer) => [...namer()]));
  const { gone, waiting } = releaseBlobs(named, QUIET_MS);
  forgetPrograms(new Set(gone));
  for (const client of WorkerClient.all) client.leave(gone, named, leftAt);
  if (waiting > 0) timer = setTimeout(look, QUIET_MS);
  else leftAt = 0;
}

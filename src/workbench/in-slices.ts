import { Cancelled } from '../base/progress.ts';

/** The page does nothing else for so long. */
const SLICE_MS = 8;

/** Runs work of the page that would hold it up, a slice at a time. Throws {@link Cancelled} when `signal` says so. */
export async function inSlices<T>(work: Generator<void, T>, signal?: AbortSignal): Promise<T> {
  for (let began = performance.now(); ; ) {
    if (signal?.aborted) throw new Cancelled();
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - began < SLICE_MS) continue;
    await new Promise((resolve) => setTimeout(resolve));
    began = performance.now();
  }
}

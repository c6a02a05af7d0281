import type { KernelVersion } from '../verifier/api.ts';
import { hold, logWorker } from './clients.ts';
import type { BlobRef } from './document.ts';
import type { BesideView } from './log-views.ts';
import type { CallOptions } from './rpc.ts';

/** Our verifier on the program of an open log, beside it. */
export async function logBeside(blob: BlobRef, file: File, kernel: KernelVersion, options: CallOptions): Promise<BesideView> {
  hold(logWorker, blob);
  const bytes = new Uint8Array(await file.arrayBuffer());
  return logWorker.call<BesideView>('besideLog', { blob, name: file.name, bytes, kernel }, options);
}

import { decodeLog } from '../../verifier/logfile/lines.ts';
import type { LogView } from '../../workbench/log-views.ts';
import { announce } from '../../workbench/store.ts';
import { log as texts } from '../texts/log.ts';

/** More than this hangs what it is pasted into. */
const MOST_COPIED = 16 * 1024 * 1024;

export async function copyLog(log: LogView): Promise<void> {
  if (log.bytes.length > MOST_COPIED) {
    announce(texts.tooLarge);
    return;
  }
  try {
    await navigator.clipboard.writeText(decodeLog(log.bytes, log.encoding));
    announce(texts.copied(log.lines));
  } catch {
    announce(texts.copyFailed);
  }
}

export function downloadLog(log: LogView): void {
  const url = URL.createObjectURL(new Blob([log.bytes as Uint8Array<ArrayBuffer>], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = /\.(log|txt)$/i.test(log.name) ? log.name : `${log.name}.log`;
  link.click();
  URL.revokeObjectURL(url);
}

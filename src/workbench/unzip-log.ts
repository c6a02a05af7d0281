import { MOST_LOG_BYTES } from '../verifier/logfile/reader.ts';
import { logSample, looksLikeListing, looksLikeLog } from '../verifier/logfile/recognise.ts';

/** Captures are unpacked where they are read. */
const CAPTURE = /\.(?:pcap|pcapng|cap|dump)\.gz$/i;

/** The verifier log that a gzip file holds; null for any other file. Rotated logs of a system are packed so. */
export async function unzippedLog(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || CAPTURE.test(name)) return null;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      pieces.push(read.value as Uint8Array<ArrayBuffer>);
      length += read.value.length;
      if (length > MOST_LOG_BYTES) return null;
    }
  } catch {
    // Cut or damaged: what it held so far may be a log all the same.
  } finally {
    void reader.cancel().catch(() => {});
  }
  const whole = new Uint8Array(await new Blob(pieces).arrayBuffer());
  const sample = logSample(whole);
  return looksLikeLog(sample) || looksLikeListing(sample) ? whole : null;
}

import { Gunzip } from 'fflate';
import { MOST_LOG_BYTES } from '../verifier/logfile/reader.ts';
import { logSample, looksLikeListing, looksLikeLog } from '../verifier/logfile/recognise.ts';

/** Captures are unpacked where they are read. */
const CAPTURE = /\.(?:pcap|pcapng|cap|dump)\.gz$/i;
/** Deflate makes up to a thousand bytes of one. */
const PIECE_BYTES = 8 * 1024;

/**
 * The verifier log that a gzip file holds; null for any other file. Rotated logs of a system are packed so. What a cut or damaged file held so far may be a log all
 * the same. No `DecompressionStream`: a worker that is ended amid a pipe takes Chromium's whole page with it (see `counted-fetch.ts`).
 */
export async function unzippedLog(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || CAPTURE.test(name)) return null;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const gunzip = new Gunzip((piece) => {
    pieces.push(piece as Uint8Array<ArrayBuffer>);
    length += piece.length;
  });
  try {
    for (let at = 0; at < bytes.length && length <= MOST_LOG_BYTES; at += PIECE_BYTES) gunzip.push(bytes.subarray(at, at + PIECE_BYTES));
  } catch {
    // Damaged here.
  }
  if (length > MOST_LOG_BYTES) return null;
  const whole = new Uint8Array(await new Blob(pieces).arrayBuffer());
  const sample = logSample(whole);
  return looksLikeLog(sample) || looksLikeListing(sample) ? whole : null;
}

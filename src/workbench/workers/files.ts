import { logSample, looksLikeLog } from '../../verifier/logfile/recognise.ts';
import { sha256 } from '../blobs.ts';
import { Transferred } from '../rpc.ts';
import { hold } from './blobs.ts';

export interface FileAnswer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly hash: string;
  /** Whether this worker keeps a copy under the hash. */
  readonly kept: boolean;
}

/** Reads a file for the page; a log is kept here too, since this worker is asked about it next. */
export async function readFile({ file }: { file: File }): Promise<Transferred<FileAnswer>> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const hash = await sha256(bytes);
  const kept = looksLikeLog(logSample(bytes));
  if (kept) hold({ hash, bytes: bytes.slice() });
  return new Transferred({ bytes, hash, kept }, [bytes.buffer]);
}

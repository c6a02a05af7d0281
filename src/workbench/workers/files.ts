import { logSample, looksLikeLog } from '../../verifier/logfile/recognise.ts';
import { sha256 } from '../blobs.ts';
import { Transferred } from '../rpc.ts';
import { unzippedLog } from '../unzip-log.ts';
import { hold } from './blobs.ts';

export interface FileAnswer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly hash: string;
  /** Whether this worker keeps a copy under the hash. */
  readonly kept: boolean;
  /** What tells a log from other texts: looking through a large file for it takes a while. */
  readonly sample: string;
}

/** Reads a file for the page; a log is kept here too, since this worker is asked about it next. */
export async function readFile({ file }: { file: File }): Promise<Transferred<FileAnswer>> {
  const given = new Uint8Array(await file.arrayBuffer());
  const bytes = (await unzippedLog(file.name, given)) ?? given;
  const hash = await sha256(bytes);
  const sample = logSample(bytes);
  const kept = looksLikeLog(sample);
  if (kept) hold({ hash, bytes: bytes.slice() });
  return new Transferred({ bytes, hash, kept, sample }, [bytes.buffer]);
}

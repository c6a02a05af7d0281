import { collectJumps } from '../bpf/jumps.ts';
import type { KernelVersion } from '../verifier/api.ts';
import type { LogProgram } from '../verifier/logfile/program.ts';
import { getBlob } from './blobs.ts';
import { callOnProgram, hold, logWorker } from './clients.ts';
import { lineColumns, rowColumns } from './columns.ts';
import type { BlobRef } from './document.ts';
import { type LogAnswer, type LogView, runOf } from './log-views.ts';
import type { CallOptions } from './rpc.ts';
import type { ProgramView, VerifiedView } from './views.ts';

function viewOf(key: string, name: string, raw: Uint8Array, { columns, bytes, longest }: LogAnswer): LogView {
  return { ...columns, key, name, bytes: bytes ?? raw, fileBytes: raw.length, longest };
}

/** The log worker keeps one open log, and one of our own. */
let documentHeld: string | null = null;

/** Reads the log that is open as the project's document. */
export async function readLogFile(blob: BlobRef, key: string, options: CallOptions): Promise<LogView> {
  if (documentHeld && documentHeld !== blob.hash) logWorker.release(documentHeld);
  documentHeld = blob.hash;
  hold(logWorker, blob);
  return viewOf(key, blob.name, getBlob(blob), await logWorker.call<LogAnswer>('readLog', { blob }, options));
}

/** The instructions that a log shows, as a program to read: null where it shows none. */
export async function programOfLog(blob: BlobRef, log: LogView, key: string, options: CallOptions): Promise<ProgramView> {
  hold(logWorker, blob);
  const { code, seen, texts, missing, functions, sources } = await logWorker.call<LogProgram>('logProgram', { blob }, options);
  const count = code.length / 8;
  const lines = lineColumns(sources);
  return {
    key,
    modelKey: '',
    name: runOf(log).program || log.name,
    section: '',
    license: '',
    siblings: [],
    progType: 0,
    code,
    subprogs: functions.map(({ name, start }) => ({ name, start, linkage: 'static' })),
    maps: [],
    origins: [],
    originStart: new Uint32Array(count + 1),
    originIdx: new Uint16Array(0),
    nodes: [],
    lines,
    jumps: collectJumps(code),
    rows: rowColumns(
      code,
      functions.map(({ start }) => start),
      lines.insn,
      seen,
    ),
    changes: 0,
    fork: false,
    hunks: [],
    fromLog: { seen, texts, missing },
  };
}

/** What the log says of the verdict; null where it does not say. */
export function verdictOfLog(log: LogView): VerifiedView | null {
  const run = runOf(log);
  if (run.verdict === 'unknown') return null;
  const { counters } = run;
  const visits = new Uint32Array(Math.max(0, log.visitStart.length - 1));
  for (let insn = 0; insn < visits.length; insn++) visits[insn] = log.visitStart[insn + 1]! - log.visitStart[insn]!;
  return {
    accepted: run.verdict === 'accepted',
    message: run.message,
    insnIdx: run.insnIdx,
    processed: counters.processed ?? 0,
    totalStates: counters.totalStates ?? 0,
    peakStates: counters.peakStates ?? 0,
    maxStatesPerInsn: counters.maxStatesPerInsn ?? 0,
    stackDepth: counters.stackDepth ?? '',
    kernel: '',
    visits,
    log: log.bytes,
    logLines: log.lineStart,
    fromLog: true,
  };
}

/** The log of our own verifier in the log worker's hands, under a name that stands for how it was made. */
function ownBlob(programKey: string, kernel: string, level: number, size: number): BlobRef {
  return { hash: `own ${kernel} ${level} ${programKey}`, name: 'verifier.log', size };
}

let ownHeld: string | null = null;

/** Makes the verifier's log of a program at a level and reads it. `known`: its bytes, where they are at hand. */
export async function ownLog(
  programKey: string,
  kernel: KernelVersion,
  level: number,
  known: Uint8Array | null,
  options: CallOptions,
): Promise<LogView> {
  const bytes = known ?? (await callOnProgram<Uint8Array>(programKey, 'verifyLog', { kernel, level }, options));
  const blob = ownBlob(programKey, kernel, level, bytes.length);
  if (ownHeld && ownHeld !== blob.hash) logWorker.release(ownHeld);
  ownHeld = blob.hash;
  logWorker.hold(blob.hash, bytes);
  return viewOf(blob.hash, blob.name, bytes, await logWorker.call<LogAnswer>('readLog', { blob }, options));
}

/** How the log worker knows a log on show. */
export function blobOf(log: LogView, document: BlobRef | null): BlobRef {
  return log.key.startsWith('own ') || !document ? { hash: log.key, name: log.name, size: log.bytes.length } : document;
}

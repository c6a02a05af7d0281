import { Cancelled } from '../../base/progress.ts';
import type { LogColumns } from '../../verifier/logfile/lines.ts';
import { type LogProgram, LogProgramBuilder } from '../../verifier/logfile/program.ts';
import { LogReader } from '../../verifier/logfile/reader.ts';
import { type LogMatches, type LogQuery, LogSearch } from '../../verifier/logfile/search.ts';
import type { BlobRef } from '../document.ts';
import type { LogAnswer } from '../log-views.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import { bytesOf, Recent } from './blobs.ts';
import { rest, SLICE_MS } from './rest.ts';

interface LogArgs {
  readonly blob: BlobRef;
}

interface Held {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether cleaning made new bytes. */
  readonly cleaned: boolean;
  readonly columns: LogColumns;
}

/** Logs are large: the document's and the verifier's own. */
const logs = new Recent<Held>(2);

/** Works in steps until done, hearing "stop" between slices. */
export async function inSlices(step: () => boolean, context: CallContext, report: () => void): Promise<void> {
  let started = performance.now();
  while (!step()) {
    if (performance.now() - started < SLICE_MS) continue;
    report();
    await rest();
    if (context.cancelled) throw new Cancelled();
    started = performance.now();
  }
}

const READ_BYTES = 128 * 1024;
const SEARCH_BYTES = 256 * 1024;
const PROGRAM_LINES = 8192;

/** Progress is shown a few times a second, not after every slice. */
export function paced(report: () => void): () => void {
  let last = performance.now();
  return () => {
    const now = performance.now();
    if (now - last < 50) return;
    last = now;
    report();
  };
}

export async function heldLog(blob: BlobRef, context: CallContext): Promise<Held> {
  const known = logs.get(blob.hash);
  if (known) return known;
  const raw = bytesOf(blob);
  const reader = new LogReader(raw, blob.name);
  await inSlices(
    () => reader.step(READ_BYTES),
    context,
    paced(() => context.progress('reading the log', reader.done, reader.bytes.length)),
  );
  return logs.set(blob.hash, { bytes: reader.bytes, cleaned: reader.bytes !== raw, columns: reader.columns() });
}

export async function readLog({ blob }: LogArgs, context: CallContext): Promise<Transferred<LogAnswer>> {
  const { columns, bytes, cleaned } = await heldLog(blob, context);
  const copy: LogColumns = {
    ...columns,
    lineStart: columns.lineStart.slice(),
    kind: columns.kind.slice(),
    insn: columns.insn.slice(),
    frame: columns.frame.slice(),
    prefix: columns.prefix.slice(),
    visitStart: columns.visitStart.slice(),
    visitLine: columns.visitLine.slice(),
  };
  const shown = cleaned ? bytes.slice() : null;
  const { lineStart, kind, insn, frame, prefix, visitStart, visitLine } = copy;
  const buffers = [lineStart, kind, insn, frame, prefix, visitStart, visitLine, ...(shown ? [shown] : [])].map(({ buffer }) => buffer);
  let longest = 0;
  for (let line = 0; line < columns.lines; line++) longest = Math.max(longest, columns.lineStart[line + 1]! - columns.lineStart[line]!);
  return new Transferred({ columns: copy, bytes: shown, longest }, buffers);
}

export async function logProgram({ blob }: LogArgs, context: CallContext): Promise<Transferred<LogProgram>> {
  const { bytes, columns } = await heldLog(blob, context);
  const builder = new LogProgramBuilder(bytes, columns);
  await inSlices(
    () => builder.step(PROGRAM_LINES),
    context,
    paced(() => context.progress('collecting instructions', builder.done, columns.lines)),
  );
  const program = builder.program();
  return new Transferred(program, [program.code.buffer, program.seen.buffer]);
}

export interface SearchBatch extends LogMatches {
  /** Lines searched so far. */
  readonly done: number;
}

/** Sends what it finds as it finds it; resolves with the number of lines found. */
export async function searchLog({ blob, query }: LogArgs & { readonly query: LogQuery }, context: CallContext): Promise<number> {
  const { bytes, columns } = await heldLog(blob, context);
  const search = new LogSearch(bytes, columns, query);
  const send = () => {
    const { line, from, to } = search.take();
    context.emit({ line, from, to, done: search.done } satisfies SearchBatch, [line.buffer, from.buffer, to.buffer]);
  };
  await inSlices(() => search.step(SEARCH_BYTES), context, paced(send));
  send();
  return search.found;
}

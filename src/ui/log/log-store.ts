import { create } from 'zustand';
import { Cancelled, STOPPED } from '../../base/progress.ts';
import { patternProblem } from '../../verifier/logfile/search.ts';
import { logWorker } from '../../workbench/clients.ts';
import type { BlobRef } from '../../workbench/document.ts';
import { toUserError, type UserError } from '../../workbench/errors.ts';
import { isOpenProgram, whenLeft } from '../../workbench/leaving.ts';
import type { LogView } from '../../workbench/log-views.ts';
import { ownLog } from '../../workbench/logs.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import type { StageProgress } from '../../workbench/stages.ts';
import { announce, currentDoc, useWorkbench } from '../../workbench/store.ts';
import { noteLine } from '../../workbench/text-line.ts';
import type { VerifiedView } from '../../workbench/views.ts';
import type { SearchBatch } from '../../workbench/workers/logs.ts';
import { log as texts } from '../texts/log.ts';

/** What was found in a log: lines in order, and where in each its first match stands. */
export interface Found {
  readonly line: Uint32Array;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

const NOTHING: Found = { line: new Uint32Array(0), from: new Uint32Array(0), to: new Uint32Array(0) };

interface Search {
  /** Log and query that `found` belongs to. */
  readonly of: string;
  readonly status: 'none' | 'running' | 'done' | 'stopped' | 'bad';
  readonly found: Found;
  /** Share of the lines searched so far. */
  readonly share: number;
  /** Why a pattern cannot be searched for. */
  readonly problem: string | null;
}

interface OwnLog {
  readonly of: string;
  readonly status: 'absent' | 'running' | 'done' | 'stopped' | 'error';
  readonly value: LogView | null;
  readonly progress: StageProgress | null;
  readonly error: UserError | null;
}

interface LogState {
  readonly text: string;
  readonly regex: boolean;
  readonly onlyMatches: boolean;
  readonly fold: boolean;
  readonly showState: boolean;
  readonly search: Search;
  /** The chosen line, and the log that it counts in. */
  readonly cursor: { readonly key: string; readonly line: number };
  /** Runs of notes that are shown, in the log of the cursor's kind. */
  readonly opened: ReadonlySet<number>;
  /** The kernel's log level of our own verifier's log. */
  readonly level: number;
  readonly own: OwnLog;
}

const NO_LOG: OwnLog = { of: '', status: 'absent', value: null, progress: null, error: null };
const NO_SEARCH: Search = { of: '', status: 'none', found: NOTHING, share: 0, problem: null };

/** What the Log panel and the Verifier panel share about logs. */
export const useLogs = create<LogState>()(() => ({
  text: '',
  regex: false,
  onlyMatches: false,
  fold: true,
  showState: true,
  search: NO_SEARCH,
  cursor: { key: '', line: -1 },
  opened: new Set(),
  level: 1,
  own: NO_LOG,
}));

const { getState, setState } = useLogs;

export function setCursor(key: string, line: number): void {
  setState({ cursor: { key, line } });
  const { source } = currentDoc();
  if (source?.kind === 'log' && !key.startsWith('own ')) noteLine(source.blob.hash, line + 1);
}

export function toggleFold(): void {
  setState({ fold: !getState().fold, opened: new Set() });
}

export function openFold(line: number): void {
  setState({ opened: new Set([...getState().opened, line]) });
}

let searching: AbortController | null = null;

/** Searches the log; what was searched for before is given up. */
export function searchFor(log: LogView, blob: BlobRef, text: string, regex: boolean): void {
  searching?.abort(STOPPED);
  searching = null;
  const of = JSON.stringify([log.key, text, regex]);
  setState({ text, regex });
  if (text === '') {
    setState({ search: NO_SEARCH, onlyMatches: false });
    return;
  }
  const problem = patternProblem({ text, regex });
  if (problem !== null) {
    setState({ search: { ...NO_SEARCH, of, status: 'bad', problem } });
    return;
  }
  const controller = new AbortController();
  searching = controller;
  const grown = { line: new Uint32Array(1024), from: new Uint32Array(1024), to: new Uint32Array(1024), length: 0 };
  const add = (batch: SearchBatch) => {
    if (searching !== controller) return;
    const length = grown.length + batch.line.length;
    for (const name of ['line', 'from', 'to'] as const) {
      if (grown[name].length < length) {
        const more = new Uint32Array(length * 2);
        more.set(grown[name]);
        grown[name] = more;
      }
      grown[name].set(batch[name], grown.length);
    }
    grown.length = length;
    const found: Found = { line: grown.line.subarray(0, length), from: grown.from.subarray(0, length), to: grown.to.subarray(0, length) };
    setState({ search: { of, status: 'running', found, share: log.lines > 0 ? batch.done / log.lines : 1, problem: null } });
  };
  // The old matches stay on show until the first new ones come.
  setState({ search: { ...getState().search, of, status: 'running', share: 0, problem: null, found: NOTHING } });
  logWorker.hold(blob.hash, log.bytes);
  logWorker
    .call<number>('searchLog', { blob, query: { text, regex } }, { signal: controller.signal, onEvent: add as (event: never) => void })
    .then(
      (count) => {
        if (searching !== controller) return;
        setState({ search: { ...getState().search, status: 'done', share: 1 } });
        announce(texts.search.found(count));
      },
      (error: unknown) => {
        if (searching !== controller) return;
        const problem = error instanceof Cancelled ? null : error instanceof RemoteError ? error.error.what : String(error);
        setState({ search: { ...getState().search, status: problem === null ? 'stopped' : 'bad', problem } });
      },
    );
}

export function stopSearch(): void {
  searching?.abort(STOPPED);
}

let making: AbortController | null = null;

/** A level-2 log that took longer than this is not made again by itself for the next program. */
const SLOW_MS = 1500;

const ownKey = (programKey: string, kernel: string, level: number): string => JSON.stringify([programKey, kernel, level]);

/** A log may have hundreds of megabytes, and a search a number for each of its lines: they go with their project. */
whenLeft(() => {
  const { own, search } = getState();
  const ownStays = own.status === 'running' || (own.of !== '' && isOpenProgram((JSON.parse(own.of) as [string])[0]));
  const open = [ownStays ? own.value?.key : undefined, useWorkbench.getState().stages.log.value?.key];
  const searchStays = search.of !== '' && open.includes((JSON.parse(search.of) as [string])[0]);
  setState({ own: ownStays ? own : NO_LOG, search: searchStays ? search : NO_SEARCH });
});

/** Makes our verifier's log of the verified program, unless it stands or is being made. */
export function makeOwnLog(programKey: string, verified: VerifiedView, level: number): void {
  const of = ownKey(programKey, verified.kernel, level);
  const { own } = getState();
  if (own.of === of && own.status !== 'absent') return;
  making?.abort(STOPPED);
  const controller = new AbortController();
  making = controller;
  setState({ own: { of, status: 'running', value: own.value, progress: null, error: null } });
  const settle = (change: Partial<OwnLog>) => {
    if (making === controller) setState({ own: { ...getState().own, progress: null, ...change } });
  };
  const known = level === (verified.accepted ? 4 : 1) ? verified.log : null;
  const started = performance.now();
  ownLog(programKey, verified.kernel as Parameters<typeof ownLog>[1], level, known, {
    signal: controller.signal,
    onProgress: (stage, done, total) => settle({ progress: { stage, done, total } }),
  }).then(
    (value) => {
      settle({ status: 'done', value });
      slow = performance.now() - started > SLOW_MS;
    },
    (error: unknown) => {
      if (error instanceof Cancelled) settle({ status: 'stopped', value: null });
      else settle({ status: 'error', value: null, error: error instanceof RemoteError ? error.error : toUserError(error, texts.making) });
    },
  );
}

let slow = false;

export function stopOwnLog(): void {
  making?.abort(STOPPED);
}

/** Forgets that making it was stopped or failed. */
export function retryOwnLog(): void {
  setState({ own: { ...getState().own, of: '', status: 'absent' } });
}

export function setLevel(level: number): void {
  slow = false;
  setState({ level });
}

/** The level for the next program: what took long is asked for anew. */
export function levelFor(programKey: string, kernel: string): number {
  const { level, own } = getState();
  if (level !== 2 || !slow || own.of === ownKey(programKey, kernel, level)) return level;
  setState({ level: 1 });
  return 1;
}

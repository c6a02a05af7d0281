import { useEffect, useMemo } from 'react';
import type { BlobRef } from '../../workbench/document.ts';
import type { UserError } from '../../workbench/errors.ts';
import type { LogView } from '../../workbench/log-views.ts';
import { blobOf } from '../../workbench/logs.ts';
import type { StageProgress } from '../../workbench/stages.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { levelFor, makeOwnLog, stopOwnLog, useLogs } from './log-store.ts';

/** The log on show: the one that is open, or our verifier's of the open program. */
export interface LogOnShow {
  readonly log: LogView | null;
  readonly blob: BlobRef | null;
  readonly origin: 'document' | 'own' | 'none';
  readonly status: 'absent' | 'running' | 'done' | 'stopped' | 'error';
  readonly stale: boolean;
  readonly progress: StageProgress | null;
  readonly error: UserError | null;
  /** Stops making our own; an open log is stopped by its stage. */
  readonly stop: () => void;
}

export function useLog(): LogOnShow {
  const source = useWorkbench((state) => state.history.doc.source);
  const document = useWorkbench((state) => state.stages.log);
  const program = useWorkbench((state) => state.stages.program);
  const verified = useWorkbench((state) => state.stages.verified);
  const level = useLogs((state) => state.level);
  const own = useLogs((state) => state.own);
  const isLog = source?.kind === 'log';
  const ready =
    !isLog &&
    program.value !== null &&
    verified.value !== null &&
    verified.status === 'done' &&
    !program.stale &&
    !verified.stale &&
    !verified.value.fromLog;
  useEffect(() => {
    if (!ready || !program.value || !verified.value) return;
    const wanted = levelFor(program.value.key, verified.value.kernel);
    if (wanted === level && level > 0 && own.status !== 'stopped' && own.status !== 'error')
      makeOwnLog(program.value.key, verified.value, level);
  }, [ready, program.value, verified.value, level, own.status]);
  const ownValue = level === 0 ? null : own.value;
  const log = isLog ? document.value : ownValue;
  const file = isLog ? source.blob : null;
  const blob = useMemo(() => (log ? blobOf(log, file) : null), [log, file]);
  if (isLog) {
    const { status, stale, progress, error } = document;
    return { log, blob, origin: 'document', status: status === 'cancelled' ? 'stopped' : status, stale, progress, error, stop: () => {} };
  }
  return {
    log,
    blob,
    origin: program.value && verified.value ? 'own' : 'none',
    status: own.status,
    stale: !ready || own.status === 'running',
    progress: own.progress,
    error: own.error,
    stop: stopOwnLog,
  };
}

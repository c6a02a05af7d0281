import type { ReactNode } from 'react';
import { cancelStage } from '../../workbench/pipeline.ts';
import { STAGE_VERBS, type Stage, type StageName } from '../../workbench/stages.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from './ErrorNote.tsx';
import { Progress } from './Progress.tsx';

interface StageGateProps {
  readonly name: StageName;
  /** What the panel will show and what fills it. */
  readonly empty: ReactNode;
  readonly children: ReactNode;
}

/** A stage's error, its progress with a way to stop, or that it was stopped. */
export function StageStatus({ name }: { name: StageName }) {
  const stage = useWorkbench((state) => state.stages[name]) as Stage<unknown>;
  return (
    <>
      {stage.error ? <ErrorNote error={stage.error} /> : null}
      {stage.status === 'running' ? (
        <Progress progress={stage.progress} label={STAGE_VERBS[name]} onCancel={() => cancelStage(name)} />
      ) : null}
      {stage.status === 'cancelled' ? (
        <ErrorNote tone="note" error={{ what: `Stopped ${STAGE_VERBS[name]}`, where: '', advice: 'Replay starts it again' }} />
      ) : null}
    </>
  );
}

/** Shows a stage's status above its last value, which is dimmed once it is stale, or what would fill the panel. */
export function StageGate({ name, empty, children }: StageGateProps) {
  const stage = useWorkbench((state) => state.stages[name]) as Stage<unknown>;
  return (
    <>
      <StageStatus name={name} />
      {stage.value !== null ? (
        <div className={stage.stale ? 'stage-body stale' : 'stage-body'} aria-busy={stage.stale}>
          {children}
        </div>
      ) : stage.status === 'absent' ? (
        empty
      ) : null}
    </>
  );
}

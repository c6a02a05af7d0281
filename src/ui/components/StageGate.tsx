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

/** Shows a stage's error, progress or empty state above its last value, which is dimmed once it is stale. */
export function StageGate({ name, empty, children }: StageGateProps) {
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

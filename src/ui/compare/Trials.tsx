import { useState } from 'react';
import { useWorkbench } from '../../workbench/store.ts';
import { tryAll } from '../../workbench/trials.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { runs as texts } from '../texts/runs.ts';

/** Fills the picture: the model in other precisions and with other loops, each noted as a run. */
export function Trials() {
  const able = useWorkbench(({ history: { doc }, stages }) => doc.source?.kind === 'model' && stages.trace.value !== null);
  const { progress, running, error, run, cancel } = useTask();
  const [refused, setRefused] = useState<readonly string[]>([]);
  if (!able) return null;
  const start = () =>
    void run((options) => tryAll(options, texts.trying, ({ quant, strategy, kernel }) => texts.of(quant, strategy, kernel)), setRefused);
  return (
    <div className="runs-trials">
      <button type="button" className="button bordered small" title={texts.tryAbout} disabled={running} onClick={start}>
        {texts.tryThem}
      </button>
      {running ? <Progress progress={progress} label={texts.tryThem} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {refused.length > 0 ? <p className="small muted">{texts.refused(refused.length, refused.join(', '))}</p> : null}
    </div>
  );
}

import { FlaskConical } from 'lucide-react';
import { useCallback, useMemo, useState } from 'react';
import { ADDED, CHANGED, REMOVED } from '../../compiler/passes/diff.ts';
import { stageKeys } from '../../workbench/keys.ts';
import type { Change, PassView } from '../../workbench/pass-views.ts';
import { presentOptions } from '../../workbench/passes.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { StageStatus } from '../components/StageGate.tsx';
import { useWidth } from '../components/useWidth.ts';
import { useStable } from '../program/useStable.ts';
import { type StepId, pipeline as texts } from '../texts/pipeline.ts';
import { pipelinePanel } from '../texts/pipeline-panel.ts';
import { CodeBeside } from './CodeBeside.tsx';
import { LoopCosts } from './LoopCosts.tsx';
import { PassList } from './PassList.tsx';
import { rowsText, Steps } from './Steps.tsx';
import { type Passes, usePasses } from './usePasses.ts';
import { sameOptions, WhatIf } from './WhatIf.tsx';
import './pipeline.css';

/** The compiler as a pipeline: forward and back through its passes, each with what it changed, and what other options would cost. */
export default function PipelinePanel() {
  const doc = useWorkbench((state) => state.history.doc);
  const key = useMemo(() => stageKeys(doc).program, [doc]);
  const program = useWorkbench((state) => state.stages.program);
  const before = useWorkbench((state) => state.stages.model.error ?? state.stages.calibration.error);
  const isModel = doc.source?.kind === 'model';
  // Asked for once the program stands, or once it is refused: then the passes say how far it came.
  const settled = isModel && ((program.status === 'done' && program.key === key && !program.shipped) || program.status === 'error');
  const [change, setChange] = useState<Change | null>(null);
  const [trying, setTrying] = useState(false);
  const [against, setAgainst] = useState<'before' | 'try'>('before');
  const other = change && !sameOptions(change, doc.options) ? change : null;
  const { held, current, progress, error } = usePasses(settled ? key : null, against === 'try' ? other : null);
  useCommandHandler(
    'pipeline.try',
    useStable(() => setTrying(!trying)),
  );
  const shown = isModel ? held : null;
  return (
    <Panel
      id="pipeline"
      title={pipelinePanel.title}
      summary={doc.fork ? texts.fork : shown && !current ? texts.stale : null}
      actions={
        shown ? (
          <>
            {other ? (
              <label className="pipeline-against small">
                <span>{texts.against}</span>
                <select className="field" value={against} onChange={({ target }) => setAgainst(target.value as 'before' | 'try')}>
                  <option value="before">{texts.againstBefore}</option>
                  <option value="try">{texts.againstTry}</option>
                </select>
              </label>
            ) : null}
            <button
              type="button"
              className="button"
              aria-pressed={trying}
              title={texts.tries.toggleHint}
              onClick={() => setTrying(!trying)}
            >
              <FlaskConical size={14} aria-hidden="true" /> {texts.tries.toggle}
            </button>
          </>
        ) : null
      }
    >
      {before ? <ErrorNote error={before} /> : null}
      {isModel && !(shown && current) ? <StageStatus name="program" /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {settled && !current && !error ? <Progress progress={progress} label={texts.recording} /> : null}
      {shown ? (
        <Pipeline passes={shown} stale={!current}>
          {trying ? (
            <WhatIf
              programKey={shown.asked.key}
              change={change ?? presentOptions(doc.options)}
              onChange={setChange}
              products={shown.view.products}
            />
          ) : null}
        </Pipeline>
      ) : isModel ? (
        before || program.status === 'running' || settled ? null : (
          <Progress progress={null} label={texts.waiting} />
        )
      ) : (
        <div className="empty">
          <strong>{texts.empty.title}</strong>
          <p>{doc.source ? texts.empty.other : texts.empty.text}</p>
        </div>
      )}
    </Panel>
  );
}

/** From this width on code stands beside the functions. */
const WIDE_PX = 620;

function Pipeline({ passes: { asked, view }, stale, children }: { passes: Passes; stale: boolean; children: React.ReactNode }) {
  const program = useWorkbench((state) => state.stages.program.value);
  const strategy = useWorkbench((state) => state.history.doc.options.strategy);
  const [chosen, setChosen] = useState<StepId>('file');
  const [onlyChanges, setOnlyChanges] = useState(false);
  const { ref, width } = useWidth();
  const passes = useMemo(() => new Map<StepId, PassView>(view.passes.map((pass) => [pass.id, pass])), [view]);
  const steps = useMemo(() => view.passes.flatMap(({ id }): StepId[] => (id === 'plan' ? [id, 'loops'] : [id])), [view]);
  // A model that was refused has fewer passes than the one before.
  const at = Math.max(0, steps.includes(chosen) ? steps.indexOf(chosen) : steps.length - 1);
  const step = steps[at]!;
  const pass = passes.get(step);
  const onStep = useCallback((next: number) => setChosen(steps[Math.max(0, Math.min(steps.length - 1, next))]!), [steps]);
  useCommandHandler(
    'pipeline.back',
    useStable(() => onStep(at - 1)),
  );
  useCommandHandler(
    'pipeline.next',
    useStable(() => onStep(at + 1)),
  );
  const differs = pass ? pass.counts[CHANGED] + pass.counts[ADDED] + pass.counts[REMOVED] : 0;
  const own = asked.change === null && program?.key === asked.key ? program : null;
  const isCode = (step === 'ir' || step === 'bytecode') && own !== null;
  const only = onlyChanges && differs > 0;
  return (
    <div className={stale ? 'pipeline stale' : 'pipeline'} aria-busy={stale} ref={ref}>
      <Steps steps={steps} passes={passes} at={at} strategy={view.strategy} onStep={onStep} />
      {view.refused ? <ErrorNote error={view.refused} doing={texts.refused} /> : null}
      <div className="pipeline-body">
        <div className="pipeline-main">
          <div className="pipeline-head">
            <h2>{texts.steps[step].name}</h2>
            <span className="small pipeline-counts">{pass ? countsText(pass, asked.change !== null) : ''}</span>
            <span className="small muted pipeline-about ellipsis" title={texts.steps[step].about}>
              {texts.steps[step].about}
            </span>
            {pass && differs > 0 ? (
              <label className="pipeline-check small">
                <input type="checkbox" checked={onlyChanges} onChange={({ target }) => setOnlyChanges(target.checked)} />
                <span>{texts.onlyChanges}</span>
              </label>
            ) : null}
          </div>
          {pass ? (
            <div className={isCode && width >= WIDE_PX ? 'pipeline-split' : 'pipeline-one'}>
              <PassList key={pass.id} asked={asked} pass={pass} onlyChanges={only} program={own} narrow={isCode && width >= WIDE_PX} />
              {isCode ? <CodeBeside program={own} code={step === 'bytecode'} /> : null}
            </div>
          ) : (
            <LoopCosts asked={asked} strategy={asked.change?.strategy ?? strategy} chosen={view.strategy ?? ''} />
          )}
        </div>
        {children}
      </div>
    </div>
  );
}

/** How many rows there are, and how they differ. */
function countsText(pass: PassView, tried: boolean): string {
  const { counts, compared } = pass;
  const differences = texts.counts(counts[CHANGED], counts[ADDED], counts[REMOVED]);
  const none = compared === 'like' ? (tried ? texts.nothingTried : texts.nothing) : '';
  return [rowsText(pass), differences || none].filter(Boolean).join(' · ');
}

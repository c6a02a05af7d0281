import { Pencil } from 'lucide-react';
import { Suspense, useEffect, useMemo, useState } from 'react';
import { chooseProgram, discardFork } from '../../workbench/actions.ts';
import { useRelations } from '../../workbench/current-relations.ts';
import { rangeCount } from '../../workbench/ranges.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { Panel } from '../components/Panel.tsx';
import { part } from '../components/part.tsx';
import { StageGate, StageStatus } from '../components/StageGate.tsx';
import { program as texts } from '../texts/program.ts';
import { ProgramViews } from './ProgramViews.tsx';
import { useStable } from './useStable.ts';
import './program.css';

const Editor = part(() => import('./Editor.tsx'));
const Diff = part(() => import('./Diff.tsx'));

/** The program: a listing of any length with its IR and flow graph, an editor when asked for, and what a fork changed. */
export function ProgramPanel() {
  const program = useWorkbench((state) => state.stages.program.value);
  const selection = useWorkbench((state) => state.selection);
  const rows = selection?.kind === 'weight';
  const fork = useWorkbench((state) => state.history.doc.fork);
  const [mode, setMode] = useState<'views' | 'edit' | 'diff'>('views');
  const { insns: ranges, shared } = useRelations();
  const related = useMemo(() => rangeCount(ranges), [ranges]);
  const forked = fork !== null && program?.fork === true;
  // A log shows instructions, but not all, and no maps.
  const editable = program !== null && !program.fromLog;
  const shown = mode === 'diff' && !forked ? 'views' : mode;

  // What was applied is shown where it stands, once the program with it is there.
  const [applied, setApplied] = useState(false);
  useEffect(() => {
    if (!applied || !program?.fork) return;
    setApplied(false);
    const cursor = Number(useWorkbench.getState().cursors.insn ?? 0);
    const nearest = program.hunks.findLast(({ from }) => from <= cursor) ?? program.hunks[0];
    if (nearest) select('insn', Math.min(nearest.from, program.code.length / 8 - 1));
  }, [applied, program]);

  useCommandHandler(
    'program.edit',
    useStable(() => {
      if (editable) setMode('edit');
    }),
  );
  useCommandHandler(
    'program.diff',
    useStable(() => {
      if (forked) setMode(shown === 'diff' ? 'views' : 'diff');
    }),
  );

  return (
    <Panel
      id="program"
      title={texts.title}
      summary={
        program ? (
          <>
            {texts.summary(program.code.length / 8, program.subprogs.length)}
            {related > 0 ? (
              <span className="selected-count" data-testid="selected-insns" data-count={related}>
                {' · '}
                {texts.related(related)}
                {shared ? (
                  <span title={rows ? texts.shared.rowsAbout : texts.shared.nodesAbout}>
                    , {rows ? texts.shared.rows : texts.shared.nodes}
                  </span>
                ) : null}
              </span>
            ) : null}
          </>
        ) : null
      }
      actions={
        <>
          {program && program.siblings.length > 1 ? (
            <select
              className="field"
              aria-label={texts.choose}
              value={program.name}
              onChange={(event) => chooseProgram(event.target.value)}
            >
              {program.siblings.map(({ name, section }) => (
                <option key={name} value={name}>
                  {texts.choice(name, section)}
                </option>
              ))}
            </select>
          ) : null}
          {forked ? (
            <>
              <span className="warn" data-testid="fork-changes" data-changes={program.changes} title={texts.changes(program.changes)}>
                {texts.changesShort(program.changes)}
              </span>
              <button
                type="button"
                className="button"
                aria-pressed={shown === 'diff'}
                onClick={() => setMode(shown === 'diff' ? 'views' : 'diff')}
              >
                {texts.diff}
              </button>
              <button
                type="button"
                className="button"
                onClick={() => {
                  setMode('views');
                  discardFork();
                }}
              >
                {texts.discard}
              </button>
            </>
          ) : null}
          <button
            type="button"
            className="button"
            disabled={!editable}
            title={program?.fromLog ? texts.editLog : undefined}
            aria-pressed={shown === 'edit'}
            onClick={() => setMode(shown === 'edit' ? 'views' : 'edit')}
          >
            <Pencil size={14} /> {texts.edit}
          </button>
        </>
      }
    >
      <StageStatus name="calibration" />
      <StageGate
        name="program"
        empty={
          <div className="empty">
            <strong>{texts.emptyTitle}</strong>
            <p>{texts.empty}</p>
          </div>
        }
      >
        {!program ? null : shown === 'edit' ? (
          <Suspense fallback={<p className="empty">{texts.loadingView}</p>}>
            <Editor program={program} onClose={() => setMode('views')} onApplied={() => setApplied(true)} />
          </Suspense>
        ) : shown === 'diff' ? (
          <Suspense fallback={<p className="empty">{texts.loadingView}</p>}>
            <Diff onShow={() => setMode('views')} />
          </Suspense>
        ) : (
          <ProgramViews program={program} ranges={ranges} selection={selection} />
        )}
      </StageGate>
    </Panel>
  );
}

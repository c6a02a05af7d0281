import { Pencil } from 'lucide-react';
import { lazy, Suspense, useMemo, useState } from 'react';
import { discardFork } from '../../workbench/actions.ts';
import { rangeCount, relatedRanges } from '../../workbench/relations.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { Panel } from '../components/Panel.tsx';
import { StageGate, StageStatus } from '../components/StageGate.tsx';
import { InsnFoot } from './InsnFoot.tsx';
import { Listing } from './Listing.tsx';
import './program.css';

const Editor = lazy(() => import('./Editor.tsx'));
const Diff = lazy(() => import('./Diff.tsx'));

/** The program: a listing of any length, and an editor when asked for. */
export function ProgramPanel() {
  const program = useWorkbench((state) => state.stages.program.value);
  const model = useWorkbench((state) => state.stages.model.value);
  const selection = useWorkbench((state) => state.selection);
  const fork = useWorkbench((state) => state.history.doc.fork);
  const [mode, setMode] = useState<'listing' | 'edit' | 'diff'>('listing');
  const ranges = useMemo(() => relatedRanges(selection, program, model), [selection, program, model]);
  const related = useMemo(() => rangeCount(ranges), [ranges]);
  const shown = mode === 'diff' && !fork ? 'listing' : mode;

  return (
    <Panel
      id="program"
      title="Program"
      summary={
        program ? (
          <>
            {formatCount(program.code.length / 8)} instructions · {formatCount(program.subprogs.length)}{' '}
            {program.subprogs.length === 1 ? 'function' : 'functions'}
            {related > 0 ? (
              <span className="selected-count" data-testid="selected-insns" data-count={related}>
                {' · '}
                {formatCount(related)} selected
              </span>
            ) : null}
          </>
        ) : null
      }
      actions={
        <>
          {fork && program?.fork ? (
            <>
              <span className="warn" data-testid="fork-changes">
                ▲ {formatCount(program.changes)} {program.changes === 1 ? 'change' : 'changes'} from compiled
              </span>
              <button
                type="button"
                className="button"
                aria-pressed={shown === 'diff'}
                onClick={() => setMode(shown === 'diff' ? 'listing' : 'diff')}
              >
                Diff
              </button>
              <button
                type="button"
                className="button"
                onClick={() => {
                  setMode('listing');
                  discardFork();
                }}
              >
                Discard
              </button>
            </>
          ) : null}
          <button
            type="button"
            className="button"
            disabled={!program || program.fromLog !== undefined}
            aria-pressed={shown === 'edit'}
            onClick={() => setMode(shown === 'edit' ? 'listing' : 'edit')}
          >
            <Pencil size={14} /> Edit
          </button>
        </>
      }
    >
      <StageStatus name="calibration" />
      <StageGate
        name="program"
        empty={
          <div className="empty">
            <strong>No program yet.</strong>
            <p>
              The instructions that a model compiles to appear here, each with a stripe in the colour of the operator that it serves. An
              object file (.o) or assembly (.s) opens here too.
            </p>
          </div>
        }
      >
        {program && shown === 'edit' ? (
          <Suspense fallback={<p className="empty">Loading the editor…</p>}>
            <Editor program={program} onClose={() => setMode('listing')} />
          </Suspense>
        ) : program && shown === 'diff' ? (
          <Suspense fallback={<p className="empty">Loading the comparison…</p>}>
            <Diff />
          </Suspense>
        ) : program ? (
          <>
            <Listing program={program} ranges={ranges} selection={selection} />
            <InsnFoot program={program} />
          </>
        ) : null}
      </StageGate>
    </Panel>
  );
}

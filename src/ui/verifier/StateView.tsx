import { ChevronDown, ChevronLeft, ChevronRight, StepBack, StepForward } from 'lucide-react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { StepTold } from '../../verifier/query/query.ts';
import type { HeldRow, StateTold, ValueRow } from '../../verifier/query/told.ts';
import { type Asked, askRecording } from '../../workbench/query.ts';
import type { RecordingView } from '../../workbench/query-views.ts';
import { partId } from '../../workbench/selection.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useRemote } from '../model/useRemote.ts';
import { stepAlong, useKernel } from '../paths/query-store.ts';
import { useInsnAtCursor, useStep } from '../paths/useStep.ts';
import { Code } from '../program/Code.tsx';
import { insnText } from '../program/decode.ts';
import { step as texts } from '../texts/paths.ts';
import { ValueRows } from './ValueRows.tsx';

/** What the verifier knows before and after the instruction at the cursor, on any of its visits. */
export function StateView({ program }: { program: ProgramView }) {
  const kernel = useKernel();
  const ready = useWorkbench((state) => state.stages.verified.status === 'done' && !state.stages.verified.stale);
  const asked = useMemo<Asked>(() => ({ program: program.key, kernel }), [program.key, kernel]);
  const of = `${asked.program} ${asked.kernel}`;
  const [stoppedOf, setStopped] = useState<string | null>(null);
  const isStopped = stoppedOf === of;
  const opened = useRemote<RecordingView>(ready && !isStopped ? of : null, (options) => askRecording(asked, 'open', {}, options));
  const { insn, visit } = useInsnAtCursor(program);
  const { step, current, error } = useStep(asked, insn, visit, opened.value !== null);
  const told = useRemote<StepTold | null>(opened.value && step !== null ? `${of} ${step}` : null, (options) =>
    askRecording(asked, 'step', { step }, options),
  );
  const [last, setLast] = useState<StepTold | null>(null);
  useEffect(() => {
    if (told.value) setLast(told.value);
  }, [told.value]);
  const shown = told.value ?? last;
  const stale = !current || told.value === null;
  const unreached = opened.value !== null && current && step === null;
  return (
    <div className={stale && shown && !unreached ? 'state stale' : 'state'} data-testid="state">
      {!opened.value && !opened.error && !isStopped ? (
        <Progress progress={opened.progress} label={texts.recording} onCancel={() => setStopped(of)} />
      ) : null}
      {isStopped ? (
        <div className="empty">
          <strong>{texts.stopped}</strong>
          <button type="button" className="button bordered" onClick={() => setStopped(null)}>
            {texts.again}
          </button>
        </div>
      ) : null}
      {[opened.error, error, told.error].map((one) => (one ? <ErrorNote key={one.what} error={one} /> : null))}
      {unreached ? <p className="empty">{texts.unreached}</p> : null}
      {shown && !unreached ? <Step asked={asked} program={program} told={shown} /> : null}
    </div>
  );
}

function Step({ asked, program, told }: { asked: Asked; program: ProgramView; told: StepTold }) {
  const [side, setSide] = useState<'before' | 'after'>('before');
  const [bits, setBits] = useState(false);
  const { before, after, insnIdx, end } = told;
  const state = side === 'before' ? before : after;
  const other = side === 'before' ? after : before;
  const { visit, visits } = told;
  const toVisit = useCallback((to: number) => select('state', partId(insnIdx, to)), [insnIdx]);
  useCommandHandler(
    'verifier.forward',
    useCallback(() => void stepAlong(asked, 1), [asked]),
  );
  useCommandHandler(
    'verifier.back',
    useCallback(() => void stepAlong(asked, -1), [asked]),
  );
  useCommandHandler(
    'verifier.side',
    useCallback(() => setSide((now) => (now === 'before' ? 'after' : 'before')), []),
  );
  useCommandHandler(
    'verifier.next-visit',
    useCallback(() => {
      if (visit + 1 < visits) toVisit(visit + 1);
    }, [toVisit, visit, visits]),
  );
  useCommandHandler(
    'verifier.previous-visit',
    useCallback(() => {
      if (visit > 0) toVisit(visit - 1);
    }, [toVisit, visit]),
  );
  return (
    <>
      <div className="state-top">
        <div className="state-head">
          <fieldset className="state-sides" aria-label={texts.side}>
            <button type="button" className="button small" aria-pressed={side === 'before'} onClick={() => setSide('before')}>
              {texts.before}
            </button>
            <button type="button" className="button small" aria-pressed={side === 'after'} onClick={() => setSide('after')}>
              {texts.after}
            </button>
          </fieldset>
          <span className="mono ellipsis grow">
            {texts.insn(insnIdx)}
            <Code text={insnText(program, insnIdx)} />
          </span>
          <button type="button" className="button small" title={texts.bitsAbout} aria-pressed={bits} onClick={() => setBits(!bits)}>
            {texts.bits}
          </button>
        </div>
        <div className="state-visits small">
          <button
            type="button"
            className="button square"
            aria-label={texts.earlier}
            disabled={visit <= 0}
            onClick={() => toVisit(visit - 1)}
          >
            <ChevronLeft size={14} />
          </button>
          <span data-testid="visit" data-visits={visits}>
            {visit < 0 ? texts.arrival(end ?? 'exit') : texts.visit(visit, visits)}
          </span>
          <button
            type="button"
            className="button square"
            aria-label={texts.later}
            disabled={visit < 0 || visit + 1 >= visits}
            onClick={() => toVisit(visit + 1)}
          >
            <ChevronRight size={14} />
          </button>
          <span className="grow" />
          <button
            type="button"
            className="button square"
            aria-label={texts.back}
            disabled={told.pos === 0}
            onClick={() => void stepAlong(asked, -1)}
          >
            <StepBack size={14} />
          </button>
          <span className="muted">{texts.position(told.pos, told.length)}</span>
          <button
            type="button"
            className="button square"
            aria-label={texts.forward}
            disabled={told.pos + 1 >= told.length}
            onClick={() => void stepAlong(asked, 1)}
          >
            <StepForward size={14} />
          </button>
        </div>
      </div>
      {state === null ? (
        <p className="empty">{texts.endsHere(end ?? 'exit')}</p>
      ) : (
        <Frames state={state} other={other} bits={bits} since={side} />
      )}
    </>
  );
}

const keyOf = ({ frame, name }: ValueRow): string => `${frame} ${name}`;

/** The current function's registers and stack, what is held, and its callers folded away. */
function Frames({ state, other, bits, since }: { state: StateTold; other: StateTold | null; bits: boolean; since: 'before' | 'after' }) {
  const known = useMemo(() => (other ? new Map(other.rows.map((row) => [keyOf(row), row.text])) : null), [other]);
  const changed = (row: ValueRow): boolean => known !== null && known.get(keyOf(row)) !== row.text;
  const title = since === 'before' ? texts.changes : texts.changedBy;
  const callers = [];
  for (let frame = state.frame - 1; frame >= 0; frame--) callers.push(frame);
  return (
    <>
      <ValueRows rows={state.rows.filter(({ frame }) => frame === state.frame)} changed={changed} since={title} bits={bits} />
      {state.held.length > 0 ? (
        <p className="state-held">
          <span className="muted">{texts.holds}</span> {state.held.map(heldText).join(' · ')}
        </p>
      ) : null}
      {callers.map((frame) => (
        <Caller
          key={frame}
          call={state.calls[frame + 1]!}
          rows={state.rows.filter((row) => row.frame === frame)}
          changed={changed}
          since={title}
          bits={bits}
        />
      ))}
    </>
  );
}

const heldText = ({ kind, id, insnIdx }: HeldRow): string => texts.held[kind](id, insnIdx);

interface CallerProps {
  readonly call: number;
  readonly rows: readonly ValueRow[];
  readonly changed: (row: ValueRow) => boolean;
  readonly since: string;
  readonly bits: boolean;
}

function Caller({ call, ...rows }: CallerProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="button small state-caller" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? <ChevronDown size={12} /> : <ChevronRight size={12} />}
        {texts.caller(call)}
      </button>
      {open ? <ValueRows {...rows} /> : null}
    </>
  );
}

import { ChevronLeft, ChevronRight } from 'lucide-react';
import { Fragment, useContext, useEffect, useMemo, useState } from 'react';
import { callOnProgram } from '../../workbench/clients.ts';
import { useRelations } from '../../workbench/current-relations.ts';
import type { UserError } from '../../workbench/errors.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import { partId, splitPart } from '../../workbench/selection.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView, StateAtView, StateRowView } from '../../workbench/views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { PinnedContext } from '../components/pinned.ts';
import { Code } from '../program/Code.tsx';
import { insnText } from '../program/decode.ts';
import { states as texts } from '../texts/states.ts';
import { boundText, signedLogPosition, tnumBits } from './range-scale.ts';

type Loaded = { readonly of: string; readonly state: StateAtView | null; readonly error: UserError | null } | null;

/** Which instruction is shown, and which of its visits; null for the last. */
function usePlace(program: ProgramView): { readonly insn: number; readonly visit: number | null } {
  const selection = useWorkbench((state) => state.selection);
  const cursor = useWorkbench((state) => state.cursors.insn);
  const visited = useWorkbench((state) => state.cursors.state);
  const { states } = useRelations();
  const pinned = useContext(PinnedContext);
  const insn = useMemo(() => {
    if (selection?.kind === 'insn') return Number(selection.id);
    if (selection?.kind === 'state') return Number(splitPart(selection.id).whole);
    const [first] = states;
    return first ? first[0] : cursor === undefined ? 0 : Number(cursor);
  }, [selection, states, cursor]);
  const [held, setHeld] = useState(insn);
  if (!pinned && held !== insn) setHeld(insn);
  const shown = Math.min(pinned ? held : insn, Math.max(0, program.code.length / 8 - 1));
  const { whole, part } = splitPart(visited ?? '');
  return { insn: shown, visit: whole === String(shown) ? part : null };
}

/** What the verifier knows before the instruction at the cursor, on the last visit or on any. */
export function StateView({ program }: { program: ProgramView }) {
  const kernel = useWorkbench((state) => state.history.doc.options.kernel);
  const status = useWorkbench((state) => state.stages.verified.status);
  const { insn, visit } = usePlace(program);
  const of = `${program.key} ${kernel} ${insn} ${visit}`;
  const [loaded, setLoaded] = useState<Loaded>(null);
  const [bits, setBits] = useState(false);

  useEffect(() => {
    if (status !== 'done') return;
    let wanted = true;
    callOnProgram<StateAtView>(program.key, 'stateAt', { kernel, insn, visit }).then(
      (state) => {
        if (wanted) setLoaded({ of, state, error: null });
      },
      (error: unknown) => {
        if (wanted && error instanceof RemoteError) setLoaded({ of, state: null, error: error.error });
      },
    );
    return () => {
      wanted = false;
    };
  }, [of, status, program.key, kernel, insn, visit]);

  const stale = loaded?.of !== of;
  const state = loaded?.state ?? null;
  const previous = new Map(state?.before?.map((row) => [row.name, row.text]));
  const against = visit === null ? 'insn' : 'visit';
  return (
    <div className={stale ? 'state stale' : 'state'} data-testid="state">
      <div className="state-head">
        <span className="mono">{texts.before(insn)}</span>
        <span className="mono ellipsis grow">
          <Code text={insnText(program, insn)} />
        </span>
        <button type="button" className="button small" aria-pressed={bits} onClick={() => setBits(!bits)}>
          {texts.bits}
        </button>
      </div>
      {state && state.visits > 0 ? <Visits insn={insn} state={state} /> : null}
      {loaded?.error ? <ErrorNote error={loaded.error} /> : null}
      {state && state.rows === null ? <p className="empty">{texts.unreached}</p> : null}
      {state?.rows ? (
        <table className="state-table">
          <colgroup>
            <col className="state-name" />
            <col />
            <col className="state-bar" />
          </colgroup>
          <thead className="visually-hidden">
            <tr>
              <th scope="col">{texts.register}</th>
              <th scope="col">{texts.state}</th>
              <th scope="col">{texts.range}</th>
            </tr>
          </thead>
          <tbody>
            {state.rows.map((row) => (
              <StateRow
                key={row.name}
                row={row}
                changed={state.before !== null && previous.get(row.name) !== row.text}
                since={texts.changedSince[against]}
                bits={bits}
              />
            ))}
          </tbody>
        </table>
      ) : null}
    </div>
  );
}

/** Which of the visits of an instruction is shown, with steps to its neighbours. */
function Visits({ insn, state }: { insn: number; state: StateAtView }) {
  const { visit, visits, kept } = state;
  const go = (to: number) => select('state', partId(insn, to));
  const last = visits - 1;
  // Between the visits that are kept and the last one there is nothing to show.
  const earlier = visit > kept ? kept - 1 : visit - 1;
  const later = visit + 1 < kept ? visit + 1 : last;
  return (
    <div className="state-visits small">
      <button type="button" className="button square" aria-label={texts.earlier} disabled={visit <= 0} onClick={() => go(earlier)}>
        <ChevronLeft size={14} />
      </button>
      <span data-testid="visit" data-visits={visits}>
        {texts.visit(visit, visits)}
      </span>
      <button type="button" className="button square" aria-label={texts.later} disabled={visit >= last} onClick={() => go(later)}>
        <ChevronRight size={14} />
      </button>
      {visit < last ? (
        <button type="button" className="button small" onClick={() => go(last)}>
          {texts.last}
        </button>
      ) : null}
      {kept < visits ? <span className="muted">{texts.kept(kept)}</span> : null}
    </div>
  );
}

/** A state in the kernel's notation, which may break after each comma. */
function Breakable({ text }: { text: string }) {
  return text.split(',').map((part, at, parts) => (
    <Fragment key={at}>
      {part}
      {at + 1 < parts.length ? ',' : ''}
      <wbr />
    </Fragment>
  ));
}

/** A register or slot in words and as a bar. */
export function StateRow({
  row,
  changed,
  bits,
  since = texts.changedSince.insn,
}: {
  row: StateRowView;
  changed: boolean;
  bits: boolean;
  since?: string;
}) {
  // A pointer without a variable part has nothing to draw.
  const ranged = row.smin !== undefined && row.smax !== undefined && (/^P?(?:scalar|inv|-?\d)/.test(row.text) || row.smin !== row.smax);
  const smin = ranged ? BigInt(row.smin!) : 0n;
  const smax = ranged ? BigInt(row.smax!) : 0n;
  const from = signedLogPosition(smin);
  const to = signedLogPosition(smax);
  return (
    <tr className={changed ? 'changed' : ''}>
      <th scope="row" className="mono">
        {changed ? (
          <span className="state-dot" role="img" aria-label={texts.changed} title={since}>
            {texts.mark}
          </span>
        ) : null}
        {row.name}
      </th>
      <td className="mono state-text" title={row.text}>
        <Breakable text={row.text} />
        {bits && row.tnumValue !== undefined && row.tnumMask !== undefined ? (
          <span className="muted"> {tnumBits(BigInt(row.tnumValue), BigInt(row.tnumMask))}</span>
        ) : null}
      </td>
      <td className="state-range">
        {ranged ? (
          <>
            <svg viewBox="0 0 100 8" preserveAspectRatio="none" className="range-bar" aria-hidden="true">
              <line x1="50" x2="50" y1="0" y2="8" />
              <rect x={from * 100} width={Math.max(1.5, (to - from) * 100)} y="2" height="4" rx="1" />
            </svg>
            <span className="small muted">{smin === smax ? boundText(smin) : `${boundText(smin)} … ${boundText(smax)}`}</span>
          </>
        ) : null}
      </td>
    </tr>
  );
}

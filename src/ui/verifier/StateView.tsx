import { Fragment, useEffect, useMemo, useState } from 'react';
import { callOnProgram } from '../../workbench/clients.ts';
import type { UserError } from '../../workbench/errors.ts';
import { relatedRanges } from '../../workbench/relations.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { ProgramView, StateRowView } from '../../workbench/views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Code } from '../program/Code.tsx';
import { insnText } from '../program/decode.ts';
import { boundText, signedLogPosition, tnumBits } from './range-scale.ts';

type Loaded = {
  readonly of: string;
  readonly rows: readonly StateRowView[] | null;
  readonly before: readonly StateRowView[] | null;
  readonly error: UserError | null;
} | null;

/** What the verifier knows before the instruction at the cursor. */
export function StateView({ program }: { program: ProgramView }) {
  const selection = useWorkbench((state) => state.selection);
  const cursor = useWorkbench((state) => state.cursors.insn);
  const model = useWorkbench((state) => state.stages.model.value);
  const kernel = useWorkbench((state) => state.history.doc.options.kernel);
  const status = useWorkbench((state) => state.stages.verified.status);
  const insn = useMemo(() => {
    if (selection?.kind === 'insn') return Number(selection.id);
    const [first] = relatedRanges(selection, program, model);
    return first ? first[0] : cursor === undefined ? 0 : Number(cursor);
  }, [selection, program, model, cursor]);
  const of = `${program.key} ${kernel} ${insn}`;
  const [loaded, setLoaded] = useState<Loaded>(null);
  const [bits, setBits] = useState(false);

  useEffect(() => {
    if (status !== 'done') return;
    let wanted = true;
    callOnProgram<{ rows: readonly StateRowView[] | null; before: readonly StateRowView[] | null }>(program.key, 'stateAt', {
      kernel,
      insn,
    }).then(
      (result) => {
        if (wanted) setLoaded({ of, ...result, error: null });
      },
      (error: unknown) => {
        if (wanted && error instanceof RemoteError) setLoaded({ of, rows: null, before: null, error: error.error });
      },
    );
    return () => {
      wanted = false;
    };
  }, [of, status, program.key, kernel, insn]);

  const stale = loaded?.of !== of;
  const previous = new Map(loaded?.before?.map((row) => [row.name, row.text]));
  return (
    <div className={stale ? 'state stale' : 'state'} data-testid="state">
      <div className="state-head">
        <span className="mono">before {insn}: </span>
        <span className="mono ellipsis grow">
          <Code text={insnText(program, insn)} />
        </span>
        <button type="button" className="button small" aria-pressed={bits} onClick={() => setBits(!bits)}>
          Bits
        </button>
      </div>
      {loaded?.error ? <ErrorNote error={loaded.error} /> : null}
      {loaded && !loaded.error && loaded.rows === null ? <p className="empty">The verifier never reached this instruction.</p> : null}
      {loaded?.rows ? (
        <table className="state-table">
          <colgroup>
            <col className="state-name" />
            <col />
            <col className="state-bar" />
          </colgroup>
          <thead className="visually-hidden">
            <tr>
              <th scope="col">Register</th>
              <th scope="col">State</th>
              <th scope="col">Range</th>
            </tr>
          </thead>
          <tbody>
            {loaded.rows.map((row) => (
              <StateRow key={row.name} row={row} changed={loaded.before !== null && previous.get(row.name) !== row.text} bits={bits} />
            ))}
          </tbody>
        </table>
      ) : null}
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
export function StateRow({ row, changed, bits }: { row: StateRowView; changed: boolean; bits: boolean }) {
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
          <span className="state-dot" role="img" aria-label="changed" title="changed by the instruction before">
            ●
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

import type { EditChange, EditVerdict } from '../../workbench/edit-view.ts';
import { editor as texts } from '../texts/editor.ts';

/** What the edit does to the verdict: message, instruction, counts, and the first thing that the verifier knows otherwise. */
export function EditChanges({ verdict, change }: { verdict: EditVerdict; change: EditChange }) {
  const { what } = texts;
  const { state } = change;
  const sameVerdict = change.accepted === verdict.accepted && change.message === verdict.message && change.insnIdx === verdict.insnIdx;
  return (
    <dl className="edit-changes small" data-testid="edit-changes">
      <div>
        <dt>{what.verdict}</dt>
        <dd>{sameVerdict ? what.sameVerdict : what.was(change.accepted, change.message, change.insnIdx)}</dd>
      </div>
      <div>
        <dt>{what.counts}</dt>
        <dd>
          {what.processed(change.processed, verdict.processed)} · {what.insns(...change.insns)}
        </dd>
      </div>
      <div className="edit-state">
        <dt>{what.state}</dt>
        {state ? (
          <dd className="mono ellipsis" title={what.differs(state)}>
            {what.differs(state)}
          </dd>
        ) : (
          <dd>{change.stateless ? what.stateless : what.sameStates}</dd>
        )}
      </div>
    </dl>
  );
}

import { undo, useWorkbench } from '../../workbench/store.ts';
import { why as texts } from '../texts/why.ts';
import './why.css';

/** The edit that was applied last, while nothing else was done since: it can be taken back here. */
export default function AppliedEdit() {
  const label = useWorkbench((state) => state.history.past.at(-1)?.label ?? '');
  if (!label.startsWith(texts.mend)) return null;
  return (
    <div className="why-applied" data-testid="applied-edit">
      <p className="grow">
        <strong>{texts.applied}</strong> · {label.slice(texts.mend.length)}
      </p>
      <button type="button" className="button bordered" onClick={undo}>
        {texts.undo}
      </button>
    </div>
  );
}

import { ArrowDown, ArrowUp, X } from 'lucide-react';
import { attachOpen, attachUse, detach, move, openUse, replaceWithOpen, useAccelerator } from '../../../workbench/accelerator.ts';
import { USES, type UseId } from '../../../workbench/accelerator-uses.ts';
import type { AttachedView } from '../../../workbench/accelerator-views.ts';
import { useWorkbench } from '../../../workbench/store.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { count, threeDigits } from '../format.ts';

const { hooks: texts } = accelerator;

/** What is attached, in the order in which it runs, and what can be. */
export function ProgramsView({ onLesson }: { onLesson: (use: UseId) => void }) {
  const hooks = useAccelerator((state) => state.snapshot?.hooks) ?? [];
  const busy = useAccelerator((state) => state.doing !== null);
  const source = useWorkbench((state) => state.history.doc.source);
  const open = source?.kind === 'c' || source?.kind === 'object' ? source.blob.name : null;
  return (
    <div className="accel-scroll">
      <h2 className="accel-title">{texts.attached}</h2>
      {hooks.length === 0 ? <p className="accel-pad muted">{texts.nothing}</p> : <Attached hooks={hooks} busy={busy} open={open} />}
      <div className="accel-bar">
        <button
          type="button"
          className="button bordered"
          disabled={busy || open === null}
          title={texts.attachOpenAbout}
          onClick={() => void attachOpen()}
        >
          {open === null ? texts.noOpen : texts.attachOpen(open)}
        </button>
      </div>
      <h2 className="accel-title">{texts.uses}</h2>
      <ul className="accel-uses">
        {USES.map(({ id, hooks: on }) => {
          const title = texts.names[id];
          return (
            <li key={id} data-use={id}>
              <div className="accel-use-head">
                <strong>{title}</strong>
                <span className="muted small ellipsis">{on.join(', ')}</span>
                <span className="grow" />
                <button
                  type="button"
                  className="button bordered small"
                  disabled={busy}
                  aria-label={texts.attachUse(title)}
                  onClick={() => void attachUse(id)}
                >
                  {texts.attach}
                </button>
                <button
                  type="button"
                  className="button small"
                  aria-label={texts.sourceOf(title)}
                  title={texts.sourceAbout}
                  onClick={() => void openUse(id)}
                >
                  {texts.source}
                </button>
                <button type="button" className="button small" aria-label={texts.lessonOf(title)} onClick={() => onLesson(id)}>
                  {texts.lesson}
                </button>
              </div>
              <p className="muted">{texts.abouts[id]}</p>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Attached({ hooks, busy, open }: { hooks: readonly AttachedView[]; busy: boolean; open: string | null }) {
  return (
    <table className="accel-table accel-attached" data-testid="accel-attached">
      <thead>
        <tr>
          <th scope="col">{texts.hook}</th>
          <th scope="col">{texts.program}</th>
          <th scope="col" className="num">
            {texts.runs}
          </th>
          <th scope="col" className="num" title={texts.perRunAbout}>
            {texts.perRun}
          </th>
          <th scope="col" className="num">
            {texts.refused}
          </th>
          <td />
        </tr>
      </thead>
      <tbody>
        {hooks.map(({ id, hook, name, object, runs, executed, refused, signedBy }, at) => {
          const first = hooks[at - 1]?.hook !== hook;
          const last = hooks[at + 1]?.hook !== hook;
          return (
            <tr key={id} data-program={name}>
              <td>{first ? hook : <span className="visually-hidden">{hook}</span>}</td>
              <th scope="row">
                {name} <span className="muted small">{texts.from(object, signedBy)}</span>
              </th>
              <td className="num">{count(runs)}</td>
              <td className="num">{runs === 0 ? '–' : threeDigits(executed / runs)}</td>
              <td className={refused > 0 ? 'num bad' : 'num'}>{count(refused)}</td>
              <td className="accel-row-actions">
                <button
                  type="button"
                  className="button square"
                  disabled={first}
                  aria-label={texts.earlier(name)}
                  title={texts.earlier(name)}
                  onClick={() => void move(id, -1)}
                >
                  <ArrowUp size={12} />
                </button>
                <button
                  type="button"
                  className="button square"
                  disabled={last}
                  aria-label={texts.later(name)}
                  title={texts.later(name)}
                  onClick={() => void move(id, 1)}
                >
                  <ArrowDown size={12} />
                </button>
                <button
                  type="button"
                  className="button small"
                  disabled={busy || open === null}
                  aria-label={texts.replaceWith(name, open)}
                  title={texts.replaceWith(name, open)}
                  onClick={() => void replaceWithOpen(id)}
                >
                  {texts.replace}
                </button>
                <button
                  type="button"
                  className="button square"
                  aria-label={texts.detach(name)}
                  title={texts.detach(name)}
                  onClick={() => void detach(id)}
                >
                  <X size={12} />
                </button>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

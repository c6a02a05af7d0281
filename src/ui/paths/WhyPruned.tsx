import { useState } from 'react';
import type { ComparedRow, ComparedStates } from '../../verifier/query/compare.ts';
import { type Asked, askRecording } from '../../workbench/query.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { useRemote } from '../model/useRemote.ts';
import { paths } from '../texts/paths.ts';
import { Breakable } from '../verifier/Breakable.tsx';
import { goToStep } from './query-store.ts';

const texts = paths.why;

/** With which kept states the state at a step was compared, register by register. */
export function WhyPruned({ asked, step, refused }: { asked: Asked; step: number | null; refused: boolean }) {
  const message = useWorkbench((state) => state.stages.verified.value?.message);
  const key = step === null ? null : `${asked.program} ${asked.kernel} ${step}`;
  const { value, error } = useRemote<readonly ComparedStates[]>(key, (options) => askRecording(asked, 'why', { step }, options));
  // What decided comes first.
  const comparisons = value ? [...value].reverse() : null;
  return (
    <section className="paths-why" data-testid="why-pruned" aria-live="polite">
      {error ? <ErrorNote error={error} /> : null}
      {step === null ? <p className="muted">{texts.pick}</p> : null}
      {refused ? (
        <article className="compared">
          <h2>{texts.refused}</h2>
          <p>{message}</p>
        </article>
      ) : null}
      {comparisons?.length === 0 && !refused ? <p className="muted">{asked.log ? texts.ofLog : texts.none}</p> : null}
      {comparisons?.map((one, i) => (
        <Compared key={`${key} ${i}`} asked={asked} compared={one} />
      ))}
    </section>
  );
}

const isTelling = ({ verdict }: ComparedRow): boolean => verdict !== 'same' && verdict !== 'unread';

function Compared({ asked, compared }: { asked: Asked; compared: ComparedStates }) {
  const [all, setAll] = useState(false);
  const { exact, equal, rows, whole, keptStep } = compared;
  const telling = rows.filter(isTelling);
  const shown = all || telling.length === 0 ? rows : telling;
  const title = equal ? (exact === 'exact' ? texts.endless : texts.pruned) : texts.missed;
  const goToKept = () => {
    if (keptStep === null) return;
    void askRecording<{ insnIdx: number }>(asked, 'position', { step: keptStep, pos: null, place: null }).then(({ insnIdx }) =>
      goToStep(asked, keptStep, insnIdx),
    );
  };
  return (
    <article className="compared" data-equal={equal}>
      <h2>{title}</h2>
      <p className="muted">
        {keptStep === null ? (
          texts.early
        ) : (
          <button type="button" className="link" onClick={goToKept}>
            {texts.kept(keptStep)}
          </button>
        )}
        {'. '}
        {texts.rules[exact]}
        {whole ? ` ${texts.whole[whole]}` : ''}
      </p>
      {rows.length > 0 ? (
        <table className="compared-table">
          <thead>
            <tr>
              <th scope="col">{texts.columns.name}</th>
              <th scope="col">{texts.columns.kept}</th>
              <th scope="col">{texts.columns.now}</th>
              <th scope="col">{texts.columns.verdict}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={`${row.frame} ${row.name}`} className={row.covered ? '' : 'differs'}>
                <th scope="row" className="mono">
                  {row.frame === 0 ? row.name : texts.frame(row.frame, row.name)}
                </th>
                <td className="mono">
                  <Breakable text={row.kept} />
                </td>
                <td className="mono">
                  <Breakable text={row.now} />
                </td>
                <td className="compared-verdict">
                  <span role="img" aria-label={row.covered ? texts.coveredMark : texts.differsMark}>
                    {row.covered ? texts.marks.covered : texts.marks.differs}
                  </span>{' '}
                  {texts.verdicts[row.verdict]}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {telling.length > 0 && telling.length < rows.length ? (
        <button type="button" className="button small" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? texts.hide : texts.others(rows.length - telling.length)}
        </button>
      ) : null}
    </article>
  );
}

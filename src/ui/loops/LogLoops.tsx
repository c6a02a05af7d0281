import type { LoopCost } from '../../verifier/query/loops.ts';
import { textAt } from '../../workbench/columns.ts';
import { askRecording } from '../../workbench/query.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { select } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useRemote } from '../model/useRemote.ts';
import { useAsked } from '../paths/query-store.ts';
import { Code } from '../program/Code.tsx';
import { shownText } from '../program/decode.ts';
import { loops } from '../texts/loops.ts';

const texts = loops.ofLog;

/** The loops that an open log goes round, by what they took of its instructions. */
export default function LogLoops({ program }: { program: ProgramView }) {
  const asked = useAsked(program);
  // While another document opens, the panel may still be about a program that has no log any more.
  const { value, progress, error } = useRemote<readonly LoopCost[]>(asked.log ? program.key : null, (options) =>
    askRecording(asked, 'costs', {}, options),
  );
  const most = Math.max(1, ...(value ?? []).map(({ steps }) => steps));
  const line = (insn: number): string => {
    const at = program.lines.insn.lastIndexOf(insn);
    return at >= 0 ? textAt(program.lines.text, at).trim() : '';
  };
  return (
    <section className="loops" aria-label={texts.title} data-testid="log-loops">
      <div className="loops-head">
        <h2>{texts.title}</h2>
      </div>
      <p className="small muted loops-note">{texts.about}</p>
      {error ? <ErrorNote error={error} /> : null}
      {!value && !error ? <Progress progress={progress} label={texts.following} /> : null}
      {value?.length === 0 ? <p className="empty">{texts.none}</p> : null}
      {value && value.length > 0 ? (
        <div className="loops-scroll">
          <table className="loops-table">
            <thead>
              <tr>
                <th scope="col">{texts.columns.head}</th>
                <th scope="col">{texts.columns.code}</th>
                <th scope="col">{texts.columns.rounds}</th>
                <th scope="col">{texts.columns.processed}</th>
              </tr>
            </thead>
            <tbody>
              {value.map(({ head, end, depth, arrivals, steps }) => (
                <tr key={`${head} ${depth}`}>
                  <th scope="row">
                    <button type="button" className="link mono" onClick={() => select('insn', head)}>
                      {texts.range(head, end)}
                    </button>
                  </th>
                  <td className="loops-code">
                    <Code text={shownText(program, head)} /> <span className="muted">{line(head)}</span>
                  </td>
                  <td>{formatCount(arrivals)}</td>
                  <td className="loops-processed">
                    {formatCount(steps)}
                    <span className="loops-bar" style={{ width: `${(steps / most) * 100}%` }} aria-hidden="true" />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}

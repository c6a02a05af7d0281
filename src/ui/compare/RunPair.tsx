import { changeOf, said, settingsOf } from '../../replay/report.ts';
import { figures } from '../../replay/run-record.ts';
import type { KeptRun } from '../../workbench/runs.ts';
import { runs as texts } from '../texts/runs.ts';

interface RunPairProps {
  readonly chosen: KeptRun;
  readonly others: readonly KeptRun[];
  readonly other: KeptRun;
  readonly titleOf: (run: KeptRun) => string;
  readonly onOther: (key: string) => void;
}

/** Two runs beside each other: what they were made with, and what came of it. */
export function RunPair({ chosen, others, other, titleOf, onOther }: RunPairProps) {
  const [mine, theirs] = [chosen.record, other.record];
  const [now, before] = [figures(mine), figures(theirs)];
  const [own, old] = [settingsOf(mine), settingsOf(theirs)];
  const verdicts = [...new Set([...Object.keys(mine.verdicts), ...Object.keys(theirs.verdicts)])].sort();
  return (
    <section className="runs-pair" data-testid="runs-pair">
      <label className="runs-with">
        {texts.compare}
        <select className="field ab-wide" value={other.key} onChange={({ target }) => onOther(target.value)}>
          {others.map((run) => (
            <option key={run.key} value={run.key}>
              {titleOf(run)}
            </option>
          ))}
        </select>
      </label>
      <table>
        <caption>{texts.compareAbout}</caption>
        <thead>
          <tr>
            <td />
            <th scope="col" className="num">
              {texts.chosen}
            </th>
            <th scope="col" className="num">
              {texts.other}
            </th>
            <th scope="col" className="num">
              {texts.change}
            </th>
          </tr>
        </thead>
        <tbody>
          {own.map(([name, value], at) => {
            const differs = value !== old[at]![1];
            return (
              <tr key={name} className={differs ? '' : 'muted'}>
                <th scope="row">{name}</th>
                <Words text={value} />
                <Words text={old[at]![1]} />
                <td className="num">{differs ? texts.differs : ''}</td>
              </tr>
            );
          })}
          {now.map(({ id, value, better }, at) => {
            const was = before[at]!.value;
            const worse = value !== null && was !== null && (better === 'more' ? value < was : value > was);
            return (
              <tr key={id}>
                <th scope="row">{texts.figures[id]}</th>
                <td className="num">{said(id, value)}</td>
                <td className="num">{said(id, was)}</td>
                <td className={`num ${worse ? 'bad' : 'muted'}`}>{(worse ? texts.worse : '') + changeOf(id, value, was)}</td>
              </tr>
            );
          })}
          {verdicts.map((name) => {
            const [a, b] = [mine.verdicts[name] ?? 0, theirs.verdicts[name] ?? 0];
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td className="num">{said('insns', a)}</td>
                <td className="num">{said('insns', b)}</td>
                <td className="num muted">{changeOf('insns', a, b)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Words({ text }: { text: string }) {
  return (
    <td className="runs-words" title={text}>
      <span className="ellipsis">{text}</span>
    </td>
  );
}

import type { EventCosts } from '../../replay/event-cost.ts';
import { actionName } from '../../replay/runner.ts';
import { effects as texts } from '../texts/effects.ts';

/** What events of each verdict cost: instructions exactly, time of a choice of them. */
export default function CostView({ costs }: { costs: EventCosts }) {
  const { clockStepMs, runMs, verdicts } = costs;
  return (
    <div className="effects-maps" data-testid="event-costs">
      <table>
        <caption>{texts.cost.caption}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.cost.verdict}</th>
            {[texts.cost.events, ...texts.cost.insns, ...texts.cost.times, texts.cost.timed].map((title) => (
              <th key={title} scope="col" className="num">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {verdicts.map(({ verdict, events, insns, ns }) => (
            <tr key={verdict}>
              <th scope="row">{actionName(verdict)}</th>
              {[events, insns.p50, insns.p99, insns.most, ns?.p50, ns?.p99, ns?.timed].map((value, at) => (
                <td key={at} className="num">
                  {value === undefined ? '' : texts.count(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="small muted effects-note">{texts.cost.note(runMs, clockStepMs)}</p>
    </div>
  );
}

import { useEffect, useState } from 'react';
import type { Strategy } from '../../compiler/api.ts';
import type { CostEstimate } from '../../compiler/cost.ts';
import { loopCosts } from '../../workbench/passes.ts';
import { Progress } from '../components/Progress.tsx';
import { pipeline } from '../texts/pipeline.ts';
import type { Asked } from './usePasses.ts';

const texts = pipeline.loops;

/** What the cost model expects of each strategy, and which one was taken. */
export function LoopCosts({ asked: { key, change }, strategy, chosen }: { asked: Asked; strategy: Strategy; chosen: string }) {
  const of = JSON.stringify([key, change]);
  const [held, setHeld] = useState<{ readonly of: string; readonly costs: readonly CostEstimate[] } | null>(null);
  useEffect(() => {
    const own = new AbortController();
    const [wanted, options] = JSON.parse(of) as [string, Asked['change']];
    loopCosts(wanted, options, { signal: own.signal }).then(
      (costs) => {
        if (!own.signal.aborted) setHeld({ of, costs });
      },
      () => {
        if (!own.signal.aborted) setHeld({ of, costs: [] });
      },
    );
    return () => own.abort();
  }, [of]);
  if (held?.of !== of) return <Progress progress={null} label={texts.estimating} />;
  const most = Math.max(1, ...held.costs.map(({ processed }) => processed));
  const { columns } = texts;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="pipeline-loops" tabIndex={0} aria-label={texts.label}>
      <table className="pipeline-table">
        <thead>
          <tr className="small muted">
            <th scope="col">{columns.strategy}</th>
            <th scope="col">
              <span className="visually-hidden">{columns.fits}</span>
            </th>
            <th scope="col">{columns.processed}</th>
            <th scope="col">{columns.insns}</th>
            <th scope="col">{columns.executed}</th>
            <th scope="col">{columns.callbacks}</th>
            <th scope="col">{columns.time}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {held.costs.map((cost) => (
            <tr key={cost.strategy} className={cost.strategy === chosen ? 'chosen' : ''}>
              <th scope="row">{cost.strategy}</th>
              <td className={cost.fits ? 'ok' : 'bad'}>
                <span
                  role="img"
                  aria-label={(cost.fits ? texts.yes : texts.no).slice(2)}
                  title={(cost.fits ? texts.yes : texts.no).slice(2)}
                >
                  {(cost.fits ? texts.yes : texts.no)[0]}
                </span>
              </td>
              <td>
                {texts.count(cost.processed)}
                <span className="pipeline-bar" style={{ width: `${(100 * cost.processed) / most}%` }} />
              </td>
              <td>{texts.count(cost.insns)}</td>
              <td>{texts.count(cost.executed)}</td>
              <td>{texts.count(cost.callbacks)}</td>
              <td>{texts.estimate(cost.ns)}</td>
              <td className="muted">{cost.strategy === chosen ? (strategy === 'auto' ? texts.chosen : texts.pinned) : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="small muted pipeline-note">{texts.note(strategy === 'auto')}</p>
    </section>
  );
}

import type { FactView } from '../../workbench/views.ts';
import { why as texts } from '../texts/why.ts';
import { Breakable } from './Breakable.tsx';
import { boundText, signedLogPosition } from './range-scale.ts';

const percent = (value: string): number => signedLogPosition(BigInt(value)) * 100;

/** A range on the signed log scale; never thinner than can be seen. */
function Bar({ fact, what, tone }: { fact: FactView; what: string; tone: 'known' | 'allowed' }) {
  if (fact.min === null || fact.max === null) return null;
  const from = percent(fact.min);
  const to = percent(fact.max);
  const range = texts.range(boundText(BigInt(fact.min)), boundText(BigInt(fact.max)));
  return (
    <span className="why-range">
      <span className="why-bar" role="img" aria-label={texts.rangeOf(what, range)}>
        <span className={`why-bar-fill ${tone}`} style={{ left: `${from}%`, width: `${Math.max(to - from, 1.5)}%` }} />
      </span>
      <span className="mono">{range}</span>
    </span>
  );
}

/** What was known against what is allowed, in words and, where both have bounds, on one scale. */
export function FactRows({ subject, known, allowed }: { subject: string; known: FactView | null; allowed: FactView | null }) {
  const both = known?.min != null && allowed?.min != null && known.max !== null && allowed.max !== null;
  const name = subject ? texts.knownOf(subject) : texts.known;
  return (
    <dl className="why-facts">
      {known ? (
        <>
          <dt>{name}</dt>
          <dd>
            <span className="mono">
              <Breakable text={known.text} />
            </span>
            {both ? <Bar fact={known} what={name} tone="known" /> : null}
          </dd>
        </>
      ) : null}
      {allowed ? (
        <>
          <dt>{texts.allowed}</dt>
          <dd>
            {allowed.text}
            {both ? <Bar fact={allowed} what={texts.allowed} tone="allowed" /> : null}
          </dd>
        </>
      ) : null}
    </dl>
  );
}

import { memo } from 'react';
import type { ProgramView } from '../../workbench/views.ts';
import { program as texts } from '../texts/program.ts';
import { Code } from './Code.tsx';
import { CHANGE_GLYPHS, type Change } from './changes.ts';
import { isCall, shownText, targetOf } from './decode.ts';
import { heatColour, heatShare, shortCount } from './heat.ts';
import { MOST_STRIPES } from './stripes.ts';

/** A breakpoint, one that is off, where the paused machine stands, or both. */
export type Stop = '' | 'on' | 'off' | 'here' | 'here-on';
const STOP_GLYPHS: { readonly [S in Stop]: string } = { '': '', on: '●', off: '○', here: '▶', 'here-on': '▶' };

interface InsnRowProps {
  readonly program: ProgramView;
  readonly insn: number;
  readonly stripes: readonly string[];
  readonly failing: boolean;
  /** What the debugger has here. */
  readonly stop: Stop;
  readonly change: Change | null;
  /** Visits of the verifier and the largest number of them; null while the column is hidden. */
  readonly visits: number | null;
  readonly mostVisits: number;
  /** Which ways a branch went; '' for others, and where nothing was counted. */
  readonly way: string;
  /** Lower-case text that is searched for; '' without a search. */
  readonly query: string;
}

/** One instruction: fork mark, origins, index, failure, visits, room for the arrows, code. */
export const InsnRow = memo(function InsnRow(props: InsnRowProps) {
  const { program, insn, stripes, failing, stop, change, visits, mostVisits, way, query } = props;
  const target = targetOf(program, insn);
  return (
    <span className="listing-insn" data-insn={insn}>
      <span className={`listing-change ${change ?? ''}`}>{change ? CHANGE_GLYPHS[change] : ''}</span>
      <span className="listing-stripes">
        {stripes.slice(0, stripes.length > MOST_STRIPES ? MOST_STRIPES - 1 : MOST_STRIPES).map((colour) => (
          <span key={colour} style={{ background: colour }} />
        ))}
        {stripes.length > MOST_STRIPES ? <i /> : null}
      </span>
      <span className="listing-idx" data-stop={insn} title={texts.stops.toggle}>
        {insn}
      </span>
      <span className={`listing-mark ${failing ? '' : stop}`} data-stop={insn} title={texts.stops[stop || 'toggle']}>
        {failing ? '✕' : STOP_GLYPHS[stop]}
      </span>
      {visits === null ? null : <Heat visits={visits} most={mostVisits} way={way} />}
      <span className="listing-arrows" />
      <Code text={shownText(program, insn)} query={query} />
      {target >= 0 && !isCall(program, insn) ? (
        <span className="listing-target">
          {target > insn ? '↓' : '↑'} {target}
        </span>
      ) : null}
    </span>
  );
});

/** A bar on a logarithmic scale and the number itself. */
function Heat({ visits, most, way }: { visits: number; most: number; way: string }) {
  const share = heatShare(visits, most);
  return (
    <span className="listing-heat">
      <span className="heat-bar">
        <span style={{ width: `${Math.round(share * 100)}%`, background: heatColour(share) }} />
      </span>
      <span className="heat-count">
        {way} {visits === 0 ? '·' : shortCount(visits)}
      </span>
    </span>
  );
}

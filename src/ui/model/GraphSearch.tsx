import { ChevronDown, ChevronUp } from 'lucide-react';
import type { Ref } from 'react';
import { graph as texts } from '../texts/model.ts';

interface GraphSearchProps {
  readonly ref: Ref<HTMLInputElement>;
  readonly query: string;
  readonly hits: number;
  /** Which hit is shown, from 0; -1 before the first Enter. */
  readonly at: number;
  readonly onQuery: (query: string) => void;
  readonly onStep: (by: 1 | -1) => void;
  readonly onLeave: () => void;
}

/** Finds operators by kind, name or shape; Enter walks the hits. */
export function GraphSearch({ ref, query, hits, at, onQuery, onStep, onLeave }: GraphSearchProps) {
  return (
    <search className="graph-search">
      <input
        ref={ref}
        className="field"
        type="search"
        placeholder={texts.findShort}
        title={texts.findHint}
        aria-label={texts.find}
        value={query}
        onChange={(event) => onQuery(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') onStep(event.shiftKey ? -1 : 1);
          else if (event.key === 'Escape') {
            onQuery('');
            onLeave();
          } else return;
          event.preventDefault();
        }}
      />
      {query.trim() === '' ? null : (
        <>
          <output className="small muted">{hits === 0 ? texts.noHits : at < 0 ? texts.found(hits) : texts.hit(at + 1, hits)}</output>
          <button
            type="button"
            className="button square"
            aria-label={texts.hitBefore}
            title={`${texts.hitBefore} (Shift+Enter)`}
            disabled={hits === 0}
            onClick={() => onStep(-1)}
          >
            <ChevronUp size={14} />
          </button>
          <button
            type="button"
            className="button square"
            aria-label={texts.hitNext}
            title={`${texts.hitNext} (Enter)`}
            disabled={hits === 0}
            onClick={() => onStep(1)}
          >
            <ChevronDown size={14} />
          </button>
        </>
      )}
    </search>
  );
}

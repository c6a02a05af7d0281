import { ChevronDown, ChevronUp } from 'lucide-react';
import type { Ref } from 'react';

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
        placeholder="Find…"
        title="Operators by kind, name or shape (F)"
        aria-label="Find in the graph"
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
          <output className="small muted">{hits === 0 ? 'none' : at < 0 ? `${hits} found` : `${at + 1} of ${hits}`}</output>
          <button
            type="button"
            className="button square"
            aria-label="Hit before"
            title="Hit before (Shift+Enter)"
            disabled={hits === 0}
            onClick={() => onStep(-1)}
          >
            <ChevronUp size={14} />
          </button>
          <button
            type="button"
            className="button square"
            aria-label="Next hit"
            title="Next hit (Enter)"
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

import { ChevronDown, ChevronUp, X } from 'lucide-react';
import { useRef } from 'react';
import { useCommandHandler } from '../commands.ts';
import { program as texts } from '../texts/program.ts';
import type { Finding } from './useFind.ts';
import { useStable } from './useStable.ts';

interface FindBarProps {
  readonly finding: Finding;
  /** Instruction from which hits are counted; -1 without one. */
  readonly cursor: number;
  readonly onGo: (insn: number) => void;
  readonly onLeave: () => void;
}

/** Finds instructions by text, index, map, helper, function or source line; Enter walks the hits. */
export function FindBar({ finding, cursor, onGo, onLeave }: FindBarProps) {
  const field = useRef<HTMLInputElement>(null);
  const { query, hits, done, total } = finding;
  const place = cursor < 0 ? -1 : hits.placeOf(cursor);
  const at = place >= 0 && place < hits.length && hits.at(place) === cursor ? place : -1;

  const step = useStable((by: 1 | -1) => {
    // A number means that instruction first, found already or not; later steps go from hit to hit.
    const index = /^#?\d+$/.test(query.trim()) && at < 0 ? Number(query.trim().replace('#', '')) : -1;
    if (index >= 0 && index < total && (hits.has(index) || done < total)) onGo(index);
    else if (hits.length === 0) return;
    else if (by === 1) onGo(hits.at((at >= 0 ? at + 1 : hits.placeOf(cursor + 1)) % hits.length));
    else onGo(hits.at(((at >= 0 ? at : hits.placeOf(Math.max(0, cursor))) - 1 + hits.length) % hits.length));
  });
  useCommandHandler(
    'program.find',
    useStable(() => field.current?.select()),
  );
  useCommandHandler(
    'program.goTo',
    useStable(() => {
      finding.setQuery('#');
      field.current?.focus();
    }),
  );
  useCommandHandler(
    'program.findNext',
    useStable(() => step(1)),
  );
  useCommandHandler(
    'program.findBefore',
    useStable(() => step(-1)),
  );

  const searching = done < total;
  return (
    <search className="find-bar">
      <input
        ref={field}
        className="field"
        type="search"
        placeholder={texts.find}
        title={texts.findTitle}
        aria-label={texts.findLabel}
        spellCheck={false}
        value={query}
        onChange={(event) => finding.setQuery(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') step(event.shiftKey ? -1 : 1);
          else if (event.key === 'Escape') {
            finding.setQuery('');
            onLeave();
          } else return;
          event.preventDefault();
        }}
      />
      {query.trim() === '' ? null : (
        <>
          <output className="small muted find-count" data-testid="find-count" data-hits={hits.length} data-done={!searching}>
            {hits.length === 0 && searching
              ? ''
              : hits.length === 0
                ? texts.findNone
                : at < 0
                  ? texts.findHits(hits.length)
                  : texts.findAt(at + 1, hits.length)}
            {searching ? ` ${texts.findProgress(done, total)}` : ''}
          </output>
          {searching ? (
            <button type="button" className="button square" aria-label={texts.findStop} title={texts.findStop} onClick={finding.stop}>
              <X size={14} />
            </button>
          ) : null}
          <button
            type="button"
            className="button square"
            aria-label={texts.findBefore}
            title={texts.findBeforeTitle}
            disabled={hits.length === 0}
            onClick={() => step(-1)}
          >
            <ChevronUp size={14} />
          </button>
          <button
            type="button"
            className="button square"
            aria-label={texts.findNext}
            title={texts.findNextTitle}
            disabled={hits.length === 0}
            onClick={() => step(1)}
          >
            <ChevronDown size={14} />
          </button>
        </>
      )}
    </search>
  );
}

import { Check, ChevronDown, ChevronRight, CircleStop, Repeat, Scissors, TriangleAlert, X } from 'lucide-react';
import { type KeyboardEvent, useContext, useEffect, useRef, useState } from 'react';
import type { EndName } from '../../verifier/query/exploration.ts';
import type { OutlineRow } from '../../verifier/query/outline.ts';
import type { Asked } from '../../workbench/query.ts';
import { formatCount } from '../../workbench/selectors.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { PinnedContext } from '../components/pinned.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { Code } from '../program/Code.tsx';
import { shownText } from '../program/decode.ts';
import { paths as texts } from '../texts/paths.ts';
import { goToStep } from './query-store.ts';
import { usePathRows } from './usePathRows.ts';
import { WhyPruned } from './WhyPruned.tsx';

interface PathTreeProps {
  readonly asked: Asked;
  readonly program: ProgramView;
  /** Rows at first. */
  readonly count: number;
  readonly step: number | null;
  /** Last step of a program that is refused. */
  readonly refusedAt: number | null;
}

/** All paths, folded where they repeat; beside them what the state at the cursor was compared with. */
export function PathTree({ asked, program, count, step, refusedAt }: PathTreeProps) {
  const rows = usePathRows(asked, count);
  const pinned = useContext(PinnedContext);
  const [active, setActive] = useState(-1);
  const shown = useRef<number | null>(null);
  const { reveal } = rows;
  useEffect(() => {
    if (step === null || step === shown.current || pinned) return;
    shown.current = step;
    let wanted = true;
    reveal(step).then(
      (index) => {
        if (wanted) setActive(index);
      },
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [step, pinned, reveal]);

  const go = (index: number, toEnd = false): void => {
    setActive(index);
    const row = rows.row(index);
    if (!row) return;
    const isEnd = toEnd || row.kind === 'end' || (row.kind === 'path' && row.expanded === undefined);
    const to = isEnd ? row.lastStep : row.firstStep;
    shown.current = to;
    goToStep(asked, to, isEnd ? row.lastInsn : row.firstInsn);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = active < 0 ? undefined : rows.row(active);
    const folds = event.key === 'ArrowLeft' ? true : event.key === 'ArrowRight' ? false : null;
    if (!row || (folds === null && event.key !== 'Enter')) return;
    event.preventDefault();
    if (row.expanded !== undefined && (folds === null || row.expanded === folds)) rows.toggle(row, active);
    else if (folds) {
      // Folded already: to what it lies in.
      for (let at = active - 1; at >= 0; at--) {
        const outer = rows.row(at);
        if (!outer) return;
        if (outer.level < row.level) return setActive(at);
      }
    }
  };
  const functionAt = (insn: number): string => program.subprogs.findLast(({ start }) => start <= insn)?.name ?? '';
  return (
    <div className="paths-split">
      <VirtualList
        label={texts.tree}
        className="paths-tree"
        count={rows.count}
        rowHeight={20}
        active={active}
        follow={!pinned}
        onActivate={(index) => go(index)}
        onKeyDown={onKeyDown}
        rowClass={(index) => (index === active ? 'selected' : '')}
        rowLabel={(index) => {
          const row = rows.row(index);
          return row ? texts.row(wordsOf(row, functionAt), row.steps) : texts.loading;
        }}
        tree={(index) => {
          const row = rows.row(index);
          if (!row) return { level: 1, posInSet: index + 1, setSize: rows.count };
          const { level, posInSet, setSize, expanded } = row;
          return { level, posInSet, setSize, ...(expanded === undefined ? {} : { expanded }) };
        }}
      >
        {(index) => {
          const row = rows.row(index);
          if (!row) return <span className="path-row muted">{texts.loading}</span>;
          return (
            <div className="path-row" style={{ paddingLeft: 4 + (row.level - 1) * 12 }} data-kind={row.kind}>
              {row.expanded === undefined ? (
                <span className="path-fold" />
              ) : (
                <span
                  className="path-fold"
                  aria-hidden="true"
                  onClick={(event) => {
                    event.stopPropagation();
                    rows.toggle(row, index);
                  }}
                >
                  {row.expanded ? <ChevronDown size={12} /> : <ChevronRight size={12} />}
                </span>
              )}
              <RowText row={row} program={program} functionAt={functionAt} toEnd={() => go(index, true)} />
              <span className="path-steps" title={texts.stepsAbout}>
                {row.kind === 'end' ? '' : formatCount(row.steps)}
              </span>
            </div>
          );
        }}
      </VirtualList>
      <WhyPruned asked={asked} step={step} refused={step !== null && step === refusedAt} />
    </div>
  );
}

function wordsOf(row: OutlineRow, functionAt: (insn: number) => string): string {
  switch (row.kind) {
    case 'path': {
      const edge = row.edge === 'start' ? texts.function(functionAt(row.firstInsn)) : texts.edges[row.edge ?? 'other'];
      return `${edge}${texts.to(row.firstInsn)}, ${texts.end(row.end ?? 'exit', row.lastInsn)}`;
    }
    case 'straight':
      return texts.stretch(row.firstInsn, row.lastInsn);
    case 'loop':
      return texts.loop(row.firstInsn, row.rounds ?? 0);
    case 'round':
      return texts.round(row.rounds ?? 0);
    case 'end':
      return texts.end(row.end ?? 'exit', row.lastInsn);
  }
}

interface RowTextProps {
  readonly row: OutlineRow;
  readonly program: ProgramView;
  readonly functionAt: (insn: number) => string;
  readonly toEnd: () => void;
}

function RowText({ row, program, functionAt, toEnd }: RowTextProps) {
  switch (row.kind) {
    case 'path':
      return (
        <>
          <span className="path-what ellipsis">
            {row.edge === 'start' ? <strong>{texts.function(functionAt(row.firstInsn))}</strong> : texts.edges[row.edge ?? 'other']}
            <span className="muted">{texts.to(row.firstInsn)}</span>
            {row.expanded === undefined ? (
              <span className="mono path-code path-first">
                <Code text={shownText(program, row.firstInsn)} />
              </span>
            ) : null}
          </span>
          <span className="muted path-ends">{texts.ends(row.ends ?? 1)}</span>
          <EndMark end={row.end ?? 'exit'} insn={row.lastInsn} go={toEnd} />
        </>
      );
    case 'straight':
      return (
        <span className="path-what ellipsis">
          <span className="path-stretch">{texts.stretch(row.firstInsn, row.lastInsn)}</span>
          <span className="mono path-code">
            <Code text={shownText(program, row.firstInsn)} />
          </span>
        </span>
      );
    case 'loop':
      return (
        <span className="path-what ellipsis">
          <Repeat size={12} aria-hidden="true" /> {texts.loop(row.firstInsn, row.rounds ?? 0)}
        </span>
      );
    case 'round':
      return <span className="path-what ellipsis">{texts.round(row.rounds ?? 0)}</span>;
    case 'end':
      return <EndMark end={row.end ?? 'exit'} insn={row.lastInsn} go={toEnd} wide />;
  }
}

const MARKS: { readonly [Name in EndName]: typeof Check } = {
  exit: Check,
  pruned: Scissors,
  rejected: X,
  limit: TriangleAlert,
  stopped: CircleStop,
};

/** How a path ends, as a mark and in words. */
function EndMark({ end, insn, go, wide = false }: { end: EndName; insn: number; go: () => void; wide?: boolean }) {
  const Mark = MARKS[end];
  return (
    // biome-ignore lint/a11y: the keyboard reaches the end as a row of its own
    <span
      onClick={(event) => {
        event.stopPropagation();
        go();
      }}
      className={`path-end ${end} ${wide ? 'path-what' : ''}`}
    >
      <Mark size={12} aria-hidden="true" /> {texts.end(end, insn)}
    </span>
  );
}

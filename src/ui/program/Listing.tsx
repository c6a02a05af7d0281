import { ChevronDown, ChevronRight } from 'lucide-react';
import { type ClipboardEvent, type KeyboardEvent, Suspense, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { toggleBreakpoint, useBreakpoints } from '../../workbench/breakpoints.ts';
import { textAt } from '../../workbench/columns.ts';
import { useProfile } from '../../workbench/profile.ts';
import { inRanges, type Range } from '../../workbench/relations.ts';
import type { Selection } from '../../workbench/selection.ts';
import { announce, select, selectionBack, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { useCommandHandler } from '../commands.ts';
import { part } from '../components/part.tsx';
import { PinnedContext } from '../components/pinned.ts';
import type { RowWindow } from '../components/useScrollSpace.ts';
import { type TreeRow, VirtualList, type VirtualListHandle } from '../components/VirtualList.tsx';
import { program as texts } from '../texts/program.ts';
import { changeAt, nextChange } from './changes.ts';
import { MOST_COPIED, rowsAsText } from './copy.ts';
import { targetOf, wayOf } from './decode.ts';
import { countsOf, visitsOf } from './heat.ts';
import { InsnRow, type Stop } from './InsnRow.tsx';
import { JumpArrows } from './JumpArrows.tsx';
import { funcRange, gapLength, ListingRows } from './rows.ts';
import { Stripes } from './stripes.ts';
import type { Folds } from './useFolds.ts';
import { useStable } from './useStable.ts';

const HoverCard = part(() => import('./HoverCard.tsx').then((module) => ({ default: module.HoverCard })));

const ROW_HEIGHT = 18;
const HOVER_MS = 350;

interface ListingProps {
  readonly program: ProgramView;
  readonly ranges: readonly Range[];
  readonly selection: Selection | null;
  /** Lower-case text that is searched for; '' without a search. */
  readonly query: string;
  readonly folds: Folds;
  readonly heat: boolean;
}

interface Hover {
  readonly insn: number;
  readonly x: number;
  readonly y: number;
}

/** The instructions of the program, one a line, under the heads of their functions, with stripes of the operators that each serves. */
export function Listing({ program, ranges, selection, query, folds, heat: wantsHeat }: ListingProps) {
  const model = useWorkbench((state) => state.stages.model.value);
  const verdict = useWorkbench((state) => state.stages.verified.value);
  const pinned = useContext(PinnedContext);
  const { rows } = folds;
  const list = useRef<VirtualListHandle>(null);
  const stripes = useMemo(() => new Stripes(program, new Map(model?.nodes.map((node) => [node.index, node.op]))), [program, model]);
  const executed = useProfile(({ inListing, value }) => (inListing && value?.programKey === program.key ? value : null));
  const visits = useMemo(() => (executed ? countsOf(program, executed.counts) : visitsOf(program, verdict)), [program, executed, verdict]);
  const heat = wantsHeat || executed !== null;
  const stops = useStops();
  const failing = verdict && !verdict.accepted ? verdict.insnIdx : null;

  const cursor = selection?.kind === 'insn' && selection.artifact === program.key ? Number(selection.id) : -1;
  /** A head under the cursor, which no selection names: it ends when an instruction is selected. */
  const [head, setHead] = useState<{ readonly func: number; readonly cursor: number } | null>(null);
  const headFunc = head && head.cursor === cursor && head.func < program.subprogs.length ? head.func : -1;
  const active = headFunc >= 0 ? rows.headRow(headFunc) : cursor >= 0 ? rows.rowOf(cursor) : -1;
  /** Where a range of marked rows began; it ends at the active row. */
  const [anchor, setAnchor] = useState(-1);
  const marked: Range = anchor < 0 || active < 0 ? [0, -1] : [Math.min(anchor, active), Math.max(anchor, active)];
  const shift = useRef(false);

  const firstRelated = longestStart(ranges);
  const showRelated = useStable((insn: number) => {
    if (insn >= 0 && !pinned) list.current?.scrollTo(Math.max(0, rows.rowOf(insn) - 2), 'start');
  });
  // Folding and pinning do not scroll.
  useEffect(() => showRelated(firstRelated), [firstRelated, showRelated]);

  const activate = useStable((row: number) => {
    const item = rows.at(row);
    if (shift.current) setAnchor((present) => (present < 0 ? Math.max(0, active) : present));
    else setAnchor(-1);
    shift.current = false;
    list.current?.scrollTo(row);
    if (item.kind === 'func') {
      setHead({ func: item.at, cursor });
      return;
    }
    setHead(null);
    if (item.kind === 'insn') select('insn', item.insn);
    else {
      // A source line belongs to the instruction below it, unless the cursor comes from there.
      const next = row < active && row === active - 1 ? row - 1 : row + 1;
      const beside = rows.at(Math.max(0, Math.min(rows.length - 1, next)));
      if (beside.kind === 'func') setHead({ func: beside.at, cursor });
      else if (beside.kind === 'insn') select('insn', beside.insn);
    }
  });

  const goTo = useStable((insn: number) => {
    if (insn < 0) return;
    setAnchor(-1);
    setHead(null);
    select('insn', insn);
    list.current?.focus();
  });
  const follow = useStable(() => goTo(cursor >= 0 ? targetOf(program, cursor) : -1));
  const toggleFold = useStable(() => {
    const func = active >= 0 ? rows.funcAt(active) : 0;
    if (func < 0) return;
    setHead({ func, cursor });
    folds.toggle(func);
  });
  const copyText = (): string | null => {
    const wholeFunc = headFunc >= 0 && anchor < 0;
    // A head stands for its function, folded or not.
    const source = wholeFunc ? new ListingRows(program) : rows;
    const from = wholeFunc ? source.headRow(headFunc) : anchor < 0 ? active : marked[0];
    const to = wholeFunc ? from + source.funcRows(headFunc) - 1 : anchor < 0 ? active : marked[1];
    if (from < 0) return null;
    const many = to - from + 1;
    if (many > MOST_COPIED) {
      announce(texts.copyTooMany(many, MOST_COPIED));
      return null;
    }
    announce(texts.copied(many));
    return rowsAsText(program, source, from, to);
  };
  useCommandHandler('program.follow', follow);
  useCommandHandler('program.back', selectionBack);
  useCommandHandler('program.fold', toggleFold);
  useCommandHandler('program.foldAll', folds.toggleAll);
  useCommandHandler(
    'program.copy',
    useStable(() => {
      const text = copyText();
      if (text !== null) void navigator.clipboard.writeText(text);
    }),
  );
  useCommandHandler(
    'program.nextChange',
    useStable(() => goTo(nextChange(program, cursor, 1))),
  );
  useCommandHandler(
    'program.previousChange',
    useStable(() => goTo(nextChange(program, cursor, -1))),
  );

  const onKeyDown = (event: KeyboardEvent) => {
    const func = active >= 0 ? rows.funcAt(active) : -1;
    if (event.key === 'Enter' && headFunc >= 0) folds.toggle(headFunc);
    else if (event.key === 'Enter') follow();
    else if (event.key === 'ArrowLeft' && func >= 0 && headFunc < 0) setHead({ func, cursor });
    else if (event.key === 'ArrowLeft' && headFunc >= 0 && !rows.isFolded(headFunc)) folds.toggle(headFunc);
    else if (event.key === 'ArrowRight' && headFunc >= 0 && rows.isFolded(headFunc)) folds.toggle(headFunc);
    else if (event.key === 'ArrowRight' && headFunc >= 0) activate(active + 1);
    else {
      if (event.key === 'Escape') setHover(null);
      shift.current = event.shiftKey;
      return;
    }
    event.preventDefault();
  };
  const onCopy = (event: ClipboardEvent) => {
    const text = copyText();
    if (text === null) return;
    event.clipboardData.setData('text/plain', text);
    event.preventDefault();
  };

  const { hover, setHover, onMouseOver, onMouseLeave } = useHover();
  const related = useCallback((insn: number) => inRanges(ranges, insn), [ranges]);
  const [low, high] = marked;
  const rowClass = useCallback(
    (row: number) => {
      const item = rows.at(row);
      const mark = row >= low && row <= high ? ' marked' : '';
      if (row === active) return `selected${item.kind === 'func' ? ' listing-func' : ''}${mark}`;
      if (item.kind !== 'insn') return `listing-${item.kind}${mark}`;
      const own = related(item.insn) ? 'related' : item.insn === failing ? 'failing' : '';
      return own + mark;
    },
    [rows, active, low, high, related, failing],
  );
  const tree = useCallback(
    (row: number): TreeRow => {
      const func = rows.funcAt(row);
      if (func < 0) return { level: 1, posInSet: row + 1, setSize: rows.length };
      const head = rows.headRow(func);
      if (row === head) return { level: 1, expanded: !rows.isFolded(func), posInSet: func + 1, setSize: program.subprogs.length };
      return { level: 2, posInSet: row - head, setSize: rows.funcRows(func) - 1 };
    },
    [rows, program],
  );
  const render = useCallback(
    (row: number) => {
      const item = rows.at(row);
      if (item.kind === 'func') {
        // Visits of the program before may still be there, and it may have had fewer functions.
        const processed = visits?.perFunc[item.at] ?? null;
        return <FuncRow program={program} at={item.at} folded={rows.isFolded(item.at)} processed={processed} ran={executed !== null} />;
      }
      if (item.kind === 'line') return <LineRow program={program} at={item.at} />;
      if (item.kind === 'gap') return <span className="listing-gap">{texts.gap(gapLength(program, item.insn))}</span>;
      const { insn } = item;
      return (
        <InsnRow
          program={program}
          insn={insn}
          stripes={stripes.of(insn)}
          failing={insn === failing}
          stop={stops.get(insn) ?? ''}
          change={changeAt(program, insn)}
          visits={heat && visits ? visits.perInsn[insn]! : null}
          mostVisits={visits?.most ?? 0}
          way={executed ? wayOf(program, insn, executed) : ''}
          query={query}
        />
      );
    },
    [program, rows, stripes, stops, visits, executed, heat, failing, query],
  );
  const overlay = useCallback(
    (view: RowWindow) => <JumpArrows program={program} rows={rows} window={view} rowHeight={ROW_HEIGHT} cursor={cursor} />,
    [program, rows, cursor],
  );

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: pointer hovers only; the same facts stand below the list for the selected line
    // biome-ignore lint/a11y/useKeyWithMouseEvents: see above
    <div
      className={`listing${heat ? ' with-heat' : ''}${program.fork ? ' with-changes' : ''}`}
      onMouseOver={onMouseOver}
      onMouseLeave={onMouseLeave}
      onClickCapture={(event) => {
        shift.current = event.shiftKey;
        const place = (event.target as Element).closest<HTMLElement>('[data-fold], [data-stop]');
        if (!place) return;
        event.stopPropagation();
        if (place.dataset.stop !== undefined) toggleBreakpoint(Number(place.dataset.stop));
        else folds.toggle(Number(place.dataset.fold));
      }}
      onCopy={onCopy}
    >
      <VirtualList
        ref={list}
        label={texts.instructions}
        className="mono"
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        follow={!pinned}
        onActivate={activate}
        onKeyDown={onKeyDown}
        rowClass={rowClass}
        tree={tree}
        overlay={overlay}
      >
        {render}
      </VirtualList>
      {hover && hover.insn < program.code.length / 8 ? (
        <Suspense>
          <HoverCard program={program} insn={hover.insn} x={hover.x} y={hover.y} />
        </Suspense>
      ) : null}
    </div>
  );
}

/** What the debugger has before instructions. */
function useStops(): ReadonlyMap<number, Stop> {
  const { list, current, nodePlaces } = useBreakpoints();
  return useMemo(() => {
    const stops = new Map<number, Stop>();
    for (const insn of nodePlaces) stops.set(insn, 'on');
    for (const { insn, enabled } of list) if (insn !== null) stops.set(insn, enabled ? 'on' : 'off');
    if (current >= 0) stops.set(current, stops.get(current) === 'on' ? 'here-on' : 'here');
    return stops;
  }, [list, current, nodePlaces]);
}

/** What the pointer rests on. */
function useHover() {
  const [hover, setHover] = useState<Hover | null>(null);
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const onMouseOver = useCallback((event: { target: EventTarget; clientX: number; clientY: number }) => {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-insn]');
    const { clientX: x, clientY: y } = event;
    window.clearTimeout(timer.current);
    setHover((present) => (present && present.insn === Number(row?.dataset.insn ?? -1) ? present : null));
    if (row) timer.current = window.setTimeout(() => setHover({ insn: Number(row.dataset.insn), x, y }), HOVER_MS);
  }, []);
  const onMouseLeave = useCallback(() => {
    window.clearTimeout(timer.current);
    setHover(null);
  }, []);
  return { hover, setHover, onMouseOver, onMouseLeave };
}

/** Where most of what is related stands in one piece; -1 when nothing is. */
function longestStart(ranges: readonly Range[]): number {
  let [start, length] = [-1, 0];
  for (const [from, to] of ranges) if (to - from > length) [start, length] = [from, to - from];
  return start;
}

interface FuncRowProps {
  readonly program: ProgramView;
  readonly at: number;
  readonly folded: boolean;
  readonly processed: number | null;
  /** They were executed rather than processed by the verifier. */
  readonly ran: boolean;
}

function FuncRow({ program, at, folded, processed, ran }: FuncRowProps) {
  const { name, linkage } = program.subprogs[at]!;
  const [from, to] = funcRange(program, at);
  const Chevron = folded ? ChevronRight : ChevronDown;
  return (
    <span className="listing-head">
      <span className="listing-fold" data-fold={at}>
        <Chevron size={14} aria-hidden="true" />
      </span>
      <span className="listing-name">{name}</span> <span className="muted">{at === 0 ? program.section : linkage}</span>
      <span className="listing-cost muted">
        {texts.head(to - from)}
        {processed === null ? '' : ` · ${(ran ? texts.headExecuted : texts.headProcessed)(processed)}`}
      </span>
    </span>
  );
}

function LineRow({ program, at }: { program: ProgramView; at: number }) {
  const { file, files, line, text } = program.lines;
  const name = files[file[at]!] ?? '';
  return (
    <span className="listing-comment" title={`${name}:${line[at]}`}>
      ; {textAt(text, at)}
      {/\.onnx$/i.test(name) || name === '' ? null : (
        <span className="listing-place">
          {' '}
          @ {name.replace(/^.*\//, '')}:{line[at]}
        </span>
      )}
    </span>
  );
}

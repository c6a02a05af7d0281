import { type Ref, useCallback, useEffect, useMemo, useRef } from 'react';
import { decodeLog, LINE, lineEnd } from '../../verifier/logfile/lines.ts';
import { type LogView, runOf } from '../../workbench/log-views.ts';
import { splitPart } from '../../workbench/selection.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { VirtualList, type VirtualListHandle } from '../components/VirtualList.tsx';
import { log as texts } from '../texts/log.ts';
import { LONGEST_DRAWN, LogLine } from './LogLine.tsx';
import { openFold, setCursor, useLogs } from './log-store.ts';
import { foldedAt, lineOfVisit, nearestVisit, type RowChoice, rowOfLine, visibleLines } from './rows.ts';
import './log.css';

const ROW_HEIGHT = 18;

const placeOf = (insn: number, visit: number | null): string => `${insn} ${visit}`;

/** Width of a character of the code font. */
const CHARACTER_PX = 7.5;

interface LogListProps {
  readonly log: LogView;
  readonly ref?: Ref<VirtualListHandle>;
  /** Lines that match the search, and whether to show no others. */
  readonly found?: { readonly line: Uint32Array; readonly from: Uint32Array; readonly to: Uint32Array } | null;
  readonly only?: boolean;
}

/** The lines of a log; those in view are decoded. The line at the cursor and the instruction selected elsewhere lead to each other. */
export function LogList({ log, ref, found = null, only = false }: LogListProps) {
  const fold = useLogs((state) => state.fold);
  const opened = useLogs((state) => state.opened);
  const cursor = useLogs((state) => (state.cursor.key === log.key ? state.cursor.line : -1));
  const selection = useWorkbench((state) => state.selection);
  const insn = selection?.kind === 'insn' ? Number(selection.id) : selection?.kind === 'state' ? Number(splitPart(selection.id).whole) : -1;
  const visited = selection?.kind === 'state' ? splitPart(selection.id).part : null;
  const place = placeOf(insn, visited);
  const choice: RowChoice = useMemo(() => ({ fold, opened, only: only && found ? found.line : null }), [fold, opened, only, found]);
  const rows = useMemo(() => visibleLines(log, choice), [log, choice]);
  const active = cursor < 0 ? -1 : rowOfLine(rows, cursor);
  const run = runOf(log);
  const gutter = String(log.lines).length;

  // An instruction that is selected elsewhere brings its nearest visit, unless the cursor stands on one.
  const followed = useRef('');
  useEffect(() => {
    if (insn < 0 || followed.current === place) return;
    followed.current = place;
    const { cursor: at } = useLogs.getState();
    const line = at.key === log.key ? at.line : -1;
    if (visited === null && line >= 0 && log.insn[line] === insn) return;
    const visit = visited === null ? nearestVisit(log, insn, line) : lineOfVisit(log, insn, visited);
    if (visit >= 0) setCursor(log.key, visit);
  }, [insn, visited, place, log]);

  const choose = useCallback(
    (row: number) => {
      const line = rows[row];
      if (line === undefined) return;
      if (foldedAt(log, line, choice) > 0 && useLogs.getState().cursor.line === line) openFold(line);
      setCursor(log.key, line);
      const about = log.insn[line]!;
      if (about < 0 || line < run.from || line >= run.to || foldedAt(log, line, choice) > 0) return;
      followed.current = placeOf(about, null);
      select('insn', about);
    },
    [log, rows, choice, run],
  );

  return (
    <VirtualList
      ref={ref}
      label={texts.list}
      className="mono log"
      count={rows.length}
      rowHeight={ROW_HEIGHT}
      active={active}
      minWidth={Math.min(log.longest, LONGEST_DRAWN + 40) * CHARACTER_PX + gutter * CHARACTER_PX + 56}
      onActivate={choose}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || event.altKey || event.ctrlKey || event.metaKey || active < 0) return;
        openFold(rows[active]!);
        event.preventDefault();
      }}
      rowClass={(row) => {
        const line = rows[row]!;
        if (row === active) return 'selected';
        if (line === run.messageLine) return 'failing';
        return insn >= 0 && log.insn[line] === insn && log.kind[line] === LINE.insn ? 'related' : '';
      }}
    >
      {(row) => {
        const line = rows[row]!;
        const folded = foldedAt(log, line, choice);
        const start = log.lineStart[line]!;
        const end = lineEnd(log.bytes, log, line);
        const match = found ? rowOfLine(found.line, line) : -1;
        const hit = match >= 0 && found!.line[match] === line;
        return (
          <>
            <span className="log-number" style={{ width: `${gutter}ch` }}>
              {line + 1}
            </span>
            <span className="log-mark" aria-hidden="true">
              {folded > 0 ? '▸' : line === run.messageLine ? '✕' : log.kind[line] === LINE.path ? '↳' : ''}
            </span>
            {folded > 0 ? (
              <span className="log-note">{texts.fold.run(folded)}</span>
            ) : (
              <LogLine
                text={decodeLog(log.bytes.subarray(start, Math.min(end, start + 65536)), log.encoding)}
                prefix={log.prefix[line]!}
                kind={log.kind[line]!}
                from={hit ? found!.from[match]! : 0}
                to={hit ? found!.to[match]! : 0}
              />
            )}
          </>
        );
      }}
    </VirtualList>
  );
}

import { ArrowDown, ArrowUp, Copy, Download, ListFilter, PanelRight, Regex, Search } from 'lucide-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { lineBefore, lineBehind } from '../../verifier/logfile/along.ts';
import type { BlobRef } from '../../workbench/document.ts';
import { type LogView, runOf } from '../../workbench/log-views.ts';
import { announce, select } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import type { VirtualListHandle } from '../components/VirtualList.tsx';
import { log as texts } from '../texts/log.ts';
import { copyLog, downloadLog } from './export.ts';
import { searchFor, setCursor, stopSearch, toggleFold, useLogs } from './log-store.ts';
import { lineOfVisit, nearestVisit, rowOfLine, visitOf } from './rows.ts';

interface LogToolsProps {
  readonly log: LogView;
  readonly blob: BlobRef;
  readonly list: { readonly current: VirtualListHandle | null };
}

/** How long typing may pause before the search begins. */
const TYPING_MS = 150;

/** Finding, jumping, folding and taking along. */
export function LogTools({ log, blob, list }: LogToolsProps) {
  const { text, regex, onlyMatches, fold, showState, search } = useLogs();
  const cursor = useLogs((state) => (state.cursor.key === log.key ? state.cursor.line : -1));
  const field = useRef<HTMLInputElement>(null);
  const number = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(text);
  const [insn, setInsn] = useState('');
  const run = runOf(log);

  useEffect(() => {
    const timer = window.setTimeout(() => searchFor(log, blob, typed, regex), typed === '' ? 0 : TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [log, blob, typed, regex]);

  const { found } = search;
  const at = rowOfLine(found.line, cursor);
  const onMatch = at >= 0 && found.line[at] === cursor;

  const go = (line: number) => {
    if (line < 0) return;
    setCursor(log.key, line);
    const about = log.insn[line]!;
    if (about >= 0 && line >= run.from && line < run.to) select('insn', about);
  };
  const step = (by: number) => {
    if (found.line.length === 0) return;
    // From a line between two matches, forward is the one below and back is the one above.
    const next = by > 0 ? at + 1 : onMatch ? at - 1 : at;
    go(found.line[(next + found.line.length) % found.line.length]!);
  };
  const visit = visitOf(log, cursor);
  const stepVisit = (by: number) => {
    if (!visit) return;
    const line = lineOfVisit(log, visit.insn, visit.at + by);
    if (line >= 0) go(line);
  };
  const goInsn = () => {
    if (!/^\d+$/.test(insn)) return;
    const line = nearestVisit(log, Number(insn), -1);
    if (line < 0) announce(texts.jump.noInsn(Number(insn)));
    else {
      go(line);
      list.current?.focus();
    }
  };
  const focusField = () => {
    field.current?.focus();
    field.current?.select();
  };

  useCommandHandler('log.find', focusField);
  useCommandHandler('log.next', () => step(1));
  useCommandHandler('log.previous', () => step(-1));
  useCommandHandler('log.only', () => useLogs.setState({ onlyMatches: !onlyMatches && text !== '' }));
  useCommandHandler('log.failure', () => go(run.messageLine));
  useCommandHandler('log.insn', () => number.current?.focus());
  useCommandHandler('log.next-visit', () => stepVisit(1));
  useCommandHandler('log.previous-visit', () => stepVisit(-1));
  useCommandHandler('log.path-next', () => go(lineBehind(log.bytes, log, cursor)));
  useCommandHandler('log.path-previous', () => go(lineBefore(log.bytes, log, cursor)));
  useCommandHandler('log.fold', toggleFold);
  useCommandHandler('log.state', () => useLogs.setState({ showState: !showState }));
  useCommandHandler('log.download', () => downloadLog(log));
  useCommandHandler('log.copy', () => void copyLog(log));

  const onFieldKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter') step(event.shiftKey ? -1 : 1);
    else if (event.key === 'ArrowDown') list.current?.focus();
    else if (event.key === 'Escape' && typed !== '') setTyped('');
    else if (event.key === 'Escape') list.current?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className="log-tools">
      <div className="log-search">
        <label className="log-field">
          <Search size={14} aria-hidden="true" />
          <input
            ref={field}
            type="text"
            className="field"
            aria-label={texts.search.label}
            placeholder={texts.search.placeholder}
            spellCheck={false}
            autoComplete="off"
            value={typed}
            aria-invalid={search.status === 'bad'}
            onChange={(event) => setTyped(event.target.value)}
            onKeyDown={onFieldKey}
          />
        </label>
        <button
          type="button"
          className="button square"
          aria-pressed={regex}
          aria-label={texts.search.regex}
          title={texts.search.regex}
          onClick={() => useLogs.setState({ regex: !regex })}
        >
          <Regex size={14} />
        </button>
        <button
          type="button"
          className="button square"
          aria-pressed={onlyMatches}
          aria-label={texts.search.only}
          title={texts.search.only}
          disabled={text === ''}
          onClick={() => useLogs.setState({ onlyMatches: !onlyMatches })}
        >
          <ListFilter size={14} />
        </button>
        <button
          type="button"
          className="button square"
          aria-label={texts.search.previous}
          title={texts.search.previous}
          disabled={found.line.length === 0}
          onClick={() => step(-1)}
        >
          <ArrowUp size={14} />
        </button>
        <button
          type="button"
          className="button square"
          aria-label={texts.search.next}
          title={texts.search.next}
          disabled={found.line.length === 0}
          onClick={() => step(1)}
        >
          <ArrowDown size={14} />
        </button>
        {text === '' ? null : search.status === 'bad' ? (
          <span className="bad ellipsis" role="status" title={search.problem ?? ''}>
            {texts.search.bad(search.problem ?? '')}
          </span>
        ) : (
          <span className="muted log-count" data-testid="log-matches" data-count={found.line.length} data-status={search.status}>
            {texts.search.count(onMatch ? at : -1, found.line.length, search.status === 'running')}
            {search.status === 'stopped' ? ` (${texts.search.stopped})` : ''}
          </span>
        )}
        {search.status === 'running' ? (
          <button type="button" className="button small log-stop" onClick={stopSearch}>
            {texts.search.stop}
          </button>
        ) : null}
      </div>
      <div className="log-jumps">
        {run.messageLine >= 0 ? (
          <button type="button" className="button" title={texts.jump.failureHint} onClick={() => go(run.messageLine)}>
            <span className="bad" aria-hidden="true">
              {texts.jump.mark}
            </span>
            {texts.jump.failure}
          </button>
        ) : null}
        <label className="log-insn">
          <span className="muted">{texts.jump.insn}</span>
          <input
            ref={number}
            type="text"
            inputMode="numeric"
            className="field mono"
            title={texts.jump.insnHint}
            value={insn}
            aria-invalid={insn !== '' && !/^\d+$/.test(insn)}
            onChange={(event) => setInsn(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') goInsn();
              else if (event.key === 'Escape') list.current?.focus();
              else return;
              event.preventDefault();
            }}
          />
        </label>
        {visit && visit.visits > 1 ? (
          <span className="log-visit">
            <button
              type="button"
              className="button square"
              aria-label={texts.jump.previousVisit}
              title={texts.jump.previousVisit}
              disabled={visit.at === 0}
              onClick={() => stepVisit(-1)}
            >
              <ArrowUp size={14} />
            </button>
            <span className="muted">{texts.jump.visit(visit.at + 1, visit.visits)}</span>
            <button
              type="button"
              className="button square"
              aria-label={texts.jump.nextVisit}
              title={texts.jump.nextVisit}
              disabled={visit.at + 1 >= visit.visits}
              onClick={() => stepVisit(1)}
            >
              <ArrowDown size={14} />
            </button>
          </span>
        ) : null}
        {log.functions.length > 1 ? (
          <select
            className="field"
            aria-label={texts.jump.functions}
            value=""
            onChange={(event) => {
              go(Number(event.target.value));
              list.current?.focus();
            }}
          >
            <option value="">{texts.jump.functionsFirst}</option>
            {log.functions.map(({ name, start, line }) => (
              <option key={start} value={line} disabled={line < 0}>
                {texts.jump.function(name, start)}
              </option>
            ))}
          </select>
        ) : null}
        <span className="grow" />
        <button type="button" className="button" aria-pressed={fold} title={texts.fold.hint} onClick={toggleFold}>
          {texts.fold.label}
        </button>
        <button
          type="button"
          className="button square"
          aria-pressed={showState}
          aria-label={texts.state.showHint}
          title={texts.state.showHint}
          onClick={() => useLogs.setState({ showState: !showState })}
        >
          <PanelRight size={14} />
        </button>
        <button type="button" className="button square" aria-label={texts.copy} title={texts.copy} onClick={() => void copyLog(log)}>
          <Copy size={14} />
        </button>
        <button type="button" className="button square" aria-label={texts.download} title={texts.download} onClick={() => downloadLog(log)}>
          <Download size={14} />
        </button>
      </div>
    </div>
  );
}

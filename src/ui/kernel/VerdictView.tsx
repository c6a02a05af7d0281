import { ArrowDown } from 'lucide-react';
import { useRef, useState } from 'react';
import { download } from '../../workbench/actions.ts';
import { askVerdict, useKernel, verdictLog, verdictRows } from '../../workbench/kernel.ts';
import type { KernelVerdict, LogRow, VerdictView as Verdict } from '../../workbench/kernel-views.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { usePages } from '../components/usePages.ts';
import { useTask } from '../components/useTask.ts';
import { VirtualList, type VirtualListHandle } from '../components/VirtualList.tsx';
import { useStable } from '../program/useStable.ts';
import { kernel as texts } from '../texts/kernel.ts';
import { Stale } from './Stale.tsx';
import { useAnswers } from './store.ts';

const LEVELS = [1, 2, 4] as const;
const ROW_HEIGHT = 18;

/** Our verdict and log beside the kernel's. */
export function VerdictView() {
  const program = useWorkbench((state) => state.stages.program.value!);
  const { level, verdict } = useAnswers();
  const connected = useKernel(({ status, hello }) => status === 'connected' && hello?.backend !== 'none');
  const { progress, running, error, run, cancel } = useTask();
  const ask = useStable(() => {
    if (!connected) return;
    const of = program.key;
    void run(
      (options) => askVerdict(of, level, options),
      (said) => useAnswers.setState(({ verdict: before }) => ({ verdict: { of, number: (before?.number ?? 0) + 1, said } })),
    );
  });
  useCommandHandler('kernel.ask', ask);
  return (
    <>
      <div className="kernel-tools">
        <button type="button" className="button primary" disabled={!connected || running} onClick={ask}>
          {texts.ask}
        </button>
        <label className="kernel-label">
          {texts.level}
          <select className="field" value={level} onChange={(event) => useAnswers.setState({ level: Number(event.target.value) })}>
            {LEVELS.map((one) => (
              <option key={one} value={one}>
                {texts.levels[one]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {running ? <Progress progress={progress} label={texts.asking} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {verdict ? (
        <div className={`kernel-body ${running ? 'stale' : ''}`} aria-busy={running}>
          <Stale of={verdict.of} />
          <Figures said={verdict.said} number={verdict.number} />
          <Logs key={verdict.said.key} said={verdict.said} current={verdict.of === program.key} />
        </div>
      ) : running ? null : (
        <p className="kernel-pad muted">{texts.nothingYet}</p>
      )}
    </>
  );
}

const alike = (a: Verdict, b: Verdict): boolean =>
  a.accepted === b.accepted && a.message === b.message && (b.processed === null || a.processed === b.processed);

/** `number`: how many verdicts were asked for before and with it. */
function Figures({ said, number }: { said: KernelVerdict; number: number }) {
  const { ours, theirs, profile, exact } = said;
  const words = texts.verdict;
  const row = (name: string, verdict: Verdict) => {
    const text = verdict.accepted ? words.accepted : words.rejected(verdict.message ?? '');
    return (
      <tr>
        <th scope="row" className="ellipsis" title={name}>
          {name}
        </th>
        <td className={`ellipsis ${verdict.accepted ? 'ok' : 'bad'}`} title={text}>
          {verdict.accepted ? '✓' : '✕'} {text}
        </td>
        <td className="num">{words.number(verdict.accepted ? null : verdict.insn)}</td>
        <td className="num">{words.number(verdict.processed)}</td>
        <td className="num">{words.number(verdict.totalStates)}</td>
      </tr>
    );
  };
  const same = alike(ours, theirs);
  return (
    <>
      <table
        className="kernel-figures"
        data-testid="kernel-figures"
        data-program={said.program}
        data-number={number}
        data-accepted={theirs.accepted}
        data-same={same}
        data-differing={said.differing}
        data-lines={said.differs.length}
      >
        <caption className="visually-hidden">{words.caption}</caption>
        <thead>
          <tr>
            <th scope="col">{words.row}</th>
            <th scope="col">{words.verdict}</th>
            <th scope="col" className="num">
              {words.insn}
            </th>
            <th scope="col" className="num">
              {words.processed}
            </th>
            <th scope="col" className="num">
              {words.states}
            </th>
          </tr>
        </thead>
        <tbody>
          {row(exact ? words.ours(profile) : words.oursNear(profile, theirs.release), ours)}
          {row(words.theirs(theirs.release), theirs)}
        </tbody>
      </table>
      <p className="kernel-pad small">
        <span className={same ? 'ok' : 'bad'}>
          {same ? '✓' : '✕'} {same ? words.equal : words.unequal}
        </span>{' '}
        {theirs.xlatedBytes !== null && theirs.jitedBytes !== null ? words.loaded(theirs.xlatedBytes, theirs.jitedBytes) : ''}{' '}
        {theirs.verificationUsec !== null ? words.took(theirs.verificationUsec) : ''} {theirs.cut ? words.cut : ''}
      </p>
    </>
  );
}

function Logs({ said, current }: { said: KernelVerdict; current: boolean }) {
  const words = texts.verdict;
  const list = useRef<VirtualListHandle>(null);
  const [active, setActive] = useState(said.first);
  const rowAt = usePages<LogRow>(said.key, (from, to) => verdictRows(said.key, from, to));
  const count = said.differs.length;
  const go = useStable(() => {
    for (let step = 1; step <= count; step++) {
      const row = (Math.max(-1, active) + step) % count;
      if (said.differs[row] !== 1 || said.differs[row - 1] === 1) continue;
      setActive(row);
      list.current?.scrollTo(row, 'center');
      return;
    }
  });
  useCommandHandler('kernel.next', go);
  const first = useStable(() => {
    setActive(said.first);
    list.current?.scrollTo(said.first, 'center');
  });
  const activate = (row: number) => {
    setActive(row);
    const insn = /^(\d+): \(/.exec(rowAt(row)?.[1] ?? rowAt(row)?.[0] ?? '')?.[1];
    if (current && insn !== undefined) select('insn', Number(insn));
  };
  const differs = (row: number): boolean => said.differs[row] === 1;
  return (
    <>
      <div className="kernel-tools">
        <span className="grow muted" role="status" data-testid="kernel-difference">
          {said.first < 0 ? words.same(count) : words.differ(said.differing, said.first)}
        </span>
        <button type="button" className="button bordered" disabled={said.first < 0} onClick={first}>
          {words.first}
        </button>
        <button type="button" className="button square" aria-label={words.next} title={words.next} disabled={said.first < 0} onClick={go}>
          <ArrowDown size={14} />
        </button>
        <button type="button" className="button" onClick={() => void save(said.key, 0)}>
          {words.save(words.saveOurs)}
        </button>
        <button type="button" className="button" onClick={() => void save(said.key, 1)}>
          {words.save(words.saveTheirs)}
        </button>
      </div>
      <VirtualList
        ref={list}
        className="mono kernel-list"
        label={words.list}
        count={count}
        rowHeight={ROW_HEIGHT}
        active={active}
        onActivate={activate}
        rowClass={(row) => (row === active ? 'selected' : '')}
        rowLabel={(row) => {
          const [ours, theirs] = rowAt(row) ?? ['', ''];
          return words.label(row + 1, ours ?? '', differs(row) ? (theirs ?? '') : null);
        }}
      >
        {(row) => {
          const texts = rowAt(row);
          const mark = differs(row) ? '≠' : '';
          return (
            <span className="kernel-pair" data-differs={differs(row)}>
              <span className="kernel-line">{row + 1}</span>
              <span className="ellipsis" title={texts?.[0] ?? ''}>
                {texts?.[0] ?? ''}
              </span>
              <span className="kernel-glyph" data-first={row === said.first}>
                {mark}
              </span>
              <span className="ellipsis" title={texts?.[1] ?? ''}>
                {texts?.[1] ?? ''}
              </span>
            </span>
          );
        }}
      </VirtualList>
    </>
  );
}

async function save(key: string, side: 0 | 1): Promise<void> {
  download(side === 0 ? 'ours.log' : 'kernel.log', await verdictLog(key, side));
}

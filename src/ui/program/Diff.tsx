import { useEffect, useState } from 'react';
import { commitFork, discardFork } from '../../workbench/actions.ts';
import { callOnProgram } from '../../workbench/clients.ts';
import type { DiffHunk, DiffLine } from '../../workbench/diff-view.ts';
import { notifyFailure } from '../../workbench/failures.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { program as texts } from '../texts/program.ts';
import { Code } from './Code.tsx';
import { CHANGE_GLYPHS } from './changes.ts';

/** Where the edited program differs from the compiled one, each change with a way back. */
export default function Diff({ onShow }: { onShow: () => void }) {
  const key = useWorkbench((state) => state.stages.program.value?.key ?? '');
  const [hunks, setHunks] = useState<{ readonly key: string; readonly list: readonly DiffHunk[] } | null>(null);
  const [beside, setBeside] = useState(false);
  useEffect(() => {
    let wanted = true;
    callOnProgram<readonly DiffHunk[]>(key, 'programDiff').then(
      (list) => {
        if (wanted) setHunks({ key, list });
      },
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [key]);
  const revert = async (at: number) => {
    try {
      const text = await callOnProgram<string | null>(key, 'revertedText', { at });
      if (text === null) discardFork();
      else await commitFork(text);
    } catch (error) {
      notifyFailure(texts.diffReverting, error);
    }
  };
  if (!hunks) return <p className="empty">{texts.diffWaiting}</p>;
  if (hunks.list.length === 0) return <p className="empty">{texts.diffNone}</p>;
  return (
    <div className="diff-view">
      <div className="program-tools">
        <span className="muted">{texts.diffCount(hunks.list.length)}</span>
        <span className="grow" />
        <button type="button" className="button" aria-pressed={!beside} onClick={() => setBeside(false)}>
          {texts.diffUnified}
        </button>
        <button type="button" className="button" aria-pressed={beside} onClick={() => setBeside(true)}>
          {texts.diffBeside}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className="diff mono" tabIndex={0} aria-label={texts.diffLabel}>
        {hunks.list.map((hunk, at) => (
          <div key={`${hunk.insn}-${at}`} className="diff-hunk">
            <div className="diff-head">
              <span className="ellipsis">
                <strong>{hunk.func}</strong> <span className="muted">{texts.diffAt(hunk.insn)}</span>
              </span>
              <button
                type="button"
                className="button"
                onClick={() => {
                  select('insn', hunk.insn);
                  onShow();
                }}
              >
                {texts.diffShow}
              </button>
              <button
                type="button"
                className="button"
                disabled={hunks.key !== key}
                aria-label={texts.diffRevertLabel(hunk.func, hunk.insn)}
                onClick={() => void revert(at)}
              >
                {texts.diffRevert}
              </button>
            </div>
            {beside ? <Beside hunk={hunk} /> : <Unified hunk={hunk} />}
          </div>
        ))}
      </section>
    </div>
  );
}

const idx = (value: number): string => (value < 0 ? '' : `${value}`);

function Unified({ hunk: { head, removed, added, more, tail } }: { hunk: DiffHunk }) {
  const row = (line: DiffLine, kind: '' | 'removed' | 'added') => (
    <p key={`${kind}${line.base}.${line.fork}`} className={`diff-line ${kind && `diff-${kind}`}`}>
      <span className="diff-idx">{idx(line.base)}</span>
      <span className="diff-idx">{idx(line.fork)}</span>
      <span className="diff-glyph">{kind ? CHANGE_GLYPHS[kind] : ''}</span>
      <Code text={line.text} />
    </p>
  );
  return (
    <>
      {head.map((line) => row(line, ''))}
      {removed.map((line) => row(line, 'removed'))}
      {more[0] > 0 ? <p className="diff-line diff-removed muted">{texts.diffMore(more[0])}</p> : null}
      {added.map((line) => row(line, 'added'))}
      {more[1] > 0 ? <p className="diff-line diff-added muted">{texts.diffMore(more[1])}</p> : null}
      {tail.map((line) => row(line, ''))}
    </>
  );
}

/** The compiled program at the left, the edited one at the right, changed lines in rows of two. */
function Beside({ hunk: { head, removed, added, more, tail } }: { hunk: DiffHunk }) {
  const height = Math.max(removed.length, added.length);
  const side = (line: DiffLine | undefined, at: 'base' | 'fork', kind: '' | 'removed' | 'added') => (
    <p className={`diff-line ${line && kind ? `diff-${kind}` : ''}`}>
      <span className="diff-idx">{line ? idx(line[at]) : ''}</span>
      <span className="diff-glyph">{line && kind ? CHANGE_GLYPHS[kind] : ''}</span>
      {line ? <Code text={line.text} /> : null}
    </p>
  );
  const both = (line: DiffLine) => (
    <div key={line.fork} className="diff-pair">
      {side(line, 'base', '')}
      {side(line, 'fork', '')}
    </div>
  );
  return (
    <>
      {head.map(both)}
      {Array.from({ length: height }, (_, at) => (
        <div key={at} className="diff-pair">
          {side(removed[at], 'base', 'removed')}
          {side(added[at], 'fork', 'added')}
        </div>
      ))}
      {more[0] + more[1] > 0 ? (
        <div className="diff-pair muted">
          <p className="diff-line">{more[0] > 0 ? texts.diffMore(more[0]) : ''}</p>
          <p className="diff-line">{more[1] > 0 ? texts.diffMore(more[1]) : ''}</p>
        </div>
      ) : null}
      {tail.map(both)}
    </>
  );
}

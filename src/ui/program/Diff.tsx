import { useEffect, useState } from 'react';
import { callOnProgram } from '../../workbench/clients.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { DiffHunk } from '../../workbench/workers/programs.ts';
import { Code } from './Code.tsx';

/** Where the edited program differs from the compiled one. */
export default function Diff() {
  const key = useWorkbench((state) => state.stages.program.value?.key ?? '');
  const [hunks, setHunks] = useState<readonly DiffHunk[] | null>(null);
  useEffect(() => {
    let wanted = true;
    callOnProgram<readonly DiffHunk[]>(key, 'programDiff').then(
      (found) => {
        if (wanted) setHunks(found);
      },
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [key]);
  if (!hunks) return <p className="empty">Comparing…</p>;
  if (hunks.length === 0) return <p className="empty">The edited program equals the compiled one.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="diff mono" tabIndex={0} aria-label="Changes from the compiled program">
      {hunks.map((hunk, at) => (
        <div key={at} className="diff-hunk">
          {hunk.removed.map((line) => (
            <p key={`-${line.insn}`} className="diff-removed">
              <span className="listing-idx">{line.insn}</span>− <Code text={line.text} />
            </p>
          ))}
          {hunk.added.map((line) => (
            <p key={`+${line.insn}`} className="diff-added">
              <span className="listing-idx">{line.insn}</span>+ <Code text={line.text} />
            </p>
          ))}
        </div>
      ))}
    </section>
  );
}

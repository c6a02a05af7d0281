import { commitFork } from '../../workbench/actions.ts';
import type { FixView } from '../../workbench/views.ts';
import { Code } from '../program/Code.tsx';
import { why as texts } from '../texts/why.ts';

/** Edits that the verifier has accepted: what each changes, what it cost to verify, and a button that applies it. */
export function FixList({ fixes, children }: { fixes: readonly FixView[]; children?: React.ReactNode }) {
  return (
    <section className="why-section" aria-label={texts.fixes}>
      <h2>{texts.fixes}</h2>
      {fixes.map((fix) => (
        <div key={fix.title} className="why-fix" data-testid="why-fix">
          <div className="why-fix-head">
            <div className="grow">
              <p>{fix.title}</p>
              <p className="muted">
                <span className="ok">✓</span> {texts.verified(fix.processed)} · {texts.size(fix.size)}
              </p>
            </div>
            <button
              type="button"
              className="button bordered"
              aria-label={texts.applyTitle(fix.title)}
              onClick={() => void commitFork(fix.text, texts.mend + fix.title)}
            >
              {texts.apply}
            </button>
          </div>
          <table className="why-diff" aria-label={texts.diff}>
            <tbody>
              {fix.diff.map((line, at) => {
                const kind = line.is === null ? 'removed' : line.was === null ? 'added' : '';
                return (
                  <tr key={at} className={kind}>
                    <td className="why-diff-at">{line.was ?? ''}</td>
                    <td className="why-diff-at">{line.is ?? ''}</td>
                    <td className="why-diff-sign">
                      {kind ? <span title={kind === 'added' ? texts.added : texts.removed}>{kind === 'added' ? '+' : '−'}</span> : null}
                    </td>
                    <td>
                      <Code text={line.text} />
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      ))}
      {children}
    </section>
  );
}

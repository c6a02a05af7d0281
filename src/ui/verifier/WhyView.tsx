import { useEffect, useState } from 'react';
import { commitFork } from '../../workbench/actions.ts';
import { callOnProgram } from '../../workbench/clients.ts';
import type { UserError } from '../../workbench/errors.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import { select } from '../../workbench/store.ts';
import type { ExplanationView, ProgramView, VerifiedView } from '../../workbench/views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Code } from '../program/Code.tsx';
import { verifier as texts } from '../texts/verifier.ts';

interface WhyViewProps {
  readonly program: ProgramView;
  readonly verified: VerifiedView;
}

type Loaded = {
  readonly of: string;
  readonly explanation: ExplanationView | null;
  readonly searched: boolean;
  readonly error: UserError | null;
};

/** A rejection as a story: what was known against what is allowed, where the value came from, and edits that the verifier accepts. */
export function WhyView({ program, verified }: WhyViewProps) {
  const of = `${program.key} ${verified.kernel}`;
  const [loaded, setLoaded] = useState<Loaded | null>(null);

  useEffect(() => {
    let wanted = true;
    const ask = (withFixes: boolean) =>
      callOnProgram<ExplanationView | null>(program.key, 'explain', { kernel: verified.kernel, withFixes });
    const run = async () => {
      try {
        for (const searched of [false, true]) {
          const explanation = await ask(searched);
          if (!wanted) return;
          setLoaded({ of, explanation, searched, error: null });
        }
      } catch (error) {
        if (wanted && error instanceof RemoteError) setLoaded({ of, explanation: null, searched: true, error: error.error });
      }
    };
    void run();
    return () => {
      wanted = false;
    };
  }, [of, program.key, verified.kernel]);

  if (!loaded) return <p className="empty">{texts.why.waiting}</p>;
  const { explanation, searched, error } = loaded;
  return (
    <div className={loaded.of === of ? 'why' : 'why stale'} data-testid="why">
      {error ? <ErrorNote error={error} /> : null}
      {explanation ? (
        <>
          <h2>{explanation.title}</h2>
          {explanation.known || explanation.allowed ? (
            <dl className="why-facts">
              <dt>{texts.why.known}</dt>
              <dd className="mono">{explanation.known ?? '–'}</dd>
              <dt>{texts.why.allowed}</dt>
              <dd className="mono">{explanation.allowed ?? '–'}</dd>
            </dl>
          ) : null}
          <ol className="why-story">
            {explanation.story.map((step, at) => (
              <li key={at}>
                <button type="button" className={`why-step ${step.role}`} onClick={() => select('insn', step.insnIdx)}>
                  <span className="why-role">{texts.roles[step.role]}</span>
                  <span className="mono">
                    {step.insnIdx} <Code text={step.code} />
                  </span>
                  <span className="muted">{step.text}</span>
                </button>
              </li>
            ))}
          </ol>
          <p>{explanation.why}</p>
          <p>{explanation.change}</p>
          <h2>{texts.why.fixes}</h2>
          {explanation.fixes.map((fix) => (
            <div key={fix.title} className="why-fix">
              <span className="grow">
                {fix.title} <span className="muted">{texts.why.size(fix.size)}</span>
              </span>
              <button type="button" className="button" onClick={() => void commitFork(fix.text)}>
                {texts.why.apply}
              </button>
            </div>
          ))}
          {explanation.fixes.length === 0 ? <p className="muted">{searched ? texts.why.none : texts.why.looking}</p> : null}
        </>
      ) : null}
    </div>
  );
}

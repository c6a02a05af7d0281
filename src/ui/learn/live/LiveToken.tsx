import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import type { UserError } from '../../../workbench/errors.ts';
import { announce } from '../../../workbench/store.ts';
import { ErrorNote } from '../../components/ErrorNote.tsx';
import { Progress } from '../../components/Progress.tsx';
import { textError, textWorker, useTextModel } from '../../text/model.ts';
import type { StepView, TextFacts } from '../../text/views.ts';
import { text as texts } from '../../texts/text.ts';
import type { WidgetProps } from '../widgets.ts';
import '../../text/text.css';

const tool = texts.step;

interface Taken {
  readonly token: number;
  readonly text: string;
}

/** A text of the sample *stories*, one token at a time: the reader takes each, and sees what the step computed and what the cache holds. */
export default function LiveToken({ args }: WidgetProps) {
  const { facts, progress, error, retry } = useTextModel();
  if (error) return <ErrorNote error={error} actions={[{ title: texts.again, run: retry }]} />;
  return facts ? <Steps facts={facts} prompt={args.prompt ?? texts.beginning} /> : <Progress progress={progress} label={texts.building} />;
}

function Steps({ facts, prompt }: { facts: TextFacts; prompt: string }) {
  const [taken, setTaken] = useState<readonly Taken[]>([]);
  const [anew, setAnew] = useState(false);
  const [at, setAt] = useState(0);
  const [shown, setShown] = useState<{ readonly view: StepView; readonly taken: readonly Taken[] } | null>(null);
  const [error, setError] = useState<UserError | null>(null);
  const id = useId();
  // How it is computed counts for the steps that follow.
  const way = useRef(anew);
  way.current = anew;
  useEffect(() => {
    let wanted = true;
    textWorker.call<StepView>('step', { prompt, taken: taken.map(({ token }) => token), anew: way.current }).then(
      (view) => {
        if (!wanted) return;
        setShown({ view, taken });
        setAt(0);
        setError(null);
      },
      (caught: unknown) => wanted && setError(textError(caught)),
    );
    return () => {
      wanted = false;
    };
  }, [prompt, taken]);

  const stale = shown?.taken !== taken;
  const next = shown?.view.next ?? [];
  const take = (place: number) => {
    const chosen = next[place];
    if (stale || !chosen || chosen.end || shown!.view.position >= facts.positions) return;
    setTaken([...taken, chosen]);
    announce(tool.took(texts.shown(chosen.text)));
  };
  const back = () => setTaken(taken.slice(0, -1));
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: next.length - 1 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (to !== undefined) setAt(Math.max(0, Math.min(next.length - 1, to)));
    else if (event.key === 'Enter' || event.key === ' ') take(at);
    else if (event.key === 'Backspace') back();
    else return;
    event.preventDefault();
  };
  if (!shown) return error ? <ErrorNote error={error} /> : <p className="muted">{texts.building}</p>;
  const { view } = shown;
  return (
    <section className="touch token-steps" aria-label={tool.title} data-testid="token-steps" data-taken={taken.length} data-stale={stale}>
      <p className="token-text">
        <span className="muted">{prompt}</span>
        {taken.map(({ text }, place) => (
          <span key={place} className="token-taken">
            {text}
          </span>
        ))}
      </p>
      {error ? <ErrorNote error={error} /> : null}
      <div
        className="token-next"
        role="listbox"
        tabIndex={0}
        aria-label={tool.next}
        aria-busy={stale}
        aria-activedescendant={`${id}-${at}`}
        onKeyDown={onKeyDown}
      >
        {next.map(({ token, text, end, share }, place) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keys
          <div
            key={token}
            id={`${id}-${place}`}
            role="option"
            tabIndex={-1}
            aria-selected={place === at}
            className="token-option"
            onClick={() => {
              setAt(place);
              take(place);
            }}
          >
            <span className="mono">{end ? texts.endToken : texts.shown(text)}</span>
            <span className="text-bar" aria-hidden="true">
              <span style={{ transform: `scaleX(${share})` }} />
            </span>
            <span className="mono text-share">{texts.percent(share)}</span>
          </div>
        ))}
      </div>
      <div className="touch-form">
        <button type="button" className="button small bordered" aria-disabled={taken.length === 0} onClick={back}>
          {tool.back}
        </button>
        <label className="small">
          <input type="checkbox" checked={anew} onChange={() => setAnew(!anew)} /> {tool.anew}
        </label>
      </div>
      <dl className="kv small" data-testid="token-cost">
        <dt className="muted">{tool.computed}</dt>
        <dd>{tool.cost(view.computed, view.ns)}</dd>
        <dt className="muted">{tool.cache}</dt>
        <dd>{tool.places(view.position, facts.positions, facts.cache)}</dd>
      </dl>
    </section>
  );
}

import { Download, PenLine, Square } from 'lucide-react';
import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from 'react';
import { Cancelled, STOPPED } from '../../base/progress.ts';
import type { UserError } from '../../workbench/errors.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { text as texts } from '../texts/text.ts';
import { textPanel } from '../texts/text-panel.ts';
import { textError, textWorker, useTextModel } from './model.ts';
import type { TokenEvent, WriteEnd } from './views.ts';
import './text.css';

type Ending = WriteEnd['reason'] | 'stopped' | null;

/** A language model at work: prompt, tokens one by one, what else was likely, and the object to take to a kernel. */
export function TextPanel() {
  const { facts, progress, error: buildError, retry } = useTextModel();
  const [prompt, setPrompt] = useState<string>(texts.beginning);
  const [temperature, setTemperature] = useState('0.5');
  const [topK, setTopK] = useState('40');
  const [seed, setSeed] = useState('1');
  const [written, setWritten] = useState<{ readonly prompt: string; readonly tokens: readonly TokenEvent[] }>({ prompt: '', tokens: [] });
  const [ending, setEnding] = useState<Ending>(null);
  const [error, setError] = useState<UserError | null>(null);
  const [stop, setStop] = useState<AbortController | null>(null);
  const [picked, setPicked] = useState<number | null>(null);

  const write = useCallback(async () => {
    if (!facts || stop) return;
    const abort = new AbortController();
    setStop(abort);
    setError(null);
    setEnding(null);
    setPicked(null);
    // Tokens come faster than the page paints: they are shown together with the frame.
    let tokens: TokenEvent[] = [];
    let frame = 0;
    const show = (): void => {
      frame = 0;
      setWritten({ prompt, tokens });
    };
    show();
    try {
      const { reason } = await textWorker.call<WriteEnd>(
        'write',
        {
          prompt,
          temperature: within(temperature, 0, 4, 0),
          topK: Math.round(within(topK, 1, 64, 40)),
          seed: Math.round(within(seed, 0, 2 ** 32 - 1, 1)),
        },
        {
          signal: abort.signal,
          onEvent: (event: TokenEvent) => {
            tokens = [...tokens, event];
            frame ||= requestAnimationFrame(show);
          },
        },
      );
      setEnding(reason);
    } catch (caught) {
      if (caught instanceof Cancelled) setEnding('stopped');
      else setError(textError(caught));
    } finally {
      cancelAnimationFrame(frame);
      show();
      setStop(null);
    }
  }, [facts, stop, prompt, temperature, topK, seed]);

  useCommandHandler('text.write', () => void write());
  useCommandHandler(
    'text.stop',
    useCallback(() => stop?.abort(STOPPED), [stop]),
  );

  const { tokens } = written;
  const at = picked ?? tokens.length - 1;
  const last = tokens[tokens.length - 1];
  return (
    <Panel
      id="text"
      title={textPanel.title}
      summary={last && facts ? texts.rate(tokens.length, last.perSecond, last.position, facts.positions) : null}
    >
      <div className="text-panel">
        {buildError ? <ErrorNote error={buildError} actions={[{ title: texts.again, run: retry }]} /> : null}
        {error ? <ErrorNote error={error} onDismiss={() => setError(null)} /> : null}
        <form
          className="text-form"
          onSubmit={(event) => {
            event.preventDefault();
            void write();
          }}
        >
          <label className="text-prompt">
            <span className="small muted">{texts.prompt}</span>
            <input
              className="field"
              value={prompt}
              spellCheck={false}
              autoComplete="off"
              onChange={(event) => setPrompt(event.target.value)}
            />
          </label>
          <Field label={texts.temperature} about={texts.temperatureAbout} value={temperature} set={setTemperature} step="0.1" max="4" />
          <Field label={texts.topK} about={texts.topKAbout} value={topK} set={setTopK} step="1" max="64" />
          <Field label={texts.seed} about={texts.seedAbout} value={seed} set={setSeed} step="1" max="4294967295" />
          {stop ? (
            <button key="stop" type="button" className="button bordered" onClick={() => stop.abort(STOPPED)}>
              <Square size={14} /> {texts.stop}
            </button>
          ) : (
            <button key="write" type="submit" className="button primary" disabled={!facts}>
              <PenLine size={14} /> {texts.write}
            </button>
          )}
        </form>
        {facts || buildError ? null : <Progress progress={progress} label={texts.building} />}
        <div className="text-columns">
          <Written prompt={written.prompt} tokens={tokens} at={at} ending={ending} onPick={setPicked} />
          <Alternatives token={tokens[at] ?? null} picked={picked !== null} />
        </div>
        {facts ? (
          <div className="text-facts small muted">
            <p>{texts.program(facts.insns, facts.weights, facts.positions, facts.vocabulary)}</p>
            <button type="button" className="button bordered" title={texts.saveAbout} onClick={() => void saveObject(setError)}>
              <Download size={14} /> {texts.save}
            </button>
          </div>
        ) : null}
      </div>
    </Panel>
  );
}

interface FieldProps {
  readonly label: string;
  readonly about: string;
  readonly value: string;
  readonly set: (value: string) => void;
  readonly step: string;
  readonly max: string;
}

const Field = ({ label, about, value, set, step, max }: FieldProps) => (
  <label className="text-number" title={about}>
    <span className="small muted">{label}</span>
    <input className="field" type="number" min="0" max={max} step={step} value={value} onChange={(event) => set(event.target.value)} />
  </label>
);

const within = (text: string, low: number, high: number, fallback: number): number => {
  const value = Number.parseFloat(text);
  return Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : fallback;
};

interface WrittenProps {
  readonly prompt: string;
  readonly tokens: readonly TokenEvent[];
  readonly at: number;
  readonly ending: Ending;
  readonly onPick: (at: number) => void;
}

/** Prompt and tokens as running text; a token can be chosen by pointer or arrow keys. */
function Written({ prompt, tokens, at, ending, onPick }: WrittenProps) {
  const box = useRef<HTMLDivElement>(null);
  const length = tokens.length;
  useEffect(() => {
    if (length > 0) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [length]);
  if (tokens.length === 0 && prompt === '') return <p className="text-written muted">{texts.empty}</p>;
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tokens.length - 1 }[event.key];
    if (to === undefined || tokens.length === 0) return;
    event.preventDefault();
    onPick(Math.min(tokens.length - 1, Math.max(0, to)));
  };
  return (
    <div className="text-written" ref={box} data-testid="written">
      <span className="muted">{prompt}</span>
      <div
        className="text-tokens"
        role="listbox"
        aria-label={texts.written}
        aria-orientation="horizontal"
        tabIndex={0}
        aria-activedescendant={tokens.length > 0 ? `text-token-${at}` : undefined}
        onKeyDown={onKeyDown}
      >
        {tokens.map((token, i) => (
          // Tokens only ever come behind others.
          <span
            key={i}
            id={`text-token-${i}`}
            role="option"
            aria-selected={i === at}
            tabIndex={-1}
            className={i === at ? 'text-token chosen' : 'text-token'}
            onClick={() => onPick(i)}
            onKeyDown={onKeyDown}
          >
            {token.text}
          </span>
        ))}
      </div>
      {ending ? (
        <p className="small muted text-ending" role="status" data-testid="text-ending">
          {texts[ending]}
        </p>
      ) : null}
    </div>
  );
}

/** The likeliest tokens at one place, the chosen one marked. */
function Alternatives({ token, picked }: { readonly token: TokenEvent | null; readonly picked: boolean }) {
  return (
    <section className="text-likely" aria-label={texts.last}>
      <h2 className="small">{token && picked ? texts.candidates(texts.shown(token.text)) : texts.last}</h2>
      {token ? (
        <table>
          <thead>
            <tr className="small muted">
              <th scope="col">{texts.token}</th>
              <th scope="col" colSpan={2}>
                {texts.share}
              </th>
            </tr>
          </thead>
          <tbody>
            {token.likeliest.map(({ text, end, share, chosen }) => (
              <tr key={`${text}${end}`} className={chosen ? 'text-chosen' : ''}>
                <th scope="row" className="mono">
                  {end ? texts.endToken : texts.shown(text)}
                  {chosen ? <span className="text-mark small">{texts.chosen}</span> : null}
                </th>
                <td className="text-bar" aria-hidden="true">
                  <span style={{ transform: `scaleX(${share})` }} />
                </td>
                <td className="mono text-share">{texts.percent(share)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="muted small">{texts.pickToken}</p>
      )}
    </section>
  );
}

async function saveObject(fail: (error: UserError) => void): Promise<void> {
  try {
    const bytes = await textWorker.call<Uint8Array<ArrayBuffer>>('object', {});
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([bytes]));
    link.download = 'stories.o';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (caught) {
    fail(textError(caught));
  }
}

import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { callOnProgram } from '../../workbench/clients.ts';
import type { UserError } from '../../workbench/errors.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import { partId } from '../../workbench/selection.ts';
import { select } from '../../workbench/store.ts';
import type { ExplanationView, ProgramView, StoryStepView, VerifiedView } from '../../workbench/views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { MessageLink } from '../messages/MessageLink.tsx';
import { Code } from '../program/Code.tsx';
import { why as texts } from '../texts/why.ts';
import { Breakable } from './Breakable.tsx';
import { FactRows } from './FactRows.tsx';
import { FixList } from './FixList.tsx';
import { Story } from './Story.tsx';
import './why.css';

interface WhyViewProps {
  readonly program: ProgramView;
  readonly verified: VerifiedView;
}

type Loaded = {
  readonly of: string;
  readonly explanation: ExplanationView | null;
  /** The edits were looked for, or the search was stopped. */
  readonly search: 'running' | 'done' | 'stopped';
  readonly error: UserError | null;
};

interface Doing {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** A rejection as a story: what was known against what is allowed, where the value came from, and edits that the verifier accepts. */
export function WhyView({ program, verified }: WhyViewProps) {
  const of = `${program.key} ${verified.kernel}`;
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [doing, setDoing] = useState<Doing | null>(null);
  const [chosen, setChosen] = useState(-1);
  const stop = useRef<AbortController>(null);

  const search = useCallback(async () => {
    stop.current?.abort();
    const controller = new AbortController();
    stop.current = controller;
    const isWanted = () => stop.current === controller;
    let explanation: ExplanationView | null = null;
    try {
      for (const withFixes of [false, true]) {
        const args = { kernel: verified.kernel, withFixes };
        const stage = withFixes ? texts.looking : texts.waiting;
        const onProgress = (_: string, done: number, total: number) => setDoing({ stage, done, total });
        explanation = await callOnProgram<ExplanationView | null>(program.key, 'explain', args, { signal: controller.signal, onProgress });
        if (!isWanted()) return;
        setLoaded({ of, explanation, search: withFixes ? 'done' : 'running', error: null });
      }
    } catch (error) {
      if (!isWanted()) return;
      const told = error instanceof RemoteError && !controller.signal.aborted ? error.error : null;
      setLoaded({ of, explanation, search: 'stopped', error: told });
    } finally {
      if (isWanted()) setDoing(null);
    }
  }, [of, program.key, verified.kernel]);

  useEffect(() => {
    void search();
    return () => {
      stop.current?.abort();
      stop.current = null;
    };
  }, [search]);

  const choose = useCallback((explanation: ExplanationView, at: number) => {
    const step = explanation.story[at];
    if (!step) return;
    setChosen(at);
    if (step.visit === null) select('insn', step.insnIdx);
    else select('state', partId(step.insnIdx, step.visit));
  }, []);
  // Another program has another story.
  const [shownFor, setShownFor] = useState(of);
  if (shownFor !== of) {
    setShownFor(of);
    setChosen(-1);
  }

  const progress = doing ? <Progress progress={doing} label={doing.stage} onCancel={() => stop.current?.abort()} /> : null;
  if (!loaded) return <div className="why">{progress ?? <p className="muted">{texts.waiting}</p>}</div>;
  const { explanation, search: state, error } = loaded;
  const again = (
    <p className="muted">
      {texts.stopped}{' '}
      <button type="button" className="link" onClick={() => void search()}>
        {texts.again}
      </button>
    </p>
  );
  return (
    <div className={loaded.of === of ? 'why' : 'why stale'} data-testid="why">
      {error ? <ErrorNote error={error} /> : null}
      {explanation ? (
        <Told explanation={explanation} message={verified.message ?? ''} chosen={loaded.of === of ? chosen : -1} onChoose={choose}>
          {state === 'running' ? (progress ?? <p className="muted">{texts.looking}</p>) : null}
          {state === 'stopped' ? again : null}
          {state === 'done' && explanation.fixes.length === 0 ? <p className="muted">{texts.none}</p> : null}
        </Told>
      ) : state === 'stopped' ? (
        again
      ) : null}
    </div>
  );
}

interface ToldProps {
  readonly explanation: ExplanationView;
  readonly message: string;
  readonly chosen: number;
  readonly onChoose: (explanation: ExplanationView, at: number) => void;
  readonly children: React.ReactNode;
}

function Told({ explanation, message, chosen, onChoose, children }: ToldProps) {
  const { insnIdx, source, serves } = explanation;
  const fixes = useRef<HTMLDivElement>(null);
  const items = useMemo(
    () =>
      explanation.story.map((step) => ({
        role: step.role,
        place: String(step.insnIdx),
        code: step.code,
        text: step.text,
        detail: step.visit === null && step.before === step.after ? null : <StepDetail step={step} />,
      })),
    [explanation],
  );
  return (
    <>
      <header className="why-head">
        <h2>{explanation.title}</h2>
        <p className="muted">
          {insnIdx === null ? texts.whole : texts.at(insnIdx)}
          {explanation.code ? (
            <>
              {' · '}
              <span className="mono">
                <Code text={explanation.code} />
              </span>
            </>
          ) : null}
          {source ? <span className="mono"> · {source}</span> : null}
          {serves.length > 0 ? ` · ${texts.serves(serves)}` : ''}
        </p>
        {explanation.fixes.length > 0 ? (
          <button type="button" className="link" onClick={() => fixes.current?.scrollIntoView({ block: 'start' })}>
            {texts.toFixes(explanation.fixes.length)}
          </button>
        ) : null}
      </header>
      <FactRows subject={explanation.subject} known={explanation.known} allowed={explanation.allowed} />
      {items.length > 0 ? (
        <Story
          title={explanation.cut ? texts.storyCut : texts.story}
          items={items}
          chosen={chosen}
          onChoose={(at) => onChoose(explanation, at)}
        />
      ) : null}
      <section className="why-section why-words">
        <h2>{texts.rule}</h2>
        <p>
          {explanation.why} <MessageLink message={message} />
        </p>
        <h2>{texts.change}</h2>
        <p>{explanation.change}</p>
      </section>
      <div ref={fixes}>
        <FixList fixes={explanation.fixes}>{children}</FixList>
      </div>
    </>
  );
}

/** What was known at a step: its subject before and after, and all registers before the instruction. */
function StepDetail({ step }: { step: StoryStepView }) {
  const { subject, before, after, registers, visit } = step;
  const changes = subject !== '' && before !== after && step.role !== 'fault';
  return (
    <>
      {changes ? (
        <dl className="why-facts">
          <dt>
            <span className="mono">{subject}</span> {texts.before}
          </dt>
          <dd className="mono">
            <Breakable text={before || texts.nothing} />
          </dd>
          <dt>
            <span className="mono">{subject}</span> {texts.after}
          </dt>
          <dd className="mono">
            <Breakable text={after || texts.nothing} />
          </dd>
        </dl>
      ) : null}
      {registers.length > 0 && visit !== null ? (
        <>
          <p className="muted">{texts.registers(visit)}</p>
          <dl className="why-facts why-registers">
            {registers.map(({ name, text }) => (
              <div key={name} className={name === subject ? 'why-fact subject' : 'why-fact'}>
                <dt className="mono">{name}</dt>
                <dd className="mono">
                  <Breakable text={text} />
                </dd>
              </div>
            ))}
          </dl>
        </>
      ) : null}
    </>
  );
}

import { type KeyboardEvent, useDeferredValue, useEffect, useMemo, useState } from 'react';
import { type Entry, helperEntries, instructionEntries, matching, wordEntries } from '../../course/reference.ts';
import { loadCourse } from '../../workbench/course/store.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { Panel } from '../components/Panel.tsx';
import { insnText } from '../program/decode.ts';
import { insnHelp } from '../program/help.ts';
import { course } from '../texts/course.ts';
import { learn as texts } from '../texts/learn.ts';
import { learnPanel } from '../texts/learn-panel.ts';
import { startTour } from '../tour/tour-store.ts';
import { CourseList } from './CourseList.tsx';
import { STAGE } from './stage.ts';
import './learn.css';

type Part = keyof typeof texts.tabs;
const PARTS = Object.keys(texts.tabs) as Part[];

const entriesOf = (part: Part): readonly Entry[] =>
  part === 'words' ? wordEntries() : part === 'insns' ? instructionEntries() : helperEntries();

/** The course, the tour, what stands at the cursor, and a reference made from the tables that the assembler and the verifier use. */
export default function LearnPanel() {
  const [part, setPart] = useState<Part>('words');
  const [query, setQuery] = useState('');
  const wanted = useDeferredValue(query);
  const entries = entriesOf(part);
  useEffect(() => void loadCourse(STAGE), []);
  const shown = useMemo(() => matching(entriesOf(part), wanted), [part, wanted]);
  return (
    <Panel id="learn" title={learnPanel.title}>
      <div className="learn">
        <section className="learn-part">
          <h2>{course.title}</h2>
          <CourseList />
        </section>
        <section className="learn-part">
          <h2>{texts.tourTitle}</h2>
          <p className="muted">{texts.tourText}</p>
          <button type="button" className="button bordered" onClick={startTour}>
            {texts.startTour}
          </button>
        </section>
        <AtCursor />
        <section className="learn-part">
          <div className="learn-find">
            <PartTabs part={part} onChange={setPart} />
            <input
              className="field grow"
              type="search"
              placeholder={texts.search}
              aria-label={texts.search}
              value={query}
              onChange={(event) => setQuery(event.target.value)}
            />
            <span className="muted" role="status">
              {texts.count(shown.length, entries.length)}
            </span>
          </div>
          {shown.length === 0 ? <p className="muted">{texts.none}</p> : null}
          <dl className="reference" id="reference" aria-label={texts.tabs[part]}>
            {shown.map(({ name, text, source }) => (
              <div key={`${name} ${text}`}>
                <dt className={part === 'words' ? 'reference-word' : 'mono'}>{name}</dt>
                <dd>
                  {text} {source ? <span className="muted small">{source}</span> : null}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </Panel>
  );
}

function PartTabs({ part, onChange }: { part: Part; onChange: (part: Part) => void }) {
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const next = PARTS[(PARTS.indexOf(part) + step + PARTS.length) % PARTS.length]!;
    onChange(next);
    event.currentTarget.querySelector<HTMLElement>(`[data-part=${next}]`)?.focus();
    event.preventDefault();
  };
  return (
    <div className="segmented" role="radiogroup" aria-label={texts.parts} onKeyDown={onKeyDown}>
      {PARTS.map((id) => (
        // biome-ignore lint/a11y/useSemanticElements: a radio input cannot be drawn as a segment
        <button
          key={id}
          type="button"
          role="radio"
          className="button"
          data-part={id}
          aria-checked={id === part}
          tabIndex={id === part ? 0 : -1}
          onClick={() => onChange(id)}
        >
          {texts.tabs[id]}
        </button>
      ))}
    </div>
  );
}

/** The instruction at the cursor, in words. */
function AtCursor() {
  const program = useWorkbench((state) => state.stages.program.value);
  const cursor = useWorkbench((state) => state.cursors.insn);
  const insn = cursor === undefined ? -1 : Number(cursor);
  const help = program && insn >= 0 && insn < program.code.length / 8 ? insnHelp(program, insn) : null;
  return (
    <section className="learn-part">
      <h2>{texts.atCursor}</h2>
      {program && help ? (
        <>
          <p className="mono">
            {insn}: {insnText(program, insn)}
          </p>
          <p>
            <strong>{help.mnemonic}</strong> {help.description}{' '}
            {help.rfc ? <span className="muted small">RFC 9669 §{help.rfc}</span> : null}
          </p>
          {help.helper ? (
            <p>
              <span className="mono">
                {help.helper.name}: {help.helper.signature}
              </span>
              <br />
              {help.helper.description}
            </p>
          ) : null}
        </>
      ) : (
        <p className="muted">{texts.nothingAtCursor}</p>
      )}
    </section>
  );
}

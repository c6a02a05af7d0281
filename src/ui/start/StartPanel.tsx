import { FileUp } from 'lucide-react';
import { type ClipboardEvent, type KeyboardEvent, useCallback, useEffect, useRef, useState } from 'react';
import { openFiles, openPasted, openSample, type Sample } from '../../workbench/actions.ts';
import { logWorker } from '../../workbench/clients.ts';
import { SAMPLES } from '../../workbench/samples.ts';
import { announce } from '../../workbench/store.ts';
import type { PasteView } from '../../workbench/workers/paste.ts';
import { keyLabel, useCommandHandler } from '../commands.ts';
import { Panel } from '../components/Panel.tsx';
import { showDesk } from '../shell/desk-store.ts';
import { start as texts } from '../texts/start.ts';
import './start.css';

/** Longer texts are not put into the field, which would take seconds. */
const MOST_IN_FIELD = 300_000;
const SHOWN_OF_LARGE = 20_000;
const TYPING_MS = 120;

/** The Debug desk's first screen: takes a pasted log or assembly, a file, or a sample. */
export function StartPanel() {
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState('');
  /** A text that is too large for the field. */
  const [large, setLarge] = useState<string | null>(null);
  const whole = large ?? text;
  const { seen, pending } = useInspection(whole);

  const take = (pasted: string) => {
    if (pasted.length > MOST_IN_FIELD) {
      setLarge(pasted);
      setText(pasted.slice(0, SHOWN_OF_LARGE));
    } else {
      setLarge(null);
      setText(pasted);
    }
    field.current?.focus();
  };
  const clear = () => {
    setLarge(null);
    setText('');
    field.current?.focus();
  };
  const open = useCallback(async () => {
    if (whole.trim() === '') return;
    const found = seen ?? (await inspect(whole));
    if (!canOpen(found)) {
      announce(said(found, whole.length).text);
      return;
    }
    if (await openPasted(found.kind, whole)) {
      setLarge(null);
      setText('');
    }
  }, [whole, seen]);
  useCommandHandler('start.open', () => void open());
  useCommandHandler(
    'start.focus',
    useCallback(() => field.current?.focus(), []),
  );

  const onPaste = (event: ClipboardEvent) => {
    const files = [...event.clipboardData.files];
    if (files.length > 0) {
      event.preventDefault();
      void openFiles(files);
      return;
    }
    const pasted = event.clipboardData.getData('text/plain');
    if (pasted === '') return;
    const inField = event.target === field.current;
    // The field takes small pieces by itself, at its cursor.
    if (inField && large === null && pasted.length + text.length <= MOST_IN_FIELD) return;
    event.preventDefault();
    take(pasted);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void open();
  };

  const opens = seen !== null && canOpen(seen);
  const verdict = seen ? said(seen, whole.length) : null;
  return (
    <Panel id="start" title={texts.title} onKeyDown={onKeyDown}>
      <div className="start" onPaste={onPaste}>
        <section className="start-paste" aria-label={texts.paste.title}>
          <h2>{texts.paste.title}</h2>
          <textarea
            ref={field}
            className="field mono start-field"
            aria-label={texts.paste.label}
            aria-describedby="start-said"
            placeholder={texts.paste.placeholder}
            spellCheck={false}
            autoComplete="off"
            wrap="off"
            readOnly={large !== null}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <div className="start-said" id="start-said" role="status" data-testid="recognised" data-kind={seen?.kind ?? ''}>
            {whole.trim() === '' ? (
              <p className="muted">{texts.paste.hint}</p>
            ) : verdict ? (
              <>
                <p className={opens ? '' : 'bad'}>{verdict.text}</p>
                {verdict.more ? <p className={verdict.tone}>{verdict.more}</p> : null}
                <p className="muted">
                  {large !== null ? `${texts.paste.large(large.length)} ` : ''}
                  {verdict.next}
                </p>
              </>
            ) : pending ? (
              <p className="muted">{texts.paste.looking}</p>
            ) : null}
          </div>
          <div className="start-actions">
            <button type="button" className="button primary" disabled={!opens} onClick={() => void open()}>
              {texts.paste.open} <kbd>{keyLabel('mod+enter')}</kbd>
            </button>
            {seen?.kind === 'mistakes' ? (
              <button type="button" className="button bordered" onClick={() => goToLine(field.current, text, seen.line)}>
                {texts.paste.goTo(seen.line)}
              </button>
            ) : null}
            {whole === '' ? null : (
              <button type="button" className="button" onClick={clear}>
                {texts.paste.clear}
              </button>
            )}
          </div>
        </section>
        <div className="start-side">
          <section aria-label={texts.file.title}>
            <h2>{texts.file.title}</h2>
            <p className="muted">{texts.file.text}</p>
            <button type="button" className="button bordered" onClick={() => document.getElementById('file-picker')?.click()}>
              <FileUp size={14} /> {texts.file.open}
            </button>
          </section>
          <section aria-label={texts.samples.title}>
            <h2>{texts.samples.title}</h2>
            <ul className="start-samples">
              {ORDERED.map((sample) => (
                <li key={sample.id}>
                  <button type="button" className="start-sample" onClick={() => void openOnItsDesk(sample)}>
                    <span className="start-sample-head">
                      <strong>{sample.title}</strong>
                      <span className={sample.desk === 'debug' ? 'bad' : 'muted'}>
                        {sample.desk === 'debug' ? '✕ ' : ''}
                        {texts.samples.kinds[sample.desk]}
                      </span>
                    </span>
                    <span className="muted">{sample.about}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        </div>
      </div>
    </Panel>
  );
}

/** What this desk is for stands first. */
const ORDERED = [...SAMPLES].sort((a, b) => Number(b.desk === 'debug') - Number(a.desk === 'debug'));

/** Opens a sample on the desk that shows it best. */
async function openOnItsDesk(sample: Sample): Promise<void> {
  await openSample(sample);
  showDesk(sample.desk);
}

const canOpen = (view: PasteView): view is Extract<PasteView, { kind: 'log' | 'assembly' | 'c' }> =>
  view.kind === 'log' || view.kind === 'assembly' || view.kind === 'c';

const inspect = (text: string): Promise<PasteView> => logWorker.call<PasteView>('inspectPaste', { text });

/** What a text is, as the worker finds out while it is typed. */
function useInspection(text: string): { seen: PasteView | null; pending: boolean } {
  const [seen, setSeen] = useState<{ of: string; view: PasteView } | null>(null);
  const empty = text.trim() === '';
  useEffect(() => {
    if (empty) return;
    let wanted = true;
    const timer = window.setTimeout(() => {
      inspect(text).then(
        (view) => {
          if (wanted) setSeen({ of: text, view });
        },
        () => {
          if (wanted) setSeen({ of: text, view: { kind: 'unknown' } });
        },
      );
    }, TYPING_MS);
    return () => {
      wanted = false;
      window.clearTimeout(timer);
    };
  }, [text, empty]);
  const current = !empty && seen?.of === text ? seen.view : null;
  return { seen: current, pending: !empty && current === null };
}

/** What was recognised, in sentences. */
function said(view: PasteView, length: number): { text: string; more: string; tone: string; next: string } {
  switch (view.kind) {
    case 'log': {
      const { verdict, message, insnIdx, lines, runs } = view;
      return {
        text: [lines === null ? texts.largeLog(length) : texts.log(lines), runs > 1 ? texts.runs(runs) : ''].filter(Boolean).join(' · '),
        more: verdict === 'rejected' ? texts.rejected(insnIdx, message ?? '') : verdict === 'accepted' ? texts.accepted : texts.noVerdict,
        tone: verdict === 'rejected' ? 'bad' : verdict === 'accepted' ? 'ok' : 'muted',
        next: texts.willShow,
      };
    }
    case 'assembly':
      return { text: texts.assembly(view.insns, view.section, view.maps), more: '', tone: '', next: texts.willVerify };
    case 'mistakes':
      return { text: texts.mistakes(view.mistakes, view.line, view.message), more: '', tone: '', next: '' };
    case 'c':
      return { text: texts.c(view.lines), more: '', tone: '', next: texts.willCompile };
    case 'unknown':
      return { text: texts.unknown, more: '', tone: '', next: '' };
  }
}

/** Selects a line of the field. */
function goToLine(field: HTMLTextAreaElement | null, text: string, line: number): void {
  if (!field) return;
  const lines = text.split('\n');
  const from = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  field.focus();
  field.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
  field.scrollTop = Math.max(0, (line - 3) * 18);
}

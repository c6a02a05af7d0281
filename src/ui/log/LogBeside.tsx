import { useRef, useState } from 'react';
import { openFiles } from '../../workbench/actions.ts';
import { logBeside } from '../../workbench/log-beside.ts';
import type { BesideView, LogView } from '../../workbench/log-views.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { logPath } from '../texts/log-path.ts';
import { goToLine } from './go.ts';

const texts = logPath.beside;

/** The log's own program, verified here beside it: the first line at which the two part. */
export function LogBeside({ log }: { log: LogView }) {
  const source = useWorkbench((state) => state.history.doc.source);
  const kernel = useWorkbench((state) => state.history.doc.options.kernel);
  const picker = useRef<HTMLInputElement>(null);
  const [found, setFound] = useState<{ readonly of: string; readonly file: File; readonly view: BesideView } | null>(null);
  const { progress, running, error, run, cancel } = useTask();
  if (source?.kind !== 'log') return null;
  const choose = (file: File): void => {
    void run(
      async (options) => ({ of: log.key, file, view: await logBeside(source.blob, file, kernel, options) }),
      (result) => setFound(result),
    );
  };
  const shown = found?.of === log.key ? found : null;
  return (
    <section className="why-section why-words" data-testid="log-beside">
      <h2>{texts.title}</h2>
      <p className="muted">{texts.text}</p>
      <p>
        <button type="button" className="button bordered" disabled={running} onClick={() => picker.current?.click()}>
          {texts.choose}
        </button>
        <input
          ref={picker}
          type="file"
          className="visually-hidden"
          tabIndex={-1}
          aria-label={texts.choose}
          accept=".o,.s,.bpf"
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            if (file) choose(file);
            event.target.value = '';
          }}
        />
      </p>
      {running ? <Progress progress={progress} label={texts.running} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {shown ? <Told log={log} file={shown.file} view={shown.view} /> : null}
    </section>
  );
}

function Told({ log, file, view }: { log: LogView; file: File; view: BesideView }) {
  const { difference, same, values, accepted, message } = view;
  return (
    <div role="status">
      <p>{accepted ? texts.accepts : texts.rejects(message ?? '')}</p>
      {values ? null : <p className="muted">{texts.plain}</p>}
      <p>{difference ? texts.after(same, texts.what[difference.what] ?? '') : texts.same(same)}</p>
      {difference ? (
        <dl className="why-facts">
          {difference.theirs ? (
            <div className="why-fact">
              <dt>
                <button type="button" className="link" onClick={() => goToLine(log, difference.theirs!.line)}>
                  {texts.theirs(difference.theirs.line)}
                </button>
              </dt>
              <dd className="mono">{difference.theirs.text.trim()}</dd>
            </div>
          ) : null}
          {difference.ours ? (
            <div className="why-fact">
              <dt>{texts.ours(difference.ours.line)}</dt>
              <dd className="mono">{difference.ours.text.trim()}</dd>
            </div>
          ) : null}
        </dl>
      ) : null}
      <p>
        <button type="button" className="link" onClick={() => void openFiles([file])}>
          {texts.open}
        </button>
      </p>
    </div>
  );
}

import { useRef, useState } from 'react';
import { reportHtml } from '../../replay/report.ts';
import { download } from '../../workbench/actions.ts';
import { toUserError, type UserError } from '../../workbench/errors.ts';
import { linkOfRun } from '../../workbench/run-links.ts';
import { exportRuns, forgetRun, importRuns, type KeptRun, renameRun, setBaseline, takeSettings } from '../../workbench/runs.ts';
import { announce } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { runs as texts } from '../texts/runs.ts';
import { copyLink, restore } from './AbShare.tsx';

/** What can be done with the chosen run, and with all of them. */
export function RunTools({ run, baseline, takes }: { run: KeptRun; baseline: KeptRun | null; takes: boolean }) {
  const { record, key } = run;
  const isBaseline = baseline?.key === key;
  const [error, setError] = useState<UserError | null>(null);
  const [copied, setCopied] = useState('');
  const doing = async (work: () => Promise<void>) => {
    setError(null);
    try {
      await work();
    } catch (failure) {
      setError(toUserError(failure, texts.link));
    }
  };
  const save = (kind: 'html' | 'json') =>
    doing(async () => {
      const text =
        kind === 'html'
          ? reportHtml(record, isBaseline ? null : (baseline?.record ?? null), restore(await linkOfRun(run).catch(() => null)))
          : `${JSON.stringify(record, null, 1)}\n`;
      download(texts.fileName(record.model, record.at, kind), new TextEncoder().encode(text));
    });
  const copy = () =>
    doing(async () => {
      const failure = await copyLink(await linkOfRun(run), texts);
      setError(failure);
      setCopied(failure === null ? key : '');
    });
  return (
    <>
      <div className="runs-tools">
        <button
          type="button"
          className="button bordered small"
          aria-pressed={isBaseline}
          title={texts.pinAbout}
          onClick={() => setBaseline(key)}
        >
          {isBaseline ? texts.unpin : texts.pin}
        </button>
        <button
          type="button"
          className="button bordered small"
          disabled={!takes}
          title={takes ? texts.takeAbout : texts.otherFile}
          onClick={() => takeSettings(run)}
        >
          {texts.take}
        </button>
        <button type="button" className="button bordered small" title={texts.linkAbout} onClick={() => void copy()}>
          {copied === key ? texts.copied : texts.link}
        </button>
        {(['html', 'json'] as const).map((kind) => (
          <button key={kind} type="button" className="button bordered small" title={texts[`${kind}About`]} onClick={() => void save(kind)}>
            {texts[kind]}
          </button>
        ))}
        <button type="button" className="button bordered small" onClick={() => forgetRun(key)}>
          {texts.forget}
        </button>
        <label className="runs-name">
          {texts.rename}
          <input
            key={key}
            className="field"
            defaultValue={run.name ?? ''}
            placeholder={texts.renameHint}
            maxLength={80}
            onBlur={({ target }) => {
              if (target.value.trim() !== (run.name ?? '')) renameRun(key, target.value);
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter') event.currentTarget.blur();
            }}
          />
        </label>
      </div>
      {error ? <ErrorNote error={error} onDismiss={() => setError(null)} /> : null}
    </>
  );
}

/** The history as a file, out and in. */
export function HistoryTools({ any }: { any: boolean }) {
  const picker = useRef<HTMLInputElement>(null);
  const [error, setError] = useState<UserError | null>(null);
  const take = async (file: File) => {
    setError(null);
    try {
      announce(texts.imported(importRuns(await file.text(), file.name)));
    } catch (failure) {
      setError(toUserError(failure, texts.importing));
    }
  };
  return (
    <>
      <button type="button" className="button bordered small" onClick={() => picker.current?.click()}>
        {texts.import}
      </button>
      {any ? (
        <button
          type="button"
          className="button bordered small"
          title={texts.exportAbout}
          onClick={() => download(texts.exportName, new TextEncoder().encode(exportRuns()))}
        >
          {texts.export}
        </button>
      ) : null}
      <input
        ref={picker}
        type="file"
        accept=".json"
        hidden
        aria-label={texts.import}
        onChange={({ target }) => {
          const [file] = target.files ?? [];
          if (file) void take(file);
          target.value = '';
        }}
      />
      {error ? <ErrorNote error={error} onDismiss={() => setError(null)} /> : null}
    </>
  );
}

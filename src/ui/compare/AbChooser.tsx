import { useEffect, useRef, useState } from 'react';
import { parseQuant } from '../../compiler/precision.ts';
import { docOfFile, unedited, withOptions } from '../../workbench/ab.ts';
import type { OptionChange, ProjectDoc, ProjectOptions } from '../../workbench/document.ts';
import { toUserError, type UserError } from '../../workbench/errors.ts';
import { findBlobs } from '../../workbench/projects/find-blobs.ts';
import { keeper } from '../../workbench/projects/start.ts';
import { useProject } from '../../workbench/projects/state.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import { useRuns } from '../../workbench/runs.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { CompileOptions } from '../components/CompileOptions.tsx';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { ab as texts } from '../texts/ab.ts';
import { runs as runTexts } from '../texts/runs.ts';

type Kind = keyof typeof texts.kinds;

interface ChooserProps {
  readonly busy: boolean;
  readonly ran: boolean;
  readonly onRun: (other: ProjectDoc, name: string) => void;
}

/** What the second program is. */
export function AbChooser({ busy, ran, onRun }: ChooserProps) {
  const doc = useWorkbench((state) => state.history.doc);
  const own = useProject(({ id }) => id);
  const projects = useProject((state) => state.projects).filter(({ id, kind }) => id !== own && kind !== 'log' && kind !== 'empty');
  const runs = useRuns((state) => state.runs);
  const isModel = doc.source?.kind === 'model';
  const able: readonly Kind[] = [
    ...(isModel ? ['options' as const] : []),
    ...(doc.fork ? ['unedited' as const] : []),
    ...(runs.length > 0 ? ['run' as const] : []),
    ...(projects.length > 0 ? ['project' as const] : []),
    'file',
  ];
  const [wanted, setKind] = useState<Kind | null>(null);
  const kind = wanted && able.includes(wanted) ? wanted : doc.fork ? 'unedited' : able[0]!;
  const [options, setOptions] = useState<OptionChange>({ quant: 'w8a8' });
  const all = { ...doc.options, ...options };
  const [run, setRun] = useState('');
  const [project, setProject] = useState('');
  const [file, setFile] = useState<{ readonly doc: ProjectDoc; readonly name: string } | null>(null);
  const [opening, setOpening] = useState(false);
  const [error, setError] = useState<UserError | null>(null);
  const picker = useRef<HTMLInputElement>(null);
  useEffect(
    () =>
      void keeper().then(
        (module) => module.refreshProjects(),
        () => {},
      ),
    [],
  );
  const chosenRun = runs.find(({ key }) => key === run) ?? runs[0];
  const chosenProject = projects.find(({ id }) => id === project) ?? projects[0];

  const open = async (work: () => Promise<void>) => {
    setError(null);
    setOpening(true);
    try {
      await work();
    } catch (failure) {
      setError(failure instanceof RemoteError ? failure.error : toUserError(failure, texts.reading));
    } finally {
      setOpening(false);
    }
  };
  const start = () =>
    open(async () => {
      if (kind === 'options') onRun(withOptions(doc, options), nameOf(all));
      else if (kind === 'unedited') onRun(unedited(doc), texts.kinds.unedited);
      else if (kind === 'file' && file) onRun(file.doc, file.name);
      else if (kind === 'run' && chosenRun) {
        const missing = await findBlobs({ ...chosenRun.doc, trace: null, labels: null });
        if (missing.length > 0) setError(texts.missing(missing.map(({ name }) => name).join(', ')));
        else onRun(chosenRun.doc, chosenRun.name ?? nameOf(chosenRun.doc.options));
      } else if (kind === 'project' && chosenProject) {
        const kept = await (await keeper()).keptDoc(chosenProject.id);
        if (kept) onRun(kept, chosenProject.name);
      }
    });
  return (
    <div className="ab-chooser">
      <div className="ab-tools ab-first">
        <strong className="ab-mark">{texts.a}</strong>
        <span className="ellipsis muted">
          {texts.first(isModel ? `${doc.source!.blob.name} · ${nameOf(doc.options)}` : (doc.source?.blob.name ?? ''))}
        </span>
      </div>
      <div className="ab-tools">
        <strong className="ab-mark">{texts.b}</strong>
        <select className="field" aria-label={texts.second} value={kind} onChange={({ target }) => setKind(target.value as Kind)}>
          {able.map((one) => (
            <option key={one} value={one}>
              {texts.kinds[one]}
            </option>
          ))}
        </select>
        {kind === 'options' ? (
          <CompileOptions
            options={all}
            precision={parseQuant(all.quant).base}
            onPrecision={(quant) => setOptions({ ...options, quant })}
            onChange={(change) => setOptions({ ...options, ...change })}
          />
        ) : null}
        {kind === 'run' && chosenRun ? (
          <select
            className="field ab-wide"
            aria-label={texts.whichRun}
            value={chosenRun.key}
            onChange={({ target }) => setRun(target.value)}
          >
            {runs.map((one) => (
              <option key={one.key} value={one.key}>
                {runTexts.choice(one.name, one.record.model, nameOf(one.doc.options), one.record.at)}
              </option>
            ))}
          </select>
        ) : null}
        {kind === 'project' && chosenProject ? (
          <select
            className="field ab-wide"
            aria-label={texts.whichProject}
            value={chosenProject.id}
            onChange={({ target }) => setProject(target.value)}
          >
            {projects.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        ) : null}
        {kind === 'file' ? (
          <button type="button" className="button bordered" title={texts.fileHint} onClick={() => picker.current?.click()}>
            {file ? texts.chosen(file.name) : texts.chooseFile}
          </button>
        ) : null}
        <button
          type="button"
          className="button primary"
          disabled={busy || opening || (kind === 'file' && !file)}
          onClick={() => void start()}
        >
          {ran ? texts.again : texts.run}
        </button>
        <input
          ref={picker}
          type="file"
          accept=".onnx,.o,.c,.s,.asm,.bpformer"
          hidden
          aria-label={texts.chooseFile}
          onChange={({ target }) => {
            const [chosen] = target.files ?? [];
            if (chosen) void open(async () => setFile({ doc: await docOfFile(chosen), name: chosen.name }));
            target.value = '';
          }}
        />
      </div>
      {kind === 'file' && !file ? <p className="muted small ab-hint">{texts.fileHint}</p> : null}
      {error ? <ErrorNote error={error} doing={texts.reading} onDismiss={() => setError(null)} /> : null}
    </div>
  );
}

const nameOf = ({ quant, strategy, kernel }: Pick<ProjectOptions, 'quant' | 'strategy' | 'kernel'>): string =>
  runTexts.of(quant, strategy, kernel);

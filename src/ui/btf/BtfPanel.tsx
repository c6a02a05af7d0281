import { type DragEvent, useEffect, useRef, useState } from 'react';
import { pinBlob } from '../../workbench/blobs.ts';
import type { BtfFileView } from '../../workbench/btf-views.ts';
import type { BlobRef } from '../../workbench/document.ts';
import { openBtf } from '../../workbench/inspect.ts';
import { readFile } from '../../workbench/read-file.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { writtenObject } from '../codes/choices.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { useStable } from '../program/useStable.ts';
import { btf as texts } from '../texts/btf.ts';
import { btfPanel } from '../texts/btf-panel.ts';
import { useBtf } from './store.ts';
import { MapTypes, Relocations } from './Tables.tsx';
import { Types } from './Types.tsx';
import './btf.css';

/** A file and what it holds. */
interface Opened {
  readonly blob: BlobRef;
  readonly view: BtfFileView;
}

export default function BtfPanel() {
  const { files, shown, view } = useBtf();
  const doc = useWorkbench((state) => state.history.doc);
  const program = useWorkbench((state) => state.stages.program);
  const c = useWorkbench((state) => state.stages.c);
  const [opened, setOpened] = useState<Opened | null>(null);
  const { progress, running, error, run, cancel } = useTask();
  const picker = useRef<HTMLInputElement>(null);
  const added = files.find(({ hash }) => hash === shown);
  const hasOwn = program.value !== null && !program.value.fromLog && !program.stale;
  const ownKey = hasOwn ? program.value!.key : '';
  const load = useStable(() => {
    if (!added && !hasOwn) return setOpened(null);
    void run(async (options) => {
      const blob = added ?? (await writtenObject(doc, { program, c }));
      return { blob, view: await openBtf(blob, options) };
    }, setOpened);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another file or another program is opened anew
  useEffect(load, [load, added, ownKey]);
  const add = useStable((file: File | undefined) => {
    if (!file) return;
    void run(
      async (options) => {
        const { ref } = await readFile(file, file.name);
        pinBlob(ref);
        return { blob: ref, view: await openBtf(ref, options) };
      },
      (found) => {
        const isKernel = found.view.relocations === 0 && found.view.maps === 0;
        // A kernel's types that come while relocations are on show are what these are to be resolved against.
        const asTarget = view === 'relocations' && isKernel;
        useBtf.setState((state) => ({
          files: [...state.files.filter(({ hash }) => hash !== found.blob.hash), found.blob],
          ...(asTarget ? { target: found.blob.hash } : { shown: found.blob.hash, trail: [], query: '', kind: '' }),
        }));
        if (!asTarget) setOpened(found);
      },
    );
  });
  const drop = (event: DragEvent) => {
    event.preventDefault();
    event.stopPropagation();
    add(event.dataTransfer.files[0]);
  };
  const choose = (next: typeof view) => () => useBtf.setState({ view: next });
  return (
    <Panel id="btf" title={btfPanel.title} summary={opened ? texts.summary(opened.view.count) : null}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: files can be dropped anywhere in the panel, and chosen with its button */}
      <div className="btf" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
        <div className="btf-bar">
          <select
            className="field btf-file"
            aria-label={texts.file}
            value={added ? shown : ''}
            onChange={(event) => useBtf.setState({ shown: event.target.value, trail: [], query: '', kind: '' })}
          >
            <option value="">{hasOwn ? texts.own(doc.name) : '–'}</option>
            {files.map(({ hash, name }) => (
              <option key={hash} value={hash}>
                {name}
              </option>
            ))}
          </select>
          <button type="button" className="button bordered" onClick={() => picker.current?.click()}>
            {texts.open}
          </button>
          <input
            ref={picker}
            type="file"
            className="visually-hidden"
            tabIndex={-1}
            aria-label={texts.openLabel}
            onChange={(event) => {
              add(event.target.files?.[0]);
              event.target.value = '';
            }}
          />
          <span className="grow" />
          {opened ? (
            <fieldset className="btf-views">
              <legend className="visually-hidden">{texts.views}</legend>
              <button type="button" className="button" aria-pressed={view === 'types'} onClick={choose('types')}>
                {texts.types}
              </button>
              <button
                type="button"
                className="button"
                aria-pressed={view === 'relocations'}
                disabled={opened.view.relocations === 0}
                onClick={choose('relocations')}
              >
                {texts.relocations(opened.view.relocations)}
              </button>
              <button
                type="button"
                className="button"
                aria-pressed={view === 'maps'}
                disabled={opened.view.maps === 0}
                onClick={choose('maps')}
              >
                {texts.maps(opened.view.maps)}
              </button>
            </fieldset>
          ) : null}
        </div>
        {running ? <Progress progress={progress} label={texts.reading} onCancel={cancel} /> : null}
        {error ? <ErrorNote error={error} /> : null}
        {opened ? (
          <Body key={opened.blob.hash} {...opened} mode={view} files={files} />
        ) : running || error ? null : (
          <div className="empty">
            <strong>{texts.emptyTitle}</strong>
            <p>{texts.empty}</p>
          </div>
        )}
      </div>
    </Panel>
  );
}

interface BodyProps extends Opened {
  readonly mode: 'types' | 'relocations' | 'maps';
  readonly files: readonly BlobRef[];
}

function Body({ blob, view, mode, files }: BodyProps) {
  if (mode === 'relocations' && view.relocations > 0) return <Relocations blob={blob} files={files} />;
  if (mode === 'maps' && view.maps > 0) return <MapTypes blob={blob} />;
  return <Types blob={blob} kinds={view.kinds} />;
}

import { FolderOpen, Play } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { openFiles } from '../../workbench/actions.ts';
import { contentOf } from '../../workbench/blobs.ts';
import { captureFile, filterCapture, openCapture, plainCapture } from '../../workbench/capture.ts';
import type { CaptureView } from '../../workbench/capture-views.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { capture as texts } from '../texts/capture.ts';
import { FilterBar } from './FilterBar.tsx';
import { FlowList } from './FlowList.tsx';
import { showFile, useOpen } from './open-file.ts';
import { PacketView } from './PacketView.tsx';
import './capture.css';

/** Any capture, read from its file piece by piece: a list of packets, one in full, filters and flows. */
export default function CapturePanel() {
  const { file, view, filter, passed, lost } = useOpen();
  const trace = useWorkbench((state) => state.history.doc.trace);
  const opening = useTask();
  const filtering = useTask();
  const making = useTask();
  const input = useRef<HTMLInputElement>(null);
  const [tab, setTab] = useState<'packets' | 'flows'>('packets');

  // biome-ignore lint/correctness/useExhaustiveDependencies: a file is opened once, when it is another one
  useEffect(() => {
    if (!file || view) return;
    void opening.run(
      (options) => openCapture(file, options),
      (found) => useOpen.setState({ view: found, passed: found.count, at: 0, filter: '' }),
    );
  }, [file]);

  const apply = (text: string) => {
    if (!file || !view) return;
    if (text.trim() === '') {
      filtering.cancel();
      useOpen.setState({ filter: '', passed: view.count, at: 0 });
      return;
    }
    void filtering.run(
      (options) => filterCapture(file, text, options),
      (count) => useOpen.setState({ filter: text, passed: count, at: 0 }),
    );
    setTab('packets');
  };
  const use = () => {
    if (!file) return;
    if (filter === '') {
      void openFiles([new File([file.blob], file.name, { lastModified: file.blob instanceof File ? file.blob.lastModified : Date.now() })]);
      return;
    }
    void making.run(
      (options) => plainCapture(file, filter, options),
      (bytes) => void openFiles([new File([bytes], `${file.name.replace(/\.(pcap|pcapng|cap|gz|zst)+$/g, '')}.pcap`)]),
    );
  };
  const choose = () => input.current?.click();
  const traceIsCapture = trace !== null && !/\.(npy|npz|safetensors|pb|csv|png|jsonl?)$/i.test(trace.name);
  const task = [opening, filtering, making].find((one) => one.running);
  const label = opening.running ? texts.opening : filtering.running ? texts.filtering : texts.making;
  const error = opening.error ?? filtering.error ?? making.error;
  return (
    <Panel
      id="capture"
      title={texts.title}
      summary={file && view ? texts.summary(file.name, view.count, view.format, view.packing) + (filter ? texts.shown(passed) : '') : null}
      actions={
        <>
          {view && view.count > 0 ? (
            <button type="button" className="button" title={texts.replayHint} disabled={making.running} onClick={use}>
              <Play size={14} /> {texts.replay}
            </button>
          ) : null}
          <button type="button" className="button" onClick={choose}>
            <FolderOpen size={14} /> {texts.openAnother}
          </button>
        </>
      }
    >
      <input
        ref={input}
        type="file"
        hidden
        aria-label={texts.open}
        data-testid="capture-file"
        onChange={(event) => {
          const chosen = event.target.files?.[0];
          if (chosen) showFile(captureFile(chosen, chosen.name));
          event.target.value = '';
        }}
      />
      {error ? <ErrorNote error={error} /> : null}
      {lost ? <ErrorNote error={lost} actions={[{ title: texts.open, run: choose }]} /> : null}
      {task ? <Progress progress={task.progress} label={label} onCancel={task.cancel} /> : null}
      {file && view ? (
        <>
          {view.damage ? (
            <ErrorNote tone="warning" error={{ what: view.damage.what, where: texts.damage(view.damage.offset, view.count), advice: '' }} />
          ) : null}
          <FilterBar applied={filter} onApply={apply}>
            <Facts view={view} />
          </FilterBar>
          <Tabs tab={tab} onTab={setTab} />
          {tab === 'packets' ? (
            <PacketView file={file} filter={filter} count={passed} onFilter={apply} />
          ) : (
            <FlowList file={file} onFilter={apply} />
          )}
        </>
      ) : file ? null : (
        <div className="empty">
          <strong>{texts.empty.title}</strong>
          <p>{texts.empty.text}</p>
          <p>
            <button type="button" className="button primary" onClick={choose}>
              {texts.open}
            </button>{' '}
            {traceIsCapture ? (
              <button
                type="button"
                className="button bordered"
                onClick={() => showFile(captureFile(new Blob([contentOf(trace)]), trace.name))}
              >
                {texts.projectTrace}
              </button>
            ) : null}
          </p>
        </div>
      )}
    </Panel>
  );
}

/** Link types and what else the capture says of itself. */
function Facts({ view }: { view: CaptureView }) {
  const links = [
    ...new Set(view.interfaces.map(({ link, name, snapLength, dissected }) => texts.interfaceOf(link, name, snapLength, dissected))),
  ];
  return (
    <p className="capture-facts small muted ellipsis" title={view.comments.join('\n')}>
      {links.length > 0 ? texts.interfaces(links.slice(0, 4)) : ''}
      {Number.isNaN(view.seconds) ? '' : texts.lasting(view.seconds)}
      {view.commented > 0 ? texts.commented(view.commented) : ''}
      {view.names > 0 ? texts.names(view.names) : ''}
      {view.comments.length > 0 ? ` · ${texts.comment(view.comments[0]!)}` : ''}
    </p>
  );
}

function Tabs({ tab, onTab }: { tab: 'packets' | 'flows'; onTab: (tab: 'packets' | 'flows') => void }): ReactNode {
  return (
    <fieldset className="segments capture-tabs" aria-label={texts.tabs.label}>
      {(['packets', 'flows'] as const).map((one) => (
        <button key={one} type="button" className="segment" aria-pressed={tab === one} onClick={() => onTab(one)}>
          {texts.tabs[one]}
        </button>
      ))}
    </fieldset>
  );
}

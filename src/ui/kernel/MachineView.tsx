import { useState } from 'react';
import { askDump, askFeatures, useKernel } from '../../workbench/kernel.ts';
import type { Hello } from '../../workbench/kernel-views.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { useStable } from '../program/useStable.ts';
import { kernel as texts } from '../texts/kernel.ts';
import { useAnswers } from './store.ts';

const GROUPS = Object.keys(texts.machine.groups) as (keyof typeof texts.machine.groups)[];
const ROW_HEIGHT = 18;

/** What this kernel is and has, how it is asked, and what it made of the program. */
export function MachineView() {
  const { hello, status } = useKernel();
  return hello ? (
    <div className="kernel-scroll">
      <Facts hello={hello} />
      <Features connected={status === 'connected' && hello.backend === 'helper'} />
      <Dumps connected={status === 'connected' && hello.backend === 'helper'} />
    </div>
  ) : null;
}

function Facts({ hello }: { hello: Hello }) {
  const words = texts.machine;
  const rows: readonly (readonly [string, string])[] = [
    [words.kernel, `Linux ${hello.release} ${hello.arch}`],
    [words.processors, String(hello.cpus)],
    [words.jit, hello.jit === null ? words.unknown : hello.jit ? words.jitOn : words.jitOff],
    [words.types, hello.btf ? words.there : words.absent],
    [words.helper, words.backends[hello.backend]],
    [words.rights, `${hello.capabilities.join(', ') || '–'}${hello.confined ? words.confined : ''}`],
    [words.unprivileged, hello.unprivileged === null ? words.unknown : (words.unprivilegedValues[hello.unprivileged] ?? words.unknown)],
    [words.writes, hello.writesAllowed ? words.writesAllowed : words.writesAsked],
    [words.guests, hello.guests.join(', ') || words.noGuests],
  ];
  return (
    <table className="kernel-table">
      <caption className="visually-hidden">{words.caption}</caption>
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Features({ connected }: { connected: boolean }) {
  const words = texts.machine;
  const features = useAnswers((state) => state.features);
  const { progress, running, error, run, cancel } = useTask();
  const probe = useStable(() => void run(askFeatures, (found) => useAnswers.setState({ features: found })));
  return (
    <div className="kernel-part">
      <button type="button" className="button bordered" disabled={!connected || running} onClick={probe}>
        {words.probe}
      </button>
      {running ? <Progress progress={progress} label={words.probing} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {features
        ? GROUPS.map((group) => (
            <section key={group} className="kernel-features" aria-label={words.groups[group]}>
              <h3>{words.groups[group]}</h3>
              <ul>
                {features
                  .filter((row) => row.group === group)
                  .map(({ name, there }) => (
                    <li key={name} className={there ? '' : 'muted'}>
                      <span className={there ? 'ok' : 'bad'}>{there ? words.yes : words.no}</span> {name}
                    </li>
                  ))}
              </ul>
            </section>
          ))
        : null}
    </div>
  );
}

function Dumps({ connected }: { connected: boolean }) {
  const words = texts.machine;
  const program = useWorkbench((state) => state.stages.program.value);
  const [lines, setLines] = useState<readonly string[] | null>(null);
  const [active, setActive] = useState(-1);
  const { progress, running, error, run, cancel } = useTask();
  const dump = useStable((what: 'xlated' | 'jited') => {
    if (!program) return;
    void run(
      (options) => askDump(program.key, what, options),
      (text) => {
        setLines(text.split('\n'));
        setActive(-1);
      },
    );
  });
  if (!program || program.fromLog) return null;
  return (
    <div className="kernel-part">
      <h3>{words.dumps}</h3>
      <div className="kernel-fields">
        <button type="button" className="button bordered" disabled={!connected || running} onClick={() => dump('xlated')}>
          {words.xlated}
        </button>
        <button type="button" className="button bordered" disabled={!connected || running} onClick={() => dump('jited')}>
          {words.jited}
        </button>
      </div>
      {running ? <Progress progress={progress} label={words.dumping} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {lines ? (
        <VirtualList
          className="mono kernel-dump"
          label={words.dumps}
          count={lines.length}
          rowHeight={ROW_HEIGHT}
          active={active}
          onActivate={setActive}
          rowClass={(row) => (row === active ? 'selected' : '')}
        >
          {(row) => <span className="kernel-dumped">{lines[row]}</span>}
        </VirtualList>
      ) : null}
    </div>
  );
}

import { useState } from 'react';
import { askEntries, askMaps, useKernel, writeEntry } from '../../workbench/kernel.ts';
import type { KeptMaps, MapPageView } from '../../workbench/kernel-views.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { useStable } from '../program/useStable.ts';
import { kernel as texts } from '../texts/kernel.ts';

const PAGE = 64;
/** Bytes of a value that stand in a row. */
const MOST_HEX = 64;

interface Shown {
  readonly map: string;
  readonly rows: MapPageView['rows'];
  readonly more: boolean;
}

/** Maps of the program that the kernel holds, entry by entry; written only with a word in the terminal. */
export function MapsView() {
  const words = texts.maps;
  const key = useWorkbench((state) => state.stages.program.value!.key);
  const connected = useKernel(({ status, hello }) => status === 'connected' && hello?.backend === 'helper');
  const [maps, setMaps] = useState<KeptMaps['maps'] | null>(null);
  const [shown, setShown] = useState<Shown | null>(null);
  const { progress, running, error, run, cancel } = useTask();
  const read = useStable((map: string, from: number) => {
    void run(
      (options) => askEntries(key, map, from, PAGE, options),
      ({ rows, more }) => setShown((before) => ({ map, more, rows: from > 0 && before?.map === map ? [...before.rows, ...rows] : rows })),
    );
  });
  const load = useStable(() => {
    if (!connected) return;
    void run(
      (options) => askMaps(key, options),
      (kept) => {
        setMaps(kept.maps);
        const first = kept.maps.find(({ keySize }) => keySize > 0);
        if (first) read(first.name, 0);
      },
    );
  });
  useCommandHandler('kernel.ask', load);
  const map = maps?.find(({ name }) => name === shown?.map);
  return (
    <>
      <div className="kernel-tools">
        <button type="button" className="button primary" disabled={!connected || running} onClick={load}>
          {words.load}
        </button>
        {maps && maps.length > 0 ? (
          <label className="kernel-label">
            {words.map}
            <select className="field" value={shown?.map ?? ''} disabled={running} onChange={(event) => read(event.target.value, 0)}>
              {maps.map(({ name, keySize }) => (
                <option key={name} value={name} disabled={keySize === 0}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        ) : null}
        <span className="muted ellipsis grow">{map ? words.sizes(map.type, map.keySize, map.valueSize, map.maxEntries) : words.about}</span>
      </div>
      {running ? <Progress progress={progress} label={words.reading} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {maps?.length === 0 ? <p className="kernel-pad muted">{words.none}</p> : null}
      {shown && map ? (
        <div className="kernel-scroll">
          <table className="kernel-table" data-testid="kernel-entries">
            <caption className="visually-hidden">{words.caption}</caption>
            <thead>
              <tr>
                <th scope="col">{words.key}</th>
                <th scope="col">{words.value}</th>
              </tr>
            </thead>
            <tbody>
              {shown.rows.map((row) => (
                <tr key={row.key}>
                  <td className="mono">{row.key}</td>
                  <td className="mono kernel-hex">
                    {row.value.slice(0, MOST_HEX * 2)}
                    {row.value.length > MOST_HEX * 2 ? '…' : ''}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {shown.rows.length === 0 ? <p className="kernel-pad muted">{words.empty}</p> : null}
          {shown.more ? (
            <button
              type="button"
              className="button bordered kernel-more"
              disabled={running}
              onClick={() => read(shown.map, shown.rows.length)}
            >
              {words.more}
            </button>
          ) : null}
          <Write map={shown.map} programKey={key} connected={connected} onWritten={() => read(shown.map, 0)} />
        </div>
      ) : null}
    </>
  );
}

interface WriteProps {
  readonly map: string;
  readonly programKey: string;
  readonly connected: boolean;
  readonly onWritten: () => void;
}

function Write({ map, programKey, connected, onWritten }: WriteProps) {
  const words = texts.maps;
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  const { running, error, run, cancel } = useTask();
  const write = useStable(() => void run((options) => writeEntry(programKey, map, key, value, options), onWritten));
  return (
    <form
      className="kernel-write"
      onSubmit={(event) => {
        event.preventDefault();
        write();
      }}
    >
      <p className="muted small">{words.writeAbout}</p>
      <div className="kernel-fields">
        <input
          className="field mono"
          aria-label={words.key}
          placeholder={words.key}
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <input
          className="field mono grow"
          aria-label={words.value}
          placeholder={words.value}
          value={value}
          onChange={(event) => setValue(event.target.value)}
        />
        <button type="submit" className="button bordered" disabled={!connected || running || key === '' || value === ''}>
          {words.write}
        </button>
      </div>
      {running ? <Progress progress={null} label={words.writing} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
    </form>
  );
}

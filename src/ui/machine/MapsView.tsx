import { ChevronLeft, ChevronRight, X } from 'lucide-react';
import { type FormEvent, useEffect, useState } from 'react';
import { act, readMap, useMachine } from '../../workbench/machine.ts';
import type { MachineView, MapPage } from '../../workbench/machine-views.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { machine as texts } from '../texts/machine.ts';
import { EditableText } from './EditableText.tsx';
import { hexBytes, littleEndian, parseBytes } from './format.ts';

const PER_PAGE = 50;
/** Longer values are shown by their beginning. */
const SHOWN_BYTES = 64;

type Loaded = { readonly map: string; readonly page: MapPage };

/** The maps of the paused machine, entry by entry. */
export function MapsView({ view }: { view: MachineView }) {
  const [name, setName] = useState(view.maps[0]?.name ?? '');
  const [from, setFrom] = useState(0);
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const busy = useMachine((state) => state.status === 'running');
  const map = view.maps.find((one) => one.name === name) ?? view.maps[0];
  const type = useWorkbench((state) => state.stages.program.value?.maps.find((one) => one.name === map?.name)?.type ?? '');
  const shown = map?.name;
  const place = view;
  useEffect(() => {
    if (shown === undefined || !place) return;
    let wanted = true;
    readMap(shown, from, PER_PAGE).then(
      (page) => {
        if (wanted && page) setLoaded({ map: shown, page });
      },
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [shown, from, place]);
  if (!map) return <p className="empty">{texts.noMaps}</p>;
  const page = loaded?.map === map.name ? loaded.page : null;
  const growable = !/array|^queue|^stack/.test(type);
  const disabled = busy || view.insn < 0;
  const write = (key: Uint8Array, value: Uint8Array | null) =>
    void act({ kind: 'edit', edit: { kind: 'map', step: view.step, map: map.name, key, value } });
  return (
    <div className="machine-maps">
      <div className="machine-form small">
        <label>
          <span className="muted">{texts.map}</span>
          <select
            className="field"
            value={map.name}
            onChange={(event) => {
              setName(event.target.value);
              setFrom(0);
            }}
          >
            {view.maps.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
        </label>
        <span className="muted">{type}</span>
        {page && page.total > 0 ? (
          <span className="machine-pages muted">
            <button
              type="button"
              className="button square"
              aria-label={texts.before}
              title={texts.before}
              disabled={from === 0}
              onClick={() => setFrom(Math.max(0, from - PER_PAGE))}
            >
              <ChevronLeft size={14} />
            </button>
            {texts.entries(from + 1, from + page.entries.length, page.total)}
            <button
              type="button"
              className="button square"
              aria-label={texts.after}
              title={texts.after}
              disabled={from + PER_PAGE >= page.total}
              onClick={() => setFrom(from + PER_PAGE)}
            >
              <ChevronRight size={14} />
            </button>
          </span>
        ) : null}
      </div>
      {page?.total === 0 ? <p className="machine-note small muted">{texts.noEntries}</p> : null}
      {page && page.entries.length > 0 ? (
        <table className="machine-table" data-testid="map-entries">
          <colgroup>
            <col className="machine-key" />
            <col />
            {growable ? <col className="machine-remove" /> : null}
          </colgroup>
          <thead>
            <tr>
              <th scope="col" className="small muted">
                {texts.key}
              </th>
              <th scope="col" className="small muted">
                {texts.value}
              </th>
              {growable ? (
                <th scope="col">
                  <span className="visually-hidden">{texts.remove}</span>
                </th>
              ) : null}
            </tr>
          </thead>
          <tbody>
            {page.entries.map(({ key, value }) => {
              const keyText = littleEndian(key) || hexBytes(key);
              return (
                <tr key={hexBytes(key)}>
                  <th scope="row" className="mono" title={hexBytes(key)}>
                    {keyText}
                  </th>
                  <td className="mono">
                    <EditableText
                      label={texts.edit(texts.valueOf(keyText))}
                      hint={texts.size(map.name, map.valueSize)}
                      value={hexBytes(value)}
                      initial={hexBytes(value.subarray(0, SHOWN_BYTES))}
                      disabled={disabled}
                      check={(text) => {
                        const length = parseBytes(text)?.length ?? 0;
                        return length > 0 && length <= value.length ? null : texts.size(map.name, map.valueSize);
                      }}
                      onCommit={(text) => {
                        // What is not typed stays.
                        const next = value.slice();
                        next.set(parseBytes(text)!);
                        write(key, next);
                      }}
                    >
                      {hexBytes(value.subarray(0, SHOWN_BYTES))}
                      {value.length > SHOWN_BYTES ? ` … ${texts.sizeOf(value.length)}` : ''}{' '}
                      <span className="muted">{littleEndian(value)}</span>
                    </EditableText>
                  </td>
                  {growable ? (
                    <td>
                      <button
                        type="button"
                        className="button square"
                        aria-label={texts.removeKey(keyText)}
                        title={texts.removeKey(keyText)}
                        disabled={disabled}
                        onClick={() => write(key, null)}
                      >
                        <X size={14} />
                      </button>
                    </td>
                  ) : null}
                </tr>
              );
            })}
          </tbody>
        </table>
      ) : null}
      {growable && map.keySize > 0 ? <AddForm keySize={map.keySize} valueSize={map.valueSize} disabled={disabled} onAdd={write} /> : null}
    </div>
  );
}

interface AddFormProps {
  readonly keySize: number;
  readonly valueSize: number;
  readonly disabled: boolean;
  readonly onAdd: (key: Uint8Array, value: Uint8Array) => void;
}

function AddForm({ keySize, valueSize, disabled, onAdd }: AddFormProps) {
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  const keyBytes = parseBytes(key);
  const valueBytes = parseBytes(value);
  const good = keyBytes?.length === keySize && valueBytes?.length === valueSize;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (good && !disabled) onAdd(keyBytes, valueBytes);
  };
  return (
    <form className="machine-form small" aria-label={texts.addEntry} onSubmit={submit}>
      <label className="grow">
        <span className="muted">{texts.key}</span>
        <input
          className="field mono grow"
          value={key}
          title={texts.size(texts.key, keySize)}
          placeholder={texts.sizeOf(keySize)}
          onChange={(event) => setKey(event.target.value)}
        />
      </label>
      <label className="grow">
        <span className="muted">{texts.value}</span>
        <input
          className="field mono grow"
          value={value}
          title={texts.size(texts.value, valueSize)}
          placeholder={texts.sizeOf(valueSize)}
          onChange={(event) => setValue(event.target.value)}
        />
      </label>
      <button type="submit" className="button bordered" disabled={!good || disabled} title={texts.addEntry}>
        {texts.add}
      </button>
    </form>
  );
}

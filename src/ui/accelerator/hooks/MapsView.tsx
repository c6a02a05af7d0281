import { useEffect, useState } from 'react';
import { ask, setMapValue, useAccelerator } from '../../../workbench/accelerator.ts';
import type { MapView } from '../../../workbench/accelerator-views.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { hexOf, numberOf, parseBytes } from '../bytes.ts';
import { count } from '../format.ts';
import { useLatest } from '../useLatest.ts';

const { maps: texts } = accelerator;

/** The maps of an attached program as they are now; a value that is changed holds for the next run. */
export function MapsView() {
  const hooks = useAccelerator((state) => state.snapshot?.hooks) ?? [];
  const version = useAccelerator((state) => state.snapshot?.version ?? 0);
  const [chosen, setChosen] = useState<number | null>(null);
  const [maps, setMaps] = useState<{ readonly id: number; readonly maps: readonly MapView[] } | null>(null);
  const withMaps = hooks.filter((hook) => hook.maps.length > 0);
  const program = withMaps.find(({ id }) => id === chosen) ?? withMaps[0];
  const id = program?.id ?? null;
  const load = useLatest(async () => {
    if (id !== null) setMaps({ id, maps: await ask<readonly MapView[]>('maps', { id }) });
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: asks anew for each of these
  useEffect(load, [load, id, version]);
  if (!program) {
    return (
      <div className="empty">
        <strong>{texts.empty.title}</strong>
        <p>{texts.empty.text}</p>
      </div>
    );
  }
  return (
    <div className="accel-scroll" data-testid="accel-maps">
      <div className="accel-bar">
        <select className="field" aria-label={texts.which} value={program.id} onChange={(event) => setChosen(Number(event.target.value))}>
          {withMaps.map((hook) => (
            <option key={hook.id} value={hook.id}>
              {texts.program(hook.name, hook.hook)}
            </option>
          ))}
        </select>
        <span className="muted">{texts.about}</span>
      </div>
      {maps?.id === id ? maps.maps.map((map) => <Entries key={map.name} id={program.id} map={map} />) : null}
    </div>
  );
}

function Entries({ id, map }: { id: number; map: MapView }) {
  const { name, type, keyBytes, valueBytes, entries, left, most } = map;
  const [key, setKey] = useState('');
  const added = parseBytes(key, keyBytes);
  const fixed = type.includes('array');
  return (
    <>
      <table className="accel-table" data-map={name}>
        <caption>{texts.caption(name, type, entries.length + left, most)}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.key}</th>
            <th scope="col">{texts.value(valueBytes)}</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={hexOf(entry.key)}>
              <th scope="row" className="mono">
                {shown(entry.key)}
              </th>
              <td>
                <Value
                  label={texts.valueOf(name, shown(entry.key))}
                  value={entry.value}
                  onChange={(value) => void setMapValue(id, name, entry.key, value)}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {left > 0 ? <p className="accel-pad muted">{texts.left(count(left))}</p> : null}
      {fixed ? null : (
        <form
          className="accel-bar"
          onSubmit={(event) => {
            event.preventDefault();
            if (!added) return;
            void setMapValue(id, name, added, new Uint8Array(valueBytes));
            setKey('');
          }}
        >
          <input
            className="field mono"
            aria-label={texts.newKey(name)}
            placeholder={texts.newKeyHint(keyBytes)}
            aria-invalid={key !== '' && !added}
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
          <button type="submit" className="button bordered small" disabled={!added}>
            {texts.add}
          </button>
        </form>
      )}
    </>
  );
}

/** As a number where it can be one, else its bytes. */
const shown = (bytes: Uint8Array): string => numberOf(bytes)?.toLocaleString('en') ?? hexOf(bytes);

interface ValueProps {
  readonly label: string;
  readonly value: Uint8Array<ArrayBuffer>;
  readonly onChange: (value: Uint8Array<ArrayBuffer>) => void;
}

/** A value as one number, or as words of 8 bytes, each of which can be changed. */
function Value({ label, value, onChange }: ValueProps) {
  const word = value.length % 8 === 0 ? 8 : value.length % 4 === 0 ? 4 : value.length;
  const words = Math.min(8, Math.ceil(value.length / word));
  return (
    <span className="accel-words">
      {Array.from({ length: words }, (_, at) => (
        <Word
          key={at}
          label={words === 1 ? label : texts.word(label, at * word)}
          bytes={value.subarray(at * word, (at + 1) * word)}
          onChange={(bytes) => {
            const next = value.slice();
            next.set(bytes, at * word);
            onChange(next);
          }}
        />
      ))}
      {value.length > words * word ? <span className="muted">{texts.more(value.length - words * word)}</span> : null}
    </span>
  );
}

/** Taken over with Enter or when the field is left; Escape keeps what is there. */
function Word({ label, bytes, onChange }: { label: string; bytes: Uint8Array; onChange: (bytes: Uint8Array) => void }) {
  const [text, setText] = useState<string | null>(null);
  const parsed = text === null ? null : parseBytes(text, bytes.length);
  const commit = () => {
    if (parsed) onChange(parsed);
    setText(null);
  };
  return (
    <input
      className="field mono accel-word"
      aria-label={label}
      aria-invalid={text !== null && !parsed}
      title={hexOf(bytes)}
      value={text ?? numberOf(bytes)?.toString() ?? hexOf(bytes)}
      onChange={(event) => setText(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
        if (event.key === 'Escape') setText(null);
      }}
    />
  );
}

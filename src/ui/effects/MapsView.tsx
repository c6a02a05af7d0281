import { useId, useState } from 'react';
import type { Effects, MapEntry } from '../../replay/effects.ts';
import { effects as texts } from '../texts/effects.ts';

/** Contents of maps along the trace: a slider chooses how far. */
export function MapsView({ effects: { snapshots } }: { effects: Effects }) {
  const [at, setAt] = useState(snapshots.length - 1);
  const id = useId();
  const snapshot = snapshots[Math.min(at, snapshots.length - 1)]!;
  const before = snapshots[Math.min(at, snapshots.length - 1) - 1];
  if (snapshot.maps.length === 0) return <p className="empty">{texts.noMaps}</p>;
  return (
    <div className="effects-maps">
      <div className="effects-tools">
        <label htmlFor={id}>{texts.after}</label>
        <input
          id={id}
          type="range"
          min={0}
          max={snapshots.length - 1}
          value={at}
          aria-valuetext={texts.afterIs(snapshot.events)}
          onChange={({ target }) => setAt(Number(target.value))}
        />
        <output htmlFor={id} className="num" data-testid="effects-after">
          {texts.afterIs(snapshot.events)}
        </output>
      </div>
      {snapshot.maps.map(({ name, entries, left }) => (
        <Entries
          key={name}
          name={name}
          entries={entries}
          left={left}
          before={before?.maps.find((map) => map.name === name)?.entries ?? null}
        />
      ))}
    </div>
  );
}

interface EntriesProps {
  readonly name: string;
  readonly entries: readonly MapEntry[];
  readonly left: number;
  readonly before: readonly MapEntry[] | null;
}

function Entries({ name, entries, left, before }: EntriesProps) {
  const old = new Map(before?.map(({ key, value }) => [hex(key), hex(value)]));
  return (
    <table data-map={name}>
      <caption>{texts.entries(name, entries.length, left)}</caption>
      {entries.length === 0 ? null : (
        <thead>
          <tr>
            <th scope="col">{texts.key}</th>
            <th scope="col">{texts.value}</th>
            <th scope="col" className="num">
              {texts.number}
            </th>
            <td />
          </tr>
        </thead>
      )}
      <tbody>
        {entries.map(({ key, value }) => {
          const was = old.get(hex(key));
          const mark = before === null || was === hex(value) ? '' : was === undefined ? texts.fresh : texts.changed;
          return (
            <tr key={hex(key)}>
              <th scope="row" className="mono">
                {shown(key)}
              </th>
              <td className="mono effects-value ellipsis" title={hex(value)}>
                {hex(value.subarray(0, 16))}
                {value.length > 16 ? ' …' : ''}
              </td>
              <td className="num">{numberOf(value)}</td>
              <td className="note small">{mark}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

/** Keys of four bytes are mostly indices. */
const shown = (key: Uint8Array): string => (key.length === 4 ? numberOf(key) : hex(key));

/** Values of 1, 2, 4 or 8 bytes as unsigned little-endian numbers. */
function numberOf(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 8) return view.getBigUint64(0, true).toLocaleString('en');
  if (bytes.length === 4) return view.getUint32(0, true).toLocaleString('en');
  if (bytes.length === 2) return view.getUint16(0, true).toLocaleString('en');
  return bytes.length === 1 ? String(bytes[0]) : '';
}

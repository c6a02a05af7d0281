import { type FormEvent, useEffect, useId, useState } from 'react';
import { act, addWatch, readMemory, useMachine } from '../../workbench/machine.ts';
import type { MachineView } from '../../workbench/machine-views.ts';
import { useWidth } from '../components/useWidth.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { machine as texts } from '../texts/machine.ts';
import { parseBytes } from './format.ts';

const ROW_HEIGHT = 18;
/** From this width on a row holds sixteen bytes, else eight. */
const WIDE_PX = 540;
/** So many bytes of an entry are fetched. */
const MOST_BYTES = 1 << 16;

interface Loaded {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Bytes of the machine's memory by region: context, packet, stacks, map values. */
export function MemoryView({ view }: { view: MachineView }) {
  const [name, setName] = useState('packet');
  const [element, setElement] = useState(0);
  const [row, setRow] = useState(0);
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [last, setLast] = useState<Loaded | null>(null);
  const id = useId();
  const { ref, width } = useWidth();
  const perRow = width >= WIDE_PX ? 16 : 8;
  const region = view.regions.find((one) => one.name === name) ?? view.regions[0];
  const at = Math.min(element, (region?.count ?? 1) - 1);
  const address = region ? region.base + at * region.stride : 0;
  const size = Math.min(region?.size ?? 0, MOST_BYTES);
  const step = view;
  useEffect(() => {
    if (size === 0 || !step) return;
    let wanted = true;
    readMemory(address, size).then(
      (bytes) => {
        if (!wanted || !bytes) return;
        setLoaded((before) => {
          setLast(before);
          return { address, bytes };
        });
      },
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [address, size, step]);
  if (!region) return null;
  const bytes = loaded?.address === address ? loaded.bytes : null;
  const older = last?.address === address && last.bytes.length === bytes?.length ? last.bytes : null;
  return (
    <div className="machine-memory" ref={ref}>
      <div className="machine-form small">
        <label>
          <span className="muted">{texts.region}</span>
          <select
            className="field"
            value={region.name}
            onChange={(event) => {
              setName(event.target.value);
              setElement(0);
              setRow(0);
            }}
          >
            {view.regions.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
        </label>
        {region.count > 1 ? (
          <label>
            <span className="muted">{texts.element}</span>
            <input
              className="field machine-number"
              type="number"
              min={0}
              max={region.count - 1}
              value={at}
              onChange={(event) => setElement(Math.max(0, Number(event.target.value) || 0))}
            />
            <span className="muted">{texts.ofCount(region.count)}</span>
          </label>
        ) : null}
        <span className="muted">
          {texts.sizeOf(region.size)}
          {region.writable ? '' : `, ${texts.readOnly}`}
          {region.size > MOST_BYTES ? `, ${texts.firstOf(MOST_BYTES)}` : ''}
        </span>
      </div>
      {bytes ? (
        <VirtualList
          label={`${texts.memory}: ${region.name}`}
          className="mono machine-bytes"
          count={Math.ceil(bytes.length / perRow)}
          rowHeight={ROW_HEIGHT}
          active={Math.min(row, Math.ceil(bytes.length / perRow) - 1)}
          onActivate={setRow}
          rowClass={(index) => (index === row ? 'selected' : '')}
        >
          {(index) => <BytesRow bytes={bytes} older={older} from={index * perRow} perRow={perRow} />}
        </VirtualList>
      ) : null}
      <WriteForm id={id} key={`${address} ${row}`} view={view} address={address} size={region.size} first={row * perRow} />
    </div>
  );
}

interface BytesRowProps {
  readonly bytes: Uint8Array;
  readonly older: Uint8Array | null;
  readonly from: number;
  readonly perRow: number;
}

function BytesRow({ bytes, older, from, perRow }: BytesRowProps) {
  const own = Array.from(bytes.subarray(from, from + perRow));
  return (
    <span className="machine-bytes-row">
      <span className="muted">{from.toString(16).padStart(4, '0')}</span>
      <span>
        {own.map((byte, i) => (
          <span key={i} className={older && older[from + i] !== byte ? 'changed-byte' : byte === 0 ? 'muted' : ''}>
            {byte.toString(16).padStart(2, '0')}
            {i % 8 === 7 ? '  ' : ' '}
          </span>
        ))}
        {'   '.repeat(perRow - own.length)}
      </span>
      <span className="muted">{own.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('')}</span>
    </span>
  );
}

interface WriteFormProps {
  readonly id: string;
  readonly view: MachineView;
  readonly address: number;
  readonly size: number;
  readonly first: number;
}

/** Writes bytes, or watches them. */
function WriteForm({ id, view, address, size, first }: WriteFormProps) {
  const [offset, setOffset] = useState(String(first));
  const [text, setText] = useState('');
  const busy = useMachine((state) => state.status === 'running');
  const off = Number(offset);
  const bytes = parseBytes(text);
  const length = bytes?.length ?? 8;
  const fits = /^(0x[0-9a-f]+|\d+)$/i.test(offset.trim()) && off + length <= size;
  const wrong = text !== '' && bytes === null ? texts.badBytes : fits ? null : texts.outOfRange;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!bytes || !fits || busy || view.insn < 0) return;
    void act({ kind: 'edit', edit: { kind: 'memory', step: view.step, address: address + off, bytes } });
    setText('');
  };
  return (
    <form className="machine-form small" onSubmit={submit}>
      <label>
        <span className="muted">{texts.offset}</span>
        <input className="field mono machine-number" value={offset} onChange={(event) => setOffset(event.target.value)} />
      </label>
      <label className="grow">
        <span className="muted">{texts.newBytes}</span>
        <input
          className="field mono grow"
          value={text}
          placeholder="00 ff"
          aria-invalid={wrong !== null}
          aria-describedby={`${id}-wrong`}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <button type="submit" className="button bordered" disabled={!bytes || !fits || busy || view.insn < 0}>
        {texts.write}
      </button>
      <button type="button" className="button bordered" disabled={!fits} onClick={() => void addWatch(address + off, Math.min(8, length))}>
        {texts.watch}
      </button>
      <span id={`${id}-wrong`} className="bad">
        {wrong}
      </span>
    </form>
  );
}

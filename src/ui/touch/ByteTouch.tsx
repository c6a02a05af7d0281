import { type KeyboardEvent, type PointerEvent as ReactPointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import { editPacketByte } from '../../workbench/actions.ts';
import { NO_RANGES } from '../../workbench/ranges.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { eventSpec, presentWeights } from '../../workbench/touch.ts';
import type { TouchValue } from '../../workbench/touch-views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { shortTensor } from '../tensors/format.ts';
import { HeatMap } from '../tensors/HeatMap.tsx';
import { planesOf } from '../tensors/heat-layout.ts';
import { touch } from '../texts/touch.ts';
import { Outcomes } from './Outcomes.tsx';
import { useTouched } from './useTouched.ts';
import './touch.css';

const texts = touch.byte;
/** Pixels for one unit of a byte. */
const PX = 2;
/** A press that moves less is a click. */
const SLACK_PX = 4;
const SETTLE_MS = 600;
const XDP = 6;

interface ByteTouchProps {
  readonly packet: number;
  readonly at: number;
  readonly original: Uint8Array;
  readonly bytes: Uint8Array;
  /** Bytes that are tokens; null without any. */
  readonly tokens: { readonly from: number; readonly to: number } | null;
}

/** The byte at the cursor under the hand: token, attention, outputs and verdict move with it beside what the packet came to as it was captured. */
export default function ByteTouch({ packet, at, original, bytes, tokens }: ByteTouchProps) {
  const program = useWorkbench((state) => state.stages.program.value);
  const doc = useWorkbench((state) => state.history.doc);
  const nodes = useWorkbench((state) => state.stages.model.value?.nodes);
  const [live, setLive] = useState<{ readonly byte: number; readonly value: number } | null>(null);
  const [asked, setAsked] = useState<boolean | null>(null);
  // Whoever comes near may touch it: the machine is made meanwhile.
  const [near, setNear] = useState(false);
  const timer = useRef(0);
  const box = useRef<HTMLElement>(null);
  const place = live?.byte ?? at;
  const value = live?.value ?? bytes[at] ?? 0;
  const token = tokens !== null && place >= tokens.from && place < tokens.to;

  const wanted = useRef<{ readonly byte: number; readonly value: number } | null>(null);
  const commit = () => {
    window.clearTimeout(timer.current);
    const edit = wanted.current;
    wanted.current = null;
    if (edit && edit.value !== bytes[edit.byte]) editPacketByte(packet, edit.byte, edit.value);
  };
  const last = useRef(commit);
  last.current = commit;
  useEffect(() => () => last.current(), []);
  // The document has it now, or undo took it back.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another document or cursor ends what is live
  useEffect(() => {
    if (wanted.current === null) setLive(null);
  }, [bytes, at]);
  const change = (byte: number, to: number) => {
    setAsked((before) => before ?? true);
    const next = { byte, value: Math.max(0, Math.min(255, Math.round(to))) };
    setLive(next);
    wanted.current = next;
  };

  // A byte of the table can be dragged too; the table does not need to know.
  const shown = useRef(bytes);
  shown.current = bytes;
  useEffect(() => {
    const grid = box.current?.closest('.bytes')?.querySelector<HTMLElement>('.bytes-grid');
    if (!grid) return;
    const down = (event: PointerEvent) => {
      const cell = (event.target as HTMLElement).closest<HTMLElement>('[data-cell]');
      if (!cell || event.button !== 0) return;
      const byte = Number(cell.dataset.cell!.split('-')[1]);
      follow(
        event,
        shown.current[byte] ?? 0,
        (to) => change(byte, to),
        () => last.current(),
      );
    };
    grid.addEventListener('pointerdown', down);
    return () => grid.removeEventListener('pointerdown', down);
  });

  const onKeyDown = (event: KeyboardEvent) => {
    const by: Record<string, number> = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 16, PageDown: -16 };
    const to = event.key === 'Home' ? 0 : event.key === 'End' ? 255 : event.key in by ? value + by[event.key]! : null;
    if (event.key === 'Enter') last.current();
    if (to === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    change(place, to);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => last.current(), SETTLE_MS);
  };

  // Nothing runs until somebody comes near or asks.
  const open = asked === true;
  useEffect(() => {
    if (open) box.current?.scrollIntoView({ block: 'nearest' });
  }, [open]);
  const attention = useMemo(() => attentionOf(nodes), [nodes]);
  const key = program?.modelKey ? program.key : null;
  const requests = useMemo(() => {
    const state = useWorkbench.getState();
    void doc;
    const weights = presentWeights(state);
    const spec = eventSpec(state, false);
    if (!weights || spec?.kind !== 'packet') return null;
    const now = bytes.slice();
    now[place] = value;
    const of = (packetBytes: Uint8Array) => ({ event: { ...spec, bytes: packetBytes }, ...weights, values: attention });
    return { before: of(original), now: of(now) };
  }, [doc, original, bytes, place, value, attention]);
  const before = useTouched(open || near ? key : null, requests?.before ?? null);
  const now = useTouched(open ? key : null, requests?.now ?? null);
  if (key === null || !requests) return null;
  return (
    <section className="touch" ref={box} aria-label={texts.title} data-testid="byte-touch">
      <div className="touch-form">
        <span
          className="touch-pad mono"
          role="slider"
          tabIndex={0}
          aria-label={texts.pad(place)}
          aria-orientation="vertical"
          aria-valuemin={0}
          aria-valuemax={255}
          aria-valuenow={value}
          aria-valuetext={texts.value(value)}
          data-testid="byte-pad"
          onKeyDown={onKeyDown}
          onFocus={() => setNear(true)}
          onPointerEnter={() => setNear(true)}
          onBlur={() => last.current()}
          onPointerDown={(event: ReactPointerEvent) => {
            if (event.button === 0)
              follow(
                event.nativeEvent,
                value,
                (to) => change(place, to),
                () => last.current(),
              );
          }}
        >
          <span aria-hidden="true">{texts.mark}</span> {texts.shown(place, value)}
        </span>
        <span className={original[place] === value ? 'small' : 'small touch-changed'} data-testid="byte-token">
          {token ? texts.token(original[place] ?? 0, value) : null}
        </span>
        <button type="button" className="button small bordered" aria-expanded={open} onClick={() => setAsked(!open)}>
          {touch.compare}
        </button>
      </div>
      {open ? (
        <>
          {before.error || now.error ? <ErrorNote error={(now.error ?? before.error)!} /> : null}
          <Outcomes before={before.view} now={now.view} stale={now.stale} xdp={program?.progType === XDP} />
          {now.view?.values.map((one) => (
            <Attention
              key={one.name}
              now={one}
              stale={now.valuesStale}
              before={before.view?.values.find(({ name }) => name === one.name)}
            />
          ))}
        </>
      ) : (
        <p className="small muted touch-note">{token ? texts.about : `${texts.noToken} ${texts.about}`}</p>
      )}
    </section>
  );
}

/** Follows the pointer that went down until it is let go: up is more. */
function follow(event: PointerEvent, from: number, onChange: (value: number) => void, onEnd: () => void): void {
  const target = event.target as HTMLElement;
  const start = event.clientY;
  let moved = false;
  const move = ({ clientY }: PointerEvent) => {
    const by = start - clientY;
    if (!moved && Math.abs(by) < SLACK_PX) return;
    if (!moved) target.setPointerCapture(event.pointerId);
    moved = true;
    onChange(from + by / PX);
  };
  const end = () => {
    target.removeEventListener('pointermove', move);
    target.removeEventListener('pointerup', end);
    target.removeEventListener('pointercancel', end);
    if (moved) onEnd();
  };
  target.addEventListener('pointermove', move);
  target.addEventListener('pointerup', end);
  target.addEventListener('pointercancel', end);
}

/** Maps that are shown: a model of many layers has more than fit. */
const MOST_MAPS = 2;

/** Outputs of softmaxes over tokens: maps of attention. */
function attentionOf(
  nodes: readonly { readonly op: string; readonly output: { readonly name: string; readonly dims: readonly number[] } | null }[] = [],
): string[] {
  return nodes
    .flatMap(({ op, output }) =>
      op === 'Softmax' && output && output.dims.length >= 2 && (output.dims.at(-2) ?? 1) > 1 ? [output.name] : [],
    )
    .slice(0, MOST_MAPS);
}

function Attention({ before, now, stale }: { before: TouchValue | undefined; now: TouchValue; stale: boolean }) {
  const planes = useMemo(() => planesOf(now.dims), [now.dims]);
  const high = useMemo(
    () => Math.max(...[before, now].map((one) => one?.data.reduce((top, v) => Math.max(top, v), 0) ?? 0)),
    [before, now],
  );
  const [cursor, setCursor] = useState(-1);
  const map = (value: TouchValue, when: string) => (
    <figure className="touch-map">
      <figcaption className="small muted">{when}</figcaption>
      <HeatMap
        name={`${value.name}, ${when}`}
        dims={value.dims}
        planes={planes}
        values={value.data}
        low={0}
        high={high}
        diverging={false}
        cursor={cursor}
        related={NO_RANGES}
        zoom={null}
        onSelect={setCursor}
      />
    </figure>
  );
  return (
    <div className={stale ? 'touch-attention stale' : 'touch-attention'} aria-busy={stale} data-stale={stale}>
      <p className="small ellipsis touch-note" title={now.name}>
        {texts.attention(shortTensor(now.name))}
      </p>
      <div className="touch-maps">
        {before ? map(before, texts.captured) : null}
        {map(now, texts.now)}
      </div>
    </div>
  );
}

import { type PointerEvent, useRef, useState } from 'react';
import type { Interval } from '../../verifier/lab/interval.ts';
import { interval as texts } from '../texts/interval.ts';
import { boundText } from '../verifier/range-scale.ts';
import { parseBound, positionOf, type Reach, valueAt } from './model.ts';

interface InputProps {
  readonly name: string;
  readonly interval: Interval;
  readonly reach: Reach;
  /** Dragged away from what the verifier has. */
  readonly changed: boolean;
  /** Null puts back what the verifier has. */
  readonly onChange: (interval: Interval | null) => void;
  /** While it is dragged, the scale stays as it is. */
  readonly onDrag: (dragging: boolean) => void;
}

/** Steps of a slider from one end of the scale to the other. */
const STEPS = 1000;

/** The range of one number that comes in: two sliders on a scale of doublings, a bar that moves both, and fields for exact ends. */
export function IntervalInput({ name, interval, reach, changed, onChange, onDrag }: InputProps) {
  const { min, max } = interval;
  const from = positionOf(Number(min), reach);
  const to = positionOf(Number(max), reach);
  const setMin = (value: bigint) => onChange({ min: value, max: value > max ? value : max });
  const setMax = (value: bigint) => onChange({ min: value < min ? value : min, max: value });
  const track = useRef<HTMLDivElement>(null);
  const grip = useRef<{ readonly at: number; readonly from: number; readonly to: number } | null>(null);
  const move = (event: PointerEvent<HTMLDivElement>) => {
    const start = grip.current;
    const width = track.current?.clientWidth;
    if (!start || !width) return;
    const by = (event.clientX - start.at) / width;
    const [low, high] = [valueAt(start.from + by, reach), valueAt(start.to + by, reach)];
    if (low <= high) onChange({ min: low, max: high });
  };
  return (
    <div className="interval-input">
      <span className="mono interval-name ellipsis" title={name}>
        {name}
      </span>
      <Bound label={texts.min(name)} value={min} onChange={setMin} />
      <div
        className="interval-track"
        ref={track}
        onPointerDown={() => onDrag(true)}
        onPointerUp={() => onDrag(false)}
        onPointerCancel={() => onDrag(false)}
      >
        <div className="interval-zero" style={{ left: `${positionOf(0, reach) * 100}%` }} />
        <div
          className="interval-grip"
          title={texts.move(name)}
          style={{ left: `${from * 100}%`, width: `${Math.max(0.6, (to - from) * 100)}%` }}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            grip.current = { at: event.clientX, from, to };
          }}
          onPointerMove={move}
          onPointerUp={() => {
            grip.current = null;
          }}
        />
        <Slider label={texts.min(name)} value={min} position={from} reach={reach} onChange={setMin} />
        <Slider label={texts.max(name)} value={max} position={to} reach={reach} onChange={setMax} />
      </div>
      <Bound label={texts.max(name)} value={max} onChange={setMax} />
      <button type="button" className="button small" title={texts.reset} disabled={!changed} onClick={() => onChange(null)}>
        {texts.resetShort}
      </button>
    </div>
  );
}

interface BoundProps {
  readonly label: string;
  readonly value: bigint;
  readonly onChange: (value: bigint) => void;
}

function Slider({ label, value, position, reach, onChange }: BoundProps & { readonly position: number; readonly reach: Reach }) {
  const at = Math.round(position * STEPS);
  return (
    <input
      type="range"
      className="interval-slider"
      min={0}
      max={STEPS}
      step={1}
      value={at}
      aria-label={label}
      aria-valuetext={boundText(value)}
      onChange={(event) => {
        const next = Number(event.target.value);
        // Small numbers lie farther apart than the steps of the scale: a step is at least one.
        const moved = valueAt(next / STEPS, reach);
        onChange(moved === value && next !== at ? value + (next > at ? 1n : -1n) : moved);
      }}
    />
  );
}

/** An end of the range as text, exact to the last bit; what is no number stays in the field and says so. */
function Bound({ label, value, onChange }: BoundProps) {
  const [text, setText] = useState<string | null>(null);
  const bad = text !== null && parseBound(text) === null;
  const commit = () => {
    const parsed = text === null ? null : parseBound(text);
    if (parsed !== null) onChange(parsed);
    if (parsed !== null || text === '') setText(null);
  };
  return (
    <input
      type="text"
      className="field mono interval-bound"
      aria-label={label}
      aria-invalid={bad}
      title={bad ? texts.bad : value.toString()}
      value={text ?? value.toString()}
      onChange={(event) => setText(event.target.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
        if (event.key === 'Escape') setText(null);
        const step = event.key === 'ArrowUp' ? 1n : event.key === 'ArrowDown' ? -1n : 0n;
        if (step === 0n) return;
        event.preventDefault();
        setText(null);
        onChange(BigInt.asIntN(64, value + step));
      }}
    />
  );
}

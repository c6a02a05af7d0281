import { type KeyboardEvent, type PointerEvent, type ReactNode, useState } from 'react';
import { details as texts } from '../texts/model.ts';

const STEP = 16;
const LEAST = 72;
/** What the graph keeps beside the details, as a share of the panel. */
const GRAPH_SHARE = 0.25;

/** Panels lower than this leave more to the graph. */
const LOW = 480;

/** Sizes that were chosen, kept while the panel is closed. */
const sizes = { below: 0, beside: 0 };

interface DetailsAreaProps {
  /** Width and height of the panel. */
  readonly width: number;
  readonly height: number;
  /** Beside the graph in a wide panel, below it in others. */
  readonly beside: boolean;
  readonly children: ReactNode;
}

/** Scrolls by itself; the bar at its border is dragged, or moved with the arrow keys. */
export function DetailsArea({ width, height, beside, children }: DetailsAreaProps) {
  const side = beside ? 'beside' : 'below';
  const whole = beside ? width : height;
  const most = Math.max(LEAST, Math.round(whole * (1 - GRAPH_SHARE)));
  const [, setCount] = useState(0);
  const fitting = beside ? Math.min(440, whole * 0.4) : whole * (whole < LOW ? 0.32 : 0.4);
  const clamp = (size: number) => Math.round(Math.max(LEAST, Math.min(most, size)));
  const size = clamp(sizes[side] || fitting);
  const change = (next: number) => {
    sizes[side] = clamp(next);
    setCount((count) => count + 1);
  };
  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    const bar = event.currentTarget;
    const start = beside ? event.clientX : event.clientY;
    bar.setPointerCapture(event.pointerId);
    const move = (moved: globalThis.PointerEvent) => change(size + start - (beside ? moved.clientX : moved.clientY));
    const end = () => {
      bar.removeEventListener('pointermove', move);
      bar.removeEventListener('pointerup', end);
      bar.removeEventListener('pointercancel', end);
    };
    bar.addEventListener('pointermove', move);
    bar.addEventListener('pointerup', end);
    bar.addEventListener('pointercancel', end);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === (beside ? 'ArrowLeft' : 'ArrowUp')) change(size + STEP);
    else if (event.key === (beside ? 'ArrowRight' : 'ArrowDown')) change(size - STEP);
    else if (event.key === 'Home') change(LEAST);
    else if (event.key === 'End') change(most);
    else return;
    event.preventDefault();
  };
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a separator that moves is a widget, which <hr> is not */}
      <div
        className={`details-bar ${side}`}
        role="separator"
        tabIndex={0}
        aria-label={texts.size}
        aria-orientation={beside ? 'vertical' : 'horizontal'}
        aria-valuenow={size}
        aria-valuemin={LEAST}
        aria-valuemax={most}
        onPointerDown={onPointerDown}
        onKeyDown={onKeyDown}
      />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also where it holds nothing that takes the focus */}
      <section className="details" aria-label={texts.title} tabIndex={0} style={beside ? { width: size } : { height: size }}>
        {children}
      </section>
    </>
  );
}

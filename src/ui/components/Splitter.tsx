import type { KeyboardEvent, PointerEvent } from 'react';
import './splitter.css';

interface SplitterProps {
  readonly label: string;
  readonly orientation: 'vertical' | 'horizontal';
  /** Present size in pixels of the part that the splitter sizes. */
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** 1 where dragging right or down makes that part larger, -1 where it makes it smaller. */
  readonly direction: 1 | -1;
  onChange(value: number): void;
}

const STEP = 16;

/** A bar between two panels: drag it, or focus it and use the arrow keys. */
export function Splitter({ label, orientation, value, min, max, direction, onChange }: SplitterProps) {
  const clamp = (next: number) => Math.max(min, Math.min(max, next));
  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    const target = event.currentTarget;
    const at = orientation === 'vertical' ? event.clientX : event.clientY;
    target.setPointerCapture(event.pointerId);
    const move = (moved: globalThis.PointerEvent) => {
      const now = orientation === 'vertical' ? moved.clientX : moved.clientY;
      onChange(clamp(value + (now - at) * direction));
    };
    const up = () => {
      target.removeEventListener('pointermove', move);
      target.removeEventListener('pointerup', up);
      target.removeEventListener('pointercancel', up);
    };
    target.addEventListener('pointermove', move);
    target.addEventListener('pointerup', up);
    target.addEventListener('pointercancel', up);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const forward = orientation === 'vertical' ? 'ArrowRight' : 'ArrowDown';
    const back = orientation === 'vertical' ? 'ArrowLeft' : 'ArrowUp';
    if (event.key === forward) onChange(clamp(value + STEP * direction));
    else if (event.key === back) onChange(clamp(value - STEP * direction));
    else if (event.key === 'Home') onChange(min);
    else if (event.key === 'End') onChange(max);
    else return;
    event.preventDefault();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a focusable separator is a widget, which <hr> is not
    <div
      className={`splitter ${orientation}`}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={orientation}
      aria-valuenow={Math.round(value)}
      aria-valuemin={min}
      aria-valuemax={Math.round(max)}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
    />
  );
}

import { type HTMLAttributes, type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from 'react';
import { ask, selectCommand, useAccelerator } from '../../../workbench/accelerator.ts';
import type { TimelineWindow } from '../../../workbench/accelerator-views.ts';
import { useCommandHandler } from '../../commands.ts';
import { useWidth } from '../../components/useWidth.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { useTheme } from '../../theme/useTheme.ts';
import { timeText } from '../format.ts';
import { useLatest } from '../useLatest.ts';
import { commandAt, HEIGHT, type Painting, paintTimeline, type View } from './paint.ts';

const { timeline: texts } = accelerator;
/** Least span on show: where single nanoseconds can be seen. */
const LEAST_NS = 40;

/**
 * Engine above, units below, on the device's clock. Drag to move, wheel or + and − to look closer, arrows from command to command; what is in view is asked
 * of the worker, which answers with single bars or, where there are too many, with shares.
 */
export function Timeline() {
  const { ref, width } = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const snapshot = useAccelerator((state) => state.snapshot);
  const selected = useAccelerator((state) => state.selected);
  const theme = useTheme((state) => state.effective);
  const contrast = useTheme((state) => state.contrast);
  const [own, setView] = useState<View | null>(null);
  const [data, setData] = useState<TimelineWindow | null>(null);
  const grip = useRef<{ readonly x: number; readonly view: View; moved: boolean } | null>(null);
  const end = Math.max(LEAST_NS, data?.endNs ?? 0, snapshot?.nowNs ?? 0);
  const view: View = own ?? { from: 0, to: end };
  const last = (snapshot?.rows ?? 0) - 1;
  const version = snapshot?.version ?? 0;

  const load = useLatest(async () => {
    if (width === 0) return;
    setData(await ask<TimelineWindow>('window', { fromNs: own?.from ?? 0, toNs: own?.to ?? null, steps: Math.ceil(width / 2) }));
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: asks anew for each of these
  useEffect(load, [load, version, own, width]);

  const painting: Painting | null = data && width > 0 ? { data, view, width, selected, lanes: texts.lanes } : null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: colours come from the theme
  useEffect(() => {
    const element = canvas.current;
    const ctx = element?.getContext('2d');
    if (!element || !ctx || !painting) return;
    const ratio = window.devicePixelRatio;
    element.width = width * ratio;
    element.height = HEIGHT * ratio;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(element);
    const known = new Map<string, string>();
    paintTimeline(ctx, painting, (name) => {
      const held = known.get(name) ?? style.getPropertyValue(`--${name}`).trim();
      known.set(name, held);
      return held;
    });
  }, [painting?.data, view.from, view.to, width, selected, theme, contrast]);

  const zoom = (factor: number, at = 0.5) => {
    const span = Math.max(LEAST_NS, Math.min(end, (view.to - view.from) * factor));
    const from = Math.max(0, Math.min(end - span, view.from + (view.to - view.from - span) * at));
    setView(span >= end ? null : { from, to: from + span });
  };
  const pan = (share: number) => {
    const span = view.to - view.from;
    const from = Math.max(0, Math.min(end - span, view.from + share * span));
    if (span < end) setView({ from, to: from + span });
  };
  useCommandHandler('accel-timeline.fit', () => setView(null));

  // React listens to wheels passively: the page would scroll as well.
  const zoomed = useRef(zoom);
  useEffect(() => {
    zoomed.current = zoom;
  });
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      zoomed.current(2 ** (event.deltaY / 240), (event.clientX - box.left) / box.width);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, []);

  /** Shows where a command is. */
  const follow = (seq: number) => {
    selectCommand(seq);
    void ask<readonly [number, number] | null>('spanOf', { seq }).then((span) => {
      if (!span || !own) return;
      const wide = own.to - own.from;
      if (span[0] < own.from || span[1] > own.to) {
        const from = Math.max(0, (span[0] + span[1] - wide) / 2);
        setView({ from, to: from + wide });
      }
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 100, PageUp: -100 }[event.key];
    if (step !== undefined) follow(Math.max(0, Math.min(last, (selected ?? -1) + step)));
    else if (event.key === 'Home') follow(0);
    else if (event.key === 'End') follow(last);
    else if (event.key === '+' || event.key === '=') zoom(0.5);
    else if (event.key === '-') zoom(2);
    else if (event.key === 'ArrowDown') pan(0.25);
    else if (event.key === 'ArrowUp') pan(-0.25);
    else return;
    event.preventDefault();
  };
  const onPointerMove = (event: PointerEvent) => {
    const held = grip.current;
    if (!held || width === 0) return;
    const by = event.clientX - held.x;
    if (Math.abs(by) < 3 && !held.moved) return;
    held.moved = true;
    const span = held.view.to - held.view.from;
    if (span >= end) return;
    const from = Math.max(0, Math.min(end - span, held.view.from - (by / width) * span));
    setView({ from, to: from + span });
  };
  const attributes: HTMLAttributes<HTMLDivElement> = {
    role: 'slider',
    tabIndex: 0,
    'aria-label': texts.canvas,
    'aria-valuemin': 0,
    'aria-valuemax': Math.max(0, last),
    'aria-valuenow': Math.max(0, selected ?? 0),
    'aria-valuetext': texts.canvasText(selected, timeText(view.from), timeText(view.to)),
    onKeyDown,
  };
  return (
    <div ref={ref} className="accel-timeline">
      <div {...attributes} data-testid="accel-timeline">
        <canvas
          ref={canvas}
          style={{ height: HEIGHT }}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            grip.current = { x: event.clientX, view, moved: false };
          }}
          onPointerMove={onPointerMove}
          onPointerUp={(event) => {
            const held = grip.current;
            grip.current = null;
            if (!held || held.moved || !painting) return;
            const box = event.currentTarget.getBoundingClientRect();
            const seq = commandAt(painting, event.clientX - box.left, event.clientY - box.top);
            if (seq !== null) selectCommand(seq);
          }}
        />
      </div>
      <div className="accel-zoom">
        <button type="button" className="button small bordered" onClick={() => zoom(2)} aria-label={texts.zoomOut} title={texts.zoomOut}>
          {texts.minus}
        </button>
        <button type="button" className="button small bordered" onClick={() => zoom(0.5)} aria-label={texts.zoomIn} title={texts.zoomIn}>
          {texts.plus}
        </button>
        <button type="button" className="button small bordered" onClick={() => setView(null)} title={texts.fitAbout}>
          {texts.fit}
        </button>
      </div>
    </div>
  );
}

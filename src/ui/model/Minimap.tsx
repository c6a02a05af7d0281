import { type PointerEvent, type Ref, useEffect, useRef } from 'react';
import { CHANGE_COLOURS } from './changes.ts';
import { heatOf } from './measure.ts';
import type { Marks, Palette, View } from './paint.ts';
import type { Scene } from './scene.ts';
import { useSize } from './useSize.ts';

const WIDTH = 40;

/** Heights of the maps on the page. */
const heights = new WeakMap<Element, number>();

interface MinimapProps {
  readonly scene: Scene;
  readonly marks: Marks;
  readonly palette: Palette;
  /** The frame that shows which part is in view; moved without React while panning. */
  readonly frame: Ref<HTMLDivElement>;
  readonly onMove: (share: number) => void;
}

/** The whole graph as a strip, each operator a line in its family's colour; width and height have scales of their own. */
export function Minimap({ scene, marks, palette, frame, onMove }: MinimapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { ref, height: tall } = useSize();
  useEffect(() => {
    const element = canvas.current;
    const ctx = element?.getContext('2d');
    if (!element || !ctx || tall === 0) return;
    const height = tall;
    heights.set(element.parentElement!, height);
    const ratio = window.devicePixelRatio;
    element.width = WIDTH * ratio;
    element.height = height * ratio;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { bounds } = scene.layout;
    const scaleX = WIDTH / (bounds.maxX - bounds.minX);
    const scaleY = height / (bounds.maxY - bounds.minY);
    scene.visible.nodes.forEach((node, at) => {
      const family = scene.stripes[at]![0]?.family;
      const marked = at === marks.active || marks.hits.has(at);
      const heat = marks.measure.heat ? (heatOf(marks.measure, at)?.fill ?? palette.colour('line')) : null;
      const change = marks.changes?.[at];
      if (change && !marked) ctx.fillStyle = palette.colour(CHANGE_COLOURS[change.state]);
      else ctx.fillStyle = marked || heat === null ? palette.colour(marked ? 'accent' : family ? `f-${family}` : 'line-strong') : heat;
      const tall = Math.max(marked ? 2 : 0.6, node.height * scaleY);
      const x = marked ? 0 : (scene.layout.x[at]! - node.width / 2 - bounds.minX) * scaleX;
      ctx.fillRect(
        x,
        (scene.layout.y[at]! - node.height / 2 - bounds.minY) * scaleY,
        marked ? WIDTH : Math.max(2, node.width * scaleX),
        tall,
      );
    });
  }, [scene, marks, palette, tall]);
  const move = (event: PointerEvent<HTMLDivElement>) => {
    if (event.buttons !== 1) return;
    const box = event.currentTarget.getBoundingClientRect();
    onMove((event.clientY - box.top) / box.height);
  };
  return (
    <div
      ref={ref}
      className="graph-map"
      aria-hidden="true"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        move(event);
      }}
      onPointerMove={move}
    >
      <canvas ref={canvas} />
      <div ref={frame} className="graph-map-frame" />
    </div>
  );
}

/** Moves the minimap's frame to what `view` shows. */
export function placeFrame(frame: HTMLDivElement | null, scene: Scene, view: View): void {
  const map = frame?.parentElement;
  // Asking the map itself would make the page lay out again for every frame of a pan.
  const tall = map && heights.get(map);
  if (!frame || !tall) return;
  const { minY, maxY } = scene.layout.bounds;
  const scale = tall / (maxY - minY);
  const top = Math.max(0, (-view.y / view.k - minY) * scale);
  const bottom = Math.min(tall, ((view.height - view.y) / view.k - minY) * scale);
  frame.style.transform = `translateY(${Math.min(top, tall - 4)}px)`;
  frame.style.height = `${Math.max(4, bottom - top)}px`;
}

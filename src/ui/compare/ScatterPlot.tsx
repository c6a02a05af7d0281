import { scaleLinear } from 'd3-scale';
import { type PointerEvent, useEffect, useRef } from 'react';
import type { Scatter } from '../../workbench/comparison.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { compare as texts } from '../texts/compare.ts';
import { useTheme } from '../theme/useTheme.ts';
import { BOTTOM, LEFT, SCATTER_BOX, SIZE } from './scatter-box.ts';

const PAD = 6;
const REACH = 8;

/** Reference across, program up: agreement is the diagonal. Drawn on a canvas, since a trace may hold many thousand events. */
export default function ScatterPlot({ scatter, threshold }: { scatter: Scatter; threshold: number | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme((state) => state.effective);
  const packet = useWorkbench((state) => (state.selection?.kind === 'packet' ? Number(state.selection.id) : -1));
  const domain = domainOf(scatter);
  const x = scaleLinear(domain, [LEFT, SIZE + LEFT - PAD]);
  const y = scaleLinear(domain, [SIZE - PAD, PAD]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides the colours that the drawing reads from the page
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const density = window.devicePixelRatio || 1;
    element.width = (SIZE + LEFT) * density;
    element.height = (SIZE + BOTTOM) * density;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, SIZE + LEFT, SIZE + BOTTOM);
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(name);
    context.lineWidth = 1;
    context.strokeStyle = colour('--line');
    context.strokeRect(LEFT + 0.5, PAD - 0.5, SIZE - PAD, SIZE - 2 * PAD + 1);
    context.beginPath();
    context.moveTo(x(domain[0]), y(domain[0]));
    context.lineTo(x(domain[1]), y(domain[1]));
    context.stroke();
    if (threshold !== null && scatter.quantity === 'score') {
      context.strokeStyle = colour('--line-strong');
      context.setLineDash([3, 3]);
      context.beginPath();
      context.moveTo(x(threshold), y(domain[0]));
      context.lineTo(x(threshold), y(domain[1]));
      context.moveTo(x(domain[0]), y(threshold));
      context.lineTo(x(domain[1]), y(threshold));
      context.stroke();
      context.setLineDash([]);
    }
    const dot = (at: number, radius: number) => {
      context.beginPath();
      context.arc(x(scatter.reference[at]!), y(scatter.program[at]!), radius, 0, 7);
      context.fill();
    };
    context.fillStyle = colour('--f-linear');
    context.globalAlpha = 0.45;
    for (let at = 0; at < scatter.event.length; at++) if (scatter.agrees[at]) dot(at, 1.5);
    context.globalAlpha = 1;
    context.strokeStyle = colour('--div-pos');
    for (let at = 0; at < scatter.event.length; at++) {
      if (scatter.agrees[at]) continue;
      const [cx, cy] = [x(scatter.reference[at]!), y(scatter.program[at]!)];
      context.beginPath();
      context.moveTo(cx - 3, cy - 3);
      context.lineTo(cx + 3, cy + 3);
      context.moveTo(cx - 3, cy + 3);
      context.lineTo(cx + 3, cy - 3);
      context.stroke();
    }
    context.fillStyle = colour('--accent');
    for (let at = 0; at < scatter.event.length; at++) if (scatter.event[at] === packet) dot(at, 4);
    context.fillStyle = colour('--muted');
    context.font = `11px ${style.fontFamily}`;
    const ticks = x.ticks(3);
    const text = x.tickFormat(3);
    context.textAlign = 'center';
    for (const tick of ticks) context.fillText(text(tick), Math.min(x(tick), SIZE + LEFT - 12), SIZE + 8);
    context.fillText(texts.axis, LEFT + SIZE / 2, SIZE + 24);
    context.textAlign = 'right';
    for (const tick of ticks) context.fillText(text(tick), LEFT - 4, y(tick) + 4);
    context.save();
    context.translate(9, SIZE / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = 'center';
    context.fillText(texts.program, 0, 0);
    context.restore();
  }, [scatter, threshold, theme, packet]);

  const onPointerDown = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    let nearest = -1;
    let distance = REACH * REACH;
    for (let at = 0; at < scatter.event.length; at++) {
      const dx = x(scatter.reference[at]!) - (event.clientX - box.left);
      const dy = y(scatter.program[at]!) - (event.clientY - box.top);
      if (dx * dx + dy * dy < distance) {
        distance = dx * dx + dy * dy;
        nearest = at;
      }
    }
    if (nearest >= 0) select('packet', scatter.event[nearest]!);
  };

  let differ = 0;
  for (const agrees of scatter.agrees) if (!agrees) differ++;
  return (
    <canvas
      ref={canvas}
      className="scatter"
      style={SCATTER_BOX}
      role="img"
      aria-label={texts.scatter(scatter.event.length, texts.scatterQuantity[scatter.quantity], differ)}
      onPointerDown={onPointerDown}
    />
  );
}

function domainOf(scatter: Scatter): [number, number] {
  if (scatter.quantity === 'score') return [0, 1];
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const column of [scatter.reference, scatter.program]) {
    for (const value of column) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!(low < high)) return [low - 1 || -1, high + 1 || 1];
  const [from, to] = scaleLinear([low, high], [0, 1]).nice(4).domain();
  return [from!, to!];
}

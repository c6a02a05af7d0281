import { type RefObject, useEffect, useState } from 'react';
import { type Measure, spokenValue } from './measure.ts';
import type { View } from './paint.ts';
import { nameOf, type Scene, tensorText } from './scene.ts';

interface HoverNoteProps {
  readonly box: RefObject<HTMLDivElement | null>;
  readonly scene: Scene;
  readonly view: () => View;
  /** Nodes carry their own titles where they are elements. */
  readonly nodes: boolean;
  readonly measure: Measure;
}

interface Note {
  readonly x: number;
  readonly y: number;
  readonly lines: readonly string[];
}

const REACH_PX = 5;
/** Between the pointer and the note. */
const GAP = 12;
const MOST_TENSORS = 4;

/** What lies under the pointer: the tensors of an edge with shape, dtype and bytes; on a canvas also nodes. */
export function HoverNote({ box, scene, view, nodes, measure }: HoverNoteProps) {
  const [note, setNote] = useState<Note | null>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let frame = 0;
    const move = (event: PointerEvent) => {
      cancelAnimationFrame(frame);
      if (event.buttons !== 0) {
        setNote(null);
        return;
      }
      const rect = element.getBoundingClientRect();
      const x = event.clientX - rect.left;
      const y = event.clientY - rect.top;
      frame = requestAnimationFrame(() => {
        const lines = linesAt(scene, view(), x, y, nodes ? measure : null);
        setNote(lines ? { x, y, lines } : null);
      });
    };
    const leave = () => {
      cancelAnimationFrame(frame);
      setNote(null);
    };
    element.addEventListener('pointermove', move);
    element.addEventListener('pointerleave', leave);
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener('pointermove', move);
      element.removeEventListener('pointerleave', leave);
    };
  }, [box, scene, view, nodes, measure]);
  if (!note) return null;
  const { width, height } = view();
  const right = note.x > width / 2;
  const room = { maxWidth: (right ? note.x : width - note.x) - GAP - 4 };
  const side = right ? { right: width - note.x + GAP } : { left: note.x + GAP };
  const end = note.y > height / 2 ? { bottom: height - note.y + 8 } : { top: note.y + 8 };
  return (
    <div className="graph-note small" style={{ ...room, ...side, ...end }} aria-hidden="true">
      {note.lines.map((text) => (
        <div key={text} className="ellipsis">
          {text}
        </div>
      ))}
    </div>
  );
}

/** The node of the drawing at a place on the screen. */
export function nodeAt(scene: Scene, { x, y, k }: View, screenX: number, screenY: number): number {
  const px = (screenX - x) / k;
  const py = (screenY - y) / k;
  return scene.nodesIn({ minX: px, maxX: px, minY: py, maxY: py })[0] ?? -1;
}

function linesAt(scene: Scene, view: View, x: number, y: number, measure: Measure | null): readonly string[] | null {
  const { visible } = scene;
  const at = nodeAt(scene, view, x, y);
  if (at >= 0) return measure ? nameOf(visible, at, spokenValue(measure, at)).split(', ') : null;
  const edge = edgeAt(scene, view, x, y);
  if (edge < 0) return null;
  const { tensors, bytes } = visible.edges[edge]!;
  const lines = tensors.slice(0, MOST_TENSORS).map((name) => {
    const source = visible.graph.edges.find((candidate) => candidate.tensor === name);
    const text = source ? tensorText(visible.graph, name, source.from) : '';
    return text === '' ? name : `${text} · ${name}`;
  });
  if (tensors.length > MOST_TENSORS) lines.push(`and ${tensors.length - MOST_TENSORS} more tensors`);
  return [...lines, bytes === 0 ? 'size not known' : `${bytes.toLocaleString('en')} bytes`];
}

function edgeAt(scene: Scene, { x, y, k }: View, screenX: number, screenY: number): number {
  const px = (screenX - x) / k;
  const py = (screenY - y) / k;
  const reach = REACH_PX / k;
  const { points, pointStart } = scene.layout;
  let best = -1;
  let nearest = reach;
  for (const edge of scene.edgesIn({ minX: px - reach, maxX: px + reach, minY: py - reach, maxY: py + reach })) {
    for (let at = pointStart[edge]!; at + 1 < pointStart[edge + 1]!; at++) {
      const far = distance(px, py, points[2 * at]!, points[2 * at + 1]!, points[2 * at + 2]!, points[2 * at + 3]!);
      if (far < nearest) {
        nearest = far;
        best = edge;
      }
    }
  }
  return best;
}

/** From a point to a stretch of a line. */
function distance(px: number, py: number, x0: number, y0: number, x1: number, y1: number): number {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const along = dx === 0 && dy === 0 ? 0 : Math.max(0, Math.min(1, ((px - x0) * dx + (py - y0) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(px - x0 - along * dx, py - y0 - along * dy);
}

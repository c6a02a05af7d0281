import { type RefObject, useEffect, useState } from 'react';
import { graph as texts } from '../texts/model.ts';
import { edgeAt, edgePath, nodeAt } from './edges.ts';
import { shapeText } from './graph-model.ts';
import { type Measure, spokenValue } from './measure.ts';
import type { View } from './paint.ts';
import { edgeWidth, nameOf, type Scene } from './scene.ts';
import { formatReal, integerText, type TensorTable } from './tensors.ts';

interface HoverNoteProps {
  readonly box: RefObject<HTMLDivElement | null>;
  readonly scene: Scene;
  readonly table: TensorTable;
  readonly view: () => View;
  /** Nodes carry their own titles where they are elements. */
  readonly nodes: boolean;
  readonly measure: Measure;
}

interface Note {
  readonly x: number;
  readonly y: number;
  readonly edge: number;
  readonly at: View;
  readonly lines: readonly string[];
}

/** Between the pointer and the note. */
const GAP = 12;
const MOST_TENSORS = 4;

/** What lies under the pointer: the tensors of an edge, which is marked; on a canvas also nodes. */
export default function HoverNote({ box, scene, table, view, nodes, measure }: HoverNoteProps) {
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
      const { clientX, clientY } = event;
      frame = requestAnimationFrame(() => {
        const rect = element.getBoundingClientRect();
        const at = view();
        const [x, y] = [clientX - rect.left, clientY - rect.top];
        const node = nodeAt(scene, at, x, y);
        const edge = node >= 0 ? -1 : edgeAt(scene, at, x, y);
        let lines: readonly string[] = [];
        if (edge >= 0) lines = linesOf(scene, table, edge);
        else if (node >= 0 && nodes) lines = nameOf(scene.visible, node, spokenValue(measure, node)).split(', ');
        setNote(lines.length > 0 ? { x, y, edge, at, lines } : null);
        element.classList.toggle('on-edge', edge >= 0);
      });
    };
    const leave = () => {
      cancelAnimationFrame(frame);
      setNote(null);
    };
    const events = ['pointerleave', 'wheel', 'pointerdown'] as const;
    element.addEventListener('pointermove', move);
    for (const name of events) element.addEventListener(name, leave, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      element.removeEventListener('pointermove', move);
      for (const name of events) element.removeEventListener(name, leave);
    };
  }, [box, scene, table, view, nodes, measure]);
  if (!note) return null;
  const { width, height, ...at } = note.at;
  const right = note.x > width / 2;
  const room = { maxWidth: (right ? note.x : width - note.x) - GAP - 4 };
  const side = right ? { right: width - note.x + GAP } : { left: note.x + GAP };
  const end = note.y > height / 2 ? { bottom: height - note.y + 8 } : { top: note.y + 8 };
  return (
    <>
      {note.edge >= 0 && note.edge < scene.visible.edges.length ? (
        <svg className="graph-hovered" aria-hidden="true">
          <g transform={`translate(${at.x} ${at.y}) scale(${at.k})`}>
            <path d={edgePath(scene, note.edge)} strokeWidth={edgeWidth(scene.visible.edges[note.edge]!.bytes) + 1} />
          </g>
        </svg>
      ) : null}
      <div className="graph-note small" style={{ ...room, ...side, ...end }} aria-hidden="true">
        {note.lines.map((text) => (
          <div key={text} className="ellipsis">
            {text}
          </div>
        ))}
      </div>
    </>
  );
}

/** The tensors of an edge: name, shape and dtype, and what is known of the integers. */
function linesOf({ visible }: Scene, table: TensorTable, edge: number): readonly string[] {
  const { tensors, bytes } = visible.edges[edge]!;
  const lines = tensors.slice(0, MOST_TENSORS).flatMap((name) => {
    const info = table.get(name);
    if (!info) return [name];
    const facts = [shapeText(info.dims, info.dtype), integerText(info)].filter((fact) => fact !== null);
    return [name, `${tensors.length > 1 ? '  ' : ''}${facts.join(' · ')}`];
  });
  const [only] = tensors;
  const range = tensors.length === 1 ? table.get(only!)?.range : undefined;
  if (range) lines.push(texts.range(formatReal(range.min), formatReal(range.max)));
  if (tensors.length > MOST_TENSORS) lines.push(texts.moreTensors(tensors.length - MOST_TENSORS));
  return [...lines, bytes === 0 ? texts.sizeUnknown : texts.bytes(bytes.toLocaleString('en'))];
}

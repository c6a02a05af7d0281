import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { editPacketByte, revertPacket } from '../../workbench/actions.ts';
import { formatScore, scoreAt, verdictName } from '../../workbench/selectors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { PacketTraceView } from '../../workbench/views.ts';
import { useWidth } from '../components/useWidth.ts';
import { packetBytes, packetFields, tokenRange } from './packet-info.ts';

/** Bytes a row: as many as fit. */
const WIDE = 16;
const NARperRow = 8;
const WIDE_FROM_PX = 410;
const hex = (byte: number) => byte.toString(16).padStart(2, '0');
const printable = (byte: number) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·');

/**
 * The bytes of one packet, those that become tokens marked. Type two hex digits, or a character in the text column's mode, to
 * change the byte under the cursor: the packet is scored again at once.
 */
export function BytesView({ trace, packet }: { trace: PacketTraceView; packet: number }) {
  const edits = useWorkbench((state) => state.history.doc.edits);
  const binding = useWorkbench((state) => state.history.doc.binding);
  const replay = useWorkbench((state) => state.stages.replay.value);
  const reference = useWorkbench((state) => state.stages.reference.value);
  const overlay = useWorkbench((state) => state.overlay);
  const bytes = useMemo(() => packetBytes(trace, packet, edits), [trace, packet, edits]);
  const original = useMemo(() => packetBytes(trace, packet, []), [trace, packet]);
  const tokens = useMemo(() => tokenRange(original, binding), [original, binding]);
  const fields = useMemo(() => packetFields(original), [original]);
  const [at, setAt] = useState<number | null>(null);
  const [high, setHigh] = useState<number | null>(null);
  const [column, setColumn] = useState<'hex' | 'text'>('hex');
  const grid = useRef<HTMLTableElement>(null);
  const { ref: box, width } = useWidth();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another packet starts over, whatever the present one's number
  useEffect(() => setAt(null), [packet]);
  const perRow = width >= WIDE_FROM_PX ? WIDE : NARperRow;
  // Until the user goes elsewhere, the first byte that the model sees.
  const cursor = Math.min(at ?? tokens?.from ?? 0, Math.max(0, bytes.length - 1));
  const edited = edits.some((edit) => edit.packet === packet);
  const mine = scoreAt(replay, overlay.program, packet);
  const theirs = scoreAt(reference, overlay.reference, packet);

  const move = (to: number, side = column) => {
    const next = Math.max(0, Math.min(bytes.length - 1, to));
    setHigh(null);
    setAt(next);
    setColumn(side);
    requestAnimationFrame(() => grid.current?.querySelector<HTMLElement>(`[data-cell="${side}-${next}"]`)?.focus());
  };
  const write = (value: number) => {
    editPacketByte(packet, cursor, value);
    setHigh(null);
    move(cursor + 1);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow };
    if (event.key in steps) move(cursor + steps[event.key]!);
    else if (event.key === 'Home') move(cursor - (cursor % perRow));
    else if (event.key === 'End') move(cursor - (cursor % perRow) + perRow - 1);
    else if (event.key === 'Escape') setHigh(null);
    else if (column === 'text' && event.key.length === 1 && event.key.charCodeAt(0) < 0x7f) write(event.key.charCodeAt(0));
    else if (column === 'hex' && /^[0-9a-f]$/i.test(event.key)) {
      const digit = Number.parseInt(event.key, 16);
      if (high === null) setHigh(digit);
      else write(high * 16 + digit);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const rows = Math.ceil(bytes.length / perRow);
  const cell = (side: 'hex' | 'text', i: number) => {
    const changed = bytes[i] !== original[i];
    const token = tokens && i >= tokens.from && i < tokens.to;
    const here = i === cursor && column === side;
    return (
      // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the grid
      <td
        key={i}
        data-cell={`${side}-${i}`}
        tabIndex={here ? 0 : -1}
        className={`${token ? 'token' : ''}${changed ? ' changed' : ''}${i === cursor ? ' cursor' : ''}`}
        title={fieldAt(fields, i)}
        onClick={() => move(i, side)}
        aria-label={`byte ${i}, ${hex(bytes[i]!)}${token ? ', token' : ''}${changed ? ', changed' : ''}`}
      >
        {side === 'text' ? printable(bytes[i]!) : here && high !== null ? `${high.toString(16)}_` : hex(bytes[i]!)}
      </td>
    );
  };
  return (
    <div className="bytes" data-testid="bytes" ref={box}>
      <div className="bytes-head">
        <p>
          Packet {packet + 1} · {bytes.length} B
          {tokens ? ` · ${tokens.to - tokens.from} of ${tokens.length} tokens` : ' · no payload for this binding'}
        </p>
        <p aria-live="polite" data-testid="packet-score">
          {mine ? (
            <>
              <span className={`v-${verdictName(mine.verdict)}`}>{verdictName(mine.verdict)}</span> {formatScore(mine.score)}
              {theirs ? <span className="muted"> · reference {formatScore(theirs.score)}</span> : null}
            </>
          ) : null}
        </p>
        {edited ? (
          <button type="button" className="button small" onClick={() => revertPacket(packet)}>
            Revert bytes
          </button>
        ) : null}
      </div>
      <div className="bytes-scroll">
        <table
          className="bytes-grid mono"
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: the ARIA grid pattern over a table
          role="grid"
          aria-label={`Bytes of packet ${packet + 1}; type hex digits to change one`}
          ref={grid}
          onKeyDown={onKeyDown}
        >
          <tbody>
            {Array.from({ length: rows }, (_, row) => {
              const from = row * perRow;
              const inRow = Array.from({ length: Math.min(perRow, bytes.length - from) }, (_, i) => from + i);
              return (
                <tr key={row}>
                  <th scope="row">{from.toString(16).padStart(4, '0')}</th>
                  {inRow.map((i) => cell('hex', i))}
                  {inRow.length < perRow ? <td colSpan={perRow - inRow.length} aria-hidden="true" /> : null}
                  <td className="bytes-gap" aria-hidden="true" />
                  {inRow.map((i) => cell('text', i))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <ul className="fields small">
        {fields.map((field) => (
          <li key={field.from}>
            <span className="muted">{field.layer}</span> {field.text}
          </li>
        ))}
      </ul>
    </div>
  );
}

function fieldAt(fields: readonly { from: number; to: number; layer: string; text: string }[], byteOff: number): string {
  const field = fields.find((candidate) => byteOff >= candidate.from && byteOff < candidate.to);
  return field ? `${field.layer}: ${field.text}` : 'payload';
}

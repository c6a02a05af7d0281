import { type KeyboardEvent, Suspense, useMemo, useRef, useState } from 'react';
import { editPacketByte, revertPacket } from '../../workbench/actions.ts';
import { useRelations } from '../../workbench/current-relations.ts';
import { useRelatedElements } from '../../workbench/element-relations.ts';
import { frameOf, useFrames } from '../../workbench/frames.ts';
import { editedPacket } from '../../workbench/pipeline.ts';
import { inRanges, NO_RANGES } from '../../workbench/ranges.ts';
import { partId, splitPart } from '../../workbench/selection.ts';
import { formatCount, formatScore, scoreAt, verdictName } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { PacketTraceView } from '../../workbench/views.ts';
import { part } from '../components/part.tsx';
import { useWidth } from '../components/useWidth.ts';
import { trace } from '../texts/trace.ts';
import { packetFields, tokenRange } from './packet-info.ts';
import { selectedToken } from './token-row.ts';

const ByteFoot = part(() => import('./ByteFoot.tsx'));
const texts = trace.bytes;

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
export function BytesView({ trace: view, packet }: { trace: PacketTraceView; packet: number }) {
  const version = useFrames((state) => state.version);
  // biome-ignore lint/correctness/useExhaustiveDependencies: packets come from their file later
  const frame = useMemo(() => frameOf(view, packet), [view, packet, version]);
  return frame ? <Bytes packet={packet} original={frame} /> : <p className="bytes empty muted">{trace.packetComes(packet)}</p>;
}

function Bytes({ packet, original }: { packet: number; original: Uint8Array }) {
  const edits = useWorkbench((state) => state.history.doc.edits);
  const binding = useWorkbench((state) => state.history.doc.binding);
  const { value: replay, stale } = useWorkbench((state) => state.stages.replay);
  const reference = useWorkbench((state) => state.stages.reference.value);
  const overlay = useWorkbench((state) => state.overlay);
  const bytes = useMemo(() => editedPacket(original, edits, packet), [original, packet, edits]);
  const tokens = useMemo(() => tokenRange(original, binding), [original, binding]);
  const fields = useMemo(() => packetFields(original), [original]);
  const model = useWorkbench((state) => state.stages.model.value);
  const selection = useWorkbench((state) => state.selection);
  const at = useWorkbench((state) => byteOf(state.cursors.byte, packet));
  const { related } = useRelatedElements();
  const relations = useRelations();
  const [high, setHigh] = useState<number | null>(null);
  const [column, setColumn] = useState<'hex' | 'text'>('hex');
  const grid = useRef<HTMLTableElement>(null);
  const { ref: box, width } = useWidth();
  const perRow = width >= WIDE_FROM_PX ? WIDE : NARperRow;
  // Until the user goes elsewhere, the first byte that the model sees.
  const cursor = Math.min(at ?? tokens?.from ?? 0, Math.max(0, bytes.length - 1));
  const edited = edits.some((edit) => edit.packet === packet);
  const mine = scoreAt(replay, overlay.program, packet);
  const theirs = scoreAt(reference, overlay.reference, packet);

  const move = (to: number, side = column) => {
    const next = Math.max(0, Math.min(bytes.length - 1, to));
    setHigh(null);
    if (next !== at) select('byte', partId(packet, next));
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
  const input = tokens && binding?.input.kind === 'payload' ? (binding.input.tensor ?? model?.inputs[0]?.name) : undefined;
  // Tokens that what is selected depends on or stands for, and all that look up the selected row of an embedding.
  const own =
    selection?.kind === 'byte'
      ? NO_RANGES
      : relations.bytes?.packet === packet && selection?.kind !== 'packet'
        ? relations.bytes.bytes
        : NO_RANGES;
  const feeding = related.find((one) => one.tensor === input)?.ranges ?? NO_RANGES;
  const row = selectedToken(selection, model, input);
  const isRelated = (i: number): boolean =>
    tokens !== null && i >= tokens.from && i < tokens.to && (inRanges(own, i) || inRanges(feeding, i - tokens.from) || bytes[i] === row);
  let relatedCount = 0;
  if (tokens) for (let i = tokens.from; i < tokens.to; i++) if (isRelated(i)) relatedCount++;
  const cell = (side: 'hex' | 'text', i: number) => {
    const changed = bytes[i] !== original[i];
    const token = tokens && i >= tokens.from && i < tokens.to;
    const here = i === cursor && column === side;
    const relative = isRelated(i);
    return (
      // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the grid
      <td
        key={i}
        data-cell={`${side}-${i}`}
        tabIndex={here ? 0 : -1}
        className={`${token ? 'token' : ''}${relative ? ' related' : ''}${changed ? ' changed' : ''}${i === cursor ? ' cursor' : ''}`}
        title={fieldAt(fields, i)}
        onClick={() => move(i, side)}
        aria-label={texts.cell(i, bytes[i]!, token === true, relative, changed)}
      >
        {side === 'text' ? printable(bytes[i]!) : here && high !== null ? `${high.toString(16)}_` : hex(bytes[i]!)}
      </td>
    );
  };
  return (
    <div className="bytes" data-testid="bytes" ref={box}>
      <div className="bytes-head">
        <p>
          {texts.head(formatCount(packet + 1), formatCount(bytes.length))}
          {tokens ? texts.tokens(tokens.to - tokens.from, tokens.length) : texts.noTokens}
        </p>
        <p aria-live="polite" data-testid="packet-score" className={stale ? 'stale' : ''}>
          {mine ? (
            <>
              <span className={`v-${verdictName(mine.verdict)}`}>{verdictName(mine.verdict)}</span> {formatScore(mine.score)}
              {theirs ? <span className="muted">{texts.reference(formatScore(theirs.score))}</span> : null}
            </>
          ) : null}
        </p>
        {edited ? (
          <button type="button" className="button small" onClick={() => revertPacket(packet)}>
            {texts.revert}
          </button>
        ) : null}
      </div>
      <div className="bytes-scroll">
        <table
          className="bytes-grid mono"
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: the ARIA grid pattern over a table
          role="grid"
          aria-label={texts.grid(packet)}
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
      {bytes.length > 0 ? (
        <Suspense>
          <ByteFoot
            packet={packet}
            original={original}
            bytes={bytes}
            range={tokens}
            at={cursor}
            byte={bytes[cursor]!}
            tokens={tokens && input !== undefined ? { ...tokens, tensor: input } : null}
            related={relatedCount}
          />
        </Suspense>
      ) : null}
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
  return field ? `${field.layer}: ${field.text}` : texts.payload;
}

/** The byte of this packet that a cursor stands on; null where it stands in another packet. */
function byteOf(cursor: number | string | undefined, packet: number): number | null {
  const { whole, part } = splitPart(cursor ?? '');
  return whole === String(packet) ? part : null;
}

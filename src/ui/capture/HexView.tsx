import { useEffect, useRef } from 'react';
import type { PacketDetail, TreeItem } from '../../workbench/capture-views.ts';
import { useWidth } from '../components/useWidth.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { useStable } from '../program/useStable.ts';
import { capture as texts } from '../texts/capture.ts';

const printable = (byte: number) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·');
const WIDE_FROM_PX = 470;

interface HexViewProps {
  readonly detail: PacketDetail;
  readonly item: number;
  readonly onItem: (item: number) => void;
}

/** Bytes of the packet, or of the datagram that the chosen field lies in; choosing a byte chooses the smallest field around it. */
export function HexView({ detail, item, onItem }: HexViewProps) {
  const { items, sources } = detail;
  const chosen = items[item];
  const source = chosen?.source ?? 0;
  const bytes = sources[source] ?? new Uint8Array(0);
  const { ref, width } = useWidth();
  const perRow = width >= WIDE_FROM_PX ? 16 : 8;
  const from = chosen?.start ?? 0;
  const to = chosen ? chosen.start + chosen.length : 0;
  const rows = Math.ceil(bytes.length / perRow);
  const choose = (at: number) => {
    const field = fieldAround(items, source, at);
    if (field >= 0) onItem(field);
  };
  // Rows are options, which hold nothing to operate: a click on a byte chooses more exactly than its row, whose keys go by rows.
  const chooseByte = useStable((event: MouseEvent) => {
    const byte = (event.target as Element).closest<HTMLElement>('[data-byte]')?.dataset.byte;
    if (byte === undefined) return;
    event.stopPropagation();
    choose(Number(byte));
  });
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    element?.addEventListener('click', chooseByte, true);
    return () => element?.removeEventListener('click', chooseByte, true);
  }, [chooseByte]);
  return (
    <div className="capture-bytes" ref={box}>
      <div ref={ref} />
      <p className="small muted capture-bytes-head">{texts.bytesOf(source, bytes.length)}</p>
      <VirtualList
        className="mono"
        label={texts.bytes}
        count={rows}
        rowHeight={18}
        active={chosen ? Math.floor(from / perRow) : -1}
        onActivate={(row) => choose(row * perRow)}
      >
        {(row) => {
          const start = row * perRow;
          const shown = [...bytes.subarray(start, start + perRow)];
          const mark = (at: number) => (at >= from && at < to ? ' on' : '');
          return (
            <div className="hex-row">
              <span className="hex-offset muted">{start.toString(16).padStart(4, '0')}</span>
              <span className="hex-cells">
                {shown.map((byte, i) => (
                  <span key={i} className={`hex-cell${mark(start + i)}`} title={texts.byte(start + i, byte)} data-byte={start + i}>
                    {byte.toString(16).padStart(2, '0')}
                  </span>
                ))}
              </span>
              <span className="hex-text">
                {shown.map((byte, i) => (
                  <span key={i} className={`hex-char${mark(start + i)}`}>
                    {printable(byte)}
                  </span>
                ))}
              </span>
            </div>
          );
        }}
      </VirtualList>
    </div>
  );
}

/** The smallest field around a byte, of equal ones the innermost, which comes last; -1 without one. */
function fieldAround(items: readonly TreeItem[], source: number, byte: number): number {
  let found = -1;
  for (const [at, one] of items.entries()) {
    if (one.source !== source || byte < one.start || byte >= one.start + one.length) continue;
    if (found < 0 || one.length <= items[found]!.length) found = at;
  }
  return found;
}

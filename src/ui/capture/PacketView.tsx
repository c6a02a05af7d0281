import { useEffect, useState } from 'react';
import { type CaptureFile, packetDetail, packetRows } from '../../workbench/capture.ts';
import type { PacketDetail } from '../../workbench/capture-views.ts';
import { usePages } from '../components/usePages.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { capture as texts } from '../texts/capture.ts';
import { HexView } from './HexView.tsx';
import { noteLost, useOpen } from './open-file.ts';
import { PacketTree } from './PacketTree.tsx';

interface PacketViewProps {
  readonly file: CaptureFile;
  readonly filter: string;
  readonly count: number;
  readonly onFilter: (text: string) => void;
}

/** The list, and the packet at the cursor as tree and bytes; an item and its bytes are chosen together. */
export function PacketView({ file, filter, count, onFilter }: PacketViewProps) {
  const at = useOpen((state) => state.at);
  const row = usePages(`${file.key} ${filter}`, (from, to) => packetRows(file, filter, from, to).catch(noteLost));
  const [detail, setDetail] = useState<PacketDetail | null>(null);
  const [item, setItem] = useState(-1);
  const index = count > 0 ? row(at)?.index : undefined;
  useEffect(() => {
    if (index === undefined) return;
    let wanted = true;
    packetDetail(file, index)
      .catch(noteLost)
      .then(
        (found) => {
          if (!wanted) return;
          setDetail(found);
          setItem(-1);
        },
        () => undefined,
      );
    return () => {
      wanted = false;
    };
  }, [file, index]);
  if (count === 0) return <p className="empty muted">{texts.nonePass}</p>;
  return (
    <div className="capture-split">
      <div className="capture-list">
        <div className="capture-row capture-head small muted" aria-hidden="true">
          <span className="c-no">{texts.columns.number}</span>
          <span className="c-time">{texts.columns.time}</span>
          <span className="c-end">{texts.columns.source}</span>
          <span className="c-end">{texts.columns.destination}</span>
          <span className="c-protocol">{texts.columns.protocol}</span>
          <span className="c-length">{texts.columns.length}</span>
          <span className="c-info">{texts.columns.info}</span>
        </div>
        <VirtualList
          label={texts.list}
          count={count}
          rowHeight={20}
          active={Math.min(at, count - 1)}
          onActivate={(next) => useOpen.setState({ at: next })}
          rowClass={(i) => (i === at ? 'selected' : '')}
          rowLabel={(i) => {
            const one = row(i);
            return one ? texts.row(one.index, one.protocol, one.source, one.destination, one.info) : texts.loading;
          }}
        >
          {(i) => {
            const one = row(i);
            if (!one) return <div className="capture-row muted">{texts.loading}</div>;
            return (
              <div className="capture-row" data-packet={one.index} title={one.comment || undefined}>
                <span className="c-no">
                  {one.comment ? '✎ ' : ''}
                  {texts.number(one.index)}
                </span>
                <span className="c-time">{Number.isNaN(one.time) ? '' : one.time.toFixed(6)}</span>
                <span className="c-end ellipsis">{one.source}</span>
                <span className="c-end ellipsis">{one.destination}</span>
                <span className="c-protocol ellipsis">{one.protocol}</span>
                <span className="c-length">{texts.count(one.length)}</span>
                <span className="c-info ellipsis">{one.info}</span>
              </div>
            );
          }}
        </VirtualList>
      </div>
      <div className={detail && detail.index !== index ? 'capture-detail stale' : 'capture-detail'}>
        {detail ? (
          <>
            <div className="capture-fields">
              {detail.lines > detail.items.length ? (
                <p className="small capture-more">{texts.lines(detail.items.length, detail.lines)}</p>
              ) : null}
              <PacketTree detail={detail} item={item} onItem={setItem} onFilter={onFilter} />
            </div>
            <HexView detail={detail} item={item} onItem={setItem} />
          </>
        ) : null}
      </div>
    </div>
  );
}

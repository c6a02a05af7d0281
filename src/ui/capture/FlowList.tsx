import { useEffect, useState } from 'react';
import { type CaptureFile, flowRows, followFlows } from '../../workbench/capture.ts';
import type { FlowOrder } from '../../workbench/capture-views.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { usePages } from '../components/usePages.ts';
import { useTask } from '../components/useTask.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { capture as texts } from '../texts/capture.ts';

const ORDERS: readonly FlowOrder[] = ['first', 'packets', 'bytes'];

/** Conversations of TCP and UDP; choosing one filters the packets down to it. */
export function FlowList({ file, onFilter }: { file: CaptureFile; onFilter: (text: string) => void }) {
  const [count, setCount] = useState<number | null>(null);
  const [order, setOrder] = useState<FlowOrder>('first');
  const [at, setAt] = useState(-1);
  const task = useTask();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another file is followed once
  useEffect(() => {
    void task.run((options) => followFlows(file, options), setCount);
  }, [file]);
  const row = usePages(`${file.key} ${order} ${count}`, (from, to) => flowRows(file, order, from, to));
  if (task.error) return <ErrorNote error={task.error} />;
  if (count === null) return <Progress progress={task.progress} label={texts.following} onCancel={task.cancel} />;
  if (count === 0) return <p className="empty muted">{texts.noFlows}</p>;
  const choose = (i: number) => {
    setAt(i);
    const one = row(i);
    if (one) onFilter(`${one.protocol.toLowerCase()}.stream == ${one.stream}`);
  };
  return (
    <div className="capture-list">
      <label className="capture-order small">
        <span>{texts.order}</span>
        <select className="field" value={order} onChange={(event) => setOrder(event.target.value as FlowOrder)}>
          {ORDERS.map((one) => (
            <option key={one} value={one}>
              {texts.orders[one]}
            </option>
          ))}
        </select>
      </label>
      <div className="capture-row capture-head small muted" aria-hidden="true">
        <span className="c-protocol">{texts.columns.protocol}</span>
        <span className="c-info">{texts.columns.flow}</span>
        <span className="c-pair">
          <span>{texts.columns.packets}</span>
          <span>{texts.columns.back}</span>
        </span>
        <span className="c-pair">
          <span>{texts.columns.bytes}</span>
          <span>{texts.columns.back}</span>
        </span>
        <span className="c-time c-times">{texts.columns.from}</span>
        <span className="c-time c-times">{texts.columns.lasts}</span>
        <span className="c-state">{texts.columns.state}</span>
      </div>
      <VirtualList
        label={texts.flows}
        count={count}
        rowHeight={20}
        active={at}
        onActivate={choose}
        rowLabel={(i) => {
          const one = row(i);
          return one ? texts.flowRow(one.ends, one.protocol, one.packets[0] + one.packets[1]) : texts.loading;
        }}
      >
        {(i) => {
          const one = row(i);
          if (!one) return <div className="capture-row muted">{texts.loading}</div>;
          return (
            <div className="capture-row" data-flow={one.index}>
              <span className="c-protocol">{one.protocol}</span>
              <span className="c-info ellipsis">{one.ends}</span>
              <Pair of={one.packets} />
              <Pair of={one.bytes} />
              <span className="c-time c-times">{Number.isNaN(one.first) ? '' : one.first.toFixed(3)}</span>
              <span className="c-time c-times">{Number.isNaN(one.first) ? '' : (one.last - one.first).toFixed(3)}</span>
              <span className="c-state">{one.state}</span>
            </div>
          );
        }}
      </VirtualList>
    </div>
  );
}

/** What went there and what came back, each in a column of its own. */
function Pair({ of }: { of: readonly [number, number] }) {
  return (
    <span className="c-pair">
      <span>{texts.count(of[0])}</span>
      <span>{texts.count(of[1])}</span>
    </span>
  );
}

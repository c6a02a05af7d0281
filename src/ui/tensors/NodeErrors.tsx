import { DIVERGES, type NodeError } from '../../workbench/node-errors.ts';
import { select } from '../../workbench/store.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { familyColour, familyOf } from '../model/families.ts';
import { tensors as texts } from '../texts/tensors.ts';
import { percent } from './format.ts';

/** Bars are logarithmic: from a hundred thousandth of the range to all of it. */
const LEAST = 1e-5;

export function barShare(relative: number): number {
  return relative <= 0 ? 0 : Math.max(0.02, Math.min(1, Math.log10(relative / LEAST) / -Math.log10(LEAST)));
}

interface NodeErrorsProps {
  readonly rows: readonly NodeError[];
  readonly shown: string;
  readonly first: number;
  readonly worst: number;
}

/** All operators in order with their error, so that the first divergence is seen. */
export function NodeErrors({ rows, shown, first, worst }: NodeErrorsProps) {
  const active = rows.findIndex(({ tensor }) => tensor === shown);
  return (
    <div className="tensor-nodes">
      <div className="tensor-node tensor-nodes-head small muted" aria-hidden="true">
        <span className="grow" />
        <span>{texts.errorHead}</span>
      </div>
      <VirtualList
        label={texts.list}
        count={rows.length}
        rowHeight={20}
        active={active}
        rowClass={(at) => (at === active ? 'selected' : '')}
        rowLabel={(at) => {
          const { node, error } = rows[at]!;
          const mark = at === first ? `, ${texts.first}` : at === worst ? `, ${texts.worst}` : '';
          return texts.rowLabel(node.op, node.name, error ? texts.relative(percent(error.relative)) + mark : texts.noError);
        }}
        onActivate={(at) => select('tensor', rows[at]!.tensor)}
      >
        {(at) => <Row row={rows[at]!} mark={at === first ? texts.first : at === worst ? texts.worst : ''} />}
      </VirtualList>
    </div>
  );
}

function Row({ row, mark }: { row: NodeError; mark: string }) {
  const { node, error, held } = row;
  const high = error !== null && error.relative > DIVERGES;
  return (
    <div className="tensor-node" data-node={node.index}>
      <span className="stripe" style={{ background: familyColour(familyOf(node.op)) }} />
      <span className={`tensor-node-name ellipsis${held === 'folded' ? ' muted' : ''}`} title={node.name}>
        {node.op} <span className="muted">{node.name}</span>
      </span>
      <span className="tensor-bar" aria-hidden="true">
        {error ? <span className={high ? 'high' : ''} style={{ width: `${barShare(error.relative) * 100}%` }} /> : null}
      </span>
      <span className={`tensor-error${high ? ' bad' : ''}`} title={mark}>
        {mark ? (high ? '▲ ' : '● ') : ''}
        {error ? percent(error.relative) : '–'}
      </span>
    </div>
  );
}

import { DIVERGES } from '../../reference/value-error.ts';
import type { Divergence, NodeError } from '../../workbench/node-errors.ts';
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
  readonly divergence: Divergence;
}

/** All operators in order with their error, so that the first divergence is seen. */
export function NodeErrors({ rows, shown, divergence }: NodeErrorsProps) {
  const active = rows.findIndex(({ tensor }) => tensor === shown);
  const marked = (at: number): string => {
    const marks = [
      at === divergence.first && texts.first,
      at === divergence.worst && texts.worst,
      at === divergence.source && texts.source,
    ];
    return marks.filter(Boolean).join(', ');
  };
  return (
    <div className="tensor-nodes">
      <Source row={rows[divergence.source]} />
      <div className="tensor-node tensor-nodes-head small muted" aria-hidden="true">
        <span className="grow" />
        <span title={texts.ownAbout}>{texts.ownHead}</span>
        <span title={texts.errorAbout}>{texts.errorHead}</span>
      </div>
      <VirtualList
        label={texts.list}
        count={rows.length}
        rowHeight={20}
        active={active}
        rowClass={(at) => (at === active ? 'selected' : '')}
        rowLabel={(at) => {
          const { node, error, own } = rows[at]!;
          const said = error
            ? [texts.relative(percent(error.relative)), own && texts.adds(percent(own.relative)), marked(at)]
            : [texts.noError];
          return texts.rowLabel(node.op, node.name, said.filter(Boolean).join(', '));
        }}
        onActivate={(at) => select('tensor', rows[at]!.tensor)}
      >
        {(at) => <Row row={rows[at]!} mark={marked(at)} />}
      </VirtualList>
    </div>
  );
}

/** Which step the error comes from. */
function Source({ row }: { row: NodeError | undefined }) {
  if (!row?.own) return null;
  const { node, own, tensor } = row;
  const high = own.relative > DIVERGES;
  return (
    <button
      type="button"
      className={`tensor-source small${high ? ' bad' : ''}`}
      data-testid="divergence-source"
      data-node={node.index}
      title={node.name}
      onClick={() => select('tensor', tensor)}
    >
      {high ? texts.sourceIs(node.op, node.name, percent(own.relative)) : texts.noSource(node.op, node.name, percent(own.relative))}
    </button>
  );
}

function Row({ row, mark }: { row: NodeError; mark: string }) {
  const { node, error, own, held } = row;
  const high = error !== null && error.relative > DIVERGES;
  const adds = own !== null && own.relative > DIVERGES;
  return (
    <div className="tensor-node" data-node={node.index}>
      <span className="stripe" style={{ background: familyColour(familyOf(node.op)) }} />
      <span className={`tensor-node-name ellipsis${held === 'folded' ? ' muted' : ''}`} title={node.name}>
        {node.op} <span className="muted">{node.name}</span>
      </span>
      <span className="tensor-bar" aria-hidden="true">
        {error ? <span className={high ? 'high' : ''} style={{ width: `${barShare(error.relative) * 100}%` }} /> : null}
      </span>
      <span className={`tensor-own${adds ? ' bad' : ''}`}>{own ? `${adds ? '▲ ' : ''}${percent(own.relative)}` : ''}</span>
      <span className={`tensor-error${high ? ' bad' : ''}`} title={mark}>
        {mark ? (high ? '▲ ' : '● ') : ''}
        {error ? percent(error.relative) : '–'}
      </span>
    </div>
  );
}

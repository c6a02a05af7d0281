import { useMemo } from 'react';
import type { NodeChange, NodeDifference } from '../../workbench/model-diff.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { ModelNodeView } from '../../workbench/views.ts';
import type { ComparedModels } from '../../workbench/workers/compare-models.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { compare as texts } from '../texts/model.ts';
import { CHANGE_GLYPHS } from './changes.ts';

interface DifferenceListProps {
  readonly compared: ComparedModels;
  readonly differences: readonly NodeDifference[];
  readonly picked: NodeDifference | null;
  readonly onPick: (difference: NodeDifference) => void;
}

/** What differs, one node a line in the open model's order; of the chosen one everything that does. */
export function DifferenceList({ compared, differences, picked, onPick }: DifferenceListProps) {
  const model = useWorkbench((state) => state.stages.model.value);
  const nodes = useMemo(() => {
    const byIndex = (list: readonly ModelNodeView[]) => new Map(list.map((node) => [node.index, node]));
    return { a: byIndex(model?.nodes ?? []), b: byIndex(compared.other.nodes) };
  }, [model, compared]);
  const nodeOf = ({ a, b }: NodeDifference) => (a === null ? nodes.b.get(b ?? -1) : nodes.a.get(a));
  const active = picked ? differences.indexOf(picked) : -1;
  const twin = picked?.a != null && picked.b !== null ? nodes.b.get(picked.b) : undefined;
  const own = picked?.a == null ? undefined : nodes.a.get(picked.a);
  return (
    <div className="compare-list">
      {differences.length === 0 ? <p className="empty">{texts.none}</p> : null}
      <VirtualList
        label={texts.list}
        count={differences.length}
        rowHeight={24}
        active={active}
        onActivate={(at) => onPick(differences[at]!)}
        rowClass={(at) => (at === active ? 'selected' : '')}
        rowLabel={(at) => {
          const difference = differences[at]!;
          const node = nodeOf(difference);
          return `${texts.states[difference.state]}, ${node?.op ?? ''} ${node?.name ?? ''}, ${summary(difference)}`;
        }}
      >
        {(at) => {
          const difference = differences[at]!;
          const node = nodeOf(difference);
          return (
            <div className="compare-row">
              <span className={`change-glyph ${difference.state}`}>{CHANGE_GLYPHS[difference.state]}</span>
              <span className="node-row-op">{node?.op}</span>
              <span className="node-row-name muted ellipsis" title={node?.name}>
                {node?.name}
              </span>
              <span className="small muted ellipsis">{summary(difference)}</span>
            </div>
          );
        }}
      </VirtualList>
      {picked && (picked.changes.length > 0 || picked.renamed) ? (
        <ul className="compare-changes small">
          {picked.renamed && own && twin ? <li>{texts.renamed(own.name, twin.name)}</li> : null}
          {picked.changes.map((change) => (
            <li key={`${change.kind} ${change.name} ${change.after}`}>{sentence(change)}</li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

function summary({ state, changes }: NodeDifference): string {
  if (state === 'added' || state === 'removed') return texts.onlyIn[state];
  const kinds = [...new Set(changes.map(({ kind }) => kind))];
  return kinds
    .map((kind) =>
      kind === 'attribute'
        ? changes
            .filter((change) => change.kind === kind)
            .map(({ name }) => name)
            .join(', ')
        : texts.kinds[kind],
    )
    .join(' · ');
}

function sentence({ kind, name, before, after }: NodeChange): string {
  const title = name === '' ? texts.kinds[kind] : `${texts.kinds[kind]} ${name}`;
  if (kind === 'weights' && before === after) return `${title}: ${before}, ${texts.contents}`;
  return `${title}: ${before || texts.absent} → ${after || texts.absent}`;
}

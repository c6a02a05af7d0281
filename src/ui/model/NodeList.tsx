import { useMemo } from 'react';
import { formatCount } from '../../workbench/selectors.ts';
import { select } from '../../workbench/store.ts';
import type { ModelNodeView } from '../../workbench/views.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { list as texts } from '../texts/model.ts';
import { familyColour, familyOf } from './families.ts';
import { shortType } from './graph-model.ts';

interface NodeListProps {
  readonly nodes: readonly ModelNodeView[];
  readonly costs: ReadonlyMap<number, number>;
  readonly selected: number | null;
  readonly related: ReadonlySet<number>;
}

/** The operators one a line, in the file's order: the graph for those who read rather than look. */
export function NodeList({ nodes, costs, selected, related }: NodeListProps) {
  const most = useMemo(() => Math.max(1, ...costs.values()), [costs]);
  const active = nodes.findIndex((node) => node.index === selected);
  return (
    <VirtualList
      label={texts.title}
      count={nodes.length}
      rowHeight={24}
      active={active}
      onActivate={(at) => select('node', nodes[at]!.index)}
      rowClass={(at) => (at === active ? 'selected' : related.has(nodes[at]!.index) ? 'related' : '')}
      rowLabel={(at) => {
        const node = nodes[at]!;
        return texts.row(node.name, node.op, node.output?.dims.join(' by ') ?? '', costs.get(node.index) ?? 0);
      }}
    >
      {(at) => {
        const node = nodes[at]!;
        const insns = costs.get(node.index);
        return (
          <div className="node-row">
            <span className="stripe" style={{ background: familyColour(familyOf(node.op)) }} />
            <span className="node-row-op">{node.op}</span>
            <span className="node-row-name muted ellipsis">{node.name}</span>
            <span className="mono muted">{node.output ? `${node.output.dims.join('×')} ${shortType(node.output.dtype)}` : ''}</span>
            <span className="node-row-cost">
              <span className="node-row-bar" style={{ width: `${((insns ?? 0) / most) * 100}%` }} />
            </span>
            <span className="node-row-count">{insns === undefined ? '' : formatCount(insns)}</span>
          </div>
        );
      }}
    </VirtualList>
  );
}

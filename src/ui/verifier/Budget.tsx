import { useMemo } from 'react';
import { attributeVisits } from '../../workbench/attribution.ts';
import { useRelations } from '../../workbench/current-relations.ts';
import { inRanges } from '../../workbench/ranges.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView, VerifiedView } from '../../workbench/views.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { familyColour, familyOf } from '../model/families.ts';
import { budget as texts } from '../texts/states.ts';

interface BudgetRow {
  readonly nodeIdx: number | null;
  readonly label: string;
  readonly op: string;
  readonly colour: string;
  readonly processed: number;
}

/** What every origin takes of the verifier's work, the largest first. */
export function budgetRows(program: ProgramView, visits: Uint32Array, opOf: (nodeIdx: number) => string): readonly BudgetRow[] {
  const { byOrigin, unclaimed } = attributeVisits(program, visits);
  const rows: BudgetRow[] = [];
  program.origins.forEach((origin, at) => {
    if (byOrigin[at] === 0) return;
    const node = origin.kind === 'node';
    const op = node ? opOf(origin.nodeIdx) : '';
    rows.push({
      nodeIdx: node ? origin.nodeIdx : null,
      label: origin.label,
      op,
      colour: familyColour(node ? familyOf(op) : origin.kind === 'runtime' ? 'runtime' : 'binding'),
      processed: byOrigin[at]!,
    });
  });
  if (unclaimed > 0) rows.push({ nodeIdx: null, label: texts.unclaimed, op: '', colour: 'var(--f-runtime)', processed: unclaimed });
  return rows.sort((a, b) => b.processed - a.processed);
}

const SHORT_ENOUGH = 24;

/** The end of a node's path, which tells more than its beginning. */
function shortName(name: string): string {
  if (name.length <= SHORT_ENOUGH) return name;
  const parts = name.split('/').filter(Boolean);
  return parts.length > 2 ? `…/${parts.slice(-2).join('/')}` : name;
}

/** Which operators the verifier's work goes to. */
export function Budget({ verified, program }: { verified: VerifiedView; program: ProgramView }) {
  const model = useWorkbench((state) => state.stages.model.value);
  const modelKey = useWorkbench((state) => state.stages.model.key);
  const selection = useWorkbench((state) => state.selection);
  const rows = useMemo(() => {
    const ops = new Map(program.modelKey === modelKey ? model?.nodes.map((node) => [node.index, node.op]) : []);
    return budgetRows(program, verified.visits, (nodeIdx) => ops.get(nodeIdx) ?? '');
  }, [program, verified, model, modelKey]);
  const most = rows[0]?.processed ?? 1;
  const { nodes } = useRelations();
  const active = selection?.kind === 'node' ? rows.findIndex((row) => row.nodeIdx === selection.id) : -1;
  const related = (at: number) => rows[at]!.nodeIdx !== null && inRanges(nodes, rows[at]!.nodeIdx!);
  return (
    <VirtualList
      label={texts.label}
      count={rows.length}
      rowHeight={20}
      active={active}
      rowClass={(at) => (at === active ? 'selected' : related(at) ? 'related' : '')}
      onActivate={(at) => {
        const { nodeIdx } = rows[at]!;
        if (nodeIdx !== null) select('node', nodeIdx);
      }}
      rowLabel={(at) => texts.row(rows[at]!.label, rows[at]!.processed)}
    >
      {(at) => {
        const row = rows[at]!;
        return (
          <div className="budget-row">
            <span className="budget-label ellipsis">
              {row.op ? `${row.op} ` : ''}
              <span className="muted">{shortName(row.label)}</span>
            </span>
            <span className="budget-bar">
              <span style={{ width: `${(row.processed / most) * 100}%`, background: row.colour }} />
            </span>
            <span className="budget-count">{formatCount(row.processed)}</span>
          </div>
        );
      }}
    </VirtualList>
  );
}

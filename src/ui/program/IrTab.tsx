import { useCallback, useEffect, useMemo, useRef } from 'react';
import { PROLOGUE, SPILL } from '../../compiler/ir/numbered.ts';
import { textAt } from '../../workbench/columns.ts';
import { useRelations } from '../../workbench/current-relations.ts';
import { IR_BLOCK, IR_FUNC, IR_OP, type IrView } from '../../workbench/ir-view.ts';
import { inRanges, irRanges, type Range } from '../../workbench/relations.ts';
import type { Selection } from '../../workbench/selection.ts';
import { select } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { VirtualList, type VirtualListHandle } from '../components/VirtualList.tsx';
import { program as texts } from '../texts/program.ts';
import { Code } from './Code.tsx';
import { useIrView } from './useIrView.ts';

const ROW_HEIGHT = 18;

/** The compiler's low-level IR, each operation with the instructions that it became. */
export default function IrTab({ program, selection }: { program: ProgramView; selection: Selection | null }) {
  const view = useIrView(program);
  if (view === 'none') return <p className="empty">{program.fromLog ? texts.irLog : texts.irNone}</p>;
  if (view === null) return <p className="empty">{texts.loadingView}</p>;
  return <IrListing program={program} view={view} selection={selection} />;
}

interface IrListingProps {
  readonly program: ProgramView;
  readonly view: IrView;
  readonly selection: Selection | null;
}

function IrListing({ program, view, selection }: IrListingProps) {
  const list = useRef<VirtualListHandle>(null);
  const relations = useRelations();
  const ranges = useMemo(() => irRanges(program), [program]);
  const spills = useMemo(() => spillsOf(program), [program]);
  const op = selection?.kind === 'ir' && selection.artifact === program.key ? Number(selection.id) : -1;
  const active = op >= 0 ? (view.rowOfOp[op] ?? -1) : -1;
  const related = relations.ir;
  const first = related[0]?.[0] ?? -1;
  useEffect(() => {
    if (first >= 0) list.current?.scrollTo(Math.max(0, (view.rowOfOp[first] ?? 0) - 2), 'start');
  }, [first, view]);

  const activate = useCallback(
    (row: number) => {
      // Heads and labels stand for the operation below them, or above for a cursor that comes from there.
      const by = row < active ? -1 : 1;
      let at = row;
      while (view.kind[at] !== undefined && view.kind[at] !== IR_OP) at += by;
      if (view.kind[at] === IR_OP) select('ir', view.number[at]!);
    },
    [view, active],
  );
  const rowClass = useCallback(
    (row: number) => {
      if (row === active) return 'selected';
      if (view.kind[row] === IR_FUNC) return 'listing-func';
      if (view.kind[row] === IR_BLOCK) return 'ir-block';
      return inRanges(related, view.number[row]!) ? 'related' : '';
    },
    [view, active, related],
  );
  const render = useCallback(
    (row: number) => {
      const text = textAt(view.text, row);
      if (view.kind[row] === IR_FUNC) {
        const { ops, placed } = view.funcs[view.number[row]!]!;
        return (
          <span className="listing-head ir-head">
            <span className="listing-name">{text}</span>
            <span className="listing-cost muted">
              {texts.irOps(ops)}
              {placed ? '' : ` · ${texts.irLeftOut}`}
            </span>
          </span>
        );
      }
      if (view.kind[row] === IR_BLOCK) return <span className="ir-label">{text}:</span>;
      const number = view.number[row]!;
      return (
        <span className="ir-op">
          <span className="listing-idx">{number}</span>
          <span className="ir-text">
            <Code text={text} />
          </span>
          <span className="ir-insns">{madeInto(ranges.get(number), spills.get(number))}</span>
        </span>
      );
    },
    [view, ranges, spills],
  );
  return (
    <>
      <div className="ir listing">
        <VirtualList
          ref={list}
          label={texts.irOperations}
          className="mono"
          count={view.kind.length}
          rowHeight={ROW_HEIGHT}
          active={active}
          onActivate={activate}
          rowClass={rowClass}
          onKeyDown={(event) => {
            const start = op >= 0 ? ranges.get(op)?.[0]?.[0] : undefined;
            if (event.key !== 'Enter' || start === undefined) return;
            select('insn', start);
            event.preventDefault();
          }}
        >
          {render}
        </VirtualList>
      </div>
      <IrFoot program={program} op={op} insns={ranges.get(op)} spills={spills.get(op)} selection={selection} />
    </>
  );
}

/** The spills that serve each operation. */
function spillsOf({ irHow, irServes }: ProgramView): ReadonlyMap<number, readonly Range[]> {
  const found = new Map<number, Range[]>();
  irHow?.forEach((how, insn) => {
    if (how !== SPILL || !irServes) return;
    const own = found.get(irServes[insn]!);
    if (own) own.push([insn, insn + 1]);
    else found.set(irServes[insn]!, [[insn, insn + 1]]);
  });
  return found;
}

/** What an operation became: its instructions, or only spills, or nothing. */
function madeInto(own: readonly Range[] | undefined, spills: readonly Range[] | undefined): string {
  if (own) return insnsText(own);
  return spills ? texts.irSpilled(insnsText(spills)) : texts.irNoInsns;
}

/** `12–14, 20`: instructions of an operation. */
function insnsText(ranges: readonly Range[]): string {
  const parts = ranges.slice(0, 3).map(([from, to]) => (to - from === 1 ? `${from}` : `${from}–${to - 1}`));
  return parts.join(', ') + (ranges.length > 3 ? ' …' : '');
}

interface IrFootProps {
  readonly program: ProgramView;
  readonly op: number;
  readonly insns: readonly Range[] | undefined;
  readonly spills: readonly Range[] | undefined;
  readonly selection: Selection | null;
}

/** How the selected operation or instruction is linked, and how many instructions come from no operation. */
function IrFoot({ program, op, insns, spills, selection }: IrFootProps) {
  const counts = useMemo(() => {
    const all = [0, 0, 0, 0];
    program.irHow?.forEach((how) => {
      all[how]!++;
    });
    return all;
  }, [program]);
  const insn = selection?.kind === 'insn' ? Number(selection.id) : -1;
  const how = insn >= 0 ? program.irHow?.[insn] : undefined;
  const size = insns?.reduce((sum, [from, to]) => sum + to - from, 0) ?? 0;
  return (
    <div className="insn-foot small" data-testid="ir-foot">
      <p className="ellipsis">
        {op >= 0
          ? texts.irOp(op, size, insnsText(insns ?? []), insnsText(spills ?? []))
          : how === PROLOGUE
            ? texts.irPrologue(insn)
            : how === SPILL
              ? texts.irSpill(insn, program.irServes![insn]!)
              : how === 3
                ? texts.irEdited(insn)
                : how === 0
                  ? texts.irOfInsn(insn, program.irOf![insn]!)
                  : texts.irNoCursor}
      </p>
      <p className="ellipsis muted">{texts.irWithout(counts[PROLOGUE]!, counts[SPILL]!, counts[3]!)}</p>
    </div>
  );
}

import { useCallback, useEffect, useMemo, useRef } from 'react';
import { textAt } from '../../workbench/columns.ts';
import { IR_OP, type IrView } from '../../workbench/ir-view.ts';
import { inRanges } from '../../workbench/ranges.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { VirtualList, type VirtualListHandle } from '../components/VirtualList.tsx';
import { Code } from '../program/Code.tsx';
import { insnText } from '../program/decode.ts';
import { useIrView } from '../program/useIrView.ts';
import { pipeline } from '../texts/pipeline.ts';
import { codeRows } from './code-rows.ts';
import { largest, sharesOf, useChosen } from './useChosen.ts';

const texts = pipeline.code;
const ROW_HEIGHT = 18;

/** The function at the selection: its IR, and beside each operation the instructions that it became. */
export function CodeBeside({ program, code }: { program: ProgramView; code: boolean }) {
  const view = useIrView(program);
  if (view === 'none') return <p className="empty">{texts.none}</p>;
  if (view === null) return <p className="empty">{texts.loading}</p>;
  return <Lines program={program} view={view} code={code} />;
}

/** The last of `starts` that is at most `value`. */
function lastAt(starts: readonly number[], value: number): number {
  let at = 0;
  while (at + 1 < starts.length && starts[at + 1]! <= value) at++;
  return at;
}

function Lines({ program, view, code }: { program: ProgramView; view: IrView; code: boolean }) {
  const list = useRef<VirtualListHandle>(null);
  const cursor = useWorkbench((state) => state.cursors.insn);
  const chosen = useChosen();
  const { selection } = chosen;
  const own = selection?.artifact === program.key && (selection.kind === 'insn' || selection.kind === 'ir') ? selection : null;
  const insn = own?.kind === 'insn' ? Number(own.id) : -1;
  const op = own?.kind === 'ir' ? Number(own.id) : -1;
  // The function of the operation or instruction, else the one that does most of what is selected.
  const func = useMemo(() => {
    const starts = program.subprogs.map(({ start }) => start);
    if (op >= 0)
      return lastAt(
        view.funcs.map(({ row }) => row),
        view.rowOfOp[op]!,
      );
    if (insn >= 0) return lastAt(starts, insn);
    const most = largest(sharesOf(program, chosen.insns));
    return most >= 0 ? most : lastAt(starts, Number(cursor ?? 0));
  }, [program, view, op, insn, chosen, cursor]);
  const rows = useMemo(() => codeRows(program, view, func, code), [program, view, func, code]);
  const at = own
    ? rows.findIndex((row) =>
        own.kind === 'insn' && code
          ? row.insn === insn
          : row.ir >= 0 && view.number[row.ir] === opOf(program, own) && view.kind[row.ir] === IR_OP,
      )
    : -1;
  const isRelated = useCallback(
    ({ ir, insn: number }: (typeof rows)[number]) =>
      number >= 0 ? inRanges(chosen.insns, number) : ir >= 0 && view.kind[ir] === IR_OP && inRanges(chosen.ir, view.number[ir]!),
    [chosen, view],
  );
  const first = useMemo(() => (at >= 0 ? at : rows.findIndex(isRelated)), [at, rows, isRelated]);
  useEffect(() => {
    if (first >= 0) list.current?.scrollTo(first, 'center');
  }, [first]);
  const activate = useCallback(
    (index: number) => {
      const row = rows[index]!;
      if (row.insn >= 0) select('insn', row.insn);
      else {
        // A label stands for the operation below it.
        let ir = row.ir;
        while (ir < view.kind.length - 1 && view.kind[ir] !== IR_OP) ir++;
        if (view.kind[ir] === IR_OP) select('ir', view.number[ir]!);
      }
    },
    [rows, view],
  );
  const name = view.funcs[func]?.name ?? '';
  return (
    <div className="pipeline-code listing">
      <p className="pipeline-code-head small muted">
        <span className="ellipsis">
          {texts.operations} · {name}
        </span>
        {code ? <span>{texts.instructions}</span> : null}
      </p>
      <VirtualList
        ref={list}
        label={texts.label(name)}
        className="mono"
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        active={at}
        onActivate={activate}
        rowClass={(index) => {
          const row = rows[index]!;
          if (index === at) return 'selected';
          if (row.insn < 0 && view.kind[row.ir] !== IR_OP) return 'ir-block';
          return isRelated(row) ? 'related' : '';
        }}
      >
        {(index) => {
          const { ir, insn: number, how } = rows[index]!;
          return (
            <span className={code ? 'pipeline-line beside' : 'pipeline-line'}>
              <span className="pipeline-ir ellipsis">
                {ir >= 0 ? (
                  <Operation view={view} row={ir} />
                ) : how === 'own' ? (
                  ''
                ) : (
                  <i className="muted">{how === 'edited' ? '' : texts[how]}</i>
                )}
              </span>
              {code ? (
                number >= 0 ? (
                  <>
                    <span className="listing-idx">{number}</span>
                    <span className="ellipsis">
                      <Code text={insnText(program, number)} />
                    </span>
                  </>
                ) : (
                  <span className="pipeline-none muted small">{view.kind[ir] === IR_OP ? texts.none1 : ''}</span>
                )
              ) : null}
            </span>
          );
        }}
      </VirtualList>
    </div>
  );
}

/** The operation that a selection stands for. */
const opOf = (program: ProgramView, { kind, id }: { readonly kind: string; readonly id: number | string }): number =>
  kind === 'ir' ? Number(id) : (program.irOf?.[Number(id)] ?? -1);

function Operation({ view, row }: { view: IrView; row: number }) {
  const text = textAt(view.text, row);
  return view.kind[row] === IR_OP ? <Code text={text} /> : <span className="ir-label">{text}:</span>;
}

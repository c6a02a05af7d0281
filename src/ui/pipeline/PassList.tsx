import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { REMOVED, SAME } from '../../compiler/passes/diff.ts';
import type { FactKey } from '../../compiler/passes/pass.ts';
import type { PassRowView, PassView } from '../../workbench/pass-views.ts';
import { inRanges } from '../../workbench/ranges.ts';
import { formatDims } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { useWidth } from '../components/useWidth.ts';
import { VirtualList, type VirtualListHandle } from '../components/VirtualList.tsx';
import { type StepId, pipeline as texts } from '../texts/pipeline.ts';
import { type Chosen, largest, sharesOf, useChosen } from './useChosen.ts';
import { type Asked, usePassRows } from './usePasses.ts';

const ROW_HEIGHT = 22;

interface PassListProps {
  readonly asked: Asked;
  readonly pass: PassView;
  readonly onlyChanges: boolean;
  /** Of functions: what is shown of them, so that choosing one leads to its code. */
  readonly program: ProgramView | null;
  /** A narrow list shows no facts: those of the chosen row stand elsewhere. */
  readonly narrow?: boolean;
}

/** What stands in columns of its own where there is room: plans and functions are read downwards. */
const COLUMNS: Readonly<Record<PassView['kind'], readonly FactKey[]>> = {
  nodes: [],
  ops: [],
  steps: ['stage', 'kernel', 'scale', 'width', 'place', 'loops'],
  functions: ['ops', 'blocks', 'walked', 'executed', 'stack'],
  code: ['insns', 'own', 'spills'],
};
const WIDE_PX = 760;

/** The rows of a pass with their differences. Choosing one selects its node everywhere. */
export function PassList({ asked, pass, onlyChanges, program, narrow = false }: PassListProps) {
  const list = useRef<VirtualListHandle>(null);
  const choice = useChosen();
  const { selection } = choice;
  const numbers = useMemo(() => {
    const all = Uint32Array.from(pass.state, (_, at) => at);
    return onlyChanges ? all.filter((at) => pass.state[at] !== SAME) : all;
  }, [pass, onlyChanges]);
  const row = usePassRows(asked, pass.id, numbers);
  const functions = pass.kind === 'functions' || pass.kind === 'code';
  const related = useMemo(() => weights(pass, numbers, choice, functions ? program : null), [pass, numbers, choice, functions, program]);
  const [own, setOwn] = useState<{ readonly selection: unknown; readonly pass: PassView; readonly index: number } | null>(null);
  const chosen = own?.selection === selection && own.pass === pass ? own.index : -1;
  const first = useMemo(() => largest(related), [related]);
  const active = chosen >= 0 && chosen < numbers.length ? chosen : first;
  useEffect(() => {
    if (first >= 0) list.current?.scrollTo(first, 'center');
  }, [first]);
  const activate = useCallback(
    (index: number) => {
      const at = numbers[index]!;
      const start = functions && program && pass.state[at] !== REMOVED ? startOf(program, pass, at) : -1;
      if (start >= 0) {
        const op = program!.irOf?.[start] ?? -1;
        if (pass.kind === 'functions' && op >= 0) select('ir', op);
        else select('insn', start);
      } else if (pass.node[at]! >= 0) select('node', pass.node[at]!);
      setOwn({ selection: useWorkbench.getState().selection, pass, index });
    },
    [numbers, functions, program, pass],
  );
  const shown = active >= 0 ? row(active) : undefined;
  const { ref, width } = useWidth();
  const columns = width >= WIDE_PX ? COLUMNS[pass.kind] : [];
  const head = columns.length > 0;
  return (
    <div className={`pipeline-list kind-${head ? pass.kind : 'text'}`} ref={ref}>
      {head ? (
        <div className="pipeline-row pipeline-columns small muted" aria-hidden="true">
          <span className="pipeline-first">{texts.column}</span>
          {columns.map((key) => (
            <span key={key} className="ellipsis">
              {texts.factName(key)}
            </span>
          ))}
        </div>
      ) : null}
      <VirtualList
        ref={list}
        label={texts.list(texts.steps[pass.id as StepId].name)}
        count={numbers.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        onActivate={activate}
        rowClass={(index) => `${index === active ? 'selected' : related[index]! > 0 ? 'related' : ''} state-${pass.state[numbers[index]!]}`}
        rowLabel={(index) => labelOf(row(index))}
      >
        {(index) => <Row view={row(index)} narrow={narrow} columns={columns} />}
      </VirtualList>
      <Details view={shown} />
    </div>
  );
}

/** Functions stand in the program's order; rows that are gone have no place in it. */
function startOf({ subprogs }: ProgramView, pass: PassView, at: number): number {
  let place = 0;
  for (let i = 0; i < at; i++) if (pass.state[i] !== REMOVED) place++;
  return subprogs[place]?.start ?? -1;
}

/**
 * How much of the selection each row has, 0 for nothing: functions by instructions, others by nodes, of which the one that a row stands for counts
 * most.
 */
function weights(pass: PassView, numbers: Uint32Array, { nodes, insns }: Chosen, program: ProgramView | null): Uint32Array {
  if (program) {
    const shares = sharesOf(program, insns);
    let place = -1;
    const placeOf = Int32Array.from(pass.state, (state) => (state === REMOVED ? -1 : ++place));
    return Uint32Array.from(numbers, (at) => shares[placeOf[at]!] ?? 0);
  }
  return Uint32Array.from(numbers, (at) => {
    let weight = inRanges(nodes, pass.node[at]!) ? 1000 : 0;
    for (let i = pass.nodeStart[at]!; i < pass.nodeStart[at + 1]!; i++) if (inRanges(nodes, pass.nodes[i]!)) weight++;
    return weight;
  });
}

function fateText({ fate }: PassRowView): string {
  if (!fate) return '';
  if (fate.kind === 'into' || fate.kind === 'view') return texts.fates[fate.kind](fate.op ?? '', fate.name ?? '');
  return texts.fates[fate.kind];
}

/** What a row says in one line: what became of it, else what changed, else all that is known of it. */
function factsText(view: PassRowView): string {
  const fate = fateText(view);
  if (fate) return fate;
  const changed = view.facts.filter(({ was }) => was !== undefined);
  if (changed.length > 0) return changed.map(({ key, text, was }) => texts.fact(key, texts.was(was!, text))).join(' · ');
  const known = view.facts.filter(({ key }) => key !== 'reads');
  return (known.length > 0 ? known : view.facts).map(({ key, text }) => texts.fact(key, text)).join(' · ');
}

function labelOf(view: PassRowView | undefined): string {
  if (!view) return texts.tries.waiting;
  return [texts.states[view.state], opText(view), view.name, view.dims ? formatDims(view.dims) : '', factsText(view)]
    .filter(Boolean)
    .join(', ');
}

const opText = ({ op, was }: PassRowView): string => (was ? `${was} → ${op}` : op);

function Row({ view, narrow, columns }: { view: PassRowView | undefined; narrow: boolean; columns: readonly FactKey[] }) {
  if (!view) return <span className="pipeline-row muted">{texts.tries.waiting}</span>;
  const facts = factsText(view);
  return (
    <span className={narrow ? 'pipeline-row narrow' : 'pipeline-row'} title={[view.name, facts].filter(Boolean).join('\n')}>
      <span className="pipeline-mark">{texts.marks[view.state]}</span>
      <span className="pipeline-op ellipsis">{opText(view)}</span>
      <span className="pipeline-value ellipsis mono">
        <bdi>{view.name}</bdi>
      </span>
      <span className="pipeline-dims ellipsis muted">{view.dims ? formatDims(view.dims) : ''}</span>
      {narrow ? null : columns.length > 0 && !view.fate ? (
        columns.map((key) => <Cell key={key} fact={view.facts.find((one) => one.key === key)} />)
      ) : (
        <span className="pipeline-facts ellipsis muted">{facts}</span>
      )}
    </span>
  );
}

function Cell({ fact }: { fact: PassRowView['facts'][number] | undefined }) {
  if (!fact) return <span />;
  const { text, was } = fact;
  return (
    <span className={was === undefined ? 'ellipsis muted' : 'ellipsis pipeline-new'}>
      {was === undefined ? text : texts.was(was, text)}
    </span>
  );
}

/** All that is known of the chosen row. */
function Details({ view }: { view: PassRowView | undefined }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="pipeline-details small" data-testid="pass-row" aria-label={texts.details} tabIndex={0}>
      {view ? (
        <>
          <strong className="mono">{view.name}</strong>
          {view.fate ? <span>{fateText(view)}</span> : null}
          {view.facts.map(({ key, text, was }) => (
            <span key={key} className={was === undefined ? 'muted' : 'pipeline-new'}>
              {texts.fact(key, was === undefined ? text : texts.was(was, text))}
            </span>
          ))}
        </>
      ) : (
        <span className="muted">{texts.choose}</span>
      )}
    </section>
  );
}

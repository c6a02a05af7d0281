import { ChevronRight } from 'lucide-react';
import { useMemo, useState } from 'react';
import { type BudgetItem, budgetTree, type Grouping, type Measure } from '../../workbench/budget-tree.ts';
import { useRelations } from '../../workbench/current-relations.ts';
import { inRanges } from '../../workbench/ranges.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView, VerifiedView } from '../../workbench/views.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { familyColour, familyOf } from '../model/families.ts';
import { insnText } from '../program/decode.ts';
import { budget as texts } from '../texts/budget.ts';
import { BudgetCells } from './BudgetCells.tsx';
import './budget.css';

/** The limit on processed instructions (kernel: BPF_COMPLEXITY_LIMIT_INSNS). */
const PROCESSED_LIMIT = 1_000_000;

type View = 'flame' | 'treemap' | 'bars';

/** What drawing an item needs to know of it. */
export interface BudgetLook {
  readonly name: (item: BudgetItem) => string;
  readonly colour: (item: BudgetItem) => string;
  /** The selected thing, what belongs to it, or neither. */
  readonly mark: (item: BudgetItem) => 'selected' | 'related' | '';
}

function useLook(program: ProgramView): BudgetLook {
  const model = useWorkbench((state) => state.stages.model.value);
  const modelKey = useWorkbench((state) => state.stages.model.key);
  const selection = useWorkbench((state) => state.selection);
  const relations = useRelations();
  return useMemo(() => {
    const ops = new Map(program.modelKey === modelKey ? model?.nodes.map((node) => [node.index, node.op]) : []);
    const opOf = (item: BudgetItem): string => ops.get(program.origins[item.origin]?.nodeIdx ?? -1) ?? '';
    return {
      name: (item) => {
        if (item.kind === 'program') return item.label || texts.whole;
        if (item.kind === 'insn') return `${item.runs[0]![0]}: ${insnText(program, item.runs[0]![0])}`;
        if (item.kind === 'run') return texts.insns(...item.runs[0]!);
        const op = item.kind === 'node' ? opOf(item) : '';
        return op ? `${op} ${item.label}` : item.label;
      },
      colour: (item) => {
        const origin = program.origins[item.origin];
        if (!origin) return 'var(--line-strong)';
        return familyColour(origin.kind === 'node' ? familyOf(opOf(item)) : origin.kind === 'runtime' ? 'runtime' : 'binding');
      },
      mark: (item) => {
        const origin = program.origins[item.origin];
        if (item.kind === 'node' && origin?.kind === 'node') {
          if (selection?.kind === 'node' && selection.id === origin.nodeIdx) return 'selected';
          return inRanges(relations.nodes, origin.nodeIdx) ? 'related' : '';
        }
        if (selection?.kind !== 'insn' || item.parent === null) return '';
        return item.runs.some(([from, to]) => from <= Number(selection.id) && Number(selection.id) < to) ? 'related' : '';
      },
    };
  }, [program, model, modelKey, selection, relations]);
}

/** Selects everywhere what an item stands for. */
function selectItem(program: ProgramView, item: BudgetItem): void {
  const origin = program.origins[item.origin];
  if (item.kind === 'node' && origin?.kind === 'node') select('node', origin.nodeIdx);
  else if (item.parent !== null && item.runs[0]) select('insn', item.runs[0][0]);
}

/** What the verifier's million goes to: as a flame, a treemap or a list, by node, function or source line. */
export function Budget({ verified, program }: { verified: VerifiedView; program: ProgramView }) {
  const hasLines = program.lines.insn.length > 0;
  const hasNodes = program.origins.length > 0;
  const [view, setView] = useState<View>('flame');
  const [chosen, setGrouping] = useState<Grouping | null>(null);
  const [size, setSize] = useState<Measure>('processed');
  const groups = (['node', 'function', 'line'] as const).filter((one) => (one === 'node' ? hasNodes : one === 'line' ? hasLines : true));
  const grouping = chosen && groups.includes(chosen) ? chosen : groups[0]!;
  const by: Measure = size === 'states' && !verified.states ? 'processed' : size;
  const { processed, totalStates, visits, states } = verified;
  const tree = useMemo(
    () => budgetTree(program, { processed, totalStates, visits, states }, grouping, texts.words),
    [program, processed, totalStates, visits, states, grouping],
  );
  // A new verdict has a tree of its own: what is open and where the cursor stands is found again there.
  const here = (item: BudgetItem) => (rootOf(item) === tree.root ? item : tree.counterpart(item));
  const [zoomed, setZoomed] = useState<BudgetItem>(tree.root);
  const focus = here(zoomed);
  const [moved, setCursor] = useState<BudgetItem | null>(null);
  const cursor = moved && here(moved);
  const look = useLook(program);
  const [told, setTold] = useState<BudgetItem | null>(null);
  const path = ancestors(focus);
  const shown = told && rootOf(told) === tree.root ? told : focus;

  const open = (item: BudgetItem) => {
    selectItem(program, item);
    setCursor(item);
    if (tree.childrenOf(item, by).length > 0) setZoomed(item);
  };
  const back = () => {
    if (!focus.parent) return;
    setCursor(focus);
    setZoomed(focus.parent);
  };

  return (
    <div className="budget" data-testid="budget">
      <div className="budget-bar-row">
        <Segments label={texts.views} values={['flame', 'treemap', 'bars']} names={texts.view} value={view} onChoose={setView} />
        <Choice label={texts.group} values={groups} names={texts.groups} value={grouping} onChoose={setGrouping} />
        <Choice
          label={texts.size}
          values={verified.states ? ['processed', 'states', 'insns'] : ['processed', 'insns']}
          names={texts.sizes}
          value={by}
          onChoose={setSize}
        />
      </div>
      <Strip verified={verified} item={focus} />
      <nav className="budget-path" aria-label={texts.path}>
        {path.map((item, at) => (
          <span key={item.id} className="budget-crumb">
            {at > 0 ? <ChevronRight size={12} aria-hidden="true" /> : null}
            <button
              type="button"
              className="link ellipsis"
              aria-current={item === focus ? 'location' : undefined}
              title={look.name(item)}
              onClick={() => setZoomed(item)}
            >
              {look.name(item)}
            </button>
          </span>
        ))}
      </nav>
      <div className="budget-body">
        {view === 'bars' ? (
          <Bars
            items={tree.childrenOf(focus, by)}
            by={by}
            look={look}
            cursor={cursor}
            of={focus}
            onOpen={open}
            onBack={back}
            onMove={setCursor}
            program={program}
          />
        ) : (
          <BudgetCells
            tree={tree}
            focus={focus}
            by={by}
            view={view}
            look={look}
            cursor={cursor}
            onOpen={open}
            onBack={back}
            onMove={setCursor}
            onTell={setTold}
          />
        )}
      </div>
      <p className="budget-told small" aria-live="polite" data-testid="budget-told" title={shown.shared ? texts.shared : undefined}>
        <span className="ellipsis">{look.name(shown)}</span>
        <span className="muted">
          {texts.share(shown[by] / tree.root[by])} · {texts.figures(shown, verified.states !== undefined)}
          {shown.kind === 'pruned'
            ? ` · ${texts.prunedAbout}`
            : shown.insns > 0
              ? ` · ${texts.perInsn(shown.processed / shown.insns)}`
              : ''}
        </span>
      </p>
    </div>
  );
}

function rootOf(item: BudgetItem): BudgetItem {
  let at = item;
  while (at.parent) at = at.parent;
  return at;
}

function ancestors(item: BudgetItem): BudgetItem[] {
  return item.parent ? [...ancestors(item.parent), item] : [item];
}

interface SegmentsProps<T extends string> {
  readonly label: string;
  readonly values: readonly T[];
  readonly names: Readonly<Record<string, string>>;
  readonly value: T;
  readonly onChoose: (value: T) => void;
}

function Segments<T extends string>({ label, values, names, value, onChoose }: SegmentsProps<T>) {
  return (
    <fieldset className="segmented budget-segments" aria-label={label}>
      {values.map((one) => (
        <button key={one} type="button" className="button small" aria-pressed={one === value} onClick={() => onChoose(one)}>
          {names[one]}
        </button>
      ))}
    </fieldset>
  );
}

function Choice<T extends string>({ label, values, names, value, onChoose }: SegmentsProps<T>) {
  return (
    <select className="field" aria-label={label} title={label} value={value} onChange={(event) => onChoose(event.target.value as T)}>
      {values.map((one) => (
        <option key={one} value={one}>
          {names[one]}
        </option>
      ))}
    </select>
  );
}

/** The whole million to scale: what is open in the view, what else is used, what is free. */
function Strip({ verified, item }: { verified: VerifiedView; item: BudgetItem }) {
  const limit = Math.max(PROCESSED_LIMIT, verified.processed);
  const text = verified.processed > PROCESSED_LIMIT ? texts.usedAll(PROCESSED_LIMIT) : texts.free(verified.processed, PROCESSED_LIMIT);
  return (
    <div className="budget-strip-row small">
      <div className="budget-strip" aria-hidden="true" title={text}>
        <span className="budget-strip-open" style={{ width: `${(item.processed / limit) * 100}%` }} />
        <span className="budget-strip-used" style={{ width: `${((verified.processed - item.processed) / limit) * 100}%` }} />
      </div>
      <span className="muted" data-testid="budget-free">
        {text}
      </span>
    </div>
  );
}

interface BarsProps {
  readonly items: readonly BudgetItem[];
  readonly by: Measure;
  readonly look: BudgetLook;
  readonly cursor: BudgetItem | null;
  readonly of: BudgetItem;
  readonly program: ProgramView;
  readonly onOpen: (item: BudgetItem) => void;
  readonly onBack: () => void;
  readonly onMove: (item: BudgetItem) => void;
}

/** The parts of the open item as a list, for those who would rather read. */
function Bars({ items, by, look, cursor, of, program, onOpen, onBack, onMove }: BarsProps) {
  const most = items[0]?.[by] ?? 1;
  const active = items.findIndex((item) => (cursor ? item.id === cursor.id : look.mark(item) === 'selected'));
  if (items.length === 0) return <p className="empty">{texts.none}</p>;
  return (
    <VirtualList
      label={`${texts.label}: ${look.name(of)}`}
      count={items.length}
      rowHeight={20}
      active={active}
      rowClass={(at) => look.mark(items[at]!) || (at === active ? 'selected' : '')}
      onActivate={(at) => {
        onMove(items[at]!);
        selectItem(program, items[at]!);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Backspace') onBack();
        else if (event.key === 'Enter' && active >= 0) onOpen(items[active]!);
        else return;
        event.preventDefault();
      }}
      rowLabel={(at) => texts.row(look.name(items[at]!), items[at]![by], texts.unit[by], items[at]![by] / of[by])}
    >
      {(at) => {
        const item = items[at]!;
        return (
          <div className="budget-row">
            <span className="budget-label ellipsis">{look.name(item)}</span>
            <span className="budget-bar">
              <span style={{ width: `${(item[by] / most) * 100}%`, background: look.colour(item) }} />
            </span>
            <span className="budget-count">{formatCount(item[by])}</span>
          </div>
        );
      }}
    </VirtualList>
  );
}

import { ChevronsDownUp, ChevronsUpDown, Flame } from 'lucide-react';
import { type KeyboardEvent, Suspense, useEffect, useId, useRef, useState } from 'react';
import type { Range } from '../../workbench/relations.ts';
import type { Selection } from '../../workbench/selection.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { useCommandHandler } from '../commands.ts';
import { part } from '../components/part.tsx';
import { useWidth } from '../components/useWidth.ts';
import { program as texts } from '../texts/program.ts';
import { FindBar } from './FindBar.tsx';
import { Listing } from './Listing.tsx';
import { useFind } from './useFind.ts';
import { useFolds } from './useFolds.ts';
import { useStable } from './useStable.ts';

interface ProgramViewsProps {
  readonly program: ProgramView;
  readonly ranges: readonly Range[];
  readonly selection: Selection | null;
}

const InsnFoot = part(() => import('./InsnFoot.tsx').then((module) => ({ default: module.InsnFoot })));
const IrTab = part(() => import('./IrTab.tsx'));
const FlowTab = part(() => import('./FlowTab.tsx'));

const TABS = [
  { id: 'bytecode', title: texts.bytecode, name: texts.bytecode },
  { id: 'ir', title: texts.ir, name: texts.irName },
  { id: 'graph', title: texts.graph, name: texts.graphName },
] as const;

type TabId = (typeof TABS)[number]['id'];

/** From this width on the graph stands beside the listing. */
const WIDE_PX = 860;

/** The listing, the IR and the control-flow graph, with their tools. */
export function ProgramViews({ program, ranges, selection }: ProgramViewsProps) {
  const verified = useWorkbench((state) => state.stages.verified.value !== null);
  const own = selection?.kind === 'insn' && selection.artifact === program.key ? Number(selection.id) : -1;
  const last = useWorkbench((state) => state.cursors.insn);
  const count = program.code.length / 8;
  /** The instruction that was selected last, also while something else is. */
  const cursor = own >= 0 ? own : last !== undefined && Number(last) < count ? Number(last) : -1;
  const finding = useFind(program);
  const folds = useFolds(program, own);
  const [heat, setHeat] = useState(false);
  const [tab, setTab] = useState<TabId>('bytecode');
  const { ref: body, width } = useWidth();
  const id = useId();
  useCommandHandler(
    'program.heat',
    useStable(() => setHeat(!heat)),
  );
  // A command takes the view away that has the focus: it goes to the new one, or to its tab while that loads.
  const refocus = useRef(false);
  const goToTab = (next: TabId) => {
    refocus.current = true;
    setTab(next);
  };
  useEffect(() => {
    if (!refocus.current) return;
    refocus.current = false;
    const view = tab === 'bytecode' ? '[role=tree]' : '.program-part:last-child :is(.flow-box, .ir .vlist)';
    const target = body.current?.querySelector<HTMLElement>(view) ?? body.current?.querySelector<HTMLElement>(`[data-tab=${tab}]`);
    target?.focus();
  }, [tab, body]);
  useCommandHandler(
    'program.ir',
    useStable(() => goToTab(tab === 'ir' ? 'bytecode' : 'ir')),
  );
  useCommandHandler(
    'program.graph',
    useStable(() => goToTab(tab === 'graph' ? 'bytecode' : 'graph')),
  );
  const onTabKey = (event: KeyboardEvent<HTMLElement>) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    const next = TABS[(TABS.findIndex((one) => one.id === tab) + by + TABS.length) % TABS.length]!;
    setTab(next.id);
    event.currentTarget.querySelector<HTMLElement>(`[data-tab=${next.id}]`)?.focus();
    event.preventDefault();
  };
  const beside = width >= WIDE_PX;
  const Fold = folds.allFolded ? ChevronsUpDown : ChevronsDownUp;
  const foldTitle = folds.allFolded ? texts.unfoldAll : texts.foldAll;
  const listing = tab === 'bytecode' || (tab === 'graph' && beside);
  return (
    <div className="program-views" ref={body}>
      <div className="program-tools">
        <div className="view-tabs" role="tablist" aria-label={texts.views} onKeyDown={onTabKey}>
          {TABS.map((one) => (
            <button
              key={one.id}
              type="button"
              role="tab"
              className="button"
              data-tab={one.id}
              aria-selected={tab === one.id}
              aria-controls={`${id}-view`}
              aria-label={one.name}
              title={one.name}
              tabIndex={tab === one.id ? 0 : -1}
              onClick={() => setTab(one.id)}
            >
              {one.title}
            </button>
          ))}
        </div>
        <FindBar
          finding={finding}
          cursor={cursor}
          onGo={(insn) => {
            if (!listing) setTab('bytecode');
            select('insn', insn);
          }}
          onLeave={() => body.current?.querySelector<HTMLElement>('[role=tree], [role=listbox]')?.focus()}
        />
        <span className="grow" />
        <button
          type="button"
          className="button square"
          aria-pressed={heat}
          disabled={!verified}
          aria-label={texts.heat}
          title={texts.heatTitle}
          onClick={() => setHeat(!heat)}
        >
          <Flame size={14} />
        </button>
        <button
          type="button"
          className="button square"
          aria-label={foldTitle}
          title={foldTitle}
          disabled={!listing}
          onClick={folds.toggleAll}
        >
          <Fold size={14} />
        </button>
      </div>
      <div className="program-view" id={`${id}-view`} role="tabpanel" aria-label={TABS.find((one) => one.id === tab)!.name}>
        {listing ? (
          <div className="program-part">
            <Listing
              program={program}
              ranges={ranges}
              selection={selection}
              query={finding.query.trim().toLowerCase()}
              folds={folds}
              heat={heat}
            />
            <Suspense fallback={<div className="insn-foot" />}>
              <InsnFoot program={program} />
            </Suspense>
          </div>
        ) : null}
        {tab === 'bytecode' ? null : (
          <Suspense fallback={<p className="empty">{texts.loadingView}</p>}>
            <div className="program-part">
              {tab === 'ir' ? <IrTab program={program} selection={selection} /> : <FlowTab program={program} cursor={cursor} heat={heat} />}
            </div>
          </Suspense>
        )}
      </div>
    </div>
  );
}

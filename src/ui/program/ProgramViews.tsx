import { ChevronsDownUp, ChevronsUpDown, Flame } from 'lucide-react';
import { useRef, useState } from 'react';
import type { Range } from '../../workbench/relations.ts';
import type { Selection } from '../../workbench/selection.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { useCommandHandler } from '../commands.ts';
import { program as texts } from '../texts/program.ts';
import { FindBar } from './FindBar.tsx';
import { InsnFoot } from './InsnFoot.tsx';
import { Listing } from './Listing.tsx';
import { useFind } from './useFind.ts';
import { useFolds } from './useFolds.ts';
import { useStable } from './useStable.ts';

interface ProgramViewsProps {
  readonly program: ProgramView;
  readonly ranges: readonly Range[];
  readonly selection: Selection | null;
}

/** The listing with its tools. */
export function ProgramViews({ program, ranges, selection }: ProgramViewsProps) {
  const verified = useWorkbench((state) => state.stages.verified.value !== null);
  const cursor = selection?.kind === 'insn' && selection.artifact === program.key ? Number(selection.id) : -1;
  const last = useWorkbench((state) => state.cursors.insn);
  const finding = useFind(program);
  const folds = useFolds(program, cursor);
  const [heat, setHeat] = useState(false);
  const body = useRef<HTMLDivElement>(null);
  useCommandHandler(
    'program.heat',
    useStable(() => setHeat(!heat)),
  );
  const Fold = folds.allFolded ? ChevronsUpDown : ChevronsDownUp;
  const foldTitle = folds.allFolded ? texts.unfoldAll : texts.foldAll;
  return (
    <div className="program-views" ref={body}>
      <div className="program-tools">
        <FindBar
          finding={finding}
          cursor={cursor >= 0 ? cursor : last === undefined ? -1 : Number(last)}
          onGo={(insn) => select('insn', insn)}
          onLeave={() => body.current?.querySelector<HTMLElement>('[role=tree]')?.focus()}
        />
        <span className="grow" />
        <button
          type="button"
          className="button"
          aria-pressed={heat}
          disabled={!verified}
          title={texts.heatTitle}
          onClick={() => setHeat(!heat)}
        >
          <Flame size={14} /> {texts.heat}
        </button>
        <button type="button" className="button square" aria-label={foldTitle} title={foldTitle} onClick={folds.toggleAll}>
          <Fold size={14} />
        </button>
      </div>
      <Listing
        program={program}
        ranges={ranges}
        selection={selection}
        query={finding.query.trim().toLowerCase()}
        folds={folds}
        heat={heat}
      />
      <InsnFoot program={program} />
    </div>
  );
}

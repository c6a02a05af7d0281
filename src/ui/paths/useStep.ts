import { useContext, useEffect, useMemo, useState } from 'react';
import { Cancelled } from '../../base/progress.ts';
import { useRelations } from '../../workbench/current-relations.ts';
import { toUserError, type UserError } from '../../workbench/errors.ts';
import type { Asked } from '../../workbench/query.ts';
import { RemoteError } from '../../workbench/rpc.ts';
import { splitPart } from '../../workbench/selection.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { PinnedContext } from '../components/pinned.ts';
import { findStep, useLoggedVisit, useQueryStore } from './query-store.ts';

/** Which instruction is at the cursor, and which of its visits; null for the nearest. */
export function useInsnAtCursor(program: ProgramView): { readonly insn: number; readonly visit: number | null } {
  const selection = useWorkbench((state) => state.selection);
  const cursor = useWorkbench((state) => state.cursors.insn);
  const { states } = useRelations();
  const pinned = useContext(PinnedContext);
  const place = useMemo(() => {
    if (selection?.kind === 'insn') return { insn: Number(selection.id), visit: null };
    if (selection?.kind === 'state') {
      const { whole, part } = splitPart(selection.id);
      return { insn: Number(whole), visit: part };
    }
    const [first] = states;
    return { insn: first ? first[0] : cursor === undefined ? 0 : Number(cursor), visit: null };
  }, [selection, states, cursor]);
  const [held, setHeld] = useState(place);
  if (!pinned && held !== place) setHeld(place);
  const shown = pinned ? held : place;
  const insn = Math.min(shown.insn, Math.max(0, program.code.length / 8 - 1));
  const logged = useLoggedVisit(insn);
  return { insn, visit: shown.visit ?? logged };
}

interface Found {
  readonly step: number | null;
  /** The step is that of the instruction at the cursor; else the one before is still shown. */
  readonly current: boolean;
  readonly error: UserError | null;
}

/** The step of the exploration at the cursor; null where the verifier never came. */
export function useStep(asked: Asked, insn: number, visit: number | null, enabled: boolean): Found {
  const at = useQueryStore((state) => state.at);
  const own = at?.program === asked.program && at.kernel === asked.kernel ? at : null;
  const matches = own !== null && own.insn === insn && own.visit === visit;
  const of = `${asked.program} ${asked.kernel} ${insn} ${visit}`;
  const [answer, setAnswer] = useState<{ of: string; step: number | null; error: UserError | null } | null>(null);
  const pinned = useContext(PinnedContext);
  useEffect(() => {
    if (!enabled || matches) return;
    let wanted = true;
    findStep(asked, insn, visit, pinned).then(
      (step) => {
        if (wanted) setAnswer({ of, step, error: null });
      },
      (error: unknown) => {
        if (!wanted || error instanceof Cancelled) return;
        setAnswer({ of, step: null, error: error instanceof RemoteError ? error.error : toUserError(error, '') });
      },
    );
    return () => {
      wanted = false;
    };
  }, [enabled, matches, asked, insn, visit, of, pinned]);
  if (matches) return { step: own.step, current: true, error: null };
  if (answer?.of === of) return { step: answer.step, current: true, error: answer.error };
  return { step: own?.step ?? null, current: false, error: null };
}

import { create } from 'zustand';
import type { EventRun, FeatureRow, KernelVerdict, MatrixCell } from '../../workbench/kernel-views.ts';
import type { ScoreColumns } from '../../workbench/views.ts';

export type View = 'verdict' | 'run' | 'replay' | 'matrix' | 'maps' | 'machine';

/** What the kernel has said, with the program that it was said of. It stays when the companion goes. */
interface Answers {
  readonly view: View;
  readonly level: number;
  readonly verdict: { readonly of: string; readonly number: number; readonly said: KernelVerdict } | null;
  readonly run: { readonly of: string; readonly event: number; readonly number: number; readonly said: EventRun } | null;
  readonly replay: { readonly of: string; readonly trace: string; readonly columns: ScoreColumns; readonly ns: number | null } | null;
  readonly matrix: { readonly of: string; readonly cells: readonly MatrixCell[] } | null;
  readonly features: readonly FeatureRow[] | null;
}

export const useAnswers = create<Answers>()(() => ({
  view: 'verdict',
  level: 1,
  verdict: null,
  run: null,
  replay: null,
  matrix: null,
  features: null,
}));

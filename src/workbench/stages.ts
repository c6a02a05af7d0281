import type { CView } from './c-view.ts';
import type { UserError } from './errors.ts';
import type { LogView } from './log-views.ts';
import type { CalibrationView, ModelView, ProgramView, ScoreColumns, TraceView, VerifiedView } from './views.ts';

/** What a project's document yields, in the order in which one follows from the other. */
export interface StageValues {
  readonly model: ModelView;
  readonly trace: TraceView;
  readonly calibration: CalibrationView;
  readonly c: CView;
  readonly log: LogView;
  readonly program: ProgramView;
  readonly verified: VerifiedView;
  readonly replay: ScoreColumns;
  readonly reference: ScoreColumns;
}

export type StageName = keyof StageValues;

export interface StageProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/**
 * One derived artifact. `value` may be older than the document (`stale`): it stays, dimmed, until the new one comes or the
 * stage proves impossible.
 */
export interface Stage<T> {
  readonly status: 'absent' | 'running' | 'done' | 'error' | 'cancelled';
  /** What `value` was computed from; '' without a value. */
  readonly key: string;
  readonly value: T | null;
  readonly stale: boolean;
  /** `value` came with the site and was not computed in this tab. */
  readonly shipped: boolean;
  readonly progress: StageProgress | null;
  readonly error: UserError | null;
  /** How long the last computation took. */
  readonly ms: number;
}

export type Stages = { readonly [Name in StageName]: Stage<StageValues[Name]> };

export const ABSENT: Stage<never> = {
  status: 'absent',
  key: '',
  value: null,
  stale: false,
  shipped: false,
  progress: null,
  error: null,
  ms: 0,
};

export const NO_STAGES: Stages = {
  model: ABSENT,
  trace: ABSENT,
  calibration: ABSENT,
  c: ABSENT,
  log: ABSENT,
  program: ABSENT,
  verified: ABSENT,
  replay: ABSENT,
  reference: ABSENT,
};

export const STAGE_VERBS: { readonly [Name in StageName]: string } = {
  model: 'importing',
  trace: 'reading the trace',
  calibration: 'calibrating',
  c: 'compiling C',
  log: 'reading the log',
  program: 'compiling',
  verified: 'verifying',
  replay: 'replaying',
  reference: 'running ONNX Runtime',
};

import type { Program } from '../bpf/program.ts';

/** A program as the worker that answers questions about its verification takes it. */
export interface QueryBase {
  readonly code: Uint8Array<ArrayBuffer>;
  readonly rest: Omit<Program, 'insns' | 'origins' | 'insnOrigins'>;
}

/** What the page is told when it has to send the program. */
export const UNKNOWN_RECORDING = 'this program has not arrived yet';

/** A recorded exploration. */
export interface RecordingView {
  readonly steps: number;
  /** Ends of paths. */
  readonly ends: number;
  /** Branches that were put aside and never followed, because the exploration ended before. */
  readonly waiting: number;
  readonly rows: number;
  readonly accepted: boolean;
  /** Last step of a program that is refused. */
  readonly refusedAt: number | null;
  /** Memory that the recording takes. */
  readonly bytes: number;
  /** Steps whose states are held; others are made again when they are asked for. */
  readonly statesFrom: number;
  readonly statesTo: number;
}

/** What stands at one position of a path. */
export interface PositionView {
  readonly step: number;
  readonly insnIdx: number;
  /** Of the place that was asked for; '' where it holds nothing. */
  readonly text: string;
}

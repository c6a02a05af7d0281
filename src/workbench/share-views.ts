import type { Program } from '../bpf/program.ts';
import type { ProgramMeta } from '../compiler/api.ts';

/** A program for workers that share a trace. */
export interface SharedProgram {
  /** Why events cannot be shared; '' where they can. */
  readonly unshared: string;
  readonly program: Program;
  readonly meta: ProgramMeta | null;
}

/** Neighbouring packets: where they lie in their file and when they came. */
export interface ShareColumns {
  readonly from: number;
  /** How the capture is packed; null where it is not. */
  readonly packing: string | null;
  readonly offset: Float64Array;
  readonly captured: Uint32Array;
  readonly linkType: Uint16Array;
  readonly timeNs: Float64Array;
}

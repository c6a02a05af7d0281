import type { Program } from '../bpf/program.ts';
import type { AssemblyDiagnostic } from './views.ts';

/** What the editor opens: one function as a text, and the program around it for a worker that checks edits. */
export interface EditBase {
  readonly key: string;
  readonly func: number;
  readonly name: string;
  readonly text: string;
  /** Instructions of the function and of the whole program. */
  readonly insns: number;
  readonly total: number;
  readonly code: Uint8Array<ArrayBuffer>;
  /** The program without what `code` says and what a check does not need. */
  readonly rest: Omit<Program, 'insns' | 'lineInfo' | 'origins' | 'insnOrigins'>;
}

/** The verifier on an edited program. */
export interface EditVerdict {
  readonly accepted: boolean;
  /** Ended by the user or by a newer edit. */
  readonly message: string | null;
  readonly processed: number;
  /** Instruction at fault in the edited program; its line in the function's text, or the other function that it lies in. */
  readonly insnIdx: number | null;
  readonly line: number | null;
  readonly elsewhere: string | null;
  readonly ms: number;
}

/** What a check says first. */
export interface EditProblems {
  readonly diagnostics: readonly AssemblyDiagnostic[];
  /** Instruction of each line of the text from 1 on; -1 for lines without one. */
  readonly insnOfLine: Int32Array;
}

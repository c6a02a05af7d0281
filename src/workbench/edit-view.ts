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

/** How the verdict on an edited program differs from that on the program that is edited. */
export interface EditChange {
  readonly accepted: boolean;
  readonly message: string | null;
  readonly insnIdx: number | null;
  readonly processed: number;
  readonly insns: readonly [was: number, now: number];
  /** The first instruction, in the program's order, that both have and before which a register or stack slot is known otherwise. */
  readonly state: {
    readonly was: number;
    readonly now: number;
    readonly name: string;
    readonly before: string;
    readonly after: string;
  } | null;
  /** The program is too long for states to be kept. */
  readonly stateless: boolean;
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
  /** Null for the program as it was. */
  readonly change: EditChange | null;
}

/** What a check says first. */
export interface EditProblems {
  readonly diagnostics: readonly AssemblyDiagnostic[];
  /** Instruction of each line of the text from 1 on; -1 for lines without one. */
  readonly insnOfLine: Int32Array;
}

import type { Diagnostic } from '../clang/diagnostics.ts';
import type { BlobRef } from './document.ts';

/** What compiling C came to. */
export interface CView {
  /** Of the source that it was made of. */
  readonly hash: string;
  /** What libbpf loads; null where there are errors. */
  readonly object: BlobRef | null;
  /** clang's and ours, in order. */
  readonly diagnostics: readonly Diagnostic[];
  readonly programs: readonly CProgram[];
}

export interface CProgram {
  readonly name: string;
  readonly section: string;
  readonly insns: number;
}

import type { KernelVersion } from '../verifier/api.ts';
import type { BlobRef } from './document.ts';

/** A program to be compared: the one of that name in an object, its first without a name, or a text. */
export interface CodeSide {
  readonly kind: 'object' | 'assembly';
  readonly blob: BlobRef;
  readonly program: string | null;
}

/** What is compared, and by which kernel's rules: its JSON names the comparison. */
export type ComparedCodes = readonly [sides: readonly [CodeSide, CodeSide], kernel: KernelVersion];

/** What a file holds that can be compared. */
export interface CodeFile {
  readonly kind: 'object' | 'assembly';
  readonly blob: BlobRef;
  readonly programs: readonly { readonly name: string; readonly section: string }[];
}

/** A program and what the verifier says of it. */
export interface SideFigures {
  readonly name: string;
  readonly section: string;
  readonly accepted: boolean;
  readonly message: string | null;
  readonly insn: number | null;
  readonly insns: number;
  readonly functions: number;
  readonly processed: number;
  /** Bytes of the largest frame. */
  readonly frame: number;
}

/** Rows beside those of `bpf/align.ts`: a source line, the begin of a function. */
export const ROW_SOURCE = 254;
export const ROW_FUNCTION = 255;

export interface CodeFunction {
  readonly names: readonly [a: string | null, b: string | null];
  readonly insns: readonly [a: number, b: number];
  /** Rows that are not the same; those with other registers alone are counted apart. */
  readonly differing: number;
  readonly registers: number;
  /** Row of its begin. */
  readonly row: number;
}

export interface CodesView {
  readonly key: string;
  readonly sides: readonly [SideFigures, SideFigures];
  readonly functions: readonly CodeFunction[];
  /** For each row what it is; instructions -1 without one. Of rows of functions `a` is the index into `functions`. */
  readonly kind: Uint8Array;
  readonly a: Int32Array;
  readonly b: Int32Array;
}

/** Texts of a row; of a source line `a` is the line, `b` its place. */
export type CodeText = readonly [a: string, b: string];

import type { Kfunc } from './kfunc-table.ts';

/**
 * What is checked differently for programs that run elsewhere than in the kernel, as data and small questions. Everything else is as Linux 6.18
 * checks a syscall program for root.
 */
export interface Profile {
  /** Bytes of stack that a chain of calls may use. */
  readonly stackBytes: number;
  /** What a program is called by where it attaches: `accelerator/submit`. */
  hookName(attachType: number): string;
  /** All of `size` bytes at `off` of the context may be read or written. */
  mayAccess(attachType: number, off: number, size: number, write: boolean): boolean;
  /** Type of the context structure, for functions that take it. */
  readonly contextStruct: string;
  /** The program may call helper `id`. */
  hasHelper(attachType: number, id: number): boolean;
  /** A function that the program may call; undefined for others. */
  functionNamed(attachType: number, name: string): Kfunc | undefined;
  /** Smallest and largest result, as s32. */
  returns(attachType: number): readonly [number, number];
  /** What lies at an address that a program made up, in words, where the device has something there; null elsewhere. */
  describeAddress(high: number, low: number): string | null;
}

/** Profiles by program type; files that define one put it here. */
export const PROFILES = new Map<number, Profile>();

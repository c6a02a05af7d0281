/** The last system calls of a process as tokens, at tracepoint raw_syscalls/sys_enter. */
export interface SyscallInput {
  readonly kind: 'syscalls';
  readonly tensor?: string;
  /** Calls that the model sees, oldest first. */
  readonly length: number;
  /** The model runs at every so many calls of a process. */
  readonly every: number;
  /** Numbers below this are tokens; `calls` stands for every other, `calls` + 1 for "no call yet". Default 512. */
  readonly calls?: number;
  /** Processes that are remembered; the least recently used goes first. Default 10,240. */
  readonly processes?: number;
}

export const DEFAULT_CALLS = 512;
export const DEFAULT_PROCESSES = 10_240;
export const MAX_WINDOW = 1024;

export const callsOf = (input: SyscallInput): number => input.calls ?? DEFAULT_CALLS;
/** The token of places before a process's first call. */
export const padOf = (input: SyscallInput): number => callsOf(input) + 1;
/** Tokens of a call; `nr` may be any number that the trace holds. */
export const tokenOf = (nr: number, input: SyscallInput): number => (nr >= 0 && nr < callsOf(input) ? nr : callsOf(input));
/** Calls that the ring of a process holds: a power of two, so that a mask keeps an index in it. */
export const ringOf = ({ length }: SyscallInput): number => 2 ** Math.ceil(Math.log2(Math.max(length, 4)));

/** Call that ends a process: its place is given back. */
export const EXIT_GROUP = 231;

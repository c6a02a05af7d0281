import type { KernelVersion, Privilege } from './api.ts';

/**
 * What differs between kernels and between privileges, as data: 6.18 for root is the base, everything else is listed against it.
 * Sources: the kernel's own history (commits named by subject), checked for 6.1 and 6.12 against the real ones by
 * `npm run long kernels`; 5.15 and 6.6 have no kernel to ask here (`CHECKED`).
 */
export interface Rules {
  readonly kernel: KernelVersion;
  readonly privilege: Privilege;

  /** How bounds teach each other: `signs` up to 6.6, `mixed` since 6.8, `steps` as 6.18. */
  readonly ranges: RangeRules;
  /** Instructions of `-mcpu=v4`: sign-extending loads and moves, `bswap`, signed division, `gotol` (6.6). */
  readonly v4: boolean;
  readonly mayGoto: boolean;
  /** A `may_goto` of distance 0 (6.14). */
  readonly mayGotoZero: boolean;
  readonly loadAcquire: boolean;
  readonly arena: boolean;
  readonly numIterator: boolean;
  /** Highest helper number. */
  readonly maxHelper: number;
  readonly maxProgType: number;
  readonly maxMapType: number;
  /** Return values are compared as tnums instead of signed ranges (before 6.8). */
  readonly returnsByTnum: boolean;
  /** Constants of any kind and unbounded scalars are spilled as registers (6.8); before, only bounded ones other than 0. */
  readonly spillsAnyScalar: boolean;
  /** `r1 = r2; r1 += K` stays linked: 64-bit additions since 6.11, subtraction and 32 bits after 6.12. */
  readonly linksByConstant: 'none' | 'add64' | 'all';
  /** A 32-bit move of a 32-bit value keeps the link to its source (6.6). */
  readonly linksMove32: boolean;
  /** -1 and 0 are explored as two paths at `and` and `or` with a constant. */
  readonly forksSigns: boolean;
  /** A constant key within an array: the lookup cannot fail (6.14). */
  readonly constantKeys: boolean;
  /** `bpf_get_smp_processor_id` is known to be below the number of processors (6.10). */
  readonly boundsProcessorId: boolean;
  /** Large frames of tracing programs live outside of the kernel's stack (6.13). */
  readonly privateStack: boolean;
  /** Frames are rounded to 32 bytes before 6.12, since then to 16 where a JIT compiles. */
  readonly frameRounding: 16 | 32;
  /** Helpers that keep registers, and the spills around their calls (6.12). */
  readonly fastcall: boolean;
  /** Narrower reads of a spilled register at its address keep its low bits (6.9). */
  readonly narrowFills: boolean;
  /** Two pointers found equal teach that neither is null (6.2). */
  readonly learnsFromEqualPointers: boolean;
  /** Pointers that cannot be null, besides sockets and what maps hold: kernel objects, memory, maps (after 6.1). */
  readonly knowsNotNull: boolean;
  /** A helper that is given stack may write there, whatever its prototype says (up to 6.12). */
  readonly helpersClobberStack: boolean;
  /** A write at an unknown offset makes the registers spilled there unreadable bytes, not unknown ones (up to 6.6). */
  readonly tearsSpills: boolean;
  /** Immediates may be stored to the context (6.4). */
  readonly storesImmToCtx: boolean;
  /** A spilled scalar may be overwritten in part without CAP_PERFMON (6.7). */
  readonly cutsSpilledScalars: boolean;
  /** Global functions that no verified code calls are left alone (6.8). */
  readonly lazyGlobals: boolean;
  /** Recursion is found in the flow graph, as a back edge (up to 6.1). */
  readonly recursionIsBackEdge: boolean;
  /** Both states are shown where an endless loop is found (6.8). */
  readonly showsLoopStates: boolean;
  /** What is still held at the end is named, without a line that says where the end is (up to 6.12). */
  readonly namesLeakOnly: boolean;
  /** Atomic operations on one and two bytes have opcodes (6.15: load-acquire and store-release). */
  readonly narrowAtomics: boolean;
  /** A size of zero is tried against the memory, not refused by itself (up to 6.6). */
  readonly triesZeroSize: boolean;
  /**
   * As up to 6.1: keys and values of maps are not taken from memory of other kinds, nor other memory from trusted pointers; void packet
   * pointers are numbers to everybody; some messages have other words.
   */
  readonly early: boolean;
  /** Program types that may sleep besides tracing and syscall ones, and kinds of maps that those may not use yet. */
  readonly sleepableTypes: readonly number[];
  readonly notInSleepable: readonly number[];
  /** `unknown func`, where later kernels say that the program type may not call it (before 6.8). */
  readonly saysUnknownFunc: boolean;

  /** The program may learn addresses of the kernel (CAP_PERFMON; kernel `allow_ptr_leaks`). */
  readonly leaksPointers: boolean;
  /** Stack that was never written may be read (CAP_PERFMON; kernel `allow_uninit_stack`). */
  readonly readsUninitStack: boolean;
  /** Speculative execution is not guarded against (CAP_PERFMON; kernel `bypass_spec_v1`). */
  readonly bypassesSpectre: boolean;
  /** CAP_BPF: loops, functions, precision, all helpers that need no CAP_PERFMON. */
  readonly bpfCapable: boolean;
  /** Since 6.16 a path that only speculation takes ends at an error behind a barrier; before, its error was the program's. */
  readonly speculationFences: boolean;
  /** `scalar += pointer` that cannot be masked is blamed on the other register than where it is written (6.1.192 and 6.12.117 do not). */
  readonly namesOffset: boolean;
  readonly limitInsns: number;
}

export type RangeRules = 'signs' | 'mixed' | 'steps';

type KernelRules = Omit<Rules, 'privilege' | 'leaksPointers' | 'readsUninitStack' | 'bypassesSpectre' | 'bpfCapable' | 'limitInsns'>;

const V6_18: KernelRules = {
  kernel: '6.18',
  ranges: 'steps',
  v4: true,
  mayGoto: true,
  mayGotoZero: true,
  loadAcquire: true,
  arena: true,
  numIterator: true,
  maxHelper: 211,
  maxProgType: 32,
  maxMapType: 34,
  returnsByTnum: false,
  spillsAnyScalar: true,
  linksByConstant: 'all',
  linksMove32: true,
  forksSigns: true,
  constantKeys: true,
  boundsProcessorId: true,
  privateStack: true,
  frameRounding: 16,
  fastcall: true,
  narrowFills: true,
  learnsFromEqualPointers: true,
  knowsNotNull: true,
  helpersClobberStack: false,
  tearsSpills: false,
  storesImmToCtx: true,
  cutsSpilledScalars: true,
  lazyGlobals: true,
  recursionIsBackEdge: false,
  showsLoopStates: true,
  namesLeakOnly: false,
  narrowAtomics: true,
  triesZeroSize: false,
  early: false,
  sleepableTypes: [2, 27, 29],
  notInSleepable: [],
  saysUnknownFunc: false,
  speculationFences: true,
  namesOffset: true,
};

const V6_12: KernelRules = {
  ...V6_18,
  kernel: '6.12',
  ranges: 'mixed',
  mayGotoZero: false,
  loadAcquire: false,
  maxMapType: 33,
  linksByConstant: 'add64',
  constantKeys: false,
  privateStack: false,
  helpersClobberStack: true,
  namesLeakOnly: true,
  narrowAtomics: false,
  speculationFences: false,
  namesOffset: false,
};

const V6_6: KernelRules = {
  ...V6_12,
  kernel: '6.6',
  ranges: 'signs',
  mayGoto: false,
  arena: false,
  maxMapType: 32,
  returnsByTnum: true,
  spillsAnyScalar: false,
  linksByConstant: 'none',
  forksSigns: false,
  boundsProcessorId: false,
  frameRounding: 32,
  fastcall: false,
  narrowFills: false,
  sleepableTypes: [2, 29],
  notInSleepable: [22, 23, 33],
  tearsSpills: true,
  cutsSpilledScalars: false,
  lazyGlobals: false,
  showsLoopStates: false,
  triesZeroSize: true,
  saysUnknownFunc: true,
};

const V6_1: KernelRules = {
  ...V6_6,
  kernel: '6.1',
  v4: false,
  numIterator: false,
  maxHelper: 209,
  maxProgType: 31,
  maxMapType: 31,
  linksMove32: false,
  notInSleepable: [22, 23, 32, 33],
  early: true,
  storesImmToCtx: false,
  recursionIsBackEdge: true,
  learnsFromEqualPointers: false,
  knowsNotNull: false,
};

const V5_15: KernelRules = {
  ...V6_1,
  kernel: '5.15',
  maxHelper: 175,
  sleepableTypes: [29],
  notInSleepable: [22, 23, 24, 28, 29, 31, 32, 33],
  maxMapType: 29,
};

const BY_KERNEL: Readonly<Record<KernelVersion, KernelRules>> = { '5.15': V5_15, '6.1': V6_1, '6.6': V6_6, '6.12': V6_12, '6.18': V6_18 };

/** Kernels whose rules were compared with the real kernel's verdicts (docs/verifier.md says by which command). */
const CHECKED: ReadonlySet<string> = new Set(['6.1', '6.12', '6.18']);

export const isChecked = (kernel: string): boolean => CHECKED.has(kernel);

const LIMIT = 1000000;
/** Kernel BPF_MAXINSNS: what an unprivileged program may hold. */
const LIMIT_UNPRIVILEGED = 4096;

const known = new Map<string, Rules>();

export function rulesOf(kernel: KernelVersion, privilege: Privilege): Rules {
  const key = `${kernel} ${privilege}`;
  let rules = known.get(key);
  if (!rules) {
    const root = privilege === 'root';
    rules = {
      ...BY_KERNEL[kernel],
      privilege,
      leaksPointers: root,
      readsUninitStack: root,
      bypassesSpectre: root,
      bpfCapable: privilege !== 'unpriv',
      limitInsns: privilege === 'unpriv' ? LIMIT_UNPRIVILEGED : LIMIT,
    };
    known.set(key, rules);
  }
  return rules;
}

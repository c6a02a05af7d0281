import type { InsnIdx } from '../base/units.ts';
import type { Btf } from '../object/btf.ts';

export type KernelVersion = '5.15' | '6.1' | '6.6' | '6.12' | '6.18';
export type Privilege = 'root' | 'bpf' | 'unpriv';

export interface VerifyOptions {
  readonly kernel: KernelVersion;
  readonly privilege: Privilege;
  /** The kernel's `log_level` bits: 1 paths, 2 every instruction, 4 statistics only; 0 no log, and no cost for one. */
  readonly logLevel: number;
  /** Record a digest of the abstract state before every instruction for the state view; costs memory. */
  readonly recordStates?: boolean;
  /** With `recordStates`: one instruction of which the states of its first `most` visits are kept, besides the last one of all. */
  readonly recordVisits?: { readonly insnIdx: InsnIdx; readonly most: number };
  /** Processors of the machine that is asked (`nr_cpu_ids`), which bound `bpf_get_smp_processor_id`; default 2. */
  readonly cpus?: number;
  /**
   * BTF of the kernel, for pointers to its objects; asked for at most once, by programs that need it. Without it such pointers are one
   * kind of memory, and programs that get them from their context are refused.
   */
  readonly kernelBtf?: () => Btf | null;
  /** Symbols of that kernel by name; asked by programs that load the address of one. Without it every symbol is taken to be there. */
  readonly kernelSymbols?: () => { has(name: string): boolean } | null;
  /** Called about every 10 ms of work with the number processed; return true to stop (result: accepted false, message 'stopped'). */
  readonly onProgress?: (processed: number) => boolean;
}

/** One register or stack slot in words, formatted as the kernel's log formats it, plus ranges for the bars. */
export interface StateRow {
  readonly name: string; // r0…r10, fp-8…
  readonly text: string; // kernel notation: scalar(…), pkt(r=34), map_value(map=weights,ks=4,vs=64,…)
  /** Present for scalars (and the variable part of pointers): signed 64-bit bounds and the tnum. */
  readonly smin?: bigint;
  readonly smax?: bigint;
  readonly tnumValue?: bigint;
  readonly tnumMask?: bigint;
}

export interface VerifyResult {
  readonly accepted: boolean;
  /** The kernel's final message (last line before the counters); null when accepted. */
  readonly message: string | null;
  readonly insnIdx: InsnIdx | null;
  readonly errno: number; // 0, or a positive errno such as 22, 13, 7
  readonly processed: number;
  readonly maxStatesPerInsn: number;
  readonly totalStates: number;
  readonly peakStates: number;
  readonly markRead: number;
  /** As the kernel prints it: main program's depth, then those of subprograms: `96+24+0`. */
  readonly stackDepth: string;
  /** The complete log at the level asked for; '' at level 0. */
  readonly log: string;
  /** The same as UTF-8: at level 2 it may be longer than a string can be. */
  logBytes(): Uint8Array<ArrayBuffer>;
  /** How often each instruction was processed; length = insns. */
  readonly visits: Uint32Array;
  /** How many states were kept at each, `totalStates` in all. */
  readonly states: Uint32Array;
  /**
   * State before `insnIdx` on the last visit that reached it, or on visit number `visit` (from 0) where visits of this instruction
   * were recorded; null if never visited or not recorded.
   */
  stateBefore(insnIdx: InsnIdx, visit?: number): readonly StateRow[] | null;
}

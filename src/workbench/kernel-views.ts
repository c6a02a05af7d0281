import type { FeatureRow, Hello, LoadReply, MapInfo } from '../companion/protocol.ts';
import type { KernelVersion } from '../verifier/api.ts';
import type { ScoreBatch } from './views.ts';

/** What the kernel's worker hands to the page. */
export type { FeatureRow, Hello, MapInfo };

/** A verdict, ours or a kernel's. */
export interface VerdictView {
  readonly accepted: boolean;
  readonly message: string | null;
  readonly insn: number | null;
  readonly processed: number | null;
  readonly totalStates: number | null;
}

/** Our verdict beside the real kernel's, at one log level. Lines are asked for by pages. */
export interface KernelVerdict {
  readonly key: string;
  /** The program's name. */
  readonly program: string;
  readonly level: number;
  readonly ours: VerdictView;
  readonly theirs: VerdictView & Pick<LoadReply, 'errno' | 'verificationUsec' | 'xlatedBytes' | 'jitedBytes' | 'tag' | 'release' | 'cut'>;
  /** Whose rules ours are, and whether they are those of that very kernel. */
  readonly profile: KernelVersion;
  readonly exact: boolean;
  readonly lines: readonly [ours: number, theirs: number];
  /** 1 for lines that differ. */
  readonly differs: Uint8Array;
  readonly first: number;
  readonly differing: number;
}

export type LogRow = readonly [ours: string | null, theirs: string | null];

/** One event through both. */
export interface EventRun {
  readonly ours: SideRun;
  readonly theirs: SideRun & { readonly ns: number };
  readonly repeat: number;
  /** Where packets or contexts part first, -1 where they do not; null where they are not compared. */
  readonly dataDiffers: number | null;
  readonly outputsEqual: boolean | null;
}

/** A prompt, and how many tokens are to be written behind it at most. */
export interface TextSpec {
  readonly kind: 'text';
  readonly prompt: string;
  readonly count: number;
}

export interface SideRun {
  readonly returnValue: number;
  readonly score: number;
  readonly outputs: readonly { readonly name: string; readonly values: Float64Array }[] | null;
  readonly data: Uint8Array | null;
  /** What it wrote, of a program that writes text. */
  readonly text?: string;
}

/** Results of a stretch of a replay in the kernel, with the nanoseconds of each event. */
export interface KernelBatch {
  readonly batch: ScoreBatch;
  readonly ns: number;
}

/** One cell of the matrix of verdicts. */
export interface MatrixCell {
  readonly kernel: KernelVersion;
  readonly ours: VerdictView;
  /** A real kernel's verdict; null where none of this version can be asked. */
  readonly real: (VerdictView & { readonly release: string; readonly how: 'this machine' | 'guest' }) | null;
  /** Why a kernel that is there gave none. */
  readonly refusal: string;
}

export interface MapPageView {
  readonly rows: readonly { readonly key: string; readonly value: string }[];
  readonly more: boolean;
}

/** Maps of the program that is loaded in the kernel. */
export interface KeptMaps {
  readonly maps: readonly {
    readonly name: string;
    readonly type: string;
    readonly keySize: number;
    readonly valueSize: number;
    readonly maxEntries: number;
  }[];
}

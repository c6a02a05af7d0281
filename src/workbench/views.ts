import type { Jumps } from '../bpf/jumps.ts';
import type { SystemCall } from '../traces/syscalls/calls.ts';
import type { UserError } from './errors.ts';

/**
 * What workers hand to panels: plain objects and typed-array columns, so that a program of a million instructions or a log of
 * a million lines crosses by transfer and panels decode only the rows that they show.
 */
export interface TensorSummary {
  readonly name: string;
  readonly dtype: string;
  readonly dims: readonly number[];
}

export interface ModelNodeView {
  readonly index: number;
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: readonly { readonly name: string; readonly text: string }[];
  readonly output: TensorSummary | null;
  /** Outputs after the first, of nodes that have several. */
  readonly moreOutputs?: readonly TensorSummary[];
  /** Why folding removed the node; absent for a node that is left. */
  readonly folded?: string;
  /** Initializers among the inputs. */
  readonly weights: readonly TensorSummary[];
}

export interface ModelView {
  readonly file: string;
  readonly name: string;
  readonly producer: string;
  readonly opset: number;
  readonly parameterCount: number;
  readonly inputs: readonly TensorSummary[];
  readonly outputs: readonly TensorSummary[];
  readonly nodes: readonly ModelNodeView[];
}

export interface WeightStats extends TensorSummary {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  /** Counts in equal bins from min to max. */
  readonly bins: readonly number[];
}

export interface CalibrationView {
  readonly source: 'trace' | 'generated';
  readonly samples: number;
  /** Shipped with the sample rather than measured in this tab. */
  readonly precomputed: boolean;
}

export interface OriginView {
  readonly kind: 'node' | 'source' | 'binding' | 'runtime';
  readonly nodeIdx: number;
  readonly label: string;
}

export interface MapView {
  readonly name: string;
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** What the integers of a compiled model mean: real = scale × integer. */
export interface IntegersView {
  /** Planned values by ONNX name; those that are in no list were folded into a neighbour's kernel. */
  readonly values: readonly {
    readonly name: string;
    readonly elem: 'u16' | 'i16' | 'i32';
    readonly scale: number;
    /** Integers are saturated at this magnitude. */
    readonly max: number;
    /** Each row has a scale of its own: 1 / its sum. */
    readonly shares: boolean;
  }[];
  /** Initializers of products, with a scale for each entry along `axis` of the stored tensor. */
  readonly weights: readonly {
    readonly name: string;
    readonly axis: number;
    readonly elem: 'i4' | 'i8' | 'i16';
    readonly max: number;
    readonly scales: Float64Array;
  }[];
}

export interface NodeCostView {
  readonly index: number;
  readonly insns: number;
}

/** Texts as UTF-8, one after another: text i is bytes start[i] … start[i + 1]. */
export interface TextColumn {
  readonly bytes: Uint8Array;
  readonly start: Uint32Array;
}

/** Source lines (an ONNX node, a line of C), in order of the instruction that each stands before. */
export interface LineColumns {
  readonly insn: Uint32Array;
  readonly line: Uint32Array;
  /** Index into `files`. */
  readonly file: Uint16Array;
  readonly files: readonly string[];
  readonly text: TextColumn;
}

/** Rows of the listing with every function unfolded (`src/ui/program/rows.ts` reads them). */
export interface RowColumns {
  /** Kind in the upper two bits, number of the instruction, function or line in the others. */
  readonly packed: Uint32Array;
  /** Row of each instruction; the second slot of an `lddw` shares the row of its first. */
  readonly rowOfInsn: Uint32Array;
  /** Row of each function's head. */
  readonly head: Uint32Array;
}

export interface ProgramView {
  /** Identifies the program for staleness and selection. */
  readonly key: string;
  readonly name: string;
  readonly section: string;
  readonly license: string;
  /** All programs of the object that it came from, itself included; empty for others. */
  readonly siblings: readonly { readonly name: string; readonly section: string }[];
  readonly progType: number;
  /** 8 bytes an instruction. */
  readonly code: Uint8Array;
  readonly subprogs: readonly { readonly name: string; readonly start: number; readonly linkage: string }[];
  readonly maps: readonly MapView[];
  readonly origins: readonly OriginView[];
  /** Origins of instruction i: `originIdx[originStart[i] … originStart[i + 1])`. */
  readonly originStart: Uint32Array;
  readonly originIdx: Uint16Array;
  readonly nodes: readonly NodeCostView[];
  /** Number of the IR operation that each instruction came from, -1 for none; absent where it is not known. */
  readonly irOf?: Int32Array;
  /** Why an instruction has no operation (`src/compiler/ir/numbered.ts`: prologue, spill); of a fork 3 where it was edited. */
  readonly irHow?: Uint8Array;
  /** Of a spill or prologue: the operation that it serves without coming from it. */
  readonly irServes?: Int32Array;
  readonly lines: LineColumns;
  readonly jumps: Jumps;
  readonly rows: RowColumns;
  /** Key of the model that it was compiled from; '' for programs that came as objects or assembly. */
  readonly modelKey: string;
  /** Of a fork: how many lines differ from the compiled program; 0 for the compiled one. */
  readonly changes: number;
  readonly fork: boolean;
  /** It takes a prompt in its context and writes tokens. */
  readonly writesText?: true;
  /** Of a program that was compiled in this page; those that came as objects or assembly have none. */
  readonly integers?: IntegersView;
  /** Of a program that a log shows: its instructions in order, the log's words for each, and how many stand in no line. To read only. */
  readonly fromLog?: { readonly seen: Uint32Array; readonly texts: readonly string[]; readonly missing: number };
  /** Of a fork: where it differs from the compiled program, in order. */
  readonly hunks: readonly HunkView[];
}

/** Instructions [from, to) of a fork stand where the compiled program has [baseFrom, baseTo). */
export interface HunkView {
  readonly from: number;
  readonly to: number;
  readonly baseFrom: number;
  readonly baseTo: number;
}

export interface VerifiedView {
  readonly accepted: boolean;
  readonly message: string | null;
  readonly insnIdx: number | null;
  readonly processed: number;
  readonly totalStates: number;
  readonly peakStates: number;
  readonly maxStatesPerInsn: number;
  readonly stackDepth: string;
  readonly kernel: string;
  readonly visits: Uint32Array;
  /** States kept at each instruction; a log does not tell. */
  readonly states?: Uint32Array;
  /** UTF-8 text and the byte at which each line begins. */
  readonly log: Uint8Array;
  readonly logLines: Uint32Array;
  /** Read from a log that was opened, not computed here. */
  readonly fromLog?: boolean;
}

/** Packets one after another: number i lies at [start[i], start[i + 1]). */
export interface FramesView {
  readonly bytes: Uint8Array;
  readonly start: Uint32Array;
}

export interface PacketTraceView extends FramesView {
  readonly kind: 'packets';
  readonly key: string;
  readonly file: string;
  readonly count: number;
  /** The first packets: all of a small trace. `frames.ts` gives the others. */
  readonly bytes: Uint8Array;
  readonly start: Uint32Array;
  /** Seconds since the first packet; NaN where the capture has no time. */
  readonly time: Float64Array;
  readonly warning: UserError | null;
  /** Class by packet where labels are known, -1 where one is not. */
  readonly labels: Int8Array | null;
}

export interface TensorTraceView {
  readonly kind: 'tensors';
  readonly key: string;
  readonly file: string;
  readonly count: number;
  readonly dims: readonly number[];
  readonly dtype: string;
  /** Inputs one after another, as floats for display. */
  readonly data: Float32Array;
  readonly warning: UserError | null;
  readonly labels: Int8Array | null;
}

/** System calls as they began, one a row. */
export interface CallTraceView {
  readonly kind: 'calls';
  readonly key: string;
  readonly file: string;
  readonly count: number;
  readonly pid: Uint32Array;
  readonly tid: Uint32Array;
  readonly nr: Int32Array;
  /** Seconds since the first call; NaN where the trace has no time. */
  readonly time: Float64Array;
  /** The file, and where the line of each call begins in it; no places where a line holds many calls. */
  readonly text: Uint8Array;
  readonly at: Uint32Array | null;
  readonly warning: UserError | null;
  readonly labels: Int8Array | null;
}

/** Call `i` as workers take it. */
export const callAt = ({ pid, tid, nr, time }: CallTraceView, i: number): SystemCall => ({
  pid: pid[i]!,
  tid: tid[i]!,
  nr: nr[i]!,
  time: Number.isNaN(time[i]) ? null : time[i]!,
  line: 0,
});

export type TraceView = PacketTraceView | TensorTraceView | CallTraceView;

/** Columns that fill as a replay or the reference runs; `done` says how far. */
export interface ScoreColumns {
  readonly total: number;
  readonly done: number;
  /** How many of them were computed in this tab, where the rest came with the site; absent where all were. */
  readonly live?: number;
  /** Probability (or logit) that the binding thresholds; NaN where the model did not run. */
  readonly score: Float64Array;
  /** Verdict code of a packet, class of a tensor. */
  readonly verdict: Uint8Array | Uint16Array;
  /** `outputWidth` numbers of each event, NaN where there are fewer; none where there are too many to keep. */
  readonly outputs: Float32Array;
  readonly outputWidth: number;
  /** Border between the two classes of a single output. */
  readonly cut: number;
  /** What ran the program; absent for the reference. */
  readonly engine?: 'interp' | 'wasm';
  /** Time that the program took for the events computed in this tab, pauses left out; absent for the reference. */
  readonly busyMs?: number;
  /** Instructions that each event executed; absent for the reference and where results came with the site. */
  readonly executed?: Uint32Array;
  /** Events from this one on were decided by the weights of another model. */
  readonly swapped?: { readonly from: number; readonly name: string };
}

export interface ScoreBatch {
  readonly start: number;
  readonly score: Float64Array;
  readonly verdict: Uint8Array | Uint16Array;
  readonly outputs: Float32Array;
  readonly outputWidth: number;
  readonly cut: number;
  readonly engine?: 'interp' | 'wasm';
  readonly busyMs?: number;
  readonly executed?: Uint32Array;
}

export interface AssemblyDiagnostic {
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  readonly message: string;
}

/** A value that was known or is allowed; bounds as decimal numbers, null where it has none. */
export interface FactView {
  readonly text: string;
  readonly min: string | null;
  readonly max: string | null;
}

/** One step of a rejection's story, oldest first. */
export interface StoryStepView {
  readonly role: 'made' | 'moved' | 'decision' | 'proof' | 'lost' | 'fault';
  readonly insnIdx: number;
  /** Which visit of the instruction it was; null where no path was walked. */
  readonly visit: number | null;
  readonly subject: string;
  readonly code: string;
  readonly text: string;
  /** The subject before and after in the log's notation; '' for nothing. */
  readonly before: string;
  readonly after: string;
  readonly taken: boolean | null;
  readonly registers: readonly { readonly name: string; readonly text: string }[];
}

/** An edit that the verifier accepts. */
export interface FixView {
  readonly title: string;
  readonly size: number;
  /** Instructions processed to accept the result. */
  readonly processed: number;
  readonly diff: readonly { readonly was: number | null; readonly is: number | null; readonly text: string }[];
  /** The whole program with the edit. */
  readonly text: string;
}

/** Why a program is rejected, as the page shows it. */
export interface ExplanationView {
  readonly title: string;
  readonly insnIdx: number | null;
  readonly code: string;
  /** Source line and what the instruction serves; '' and empty where unknown. */
  readonly source: string;
  readonly serves: readonly string[];
  readonly subject: string;
  readonly known: FactView | null;
  readonly allowed: FactView | null;
  readonly story: readonly StoryStepView[];
  /** Earlier steps were left out of the story. */
  readonly cut: boolean;
  readonly provedAt: number | null;
  readonly lostAt: number | null;
  readonly why: string;
  readonly change: string;
  readonly fixes: readonly FixView[];
}

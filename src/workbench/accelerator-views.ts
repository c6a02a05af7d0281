import type { AccelHook } from '../bpf/accelerator/hooks.ts';

/** What crosses from the accelerator's worker to the panels. Times are the device's own, modelled, in nanoseconds. */

/** Requests as the user asks for them. */
export interface Workload {
  readonly requests: number;
  readonly tenants: number;
  /** Passes of each request. */
  readonly tokens: number;
  /** Requests that arrive in a second of the device. */
  readonly perSecond: number;
  /** What the driver says of provenance: signed by the host's key, signed and then changed, or nothing. */
  readonly provenance: 'signed' | 'forged' | 'none';
  /** First dimension of the model's input. */
  readonly rows: number;
}

export interface ModelInfo {
  readonly name: string;
  /** Commands of one pass. */
  readonly commands: number;
  readonly layers: number;
  readonly layerNames: readonly string[];
  readonly inputs: readonly string[];
  /** Largest batch that the worker will compute; 1 where the model has a fixed first dimension. */
  readonly mostRows: number;
  /** Kernels are fused as was proposed. */
  readonly fused: number;
}

/** The device at one moment. */
export interface Snapshot {
  readonly nowNs: number;
  /** Counts up with everything that happens, so that views know when they are old. */
  readonly version: number;
  readonly commands: Counts;
  readonly passes: Counts;
  /** The next commands in the queue. */
  readonly queue: readonly QueuedView[];
  readonly queued: number;
  readonly cores: { readonly total: number; readonly busy: readonly BusyView[]; readonly share: number };
  /** `busy` names the commands, `atWork` counts the units. */
  readonly units: { readonly total: number; readonly atWork: number; readonly busy: readonly BusyView[]; readonly share: number };
  readonly memory: { readonly total: number; readonly used: number; readonly sealed: number; readonly share: number };
  /** Rows of the timeline. */
  readonly rows: number;
  readonly waiting: number;
  readonly model: ModelInfo | null;
  readonly hooks: readonly AttachedView[];
}

export interface Counts {
  readonly submitted: number;
  readonly done: number;
  readonly aborted: number;
  readonly deferrals: number;
}

export interface QueuedView {
  readonly seq: number;
  readonly label: string;
  readonly tenant: number;
}

/** A core with the program that it runs, or units with the command that they work on. */
export interface BusyView {
  readonly seq: number;
  readonly label: string;
}

/** A program that is attached, in the order in which its hook runs it. */
export interface AttachedView {
  readonly id: number;
  readonly name: string;
  readonly object: string;
  readonly hook: AccelHook;
  readonly order: number;
  readonly insns: number;
  readonly runs: number;
  readonly executed: number;
  readonly refused: number;
  /** Signed by whom; null where nothing was checked. */
  readonly signedBy: string | null;
  readonly maps: readonly string[];
}

/** A span of the device's clock, as the timeline draws it. */
export interface TimelineWindow {
  readonly fromNs: number;
  readonly toNs: number;
  /** Where the last thing on the timeline ends. */
  readonly endNs: number;
  /** Each piece of work by itself; null where there are more than can be told apart. */
  readonly bars: Bars | null;
  /** How much of the engine and of the units is at work, in equal steps of the span. */
  readonly engine: Float32Array<ArrayBuffer>;
  readonly units: Float32Array<ArrayBuffer>;
  /** Requests that were ended, in the same steps. */
  readonly aborts: Uint16Array<ArrayBuffer>;
}

/** Columns of bars: what runs, where and how long. */
export interface Bars {
  readonly seq: Float64Array<ArrayBuffer>;
  readonly from: Float64Array<ArrayBuffer>;
  readonly to: Float64Array<ArrayBuffer>;
  /** 0 a program on the engine, 1 a command on the units. */
  readonly lane: Uint8Array<ArrayBuffer>;
  /** Place among those that overlap, from 0. */
  readonly row: Uint16Array<ArrayBuffer>;
  /** Index of the hook or of the operation. */
  readonly kind: Uint8Array<ArrayBuffer>;
  readonly rows: readonly [engine: number, units: number];
}

export const STATES = ['submitted', 'queued', 'running', 'done', 'aborted'] as const;
export type CommandState = (typeof STATES)[number];

/** A command as a line of the list. */
export interface CommandRow {
  readonly seq: number;
  readonly label: string;
  readonly request: number;
  readonly tenant: number;
  readonly token: number;
  readonly layer: number;
  readonly enteredNs: number;
  readonly hookNs: number;
  readonly computeNs: number;
  readonly insns: number;
  readonly state: CommandState;
  /** Why it ended, negative; 0 without. */
  readonly errno: number;
}

export interface CommandDetail {
  readonly row: CommandRow;
  /** The fields of the context as a program sees them. */
  readonly fields: readonly { readonly name: string; readonly text: string; readonly doc: string }[];
  readonly tensors: readonly TensorView[];
  readonly runs: readonly RunView[];
}

export interface TensorView {
  readonly name: string;
  readonly role: string;
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
  readonly addr: number;
  readonly bytes: number;
  readonly digest: string | null;
  readonly sealed: boolean;
  readonly signed: boolean;
  /** Its first bytes as they lie in device memory, which is what the host can read. */
  readonly head: Uint8Array<ArrayBuffer>;
}

export interface RunView {
  readonly program: string;
  readonly hook: AccelHook;
  readonly timeNs: number;
  readonly ns: number;
  readonly insns: number;
  readonly value: number;
  readonly calls: readonly { readonly name: string; readonly calls: number; readonly bytes: number }[];
}

/** A map of an attached program. */
export interface MapView {
  readonly name: string;
  readonly type: string;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly most: number;
  readonly entries: readonly { readonly key: Uint8Array<ArrayBuffer>; readonly value: Uint8Array<ArrayBuffer> }[];
  /** Entries that are not told. */
  readonly left: number;
}

/** What came of giving an object to the device. */
export interface Delivery {
  readonly object: string;
  readonly how: DeliveryKind;
  readonly accepted: boolean;
  readonly message: string;
}

export const DELIVERIES = ['signed', 'unsigned', 'changed'] as const;
export type DeliveryKind = (typeof DELIVERIES)[number];

/** The root of trust that the user made. */
export interface TrustView {
  readonly keys: readonly { readonly id: string; readonly name: string; readonly revoked: boolean; readonly own: boolean }[];
  /** The device refuses what is not signed. */
  readonly required: boolean;
  readonly objects: readonly { readonly name: string; readonly hash: string; readonly version: number | null; readonly revoked: boolean }[];
  readonly deliveries: readonly Delivery[];
}

/** Sums over the commands of a layer or a tenant. */
export interface SumRow {
  readonly key: number;
  readonly label: string;
  readonly commands: number;
  readonly completed: number;
  readonly aborted: number;
  readonly deferred: number;
  readonly flops: number;
  readonly bytes: number;
  readonly computeNs: number;
  readonly hookNs: number;
  readonly insns: number;
  readonly queuedNs: number;
}

/** A tenant's token bucket as its program has it. */
export interface BucketRow {
  readonly tenant: number;
  readonly perSecond: number;
  /** Tokens in the bucket at its last pass, and how many it can hold. */
  readonly level: number;
  readonly burst: number;
  readonly passed: number;
  readonly deferrals: number;
}

/** Passes done in equal steps of the device's time, for each tenant. */
export interface Throughput {
  readonly stepNs: number;
  readonly tenants: readonly { readonly tenant: number; readonly passes: readonly number[] }[];
  /** When a refill rate was changed, and to what. */
  readonly changes: readonly { readonly atNs: number; readonly tenant: number; readonly perSecond: number }[];
}

/** The audit log as the host holds it. */
export interface AuditState {
  readonly total: number;
  readonly removed: number;
  /** Counts what the host did to it. */
  readonly changes: number;
  readonly verdict: { readonly ok: boolean; readonly message: string } | null;
}

export interface AuditRow {
  readonly number: number;
  readonly timeNs: number;
  readonly kind: 'pass' | 'output';
  readonly request: number;
  readonly seq: number;
  readonly token: number;
  readonly uuid: string;
  readonly previous: string;
}

export interface FusionState {
  readonly proposals: readonly FusionProposal[];
  /** Proposals that the stream was made with. */
  readonly applied: number;
  readonly result: FusionResult | null;
}

export interface FusionProposal {
  readonly id: number;
  readonly kind: string;
  readonly commands: readonly string[];
  readonly bytesSaved: number;
  readonly nsSaved: number;
}

/** One pass run with and without fusion. */
export interface FusionResult {
  readonly before: FusionSide;
  readonly after: FusionSide;
  readonly equal: boolean;
  readonly message: string;
}

export interface FusionSide {
  readonly commands: number;
  readonly bytes: number;
  readonly ns: number;
}

export interface OverheadView {
  readonly series: readonly OverheadSeries[];
}

export interface OverheadSeries {
  readonly name: string;
  /** Number of programs on the hook, and what they add to a pass, modelled. */
  readonly points: readonly { readonly hooks: number; readonly ns: number }[];
  /** Of the straight line through the points. */
  readonly slopeNs: number;
  readonly interceptNs: number;
  readonly r2: number;
  /** Of one run on average: counted by the engine, and modelled. */
  readonly insns: number;
  readonly runNs: number;
  readonly articleNs: number | null;
}

/** The trace that the host can export. */
export interface TraceSummary {
  readonly commands: number;
  readonly tensors: number;
  readonly bytes: number;
  readonly sealed: number;
  /** Tensors that there was no room for. */
  readonly leftOut: number;
}

/** Where the bytes that were looked for stand in the trace. */
export interface TraceSearch {
  /** Texts that were looked for. */
  readonly searched: number;
  readonly bytes: number;
  readonly found: readonly { readonly tensor: string; readonly seq: number }[];
  /** Further places. */
  readonly left: number;
}

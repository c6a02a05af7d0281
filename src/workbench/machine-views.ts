import type { ProgramSpec } from './clients.ts';
import type { EventSpec } from './value-views.ts';

/** A breakpoint as the page keeps it; one without instructions stops nowhere. */
export interface BreakpointSpec {
  readonly id: number;
  readonly insns: readonly number[];
  /** Source of a condition; '' for none. */
  readonly condition: string;
}

export interface WatchSpec {
  readonly id: number;
  readonly address: number;
  readonly size: number;
}

/** A change of the paused machine, with the step at which it was made. */
export type EditSpec = { readonly step: number } & (
  | { readonly kind: 'register'; readonly index: number /** Decimal. */; readonly value: string }
  | { readonly kind: 'memory'; readonly address: number; readonly bytes: Uint8Array }
  | { readonly kind: 'map'; readonly map: string; readonly key: Uint8Array; readonly value: Uint8Array | null }
);

/** All that is needed to stand where the debugger stands, from nothing. */
export interface MachineRecipe {
  /** Names program and event; a worker that knows it goes on from where it is. */
  readonly session: string;
  readonly program: ProgramSpec;
  readonly event: EventSpec;
  readonly breakpoints: readonly BreakpointSpec[];
  readonly watches: readonly WatchSpec[];
  readonly edits: readonly EditSpec[];
  /** Step that the page shows. */
  readonly at: number;
}

export type MachineAction =
  | { readonly kind: 'look' | 'into' | 'over' | 'out' | 'back' | 'backOver' | 'continue' | 'reverse' }
  | { readonly kind: 'goTo'; readonly step: number }
  | { readonly kind: 'runTo' | 'reverseTo'; readonly insns: readonly number[] }
  | { readonly kind: 'edit'; readonly edit: EditSpec };

export type MachineReason =
  | { readonly kind: 'begin' | 'step' | 'ended' | 'stopped' }
  | { readonly kind: 'breakpoint'; readonly ids: readonly number[] }
  | { readonly kind: 'watchpoint'; readonly id: number; readonly before: Uint8Array; readonly after: Uint8Array }
  | { readonly kind: 'fault'; readonly insnIdx: number; readonly what: string; readonly advice: string }
  | { readonly kind: 'condition'; readonly id: number; readonly what: string };

export interface MachineFrame {
  readonly insn: number;
  /** Address of its 512 bytes of stack, and the bytes. */
  readonly stackBase: number;
  readonly stack: Uint8Array;
  /** Where each eight bytes of it, from the lowest on, point: `packet+14`. */
  readonly notes: readonly string[];
  /** r6…r9 as decimal strings, unsigned. */
  readonly callee: readonly string[];
  /** Instructions that it waits for or runs are in a function that a helper called. */
  readonly callback: boolean;
}

export interface MachineRegion {
  readonly name: string;
  /** First accessible address of its first element. */
  readonly base: number;
  readonly stride: number;
  readonly size: number;
  readonly count: number;
  readonly writable: boolean;
}

/** The machine at one place of the run. */
export interface MachineView {
  readonly step: number;
  /** Steps of the whole run; null until it has ended once. */
  readonly length: number | null;
  readonly reason: MachineReason;
  /** The instruction that comes next; -1 when the run has ended. */
  readonly insn: number;
  /** r0…r10 as decimal strings, unsigned, and where those that are addresses point: `packet+14`. */
  readonly registers: readonly string[];
  readonly notes: readonly string[];
  readonly frames: readonly MachineFrame[];
  readonly regions: readonly MachineRegion[];
  readonly maps: readonly { readonly name: string; readonly keySize: number; readonly valueSize: number }[];
  /** r0 as u32, once the run has ended. */
  readonly returnValue: number | null;
  /** What the program printed or sent so far: the last of them. */
  readonly events: readonly string[];
  readonly recording: { readonly count: number; readonly bytes: number; readonly spacing: number };
  /** Steps at which something was edited. */
  readonly edited: readonly number[];
}

export interface MapPage {
  readonly total: number;
  readonly entries: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
}

/** A value of the model, as far as the run has made it. */
export interface MachineTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly nodes: readonly number[];
  /** -1 for inputs, which stand before the first stage. */
  readonly stage: number;
  /** Whether it lies in memory: see `ValueState`. */
  readonly state: 'whole' | 'later' | 'overwritten' | 'rows';
  /** Parts that were made, of how many; 0 for a value that comes later. */
  readonly made: number;
  readonly parts: number;
  /** Larger for what was made later. */
  readonly order: number;
}

export type MachineTensors = readonly MachineTensor[];

export interface MachineTensorData {
  readonly name: string;
  readonly dims: readonly number[];
  readonly scale: number;
  /** A scale for each element in place of `scale`, where rows have scales of their own. */
  readonly scales: Float64Array | null;
  readonly max: number;
  readonly masks: boolean;
  readonly data: Int32Array;
  /** 1 for the elements that were made; null when all were. */
  readonly known: Uint8Array | null;
  /** Flat index of the first element that was made last. */
  readonly latest: number;
}

/** What the verifier knew at the instruction, beside what is. */
export interface AbstractView {
  readonly rows: readonly {
    readonly name: string;
    readonly text: string;
    readonly smin?: string;
    readonly smax?: string;
    readonly tnumValue?: string;
    readonly tnumMask?: string;
    /** Of a scalar whose value was given: within range and known bits. */
    readonly inside?: boolean;
  }[];
  /** The visit whose state it is, from 0, and how many there were and are known. */
  readonly visit: number;
  readonly visits: number;
  readonly kept: number;
  /** All given values are within this state. */
  readonly covers: boolean;
}

/** How an event's or a replay's executed instructions are spread. */
export interface ProfileView {
  readonly programKey: string;
  /** Events [from, from + events) of the trace. */
  readonly from: number;
  readonly events: number;
  readonly faults: number;
  readonly executed: number;
  readonly counts: Float64Array;
  readonly taken: Float64Array;
  readonly byOrigin: Float64Array;
  readonly unclaimed: number;
  readonly divided: number;
  readonly loops: readonly {
    readonly head: number;
    readonly from: number;
    readonly to: number;
    readonly entries: number;
    readonly iterations: number;
    readonly executed: number;
    readonly depth: number;
  }[];
  /** Time of one event in WebAssembly, measured over `timedRuns` runs; null where it could not be. */
  readonly nsPerEvent: number | null;
  readonly timedRuns: number;
  readonly engine: 'wasm' | 'interp';
}

/** Time by node in the engine, measured stage by stage. */
export interface NodeTimesView {
  readonly programKey: string;
  /** ONNX node and nanoseconds of one event. */
  readonly nodes: readonly (readonly [node: number, ns: number])[];
  /** What the program takes without any stage: the hook. */
  readonly rest: number;
  readonly stages: number;
  /** Parts that were timed: fewer than stages where there are many. */
  readonly cuts: number;
}

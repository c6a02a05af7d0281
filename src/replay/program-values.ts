import { OP_CALL, PSEUDO_CALL } from '../bpf/insn.ts';
import type { Insn, Program } from '../bpf/program.ts';
import type { ProgramMeta, TensorPlan, ValueBuffer, ValuePlace } from '../compiler/api.ts';
import { allOffsets } from '../compiler/graph/view.ts';
import { roundName } from '../compiler/ir/outline.ts';
import { BYTES } from '../compiler/slots.ts';
import { CLOCK_MAP, clockValue } from '../hooks/clock.ts';
import { enterContext } from '../hooks/syscalls/context.ts';
import { elementCount } from '../onnx/tensor.ts';
import type { Tensors } from '../reference/reference.ts';
import type { SystemCall } from '../traces/syscalls/calls.ts';
import type { VmMap } from '../vm/maps.ts';
import type { Stepper, Vm } from '../vm/vm.ts';
import { ModelRunner, storeInputs } from './runner.ts';

/** The integers of one ONNX value as they stood in the program's memory. */
export interface ProgramValue {
  readonly name: string;
  readonly dims: readonly number[];
  /** real = scale × integer. */
  readonly scale: number;
  /** Of a value whose rows have scales of their own, one for each element, in place of `scale`. */
  readonly scales: Float64Array | null;
  readonly data: Int32Array;
  /** Integers are saturated at this magnitude. */
  readonly max: number;
  readonly masks: boolean;
  /** The value was never whole in memory: it was read row by row as its stage made it. */
  readonly byRows: boolean;
  /** ONNX nodes that the step which wrote it serves. */
  readonly nodes: readonly number[];
  readonly stage: number;
}

export interface ProgramValues {
  readonly values: readonly ProgramValue[];
  /** The event was decided without the model: no stage ran. */
  readonly ran: boolean;
  /** Stages that did not run as they were planned, as in a program that was edited by hand: their values are not known. */
  readonly unplanned: readonly string[];
  readonly insnsExecuted: number;
}

/** The places of the iterations of a stage, in the order in which it goes through them: an index for each loop. */
export function iterations(outer: readonly number[], lanes: 1 | 2 | 3): number[][] {
  let all: number[][] = [[]];
  outer.forEach((n, level) => {
    const step = level === outer.length - 1 ? lanes : 1;
    const at: number[] = [];
    for (let i = 0; i + step <= n; i += step) at.push(i);
    // An odd last row is done once more, together with the one before it.
    if (n % step !== 0) at.push(n - step);
    all = all.flatMap((indices) => at.map((i) => [...indices, i]));
  });
  return all;
}

/** A value as far as a run has made it. */
export interface CollectedValue extends ProgramValue {
  /** Iterations of its stage that made their part of it, of how many; 1 of 1 for a value that stands whole when its stage returns. */
  readonly made: number;
  readonly parts: number;
  /** Of a value that is made row by row: 1 for the elements that were made, and the flat index of the first one made last. */
  readonly known: Uint8Array | null;
  readonly latest: number;
  /** Larger for what was made later. */
  readonly order: number;
}

/**
 * Reads the values of a compiled model as a run makes them: whole ones when their stage returns, those that live in rows whenever the
 * kernel that makes a pair of rows returns, or comes to its next operator. `onStop` must hear of every instruction in `stops`.
 */
export class ValueCollector {
  /** Instructions to stop at: first ones of stages, calls in main and in stages, and what follows those. */
  readonly stops: Uint8Array;
  readonly #program: Program;
  readonly #plan: TensorPlan;
  /** By buffer, whether it is read. */
  readonly #read: readonly boolean[];
  /** Stage by its function's first instruction. */
  readonly #stageAt = new Map<number, number>();
  readonly #iterations: readonly number[][][];
  /** Buffers by the stage that makes them. */
  readonly #byStage: readonly number[][];
  /** Buffers inside kernels by the instruction where they are whole. */
  readonly #innerAt: ReadonlyMap<number, ReadonlySet<number>>;
  #memory!: Memory;
  #contents: Int32Array[] = [];
  #known: (Uint8Array | null)[] = [];
  #scales: (Float64Array | null)[] = [];
  #latest: number[] = [];
  #order: number[] = [];
  #copies = 0;
  #calls: number[] = [];
  #made: number[] = [];
  #returned: number[] = [];
  #stage = -1;
  #first = true;
  /** The call that is under way in the main function and in the stage; the instruction behind it may be reached by a jump too. */
  #under = [-1, -1];
  #report: ((done: number, total: number) => void) | undefined;

  /** With `wanted`, names of values: only those are read, and the others are left out of what is known of a run. */
  constructor(program: Program, plan: TensorPlan, wanted?: ReadonlySet<string>) {
    this.#program = program;
    this.#plan = wanted ? { ...plan, values: plan.values.filter(({ name }) => wanted.has(name)) } : plan;
    const buffers = new Set(this.#plan.values.map(({ buffer }) => buffer));
    this.#read = plan.buffers.map((_, at) => !wanted || buffers.has(at));
    const starts = new Map(program.subprogs.map(({ name, start }) => [name, start]));
    plan.stages.forEach(({ name }, stage) => {
      const start = starts.get(name);
      if (start !== undefined) this.#stageAt.set(start, stage);
    });
    this.#iterations = plan.stages.map(({ outer, lanes }) => iterations(outer, lanes));
    this.#byStage = plan.stages.map((_, stage) =>
      plan.buffers.flatMap((buffer, at) => (buffer.stage === stage && this.#read[at] ? [at] : [])),
    );
    // Where nothing is read, nothing needs to be counted.
    const counted = (stage: number) => !wanted || this.#byStage[stage]!.length > 0;
    const within = [...this.#stageAt].flatMap(([start, stage]) => (counted(stage) ? [start] : []));
    const rounds = program.subprogs.filter(({ name }) =>
      plan.stages.some((stage, at) => counted(at) && name.startsWith(roundName(stage.name))),
    );
    this.stops = stopsOf(program, [...this.#stageAt.keys()], [...within, ...rounds.map(({ start }) => start)]);
    this.#innerAt = innerPlaces(program, plan, this.#read);
    for (const insn of this.#innerAt.keys()) this.stops[insn] = 1;
  }

  /** A new run on `vm`. `report` hears how many stages of how many are done. */
  begin(vm: Vm, report?: (done: number, total: number) => void): void {
    const { buffers, stages } = this.#plan;
    this.#memory = new Memory(vm);
    this.#contents = buffers.map((buffer, at) => new Int32Array(this.#read[at] ? elementCount(buffer.dims) : 0));
    this.#known = buffers.map(({ rows }, at) => (rows ? new Uint8Array(this.#contents[at]!.length) : null));
    this.#scales = buffers.map(({ rows }, at) => (rows?.inner?.shares ? new Float64Array(this.#contents[at]!.length) : null));
    this.#latest = buffers.map(() => 0);
    this.#order = buffers.map(() => 0);
    this.#made = buffers.map(() => 0);
    this.#calls = stages.map(() => 0);
    this.#returned = stages.map(() => 0);
    [this.#stage, this.#first, this.#under, this.#report] = [-1, true, [-1, -1], report];
  }

  onStop({ frame, insnIdx }: Pick<Stepper, 'frame' | 'insnIdx'>): void {
    const inner = this.#innerAt.get(insnIdx);
    if (inner && this.#stage >= 0) this.#copyRows(this.#stage, this.#calls[this.#stage]!, (at) => inner.has(at));
    // A stage may call its kernels from rounds that are functions of their own; nothing below those is stopped at.
    const level = Math.min(frame, 1);
    if (this.#stageAt.has(insnIdx)) this.#begin(insnIdx);
    if (this.#under[level] === insnIdx - 1) {
      this.#under[level] = -1;
      if (level === 1) this.#kernelReturned();
      else this.#stageReturned();
    }
    if (isLocalCall(this.#program.insns[insnIdx])) this.#under[level] = insnIdx;
  }

  #begin(start: number): void {
    this.#stage = this.#stageAt.get(start) ?? -1;
    if (this.#stage < 0 || !this.#first) return;
    this.#first = false;
    this.#plan.buffers.forEach((buffer, at) => {
      if (buffer.stage < 0 && this.#read[at]) this.#memory.copy(buffer, this.#contents[at]!);
    });
  }

  #kernelReturned(): void {
    const stage = this.#stage;
    if (stage < 0) return;
    const call = this.#calls[stage]!++;
    this.#copyRows(stage, call, (at) => !this.#plan.buffers[at]!.rows?.inner);
  }

  /** Rows that call number `call` of a kernel in `stage` makes, of the buffers in question. */
  #copyRows(stage: number, call: number, wanted: (buffer: number) => boolean): void {
    const plan = this.#plan.stages[stage]!;
    const indices = this.#iterations[stage]![Math.floor(call / plan.calls)];
    if (!indices) return;
    for (const at of this.#byStage[stage]!) {
      const buffer = this.#plan.buffers[at]!;
      if (buffer.rows?.call !== call % plan.calls || !wanted(at)) continue;
      this.#made[at]!++;
      this.#order[at] = ++this.#copies;
      const into = { data: this.#contents[at]!, known: this.#known[at]!, scales: this.#scales[at]! };
      this.#latest[at] = this.#memory.copyRows(buffer, into, indices, plan.lanes);
    }
  }

  #stageReturned(): void {
    const stage = this.#stage;
    if (stage < 0) return;
    this.#returned[stage]!++;
    for (const at of this.#byStage[stage]!) {
      const buffer = this.#plan.buffers[at]!;
      if (buffer.rows) continue;
      this.#order[at] = ++this.#copies;
      this.#memory.copy(buffer, this.#contents[at]!);
    }
    this.#report?.(stage + 1, this.#plan.stages.length);
    this.#stage = -1;
  }

  /** Stages that have returned did so as they were planned; by stage, null for those that have not returned. */
  #planned(): (boolean | null)[] {
    return this.#plan.stages.map(({ calls }, at) => {
      if (this.#returned[at] === 0) return null;
      return this.#returned[at] === 1 && this.#calls[at] === calls * this.#iterations[at]!.length;
    });
  }

  /** What a whole run left. */
  result(): Omit<ProgramValues, 'insnsExecuted'> {
    const planned = this.#planned();
    const ran = planned.some((one) => one !== null);
    const values = this.#plan.values.flatMap((place): ProgramValue[] => {
      const { stage } = this.#plan.buffers[place.buffer]!;
      return !ran || (stage >= 0 && planned[stage] !== true) ? [] : [this.#valueAt(place)];
    });
    return { values, ran, unplanned: ran ? this.#plan.stages.flatMap(({ name }, at) => (planned[at] ? [] : [name])) : [] };
  }

  /** What a run made until now; values of which nothing is made, or whose stage did not run as planned, are left out. */
  soFar(): CollectedValue[] {
    const planned = this.#planned();
    return this.#plan.values.flatMap((place): CollectedValue[] => {
      const { stage, rows, dims } = this.#plan.buffers[place.buffer]!;
      if (this.#first || (stage >= 0 && planned[stage] === false)) return [];
      const parts = rows ? this.#iterations[stage]!.length : 1;
      const made = rows ? this.#made[place.buffer]! : stage < 0 || planned[stage] ? 1 : 0;
      if (made === 0) return [];
      const offsets = place.map && allOffsets(place.map);
      const known = this.#known[place.buffer]!;
      const latest = this.#latest[place.buffer]!;
      return [
        {
          ...this.#valueAt(place),
          made: Math.min(made, parts),
          parts,
          known: known && (offsets ? Uint8Array.from(offsets, (off) => known[off]!) : known),
          order: this.#order[place.buffer]!,
          latest: offsets ? Math.max(0, offsets.indexOf(latest)) : Math.min(latest, elementCount(dims) - 1),
        },
      ];
    });
  }

  #valueAt(place: ValuePlace): ProgramValue {
    const buffer = this.#plan.buffers[place.buffer]!;
    const offsets = place.map && allOffsets(place.map);
    const scales = this.#scales[place.buffer]!;
    return {
      name: place.name,
      dims: place.dims,
      scale: buffer.scale * place.gain,
      scales: scales && Float64Array.from(offsets ?? scales.keys(), (off) => scales[off]! * place.gain),
      data: seen(this.#contents[place.buffer]!, offsets),
      max: buffer.max,
      masks: buffer.masks,
      byRows: buffer.rows !== null,
      nodes: buffer.nodes,
      stage: buffer.stage,
    };
  }
}

/** Runs a compiled model on one event in the interpreter, after others in the fast engine if there were any, and reads every value that it has in memory. */
export class ValueReader {
  readonly #runner: ModelRunner;
  readonly #vm: Vm;
  readonly #meta: ProgramMeta;
  readonly #collector: ValueCollector;

  constructor(program: Program, meta: ProgramMeta, plan: TensorPlan) {
    this.#runner = new ModelRunner(program, meta);
    this.#vm = this.#runner.vm;
    this.#meta = meta;
    this.#collector = new ValueCollector(program, plan);
  }

  /** `report` hears how many stages of how many are done. */
  packet(packet: Uint8Array, report?: (done: number, total: number) => void, timeNs?: number): ProgramValues {
    if (timeNs !== undefined && this.#vm.maps.has(CLOCK_MAP)) this.#vm.maps.get(CLOCK_MAP).update(new Uint8Array(4), clockValue(timeNs));
    return this.#run(packet, report);
  }

  /** What came before: programs that keep flows or processes remember it. */
  after(packet: Uint8Array, timeNs?: number): void {
    this.#runner.runPacket(packet, timeNs);
  }

  afterCall(call: SystemCall): void {
    this.#runner.runCall(call);
  }

  call({ pid, tid, nr }: SystemCall, report?: (done: number, total: number) => void): ProgramValues {
    const collector = this.#collector;
    collector.begin(this.#vm, report);
    this.#vm.task = { process: pid, thread: tid };
    const { stops } = collector;
    const { insnsExecuted } = this.#vm.trace({ context: enterContext(nr, tid) }, (insnIdx, frame) => {
      if (stops[insnIdx]) collector.onStop({ insnIdx, frame });
    });
    return { ...collector.result(), insnsExecuted };
  }

  tensors(inputs: Tensors, report?: (done: number, total: number) => void): ProgramValues {
    storeInputs(this.#vm.maps, this.#meta, inputs);
    return this.#run(new Uint8Array(64), report);
  }

  #run(packet: Uint8Array, report?: (done: number, total: number) => void): ProgramValues {
    const collector = this.#collector;
    collector.begin(this.#vm, report);
    const { insnsExecuted } = this.#vm.runTraced(packet, (stepper) => collector.onStop(stepper), {}, collector.stops);
    return { ...collector.result(), insnsExecuted };
  }
}

const isLocalCall = (insn: Insn | undefined): boolean => insn?.opcode === OP_CALL && insn.src === PSEUDO_CALL;

/** First instructions of stages; and in the main function and in those that begin at `within`, calls and what follows them. */
function stopsOf({ insns, subprogs }: Program, stages: readonly number[], within: readonly number[]): Uint8Array {
  const stops = new Uint8Array(insns.length);
  const starts = subprogs.map(({ start }) => start).sort((a, b) => a - b);
  for (const start of stages) stops[start] = 1;
  for (const start of [0, ...within]) {
    const end = starts.find((other) => other > start) ?? insns.length;
    for (let insn = start; insn < end; insn++) {
      if (isLocalCall(insns[insn])) stops.fill(1, insn, Math.min(insn + 2, insns.length));
    }
  }
  return stops;
}

/** Where buffers inside kernels are whole: in each function with code for the buffer's own node, the first instruction that serves the next node and not it. */
function innerPlaces(
  { subprogs, insns, insnOrigins, origins }: Program,
  { buffers }: TensorPlan,
  wanted: readonly boolean[],
): Map<number, Set<number>> {
  const places = new Map<number, Set<number>>();
  const starts = subprogs.map(({ start }) => start).sort((a, b) => a - b);
  buffers.forEach(({ rows, nodes }, at) => {
    if (!rows?.inner || !wanted[at]) return;
    const { before } = rows.inner;
    const own = nodes.at(-1)!;
    const serves = (insn: number, node: number): boolean =>
      insnOrigins[insn]!.some((origin) => origins[origin]!.kind === 'node' && origins[origin]!.nodeIdx === node);
    starts.forEach((start, func) => {
      const end = starts[func + 1] ?? insns.length;
      let insn = start;
      while (insn < end && !(serves(insn, own) && !serves(insn, before))) insn++;
      while (insn < end && !(serves(insn, before) && !serves(insn, own))) insn++;
      if (insn < end) places.set(insn, (places.get(insn) ?? new Set()).add(at));
    });
  });
  return places;
}

const seen = (data: Int32Array, offsets: Int32Array | null): Int32Array => (offsets ? offsets.map((off) => data[off]!) : data);

/** Reads buffers out of a machine's maps. */
class Memory {
  readonly #vm: Vm;
  readonly #maps = new Map<string, VmMap>();

  constructor(vm: Vm) {
    this.#vm = vm;
  }

  #entry(buffer: ValueBuffer): DataView {
    let map = this.#maps.get(buffer.map);
    if (!map) {
      map = this.#vm.maps.get(buffer.map);
      this.#maps.set(buffer.map, map);
    }
    const key = new Uint8Array(4);
    const page = map.def.maxEntries > 1 ? Math.floor(buffer.byteOff / map.def.valueSize) : 0;
    new DataView(key.buffer).setUint32(0, page, true);
    const value = map.lookup(key)!;
    return new DataView(value.buffer, value.byteOffset + buffer.byteOff - page * map.def.valueSize);
  }

  copy(buffer: ValueBuffer, into: Int32Array): void {
    read(this.#entry(buffer), buffer.elem, 0, into, 0, into.length);
  }

  /** The rows of one iteration, from where the stage keeps them to where they belong; gives the place of the first, and marks all in `known`. */
  copyRows(
    buffer: ValueBuffer,
    { data, known, scales }: { data: Int32Array; known: Uint8Array; scales: Float64Array | null },
    indices: readonly number[],
    lanes: 1 | 2 | 3,
  ): number {
    const { elems, strides, words } = buffer.rows!;
    const view = this.#entry(buffer);
    const base = indices.reduce((sum, index, level) => sum + index * (strides[level] ?? 0), 0);
    const apart = strides.at(-1) ?? 0;
    for (let lane = 0; lane < (strides.length > 0 ? lanes : 1); lane++) {
      const from = base + lane * apart;
      if (buffer.rows!.inner) readInner(view, lane, words!, data, scales, from, elems);
      else if (words !== undefined) readWords(view, lane, words, data, from, elems);
      else read(view, buffer.elem, lane * elems * BYTES[buffer.elem], data, from, elems);
      known.fill(1, from, from + elems);
    }
    return base;
  }
}

/** The integers of a value as they stand in `vm`'s memory now; whether they are still those of the value is the caller's to know. */
export function readPlace(vm: Vm, plan: TensorPlan, place: ValuePlace): Int32Array {
  const buffer = plan.buffers[place.buffer]!;
  const contents = new Int32Array(elementCount(buffer.dims));
  new Memory(vm).copy(buffer, contents);
  return seen(contents, place.map && allOffsets(place.map));
}

/** One row of two that alternate; with `scales`, what its integers are worth as shares of the row's sum. */
function readInner(
  view: DataView,
  lane: number,
  zero: number,
  into: Int32Array,
  scales: Float64Array | null,
  at: number,
  count: number,
): void {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const integer = view.getUint32(8 * i + 4 * lane, true) - zero;
    into[at + i] = integer;
    sum += integer;
  }
  scales?.fill(sum > 0 ? 1 / sum : 0, at, at + count);
}

/** One row of two whose elements share words, raised by `zero`. */
function readWords(view: DataView, lane: number, zero: number, into: Int32Array, at: number, count: number): void {
  for (let i = 0; i < count; i++) into[at + i] = view.getUint32(8 * i + 4 * lane, true) - zero;
}

function read(view: DataView, elem: ValueBuffer['elem'], byteOff: number, into: Int32Array, at: number, count: number): void {
  if (elem === 'i32') for (let i = 0; i < count; i++) into[at + i] = view.getInt32(byteOff + i * 4, true);
  else if (elem === 'i16') for (let i = 0; i < count; i++) into[at + i] = view.getInt16(byteOff + i * 2, true);
  else for (let i = 0; i < count; i++) into[at + i] = view.getUint16(byteOff + i * 2, true);
}

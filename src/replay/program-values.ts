import { OP_CALL, PSEUDO_CALL } from '../bpf/insn.ts';
import type { Insn, Program } from '../bpf/program.ts';
import type { ProgramMeta, TensorPlan, ValueBuffer } from '../compiler/api.ts';
import { allOffsets } from '../compiler/graph/view.ts';
import { PAGE_BYTES } from '../compiler/kernels/frame.ts';
import type { Tensors } from '../reference/reference.ts';
import type { VmMap } from '../vm/maps.ts';
import { type Stepper, Vm } from '../vm/vm.ts';
import { storeInputs } from './runner.ts';
import { BYTES, elementCount } from './tensors.ts';

/** The integers of one ONNX value as they stood in the program's memory. */
export interface ProgramValue {
  readonly name: string;
  readonly dims: readonly number[];
  /** real = scale × integer. */
  readonly scale: number;
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
export function iterations(outer: readonly number[], lanes: 1 | 2): number[][] {
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

/**
 * Runs a compiled model on one event in the interpreter and reads every value that it has in memory: whole ones when their stage
 * returns, those that live in rows whenever the kernel that makes a pair of rows returns.
 */
export class ValueReader {
  readonly #vm: Vm;
  readonly #meta: ProgramMeta;
  readonly #plan: TensorPlan;
  /** Stage by its function's first instruction. */
  readonly #stageAt = new Map<number, number>();
  readonly #iterations: readonly number[][][];
  /** Instructions to stop at: first ones of stages, calls in main and in stages, and what follows those. */
  readonly #stops: Uint8Array;

  constructor(program: Program, meta: ProgramMeta, plan: TensorPlan) {
    this.#vm = new Vm(program, { engine: 'interp' });
    this.#meta = meta;
    this.#plan = plan;
    const starts = new Map(program.subprogs.map(({ name, start }) => [name, start]));
    plan.stages.forEach(({ name }, stage) => {
      const start = starts.get(name);
      if (start !== undefined) this.#stageAt.set(start, stage);
    });
    this.#iterations = plan.stages.map(({ outer, lanes }) => iterations(outer, lanes));
    this.#stops = stopsOf(program, this.#stageAt);
  }

  /** `report` hears how many stages of how many are done. */
  packet(packet: Uint8Array, report?: (done: number, total: number) => void): ProgramValues {
    return this.#run(packet, report);
  }

  tensors(inputs: Tensors, report?: (done: number, total: number) => void): ProgramValues {
    storeInputs(this.#vm.maps, this.#meta, inputs);
    return this.#run(new Uint8Array(64), report);
  }

  #isCall(insnIdx: number): boolean {
    return isLocalCall(this.#vm.program.insns[insnIdx]);
  }

  #run(packet: Uint8Array, report?: (done: number, total: number) => void): ProgramValues {
    const { buffers, stages } = this.#plan;
    const contents = buffers.map((buffer) => new Int32Array(elementCount(buffer.dims)));
    const memory = new Memory(this.#vm);
    const byStage = stages.map((_, stage) => buffers.flatMap((buffer, at) => (buffer.stage === stage ? [at] : [])));
    const calls = stages.map(() => 0);
    const returned = stages.map(() => 0);
    let [stage, first] = [-1, true];
    const begin = (start: number): void => {
      stage = this.#stageAt.get(start) ?? -1;
      if (stage < 0 || !first) return;
      first = false;
      buffers.forEach((buffer, at) => {
        if (buffer.stage < 0) memory.copy(buffer, contents[at]!);
      });
    };
    const kernelReturned = (): void => {
      if (stage < 0) return;
      const plan = stages[stage]!;
      const call = calls[stage]!++;
      const indices = this.#iterations[stage]![Math.floor(call / plan.calls)];
      if (!indices) return;
      for (const at of byStage[stage]!) {
        if (buffers[at]!.rows?.call === call % plan.calls) memory.copyRows(buffers[at]!, contents[at]!, indices, plan.lanes);
      }
    };
    const stageReturned = (): void => {
      if (stage < 0) return;
      returned[stage]!++;
      for (const at of byStage[stage]!) if (!buffers[at]!.rows) memory.copy(buffers[at]!, contents[at]!);
      report?.(stage + 1, stages.length);
      stage = -1;
    };
    // The call that is under way in the main function and in the stage; the instruction behind it may be reached by a jump too.
    const under = [-1, -1];
    const onStop = ({ frame, insnIdx }: Stepper): void => {
      if (frame > 1) return;
      if (this.#stageAt.has(insnIdx)) begin(insnIdx);
      if (under[frame] === insnIdx - 1) {
        under[frame] = -1;
        if (frame === 1) kernelReturned();
        else stageReturned();
      }
      if (this.#isCall(insnIdx)) under[frame] = insnIdx;
    };
    const { insnsExecuted } = this.#vm.runTraced(packet, onStop, {}, this.#stops);
    const ran = returned.some((count) => count > 0);
    const planned = stages.map((plan, at) => returned[at] === 1 && calls[at] === plan.calls * this.#iterations[at]!.length);
    const values = this.#plan.values.flatMap((place): ProgramValue[] => {
      const buffer = buffers[place.buffer]!;
      if (!ran || (buffer.stage >= 0 && !planned[buffer.stage])) return [];
      return [
        {
          name: place.name,
          dims: place.dims,
          scale: buffer.scale * place.gain,
          data: seen(contents[place.buffer]!, place.map && allOffsets(place.map)),
          max: buffer.max,
          masks: buffer.masks,
          byRows: buffer.rows !== null,
          nodes: buffer.nodes,
          stage: buffer.stage,
        },
      ];
    });
    return { values, ran, unplanned: ran ? stages.flatMap(({ name }, at) => (planned[at] ? [] : [name])) : [], insnsExecuted };
  }
}

const isLocalCall = (insn: Insn | undefined): boolean => insn?.opcode === OP_CALL && insn.src === PSEUDO_CALL;

function stopsOf({ insns, subprogs }: Program, stageAt: ReadonlyMap<number, number>): Uint8Array {
  const stops = new Uint8Array(insns.length);
  const starts = subprogs.map(({ start }) => start).sort((a, b) => a - b);
  for (const start of [0, ...stageAt.keys()]) {
    const end = starts.find((other) => other > start) ?? insns.length;
    if (start > 0) stops[start] = 1;
    for (let insn = start; insn < end; insn++) {
      if (isLocalCall(insns[insn])) stops.fill(1, insn, Math.min(insn + 2, insns.length));
    }
  }
  return stops;
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
    const page = map.def.maxEntries > 1 ? Math.floor(buffer.byteOff / PAGE_BYTES) : 0;
    new DataView(key.buffer).setUint32(0, page, true);
    const value = map.lookup(key)!;
    return new DataView(value.buffer, value.byteOffset + buffer.byteOff - page * PAGE_BYTES);
  }

  copy(buffer: ValueBuffer, into: Int32Array): void {
    read(this.#entry(buffer), buffer.elem, 0, into, 0, into.length);
  }

  /** The rows of one iteration, from where the stage keeps them to where they belong. */
  copyRows(buffer: ValueBuffer, into: Int32Array, indices: readonly number[], lanes: 1 | 2): void {
    const { elems, strides } = buffer.rows!;
    const view = this.#entry(buffer);
    const base = indices.reduce((sum, index, level) => sum + index * (strides[level] ?? 0), 0);
    const apart = strides.at(-1) ?? 0;
    for (let lane = 0; lane < (strides.length > 0 ? lanes : 1); lane++) {
      read(view, buffer.elem, lane * elems * BYTES[buffer.elem], into, base + lane * apart, elems);
    }
  }
}

function read(view: DataView, elem: ValueBuffer['elem'], byteOff: number, into: Int32Array, at: number, count: number): void {
  if (elem === 'i32') for (let i = 0; i < count; i++) into[at + i] = view.getInt32(byteOff + i * 4, true);
  else if (elem === 'i16') for (let i = 0; i < count; i++) into[at + i] = view.getInt16(byteOff + i * 2, true);
  else for (let i = 0; i < count; i++) into[at + i] = view.getUint16(byteOff + i * 2, true);
}

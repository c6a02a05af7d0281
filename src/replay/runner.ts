import { InputError } from '../base/errors.ts';
import { MAP_TYPE_ARRAY, MAP_TYPE_PERCPU_ARRAY } from '../bpf/maps.ts';
import type { Program } from '../bpf/program.ts';
import type { ProgramMeta, TensorSlot } from '../compiler/api.ts';
import { BYTES } from '../compiler/slots.ts';
import { CLOCK_MAP, clockValue } from '../hooks/clock.ts';
import { VERDICT_ORDER } from '../hooks/decide.ts';
import { CONTROL_MAP, judgeAll } from '../hooks/production/binding.ts';
import { enterContext } from '../hooks/syscalls/context.ts';
import { type LastScore, readScore, SCORE_BYTES, SCORE_MAP, scoreRead } from '../hooks/xdp.ts';
import { elementCount } from '../onnx/tensor.ts';
import type { Tensors } from '../reference/reference.ts';
import type { SystemCall } from '../traces/syscalls/calls.ts';
import { Vm, type VmMaps } from '../vm/core.ts';
import { loadTensor, storeTensor } from './tensors.ts';
import { NO_VERDICT, XDP_ACTIONS } from './verdicts.ts';

/** Name of an XDP program's return value. */
export const actionName = (returnValue: number): string => XDP_ACTIONS[returnValue] ?? `RETURN ${returnValue}`;

/** What a compiled model said about one event. */
export interface Outcome {
  /** r0 as u32. */
  readonly returnValue: number;
  /** What the program left in map `score`; null for programs without one. */
  readonly score: LastScore | null;
  /** Outputs by name as real numbers; null for a packet that the model did not see. */
  readonly outputs: Readonly<Record<string, Float64Array>> | null;
  readonly insnsExecuted: number;
}

const KEY0 = new Uint8Array(4);
const NO_SCORE = new Uint8Array(SCORE_BYTES);
/** For programs that look at no packet. */
const NO_PACKET = new Uint8Array(64);

/** A replay asks what the model says: every event is scored and judged, whatever share the program takes in production. */
function judge(maps: VmMaps): void {
  if (maps.has(CONTROL_MAP)) maps.get(CONTROL_MAP).update(KEY0, judgeAll());
}

/** The score as a probability; NaN where no model ran. */
export const probability = ({ score }: Outcome): number => (score?.ran ? score.scoreQ16 / 65_536 : Number.NaN);

/** A compiled model in the engine, fed with packets or tensors. */
export class ModelRunner {
  readonly vm: Vm;
  readonly meta: ProgramMeta;

  constructor(program: Program, meta: ProgramMeta, engine: 'wasm' | 'interp' = 'wasm', timeLimitMs?: number) {
    this.vm = new Vm(program, { engine, timeLimitMs });
    this.meta = meta;
    judge(this.vm.maps);
  }

  /** `timeNs` is what a program with flows takes for now. */
  runPacket(packet: Uint8Array, timeNs?: number): Outcome {
    if (timeNs !== undefined && this.vm.maps.has(CLOCK_MAP)) this.vm.maps.get(CLOCK_MAP).update(KEY0, clockValue(timeNs));
    const returnValue = this.vm.runUnseen({ packet });
    const { insnsExecuted } = this.vm;
    const score = this.vm.maps.has(SCORE_MAP) ? readScore(this.vm.maps.get(SCORE_MAP).lookup(KEY0)!) : null;
    return { returnValue, score, outputs: score?.ran === false ? null : this.#outputs(), insnsExecuted };
  }

  /** A system call, for programs at raw_syscalls/sys_enter; null where the model did not run at it. */
  runCall({ pid, tid, nr }: SystemCall): Outcome | null {
    this.vm.maps.get(SCORE_MAP).update(KEY0, NO_SCORE);
    this.vm.task = { process: pid, thread: tid };
    const returnValue = this.vm.runUnseen({ context: enterContext(nr, tid) });
    const score = readScore(this.vm.maps.get(SCORE_MAP).lookup(KEY0)!);
    return score.ran ? { returnValue, score, outputs: this.#outputs(), insnsExecuted: this.vm.insnsExecuted } : null;
  }

  /** One inference on tensors, for programs whose inputs lie in a map. */
  runTensors(inputs: Tensors): Outcome {
    storeInputs(this.vm.maps, this.meta, inputs);
    const returnValue = this.vm.runUnseen({ packet: NO_PACKET });
    return { returnValue, score: null, outputs: this.#outputs(), insnsExecuted: this.vm.insnsExecuted };
  }

  #outputs(): Record<string, Float64Array> {
    return readOutputs(this.meta.outputs, (map) => this.vm.maps.get(map).lookup(KEY0)!);
  }
}

/**
 * A program in the engine, fed with millions of events: what one came to stands in fields until the next. It says what {@link ModelRunner} says,
 * without an object for each event.
 */
export class Scorer {
  readonly vm: Vm;
  /** r0 as u32. */
  verdict = 0;
  /** Probability; NaN where no model ran. */
  score = Number.NaN;
  /** The first output as real numbers; null where no model ran. */
  output: ArrayLike<number> | null = null;
  readonly #meta: ProgramMeta | null;
  readonly #score: ReturnType<VmMaps['get']> | null;
  readonly #clock: ReturnType<VmMaps['get']> | null;

  /** `timeLimitMs`: an event that takes longer is stopped. */
  constructor(program: Program, meta: ProgramMeta | null, timeLimitMs?: number) {
    this.vm = new Vm(program, { engine: 'wasm', timeLimitMs });
    this.#meta = meta;
    const { maps } = this.vm;
    this.#judge();
    this.#score = meta && maps.has(SCORE_MAP) ? maps.get(SCORE_MAP) : null;
    this.#clock = maps.has(CLOCK_MAP) ? maps.get(CLOCK_MAP) : null;
  }

  /** Forgets every event: maps are as they were at first. */
  reset(): void {
    this.vm.resetMaps();
    this.#judge();
  }

  #judge(): void {
    if (this.#meta) judge(this.vm.maps);
  }

  /** Instructions that the last event executed. */
  get executed(): number {
    return this.vm.insnsExecuted;
  }

  /** One packet; `timeNs` is what the program takes for now. */
  packet(frame: Uint8Array, timeNs: number): void {
    this.vm.clockNs = timeNs;
    this.#clock?.update(KEY0, clockValue(timeNs));
    this.verdict = this.vm.runUnseen({ packet: frame });
    if (!this.#meta) return;
    const read = this.#score ? scoreRead(this.#score.lookup(KEY0)!) : null;
    this.score = read ?? Number.NaN;
    this.output = this.#score && read === null ? null : this.#first();
  }

  /** A system call, for programs at raw_syscalls/sys_enter; no verdict where the model does not run at it. */
  call({ pid, tid, nr }: SystemCall): void {
    this.#score?.update(KEY0, NO_SCORE);
    this.vm.task = { process: pid, thread: tid };
    this.vm.runUnseen({ context: enterContext(nr, tid) });
    const said = this.#score ? readScore(this.#score.lookup(KEY0)!) : null;
    this.verdict = said?.ran ? VERDICT_ORDER.indexOf(said.verdict) : NO_VERDICT;
    this.score = said?.ran ? said.scoreQ16 / 65_536 : Number.NaN;
    this.output = said?.ran ? this.#first() : null;
  }

  /** One inference on tensors, for programs whose inputs lie in a map. */
  tensors(inputs: Tensors): void {
    if (this.#meta) storeInputs(this.vm.maps, this.#meta, inputs);
    this.verdict = this.vm.runUnseen({ packet: NO_PACKET });
    this.output = this.#meta ? this.#first() : null;
  }

  #first(): ArrayLike<number> | null {
    const [slot] = this.#meta!.outputs;
    return slot ? Object.values(readOutputs([slot], (map) => this.vm.maps.get(map).lookup(KEY0)!))[0]! : null;
  }
}

/** Writes one inference's inputs where the program reads them. */
export function storeInputs(maps: VmMaps, meta: ProgramMeta, inputs: Tensors): void {
  const values = new Map<string, Uint8Array>();
  for (const slot of meta.inputs) {
    const tensor = inputs[slot.name];
    if (!tensor) throw new InputError(`input \`${slot.name}\` is missing`, 'inputs');
    if (!values.has(slot.map)) values.set(slot.map, maps.get(slot.map).lookup(KEY0)!);
    storeTensor(tensor, slot, values.get(slot.map)!);
  }
  for (const [name, value] of values) maps.get(name).update(KEY0, value);
}

/** Outputs as real numbers, from the values that hold them. */
export function readOutputs(slots: readonly TensorSlot[], bytesOf: (map: string) => Uint8Array): Record<string, Float64Array> {
  return Object.fromEntries(slots.map((slot) => [slot.name, loadTensor(slot, bytesOf(slot.map))]));
}

/** Checks what `.debug_bpformer` holds, against the program that it came with, before anything trusts it. Null when the object has none. */
export function parseMeta(meta: unknown, where: string, program: Pick<Program, 'maps'>): ProgramMeta | null {
  if (meta === undefined || meta === null) return null;
  const value = meta as Partial<ProgramMeta>;
  const isSlot = (slot: Partial<TensorSlot> | null): boolean =>
    typeof slot?.name === 'string' &&
    typeof slot.map === 'string' &&
    Number.isSafeInteger(slot.byteOff) &&
    slot.byteOff! >= 0 &&
    typeof slot.scale === 'number' &&
    ['u16', 'i16', 'i32', 'f32'].includes(slot.elem!) &&
    Array.isArray(slot.dims) &&
    slot.dims.every((dim) => Number.isSafeInteger(dim) && dim > 0 && dim < 2 ** 24) &&
    fits(slot as TensorSlot);
  const fits = ({ map: name, byteOff, dims, elem }: TensorSlot): boolean => {
    const map = program.maps.find((candidate) => candidate.name === name);
    // Entry 0 is there from the start in arrays alone.
    const isArray = map?.type === MAP_TYPE_ARRAY || map?.type === MAP_TYPE_PERCPU_ARRAY;
    return isArray && map.keySize === 4 && map.maxEntries > 0 && byteOff + elementCount(dims) * BYTES[elem] <= map.valueSize;
  };
  const slots = (list: unknown): boolean => Array.isArray(list) && list.every(isSlot);
  if (
    value.format !== 'bpformer' ||
    value.version !== 1 ||
    !slots(value.inputs) ||
    !slots(value.outputs) ||
    typeof value.binding !== 'object'
  ) {
    throw new InputError('its .debug_bpformer section is not one that this version reads', where);
  }
  return value as ProgramMeta;
}

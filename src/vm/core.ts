import { InputError } from '../base/errors.ts';
import { ACCEL_STACK_BYTES, PROG_TYPE_ACCELERATOR } from '../bpf/accelerator/names.ts';
import { functionStarts } from '../bpf/functions.ts';
import { MAP_TYPE_PROG_ARRAY } from '../bpf/maps.ts';
import type { MapDef, Program } from '../bpf/program.ts';
import { type AddressSpace, AddressSpaceLayout, type Region } from './address-space.ts';
import { type ContextKind, contextKind } from './context.ts';
import { type Decoded, decodeProgram, MAP_BASE, WORDS } from './decode.ts';
import { type Engine, MAX_FRAMES, STACK_SIZE } from './engine.ts';
import type { VmFault } from './fault.ts';
import { writeDynptr } from './helpers/dynptr.ts';
import { fireTimer } from './helpers/general.ts';
import { type Machine, type Redirect, runHelper, type VmEvent } from './helpers.ts';
import { Interpreter } from './interpreter.ts';
import { linkPrograms } from './link.ts';
import { callBack, EVENT_ROOM, functionArgument, type Helper, mapArgument } from './machine.ts';
import { type Cpus, createMap, type VmMap, type VmMapCore } from './maps.ts';
import type { MemoryContext } from './memory-context.ts';
import { KeyMemory, Objects } from './objects.ts';
import type { PacketMemory } from './packet.ts';
import { MEMORY_CONTEXTS, SOCKET_BUFFERS } from './parts.ts';
import type { Counters } from './profile/counters.ts';
import { RingBuffers } from './ringbuf.ts';
import { type Saved, savedTogether } from './saved.ts';
import type { SkbInput, SkbPacket } from './skb.ts';
import { ProgramThrow } from './throw.ts';
import { Timers } from './timers.ts';
import { engineBytes, WasmEngine, type WasmEnvironment } from './wasm/engine.ts';
import { Untranslatable } from './wasm/graph.ts';
import { type XdpInput, XdpPacket } from './xdp.ts';

export interface VmOptions {
  /** The processor that runs the program; decides which values of per-CPU maps it sees. Default 0. */
  readonly cpu?: number;
  /** Processors of the machine; default one more than `cpu`. */
  readonly cpus?: number;
  /** Seed of bpf_get_prandom_u32. */
  readonly randomSeed?: number;
  /** Instructions after which a run is stopped; default 1,000,000,000. */
  readonly maxInsns?: number;
  /** Milliseconds after which a run is stopped, soon if not at once; default none, so that results depend on nothing but the program. */
  readonly timeLimitMs?: number;
  /** Bytes of the memory that {@link Vm.runRaw} may be given; 0, the default, for programs that take packets. */
  readonly rawMemory?: number;
  /** `interp`, the default, or `wasm`: translated to WebAssembly, many times faster, unless the program is too large for that. Both give the same results. */
  readonly engine?: 'interp' | 'wasm';
  /** Makes the counters of what is executed in WebAssembly, for a profile: `Counters.of` (`profile/counters.ts`). */
  readonly counters?: (program: Program, starts: readonly number[]) => Counters | null;
  /** Programs beside the main one, for slots of program arrays and for {@link Vm.run}, numbered from 1 on; 0 is the main program itself. Maps of the same name are shared. */
  readonly programs?: readonly Program[];
  /** Bytes of a frame, at least 512; default what the place where the program runs gives it: 512, on the accelerator 64 KiB. */
  readonly stackBytes?: number;
  /** Functions of what surrounds the machine, by name: programs call them as they call kernel functions. */
  readonly functions?: ReadonlyMap<string, Helper>;
  /** Maps beside those of the programs, for maps of maps; numbered behind them. */
  readonly extraMaps?: readonly MapDef[];
}

/** What {@link Vm.run} gives a program: a packet, or for programs without one the bytes of its context. */
export type VmInput = ({ readonly packet: Uint8Array } & XdpInput & SkbInput) | { readonly context: Uint8Array };

export interface RunResult {
  /** r0 as u32, as a kernel test run reports it. */
  readonly returnValue: number;
  /** The packet as the program left it; null for programs without one. */
  readonly packet: Uint8Array | null;
  /** The context structure as the program left it. */
  readonly context: Uint8Array;
  /** What the program put before the packet; a kernel test run returns both as one. */
  readonly metadata: Uint8Array;
  readonly insnsExecuted: number;
  /** Where the last redirecting helper pointed; null without one. */
  readonly redirect: Redirect | null;
  /** What the program printed or sent to user space, in order. */
  readonly events: readonly VmEvent[];
}

export interface XdpResult {
  /** r0 as u32, as a kernel test run reports it. */
  readonly returnValue: number;
  /** The packet as the program left it. */
  readonly packet: Uint8Array;
  /** What the program put before it with bpf_xdp_adjust_meta; a kernel test run returns both as one. */
  readonly metadata: Uint8Array;
  readonly insnsExecuted: number;
  /** Where the last bpf_redirect or bpf_redirect_map pointed; null without one. */
  readonly redirect: Redirect | null;
  /** What the program printed or sent to user space, in order. */
  readonly events: readonly VmEvent[];
}

/** What a traced run shows before each instruction. */
export interface Stepper {
  readonly insnIdx: number;
  /** r0…r10 as they are, unsigned. */
  register(index: number): bigint;
  /** 0 in the main program. */
  readonly frame: number;
}

/** What the debugger works on. Memory is not among what `save` keeps: it is large, and kept by pages. */
export interface MachineParts {
  readonly interpreter: Interpreter;
  readonly space: AddressSpace;
  /** Null for programs without one. */
  readonly packet: PacketMemory | null;
  readonly events: readonly VmEvent[];
  /** A run over one event, left before its first instruction. */
  prepare(input: VmInput): void;
  /** The same over one packet. */
  prepareXdp(packet: Uint8Array, input?: XdpInput): void;
  /**
   * What became of a run that left the interpreter with `error`: bpf_throw leads to the exception callback, from which it can be resumed,
   * or ends the program; null for errors that are none of the program's own.
   */
  caught(error: unknown): 'goes on' | 'ended' | null;
  /** Everything outside the memory that a run changes, while it is paused at nesting 1. */
  save(): Saved;
}

/** The maps of a machine by name. */
export class VmMaps {
  readonly #maps: readonly VmMapCore[];

  constructor(maps: readonly VmMapCore[]) {
    this.#maps = maps;
  }

  get(name: string): VmMap {
    const map = this.#maps.find((m) => m.name === name);
    if (!map) throw new InputError(`the program has no map ${name}`, '', `It has ${this.#maps.map((m) => m.name).join(', ') || 'none'}`);
    return map;
  }

  has(name: string): boolean {
    return this.#maps.some((m) => m.name === name);
  }

  [Symbol.iterator](): Iterator<VmMap> {
    return this.#maps[Symbol.iterator]();
  }
}

/** Programs that bpf_tail_call may lead to in one run. */
const MAX_TAIL_CALLS = 33;
/** Longest record that user space may queue. */
const MAX_RECORD = 1 << 16;

/** Bytes that helpers work through between two looks at the clock: some milliseconds. */
const SPENT_BETWEEN_LOOKS = 1 << 22;

/** tc, actions, XDP, lwt_xmit, sk_skb and sk_msg. */
const WRITES_PACKET = new Set([3, 4, 6, 12, 14, 16]);

const NO_FUNCTIONS: ReadonlyMap<string, Helper> = new Map();

/** A machine with one program in it. Maps keep their contents from run to run. */
export class Vm {
  /** The main program, with those for program arrays behind it. */
  readonly program: Program;
  readonly maps: VmMaps;
  readonly #interpreter: Interpreter;
  /** The engine of ordinary runs, and the one of the present run: steps are always interpreted. */
  readonly #engine: Engine;
  #running: Engine;
  readonly #counters: Counters | null;
  /** Instructions that the interpreter was seen at on the way to the last fault. */
  #faultPath: number[] = [];
  readonly #space: AddressSpace;
  readonly #decoded: Decoded;
  /** Code entries of the programs by number. */
  readonly #programEntries: readonly number[];
  readonly #exceptionEntry: number | null;
  readonly #kind: ContextKind;
  readonly #xdp: XdpPacket | null;
  readonly #skb: SkbPacket | null;
  readonly #memory: MemoryContext | null;
  readonly #raw: Region | null;
  /** Where a record of user space lies while its callback runs, and the dynptr to it. */
  readonly #record: Region | null;
  readonly #recordDynptr: Region | null;
  readonly #mapList: readonly VmMapCore[];
  readonly #machine: Machine;
  readonly #cpus: Cpus;
  readonly #maxInsns: number;
  readonly #timeLimitMs: number;
  #deadline = 0;
  /** Calls of helpers and callbacks, of which some look at the clock. */
  #calls = 0;
  /** Bytes that helpers worked through since the last look at the clock. */
  #spent = 0;
  #helperPc = 0;
  #tailCalls = 0;
  #random = 1;

  constructor(program: Program, options: VmOptions = {}) {
    const linked = linkPrograms(program, options.programs ?? [], options.extraMaps);
    this.program = linked.program;
    const { insns, maps, localStructs } = linked.program;
    const cpu = options.cpu ?? 0;
    this.#cpus = { count: options.cpus ?? cpu + 1, current: cpu };
    this.#maxInsns = options.maxInsns ?? 1_000_000_000;
    this.#timeLimitMs = options.timeLimitMs ?? Number.POSITIVE_INFINITY;
    const layout = new AddressSpaceLayout();
    const frame = options.stackBytes ?? (program.progType === PROG_TYPE_ACCELERATOR ? ACCEL_STACK_BYTES : STACK_SIZE);
    const stackBytes = Math.max(STACK_SIZE, (frame + 7) & ~7);
    const stack = layout.add({ name: 'stack', elementSize: stackBytes, count: MAX_FRAMES, stride: 2 * stackBytes });
    const moved = () => this.#running.packetMoved();
    this.#kind = contextKind(program.progType);
    this.#xdp = this.#kind === 'xdp' ? new XdpPacket(layout, moved) : null;
    this.#skb = this.#kind === 'skb' || this.#kind === 'skb-link' ? SOCKET_BUFFERS.make!(layout, moved, this.#kind === 'skb-link') : null;
    this.#memory = this.#kind === 'memory' ? MEMORY_CONTEXTS.make!(layout, moved, program.progType) : null;
    this.#raw = options.rawMemory ? layout.add({ name: 'memory', elementSize: 0, stride: options.rawMemory, moves: true }) : null;
    const mapList: VmMapCore[] = [];
    for (const def of maps) mapList.push(createMap(def, layout, this.#cpus, mapList));
    this.#mapList = mapList;
    this.maps = new VmMaps(mapList);
    const takesRecords = mapList.some((map) => map.records);
    this.#record = takesRecords ? layout.add({ name: 'user record', elementSize: MAX_RECORD }) : null;
    this.#recordDynptr = takesRecords ? layout.add({ name: 'dynptr', elementSize: 16 }) : null;
    const ringBuffers = new RingBuffers(mapList, layout);
    const keys = new KeyMemory(layout, mapList);
    const objects = new Objects(layout, localStructs);
    const decoded = decodeProgram(linked.program, (mapIdx) => mapList[mapIdx]?.valueAddress ?? null);
    this.#decoded = decoded;
    this.#programEntries = linked.starts.map((insnIdx) => decoded.entryOfInsn[insnIdx] * WORDS);
    const handler = program.subprogs.find((sub) => program.exceptionCallbacks?.includes(sub.name));
    this.#exceptionEntry = handler ? decoded.entryOfInsn[handler.start] * WORDS : null;
    const starts = [...new Set([...functionStarts(insns), ...linked.starts, ...(handler ? [handler.start] : [])])];
    const wasm = options.engine === 'wasm';
    const counters = wasm ? (options.counters?.(linked.program, starts) ?? null) : null;
    let memory: WebAssembly.Memory | null = null;
    this.#space = wasm
      ? layout.build(engineBytes(decoded, counters), (size) => {
          memory = new WebAssembly.Memory({ initial: Math.ceil(size / 65_536) });
          return memory.buffer;
        })
      : layout.build();
    for (const part of [this.#xdp, this.#skb, this.#memory, keys, ...mapList]) part?.attach(this.#space);
    const environment = {
      callHelper: (id: number, pc: number) => this.#callHelper(id, pc),
      checkTime: (pc: number) => this.#checkTime(pc),
      tailCall: (pc: number) => this.#tailCall(pc),
      loadPacket: (offset: number, size: number, pc: number) => {
        if (!this.#skb) throw this.#running.fault(pc, 'the context of this program has no socket buffer to load from');
        return this.#skb.load(offset, size);
      },
    };
    this.#interpreter = new Interpreter(decoded, this.#space, stack, environment);
    const wasmEnvironment: WasmEnvironment = {
      ...environment,
      cpus: this.#cpus,
      maps: mapList,
      keys,
      interpretFault: (pc, depth, registers) => {
        this.#running = this.#interpreter;
        return this.#interpreter.faultFrom(
          pc,
          depth,
          registers,
          () => counters && this.#watchFault(decoded.insnOfEntry[pc / WORDS], counters),
        );
      },
    };
    const translated = () => memory && new WasmEngine(decoded, starts, this.#space, memory, stack, wasmEnvironment, counters);
    this.#engine = orInterpreted(translated) ?? this.#interpreter;
    this.#counters = this.#engine === this.#interpreter ? null : counters;
    this.#running = this.#engine;
    this.#machine = this.#createMachine(ringBuffers, keys, objects, options);
  }

  /** The processor that runs the program from now on. */
  set cpu(cpu: number) {
    if (!(cpu >= 0 && cpu < this.#cpus.count))
      throw new InputError(`this machine has ${this.#cpus.count} processors: there is no processor ${cpu}`);
    this.#cpus.current = cpu;
  }

  get cpu(): number {
    return this.#cpus.current;
  }

  /** What runs the program. */
  get engine(): 'interp' | 'wasm' {
    return this.#engine === this.#interpreter ? 'interp' : 'wasm';
  }

  /** Instructions of the last run. */
  get insnsExecuted(): number {
    return this.#running.executed;
  }

  /** What has been executed so far; null unless the machine was made to count and runs WebAssembly. */
  get counters(): Counters | null {
    return this.#counters;
  }

  /** After a fault of a machine that counts: its context, and the blocks that counters do not have, behind the place where they end. */
  faultPath(): { readonly context: number; readonly path: readonly number[] } {
    return { context: this.#counters!.contextOf((this.#engine as WasmEngine).record), path: this.#faultPath };
  }

  #watchFault(from: number, { blocks }: Counters): void {
    this.#faultPath = [from];
    let began = false;
    const onInsn = (insnIdx: number): void => {
      if (began || insnIdx !== from) this.#faultPath.push(insnIdx);
      began = true;
    };
    this.#interpreter.watch({ onInsn }, blocks.leaders);
  }

  /** Where bpf_ktime_get_ns stands, in nanoseconds. */
  set clockNs(now: number) {
    this.#machine.clockNs = now;
  }

  get clockNs(): number {
    return this.#machine.clockNs;
  }

  /** The process (thread group) and thread that programs find running, 1 of each at first. */
  set task(task: { readonly process: number; readonly thread: number }) {
    this.#machine.task = task;
  }

  /** One event through the program, or through another of the machine by its number. Throws {@link VmFault}, which names the instruction. */
  run(input: VmInput, program = 0): RunResult {
    this.#begin();
    return this.#run(input, program);
  }

  /** As {@link run}, for those who only want r0, as u32: nothing is copied. */
  runUnseen(input: VmInput): number {
    this.#begin();
    this.#running.registers[2] = this.#receive(input).base;
    this.#callMain();
    return this.#running.registers[0] >>> 0;
  }

  /** One packet through the program. Throws {@link VmFault}, which names the instruction. */
  runXdp(packet: Uint8Array, input: XdpInput = {}): XdpResult {
    this.#begin();
    return this.#runXdp(packet, input);
  }

  /** Lets the virtual clock go on by `ns` and calls the callbacks of the timers that become due. Returns what they told the world. */
  advance(ns: number): readonly VmEvent[] {
    const until = this.#machine.clockNs + ns;
    const events: VmEvent[] = [];
    this.#begin();
    // A timer may start itself again, at once and for ever: all callbacks share one budget.
    let left = this.#maxInsns;
    for (let due = this.#machine.timers.next(until); due; due = this.#machine.timers.next(until)) {
      this.#checkTime(due.entry);
      if (left <= 0)
        throw this.#running.fault(
          due.entry,
          `stopped after ${this.#maxInsns} instructions`,
          'The timers do not end, or need a larger budget',
        );
      this.#beginPart(this.#engine, left);
      this.#machine.clockNs = Math.max(this.#machine.clockNs, due.due);
      fireTimer(this.#machine, { ...due, map: MAP_BASE + this.#mapList.indexOf(due.map) * 16 });
      left -= this.#running.executed;
      for (const event of this.#machine.events) events.push(event);
    }
    this.#machine.clockNs = Math.max(this.#machine.clockNs, until);
    return events;
  }

  /**
   * As {@link runXdp}, with a look at the machine before every instruction, about ten times slower; or before those whose slot of
   * `only` holds 1, at no cost for the others. The same array for every run spares preparing it again.
   */
  runTraced(packet: Uint8Array, onInsn: (stepper: Stepper) => void, input: XdpInput = {}, only: Uint8Array | null = null): XdpResult {
    this.#begin(this.#interpreter);
    const interpreter = this.#interpreter;
    let insnIdx = 0;
    const stepper: Stepper = {
      get insnIdx() {
        return insnIdx;
      },
      get frame() {
        return interpreter.depth;
      },
      register: (index) => this.#register(index),
    };
    interpreter.trace((idx) => {
      insnIdx = idx;
      onInsn(stepper);
    }, only);
    return this.#runXdp(packet, input);
  }

  /** As {@link run}, with a call before every instruction: its slot, and 0 for the main program or the depth of calls. */
  trace(input: VmInput, onInsn: (insnIdx: number, frame: number) => void): RunResult {
    this.#begin(this.#interpreter);
    const interpreter = this.#interpreter;
    interpreter.trace((insnIdx) => onInsn(insnIdx, interpreter.depth));
    return this.#run(input);
  }

  /** How often each instruction runs for one packet; index by instruction slot. */
  executedCounts(packet: Uint8Array, input: XdpInput = {}): Uint32Array {
    const counts = new Uint32Array(this.program.insns.length);
    this.#begin(this.#interpreter);
    this.#interpreter.trace((insnIdx) => {
      counts[insnIdx]++;
    });
    this.#runXdp(packet, input);
    return counts;
  }

  /** Runs with r1 = the address of `memory` and r2 = its length; `memory` is written back. Returns r0, unsigned. */
  runRaw(memory: Uint8Array): bigint {
    this.#begin();
    const region = this.#raw;
    if (memory.length > (region?.stride ?? 0))
      throw new InputError(`this machine has room for ${region?.stride ?? 0} bytes, not ${memory.length}`);
    const r = this.#running.registers;
    if (region) {
      region.elementSize = memory.length;
      this.#running.packetMoved();
      this.#space.bytes.set(memory, region.base);
      r[2] = region.base;
    }
    r[4] = memory.length;
    this.#callMain();
    if (region) memory.set(this.#space.bytes.subarray(region.base, region.base + memory.length));
    return this.#register(0);
  }

  /** The parts of the machine, for the debugger and the profiler, which run the program in the interpreter. */
  get parts(): MachineParts {
    const prepare = (input: VmInput): void => {
      this.#begin(this.#interpreter);
      this.#interpreter.registers[2] = this.#receive(input).base;
      this.#interpreter.enter(0);
    };
    return {
      interpreter: this.#interpreter,
      space: this.#space,
      packet: this.#machine.packet,
      events: this.#machine.events,
      prepare,
      prepareXdp: (packet, input = {}) => prepare({ packet, ...input }),
      caught: (error) => {
        if (!(error instanceof ProgramThrow)) return null;
        if (this.#exceptionEntry !== null) this.#interpreter.unwind(this.#exceptionEntry);
        this.#interpreter.registers.set(cookieWords(error), this.#exceptionEntry === null ? 0 : 2);
        return this.#exceptionEntry === null ? 'ended' : 'goes on';
      },
      save: () => this.#save(),
    };
  }

  #save(): Saved {
    const machine = this.#machine;
    const events = machine.events.slice();
    const { redirect, clockNs, room } = machine;
    const [random, tailCalls] = [this.#random, this.#tailCalls];
    const own: Saved = {
      bytes: events.length * 64,
      restore: () => {
        machine.events.splice(0, machine.events.length, ...events);
        machine.redirect = redirect;
        machine.clockNs = clockNs;
        machine.room = room;
        this.#random = random;
        this.#tailCalls = tailCalls;
      },
    };
    const { objects, keys, timers, ringBuffers, packet } = machine;
    const parts = [this.#interpreter, ringBuffers, objects, keys, timers, ...this.#mapList, ...(packet ? [packet] : [])];
    return savedTogether([...parts.map((part) => part.save()), own]);
  }

  /** All maps as they were when the machine was built; targets of redirects are forgotten. */
  resetMaps(): void {
    for (const map of this.#mapList) map.reset();
    this.#machine.timers.clear();
    this.#machine.objects.clear();
  }

  #begin(engine = this.#engine): void {
    this.#beginPart(engine, this.#maxInsns);
    this.#deadline = this.#timeLimitMs === Number.POSITIVE_INFINITY ? this.#timeLimitMs : performance.now() + this.#timeLimitMs;
    this.#machine.room = EVENT_ROOM;
  }

  /** A part of what shares one limit of time and one of what it tells the world. */
  #beginPart(engine: Engine, maxInsns: number): void {
    this.#running = engine;
    engine.begin(maxInsns);
    this.#tailCalls = 0;
    if (this.#faultPath.length > 0) this.#faultPath = [];
    this.#machine.events.length = 0;
    this.#machine.redirect = null;
    this.#machine.ringBuffers.reset();
    this.#machine.keys.reset();
  }

  #run(input: VmInput, program = 0): RunResult {
    const context = this.#receive(input);
    const r = this.#running.registers;
    r[2] = context.base;
    this.#callMain(program);
    const packet = this.#machine.packet;
    return {
      returnValue: r[0] >>> 0,
      packet: packet?.copy() ?? null,
      context: this.#space.bytes.slice(context.base, context.base + context.elementSize),
      metadata: packet?.metadata() ?? new Uint8Array(0),
      insnsExecuted: this.#running.executed,
      redirect: this.#machine.redirect,
      events: [...this.#machine.events],
    };
  }

  /** Puts the event into memory; returns where its context lies. */
  #receive(input: VmInput): Region {
    if (this.#memory) {
      if (!('context' in input)) throw new InputError('this program takes a context, not a packet', this.program.name);
      this.#memory.receive(input.context);
      return this.#memory.context;
    }
    if (!('packet' in input)) throw new InputError('this program takes a packet', this.program.name);
    const packet = (this.#xdp ?? this.#skb)!;
    packet.receive(input.packet, input);
    return packet.context;
  }

  /** Runs the main program; bpf_throw leads to its exception callback, or returns what was thrown. */
  #callMain(program = 0): void {
    try {
      this.#running.call(this.#programEntries[program]!, 0);
    } catch (error) {
      if (!(error instanceof ProgramThrow)) throw error;
      const r = this.#running.registers;
      const words = cookieWords(error);
      if (this.#exceptionEntry === null) r.set(words, 0);
      else {
        const executed = this.#running.executed;
        this.#running.begin(this.#maxInsns - executed);
        r.set(words, 2);
        this.#running.call(this.#exceptionEntry, 0);
      }
    }
  }

  #runXdp(packet: Uint8Array, input: XdpInput): XdpResult {
    const xdp = this.#xdp;
    if (!xdp) throw new InputError('it is no XDP program', this.program.name);
    xdp.receive(packet, input);
    const r = this.#running.registers;
    r[2] = xdp.context.base;
    this.#callMain();
    return {
      returnValue: r[0] >>> 0,
      packet: xdp.copy(),
      metadata: xdp.metadata(),
      insnsExecuted: this.#running.executed,
      redirect: this.#machine.redirect,
      events: [...this.#machine.events],
    };
  }

  #register(index: number): bigint {
    const r = this.#running.registers;
    return (BigInt(r[index * 2 + 1] >>> 0) << 32n) | BigInt(r[index * 2] >>> 0);
  }

  #callHelper(id: number, pc: number): void {
    this.#helperPc = pc;
    this.#countCall(pc);
    runHelper(this.#machine, id);
  }

  #countCall(pc: number): void {
    if ((++this.#calls & 1023) === 0) this.#checkTime(pc);
  }

  /** Long work of a helper counts as many calls do. */
  #spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent < SPENT_BETWEEN_LOOKS) return;
    this.#spent = 0;
    this.#checkTime(this.#helperPc);
  }

  #checkTime(pc: number): void {
    if (this.#deadline === Number.POSITIVE_INFINITY || performance.now() < this.#deadline) return;
    throw this.#running.fault(pc, `stopped after ${this.#timeLimitMs} ms`, 'The program does not end, or needs more time');
  }

  #callFunction(pc: number): void {
    this.#countCall(this.#helperPc);
    // What the callback calls moves the place; the helper that goes on stands where it stood.
    const from = this.#helperPc;
    this.#running.call(pc, from);
    this.#helperPc = from;
  }

  #tailCall(pc: number): number {
    this.#helperPc = pc;
    const map = mapArgument(this.#machine, 2);
    if (map.def.type !== MAP_TYPE_PROG_ARRAY) throw this.#running.fault(pc, 'R2 of bpf_tail_call holds no program array');
    const r = this.#running.registers;
    r[0] = 0;
    r[1] = 0;
    const slot = map.lookup(new Uint8Array(Uint32Array.of(r[6]).buffer));
    const number = slot ? new DataView(slot.buffer).getUint32(0, true) : -1;
    const entry = this.#programEntries[number] ?? -1;
    if (entry < 0 || this.#tailCalls >= MAX_TAIL_CALLS) return -1;
    this.#tailCalls++;
    return entry;
  }

  #withRecord(record: Uint8Array, use: (dynptr: number) => boolean): boolean {
    this.#space.bytes.set(record.subarray(0, MAX_RECORD), this.#record!.base);
    writeDynptr(this.#machine, this.#recordDynptr!.base, this.#record!.base, Math.min(record.length, MAX_RECORD));
    return use(this.#recordDynptr!.base);
  }

  #createMachine(
    ringBuffers: RingBuffers,
    keys: KeyMemory,
    objects: Objects,
    { randomSeed = 1, functions = NO_FUNCTIONS }: VmOptions,
  ): Machine {
    const running = () => this.#running;
    // Zero is the fixed point of the generator.
    this.#random = randomSeed | 0 || 1;
    const packet: PacketMemory | null = this.#xdp ?? this.#skb;
    const machine: Machine = {
      get registers() {
        return running().registers;
      },
      space: this.#space,
      maps: this.#mapList,
      writesPacket: WRITES_PACKET.has(this.program.progType),
      packet,
      xdp: this.#xdp,
      skb: this.#skb,
      objects,
      keys,
      kfuncNames: this.#decoded.kfuncNames,
      functions,
      ringBuffers,
      timers: new Timers(),
      cpus: this.#cpus,
      events: [],
      redirect: null,
      task: { process: 1, thread: 1 },
      room: EVENT_ROOM,
      spend: (bytes) => this.#spend(bytes),
      clockNs: 1_000_000_000,
      nextRandom: () => {
        // xorshift32 (Marsaglia 2003)
        let random = this.#random;
        random ^= random << 13;
        random ^= random >>> 17;
        random ^= random << 5;
        this.#random = random;
        return random;
      },
      callFunction: (pc) => this.#callFunction(pc),
      callBack: (entry, args) => callBack(machine, entry, args),
      entryOf: (arg) => functionArgument(machine, arg, 'this function'),
      withRecord: (record, use) => this.#withRecord(record, use),
      fault: (what, advice): VmFault => running().fault(this.#helperPc, what, advice),
    };
    return machine;
  }
}

/** Null for what the interpreter is to run: functions of more than about 7.6 MB (wasm-js-api, implementation limits), and odd programs. */
function orInterpreted<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof WebAssembly.CompileError || error instanceof Untranslatable) return null;
    throw error;
  }
}

/** What was thrown, as a register holds it. */
const cookieWords = ({ cookie }: ProgramThrow): number[] => [Number(BigInt.asIntN(32, cookie)), Number(BigInt.asIntN(32, cookie >> 32n))];

import { InputError } from '../base/errors.ts';
import { functionStarts } from '../bpf/functions.ts';
import type { Program } from '../bpf/program.ts';
import { type AddressSpace, AddressSpaceLayout, type Region } from './address-space.ts';
import { decodeProgram } from './decode.ts';
import { type Engine, MAX_FRAMES, STACK_SIZE } from './engine.ts';
import type { VmFault } from './fault.ts';
import { type Machine, type Redirect, runHelper, type VmEvent } from './helpers.ts';
import { Interpreter } from './interpreter.ts';
import { type Cpus, createMap, type VmMap, type VmMapCore } from './maps.ts';
import { RingBuffers } from './ringbuf.ts';
import { type Saved, savedTogether } from './saved.ts';
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
  /** Bytes of the memory that {@link Vm.runRaw} may be given; 0, the default, for programs that take packets. */
  readonly rawMemory?: number;
  /** `interp`, the default, or `wasm`: translated to WebAssembly, many times faster, unless the program is too large for that. Both give the same results. */
  readonly engine?: 'interp' | 'wasm';
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
  readonly packet: XdpPacket;
  readonly events: readonly VmEvent[];
  /** A run over one packet, left before its first instruction. */
  prepareXdp(packet: Uint8Array, input?: XdpInput): void;
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

/** A machine with one program in it. Maps keep their contents from run to run. */
export class Vm {
  readonly program: Program;
  readonly maps: VmMaps;
  readonly #interpreter: Interpreter;
  /** The engine of ordinary runs, and the one of the present run: steps are always interpreted. */
  readonly #engine: Engine;
  #running: Engine;
  readonly #space: AddressSpace;
  readonly #packet: XdpPacket;
  readonly #raw: Region | null;
  readonly #mapList: readonly VmMapCore[];
  readonly #machine: Machine;
  readonly #cpus: Cpus;
  readonly #maxInsns: number;
  #helperPc = 0;
  #random = 1;

  constructor(program: Program, options: VmOptions = {}) {
    this.program = program;
    const cpu = options.cpu ?? 0;
    this.#cpus = { count: options.cpus ?? cpu + 1, current: cpu };
    this.#maxInsns = options.maxInsns ?? 1_000_000_000;
    const layout = new AddressSpaceLayout();
    const stack = layout.add({ name: 'stack', elementSize: STACK_SIZE, count: MAX_FRAMES, stride: 2 * STACK_SIZE });
    this.#packet = new XdpPacket(layout, () => this.#running.forgetPacketBounds());
    this.#raw = options.rawMemory ? layout.add({ name: 'memory', elementSize: 0, stride: options.rawMemory, moves: true }) : null;
    this.#mapList = program.maps.map((def) => createMap(def, layout, this.#cpus));
    this.maps = new VmMaps(this.#mapList);
    const ringBuffers = new RingBuffers(this.#mapList, layout);
    const decoded = decodeProgram(program, (mapIdx) => this.#mapList[mapIdx]?.valueAddress ?? null);
    const wasm = options.engine === 'wasm';
    let memory: WebAssembly.Memory | null = null;
    this.#space = wasm
      ? layout.build(engineBytes(decoded), (size) => {
          memory = new WebAssembly.Memory({ initial: Math.ceil(size / 65_536) });
          return memory.buffer;
        })
      : layout.build();
    this.#packet.attach(this.#space);
    for (const map of this.#mapList) map.attach(this.#space);
    const environment = { callHelper: (id: number, pc: number) => this.#callHelper(id, pc) };
    this.#interpreter = new Interpreter(decoded, program.kfuncCalls, this.#space, stack, environment);
    const wasmEnvironment: WasmEnvironment = {
      ...environment,
      cpus: this.#cpus,
      maps: this.#mapList,
      interpretFault: (pc, depth, registers) => {
        this.#running = this.#interpreter;
        return this.#interpreter.faultFrom(pc, depth, registers);
      },
    };
    const translated = () => memory && new WasmEngine(decoded, functionStarts(program.insns), this.#space, memory, stack, wasmEnvironment);
    this.#engine = orInterpreted(translated) ?? this.#interpreter;
    this.#running = this.#engine;
    this.#machine = this.#createMachine(ringBuffers, options.randomSeed ?? 1);
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

  /** Where bpf_ktime_get_ns stands, in nanoseconds. */
  set clockNs(now: number) {
    this.#machine.clockNs = now;
  }

  get clockNs(): number {
    return this.#machine.clockNs;
  }

  /** One packet through the program. Throws {@link VmFault}, which names the instruction. */
  runXdp(packet: Uint8Array, input: XdpInput = {}): XdpResult {
    this.#begin();
    return this.#runXdp(packet, input);
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
      this.#space.bytes.set(memory, region.base);
      r[2] = region.base;
    }
    r[4] = memory.length;
    this.#running.call(0, 0);
    if (region) memory.set(this.#space.bytes.subarray(region.base, region.base + memory.length));
    return this.#register(0);
  }

  /** The parts of the machine, for the debugger and the profiler, which run the program in the interpreter. */
  get parts(): MachineParts {
    return {
      interpreter: this.#interpreter,
      space: this.#space,
      packet: this.#packet,
      events: this.#machine.events,
      prepareXdp: (packet, input = {}) => {
        this.#begin(this.#interpreter);
        this.#receiveXdp(packet, input);
        this.#interpreter.enter(0);
      },
      save: () => this.#save(),
    };
  }

  #save(): Saved {
    const machine = this.#machine;
    const events = machine.events.slice();
    const { redirect, clockNs } = machine;
    const random = this.#random;
    const own: Saved = {
      bytes: events.length * 64,
      restore: () => {
        machine.events.splice(0, machine.events.length, ...events);
        machine.redirect = redirect;
        machine.clockNs = clockNs;
        this.#random = random;
      },
    };
    const maps = this.#mapList.map((map) => map.save());
    return savedTogether([this.#interpreter.save(), this.#packet.save(), machine.ringBuffers.save(), ...maps, own]);
  }

  /** All maps as they were when the machine was built; targets of redirects are forgotten. */
  resetMaps(): void {
    for (const map of this.#mapList) map.reset();
  }

  #begin(engine = this.#engine): void {
    this.#running = engine;
    engine.begin(this.#maxInsns);
    this.#machine.events.length = 0;
    this.#machine.redirect = null;
    this.#machine.ringBuffers.reset();
  }

  #receiveXdp(packet: Uint8Array, input: XdpInput): void {
    this.#packet.receive(packet, input);
    this.#running.registers[2] = this.#packet.context.base;
  }

  #runXdp(packet: Uint8Array, input: XdpInput): XdpResult {
    this.#receiveXdp(packet, input);
    const r = this.#running.registers;
    this.#running.call(0, 0);
    return {
      returnValue: r[0] >>> 0,
      packet: this.#packet.copy(),
      metadata: this.#packet.metadata(),
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
    runHelper(this.#machine, id);
  }

  #createMachine(ringBuffers: RingBuffers, randomSeed: number): Machine {
    const running = () => this.#running;
    // Zero is the fixed point of the generator.
    this.#random = randomSeed | 0 || 1;
    return {
      get registers() {
        return running().registers;
      },
      space: this.#space,
      maps: this.#mapList,
      packet: this.#packet,
      ringBuffers,
      cpus: this.#cpus,
      events: [],
      redirect: null,
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
      callFunction: (pc) => running().call(pc, this.#helperPc),
      fault: (what, advice): VmFault => running().fault(this.#helperPc, what, advice),
    };
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

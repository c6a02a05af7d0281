import type { AddressSpace, Region } from '../address-space.ts';
import { CODE_BASE, type Decoded, WORD_ARG, WORDS } from '../decode.ts';
import { type Engine, type Environment, MAX_FRAMES } from '../engine.ts';
import { VmFault } from '../fault.ts';
import type { Cpus, VmMapCore } from '../maps.ts';
import type { KeyMemory } from '../objects.ts';
import type { Counters } from '../profile/counters.ts';
import type { Group } from './accesses.ts';
import { CONTEXT_ADDRESS, CPU_ADDRESS, LEFT_ADDRESS, RECORD_ADDRESS, REGISTERS_ADDRESS, SITE_SIZE } from './layout.ts';
import { exportName, siteBytes, translate } from './translate.ts';

const REGISTER_WORDS = 24;
/** The first key of an array. */
const KEY = new Uint8Array(4);
/** Instructions between two looks at the clock. */
const BUDGET_PART = 1 << 24;
/** Bytes that the engine needs behind the regions of an address space. */
export const engineBytes = (decoded: Decoded, counters: Counters | null): number => siteBytes(decoded) + (counters?.bytes ?? 0);

/** What the engine asks of the machine beside helpers. */
export interface WasmEnvironment extends Environment {
  readonly cpus: Cpus;
  readonly maps: readonly VmMapCore[];
  readonly keys: KeyMemory;
  /** Interprets from `pc` in frame `depth` with the registers given, where the program is about to fault. */
  interpretFault(pc: number, depth: number, registers: Int32Array): VmFault;
}

/**
 * Executes a program as WebAssembly over the same memory as the interpreter. Accesses behind one pointer that run together are checked
 * together, against the element that they lay in last (accesses.ts); where a check fails the interpreter takes over and names the fault.
 */
export class WasmEngine implements Engine {
  readonly registers: Int32Array;
  readonly #decoded: Decoded;
  readonly #space: AddressSpace;
  readonly #stack: Region;
  readonly #environment: WasmEnvironment;
  readonly #groups: readonly Group[];
  /** What begins at each code entry. */
  readonly #functions: ((() => void) | undefined)[] = [];
  /** Sites that remember a region that moves, and that region. */
  readonly #movingSites: number[] = [];
  readonly #movingRegions: Region[] = [];
  #depth = -1;
  #maxInsns = 0;
  /** What of it has been put into memory so far. */
  #granted = 0;

  /** `starts` are the instruction slots where functions begin. Throws {@link Untranslatable} or a WebAssembly.CompileError. */
  constructor(
    decoded: Decoded,
    starts: readonly number[],
    space: AddressSpace,
    memory: WebAssembly.Memory,
    stack: Region,
    environment: WasmEnvironment,
    counters: Counters | null,
  ) {
    this.#decoded = decoded;
    this.#space = space;
    this.#stack = stack;
    this.#environment = environment;
    this.registers = new Int32Array(space.buffer, REGISTERS_ADDRESS, REGISTER_WORDS);
    const entries = starts.map((insnIdx) => decoded.entryOfInsn[insnIdx] * WORDS);
    counters?.place(space.view, space.extraBase + siteBytes(decoded));
    const arrays = environment.maps.map((map) => map.array ?? null);
    const { bytes, groups } = translate(decoded, entries, space, stack, arrays, counters);
    this.#groups = groups;
    const engine: WebAssembly.ModuleImports = {
      memory,
      helper: (id: number, pc: number) => environment.callHelper(id, pc),
      callRegister: (_: number, pc: number) => this.#callRegister(pc),
      tailCall: (_: number, pc: number) => this.#tailCall(pc),
      loadPacket: (size: number, pc: number) => this.#loadPacket(size, pc),
      miss: (lo: number, hi: number, site: number) => this.#miss(lo >>> 0, hi >>> 0, site),
      fault: (pc: number) => {
        const depth = Math.floor((this.registers[20] - stack.base) / stack.stride);
        throw environment.interpretFault(pc, depth, this.registers);
      },
      budget: (pc: number) => this.#refill(pc),
      key: (begins: number) => (begins === 0 ? environment.keys.pop() : environment.keys.push(KEY)),
    };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { engine });
    for (const entry of entries) this.#functions[entry / WORDS] = instance.exports[exportName(entry)] as () => void;
  }

  /** Address of the counters of the function that last left for JavaScript. */
  get record(): number {
    return this.#space.view.getUint32(RECORD_ADDRESS, true);
  }

  get executed(): number {
    const { view } = this.#space;
    return this.#granted - (view.getInt32(LEFT_ADDRESS + 4, true) * 4294967296 + view.getUint32(LEFT_ADDRESS, true));
  }

  begin(maxInsns: number): void {
    this.registers.fill(0);
    this.#depth = -1;
    this.#maxInsns = maxInsns;
    this.#granted = Math.min(maxInsns, BUDGET_PART);
    const { view } = this.#space;
    view.setUint32(LEFT_ADDRESS, this.#granted, true);
    view.setInt32(LEFT_ADDRESS + 4, this.#granted < 0 ? -1 : 0, true);
    view.setUint32(CPU_ADDRESS, this.#environment.cpus.current, true);
    view.setUint32(CONTEXT_ADDRESS, 0, true);
  }

  /** Puts the next part of the budget into memory. */
  #grant(): void {
    const { view } = this.#space;
    const part = Math.min(this.#maxInsns - this.#granted, BUDGET_PART);
    const left = this.#granted - this.executed + part;
    this.#granted += part;
    view.setUint32(LEFT_ADDRESS, left, true);
    view.setInt32(LEFT_ADDRESS + 4, Math.floor(left / 4294967296), true);
  }

  /** A loop has used up what it was granted. */
  #refill(pc: number): void {
    if (this.#granted >= this.#maxInsns) {
      throw this.fault(pc, `stopped after ${this.executed} instructions`, 'The program does not end, or needs a larger budget');
    }
    this.#environment.checkTime(pc);
    this.#grant();
  }

  packetMoved(): void {
    const { view } = this.#space;
    for (let i = 0; i < this.#movingSites.length; i++) {
      const site = this.#movingSites[i];
      const { base, start, elementSize } = this.#movingRegions[i];
      const at = this.#space.extraBase + site * SITE_SIZE;
      view.setInt32(at, base + start, true);
      // No room: every address misses.
      view.setInt32(at + 8, Math.max(0, elementSize - this.#groups[site].span + 1), true);
    }
  }

  /** A site remembers something in `region` from now on. */
  #follow(site: number, region: Region): void {
    const at = this.#movingSites.indexOf(site);
    if (at >= 0) {
      this.#movingSites.splice(at, 1);
      this.#movingRegions.splice(at, 1);
    }
    if (!region.moves) return;
    this.#movingSites.push(site);
    this.#movingRegions.push(region);
  }

  fault(pc: number, what: string, advice = ''): VmFault {
    return new VmFault(this.#decoded.insnOfEntry[pc / WORDS], what, advice);
  }

  call(pc: number, from: number): void {
    const r = this.registers;
    const r10 = r[20];
    const run = this.#functions[pc / WORDS];
    if (!run) throw this.fault(from, 'no function begins at this address');
    if (this.#depth >= 0 && r10 >= this.#stackTop(MAX_FRAMES - 1)) throw this.#tooDeep(from);
    r[20] = this.#depth < 0 ? this.#stackTop(0) : r10 + this.#stack.stride;
    r[21] = 0;
    this.#depth++;
    // A helper's next callback is called in the same context, and the helper itself may fault.
    const { view } = this.#space;
    const context = view.getUint32(CONTEXT_ADDRESS, true);
    const record = view.getUint32(RECORD_ADDRESS, true);
    run();
    view.setUint32(CONTEXT_ADDRESS, context, true);
    view.setUint32(RECORD_ADDRESS, record, true);
    // A callback without a loop does not look at the budget by itself.
    if (view.getInt32(LEFT_ADDRESS + 4, true) < 0) this.#refill(from);
    this.#depth--;
    r[20] = r10;
  }

  #stackTop(frame: number): number {
    return this.#stack.base + frame * this.#stack.stride + this.#stack.elementSize;
  }

  #tooDeep(pc: number): VmFault {
    return this.fault(pc, `the call stack of ${MAX_FRAMES + 1} frames is too deep`);
  }

  /** callx: a function's address or, in programs that no compiler of today writes, a helper's number. */
  #callRegister(pc: number): void {
    const r = this.registers;
    const to = (r[22] >>> 0) - CODE_BASE;
    if (r[23] === 0 && this.#functions[to / WORDS]) this.call(to, pc);
    else this.#environment.callHelper(r[23] === 0 ? r[22] >>> 0 : -1, pc);
  }

  /** True when another program ran in place of the rest of this function. */
  #tailCall(pc: number): boolean {
    const to = this.#environment.tailCall(pc);
    if (to < 0) return false;
    this.#functions[to / WORDS]!();
    return true;
  }

  #loadPacket(size: number, pc: number): boolean {
    const r = this.registers;
    const value = this.#environment.loadPacket((this.#decoded.code[pc + WORD_ARG] + r[22]) | 0, size, pc);
    r[0] = value;
    r[1] = 0;
    return value >= 0;
  }

  /** A group's first address outside the remembered element: looks its element up. False when one of its accesses is not permitted. */
  #miss(lo: number, hi: number, site: number): boolean {
    const { members, span, write } = this.#groups[site];
    const region = hi === 0 ? this.#space.regionAt(lo) : null;
    if (region && (region.writable || !write)) {
      const base = this.#space.elementBase(region, lo);
      const room = region.elementSize - span + 1;
      if (lo >= base && lo - base < room) {
        const at = this.#space.extraBase + site * SITE_SIZE;
        const { view } = this.#space;
        view.setInt32(at, base, true);
        view.setInt32(at + 8, room, true);
        this.#follow(site, region);
        return true;
      }
    }
    // In different elements, perhaps: no verified program does that.
    const first = hi * 4294967296 + lo;
    return members.every(({ distance, size, write }) => this.#space.permits(first + distance, size, write));
  }
}

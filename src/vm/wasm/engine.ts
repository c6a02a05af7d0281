import type { AddressSpace, Region } from '../address-space.ts';
import { CODE_BASE, type Decoded, WORD_OP, WORDS } from '../decode.ts';
import { type Engine, type Environment, MAX_FRAMES, STACK_SIZE } from '../engine.ts';
import { VmFault } from '../fault.ts';
import { LEFT_ADDRESS, REGISTERS_ADDRESS } from './layout.ts';
import { exportName, siteBytes, type Translation, translate } from './translate.ts';

const REGISTER_WORDS = 24;
/** A base that no address is below, so that a site which remembers nothing always misses. */
const NOTHING = 0xffffffffffffffffn;

/** Bytes that the engine needs behind the regions of an address space. */
export const engineBytes = siteBytes;

/**
 * Executes a program as WebAssembly over the same memory as the interpreter. Each memory instruction remembers the element that it
 * accessed last, as in the interpreter, so that faults are the same.
 */
export class WasmEngine implements Engine {
  readonly registers: Int32Array;
  readonly #decoded: Decoded;
  readonly #space: AddressSpace;
  readonly #stack: Region;
  readonly #environment: Environment;
  readonly #translation: Translation;
  readonly #exports: Record<string, () => void>;
  readonly #describe: (pc: number, op: number) => string;
  #moving: number[] = [];
  #depth = -1;
  #maxInsns = 0;

  /** `starts` are the instruction slots where functions begin; `describe` says why an instruction is not available. */
  constructor(
    decoded: Decoded,
    starts: readonly number[],
    space: AddressSpace,
    memory: WebAssembly.Memory,
    stack: Region,
    environment: Environment,
    describe: (pc: number, op: number) => string,
  ) {
    this.#decoded = decoded;
    this.#space = space;
    this.#stack = stack;
    this.#environment = environment;
    this.#describe = describe;
    this.registers = new Int32Array(space.buffer, REGISTERS_ADDRESS, REGISTER_WORDS);
    const entries = starts.map((insnIdx) => decoded.entryOfInsn[insnIdx] * WORDS);
    this.#translation = translate(decoded, entries, space.extraBase);
    for (const site of this.#translation.sites) if (site !== 0) this.#forget(site);
    const engine: WebAssembly.ModuleImports = {
      memory,
      helper: (id: number, pc: number) => environment.callHelper(id, pc),
      callRegister: (_: number, pc: number) => this.#callRegister(pc),
      miss: (pc: number, size: number, lo: number, hi: number) => this.#miss(pc, size, lo, hi),
      checkDepth: (pc: number, r10: number) => {
        if (r10 >= this.#stackTop(MAX_FRAMES - 1)) throw this.#tooDeep(pc);
      },
      budget: (pc: number) => {
        throw this.fault(pc, `stopped after ${this.executed} instructions`, 'The program does not end, or needs a larger budget');
      },
      unavailable: (pc: number, op: number) => {
        throw this.fault(pc, this.#describe(pc, op));
      },
    };
    const instance = new WebAssembly.Instance(new WebAssembly.Module(this.#translation.bytes), { engine });
    this.#exports = instance.exports as Record<string, () => void>;
  }

  get executed(): number {
    return this.#maxInsns - Number(this.#space.view.getBigInt64(LEFT_ADDRESS, true));
  }

  begin(maxInsns: number): void {
    this.registers.fill(0);
    this.#depth = -1;
    this.#maxInsns = maxInsns;
    this.#space.view.setBigInt64(LEFT_ADDRESS, BigInt(maxInsns), true);
    this.forgetPacketBounds();
  }

  forgetPacketBounds(): void {
    for (const site of this.#moving) this.#forget(site);
    this.#moving = [];
  }

  fault(pc: number, what: string, advice = ''): VmFault {
    return new VmFault(this.#decoded.insnOfEntry[pc / WORDS], what, advice);
  }

  call(pc: number, from: number): void {
    const r = this.registers;
    const r10 = r[20];
    const run = this.#exports[exportName(pc)];
    if (!run) throw this.fault(from, 'no function begins at this address');
    if (this.#depth >= 0 && r10 >= this.#stackTop(MAX_FRAMES - 1)) throw this.#tooDeep(from);
    r[20] = this.#depth < 0 ? this.#stackTop(0) : r10 + this.#stack.stride;
    r[21] = 0;
    this.#depth++;
    run();
    this.#depth--;
    r[20] = r10;
  }

  #stackTop(frame: number): number {
    return this.#stack.base + frame * this.#stack.stride + STACK_SIZE;
  }

  #tooDeep(pc: number): VmFault {
    return this.fault(pc, `the call stack of ${MAX_FRAMES + 1} frames is too deep`);
  }

  /** callx: a function's address or, in programs that no compiler of today writes, a helper's number. */
  #callRegister(pc: number): void {
    const r = this.registers;
    const to = (r[22] >>> 0) - CODE_BASE;
    if (r[23] === 0 && this.#exports[exportName(to)]) this.call(to, pc);
    else this.#environment.callHelper(r[23] === 0 ? r[22] >>> 0 : -1, pc);
  }

  #forget(site: number): void {
    this.#space.view.setBigUint64(site, NOTHING, true);
    this.#space.view.setBigUint64(site + 8, 0n, true);
  }

  /** An access outside the remembered element: looks its element up, or faults. */
  #miss(pc: number, size: number, lo: number, hi: number): void {
    const address = lo >>> 0;
    const write = this.#writes(pc);
    const region = hi === 0 ? this.#space.regionAt(address) : null;
    if (region && (region.writable || !write)) {
      const base = this.#space.elementBase(region, address);
      const room = region.elementSize - size + 1;
      if (address >= base && address - base < room) {
        const site = this.#translation.sites[pc / WORDS];
        const { view } = this.#space;
        view.setInt32(site, base, true);
        view.setInt32(site + 4, 0, true);
        view.setInt32(site + 8, room, true);
        view.setInt32(site + 12, 0, true);
        if (region.moves) this.#moving.push(site);
        return;
      }
    }
    throw this.fault(pc, this.#space.describeDenied((BigInt(hi >>> 0) << 32n) | BigInt(address), size, write));
  }

  /** Loads, and the atomic load (operation 0x100), only read. */
  #writes(pc: number): boolean {
    const op = this.#decoded.code[pc + WORD_OP];
    const atomic = (op & 0xe7) === 0xc3;
    return (op & 7) === 3 && !(atomic && this.#decoded.code[pc + 4] === 0x100);
  }
}

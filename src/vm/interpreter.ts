import type { AddressSpace, Region } from './address-space.ts';
import { byteSwap, compareUnsigned, divmod64, sdivmod32, sdivmod64 } from './arithmetic.ts';
import { ATOMIC_LOAD, ATOMIC_STORE, atomicUpdate } from './atomic.ts';
import {
  CODE_BASE,
  type Decoded,
  OP_TRAP,
  WORD_ARG,
  WORD_CACHE_BASE,
  WORD_CACHE_LAST,
  WORD_OFF,
  WORD_OP,
  WORD_TRAPPED,
  WORDS,
  whyUnavailable,
} from './decode.ts';
import { type Engine, type Environment, MAX_FRAMES } from './engine.ts';
import { VmFault } from './fault.ts';
import type { Saved } from './saved.ts';

/** BPF_MAX_LOOPS: how often `may_goto` lets a function go on, counted in each frame. */
const MAY_GOTO_LIMIT = 8_388_608;
/** Words saved by a call: return entry, r6…r9. */
const SAVED_WORDS = 10;
/** Words of code between two looks at the clock, which add up the executed instructions too: the slowest instructions take tens of nanoseconds. */
const COUNT_CHUNK = 1 << 24;

/** Thrown by what {@link Interpreter.watch} calls, to leave the run where it is: {@link Interpreter.resume} goes on from there. */
export const PAUSE = Symbol('pause');

/** A place in a run: a function that was entered, or is about to go on. */
export interface Frame {
  /** The instruction that runs next in this frame, or the call that it waits for. */
  readonly insnIdx: number;
  /** First address of its stack. */
  readonly stackBase: number;
  /** r6…r9 as pairs of words: of the innermost frame those in the registers. */
  readonly callee: Int32Array;
}

/** What a watched run asks. Either may throw {@link PAUSE}, or choose with {@link Interpreter.watch} what to stop at from now on. */
export interface Watcher {
  /** Before an instruction that is watched. */
  onInsn(insnIdx: number): void;
  /** At the first taken branch after `limit` instructions, or soon after. Must choose another limit or pause. */
  onLimit?(): void;
}

/**
 * Executes decoded instructions. Registers are pairs of 32-bit words, pointers plain addresses; each memory instruction
 * remembers the element it accessed last, so that the exact bounds check costs one comparison.
 */
export class Interpreter implements Engine {
  readonly registers: Int32Array;
  readonly decoded: Decoded;
  readonly #space: AddressSpace;
  readonly #stack: Region;
  readonly #environment: Environment;
  readonly #code: Int32Array;
  #trappedCode: Int32Array | null = null;
  /** Which instructions `#watchedCode` stops at. */
  #watched: Uint8Array | null = null;
  #watchedCode: Int32Array | null = null;
  #active: Int32Array;
  #watcher: Watcher | null = null;
  readonly #saved = new Int32Array(MAX_FRAMES * SAVED_WORDS);
  readonly #mayGoto = new Int32Array(MAX_FRAMES);
  /** Entries whose remembered bounds are those of the packet. */
  #moving: number[] = [];
  #depth = 0;
  #counted = 0;
  #limit = COUNT_CHUNK;
  #maxInsns = 0;
  /** Count after which the watcher's `onLimit` is asked. */
  #pauseAt = Number.POSITIVE_INFINITY;
  /** Words of code run and not yet in `#counted`: by those who wait for a callback, or up to a trap. */
  #pending = 0;
  /** Where a watcher looks at the run, and where a paused one goes on. */
  #at = 0;
  /** Runs of `#execute` within each other: callbacks of helpers nest. */
  #nesting = 0;

  constructor(decoded: Decoded, space: AddressSpace, stack: Region, environment: Environment) {
    this.decoded = decoded;
    this.registers = decoded.registers.slice();
    this.#code = decoded.code;
    this.#active = decoded.code;
    this.#space = space;
    this.#stack = stack;
    this.#environment = environment;
  }

  /** Instructions executed since {@link begin}; exact after a run and while a watcher is asked. */
  get executed(): number {
    return this.#counted + this.#pending / WORDS;
  }

  /** The instruction that a watcher is asked about, or that a paused run goes on with. */
  get insnIdx(): number {
    return this.insnIdxAt(this.#at);
  }

  /** Runs within runs: above 1 a helper waits for a callback, and a pause loses what the helper has yet to do. */
  get nesting(): number {
    return this.#nesting;
  }

  /** Depth of the current function: 0 in the main program. */
  get depth(): number {
    return this.#depth;
  }

  /** Clean registers and stack for a run of at most `maxInsns` instructions. */
  begin(maxInsns: number): void {
    this.registers.fill(0, 0, 24);
    this.#depth = -1;
    this.#counted = 0;
    this.#maxInsns = maxInsns;
    this.#limit = Math.min(maxInsns, COUNT_CHUNK);
    this.#pauseAt = Number.POSITIVE_INFINITY;
    this.#pending = 0;
    this.#nesting = 0;
    this.#at = 0;
    this.#active = this.#code;
    this.#watcher = null;
    this.packetMoved();
  }

  /** Calls `onInsn` before every instruction until the next {@link begin}; with `only`, before those whose slot holds 1. */
  trace(onInsn: (insnIdx: number) => void, only: Uint8Array | null = null): void {
    this.watch({ onInsn }, only ?? 'all');
  }

  /**
   * Asks `watcher` before the instructions whose slot in `where` holds 1, before all or none of them, and after `limit` executed
   * instructions in all. May be called from a watcher, and then holds from that instruction on. Instructions that are not
   * watched cost nothing. The same array spares preparing it again.
   */
  watch(watcher: Watcher, where: Uint8Array | 'all' | 'none', limit = Number.POSITIVE_INFINITY): void {
    if (where === 'all') {
      this.#trappedCode ??= this.#trapped(null);
      this.#active = this.#trappedCode;
    } else if (where === 'none') this.#active = this.#code;
    else {
      if (this.#watched !== where) {
        this.#watchedCode = this.#trapped(where);
        this.#watched = where;
      }
      this.#active = this.#watchedCode!;
    }
    this.#watcher = watcher;
    this.#pauseAt = limit;
    this.#setLimit();
  }

  /** Goes on from where a watcher paused at nesting 1, until the main program exits. */
  resume(): void {
    this.#counted = this.executed;
    this.#pending = 0;
    this.#setLimit();
    this.#nesting = 1;
    this.#execute(this.#at, -1);
    this.#nesting = 0;
  }

  /** A run that begins with the instruction at `pc`, left before it. */
  enter(pc: number): void {
    this.#enter();
    this.#at = pc;
  }

  /** Leaves all functions for the one at `pc`, as an exception does; what was executed stays counted. */
  unwind(pc: number): void {
    this.#counted = this.executed;
    this.#pending = 0;
    this.#nesting = 0;
    this.#depth = -1;
    this.enter(pc);
  }

  /** The frames of a paused run, the main program first. */
  frames(): Frame[] {
    return Array.from({ length: this.#depth + 1 }, (_, depth) => {
      const inner = depth === this.#depth;
      const at = depth * SAVED_WORDS;
      return {
        insnIdx: this.insnIdxAt(inner ? this.#at : this.#saved[at]),
        stackBase: this.#stack.base + depth * this.#stack.stride,
        callee: inner ? this.registers.slice(12, 20) : this.#saved.slice(at + 1, at + 9),
      };
    });
  }

  /** A run that is paused at nesting 1. */
  save(): Saved {
    const registers = this.registers.slice(0, 24);
    const saved = this.#saved.slice();
    const mayGoto = this.#mayGoto.slice();
    const [depth, counted, at, maxInsns] = [this.#depth, this.executed, this.#at, this.#maxInsns];
    return {
      bytes: registers.byteLength + saved.byteLength + mayGoto.byteLength,
      restore: () => {
        this.begin(maxInsns);
        this.registers.set(registers);
        this.#saved.set(saved);
        this.#mayGoto.set(mayGoto);
        [this.#depth, this.#counted, this.#at] = [depth, counted, at];
      },
    };
  }

  #trapped(only: Uint8Array | null): Int32Array {
    const code = this.#code.slice();
    for (let at = 0; at < code.length; at += WORDS) {
      code[at + WORD_CACHE_LAST] = -1;
      if (only && only[this.insnIdxAt(at)] !== 1) continue;
      code[at + WORD_TRAPPED] = code[at + WORD_OP];
      code[at + WORD_OP] = OP_TRAP;
    }
    return code;
  }

  /** Must follow every change of the packet's place or length. */
  packetMoved(): void {
    const moving = this.#moving;
    for (let i = 0; i < moving.length; i++) {
      this.#code[moving[i] + WORD_CACHE_LAST] = -1;
      if (this.#trappedCode) this.#trappedCode[moving[i] + WORD_CACHE_LAST] = -1;
      if (this.#watchedCode) this.#watchedCode[moving[i] + WORD_CACHE_LAST] = -1;
    }
    this.#moving = [];
  }

  /** Instruction slot of a code entry. */
  insnIdxAt(pc: number): number {
    return this.decoded.insnOfEntry[pc / WORDS];
  }

  /** Instruction slot that a function pointer leads to, -1 for none. */
  insnIdxOfAddress(address: number): number {
    const entry = (address - CODE_BASE) / WORDS;
    return Number.isInteger(entry) ? (this.decoded.insnOfEntry[entry] ?? -1) : -1;
  }

  fault(pc: number, what: string, advice = ''): VmFault {
    return new VmFault(this.insnIdxAt(pc), what, advice);
  }

  /** Calls the function at code entry `pc` with what r1…r5 hold, and returns when it exits. r6…r9 are kept. */
  call(pc: number, from: number): void {
    if (this.#depth + 1 >= MAX_FRAMES) throw this.fault(from, `the call stack of ${MAX_FRAMES + 1} frames is too deep`);
    const base = this.#depth;
    if (base >= 0) this.#keep(from);
    this.#flush(from);
    this.#nesting++;
    this.#enter();
    this.#execute(pc, base);
    this.#nesting--;
    this.#pending = 0;
    this.#depth = base;
    if (base >= 0) this.#giveBack();
  }

  /** The fault that the program runs into from `pc` in frame `depth` with these registers; `begun` may watch it. */
  faultFrom(pc: number, depth: number, registers: Int32Array, begun?: () => void): VmFault {
    this.begin(Number.MAX_SAFE_INTEGER);
    begun?.();
    this.registers.set(registers.subarray(0, 22));
    this.#depth = depth;
    try {
      this.#execute(pc, depth - 1);
    } catch (error) {
      if (error instanceof VmFault) return error;
      throw error;
    }
    return this.fault(pc, 'an access is out of bounds');
  }

  /** A fresh frame: zeroed bytes, r10 at their end. */
  #enter(): void {
    this.#depth++;
    this.#clearFrame();
  }

  #clearFrame(): void {
    const depth = this.#depth;
    const base = this.#stack.base + depth * this.#stack.stride;
    const top = base + this.#stack.elementSize;
    this.#space.bytes.fill(0, base, top);
    this.registers[20] = top;
    this.registers[21] = 0;
    this.#mayGoto[depth] = MAY_GOTO_LIMIT;
  }

  #setLimit(): void {
    const left = Math.min(this.#maxInsns, this.#pauseAt) - this.#counted;
    this.#limit = Math.max(0, Math.min(left * WORDS, COUNT_CHUNK));
  }

  /** Adds what is pending to the total; throws when the budget is spent. */
  #flush(pc: number): void {
    this.#counted += this.#pending / WORDS;
    this.#pending = 0;
    if (this.#counted > this.#maxInsns) {
      throw this.fault(pc, `stopped after ${this.#counted} instructions`, 'The program does not end, or needs a larger budget');
    }
    this.#setLimit();
  }

  /** Before the instruction at `pc`, when the `count` words of code that ran have reached the limit. */
  #reachLimit(count: number, pc: number): void {
    this.#pending = count;
    this.#flush(pc);
    this.#environment.checkTime(pc);
    if (this.#counted < this.#pauseAt) return;
    this.#at = pc;
    this.#watcher?.onLimit?.();
  }

  /** Keeps r6…r9 and the place of the call for the frame that is left. */
  #keep(pc: number): void {
    const at = this.#depth * SAVED_WORDS;
    this.#saved[at] = pc;
    this.#saved.set(this.registers.subarray(12, 20), at + 1);
  }

  /** Restores r6…r10 of the frame that is come back to, and returns the entry of its call. */
  #giveBack(): number {
    const at = this.#depth * SAVED_WORDS;
    this.registers.set(this.#saved.subarray(at + 1, at + 9), 12);
    this.registers[20] = this.#stack.base + this.#depth * this.#stack.stride + this.#stack.elementSize;
    this.registers[21] = 0;
    return this.#saved[at];
  }

  #pushFrame(pc: number): void {
    if (this.#depth + 1 >= MAX_FRAMES) throw this.fault(pc, `the call stack of ${MAX_FRAMES + 1} frames is too deep`);
    this.#keep(pc);
    this.#enter();
  }

  #popFrame(): number {
    this.#depth--;
    return this.#giveBack();
  }

  /** An access outside the remembered element: looks its element up, or faults. */
  #miss(pc: number, pointer: number, size: number, write: boolean): void {
    const r = this.registers;
    const code = this.#active;
    const off = code[pc + WORD_OFF];
    const address = (r[pointer] >>> 0) + off;
    const region = r[pointer + 1] === 0 ? this.#space.regionAt(address) : null;
    if (region && (region.writable || !write)) {
      const base = this.#space.elementBase(region, address);
      const last = region.elementSize - size;
      if (address >= base && address - base <= last) {
        code[pc + WORD_CACHE_BASE] = base;
        code[pc + WORD_CACHE_LAST] = last;
        if (region.moves) this.#moving.push(pc);
        return;
      }
    }
    const value = (BigInt(r[pointer + 1] >>> 0) << 32n) | BigInt(r[pointer] >>> 0);
    throw this.fault(pc, this.#space.describeDenied(BigInt.asUintN(64, value + BigInt(off)), size, write));
  }

  /** Atomic operations of 1 to 8 bytes; only loads and stores exist below 4. */
  #atomic(pc: number, d: number, s: number, size: number): void {
    const r = this.registers;
    const code = this.#active;
    const operation = code[pc + WORD_ARG];
    const pointer = operation === ATOMIC_LOAD ? s : d;
    this.#miss(pc, pointer, size, operation !== ATOMIC_LOAD);
    const address = (r[pointer] + code[pc + WORD_OFF]) | 0;
    const { view } = this.#space;
    if (operation === ATOMIC_LOAD) {
      r[d] = size === 1 ? view.getUint8(address) : size === 2 ? view.getUint16(address, true) : view.getInt32(address, true);
      r[d + 1] = size === 8 ? view.getInt32(address + 4, true) : 0;
    } else if (operation === ATOMIC_STORE) {
      if (size === 1) view.setUint8(address, r[s]);
      else if (size === 2) view.setUint16(address, r[s], true);
      else view.setInt32(address, r[s], true);
      if (size === 8) view.setInt32(address + 4, r[s + 1], true);
    } else if (size < 4 || !atomicUpdate(r, view, address, size, operation, s)) {
      throw this.fault(pc, `unknown atomic operation 0x${operation.toString(16)} of ${size} bytes`);
    }
  }

  /** ld_abs and ld_ind; false outside the packet. */
  #loadPacket(pc: number, op: number, s: number): boolean {
    const r = this.registers;
    const offset = (this.#active[pc + WORD_ARG] + ((op & 0xe0) === 0x40 ? r[s] : 0)) | 0;
    const value = this.#environment.loadPacket(offset, (op & 0x18) === 0x10 ? 1 : (op & 0x18) === 0x08 ? 2 : 4, pc);
    r[0] = value;
    r[1] = 0;
    return value >= 0;
  }

  /** Runs from `entry` until the frame above `base` exits. */
  #execute(entry: number, base: number): void {
    let code = this.#active;
    const r = this.registers;
    const { bytes, view } = this.#space;
    let pc = entry;
    // Instructions are counted at taken branches only: those since `start` ran in a row.
    let start = entry - WORDS;
    let count = 0;
    let limit = this.#limit;
    let op = code[pc];
    for (;;) {
      const d = code[pc + 1];
      const s = code[pc + 2];
      switch (op) {
        // 64-bit arithmetic.
        case 0x0f: {
          const a = r[d];
          const lo = (a + r[s]) | 0;
          r[d + 1] = r[d + 1] + r[s + 1] + (lo >>> 0 < a >>> 0 ? 1 : 0);
          r[d] = lo;
          break;
        }
        case 0x1f: {
          const a = r[d];
          const b = r[s];
          r[d + 1] = r[d + 1] - r[s + 1] - (a >>> 0 < b >>> 0 ? 1 : 0);
          r[d] = a - b;
          break;
        }
        case 0x2f: {
          const a = r[d];
          const b = r[s];
          const lo = Math.imul(a, b);
          // The rounded product minus the exact low word is a multiple of 2^32 but for an error of at most 2^10: a half absorbs it.
          const carry = (((a >>> 0) * (b >>> 0) - (lo >>> 0)) * 2.3283064365386963e-10 + 0.5) | 0;
          r[d + 1] = carry + Math.imul(a, r[s + 1]) + Math.imul(r[d + 1], b);
          r[d] = lo;
          break;
        }
        case 0x3f:
          divmod64(r, d, s, false);
          break;
        case 0x9f:
          divmod64(r, d, s, true);
          break;
        case 0x13f:
          sdivmod64(r, d, s, false);
          break;
        case 0x19f:
          sdivmod64(r, d, s, true);
          break;
        case 0x4f:
          r[d] |= r[s];
          r[d + 1] |= r[s + 1];
          break;
        case 0x5f:
          r[d] &= r[s];
          r[d + 1] &= r[s + 1];
          break;
        case 0xaf:
          r[d] ^= r[s];
          r[d + 1] ^= r[s + 1];
          break;
        case 0x6f: {
          const n = r[s] & 63;
          const lo = r[d];
          if (n >= 32) {
            r[d + 1] = lo << (n - 32);
            r[d] = 0;
          } else if (n > 0) {
            r[d + 1] = (r[d + 1] << n) | (lo >>> (32 - n));
            r[d] = lo << n;
          }
          break;
        }
        case 0x7f: {
          const n = r[s] & 63;
          const hi = r[d + 1];
          if (n >= 32) {
            r[d] = hi >>> (n - 32);
            r[d + 1] = 0;
          } else if (n > 0) {
            r[d] = (r[d] >>> n) | (hi << (32 - n));
            r[d + 1] = hi >>> n;
          }
          break;
        }
        case 0xcf: {
          const n = r[s] & 63;
          const hi = r[d + 1];
          if (n >= 32) {
            r[d] = hi >> (n - 32);
            r[d + 1] = hi >> 31;
          } else if (n > 0) {
            r[d] = (r[d] >>> n) | (hi << (32 - n));
            r[d + 1] = hi >> n;
          }
          break;
        }
        case 0x8f: {
          const lo = r[d];
          r[d + 1] = lo === 0 ? -r[d + 1] : ~r[d + 1];
          r[d] = -lo;
          break;
        }
        case 0xbf: {
          const lo = r[s];
          r[d + 1] = r[s + 1];
          r[d] = lo;
          break;
        }
        case 0x1bf: {
          const shift = code[pc + 4];
          const lo = (r[s] << shift) >> shift;
          r[d] = lo;
          r[d + 1] = lo >> 31;
          break;
        }
        // 32-bit arithmetic: the upper half becomes zero.
        case 0x0c:
          r[d] += r[s];
          r[d + 1] = 0;
          break;
        case 0x1c:
          r[d] -= r[s];
          r[d + 1] = 0;
          break;
        case 0x2c:
          r[d] = Math.imul(r[d], r[s]);
          r[d + 1] = 0;
          break;
        case 0x3c: {
          const b = r[s] >>> 0;
          r[d] = b === 0 ? 0 : (r[d] >>> 0) / b;
          r[d + 1] = 0;
          break;
        }
        case 0x9c: {
          const b = r[s] >>> 0;
          if (b !== 0) r[d] = (r[d] >>> 0) % b;
          r[d + 1] = 0;
          break;
        }
        case 0x13c:
          sdivmod32(r, d, s, false);
          break;
        case 0x19c:
          sdivmod32(r, d, s, true);
          break;
        case 0x4c:
          r[d] |= r[s];
          r[d + 1] = 0;
          break;
        case 0x5c:
          r[d] &= r[s];
          r[d + 1] = 0;
          break;
        case 0xac:
          r[d] ^= r[s];
          r[d + 1] = 0;
          break;
        case 0x6c:
          r[d] <<= r[s];
          r[d + 1] = 0;
          break;
        case 0x7c:
          r[d] >>>= r[s];
          r[d + 1] = 0;
          break;
        case 0xcc:
          r[d] >>= r[s];
          r[d + 1] = 0;
          break;
        case 0x8c:
          r[d] = -r[d];
          r[d + 1] = 0;
          break;
        case 0xbc:
          r[d] = r[s];
          r[d + 1] = 0;
          break;
        case 0x1bc: {
          const shift = code[pc + 4];
          r[d] = (r[s] << shift) >> shift;
          r[d + 1] = 0;
          break;
        }
        case 0xd4:
          byteSwap(r, d, code[pc + 4], false);
          break;
        case 0xdc:
          byteSwap(r, d, code[pc + 4], true);
          break;
        // Loads.
        case 0x71: {
          const a = (r[s] + code[pc + 3]) | 0;
          if (r[s + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, s, 1, false);
          r[d] = bytes[a];
          r[d + 1] = 0;
          break;
        }
        case 0x91: {
          const a = (r[s] + code[pc + 3]) | 0;
          if (r[s + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, s, 1, false);
          const value = (bytes[a] << 24) >> 24;
          r[d] = value;
          r[d + 1] = value >> 31;
          break;
        }
        case 0x69: {
          const a = (r[s] + code[pc + 3]) | 0;
          if (r[s + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, s, 2, false);
          r[d] = view.getUint16(a, true);
          r[d + 1] = 0;
          break;
        }
        case 0x89: {
          const a = (r[s] + code[pc + 3]) | 0;
          if (r[s + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, s, 2, false);
          const value = view.getInt16(a, true);
          r[d] = value;
          r[d + 1] = value >> 31;
          break;
        }
        case 0x61: {
          const a = (r[s] + code[pc + 3]) | 0;
          if (r[s + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, s, 4, false);
          r[d] = view.getInt32(a, true);
          r[d + 1] = 0;
          break;
        }
        case 0x81: {
          const a = (r[s] + code[pc + 3]) | 0;
          if (r[s + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, s, 4, false);
          const value = view.getInt32(a, true);
          r[d] = value;
          r[d + 1] = value >> 31;
          break;
        }
        case 0x79: {
          const a = (r[s] + code[pc + 3]) | 0;
          if (r[s + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, s, 8, false);
          r[d] = view.getInt32(a, true);
          r[d + 1] = view.getInt32(a + 4, true);
          break;
        }
        // Stores.
        case 0x73: {
          const a = (r[d] + code[pc + 3]) | 0;
          if (r[d + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, d, 1, true);
          bytes[a] = r[s];
          break;
        }
        case 0x6b: {
          const a = (r[d] + code[pc + 3]) | 0;
          if (r[d + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, d, 2, true);
          view.setInt16(a, r[s], true);
          break;
        }
        case 0x63: {
          const a = (r[d] + code[pc + 3]) | 0;
          if (r[d + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, d, 4, true);
          view.setInt32(a, r[s], true);
          break;
        }
        case 0x7b: {
          const a = (r[d] + code[pc + 3]) | 0;
          if (r[d + 1] !== 0 || (a - code[pc + 5]) >>> 0 > code[pc + 6]) this.#miss(pc, d, 8, true);
          view.setInt32(a, r[s], true);
          view.setInt32(a + 4, r[s + 1], true);
          break;
        }
        case 0xd3:
          this.#atomic(pc, d, s, 1);
          break;
        case 0xcb:
          this.#atomic(pc, d, s, 2);
          break;
        case 0xc3:
          this.#atomic(pc, d, s, 4);
          break;
        case 0xdb:
          this.#atomic(pc, d, s, 8);
          break;
        // Branches. Targets are stored one entry early, since the end of the loop steps over it.
        case 0x05:
          count += pc - start;
          start = pc = code[pc + 4];
          break;
        case 0x1d:
          if (r[d] === r[s] && r[d + 1] === r[s + 1]) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x5d:
          if (r[d] !== r[s] || r[d + 1] !== r[s + 1]) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x2d:
          if (compareUnsigned(r[d], r[d + 1], r[s], r[s + 1]) > 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x3d:
          if (compareUnsigned(r[d], r[d + 1], r[s], r[s + 1]) >= 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0xad:
          if (compareUnsigned(r[d], r[d + 1], r[s], r[s + 1]) < 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0xbd:
          if (compareUnsigned(r[d], r[d + 1], r[s], r[s + 1]) <= 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x4d:
          if (((r[d] & r[s]) | (r[d + 1] & r[s + 1])) !== 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x6d:
          if (r[d + 1] > r[s + 1] || (r[d + 1] === r[s + 1] && r[d] >>> 0 > r[s] >>> 0)) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x7d:
          if (r[d + 1] > r[s + 1] || (r[d + 1] === r[s + 1] && r[d] >>> 0 >= r[s] >>> 0)) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0xcd:
          if (r[d + 1] < r[s + 1] || (r[d + 1] === r[s + 1] && r[d] >>> 0 < r[s] >>> 0)) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0xdd:
          if (r[d + 1] < r[s + 1] || (r[d + 1] === r[s + 1] && r[d] >>> 0 <= r[s] >>> 0)) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x1e:
          if (r[d] === r[s]) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x5e:
          if (r[d] !== r[s]) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x2e:
          if (r[d] >>> 0 > r[s] >>> 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x3e:
          if (r[d] >>> 0 >= r[s] >>> 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0xae:
          if (r[d] >>> 0 < r[s] >>> 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0xbe:
          if (r[d] >>> 0 <= r[s] >>> 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x4e:
          if ((r[d] & r[s]) !== 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x6e:
          if (r[d] > r[s]) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0x7e:
          if (r[d] >= r[s]) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0xce:
          if (r[d] < r[s]) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0xde:
          if (r[d] <= r[s]) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        case 0xe5:
          if (--this.#mayGoto[this.#depth] < 0) {
            count += pc - start;
            start = pc = code[pc + 4];
          }
          break;
        // Calls and exits.
        case 0x201:
          this.#pending = count + pc - start;
          start = pc;
          this.#environment.callHelper(code[pc + 4], pc);
          // A callback may have added up the count and chosen other traps.
          count = this.#pending;
          this.#pending = 0;
          limit = this.#limit;
          code = this.#active;
          break;
        case 0x203: {
          const to = this.#environment.tailCall(pc);
          if (to < 0) break;
          count += pc - start;
          this.#clearFrame();
          start = pc = to - WORDS;
          break;
        }
        case 0x85:
          count += pc - start;
          this.#pushFrame(pc);
          start = pc = code[pc + 4];
          break;
        case 0x8d: {
          // A register holds either a function's address or, in programs that no compiler of today writes, a helper's number.
          const to = (r[d] >>> 0) - CODE_BASE;
          if (r[d + 1] === 0 && to >= 0 && to < code.length && to % WORDS === 0) {
            count += pc - start;
            this.#pushFrame(pc);
            start = pc = to - WORDS;
          } else {
            this.#pending = count + pc - start;
            start = pc;
            this.#environment.callHelper(r[d + 1] === 0 ? r[d] >>> 0 : -1, pc);
            count = this.#pending;
            this.#pending = 0;
            limit = this.#limit;
            code = this.#active;
          }
          break;
        }
        case 0x95:
          count += pc - start;
          if (this.#depth === base + 1) {
            this.#pending = count;
            this.#flush(pc);
            return;
          }
          start = pc = this.#popFrame();
          break;
        case 0x204:
          this.#pending = count + pc - start - WORDS;
          this.#at = pc;
          this.#watcher!.onInsn(this.insnIdxAt(pc));
          this.#pending = 0;
          limit = this.#limit;
          code = this.#active;
          op = code[pc + (code[pc] === OP_TRAP ? WORD_TRAPPED : WORD_OP)];
          continue;
        case 0x20:
        case 0x28:
        case 0x30:
        case 0x40:
        case 0x48:
        case 0x50:
          if (this.#loadPacket(pc, op, s)) break;
          r[0] = 0;
          r[1] = 0;
          op = 0x95;
          continue;
        case 0x205:
          throw this.fault(pc, whyUnavailable(code, pc, op));
        default:
          throw this.fault(pc, whyUnavailable(code, pc, op));
      }
      // Every loop takes a branch, so an endless one comes by here with a grown count.
      if (count >= limit) {
        this.#reachLimit(count + pc - start, pc + WORDS);
        start = pc;
        count = 0;
        limit = this.#limit;
        code = this.#active;
      }
      pc += 8;
      op = code[pc];
    }
  }
}

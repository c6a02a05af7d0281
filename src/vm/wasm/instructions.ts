import {
  ATOMIC_ADD,
  ATOMIC_AND,
  ATOMIC_CMPXCHG,
  ATOMIC_FETCH,
  ATOMIC_LOAD,
  ATOMIC_OR,
  ATOMIC_STORE,
  ATOMIC_XCHG,
  ATOMIC_XOR,
} from '../atomic.ts';
import { FIRST_CONST, isPacketLoad, OP_TAIL_CALL, WORD_ARG, WORD_DST, WORD_OP, WORD_SRC, WORDS } from '../decode.ts';
import { MAX_FRAMES } from '../engine.ts';
import type { ArrayGeometry } from '../maps.ts';
import type { AccessPlan, Group } from './accesses.ts';
import type { Bytes } from './bytes.ts';
import { ALL_REGISTERS } from './effects.ts';
import {
  CALLED_ADDRESS,
  CONTEXT_ADDRESS,
  CPU_ADDRESS,
  IMPORTS,
  LEFT_ADDRESS,
  LOCAL,
  RECORD_ADDRESS,
  REGISTERS_ADDRESS,
  SITE_SIZE,
  wasm,
} from './layout.ts';

/** The locals of r0 to r9; r1…r5 are parameters. */
const LOCAL_OF_REGISTER = [LOCAL.r0, 0, 1, 2, 3, 4, LOCAL.r6, LOCAL.r7, LOCAL.r8, LOCAL.r9];
const ARGUMENTS = 0b111110;
/** BPF_MAX_LOOPS */
const MAX_LOOPS = 1 << 23;

/** Frames of more words are zeroed in one go. */
const MOST_STORES = 64;

/** What the code of a program is written for. */
export interface Surroundings {
  readonly code: Int32Array;
  /** Values of constant registers (decode.ts). */
  readonly constants: Int32Array;
  /** Address of the first site: what each group of accesses remembers. */
  readonly firstSite: number;
  readonly stackBase: number;
  readonly stackStride: number;
  /** Bytes of a frame. */
  readonly stackBytes: number;
  /** Index of the WebAssembly function that begins at a position, if one does. */
  functionIndex(entry: number): number | undefined;
}

/** Counters of one function, by positions in the code (profile/counters.ts). */
export interface CodeCounters {
  readonly row: number;
  readonly entered: ReadonlyMap<number, number>;
  readonly taken: ReadonlyMap<number, number>;
  readonly passes: ReadonlyMap<number, number>;
}

/** Writes single instructions as WebAssembly: registers are i64 locals, checked addresses i32. */
export class InstructionWriter {
  readonly #out: Bytes;
  readonly #code: Int32Array;
  readonly #constants: Int32Array;
  readonly #surroundings: Surroundings;
  readonly #plan: AccessPlan;
  readonly #counters: CodeCounters | null;
  #pins = 0;

  constructor(out: Bytes, surroundings: Surroundings, plan: AccessPlan, counters: CodeCounters | null) {
    this.#counters = counters;
    this.#out = out;
    this.#code = surroundings.code;
    this.#constants = surroundings.constants;
    this.#surroundings = surroundings;
    this.#plan = plan;
  }

  /** An operand by its word index: a register or a constant. */
  #get(word: number): void {
    if (word >= FIRST_CONST * 2) this.#const64((BigInt(this.#constants[word + 1]) << 32n) | BigInt(this.#constants[word] >>> 0));
    else if (word === 20) {
      this.#out.u8(wasm.localGet).u32(LOCAL.frame);
      this.#out.u8(wasm.i32Const).s32(this.#surroundings.stackBytes).u8(wasm.i32Add, wasm.i64ExtendU);
    } else this.#out.u8(wasm.localGet).u32(LOCAL_OF_REGISTER[word / 2]);
  }

  #get32(word: number): void {
    if (word >= FIRST_CONST * 2) this.#out.u8(wasm.i32Const).s32(this.#constants[word]);
    else {
      this.#get(word);
      this.#out.u8(wasm.i32Wrap);
    }
  }

  #slotLocal(slot: number): number {
    return LOCAL.addresses + this.#plan.slots + slot;
  }

  #set(word: number): void {
    this.#out.u8(wasm.localSet).u32(LOCAL_OF_REGISTER[word / 2]);
  }

  #const64(value: bigint): void {
    this.#out.u8(wasm.i64Const).s64(value);
  }

  /** `at` is no branch and no exit. False when the instruction is not available. */
  write(at: number): boolean {
    const op = this.#code[at + WORD_OP];
    const d = this.#code[at + WORD_DST];
    const s = this.#code[at + WORD_SRC];
    const binary64 = BINARY64[op];
    if (binary64 !== undefined) {
      this.#get(d);
      this.#get(s);
      this.#out.u8(binary64);
      this.#set(d);
      return true;
    }
    const binary32 = BINARY32[op];
    if (binary32 !== undefined) {
      this.#get32(d);
      this.#get32(s);
      this.#out.u8(binary32, wasm.i64ExtendU);
      this.#set(d);
      return true;
    }
    const division = DIVISIONS[op];
    if (division) {
      this.#divide(d, s, division);
      return true;
    }
    const load = LOADS[op];
    const access = this.#plan.accesses.get(at);
    if (access?.kind === 'slot') {
      if (load === undefined) this.#get(s);
      else this.#out.u8(wasm.localGet).u32(this.#slotLocal(access.slot));
      if (load === undefined) this.#out.u8(wasm.localSet).u32(this.#slotLocal(access.slot));
      else this.#set(d);
      return true;
    }
    if (load !== undefined) {
      const offset = this.#address(at, s);
      this.#out.u8(load, 0).u32(offset);
      this.#set(d);
      return true;
    }
    const store = STORES[op];
    if (store !== undefined) {
      const offset = this.#address(at, d);
      this.#get(s);
      this.#out.u8(store, 0).u32(offset);
      return true;
    }
    return this.#other(at, op, d, s);
  }

  #other(at: number, op: number, d: number, s: number): boolean {
    const arg = this.#code[at + WORD_ARG];
    const out = this.#out;
    switch (op) {
      case 0xbf:
        this.#get(s);
        break;
      case 0xbc:
        this.#get32(s);
        out.u8(wasm.i64ExtendU);
        break;
      case 0x1bf:
        this.#get32(s);
        this.#extend(arg);
        out.u8(wasm.i64ExtendS);
        break;
      case 0x1bc:
        this.#get32(s);
        this.#extend(arg);
        out.u8(wasm.i64ExtendU);
        break;
      case 0x8f:
        this.#const64(0n);
        this.#get(d);
        out.u8(wasm.i64Sub);
        break;
      case 0x8c:
        out.u8(wasm.i32Const).s32(0);
        this.#get32(d);
        out.u8(wasm.i32Sub, wasm.i64ExtendU);
        break;
      case 0xd4:
        if (arg === 64) return true;
        this.#get(d);
        this.#const64(arg === 32 ? 0xffffffffn : 0xffffn);
        out.u8(wasm.i64And);
        break;
      case 0xdc:
        this.#swap(d, arg === 64 || arg === 32 ? arg : 16);
        break;
      case 0xd3:
      case 0xcb:
      case 0xc3:
      case 0xdb:
        return this.#atomic(at, op, d, s);
      case 0x85:
        this.#call(at);
        return true;
      case 0x201: {
        const array = this.#plan.lookups.get(at);
        const loop = this.#plan.loops.get(at);
        const callback = loop && this.#surroundings.functionIndex(loop.entry);
        if (array) this.#lookup(at, array);
        else if (callback !== undefined) this.#loop(at, callback, loop!.array);
        else this.#toImport(IMPORTS.helper, at, arg);
        return true;
      }
      case 0x8d:
        out.u8(wasm.i32Const).s32(0);
        this.#get(d);
        out.u8(wasm.i64Store, 0).u32(REGISTERS_ADDRESS + 11 * 8);
        this.#toImport(IMPORTS.callRegister, at, 0);
        return true;
      case OP_TAIL_CALL:
        // Nothing more happens in this function when the call succeeds; r0 is the other program's.
        this.#toImport(IMPORTS.tailCall, at, 0);
        out.u8(wasm.if, wasm.typeVoid);
        this.#get(0);
        out.u8(wasm.return, wasm.end);
        return true;
      default:
        if (!isPacketLoad(op)) return false;
        this.#loadPacket(at, op, s);
        return true;
    }
    this.#set(d);
    return true;
  }

  /** ld_abs and ld_ind: outside the packet the function ends with 0. */
  #loadPacket(at: number, op: number, s: number): void {
    const out = this.#out;
    out.u8(wasm.i32Const).s32(0);
    if ((op & 0xe0) === 0x40) this.#get(s);
    else this.#const64(0n);
    out.u8(wasm.i64Store, 3).u32(CALLED_ADDRESS);
    this.#toImport(IMPORTS.loadPacket, at, (op & 0x18) === 0x10 ? 1 : (op & 0x18) === 0x08 ? 2 : 4);
    out.u8(wasm.i32Eqz, wasm.if, wasm.typeVoid);
    this.#const64(0n);
    out.u8(wasm.return, wasm.end);
  }

  /** Sign-extends the low 32 - `shift` bits on the stack. */
  #extend(shift: number): void {
    const out = this.#out;
    if (shift === 24) out.u8(wasm.i32Extend8S);
    else if (shift === 16) out.u8(wasm.i32Extend16S);
    else if ((shift & 31) !== 0) {
      out.u8(wasm.i32Const).s32(shift).u8(wasm.i32Shl);
      out.u8(wasm.i32Const).s32(shift).u8(wasm.i32ShrS);
    }
  }

  /** Reverses the bytes of the low 16, 32 or 64 bits: pairs within bytes, then halves. */
  #swap(d: number, bits: number): void {
    const out = this.#out;
    const exchange = (shift: bigint, mask: bigint) => {
      out.u8(wasm.localSet).u32(LOCAL.scratch);
      for (const [operation, keep] of [
        [wasm.i64Shl, mask << shift],
        [wasm.i64ShrU, mask],
      ] as const) {
        out.u8(wasm.localGet).u32(LOCAL.scratch);
        this.#const64(shift);
        out.u8(operation);
        this.#const64(keep);
        out.u8(wasm.i64And);
      }
      out.u8(wasm.i64Or);
    };
    this.#get(d);
    exchange(8n, 0x00ff00ff00ff00ffn);
    if (bits >= 32) exchange(16n, 0x0000ffff0000ffffn);
    this.#const64(bits === 64 ? 32n : bits === 32 ? 0xffffffffn : 0xffffn);
    out.u8(bits === 64 ? wasm.i64Rotl : wasm.i64And);
  }

  /** By zero: quotient 0, remainder the dividend. Signed by -1: no trap for the most negative dividend (RFC 9669 section 4.1). */
  #divide(d: number, s: number, { wide, signed, modulo }: Division): void {
    const out = this.#out;
    const get = (word: number) => (wide ? this.#get(word) : this.#get32(word));
    const constant = (value: number) => (wide ? this.#const64(BigInt(value)) : out.u8(wasm.i32Const).s32(value));
    const type = wide ? wasm.typeI64 : wasm.typeI32;
    get(s);
    out.u8(wide ? wasm.i64Eqz : wasm.i32Eqz).ifUnlikely(type);
    if (modulo) get(d);
    else constant(0);
    out.u8(wasm.else);
    if (signed) {
      get(s);
      constant(-1);
      out.u8(wide ? wasm.i64Eq : wasm.i32Eq).ifUnlikely(type);
      constant(0);
      if (!modulo) {
        get(d);
        out.u8(wide ? wasm.i64Sub : wasm.i32Sub);
      }
      out.u8(wasm.else);
    }
    get(d);
    get(s);
    const narrow = modulo ? (signed ? wasm.i32RemS : wasm.i32RemU) : signed ? wasm.i32DivS : wasm.i32DivU;
    const broad = modulo ? (signed ? wasm.i64RemS : wasm.i64RemU) : signed ? wasm.i64DivS : wasm.i64DivU;
    out.u8(wide ? broad : narrow, wasm.end);
    if (signed) out.u8(wasm.end);
    if (!wide) out.u8(wasm.i64ExtendU);
    this.#set(d);
  }

  /** Leaves a checked address on the stack as i32; what is to be added to it is the result. */
  #address(at: number, pointer: number): number {
    const out = this.#out;
    const access = this.#plan.accesses.get(at)!;
    if (access.kind === 'slot') throw new Error('a slot has no address');
    if (access.kind === 'frame') out.u8(wasm.localGet).u32(LOCAL.frame);
    else if (access.kind === 'fixed') out.u8(wasm.i32Const).s32(0);
    else {
      if (access.first) this.#check(at, pointer, access.group);
      out.u8(wasm.localGet).u32(LOCAL.addresses + access.group.slot);
    }
    return access.offset;
  }

  /** Checks that all accesses of a group lie in its home or in the element that it accessed last, and keeps their first address. */
  #check(at: number, pointer: number, group: Group): void {
    const out = this.#out;
    const site = this.#surroundings.firstSite + group.site * SITE_SIZE;
    this.#get(pointer);
    if (group.adjust !== 0) {
      this.#const64(BigInt(group.adjust));
      out.u8(wasm.i64Add);
    }
    out.u8(wasm.localTee).u32(LOCAL.scratch);
    if (group.home) {
      this.#const64(BigInt(group.home.base));
      out.u8(wasm.i64Sub);
      this.#const64(BigInt(group.home.elementSize - group.span + 1));
    } else {
      out.u8(wasm.i32Const).s32(0).u8(wasm.i64Load, 3).u32(site).u8(wasm.i64Sub);
      out
        .u8(wasm.i32Const)
        .s32(0)
        .u8(wasm.i64Load, 3)
        .u32(site + 8);
    }
    out.u8(wasm.i64GeU).ifUnlikely(wasm.typeVoid);
    out.u8(wasm.localGet).u32(LOCAL.scratch).u8(wasm.i32Wrap).u8(wasm.localGet).u32(LOCAL.scratch);
    this.#const64(32n);
    out.u8(wasm.i64ShrU, wasm.i32Wrap, wasm.i32Const).s32(group.site);
    out.u8(wasm.call).u32(IMPORTS.miss);
    out.u8(wasm.i32Eqz).ifUnlikely(wasm.typeVoid);
    this.#fault(at, group.reads, group.readSlots);
    out.u8(wasm.end, wasm.end);
    out.u8(wasm.localGet).u32(LOCAL.scratch);
    out.u8(wasm.i32Wrap, wasm.localSet).u32(LOCAL.addresses + group.slot);
  }

  /** Hands over to the interpreter, which runs from here into a fault; `reads` are the registers and `readSlots` the slots that it needs on the way. */
  #fault(at: number, reads: number, readSlots: readonly number[] = []): void {
    for (const slot of readSlots) {
      this.#out.u8(wasm.localGet).u32(LOCAL.frame).u8(wasm.localGet).u32(this.#slotLocal(slot));
      this.#out.u8(wasm.i64Store, 3).u32(this.#plan.frameSlots[slot]);
    }
    for (let register = 0; register < 10; register++) if (reads & (1 << register)) this.#spill(register);
    this.#spill(10);
    this.noteRecord();
    this.#out.u8(wasm.i32Const).s32(at).u8(wasm.call).u32(IMPORTS.fault).u8(wasm.unreachable);
  }

  /** What this machine does not have. */
  unavailable(at: number): void {
    this.#fault(at, ALL_REGISTERS);
  }

  /** bpf_map_lookup_elem on an array: the value's address, or 0 behind the last entry. */
  #lookup(at: number, array: ArrayGeometry): void {
    const out = this.#out;
    const offset = this.#address(at, 2 * 2);
    out.u8(wasm.i64Load32U, 0).u32(offset);
    out.u8(wasm.localTee).u32(LOCAL.scratch);
    this.#const64(BigInt(array.entries));
    out.u8(wasm.i64LtU, wasm.if, wasm.typeI64);
    out.u8(wasm.localGet).u32(LOCAL.scratch);
    this.#element(array);
    out.u8(wasm.else);
    this.#const64(0n);
    out.u8(wasm.end);
    this.#set(0);
  }

  #atomic(at: number, op: number, d: number, s: number): boolean {
    const out = this.#out;
    const operation = this.#code[at + WORD_ARG];
    const size = op === 0xd3 ? 1 : op === 0xcb ? 2 : op === 0xc3 ? 4 : 8;
    const loadOp = size === 1 ? wasm.i64Load8U : size === 2 ? wasm.i64Load16U : size === 4 ? wasm.i64Load32U : wasm.i64Load;
    const storeOp = size === 1 ? wasm.i64Store8 : size === 2 ? wasm.i64Store16 : size === 4 ? wasm.i64Store32 : wasm.i64Store;
    if (operation === ATOMIC_LOAD) {
      const offset = this.#address(at, s);
      out.u8(loadOp, 0).u32(offset);
      this.#set(d);
      return true;
    }
    if (operation === ATOMIC_STORE) {
      const offset = this.#address(at, d);
      this.#get(s);
      out.u8(storeOp, 0).u32(offset);
      return true;
    }
    const exchange = operation === ATOMIC_XCHG;
    const compare = operation === ATOMIC_CMPXCHG;
    const combine = COMBINE[operation & ~ATOMIC_FETCH];
    if (size < 4 || (!exchange && !compare && combine === undefined)) return false;
    const offset = this.#address(at, d);
    out.u8(wasm.localTee).u32(LOCAL.index);
    out.u8(loadOp, 0).u32(offset);
    out.u8(wasm.localSet).u32(LOCAL.old);
    out.u8(wasm.localGet).u32(LOCAL.index);
    if (compare) {
      // The new value if r0 (its low half for 32 bits) equals the old one.
      this.#get(s);
      out.u8(wasm.localGet).u32(LOCAL.old);
      out.u8(wasm.localGet).u32(LOCAL.old);
      this.#get(0);
      if (size === 4) {
        this.#const64(0xffffffffn);
        out.u8(wasm.i64And);
      }
      out.u8(wasm.i64Eq, wasm.select);
    } else if (exchange) this.#get(s);
    else {
      out.u8(wasm.localGet).u32(LOCAL.old);
      this.#get(s);
      out.u8(combine);
    }
    out.u8(storeOp, 0).u32(offset);
    if (compare || exchange || operation & ATOMIC_FETCH) {
      out.u8(wasm.localGet).u32(LOCAL.old);
      this.#set(compare ? 0 : s);
    }
    return true;
  }

  /** Finds the function's counters by the context that it is called in. */
  findRecord(): void {
    if (!this.#counters) return;
    const out = this.#out.u8(wasm.i32Const).s32(0).u8(wasm.i32Load, 2).u32(CONTEXT_ADDRESS);
    out.u8(wasm.i32Load, 2).u32(this.#counters.row).u8(wasm.localSet).u32(LOCAL.record);
  }

  /** Counts the block that begins at `at`, or the branch there that is taken. */
  count(what: 'entered' | 'taken', at: number): void {
    const offset = this.#counters?.[what].get(at);
    if (offset === undefined) return;
    const out = this.#out.u8(wasm.localGet).u32(LOCAL.record).u8(wasm.localGet).u32(LOCAL.record);
    out.u8(wasm.i64Load, 3).u32(offset);
    this.#const64(1n);
    out.u8(wasm.i64Add, wasm.i64Store, 3).u32(offset);
  }

  #passContext(at: number): void {
    const offset = this.#counters?.passes.get(at);
    if (offset === undefined) return;
    const out = this.#out.u8(wasm.i32Const).s32(0).u8(wasm.localGet).u32(LOCAL.record);
    out.u8(wasm.i32Load, 2).u32(offset).u8(wasm.i32Store, 2).u32(CONTEXT_ADDRESS);
  }

  /** Whoever hears of a fault wants to know in which context. */
  noteRecord(): void {
    if (this.#counters) this.#out.u8(wasm.i32Const).s32(0).u8(wasm.localGet).u32(LOCAL.record).u8(wasm.i32Store, 2).u32(RECORD_ADDRESS);
  }

  /** What is left of the budget lives in memory while another function or JavaScript runs. */
  saveLeft(): void {
    this.#out.u8(wasm.i32Const).s32(0).u8(wasm.localGet).u32(LOCAL.left).u8(wasm.i64Store, 3).u32(LEFT_ADDRESS);
  }

  loadLeft(): void {
    this.#out.u8(wasm.i32Const).s32(0).u8(wasm.i64Load, 3).u32(LEFT_ADDRESS).u8(wasm.localSet).u32(LOCAL.left);
  }

  #call(at: number): void {
    const out = this.#out;
    const { stackBase, stackStride } = this.#surroundings;
    out.u8(wasm.localGet).u32(LOCAL.frame);
    out.u8(wasm.i32Const).s32(stackBase + (MAX_FRAMES - 1) * stackStride);
    out.u8(wasm.i32GeU).ifUnlikely(wasm.typeVoid);
    this.#fault(at, ARGUMENTS);
    out.u8(wasm.end);
    this.saveLeft();
    this.#passContext(at);
    for (let register = 1; register <= 5; register++) this.#get(register * 2);
    out.u8(wasm.localGet).u32(LOCAL.frame);
    out.u8(wasm.i32Const).s32(stackStride).u8(wasm.i32Add, wasm.call);
    // Call targets are stored one entry early.
    out.u32(this.#surroundings.functionIndex(this.#code[at + WORD_ARG] + WORDS)!);
    this.#set(0);
    this.loadLeft();
  }

  /**
   * bpf_loop, or bpf_for_each_map_elem on an array: calls function `callback` again and again without leaving WebAssembly. What they
   * refuse is the helper's to refuse.
   */
  #loop(at: number, callback: number, array: ArrayGeometry | null): void {
    const out = this.#out;
    const { stackBase, stackStride } = this.#surroundings;
    const index = (): Bytes => out.u8(wasm.localGet).u32(LOCAL.index);
    const times = (): void => {
      if (array) out.u8(wasm.i32Const).s32(array.entries);
      else this.#get32(1 * 2);
    };
    this.#get(4 * 2);
    this.#const64(0n);
    out.u8(wasm.i64Ne);
    times();
    out
      .u8(wasm.i32Const)
      .s32(array ? array.entries : MAX_LOOPS)
      .u8(wasm.i32GtU, wasm.i32Or);
    out.u8(wasm.localGet).u32(LOCAL.frame);
    out.u8(wasm.i32Const).s32(stackBase + (MAX_FRAMES - 1) * stackStride);
    out.u8(wasm.i32GeU, wasm.i32Or).ifUnlikely(wasm.typeVoid);
    this.#toImport(IMPORTS.helper, at, this.#code[at + WORD_ARG]);
    out.u8(wasm.else);
    this.saveLeft();
    const keyMemory = (begins: number): void => {
      out.u8(wasm.i32Const).s32(begins).u8(wasm.i32Const).s32(at).u8(wasm.call).u32(IMPORTS.key);
    };
    if (array) {
      keyMemory(1);
      out.u8(wasm.i64ExtendU, wasm.localSet).u32(LOCAL.scratch);
    }
    out.u8(wasm.i32Const).s32(0).u8(wasm.localSet).u32(LOCAL.index);
    out.u8(wasm.block, wasm.typeVoid, wasm.loop, wasm.typeVoid);
    index();
    times();
    out.u8(wasm.i32GeU, wasm.brIf).u32(1);
    this.#passContext(at);
    if (array) {
      out.u8(wasm.localGet).u32(LOCAL.scratch).u8(wasm.i32Wrap);
      index().u8(wasm.i32Store, 2).u32(0);
      this.#get(1 * 2);
      out.u8(wasm.localGet).u32(LOCAL.scratch);
      index().u8(wasm.i64ExtendU);
      this.#element(array);
      for (const register of [3, 4]) this.#get(register * 2);
    } else {
      index().u8(wasm.i64ExtendU);
      for (const register of [3, 3, 4, 5]) this.#get(register * 2);
    }
    out.u8(wasm.localGet).u32(LOCAL.frame);
    out.u8(wasm.i32Const).s32(stackStride).u8(wasm.i32Add, wasm.call).u32(callback);
    this.#set(0);
    index().u8(wasm.i32Const).s32(1).u8(wasm.i32Add, wasm.localSet).u32(LOCAL.index);
    // A callback without a loop does not look at the budget by itself.
    out.u8(wasm.i32Const).s32(0).u8(wasm.i64Load, 3).u32(LEFT_ADDRESS);
    this.#const64(0n);
    out.u8(wasm.i64LtS).ifUnlikely(wasm.typeVoid);
    this.noteRecord();
    out.u8(wasm.i32Const).s32(at).u8(wasm.call).u32(IMPORTS.budget).u8(wasm.end);
    this.#get(0);
    out.u8(wasm.i64Eqz, wasm.brIf).u32(0).u8(wasm.end, wasm.end);
    if (array) {
      keyMemory(0);
      out.u8(wasm.drop);
    }
    index().u8(wasm.i64ExtendU);
    this.#set(0);
    this.loadLeft();
    out.u8(wasm.end);
  }

  /** Makes an index on the stack, 64 bits wide, the address of an array's element. */
  #element({ base, stride, cpuStride }: ArrayGeometry): void {
    const out = this.#out;
    this.#const64(BigInt(stride));
    out.u8(wasm.i64Mul);
    this.#const64(BigInt(base));
    out.u8(wasm.i64Add);
    if (cpuStride === 0) return;
    out.u8(wasm.i32Const).s32(0).u8(wasm.i64Load32U, 2).u32(CPU_ADDRESS);
    this.#const64(BigInt(cpuStride));
    out.u8(wasm.i64Mul, wasm.i64Add);
  }

  /** Calls into JavaScript with r1…r5 and r10 in memory; r0 comes back there, and what the import returns is on the stack. */
  #toImport(index: number, at: number, arg: number): void {
    const out = this.#out;
    this.saveLeft();
    this.noteRecord();
    this.#passContext(at);
    for (let register = 1; register <= 5; register++) this.#spill(register);
    this.#spill(10);
    out.u8(wasm.i32Const).s32(arg);
    out.u8(wasm.i32Const).s32(at);
    out.u8(wasm.call).u32(index);
    out.u8(wasm.i32Const).s32(0).u8(wasm.i64Load, 3).u32(REGISTERS_ADDRESS);
    this.#set(0);
    this.loadLeft();
  }

  #spill(register: number): void {
    this.#out.u8(wasm.i32Const).s32(0);
    this.#get(register * 2);
    this.#out.u8(wasm.i64Store, 3).u32(REGISTERS_ADDRESS + register * 8);
  }

  /**
   * A path beside the load at `at` that gives `registers` other values (pins.ts). It is never taken: nothing lies at addresses below
   * 64 KiB. They differ from pin to pin, since a compiler asks the same question only once.
   */
  pin(at: number, registers: readonly number[]): void {
    const access = this.#plan.accesses.get(at);
    const address = access?.kind === 'group' && !access.first ? LOCAL.addresses + access.group.slot : LOCAL.frame;
    this.#out
      .u8(wasm.localGet)
      .u32(address)
      .u8(wasm.i32Const)
      .s32(++this.#pins & 0xffff);
    this.#out.u8(wasm.i32Eq).ifUnlikely(wasm.typeVoid);
    for (const register of registers) {
      this.#const64(0n);
      this.#set(register * 2);
    }
    this.#out.u8(wasm.end);
  }

  /** Zeroes the frame from byte `from` on. */
  clearFrame(from: number): void {
    const { stackBytes } = this.#surroundings;
    const first = from & ~7;
    if (stackBytes - first > MOST_STORES * 8) {
      this.#out.u8(wasm.localGet).u32(LOCAL.frame).u8(wasm.i32Const).s32(first).u8(wasm.i32Add);
      this.#out
        .u8(wasm.i32Const)
        .s32(0)
        .u8(wasm.i32Const)
        .s32(stackBytes - first)
        .u8(wasm.bulk)
        .u32(wasm.memoryFill)
        .u8(0);
      return;
    }
    for (let offset = first; offset < stackBytes; offset += 8) {
      this.#out.u8(wasm.localGet).u32(LOCAL.frame);
      this.#const64(0n);
      this.#out.u8(wasm.i64Store, 3).u32(offset);
    }
  }

  /** Leaves 1 on the stack when the branch at `at` is taken. */
  condition(at: number): void {
    const op = this.#code[at + WORD_OP];
    const d = this.#code[at + WORD_DST];
    const s = this.#code[at + WORD_SRC];
    const wide = (op & 7) === 5;
    const get = (word: number) => (wide ? this.#get(word) : this.#get32(word));
    get(d);
    get(s);
    if ((op & 0xf0) === 0x40) {
      if (wide) {
        this.#out.u8(wasm.i64And);
        this.#const64(0n);
        this.#out.u8(wasm.i64Ne);
      } else this.#out.u8(wasm.i32And).u8(wasm.i32Const).s32(0).u8(wasm.i32Ne);
      return;
    }
    const [narrow, broad] = CONDITIONS[op & 0xf0];
    this.#out.u8(wide ? broad : narrow);
  }
}

interface Division {
  readonly wide: boolean;
  readonly signed: boolean;
  readonly modulo: boolean;
}

const DIVISIONS: Record<number, Division> = {
  63: { wide: true, signed: false, modulo: false },
  159: { wide: true, signed: false, modulo: true },
  319: { wide: true, signed: true, modulo: false },
  415: { wide: true, signed: true, modulo: true },
  60: { wide: false, signed: false, modulo: false },
  156: { wide: false, signed: false, modulo: true },
  316: { wide: false, signed: true, modulo: false },
  412: { wide: false, signed: true, modulo: true },
};

/** By operation of the decoded code (decode.ts). */
const BINARY64: Record<number, number> = {
  15: wasm.i64Add,
  31: wasm.i64Sub,
  47: wasm.i64Mul,
  79: wasm.i64Or,
  95: wasm.i64And,
  111: wasm.i64Shl,
  127: wasm.i64ShrU,
  175: wasm.i64Xor,
  207: wasm.i64ShrS,
};
const BINARY32: Record<number, number> = {
  12: wasm.i32Add,
  28: wasm.i32Sub,
  44: wasm.i32Mul,
  76: wasm.i32Or,
  92: wasm.i32And,
  108: wasm.i32Shl,
  124: wasm.i32ShrU,
  172: wasm.i32Xor,
  204: wasm.i32ShrS,
};
const LOADS: Record<number, number> = {
  113: wasm.i64Load8U,
  105: wasm.i64Load16U,
  97: wasm.i64Load32U,
  121: wasm.i64Load,
  145: wasm.i64Load8S,
  137: wasm.i64Load16S,
  129: wasm.i64Load32S,
};
const STORES: Record<number, number> = {
  115: wasm.i64Store8,
  107: wasm.i64Store16,
  99: wasm.i64Store32,
  123: wasm.i64Store,
};
const COMBINE: Record<number, number> = {
  [ATOMIC_ADD]: wasm.i64Add,
  [ATOMIC_OR]: wasm.i64Or,
  [ATOMIC_AND]: wasm.i64And,
  [ATOMIC_XOR]: wasm.i64Xor,
};
const CONDITIONS: Record<number, readonly [narrow: number, broad: number]> = {
  16: [wasm.i32Eq, wasm.i64Eq],
  80: [wasm.i32Ne, wasm.i64Ne],
  32: [wasm.i32GtU, wasm.i64GtU],
  48: [wasm.i32GeU, wasm.i64GeU],
  160: [wasm.i32LtU, wasm.i64LtU],
  176: [wasm.i32LeU, wasm.i64LeU],
  96: [wasm.i32GtS, wasm.i64GtS],
  112: [wasm.i32GeS, wasm.i64GeS],
  192: [wasm.i32LtS, wasm.i64LtS],
  208: [wasm.i32LeS, wasm.i64LeS],
};

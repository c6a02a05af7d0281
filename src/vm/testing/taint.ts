import {
  ATOMIC,
  CMPXCHG,
  classOf,
  FETCH,
  isFuncAddress,
  isJump,
  isPseudoCall,
  LDX,
  LOAD_ACQ,
  MOV,
  modeOf,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  opOf,
  PSEUDO_KFUNC_CALL,
  STORE_REL,
  sizeOf,
  X,
} from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import { helperProto } from '../../verifier/protos.ts';
import type { Region } from '../address-space.ts';
import { STACK_SIZE } from '../engine.ts';
import type { MachineParts, Vm, VmInput } from '../vm.ts';

/** A number that is the same on every machine; one that is not; an address, which is not but may be dereferenced. */
const CLEAN = 0;
const TAINTED = 1;
const POINTER = 2;
type Taint = typeof CLEAN | typeof TAINTED | typeof POINTER;

const BYTES: Readonly<Record<number, number>> = { 16: 1, 8: 2, 0: 4, 24: 8 };
/** Results that are addresses. */
const ADDRESS_RESULT = /^(map_value|mem|ringbuf|dynptr_mem|socket|sock|tcp_sock|alloc)/;
/** Time and chance. */
const VARIES = new Set([5, 7, 14, 15, 16, 35, 118, 125, 160, 208]);
/** Helpers that fill a buffer of the program where they succeed: its register. */
const FILLS: Readonly<Record<number, number>> = { 26: 3, 189: 3, 88: 2, 89: 2, 201: 1 };
const MAP_HELPERS = new Set([1, 2, 3, 87]);
const RESERVE = 131;
const SUBMIT = 132;

/** Why a run depends on more than its input, thrown to end the look at it. */
class Depends extends Error {}

/**
 * Follows a run of the interpreter and tells whether its result depends on an address, on stack that was never written, on time or on
 * chance: such programs give different results on different machines, and rightly so.
 */
export class TaintCheck {
  readonly #vm: Vm;
  readonly #parts: MachineParts;
  readonly #insns: readonly Insn[];
  /** By address. */
  readonly #memory: Uint8Array;
  readonly #regs = Array.from({ length: 9 }, () => new Uint8Array(11));
  #pending: (() => void) | null = null;
  #lastFrame = 0;
  #last = -1;
  #why: string | null = null;
  /** Sizes of the records of ring buffers that are open, by address. */
  readonly #records = new Map<number, number>();

  constructor(vm: Vm) {
    this.#vm = vm;
    this.#parts = vm.parts;
    this.#insns = vm.program.insns;
    this.#memory = new Uint8Array(this.#parts.space.buffer.byteLength);
  }

  /** What the result depends on, or null. Faults of the machine are thrown. */
  run(input: VmInput): string | null {
    this.#why = null;
    this.#last = -1;
    this.#pending = null;
    this.#memory.fill(CLEAN);
    this.#records.clear();
    this.#enter(0, null, 0);
    this.#regs[0]![1] = POINTER;
    this.#vm.trace(input, (pc, frame) => {
      if (this.#why !== null) return;
      try {
        this.#step(pc, frame);
      } catch (error) {
        if (!(error instanceof Depends)) throw error;
        this.#why = error.message;
      }
    });
    return this.#why;
  }

  #low(reg: number): number {
    return this.#parts.interpreter.registers[reg * 2]!;
  }

  #isZero(reg: number): boolean {
    const r = this.#parts.interpreter.registers;
    return r[reg * 2] === 0 && r[reg * 2 + 1] === 0;
  }

  #depends(what: string, pc: number): never {
    throw new Depends(`${what} at instruction ${pc}`);
  }

  #enter(frame: number, from: Uint8Array | null, top: number): void {
    const regs = this.#regs[frame]!;
    regs.fill(TAINTED);
    if (from) for (let r = 1; r <= 5; r++) regs[r] = from[r]!;
    regs[10] = POINTER;
    if (top > 0) this.#memory.fill(TAINTED, top - STACK_SIZE, top);
  }

  #step(pc: number, frame: number): void {
    const insn = this.#insns[pc]!;
    const last = this.#last;
    if (last < 0) this.#enterFirst();
    else if (frame > this.#lastFrame) this.#called(frame, last);
    else if (frame < this.#lastFrame) this.#returned(frame);
    if (frame <= this.#lastFrame && this.#pending) {
      this.#pending();
      this.#pending = null;
    }
    this.#last = pc;
    this.#lastFrame = frame;
    this.#transfer(insn, pc, this.#regs[frame]!);
  }

  #enterFirst(): void {
    const regs = this.#regs[0]!;
    regs.fill(TAINTED);
    regs[1] = POINTER;
    regs[10] = POINTER;
    const top = this.#low(10);
    this.#memory.fill(TAINTED, top - STACK_SIZE, top);
  }

  /** In a function that was called, or that a helper called back. */
  #called(frame: number, last: number): void {
    const caller = this.#regs[this.#lastFrame]!;
    const insn = this.#insns[last]!;
    const callback = new Uint8Array(11);
    if (isPseudoCall(insn)) {
      this.#enter(frame, caller, this.#low(10));
      return;
    }
    const isEach = insn.imm === 164;
    const context = this.#callbackContext;
    callback.set(isEach ? [0, POINTER, POINTER, POINTER, context, 0] : [0, CLEAN, context, CLEAN, CLEAN, CLEAN]);
    this.#enter(frame, callback, this.#low(10));
  }

  /** Taint of what a helper hands to its callback. */
  #callbackContext: number = CLEAN;

  #returned(frame: number): void {
    const result = this.#regs[this.#lastFrame]![0]!;
    const regs = this.#regs[frame]!;
    regs[0] = result;
    for (let r = 1; r <= 5; r++) regs[r] = TAINTED;
  }

  #transfer(insn: Insn, pc: number, regs: Uint8Array): void {
    const cls = classOf(insn);
    const { dst, src } = insn;
    if (cls === 4 || cls === 7) regs[dst] = this.#alu(insn, regs);
    else if (insn.opcode === OP_LDDW) regs[dst] = insn.src !== 0 || isFuncAddress(insn) ? POINTER : CLEAN;
    else if (cls === 0) {
      if ((insn.opcode & 0xe0) === 0x40 && regs[src] !== CLEAN) this.#depends('an offset in the packet', pc);
      this.#pending = () => {
        regs[0] = CLEAN;
        for (let r = 1; r <= 5; r++) regs[r] = TAINTED;
      };
    } else if (cls === LDX) regs[dst] = this.#load(insn, src, regs, pc);
    else if (cls === 2) this.#store(dst, insn, CLEAN, regs, pc);
    else if (cls === 3) this.#stx(insn, regs, pc);
    else if (insn.opcode === OP_CALL) this.#call(insn, pc, regs);
    else if (insn.opcode === OP_EXIT) {
      if (regs[0] !== CLEAN && this.#lastFrame === 0) this.#depends('the return value', pc);
    } else if (isJump(insn) && opOf(insn) !== 0 && opOf(insn) !== 0xe0) this.#branch(insn, pc, regs);
  }

  #alu(insn: Insn, regs: Uint8Array): Taint {
    const op = opOf(insn);
    const wide = classOf(insn) === 7;
    const byReg = (insn.opcode & X) !== 0 && op !== 0xd0 && op !== 0x80;
    const own = regs[insn.dst]!;
    const other = byReg ? regs[insn.src]! : CLEAN;
    if (op === MOV) return other === CLEAN ? CLEAN : wide && insn.off === 0 ? (other as Taint) : TAINTED;
    if (own === CLEAN && other === CLEAN) return CLEAN;
    const isSum = wide && (op === 0 || op === 0x10);
    if (isSum && own === POINTER && other === CLEAN) return POINTER;
    if (wide && op === 0 && own === CLEAN && other === POINTER) return POINTER;
    return TAINTED;
  }

  #region(address: number): Region | null {
    return this.#parts.space.regionAt(address);
  }

  #address(reg: number, insn: Insn, regs: Uint8Array, pc: number): number {
    if (regs[reg] !== POINTER) this.#depends('the place of an access', pc);
    return (this.#low(reg) + insn.off) | 0;
  }

  #load(insn: Insn, pointer: number, regs: Uint8Array, pc: number): Taint {
    const at = this.#address(pointer, insn, regs, pc);
    const size = BYTES[sizeOf(insn)]!;
    const region = this.#region(at);
    if (region?.name === 'context' && this.#isAddressField(at - region.base)) return POINTER;
    return this.#taintOf(at, size);
  }

  #taintOf(at: number, size: number): Taint {
    let any = CLEAN as number;
    let pointers = 0;
    for (let i = at; i < at + size; i++) {
      any |= this.#memory[i]!;
      if (this.#memory[i] === POINTER) pointers++;
    }
    return any === CLEAN ? CLEAN : pointers === 8 && size === 8 ? POINTER : TAINTED;
  }

  /** Fields of `struct xdp_md` and `__sk_buff` that the kernel makes addresses. */
  #isAddressField(off: number): boolean {
    const { progType } = this.#vm.program;
    if (progType === 6) return off < 12;
    return progType === 3 || progType === 4 ? off === 76 || off === 80 || off === 140 || off === 168 : off === 168;
  }

  #store(pointer: number, insn: Insn, taint: number, regs: Uint8Array, pc: number): void {
    const at = this.#address(pointer, insn, regs, pc);
    const size = BYTES[sizeOf(insn)]!;
    const { name = '' } = this.#region(at) ?? {};
    if (taint !== CLEAN && name !== 'stack' && !name.startsWith('ring buffer')) this.#depends(`what is written to ${name}`, pc);
    this.#memory.fill(taint === POINTER && size !== 8 ? TAINTED : taint, at, at + size);
  }

  #stx(insn: Insn, regs: Uint8Array, pc: number): void {
    const { dst, src } = insn;
    if (modeOf(insn) !== ATOMIC || insn.imm === STORE_REL) {
      this.#store(dst, insn, regs[src]!, regs, pc);
      return;
    }
    if (insn.imm === LOAD_ACQ) {
      regs[dst] = this.#load(insn, src, regs, pc);
      return;
    }
    const was = this.#load(insn, dst, regs, pc);
    const compared = insn.imm === CMPXCHG ? regs[0]! : CLEAN;
    const joint = (was | regs[src]! | compared) === CLEAN ? CLEAN : TAINTED;
    this.#store(dst, insn, joint, regs, pc);
    if (insn.imm === CMPXCHG) regs[0] = was === CLEAN ? CLEAN : TAINTED;
    else if (insn.imm & FETCH) regs[src] = was === CLEAN ? CLEAN : TAINTED;
  }

  #branch(insn: Insn, pc: number, regs: Uint8Array): void {
    const byReg = (insn.opcode & X) !== 0;
    const a = regs[insn.dst]!;
    const b = byReg ? regs[insn.src]! : CLEAN;
    if (a === CLEAN && b === CLEAN) return;
    const op = opOf(insn);
    const isEquality = op === 0x10 || op === 0x50;
    if (a === POINTER && b === CLEAN && isEquality && classOf(insn) === 5 && (byReg ? this.#isZero(insn.src) : insn.imm === 0)) return;
    // Where a pointer lies in its packet is the same everywhere.
    const inPacket = (reg: number): boolean => this.#region(this.#low(reg))?.name === 'packet';
    if (a === POINTER && b === POINTER && classOf(insn) === 5 && inPacket(insn.dst) && inPacket(insn.src)) return;
    this.#depends('a branch', pc);
  }

  #call(insn: Insn, pc: number, regs: Uint8Array): void {
    if (isPseudoCall(insn)) return;
    const isKfunc = insn.src === PSEUDO_KFUNC_CALL;
    const proto = isKfunc ? null : helperProto(this.#vm.program.progType, insn.imm);
    this.#callbackContext = regs[3]!;
    const fills = isKfunc ? 0 : (FILLS[insn.imm] ?? 0);
    for (const [i, arg] of (proto?.args ?? []).entries())
      this.#argument(insn.imm, arg.kind, arg.uninit || arg.written || i + 1 === fills, i + 1, regs, pc);
    const to = fills ? this.#low(fills) : 0;
    const length = fills === 3 ? this.#low(4) : insn.imm === 201 ? this.#low(2) : 8;
    const reserved = !isKfunc && insn.imm === RESERVE ? this.#low(2) : 0;
    const sent = !isKfunc && insn.imm === SUBMIT ? (this.#records.get(this.#low(1)) ?? 0) : 0;
    if (this.#taintOf(this.#low(1), sent) !== CLEAN) this.#depends('what a record holds', pc);
    const isAddress = proto ? ADDRESS_RESULT.test(proto.result) : /_next$|_slice/.test(this.#vm.program.kfuncCalls.get(pc) ?? '');
    this.#pending = () => {
      regs[0] = isAddress ? (this.#isZero(0) ? CLEAN : POINTER) : proto && VARIES.has(insn.imm) ? TAINTED : CLEAN;
      for (let r = 1; r <= 5; r++) regs[r] = TAINTED;
      // Where it failed, the buffer holds what it held.
      if (fills && this.#isZero(0)) this.#memory.fill(CLEAN, to, to + length);
      // A record is as its last user left it.
      if (!reserved || this.#isZero(0)) return;
      this.#records.set(this.#low(0), reserved);
      this.#memory.fill(TAINTED, this.#low(0), this.#low(0) + reserved);
    };
  }

  #argument(id: number, kind: string, isOut: boolean, reg: number, regs: Uint8Array, pc: number): void {
    if (kind === 'any' || kind === 'size' || kind === 'size0' || kind === 'alloc_size') {
      if (regs[reg] !== CLEAN) this.#depends('an argument', pc);
      return;
    }
    if (isOut) return;
    const { maps } = this.#vm.program;
    if ((kind === 'key' || kind === 'value') && MAP_HELPERS.has(id)) {
      const def = maps[((this.#low(1) >>> 0) - 0xe0000000) / 16];
      const size = (kind === 'key' ? def?.keySize : def?.valueSize) ?? 0;
      if (this.#taintOf(this.#low(reg), size) !== CLEAN) this.#depends(`the ${kind} of a map`, pc);
    } else if (kind === 'mem' && this.#taintOf(this.#low(reg), this.#low(reg + 1) >>> 0) !== CLEAN) {
      this.#depends('memory that a helper reads', pc);
    }
  }
}

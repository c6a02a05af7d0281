import {
  ADD,
  ALU64,
  ATOMIC,
  CMPXCHG,
  classOf,
  DW,
  FETCH,
  isJump,
  isPseudoCall,
  LD,
  LDX,
  LOAD_ACQ,
  MEMSX,
  MOV,
  modeOf,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  opOf,
  STORE_REL,
  sizeOf,
  X,
} from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import { regPlace, slotPlace } from '../../verifier/query/cells.ts';
import { NONE } from '../../verifier/query/exploration.ts';
import type { Recording } from '../../verifier/query/recording.ts';
import {
  baseType,
  CTX,
  FRAMENO,
  ID,
  MAP_VALUE,
  MAYBE_NULL,
  NOT_INIT,
  OFF,
  PACKET,
  PACKET_END,
  PRECISE,
  REG,
  type Regs,
  SCALAR,
  STACK,
  TYPE,
} from '../../verifier/reg.ts';
import { SLOT_SPILL, SLOT_ZERO, type State } from '../../verifier/state.ts';
import { STACK_SIZE } from '../engine.ts';
import type { MachineParts, Vm, VmInput } from '../vm.ts';
import { holds, holdsLow } from './holds.ts';

const SLOTS = STACK_SIZE / 8;
const MOST_CANDIDATES = 64;

/** A place where the abstract execution may be, while the concrete one is at an instruction. */
interface Candidate {
  readonly step: number;
  /**
   * Registers and stack slots of which nothing is claimed: an earlier state that covers this path need not hold values that nothing
   * reads any more or on which nothing depends (imprecise scalars), nor what is computed from them.
   */
  readonly loose: ReadonlySet<number>;
}

/** The function that verification began with, main or a global one, and where its frame lies on the concrete call stack. */
interface Context {
  readonly base: number;
  /** What to go on with when the function returns: places after its call. */
  readonly callers: readonly Candidate[];
}

const PER_FRAME = 128;
const BPF_LOOP = 181;
const regKey = (frame: number, reg: number): number => frame * PER_FRAME + reg;
/** Slot `spi` of a frame; 0 is fp-8. */
const slotKey = (frame: number, spi: number): number => frame * PER_FRAME + 16 + spi;

/**
 * Stands among what nothing is claimed of where 6.18 loses the precision of a number, so that it may take a path to be covered by one that
 * goes another way: its walk back passes over an atomic that fetches from the stack, and over the count of `bpf_loop` in rounds that are done.
 */
const ADRIFT = -1;

const isLoad = (insn: Insn): boolean => classOf(insn) === LDX || (classOf(insn) === 3 && modeOf(insn) === ATOMIC && insn.imm === LOAD_ACQ);

/**
 * Runs a program in the interpreter beside its recorded verification: before each instruction the concrete registers and spilled values
 * must lie within a state that the verifier had there, on the very path that execution takes; where it cut a path short, within the state
 * that it said covers it. Pointers must lie as far from the beginning of their object as the state says.
 */
export class Containment {
  readonly #vm: Vm;
  readonly #parts: MachineParts;
  readonly #insns: readonly Insn[];
  readonly #recording: Recording;
  /** Runs that were put aside after a step. */
  readonly #branches = new Map<number, number[]>();
  /** First step of each function that is verified apart, by its first instruction. */
  readonly #roots = new Map<number, number>();
  readonly #ids = new Map<number, Uint32Array>();
  #contexts: Context[] = [];
  #candidates: Candidate[] = [];
  readonly #frameTop = new Int32Array(8);
  #violation: string | null = null;
  /** The run went where a verification with all its precision would have followed it: nothing more can be said of it. */
  #adrift = false;
  #last = -1;
  #lastFrame = 0;
  /** Where the last instruction accessed memory. */
  #address = 0;
  /** Values that were compared. */
  checks = 0;
  steps = 0;
  /** Runs that were followed only so far because of what 6.18 loses. */
  leftEarly = 0;

  constructor(vm: Vm, recording: Recording) {
    this.#vm = vm;
    this.#parts = vm.parts;
    this.#insns = vm.program.insns;
    this.#recording = recording;
    for (let run = 0; run < recording.runs; run++) {
      const parent = recording.runParent(run);
      const first = recording.runFirst(run);
      if (parent === NONE) this.#roots.set(recording.insnAt(first), first);
      else {
        const known = this.#branches.get(parent);
        if (known) known.push(first);
        else this.#branches.set(parent, [first]);
      }
    }
  }

  /** What lay outside, or null. Throws what the machine throws when the program faults. */
  run(input: VmInput): string | null {
    this.#violation = null;
    this.#adrift = false;
    this.#candidates = [{ step: this.#roots.get(0)!, loose: new Set() }];
    this.#contexts = [{ base: 0, callers: [] }];
    this.#last = -1;
    this.#vm.trace(input, (insnIdx, frame) => {
      if (this.#violation === null && !this.#adrift) this.#look(insnIdx, frame);
    });
    return this.#violation;
  }

  #look(pc: number, frame: number): void {
    const r = this.#parts.interpreter.registers;
    this.#frameTop[frame] = r[20]!;
    if (this.#last >= 0) this.#advance(pc, frame);
    if (this.#violation || this.#adrift) return;
    this.steps++;
    const misses: string[] = [];
    const inside: Candidate[] = [];
    for (const candidate of this.#candidates) {
      const miss = this.#outside(candidate.step, frame, candidate.loose);
      if (miss) misses.push(`step ${candidate.step}: ${miss}`);
      else inside.push({ ...candidate, loose: this.#narrowed(candidate, frame) });
    }
    if (inside.length === 0) {
      this.#violation = `instruction ${pc}: ${misses.slice(0, 3).join('; ') || 'verification did not come here'}`;
      return;
    }
    this.#candidates = inside;
    this.#last = pc;
    this.#lastFrame = frame;
    // Where the instruction accesses memory, while its pointer is still there.
    const insn = this.#insns[pc]!;
    this.#address = (r[(isLoad(insn) ? insn.src : insn.dst) * 2]! + insn.off) | 0;
  }

  /** From the last instruction to `pc`. */
  #advance(pc: number, frame: number): void {
    const last = this.#insns[this.#last]!;
    let context = this.#contexts.at(-1)!;
    if (frame > this.#lastFrame && isPseudoCall(last) && this.#isApart(pc)) {
      // Its callers may rely on nothing but its prototype, nor does it know its callers.
      const callers = this.#candidates.flatMap(({ step, loose }) => this.#after(step, loose));
      const held = callers.map((c) => ({ ...c, loose: withoutRegs(c.loose, this.#lastFrame) }));
      this.#contexts.push({ base: frame, callers: held });
      this.#candidates = [{ step: this.#roots.get(pc)!, loose: new Set() }];
      return;
    }
    let next: Candidate[];
    if (frame < context.base) {
      next = [...context.callers];
      this.#contexts.pop();
      context = this.#contexts.at(-1)!;
    } else {
      next = this.#candidates.flatMap((candidate) => this.#after(candidate.step, this.#spread(candidate, last, frame)));
    }
    const found: Candidate[] = [];
    const seen = new Set<number>();
    let adrift = false;
    const visit = (candidate: Candidate): void => {
      adrift ||= candidate.loose.has(ADRIFT);
      if (seen.has(candidate.step) || found.length >= MOST_CANDIDATES) return;
      seen.add(candidate.step);
      const at = this.#recording.insnAt(candidate.step);
      const depth = this.#recording.depthAt(candidate.step);
      const isHere = at === pc && depth === frame - context.base + 1;
      const covering = this.#covering(candidate);
      if (isHere) {
        found.push(covering);
        return;
      }
      // The verifier begins an instruction again with one bit decided, and comes back to a call for each round of its callbacks. Where an
      // earlier state covered it there, that state's gaps are from before the instruction.
      if (at === this.#last) {
        const loose = covering.loose === candidate.loose ? candidate.loose : this.#spread(covering, last, frame);
        for (const c of this.#after(covering.step, loose)) visit(c);
      } else if (this.#recording.env.callsCallback[at]) {
        const caller = context.base + depth - 1;
        let loose = covering.loose === candidate.loose ? candidate.loose : withoutResults(covering.loose, caller);
        if (this.#insns[at]!.imm === BPF_LOOP && covering.loose.has(regKey(caller, 1))) loose = new Set(loose).add(ADRIFT);
        for (const c of this.#after(covering.step, loose)) visit(c);
      }
    };
    const decided = isJump(last) && opOf(last) !== 0;
    for (const candidate of next) visit(candidate);
    if (found.length === 0 && adrift) {
      this.#adrift = true;
      this.leftEarly++;
    }
    // A comparison with a value of which nothing is claimed claims nothing of the other one either.
    this.#candidates = decided ? found.map((candidate) => this.#loosened(candidate, last, frame)) : found;
  }

  #isApart(pc: number): boolean {
    const { env } = this.#recording;
    return env.subprogs.some((sub) => sub.start === pc && sub.isGlobal) && this.#roots.has(pc);
  }

  /** Steps that follow a step. */
  #after(step: number, loose: ReadonlySet<number>): Candidate[] {
    const recording = this.#recording;
    const steps = [...(this.#branches.get(step) ?? [])];
    const next = recording.next(step);
    if (next !== NONE) steps.push(next);
    return steps.map((s) => ({ step: s, loose }));
  }

  /** The same place in the state that covers this one, if the path was cut short here. */
  #covering(candidate: Candidate): Candidate {
    const recording = this.#recording;
    let { step, loose } = candidate;
    for (let i = 0; i < 1000; i++) {
      const run = recording.runOf(step);
      if (recording.runEnd(run) !== 'pruned' || recording.runLast(run) !== step) break;
      const equal = recording.comparisons(step).find((c) => c.equal);
      if (!equal || equal.oldStep === NONE) break;
      loose = this.#uncovered(recording.comparedState(equal.index), equal.exact === 'covered', loose);
      step = equal.oldStep;
    }
    return { step, loose };
  }

  /** Adds to `loose` what the covering state need not hold. What it must hold is looked at as everywhere. */
  #uncovered(old: State, imprecise: boolean, loose: ReadonlySet<number>): ReadonlySet<number> {
    const wider = new Set(loose);
    const base = this.#contexts.at(-1)!.base;
    for (const [f, held] of old.frames.entries()) {
      const live = this.#recording.env.liveRegs[old.insnIdxOf(f)]!;
      for (let i = 0; i < 10; i++) {
        const b = i * REG;
        const type = held.regs[b + TYPE]!;
        if (!(live & (1 << i)) || type === NOT_INIT || (imprecise && type === SCALAR && !held.regs[b + PRECISE]))
          wider.add(regKey(f + base, i));
      }
      for (let spi = 0; spi < held.slots; spi++) {
        const b = spi * REG;
        const types = held.types.subarray(spi * 8, spi * 8 + 8);
        const claims =
          types[7] === SLOT_SPILL ? held.spills[b + TYPE] !== SCALAR || held.spills[b + PRECISE] || !imprecise : types.includes(SLOT_ZERO);
        if (!claims) wider.add(slotKey(f + base, spi));
      }
    }
    return wider;
  }

  /** What nothing is claimed of after the last instruction. */
  #spread(candidate: Candidate, insn: Insn, frame: number): ReadonlySet<number> {
    const { loose } = candidate;
    const cls = classOf(insn);
    // 6.18 keeps the id of a spilled number that a load sign-extends, and so takes two numbers for one.
    const isSignedFill = cls === LDX && modeOf(insn) === MEMSX && this.#slotAt(this.#address) >= 0;
    const losesFrame = this.#losesFrame(candidate.step, insn);
    if (loose.size === 0 && !isSignedFill && !losesFrame) return loose;
    const f = this.#lastFrame;
    const isAstray = this.#isAstray(candidate, insn);
    const out = new Set(loose);
    // What is written to a frame that the verifier takes for another may lie anywhere on the stack.
    if (isAstray && cls !== LDX)
      for (let g = this.#contexts.at(-1)!.base; g <= f; g++) for (let spi = 0; spi < SLOTS; spi++) out.add(slotKey(g, spi));
    const set = (key: number, is: boolean): void => {
      if (is) out.add(key);
      else out.delete(key);
    };
    const has = (reg: number): boolean => loose.has(regKey(f, reg));
    const { dst, src } = insn;
    if (cls === 4 || cls === 7) {
      const fromSrc = (insn.opcode & X) !== 0 && opOf(insn) !== 0xd0 && has(src);
      set(regKey(f, dst), losesFrame || fromSrc || (opOf(insn) !== MOV && has(dst)));
    } else if (cls === LD) {
      if (insn.opcode === OP_LDDW) out.delete(regKey(f, dst));
    } else if (cls === LDX) {
      set(regKey(f, dst), isSignedFill || isAstray || loose.has(this.#slotAt(this.#address)));
    } else if (cls === 2) {
      if (sizeOf(insn) === DW && !isAstray) out.delete(this.#slotAt(this.#address));
    } else if (cls === 3) {
      const slot = this.#slotAt(this.#address);
      if (modeOf(insn) !== ATOMIC || insn.imm === STORE_REL) {
        // A part of a slot does not make the rest of it claimed.
        if (slot >= 0 && (has(src) || sizeOf(insn) === DW)) set(slot, isAstray || has(src));
      } else if (insn.imm === LOAD_ACQ) set(regKey(f, dst), isAstray || loose.has(slot));
      // What is fetched is what was there; of what is left in memory the verifier knows nothing.
      else if (insn.imm === CMPXCHG || insn.imm & FETCH) {
        set(regKey(f, insn.imm === CMPXCHG ? 0 : src), isAstray || loose.has(slot));
        if (loose.has(slot)) out.add(ADRIFT);
      }
    } else if (insn.opcode === OP_CALL) {
      if (isPseudoCall(insn) && frame > f) {
        for (let i = 0; i < 10; i++) set(regKey(frame, i), i >= 1 && i <= 5 && has(i));
        for (let spi = 0; spi < SLOTS; spi++) out.delete(slotKey(frame, spi));
      } else {
        for (let i = 0; i <= 5; i++) out.delete(regKey(f, i));
        if (frame > f) for (const key of out) if (key >= frame * PER_FRAME) out.delete(key);
        // The callback's context may be such a pointer.
        if (frame > f && isAstray) for (let i = 1; i <= 5; i++) out.add(regKey(frame, i));
      }
    } else if (insn.opcode === OP_EXIT) {
      for (const key of out) if (key >= f * PER_FRAME) out.delete(key);
      for (let i = 1; i <= 5; i++) out.delete(regKey(frame, i));
      set(regKey(frame, 0), has(0));
    }
    return out;
  }

  /**
   * 6.18 forgets to copy the frame of a stack pointer that is added to a number, which keeps the frame that it was marked with: so the
   * sum is taken for a pointer into that frame.
   */
  #losesFrame(step: number, insn: Insn): boolean {
    if (classOf(insn) !== ALU64 || opOf(insn) !== ADD || (insn.opcode & X) === 0) return false;
    const ids = this.#idsAt(step);
    const own = this.#lastFrame - this.#contexts.at(-1)!.base;
    const { regs } = this.#recording.cells;
    const to = ids[regPlace(own, insn.dst)]!;
    if (to === 0 || regs.chunkOf(to)[regs.baseOf(to) + TYPE] !== SCALAR) return false;
    const from = ids[regPlace(own, insn.src)]!;
    if (from === 0 || baseType(regs.chunkOf(from)[regs.baseOf(from) + TYPE]!) !== STACK) return false;
    return regs.chunkOf(to)[regs.baseOf(to) + FRAMENO] !== regs.chunkOf(from)[regs.baseOf(from) + FRAMENO];
  }

  /** The instruction reaches the stack by a pointer of which nothing is claimed; as it is read, it is one that lost its frame. */
  #isAstray({ step, loose }: Candidate, insn: Insn): boolean {
    const cls = classOf(insn);
    const isCall = insn.opcode === OP_CALL && !isPseudoCall(insn);
    if (cls !== LDX && cls !== 2 && cls !== 3 && !isCall) return false;
    const ids = this.#idsAt(step);
    const { base } = this.#contexts.at(-1)!;
    const { regs } = this.#recording.cells;
    const live = this.#recording.env.liveRegs[this.#last]!;
    const isLost = (reg: number): boolean => {
      const id = ids[regPlace(this.#lastFrame - base, reg)]!;
      if (id === 0 || !(live & (1 << reg)) || !loose.has(regKey(this.#lastFrame, reg))) return false;
      return baseType(regs.chunkOf(id)[regs.baseOf(id) + TYPE]!) === STACK;
    };
    if (isCall) return [1, 2, 3, 4, 5].some(isLost);
    return isLost(isLoad(insn) ? insn.src : insn.dst);
  }

  /** A number that lies within its view after all, and is linked to no other, is claimed again. */
  #narrowed({ step, loose }: Candidate, frame: number): ReadonlySet<number> {
    if (loose.size === 0) return loose;
    const ids = this.#idsAt(step);
    const { regs } = this.#recording.cells;
    const out = new Set(loose);
    for (let i = 0; i < 10; i++) {
      const id = ids[regPlace(frame - this.#contexts.at(-1)!.base, i)]!;
      if (id === 0 || !out.has(regKey(frame, i))) continue;
      const r = regs.chunkOf(id);
      const b = regs.baseOf(id);
      if (r[b + TYPE] === SCALAR && r[b + ID] === 0 && this.#isHeld(r, b, i)) out.delete(regKey(frame, i));
    }
    return out;
  }

  /** Key of the stack slot at an address; -1 for other memory. Accesses to the stack are aligned, so that none touches two. */
  #slotAt(address: number): number {
    for (let f = 0; f <= this.#lastFrame; f++) {
      const below = this.#frameTop[f]! - address;
      if (below > 0 && below <= STACK_SIZE) return slotKey(f, (below - 1) >> 3);
    }
    return -1;
  }

  #loosened(candidate: Candidate, jump: Insn, frame: number): Candidate {
    const { loose } = candidate;
    const f = this.#lastFrame;
    const unclaimed = loose.has(regKey(f, jump.dst)) || ((jump.opcode & X) !== 0 && loose.has(regKey(f, jump.src)));
    if (!unclaimed) return candidate;
    const wider = new Set(loose);
    // All that share its id were narrowed with it: scalars alone. Those that still lie within are claimed again at once.
    const ids = this.#idsAt(candidate.step);
    const { cells } = this.#recording;
    const { regs } = cells;
    for (let g = this.#contexts.at(-1)!.base; g <= frame; g++) {
      for (let i = 0; i < 10; i++) {
        const id = ids[regPlace(g - this.#contexts.at(-1)!.base, i)]!;
        if (id !== 0 && regs.chunkOf(id)[regs.baseOf(id) + TYPE] === SCALAR) wider.add(regKey(g, i));
      }
      const g0 = g - this.#contexts.at(-1)!.base;
      for (let spi = 0; spi < cells.slotCount(ids, g0); spi++) {
        const id = cells.regOfSlot(ids[slotPlace(g0, spi)]!);
        if (id !== 0 && regs.chunkOf(id)[regs.baseOf(id) + TYPE] === SCALAR) wider.add(slotKey(g, spi));
      }
    }
    return { ...candidate, loose: wider };
  }

  #isHeld(r: Regs, b: number, reg: number): boolean {
    const values = this.#parts.interpreter.registers;
    return holds(r, b, values[reg * 2]!, values[reg * 2 + 1]!);
  }

  #idsAt(step: number): Uint32Array {
    let ids = this.#ids.get(step);
    if (!ids) {
      ids = this.#recording.idsAtStep(step).slice();
      if (this.#ids.size > 2000) this.#ids.clear();
      this.#ids.set(step, ids);
    }
    return ids;
  }

  /** What of the concrete state lies outside of a step's abstract one, or null. */
  #outside(step: number, frame: number, loose: ReadonlySet<number>): string | null {
    const ids = this.#idsAt(step);
    const { base } = this.#contexts.at(-1)!;
    const { cells } = this.#recording;
    const values = this.#parts.interpreter.registers;
    const own = frame - base;
    for (let i = 0; i < 10; i++) {
      const id = ids[regPlace(own, i)]!;
      if (id === 0) continue;
      const r = cells.regs.chunkOf(id);
      const b = cells.regs.baseOf(id);
      if (loose.has(regKey(frame, i))) continue;
      const wrong = this.#misses(r, b, values[i * 2]!, values[i * 2 + 1]!);
      if (wrong) return `r${i} ${wrong}`;
    }
    for (let g = 0; g <= own; g++) {
      const wrong = this.#stackOutside(ids, g, g + base, loose);
      if (wrong) return wrong;
    }
    return null;
  }

  #stackOutside(ids: Uint32Array, g: number, frame: number, loose: ReadonlySet<number>): string | null {
    const { cells } = this.#recording;
    const { view } = this.#parts.space;
    const slots = cells.slotCount(ids, g);
    for (let spi = 0; spi < slots; spi++) {
      const slot = ids[slotPlace(g, spi)]!;
      if (slot === 0) continue;
      if (loose.has(slotKey(frame, spi))) continue;
      const at = this.#frameTop[frame]! - 8 * (spi + 1);
      let spilled = 0;
      for (let i = 0; i < 8; i++) {
        const type = cells.slotType(slot, 7 - i);
        if (type === SLOT_ZERO) {
          this.checks++;
          if (view.getUint8(at + i) !== 0) return `fp${-8 * (spi + 1) + i} of frame ${frame} is not 0`;
        }
        if (type === SLOT_SPILL) spilled++;
      }
      if (spilled !== 8 && spilled !== 4) continue;
      const id = cells.regOfSlot(slot);
      if (id === 0) continue;
      const r = cells.regs.chunkOf(id);
      const b = cells.regs.baseOf(id);
      if (spilled === 4) {
        // The view is that of the whole register, of which four bytes were stored.
        this.checks++;
        if (r[b + TYPE] === SCALAR && !holdsLow(r, b, view.getInt32(at, true)))
          return `fp${-8 * (spi + 1)} of frame ${frame} lies outside of what is known`;
        continue;
      }
      const wrong = this.#misses(r, b, view.getInt32(at, true), view.getInt32(at + 4, true));
      if (wrong) return `fp${-8 * (spi + 1)} of frame ${frame} ${wrong}`;
    }
    return null;
  }

  /** Why a value is not what a register's view says, or null. */
  #misses(r: Regs, b: number, lo: number, hi: number): string | null {
    const type = r[b + TYPE]!;
    if (type === NOT_INIT) return null;
    this.checks++;
    if (type === SCALAR) return holds(r, b, lo, hi) ? null : `= ${hex(lo, hi)} lies outside of what is known`;
    if (type & MAYBE_NULL && lo === 0 && hi === 0) return null;
    const starts = this.#objectStarts(r, b, lo);
    // The distance to the object is the constant part and a number of which the range is known.
    const isHeld = (start: number): boolean => {
      const distance = hi * 4294967296 + (lo >>> 0) - start - r[b + OFF]!;
      return holds(r, b, distance | 0, Math.floor(distance / 4294967296));
    };
    return starts.length === 0 || starts.some(isHeld) ? null : `lies ${lo - starts[0]!} bytes from its object, which is not what is known`;
  }

  /** Addresses of objects that a pointer may point into or beside; none where the machine has none of its type. */
  #objectStarts(r: Regs, b: number, address: number): number[] {
    const { space, packet } = this.#parts;
    const type = r[b + TYPE]!;
    switch (baseType(type)) {
      case STACK:
        return [this.#frameTop[r[b + FRAMENO]! + this.#contexts.at(-1)!.base]!];
      case CTX:
        return packet ? [packet.context.base] : [];
      case MAP_VALUE: {
        const region = space.regionAt(address);
        if (!region) return [];
        const start = space.elementBase(region, address);
        return [start, start - region.stride, start + region.stride];
      }
      case PACKET:
        return packet ? [packet.address(0, 0)!] : [];
      case PACKET_END:
        return packet ? [packet.address(packet.length, 0)!] : [];
      default:
        return [];
    }
  }
}

/** After a call: its results are new, and the frame of its callback is. */
function withoutResults(loose: ReadonlySet<number>, frame: number): ReadonlySet<number> {
  const out = withoutRegs(loose, frame);
  return new Set([...out].filter((key) => key < (frame + 1) * PER_FRAME));
}

function withoutRegs(loose: ReadonlySet<number>, frame: number): ReadonlySet<number> {
  const out = new Set(loose);
  for (let i = 0; i <= 5; i++) out.delete(regKey(frame, i));
  return out;
}

const hex = (lo: number, hi: number): string => `0x${((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString(16)}`;

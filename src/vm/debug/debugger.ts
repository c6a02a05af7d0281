import { InputError } from '../../base/errors.ts';
import { CALL, JMP, JMP32, ST, STX } from '../../bpf/insn.ts';
import type { Insn, Program } from '../../bpf/program.ts';
import { VmFault } from '../fault.ts';
import { type Frame, PAUSE, type Watcher } from '../interpreter.ts';
import type { MachineParts, Vm } from '../vm.ts';
import { type CheckpointBudget, Checkpoints } from './checkpoints.ts';
import type { Expression, Scope } from './expression.ts';

/** Where a run should stop. */
export interface Breakpoint {
  readonly id: number;
  /** Instructions that it stops before. */
  readonly insns: readonly number[];
  /** Stops only where this is not 0. */
  readonly condition: Expression | null;
}

/** Stops behind the instruction that changes one of these bytes. */
export interface Watchpoint {
  readonly id: number;
  readonly address: number;
  readonly size: number;
}

/** Something that the user changes while the run is paused; it takes place again whenever the run passes that step. */
export type Edit =
  | { readonly kind: 'register'; readonly index: number; readonly value: bigint }
  | { readonly kind: 'memory'; readonly address: number; readonly bytes: Uint8Array }
  /** `value` null deletes the key. */
  | { readonly kind: 'map'; readonly map: string; readonly key: Uint8Array; readonly value: Uint8Array | null };

export type StopReason =
  | { readonly kind: 'step' | 'begin' | 'ended' | 'stopped' }
  | { readonly kind: 'breakpoint'; readonly ids: readonly number[] }
  | { readonly kind: 'watchpoint'; readonly id: number; readonly before: Uint8Array; readonly after: Uint8Array }
  | { readonly kind: 'fault'; readonly insnIdx: number; readonly what: string; readonly advice: string }
  /** A condition could not be evaluated. */
  | { readonly kind: 'condition'; readonly id: number; readonly what: string };

export interface DebuggerOptions {
  readonly budget?: CheckpointBudget;
  /** Called between pieces of work: resolves when the run may go on, to false when it should stop. */
  readonly rest?: (executed: number) => Promise<boolean>;
}

const DEFAULT_BUDGET: CheckpointBudget = { bytes: 64 << 20, spacing: 1 << 16 };
/** Instructions between two looks at whether to stop. */
const SLICE = 1 << 20;

interface Applied {
  readonly step: number;
  readonly edit: Edit;
}

/** What one piece of a run came to. */
type Outcome =
  | { readonly kind: 'reached' | 'ended' | 'stopped' }
  | { readonly kind: 'hit'; readonly reason: StopReason }
  | { readonly kind: 'fault'; readonly fault: VmFault };

/** Decides before a watched instruction whether to stop there; called once for each step. */
type Decide = (step: number, insnIdx: number) => StopReason | null;

/** What stops a run: where to look, and the decision there. */
interface Stops {
  readonly mask: Uint8Array | null;
  readonly decide: Decide;
}

const NEVER: Stops = { mask: null, decide: () => null };

/**
 * Steps through one run of a program in both directions. There is no second interpreter: the run is the interpreter's, watched where
 * it matters. Going back restores the nearest checkpoint before and runs forward from there, which gives the same registers, memory
 * and maps to the bit, since clock, randomness and edits are part of the run.
 *
 * A place in the run is its step: the number of instructions executed before it. Inside a callback of a helper (bpf_loop) the
 * interpreter cannot be left and gone back into, so there even a step forward runs from the checkpoint before the helper's call.
 */
export class Debugger {
  readonly program: Program;
  readonly vm: Vm;
  readonly #parts: MachineParts;
  readonly #checkpoints: Checkpoints;
  readonly #rest: (executed: number) => Promise<boolean>;
  readonly #afterCalls: Uint8Array;
  readonly #afterWrites: Uint8Array;
  #edits: readonly Applied[] = [];
  /** The first of them that the machine has not seen. */
  #nextEdit = 0;
  #step = 0;
  /** The machine stands at `#step` and can go on from there. */
  #live = true;
  #reason: StopReason = { kind: 'begin' };
  /** Steps of the whole run and how it ended, once that is known. */
  #end: { readonly step: number; readonly reason: StopReason; readonly returnValue: bigint | null } | null = null;
  breakpoints: readonly Breakpoint[] = [];
  watchpoints: readonly Watchpoint[] = [];

  /** `prepare` puts the event where `vm` finds it (`MachineParts.prepareXdp`), and leaves the run before its first instruction. */
  constructor(vm: Vm, prepare: (parts: MachineParts) => void, options: DebuggerOptions = {}) {
    this.vm = vm;
    this.program = vm.program;
    this.#parts = vm.parts;
    this.#rest = options.rest ?? (async () => true);
    prepare(this.#parts);
    const { space } = this.#parts;
    this.#checkpoints = new Checkpoints(space.buffer, space.extraBase, options.budget ?? DEFAULT_BUDGET);
    this.#checkpoints.add(0, this.#parts.save());
    this.#afterCalls = new Uint8Array(this.program.insns.length);
    this.#afterWrites = new Uint8Array(this.program.insns.length);
    this.program.insns.forEach((insn, idx) => {
      const cls = insn.opcode & 7;
      if (isCall(insn)) this.#afterCalls[idx + 1] = 1;
      if (isCall(insn) || cls === ST || cls === STX) this.#afterWrites[idx + 1] = 1;
    });
  }

  /** Instructions executed before this place. */
  get step(): number {
    return this.#step;
  }

  /** Why the run stands here. */
  get reason(): StopReason {
    return this.#reason;
  }

  /** Steps of the whole run; null until it has ended once. */
  get length(): number | null {
    return this.#end?.step ?? null;
  }

  get ended(): boolean {
    return this.#end !== null && this.#step === this.#end.step && this.#end.returnValue !== null;
  }

  get returnValue(): bigint | null {
    return this.ended ? this.#end!.returnValue : null;
  }

  /** The instruction that comes next; -1 when the run has ended. */
  get insnIdx(): number {
    return this.ended ? -1 : this.#parts.interpreter.insnIdx;
  }

  /** Functions that were entered and not left, the main program first. */
  get frames(): readonly Frame[] {
    return this.ended ? [] : this.#parts.interpreter.frames();
  }

  get depth(): number {
    return this.#parts.interpreter.depth;
  }

  register(index: number): bigint {
    const r = this.#parts.interpreter.registers;
    return (BigInt(r[index * 2 + 1]! >>> 0) << 32n) | BigInt(r[index * 2]! >>> 0);
  }

  get parts(): MachineParts {
    return this.#parts;
  }

  /** What recording costs: checkpoints, their bytes, and instructions between them. */
  get recording(): { readonly count: number; readonly bytes: number; readonly spacing: number; readonly steps: readonly number[] } {
    const { count, bytes, spacing, steps } = this.#checkpoints;
    return { count, bytes, spacing, steps };
  }

  /** Steps at which something was edited. */
  get edited(): readonly number[] {
    return this.#edits.map(({ step }) => step);
  }

  // Moving

  /** To the place with `step` instructions behind it, or as near as the run comes. */
  async goTo(step: number): Promise<StopReason> {
    const target = Math.max(0, this.#end ? Math.min(step, this.#end.step) : step);
    if (target < this.#step) return this.#backTo(target);
    return this.#forward(target, NEVER);
  }

  stepInto(): Promise<StopReason> {
    return this.goTo(this.#step + 1);
  }

  stepBack(): Promise<StopReason> {
    return this.goTo(this.#step - 1);
  }

  /** As {@link stepInto}, but a call is one step, with all that it calls; breakpoints in it stop all the same. */
  async stepOver(): Promise<StopReason> {
    const insn = this.program.insns[this.insnIdx];
    if (!insn || !isCall(insn)) return this.stepInto();
    const { depth } = this;
    const next = this.insnIdx + 1;
    return this.#run(this.#slots([next]), (_, at) => (at === next && this.depth <= depth ? { kind: 'step' } : null));
  }

  /** Until the present function has returned. */
  stepOut(): Promise<StopReason> {
    const { depth } = this;
    return this.#run(this.#afterCalls, () => (this.depth < depth ? { kind: 'step' } : null));
  }

  /** Until a breakpoint, a watchpoint or the end. */
  continue(): Promise<StopReason> {
    return this.#run(null, () => null);
  }

  /** Until one of `insns` comes next, as entries of a node are. */
  runTo(insns: readonly number[]): Promise<StopReason> {
    const wanted = this.#slots(insns);
    return this.#run(wanted, (_, at) => (wanted[at] ? { kind: 'step' } : null));
  }

  /** Back to the last place before this one where a breakpoint or watchpoint stops, or to the beginning. */
  reverse(): Promise<StopReason> {
    return this.#reverse(null, () => null);
  }

  /** Back to the last place before this one where one of `insns` comes next, or a breakpoint stops. */
  reverseTo(insns: readonly number[]): Promise<StopReason> {
    const wanted = this.#slots(insns);
    return this.#reverse(wanted, (_, at) => (wanted[at] ? { kind: 'step' } : null));
  }

  /** Back over the last instruction of this function: a call that returned here is one step, with all that it called. */
  async stepBackOver(): Promise<StopReason> {
    const { depth } = this;
    const idx = this.insnIdx;
    if (idx < 0 || !this.#afterCalls[idx]) return this.stepBack();
    const call = idx - 1;
    return this.#reverse(this.#slots([call]), (_, at) => (at === call && this.depth <= depth ? { kind: 'step' } : null));
  }

  /** Runs once more from the beginning to this place, and tells of every instruction of `mask` on the way, the next one here included. */
  async scan(mask: Uint8Array, onStop: (insnIdx: number) => void): Promise<void> {
    const here = this.#step;
    this.#restore(0);
    const decide: Decide = (_, insnIdx) => {
      onStop(insnIdx);
      return null;
    };
    await this.#advance(here, { mask, decide }, here);
    const next = this.insnIdx;
    if (next >= 0 && mask[next]) onStop(next);
  }

  /** Changes something here. What the run did after this place is forgotten: from here on it goes another way. */
  edit(edit: Edit): void {
    if (this.ended) throw new InputError('the run has ended: nothing can be changed', '', 'Step back first');
    this.#apply(edit);
    this.#edits = [...this.#edits.filter(({ step }) => step <= this.#step), { step: this.#step, edit }];
    this.#nextEdit = this.#edits.length;
    this.#checkpoints.truncate(this.#step);
    this.#end = null;
    if (this.#reason.kind === 'fault') this.#reason = { kind: 'step' };
  }

  // How it moves

  #slots(insns: readonly number[]): Uint8Array {
    const mask = new Uint8Array(this.program.insns.length);
    for (const idx of insns) if (idx >= 0 && idx < mask.length) mask[idx] = 1;
    return mask;
  }

  #apply(edit: Edit): void {
    const { interpreter, space } = this.#parts;
    if (edit.kind === 'register') {
      interpreter.registers[edit.index * 2] = Number(BigInt.asIntN(32, edit.value));
      interpreter.registers[edit.index * 2 + 1] = Number(BigInt.asIntN(32, edit.value >> 32n));
    } else if (edit.kind === 'memory') space.bytes.set(edit.bytes, edit.address);
    else if (edit.value) this.vm.maps.get(edit.map).update(edit.key, edit.value);
    else this.vm.maps.get(edit.map).delete(edit.key);
  }

  #restore(checkpoint: number): void {
    this.#checkpoints.restore(checkpoint);
    const step = this.#checkpoints.stepOf(checkpoint);
    const next = this.#edits.findIndex((one) => one.step >= step);
    this.#nextEdit = next < 0 ? this.#edits.length : next;
    this.#step = step;
    this.#live = true;
  }

  async #backTo(step: number): Promise<StopReason> {
    this.#restore(this.#checkpoints.before(step));
    return this.#arrive(await this.#advance(step, NEVER, step));
  }

  #run(extra: Uint8Array | null, onExtra: Decide): Promise<StopReason> {
    return this.#forward(Number.POSITIVE_INFINITY, this.#stops(extra, onExtra));
  }

  async #forward(target: number, { mask, decide }: Stops): Promise<StopReason> {
    const from = this.#step;
    if (this.#end && from >= this.#end.step) return this.#reason;
    // Inside a callback the run is gone and is made again; hits are counted from the beginning.
    if (mask && this.#countsHits) this.#restore(0);
    else if (!this.#live) this.#restore(this.#checkpoints.before(from));
    const later: Decide = (step, insnIdx) => {
      const reason = decide(step, insnIdx);
      return step > from ? reason : null;
    };
    return this.#arrive(await this.#advance(target, { mask, decide: later }, from));
  }

  get #countsHits(): boolean {
    return this.breakpoints.some(({ condition }) => condition?.usesHits);
  }

  async #reverse(extra: Uint8Array | null, onExtra: Decide): Promise<StopReason> {
    const here = this.#step;
    const before = this.#reason;
    let to = here;
    // Piece by piece from the nearest checkpoint on, unless hits must be counted from the beginning.
    for (let at = this.#countsHits ? 0 : this.#checkpoints.before(here - 1); here > 0 && at >= 0; at--) {
      const from = this.#checkpoints.stepOf(at);
      const found: { step: number; reason: StopReason }[] = [];
      this.#restore(at);
      const { mask, decide } = this.#stops(extra, onExtra);
      const outcome = await this.#advance(to, {
        mask,
        decide: (step, insnIdx) => {
          const reason = decide(step, insnIdx);
          if (reason && step < to) found[0] = { step, reason };
          return null;
        },
      });
      if (outcome.kind === 'stopped') {
        await this.#backTo(here);
        this.#reason = here === this.#end?.step ? before : { kind: 'stopped' };
        return this.#reason;
      }
      if (found[0]) {
        await this.#backTo(found[0].step);
        this.#reason = found[0].reason;
        return this.#reason;
      }
      to = from;
    }
    return this.#backTo(0);
  }

  /** Breakpoints and watchpoints as the run meets them from the machine's present place on, and `extra` ones. */
  #stops(extra: Uint8Array | null, onExtra: Decide): Stops {
    const mask = extra ? extra.slice() : new Uint8Array(this.program.insns.length);
    const at = new Map<number, Breakpoint[]>();
    for (const breakpoint of this.breakpoints) {
      for (const insn of breakpoint.insns) {
        mask[insn] = 1;
        at.set(insn, [...(at.get(insn) ?? []), breakpoint]);
      }
    }
    const { bytes } = this.#parts.space;
    const read = ({ address, size }: Watchpoint): Uint8Array => bytes.slice(address, address + size);
    const watched = this.watchpoints.map((point) => ({ point, last: read(point) }));
    if (watched.length > 0) for (let idx = 0; idx < mask.length; idx++) mask[idx]! |= this.#afterWrites[idx]!;
    const hits = new Map<number, number>();
    const scope = this.#scope;
    const decide: Decide = (step, insnIdx) => {
      let reason: StopReason | null = null;
      for (const one of watched) {
        const now = read(one.point);
        if (now.every((byte, i) => byte === one.last[i])) continue;
        reason ??= { kind: 'watchpoint', id: one.point.id, before: one.last, after: now };
        one.last = now;
      }
      const ids: number[] = [];
      for (const { id, condition } of at.get(insnIdx) ?? []) {
        const count = (hits.get(id) ?? 0) + 1;
        hits.set(id, count);
        try {
          if (condition?.evaluate(scope(step, insnIdx, count)) !== 0n) ids.push(id);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          reason ??= { kind: 'condition', id, what: error.message };
        }
      }
      if (ids.length > 0) reason ??= { kind: 'breakpoint', ids };
      return reason ?? (extra?.[insnIdx] ? onExtra(step, insnIdx) : null);
    };
    return { mask, decide };
  }

  /** What an expression sees at this place. */
  scope(): Scope {
    return this.#scope(this.#step, this.insnIdx, 0);
  }

  readonly #scope = (step: number, insnIdx: number, hits: number): Scope => {
    const { space } = this.#parts;
    const numbers = { step, insn: insnIdx, hits, depth: this.depth };
    return {
      register: (index) => this.register(index),
      memory: (address, size) => {
        if (address > 0x7fff_ffffn || !space.permits(Number(address), size, false)) return null;
        const at = Number(address);
        let value = 0n;
        for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(space.bytes[at + i]!);
        return value;
      },
      mapValue: (name, key) => this.#mapValue(name, key),
      number: (name) => numbers[name],
    };
  };

  #mapValue(name: string, key: bigint): Uint8Array | null | undefined {
    if (!this.vm.maps.has(name)) return undefined;
    const map = this.vm.maps.get(name);
    const bytes = new Uint8Array(map.def.keySize);
    for (let i = 0; i < Math.min(8, bytes.length); i++) bytes[i] = Number((key >> BigInt(i * 8)) & 0xffn);
    return map.lookup(bytes);
  }

  /** Runs from where the machine stands until `target`, a stop, or the end. Before step `deaf` a wish to stop is not heard. */
  async #advance(target: number, stops: Stops, deaf = 0): Promise<Outcome> {
    let seen = this.#step - 1;
    // A piece that was run again, because it lay in a callback, is decided about once.
    const once: Decide = (step, insnIdx) => {
      if (step <= seen) return null;
      seen = step;
      return stops.decide(step, insnIdx);
    };
    let slice = SLICE;
    let to = Math.max(this.#step, Math.min(deaf, target)) + slice;
    for (;;) {
      const piece = this.#piece(target, to, { mask: stops.mask, decide: once });
      if (piece.kind === 'fault') {
        await this.#atFault(piece.fault, piece.safe);
        return piece;
      }
      if (piece.kind !== 'sliced') return piece;
      if (!(await this.#rest(this.#step)) && this.#step >= deaf) return { kind: 'stopped' };
      const done = this.#step;
      if (!this.#live) {
        slice *= 2;
        this.#restore(this.#checkpoints.before(done));
      } else slice = SLICE;
      to = done + slice;
    }
  }

  /** One piece without a rest: until `target`, a stop, the end, or about `to`. */
  #piece(target: number, to: number, { mask, decide }: Stops): Piece {
    if (this.#step >= target) return { kind: 'reached' };
    const { interpreter } = this.#parts;
    const straight = interpreter.decoded.insnOfEntry.length;
    let result: Piece | null = null;
    let safe = this.#step;
    const leave = (piece: Piece): never => {
      result = piece;
      throw PAUSE;
    };
    const watcher: Watcher = {
      onInsn: (insnIdx) => {
        const step = interpreter.executed;
        safe = step;
        while (this.#edits[this.#nextEdit]?.step === step) this.#apply(this.#edits[this.#nextEdit++]!.edit);
        if (step >= target) leave({ kind: 'reached' });
        if (mask?.[insnIdx]) {
          const reason = decide(step, insnIdx);
          if (reason) leave({ kind: 'hit', reason });
        }
        if (everywhere) watch(step);
      },
      onLimit: () => {
        const step = interpreter.executed;
        safe = step;
        const checkpoints = this.#checkpoints;
        if (interpreter.nesting === 1 && step >= checkpoints.due) checkpoints.add(step, this.#parts.save());
        if (step >= to) leave({ kind: 'sliced' });
        watch(step);
      },
    };
    let everywhere = false;
    // Near an edit or the target every instruction is watched, so that none is passed.
    const watch = (step: number): void => {
      const event = Math.min(target, this.#edits[this.#nextEdit]?.step ?? Number.POSITIVE_INFINITY);
      const near = event - step <= straight;
      if (near && everywhere) return;
      everywhere = near;
      if (near) interpreter.watch(watcher, 'all');
      else interpreter.watch(watcher, mask ?? 'none', Math.min(event - straight, step + this.#checkpoints.spacing, Math.max(to, step + 1)));
    };
    watch(this.#step);
    for (let ended = false; !ended; ) {
      try {
        interpreter.resume();
        ended = true;
      } catch (error) {
        if (error instanceof VmFault) {
          this.#live = false;
          return { kind: 'fault', fault: error, safe };
        }
        if (error === PAUSE && result) {
          this.#step = interpreter.executed;
          this.#live = interpreter.nesting === 1;
          return result;
        }
        const caught = this.#parts.caught(error);
        if (caught === null) throw error;
        ended = caught === 'ended';
      }
    }
    this.#step = interpreter.executed;
    this.#live = false;
    this.#end = { step: this.#step, reason: { kind: 'ended' }, returnValue: this.register(0) };
    return { kind: 'ended' };
  }

  /** Finds the step of a fault that happened behind step `safe`, and goes there: before the instruction that faults. */
  async #atFault(fault: VmFault, safe: number): Promise<void> {
    const { interpreter } = this.#parts;
    this.#restore(this.#checkpoints.before(safe));
    let last = this.#step;
    const watcher: Watcher = {
      onInsn: () => {
        last = interpreter.executed;
        while (this.#edits[this.#nextEdit]?.step === last) this.#apply(this.#edits[this.#nextEdit++]!.edit);
      },
      onLimit: () => interpreter.watch(watcher, 'all'),
    };
    const event = Math.min(safe, this.#edits[this.#nextEdit]?.step ?? safe) - interpreter.decoded.insnOfEntry.length;
    if (event > this.#step) interpreter.watch(watcher, 'none', event);
    else interpreter.watch(watcher, 'all');
    for (let over = false; !over; ) {
      try {
        interpreter.resume();
      } catch (error) {
        over = error instanceof VmFault;
        if (!over && this.#parts.caught(error) !== 'goes on') throw error;
      }
    }
    this.#end = {
      step: last,
      reason: { kind: 'fault', insnIdx: fault.insnIdx, what: fault.what, advice: fault.advice },
      returnValue: null,
    };
    this.#restore(this.#checkpoints.before(last));
    await this.#advance(last, NEVER, last);
  }

  #arrive(outcome: Outcome): StopReason {
    if (this.#end && this.#step === this.#end.step) this.#reason = this.#end.reason;
    else if (outcome.kind === 'hit') this.#reason = outcome.reason;
    else if (outcome.kind === 'stopped') this.#reason = { kind: 'stopped' };
    else this.#reason = { kind: this.#step === 0 ? 'begin' : 'step' };
    return this.#reason;
  }
}

const isCall = ({ opcode }: Insn): boolean => (opcode & 0xf0) === CALL && ((opcode & 7) === JMP || (opcode & 7) === JMP32);

type Piece =
  | { readonly kind: 'reached' | 'ended' }
  | { readonly kind: 'sliced' }
  | { readonly kind: 'hit'; readonly reason: StopReason }
  | { readonly kind: 'fault'; readonly fault: VmFault; readonly safe: number };

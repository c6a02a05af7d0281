import { ACCEL_HOOKS } from '../../../bpf/accelerator/hooks.ts';
import { ACCEL_OPS } from '../../../bpf/accelerator/layout.ts';
import type { Command } from '../../../hooks/accelerator/command.ts';
import { type DeviceEvents, EVENT_KINDS } from '../../../hooks/accelerator/events.ts';
import type { DeviceMemory } from '../../../hooks/accelerator/memory.ts';
import { type BusyView, type CommandRow, type Counts, type QueuedView, STATES, type TimelineWindow } from '../../accelerator-views.ts';
import { windowOf } from './window.ts';

const KIND = Object.fromEntries(EVENT_KINDS.map((kind, at) => [kind, at])) as Record<(typeof EVENT_KINDS)[number], number>;
const STATE = Object.fromEntries(STATES.map((state, at) => [state, at])) as Record<(typeof STATES)[number], number>;

/** A pass: where its commands begin, how many are left, and whether one of them was aborted. */
interface PassEntry {
  readonly tenant: number;
  left: number;
  entered: boolean;
  aborted: boolean;
}

/** A run of a program that is not over at the device's present time. */
interface Running extends BusyView {
  readonly endNs: number;
}

/** What the device's events say of every command, kept up with them; a command's number is its row. */
export class Ledger {
  readonly #events: DeviceEvents;
  readonly #command: (seq: number) => Command | undefined;
  #read = 0;
  #rows = 0;
  #entered = new Float64Array(256);
  #hookNs = new Float64Array(256);
  #computeNs = new Float64Array(256);
  #from = new Float64Array(256);
  #to = new Float64Array(256);
  #insns = new Float64Array(256);
  #state = new Uint8Array(256);
  #errno = new Int32Array(256);
  #pass = new Int32Array(256);
  readonly #passes: PassEntry[] = [];
  readonly #queued = new Set<number>();
  readonly #units = new Map<number, number>();
  #hooks: Running[] = [];
  #endNs = 0;
  #longestNs = 0;
  #passesEntered = 0;
  readonly #addresses = new Set<number>();
  readonly #counts = { submitted: 0, done: 0, aborted: 0, deferrals: 0 };
  readonly #passCounts = { submitted: 0, done: 0, aborted: 0, deferrals: 0 };
  /** When passes ended well, and whose they were. */
  readonly #ended: { readonly atNs: number; readonly tenant: number }[] = [];

  constructor(events: DeviceEvents, command: (seq: number) => Command | undefined) {
    this.#events = events;
    this.#command = command;
  }

  /** Takes note of a pass before the device gets it. */
  add(commands: readonly Command[]): void {
    const pass = this.#passes.push({ tenant: commands[0]!.tenant, left: commands.length, entered: false, aborted: false }) - 1;
    this.#passCounts.submitted++;
    for (const { seq } of commands) {
      this.#grow(seq);
      this.#pass[seq] = pass;
      this.#rows = Math.max(this.#rows, seq + 1);
    }
  }

  /** Reads what happened since the last time. */
  update(): void {
    const { length } = this.#events;
    if (this.#read === length) return;
    const column = (name: Parameters<DeviceEvents['column']>[0]) => this.#events.column(name);
    const [kind, time, duration, seqs, insns] = [column('kind'), column('timeNs'), column('durationNs'), column('seq'), column('insns')];
    const [value, place, hook] = [column('value'), column('place'), column('hook')];
    for (let at = this.#read; at < length; at++) {
      const seq = seqs[at]!;
      const now = time[at]!;
      if (now > this.#endNs) this.#endNs = now;
      switch (kind[at]) {
        case KIND.submitted:
          this.#counts.submitted++;
          break;
        case KIND.entered:
          this.#entered[seq] = now;
          this.#state[seq] = STATE.queued;
          this.#from[seq] = now;
          this.#to[seq] = now;
          this.#queued.add(seq);
          this.#enter(seq);
          break;
        case KIND.hook: {
          const end = now + duration[at]!;
          this.#longestNs = Math.max(this.#longestNs, duration[at]!);
          this.#endNs = Math.max(this.#endNs, end);
          this.#hooks.push({ seq, label: ACCEL_HOOKS[hook[at]!]!, endNs: end });
          if (seq < 0) break;
          this.#hookNs[seq]! += duration[at]!;
          this.#insns[seq]! += insns[at]!;
          this.#to[seq] = Math.max(this.#to[seq]!, end);
          break;
        }
        case KIND.deferred:
          this.#counts.deferrals++;
          if (ACCEL_HOOKS[hook[at]!] === 'token') this.#passCounts.deferrals++;
          break;
        case KIND.started:
          this.#state[seq] = STATE.running;
          this.#queued.delete(seq);
          this.#units.set(seq, place[at]!);
          break;
        case KIND.finished:
          this.#computeNs[seq] = duration[at]!;
          this.#longestNs = Math.max(this.#longestNs, duration[at]!);
          this.#to[seq] = Math.max(this.#to[seq]!, now);
          this.#units.delete(seq);
          break;
        case KIND.completed:
          this.#done(seq, STATE.done, 0, now);
          break;
        case KIND.aborted:
          this.#queued.delete(seq);
          this.#done(seq, STATE.aborted, value[at]!, now);
          break;
      }
    }
    this.#read = length;
  }

  #enter(seq: number): void {
    const pass = this.#passes[this.#pass[seq]!];
    if (pass?.entered === false) {
      pass.entered = true;
      this.#passesEntered++;
    }
    for (const { addr, role } of this.#command(seq)?.tensors ?? []) if (role !== 'weight') this.#addresses.add(addr);
  }

  #done(seq: number, state: number, errno: number, now: number): void {
    this.#state[seq] = state;
    this.#errno[seq] = errno;
    this.#to[seq] = Math.max(this.#to[seq]!, now);
    if (state === STATE.done) this.#counts.done++;
    else this.#counts.aborted++;
    const pass = this.#passes[this.#pass[seq]!];
    if (!pass) return;
    if (state === STATE.aborted) pass.aborted = true;
    if (--pass.left > 0) return;
    if (pass.aborted) this.#passCounts.aborted++;
    else {
      this.#passCounts.done++;
      this.#ended.push({ atNs: now, tenant: pass.tenant });
    }
  }

  #grow(seq: number): void {
    if (seq < this.#entered.length) return;
    const room = Math.max(seq + 1, this.#entered.length * 2);
    const wider = <T extends Float64Array | Uint8Array | Int32Array>(old: T): T => {
      const made = new (old.constructor as new (length: number) => T)(room);
      made.set(old);
      return made;
    };
    this.#entered = wider(this.#entered);
    this.#hookNs = wider(this.#hookNs);
    this.#computeNs = wider(this.#computeNs);
    this.#from = wider(this.#from);
    this.#to = wider(this.#to);
    this.#insns = wider(this.#insns);
    this.#state = wider(this.#state);
    this.#errno = wider(this.#errno);
    this.#pass = wider(this.#pass);
  }

  get rows(): number {
    return this.#rows;
  }
  get commands(): Counts {
    return { ...this.#counts };
  }
  get passes(): Counts {
    return { ...this.#passCounts };
  }
  get ended(): readonly { readonly atNs: number; readonly tenant: number }[] {
    return this.#ended;
  }

  /** Passes that have entered the queue. */
  get passesEntered(): number {
    return this.#passesEntered;
  }

  /** Tensors in device memory that are sealed now. */
  sealed(memory: DeviceMemory): number {
    let count = 0;
    for (const addr of this.#addresses) if (memory.provenance(addr)?.sealed) count++;
    return count;
  }

  /** The first commands that entered and wait. */
  queue(most: number): QueuedView[] {
    const items: QueuedView[] = [];
    for (const seq of this.#queued) {
      if (items.length === most) break;
      const command = this.#command(seq);
      if (command) items.push({ seq, label: command.label, tenant: command.tenant });
    }
    return items;
  }

  /** Programs at work at `nowNs`, which never goes back. */
  engineAt(nowNs: number): BusyView[] {
    this.#hooks = this.#hooks.filter(({ endNs }) => endNs > nowNs);
    return this.#hooks.map(({ seq, label }) => ({ seq, label }));
  }

  get onUnits(): BusyView[] {
    return [...this.#units.keys()].map((seq) => ({ seq, label: this.#command(seq)?.label ?? '' }));
  }

  row(seq: number): CommandRow | null {
    const command = this.#command(seq);
    if (!command || seq >= this.#rows) return null;
    const { label, request, tenant, token, layer } = command;
    return {
      seq,
      label,
      request,
      tenant,
      token,
      layer,
      enteredNs: this.#entered[seq]!,
      hookNs: this.#hookNs[seq]!,
      computeNs: this.#computeNs[seq]!,
      insns: this.#insns[seq]!,
      state: STATES[this.#state[seq]!]!,
      errno: this.#errno[seq]!,
    };
  }

  /** From when a command entered to its end; null before it entered. */
  span(seq: number): readonly [number, number] | null {
    return seq < this.#rows && this.#state[seq] !== STATE.submitted ? [this.#from[seq]!, this.#to[seq]!] : null;
  }

  /** A span of the timeline; of everything so far without an end. */
  window(fromNs: number, toNs: number | null, steps: number, capacity: { readonly cores: number; readonly units: number }): TimelineWindow {
    const opOf = (seq: number): number => ACCEL_OPS.indexOf(this.#command(seq)?.op ?? 'other');
    return windowOf(this.#events, {
      fromNs,
      toNs: toNs ?? Math.max(1, this.#endNs),
      endNs: this.#endNs,
      longestNs: this.#longestNs,
      steps: Math.max(1, Math.min(4096, steps)),
      ...capacity,
      opOf,
    });
  }
}

import type { Clock } from './clock.ts';
import type { Command } from './command.ts';
import type { EventFields, EventKind } from './events.ts';
import { Heap } from './heap.ts';
import type { Decision } from './hook-run.ts';
import type { DeviceMemory } from './memory.ts';
import type { Metrics } from './metrics.ts';
import type { Parameters } from './parameters.ts';
import { type Entry, goesFirst } from './pass.ts';
import type { HookProgram } from './runner.ts';
import { EBADMSG, ETIMEDOUT, type Sealer } from './services.ts';
import { computeNs, memoryNs, unitsWanted, wholeNs } from './units.ts';

/** What the dispatcher tells and asks the device. */
export interface DispatcherHost {
  event(kind: EventKind, fields: EventFields): void;
  askDispatch(entry: Entry, decide: (decision: Decision) => void): void;
  askComplete(entry: Entry, decide: (decision: Decision) => void): void;
  /** Ends the request. */
  cancel(entry: Entry, errno: number, program: HookProgram | null): void;
  /** A command left the queue, so that another may enter. */
  left(): void;
  done(entry: Entry): void;
}

const IN_QUEUE: ReadonlySet<Entry['state']> = new Set(['held', 'ready', 'asked', 'cleared', 'deferred']);

/** The head of the queue and the matrix units behind it. */
export class Dispatcher {
  readonly #clock: Clock;
  readonly #parameters: Parameters;
  readonly #memory: DeviceMemory;
  readonly #sealer: Sealer;
  readonly #metrics: Metrics;
  readonly #host: DispatcherHost;
  readonly #ready = new Heap<Entry>(goesFirst);
  readonly #cleared = new Heap<Entry>(goesFirst);
  #asked = 0;
  #dispatching = false;
  #queued = 0;
  #unitsFree: number;
  #memoryFreeNs = 0;

  constructor(clock: Clock, parameters: Parameters, memory: DeviceMemory, sealer: Sealer, metrics: Metrics, host: DispatcherHost) {
    this.#clock = clock;
    this.#parameters = parameters;
    this.#memory = memory;
    this.#sealer = sealer;
    this.#metrics = metrics;
    this.#host = host;
    this.#unitsFree = parameters.units;
  }

  /** Commands that entered and are not on the units. */
  get queued(): number {
    return this.#queued;
  }
  get unitsBusy(): number {
    return this.#parameters.units - this.#unitsFree;
  }

  queue(commands: number): void {
    this.#queued += commands;
    this.#metrics.mostQueued = Math.max(this.#metrics.mostQueued, this.#queued);
  }

  inQueue(entry: Entry): boolean {
    return IN_QUEUE.has(entry.state);
  }

  /** Takes a command that will not run out of the queue. */
  takeOut(entry: Entry): void {
    entry.state = 'done';
    this.#leave();
  }

  /** Nothing keeps the command back any more. */
  ready(entry: Entry): void {
    entry.state = 'ready';
    this.#ready.push(entry);
    this.#dispatch();
  }

  prioritiesChanged(): void {
    this.#ready.rebuild();
    this.#cleared.rebuild();
  }

  /** How long a command waits that a program deferred: never beyond its deadline, at which it comes back so that a program can decide. */
  waitNs({ deadlineNs }: Command, deferNs: number): number {
    const wanted = deferNs > 0 ? deferNs : this.#parameters.deferNs;
    const left = deadlineNs - this.#clock.nowNs;
    return deadlineNs > 0 && left > 0 ? Math.min(wanted, left) : wanted;
  }

  #leave(): void {
    this.#queued--;
    this.#host.left();
  }

  /** The next of a heap that is still in `state`. */
  #next(heap: Heap<Entry>, state: Entry['state']): Entry | undefined {
    for (;;) {
      const entry = heap.peek();
      if (!entry || entry.state === state) return entry;
      heap.pop();
    }
  }

  /** Brings commands to the head of the queue while there are units for them and cores to ask on, the latest moment at which their order is settled. */
  #dispatch(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    while (this.#unitsFree > 0 && this.#asked < this.#parameters.engineCores && !this.#next(this.#cleared, 'cleared')) {
      const entry = this.#next(this.#ready, 'ready');
      if (!entry) break;
      this.#ready.pop();
      this.#ask(entry);
    }
    this.#dispatching = false;
  }

  #ask(entry: Entry): void {
    entry.state = 'asked';
    this.#asked++;
    this.#host.askDispatch(entry, (decision) => {
      this.#asked--;
      if (entry.state === 'asked') this.#decided(entry, decision);
      this.#dispatch();
    });
  }

  #decided(entry: Entry, { verdict, program, deferNs }: Decision): void {
    const { command } = entry;
    const { mostDefers, mostReorders } = this.#parameters;
    const told: EventFields = { seq: command.seq, request: command.request, hook: 'dispatch', program: program?.name ?? null };
    if (verdict.kind === 'abort') this.#host.cancel(entry, verdict.errno, program);
    else if (verdict.kind === 'defer' && ++entry.defers > mostDefers) this.#host.cancel(entry, ETIMEDOUT, program);
    else if (verdict.kind === 'defer') {
      const ns = this.waitNs(command, deferNs);
      entry.state = 'deferred';
      this.#metrics.count(command, 'deferred');
      this.#host.event('deferred', { ...told, durationNs: ns });
      this.#clock.at(this.#clock.nowNs + ns, () => {
        if (entry.state === 'deferred') this.ready(entry);
      });
    } else {
      const other = verdict.kind === 'reorder' && ++entry.reorders <= mostReorders ? this.#next(this.#ready, 'ready') : undefined;
      if (!other) {
        this.#clear(entry);
        return;
      }
      this.#host.event('reordered', { ...told, value: other.command.seq });
      this.#ready.pop();
      entry.state = 'ready';
      this.#ready.push(entry);
      this.#ask(other);
    }
  }

  #clear(entry: Entry): void {
    entry.state = 'cleared';
    this.#cleared.push(entry);
    this.#fillUnits();
  }

  /** Commands take the units that they can use, or at least half of them: fewer would keep them for too long. */
  #fillUnits(): void {
    for (;;) {
      const entry = this.#next(this.#cleared, 'cleared');
      if (!entry) return;
      const wanted = unitsWanted(entry.command, this.#parameters);
      if (this.#unitsFree < Math.ceil(wanted / 2)) return;
      this.#cleared.pop();
      this.#start(entry, Math.min(wanted, this.#unitsFree));
    }
  }

  #start(entry: Entry, units: number): void {
    const { command } = entry;
    const now = this.#clock.nowNs;
    const { launchNs } = this.#parameters;
    entry.state = 'running';
    entry.units = units;
    entry.startedNs = now;
    this.#unitsFree -= units;
    this.#metrics.count(command, 'queuedNs', now - entry.pass.enteredNs);
    this.#host.event('started', { seq: command.seq, request: command.request, place: units });
    const outputs = this.#compute(entry);
    let ns = wholeNs(launchNs);
    if (!entry.status) {
      const moving = memoryNs(command, this.#parameters);
      const memoryFrom = Math.max(now + launchNs, this.#memoryFreeNs);
      this.#memoryFreeNs = memoryFrom + moving;
      this.#metrics.memoryNs += moving;
      ns = wholeNs(Math.max(launchNs + computeNs(command, units, this.#parameters), this.#memoryFreeNs - now));
    }
    this.#clock.at(now + ns, () => this.#finish(entry, ns, outputs));
    this.#leave();
  }

  /** What the units make of the inputs as they lie in memory; an input that was tampered with ends the command. */
  #compute(entry: Entry): readonly Uint8Array[] {
    const { kernel, tensors, request } = entry.command;
    const inputs: Uint8Array[] = [];
    for (const tensor of tensors) {
      if (tensor.role === 'output') continue;
      if (!kernel && !this.#memory.provenance(tensor.addr)?.sealed) continue;
      const bytes = this.#sealer.open(tensor, request);
      if (!bytes) {
        entry.status = EBADMSG;
        return [];
      }
      inputs.push(bytes);
    }
    return kernel ? kernel.run(inputs) : [];
  }

  #finish(entry: Entry, ns: number, outputs: readonly Uint8Array[]): void {
    const { command, units } = entry;
    entry.state = 'checked';
    entry.elapsedNs = ns;
    this.#unitsFree += units;
    this.#metrics.unitNs += units * ns;
    this.#metrics.count(command, 'unitNs', units * ns);
    this.#metrics.count(command, 'busyNs', ns);
    const written = command.tensors.filter(({ role }) => role === 'output');
    if (!entry.status) for (const [i, bytes] of outputs.entries()) this.#memory.write(written[i]!.addr, bytes);
    this.#host.event('finished', { seq: command.seq, request: command.request, durationNs: ns, place: units });
    this.#host.askComplete(entry, ({ verdict, program }) => {
      const failed = entry.status;
      if (verdict.kind === 'abort' && !entry.status) entry.status = verdict.errno;
      if (entry.status) {
        for (const { addr, bytes } of written) if (outputs.length > 0) this.#memory.write(addr, new Uint8Array(bytes));
        const why = verdict.kind === 'abort' && !failed ? program : null;
        this.#host.event('aborted', { seq: command.seq, request: command.request, program: why?.name ?? null, value: -entry.status });
        if (!entry.pass.request.ended) this.#host.cancel(entry, entry.status, why);
      } else {
        this.#host.event('completed', { seq: command.seq, request: command.request, durationNs: this.#clock.nowNs - entry.pass.enteredNs });
        for (const at of entry.next) {
          const other = entry.pass.entries[at]!;
          if (--other.waitsFor === 0 && other.state === 'held') this.ready(other);
        }
      }
      this.#host.done(entry);
    });
    this.#fillUnits();
    this.#dispatch();
  }
}

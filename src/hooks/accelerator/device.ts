import { InputError } from '../../base/errors.ts';
import { ACCEL_HOOK_DEFS, type AccelHook } from '../../bpf/accelerator/hooks.ts';
import { ENOSPC } from '../../vm/errno.ts';
import { Attachments } from './attachments.ts';
import { Clock } from './clock.ts';
import type { Command, HookMoment } from './command.ts';
import { CONTEXT_BYTES, encodeContext, readWrites } from './context.ts';
import { Dispatcher } from './dispatcher.ts';
import { Enclave } from './enclave.ts';
import { EngineCores } from './engine-cores.ts';
import { type DeviceEvent, DeviceEvents, type EventFields, type EventKind } from './events.ts';
import { Fifo } from './fifo.ts';
import { type Decision, type HookCall, HookJob, type RunResult } from './hook-run.ts';
import { DeviceMemory } from './memory.ts';
import { Metrics, type Utilisation } from './metrics.ts';
import { type Parameters, parametersOf } from './parameters.ts';
import { type Entry, type Pass, passOf, type RequestState } from './pass.ts';
import type { HookProgram } from './runner.ts';
import { ECANCELED, ETIMEDOUT, Sealer, servicesFor, tellProvenance } from './services.ts';
import { TraceBuffer } from './trace-buffer.ts';
import { hookNs, hookTime } from './units.ts';
import { Uuids } from './uuid.ts';
import { verdictOf } from './verdict.ts';

/** A program's attachment. What is changed holds for commands that enter afterwards. */
export interface Link {
  readonly program: HookProgram;
  readonly attached: boolean;
  detach(): void;
  /** Puts another program of the same hook in its place: no command sees both, and none sees neither. */
  replace(program: HookProgram): void;
}

const NO_COMMAND: Command = {
  seq: 0,
  request: 0,
  tenant: 0,
  token: 0,
  layer: 0,
  op: 'nop',
  nodes: [],
  label: 'telemetry',
  tensors: [],
  flops: 0,
  bytes: 0,
  deadlineNs: 0,
  priority: 0,
  key: 0,
};
const FIRST = [0];

/**
 * A simulated accelerator with an eBPF engine: driver → command queue → programs → matrix units, as a model of discrete events. Time is modelled from
 * {@link Parameters} and counted in whole ns; memory, programs and results are real. Every run with the same input gives the same events.
 */
export class Device {
  readonly parameters: Parameters;
  readonly memory: DeviceMemory;
  readonly enclave = new Enclave();
  readonly traceBuffer: TraceBuffer;
  readonly events = new DeviceEvents();
  readonly metrics = new Metrics();

  readonly #clock = new Clock();
  readonly #cores: EngineCores;
  readonly #sealer: Sealer;
  readonly #uuids: Uuids;
  readonly #attachments = new Attachments();
  readonly #dispatcher: Dispatcher;
  readonly #requests = new Map<number, RequestState>();
  readonly #commands = new Map<number, Command>();
  readonly #listeners = new Set<(event: DeviceEvent) => void>();
  readonly #submissions = new Fifo<readonly Command[]>();
  #busFreeNs = 0;
  #lastSeq = -1;
  #unfinished = 0;
  #nextTelemetryNs = -1;

  /** Throws {@link InputError} for values outside their range. */
  constructor(parameters: Partial<Parameters> = {}) {
    this.parameters = parametersOf(parameters);
    this.memory = new DeviceMemory(this.parameters.memoryBytes);
    this.traceBuffer = new TraceBuffer(this.parameters.traceBytes);
    this.#cores = new EngineCores(this.#clock, this.parameters.engineCores);
    this.#sealer = new Sealer(this.memory, this.enclave);
    this.#uuids = new Uuids(1);
    this.#dispatcher = new Dispatcher(this.#clock, this.parameters, this.memory, this.#sealer, this.metrics, {
      event: (kind, fields) => this.#event(kind, fields),
      askDispatch: (entry, decide) => this.#ask('dispatch', entry, FIRST, () => entry.state !== 'asked', decide),
      askComplete: (entry, decide) => this.#ask('complete', entry, FIRST, () => false, decide),
      cancel: (entry, errno, program) => this.#cancel(entry, errno, program),
      left: () => this.#enterWaiting(),
      done: (entry) => this.#entryDone(entry),
    });
  }

  /** Modelled time. */
  get nowNs(): number {
    return this.#clock.nowNs;
  }

  /** Commands that were submitted and are not done. */
  get unfinished(): number {
    return this.#unfinished;
  }
  get queueDepth(): number {
    return this.#dispatcher.queued;
  }
  get unitsBusy(): number {
    return this.#dispatcher.unitsBusy;
  }

  /** Runs `program` at its hook for every command that enters from now on; of several, lower `order` (0 by default) first. */
  attach(program: HookProgram, { order = 0 }: { readonly order?: number } = {}): Link {
    const id = this.#attachments.attach(program, order);
    let current: HookProgram | null = program;
    let last = program;
    this.#event('attached', { hook: program.hook, program: program.name });
    this.#planTelemetry();
    return {
      get program() {
        return last;
      },
      get attached() {
        return current !== null;
      },
      detach: () => {
        if (!current) return;
        current = null;
        this.#attachments.detach(id);
        this.#event('detached', { hook: last.hook, program: last.name });
      },
      replace: (other) => {
        if (!current) throw new InputError('it was detached', `program ${last.name}`);
        if (other.hook !== last.hook)
          throw new InputError(`it belongs to the hook ${other.hook} and cannot replace one of ${last.hook}`, `program ${other.name}`);
        this.#attachments.replace(id, other);
        current = other;
        last = other;
        this.#event('replaced', { hook: other.hook, program: other.name });
      },
    };
  }

  /** Programs of a hook as a command that entered now would meet them. */
  attachedTo(hook: AccelHook): readonly HookProgram[] {
    return this.#attachments.current[hook];
  }

  /**
   * Hands the commands of one pass (one token of one request) to the driver, now or at `atNs`. They enter the queue together: at once when it
   * has room, else when it has. Throws {@link InputError} when they are not one pass, or numbered backwards.
   */
  submit(commands: readonly Command[], { atNs = this.nowNs }: { readonly atNs?: number } = {}): void {
    this.#check(commands);
    this.#unfinished += commands.length;
    for (const command of commands) this.#commands.set(command.seq, command);
    if (atNs > this.nowNs) this.#clock.at(atNs, () => this.#driverHas(commands));
    else this.#driverHas(commands);
  }

  /** What the driver said of a command; undefined for a number that it never gave. */
  command(seq: number): Command | undefined {
    return this.#commands.get(seq);
  }

  /** Lets the next thing happen; false when there is nothing. */
  step(): boolean {
    return this.#clock.step();
  }

  /** Runs until nothing is left to do, or until a time of the device. */
  run(untilNs = Number.POSITIVE_INFINITY): void {
    while (this.#clock.step(untilNs));
    if (Number.isFinite(untilNs)) this.#clock.advance(untilNs);
  }

  /** Hears every event as it happens; gives a function that ends it. */
  onEvent(listener: (event: DeviceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Shares of the time so far. */
  get utilisation(): Utilisation {
    const time = Math.max(this.nowNs, 1);
    return {
      units: this.metrics.unitNs / (time * this.parameters.units),
      memory: this.metrics.memoryNs / time,
      engine: this.#cores.busyNs / (time * this.parameters.engineCores),
    };
  }

  #check(commands: readonly Command[]): void {
    const [first] = commands;
    if (!first) throw new InputError('it has no commands', 'pass');
    for (const { seq, request, token } of commands) {
      if (seq <= this.#lastSeq) throw new InputError(`its number is not above ${this.#lastSeq}`, `command ${seq}`);
      if (request !== first.request || token !== first.token)
        throw new InputError('it belongs to another request or token than the first of its pass', `command ${seq}`);
      this.#lastSeq = seq;
    }
  }

  #driverHas(commands: readonly Command[]): void {
    for (const { seq, request } of commands) this.#event('submitted', { seq, request });
    this.#submissions.push(commands);
    this.#enterWaiting();
  }

  #enterWaiting(): void {
    for (;;) {
      const commands = this.#submissions.peek();
      const { queued } = this.#dispatcher;
      if (!commands || (queued > 0 && queued + commands.length > this.parameters.queueDepth)) return;
      this.#submissions.shift();
      this.#enter(commands);
    }
  }

  #enter(commands: readonly Command[]): void {
    const request = this.#request(commands[0]!.request);
    const pass = passOf(commands, request, this.#attachments.current, this.nowNs);
    for (const { command } of pass.entries) {
      this.metrics.count(command, 'commands');
      this.metrics.count(command, 'flops', command.flops);
      this.metrics.count(command, 'bytes', command.bytes);
      this.#event('entered', { seq: command.seq, request: command.request });
    }
    this.#dispatcher.queue(pass.entries.length);
    request.passes.push(pass);
    if (request.ended) {
      this.#drop(pass);
      return;
    }
    const contexts = pass.entries.length * CONTEXT_BYTES;
    this.#busFreeNs = Math.max(this.#busFreeNs, this.nowNs) + Math.ceil((contexts * 1e9) / this.parameters.pcieBytesPerSecond);
    this.#clock.at(this.#busFreeNs + this.parameters.pcieNs, () => this.#admit(pass));
    this.#planTelemetry();
  }

  /** `submit` for all commands, then `validate_tensor` for all tensors of all, then the pass waits for its turn. */
  #admit(pass: Pass): void {
    this.#askAll(
      'submit',
      pass,
      () => FIRST,
      () =>
        this.#askAll(
          'validate_tensor',
          pass,
          ({ tensors }) => tensors.map((_, i) => i),
          () => {
            pass.admitted = true;
            this.#nextPass(pass.request);
          },
        ),
    );
  }

  #askAll(hook: AccelHook, pass: Pass, tensorsOf: (command: Command) => readonly number[], then: () => void): void {
    if (pass.left === 0) return;
    let waiting = pass.entries.length;
    for (const entry of pass.entries) {
      this.#ask(
        hook,
        entry,
        tensorsOf(entry.command),
        () => pass.request.ended !== 0,
        ({ verdict, program }) => {
          if (verdict.kind === 'abort' && !pass.request.ended) this.#cancel(entry, verdict.errno, program);
          if (--waiting === 0 && !pass.request.ended) then();
        },
      );
    }
  }

  /** The first pass of a request that is not done asks its `token` programs, and then its commands may go. */
  #nextPass(request: RequestState): void {
    const [pass] = request.passes;
    if (!pass?.admitted || pass.released || request.ended) return;
    pass.released = true;
    this.#token(pass);
  }

  #token(pass: Pass): void {
    const [first] = pass.entries;
    this.#ask(
      'token',
      first!,
      FIRST,
      () => pass.request.ended !== 0,
      ({ verdict, program, deferNs }) => {
        if (pass.request.ended) return;
        if (verdict.kind === 'abort') this.#cancel(first!, verdict.errno, program);
        else if (verdict.kind === 'defer') {
          if (++pass.defers > this.parameters.mostDefers) this.#cancel(first!, ETIMEDOUT, program);
          else {
            const ns = this.#dispatcher.waitNs(first!.command, deferNs);
            this.#event('deferred', {
              seq: first!.command.seq,
              request: pass.request.id,
              hook: 'token',
              program: program!.name,
              durationNs: ns,
            });
            for (const { command } of pass.entries) this.metrics.count(command, 'deferred');
            this.#clock.at(this.nowNs + ns, () => {
              if (!pass.request.ended) this.#token(pass);
            });
          }
        } else for (const entry of pass.entries) if (entry.waitsFor === 0) this.#dispatcher.ready(entry);
      },
    );
  }

  /** Runs the programs of a hook that were attached when the command entered; decides at once where there are none. */
  #ask(hook: AccelHook, entry: Entry, tensors: readonly number[], ended: () => boolean, decide: (decision: Decision) => void): void {
    const programs = entry.pass.programs[hook];
    if (programs.length === 0) {
      decide({ verdict: { kind: 'continue' }, program: null, deferNs: 0 });
      return;
    }
    const call: HookCall = { hook, command: entry.command, programs, tensors };
    this.#cores.add(new HookJob(call, (own, program, tensor, core) => this.#run(own, program, tensor, core, entry), ended, decide));
  }

  #run({ hook, command }: HookCall, program: HookProgram, tensorIndex: number, core: number, entry: Entry | null): RunResult {
    tellProvenance(command.tensors, this.memory);
    const nowNs = this.nowNs;
    const moment: HookMoment = {
      hook,
      tensorIndex,
      nowNs,
      queuedNs: entry ? nowNs - entry.pass.enteredNs : 0,
      elapsedNs: entry?.elapsedNs ?? 0,
      queueDepth: this.#dispatcher.queued,
      unitsBusy: this.#dispatcher.unitsBusy,
      status: entry?.status ?? 0,
    };
    const seq = entry ? command.seq : -1;
    const request = entry ? command.request : -1;
    const services = servicesFor(command, {
      memory: this.memory,
      enclave: this.enclave,
      sealer: this.#sealer,
      nowNs: () => nowNs,
      uuid: () => this.#uuids.next(this.parameters.epochMs + Math.floor(nowNs / 1e6)),
      trace: (data) => (this.traceBuffer.append({ timeNs: nowNs, program: program.name, seq, request, data }) ? 0 : -ENOSPC),
      setPriority: (priority) => this.#setPriority(command.request, priority),
    });
    const { priority } = command;
    const run = program.run(encodeContext(command, moment), services);
    const ns = hookNs(hookTime(run, this.parameters));
    this.#event('hook', {
      seq,
      request,
      hook,
      program: program.name,
      durationNs: ns,
      insns: run.insns,
      value: run.returnValue,
      place: core,
    });
    this.metrics.run(program.name, hook, run.insns, ns);
    if (entry) {
      this.metrics.count(command, 'hookNs', ns);
      this.metrics.count(command, 'insns', run.insns);
    }
    return { ns, verdict: verdictOf(hook, run.returnValue), deferNs: this.#takeWrites(hook, entry, priority, run.context) };
  }

  /** Takes over what a program changed of what the hook lets it write; gives the time to wait. */
  #takeWrites(hook: AccelHook, entry: Entry | null, before: number, context: Uint8Array): number {
    const { writes } = ACCEL_HOOK_DEFS[hook];
    if (!entry || writes.length === 0) return 0;
    const { priority, key, deferNs } = readWrites(context);
    if (writes.includes('key')) entry.command.key = key;
    if (writes.includes('priority') && priority !== before) {
      const concerned = hook === 'token' ? entry.pass.entries : [entry];
      for (const { command } of concerned) command.priority = priority;
      this.#dispatcher.prioritiesChanged();
    }
    return writes.includes('defer_ns') ? deferNs : 0;
  }

  #setPriority(request: number, priority: number): number {
    const state = this.#request(request);
    state.priority = priority;
    for (const { entries } of state.passes) for (const entry of entries) if (entry.state !== 'done') entry.command.priority = priority;
    this.#dispatcher.prioritiesChanged();
    return 0;
  }

  /** Ends the request of a command: what is on the units ends without its output being read, all else is dropped. */
  #cancel(entry: Entry, errno: number, program: HookProgram | null): void {
    const { request } = entry.pass;
    request.ended = errno;
    if (this.#dispatcher.inQueue(entry)) this.#abort(entry, errno, program);
    for (const pass of [...request.passes]) this.#drop(pass);
  }

  #drop(pass: Pass): void {
    for (const entry of pass.entries) {
      if (this.#dispatcher.inQueue(entry)) this.#abort(entry, ECANCELED, null);
      else if (entry.state !== 'done') entry.status ||= ECANCELED;
    }
  }

  #abort(entry: Entry, errno: number, program: HookProgram | null): void {
    entry.status = errno;
    this.#dispatcher.takeOut(entry);
    this.#event('aborted', { seq: entry.command.seq, request: entry.command.request, program: program?.name ?? null, value: -errno });
    this.#entryDone(entry);
  }

  #entryDone(entry: Entry): void {
    const { pass, command } = entry;
    entry.state = 'done';
    this.#unfinished--;
    this.metrics.count(command, entry.status ? 'aborted' : 'completed');
    if (!entry.status && command.deadlineNs && this.nowNs > command.deadlineNs) this.metrics.deadlinesMissed++;
    if (--pass.left > 0) return;
    const { passes } = pass.request;
    passes.splice(passes.indexOf(pass), 1);
    this.#nextPass(pass.request);
  }

  #request(id: number): RequestState {
    let state = this.#requests.get(id);
    if (!state) {
      state = { id, passes: [], ended: 0, priority: null };
      this.#requests.set(id, state);
    }
    return state;
  }

  /** Telemetry runs at whole intervals of the clock while there is work. */
  #planTelemetry(): void {
    const { telemetryNs } = this.parameters;
    if (this.#nextTelemetryNs > this.nowNs || this.#unfinished === 0 || this.#attachments.current.telemetry.length === 0) return;
    this.#nextTelemetryNs = (Math.floor(this.nowNs / telemetryNs) + 1) * telemetryNs;
    this.#clock.at(this.#nextTelemetryNs, () => {
      const programs = this.#attachments.current.telemetry;
      if (programs.length > 0) {
        const call: HookCall = { hook: 'telemetry', command: NO_COMMAND, programs, tensors: FIRST };
        this.#cores.add(
          new HookJob(
            call,
            (own, program, tensor, core) => this.#run(own, program, tensor, core, null),
            () => false,
            () => {},
          ),
        );
      }
      this.#planTelemetry();
    });
  }

  #event(kind: EventKind, fields: EventFields): void {
    const row = this.events.add(kind, this.nowNs, fields);
    if (this.#listeners.size === 0) return;
    const event = this.events.row(row);
    for (const listener of this.#listeners) listener(event);
  }
}

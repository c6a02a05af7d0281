import { CommandRecorder } from '../../../hooks/accelerator/command-trace.ts';
import type { Device } from '../../../hooks/accelerator/device.ts';
import type { Parameters } from '../../../hooks/accelerator/parameters.ts';
import type { LoadedProgram } from '../../../hooks/accelerator/program.ts';
import type { ModelInfo, Snapshot, Workload } from '../../accelerator-views.ts';
import type { Attached } from './programs.ts';
import { Session } from './session.ts';
import { OnDevice, type Source } from './source.ts';

/** Passes that the driver has given to the device before they arrive: the rest is made when it is needed. */
const AHEAD = 32;
const NS = 1e9;
/** Bytes of tensors that the trace keeps. */
const MOST_TRACE_BYTES = 128 * 2 ** 20;

/** Loads the programs of an object, by the hash of its bytes. */
type Load = (hash: string) => readonly LoadedProgram[];

/** One inference request. */
interface Request {
  readonly atNs: number;
  readonly request: number;
  readonly tenant: number;
  readonly tokens: number;
  readonly rows: number;
  readonly provenance: Workload['provenance'];
}

/** A pass on the device. */
interface InFlight {
  readonly of: Request;
  readonly token: number;
  left: number;
}

/** What a request brought and how far it came: to look for its tensors later. */
export interface Served {
  readonly request: number;
  readonly rows: number;
}

/**
 * The host: a driver with requests on their way, in front of one device. It submits a request's next token when the one before is done, with the inputs
 * written anew, as a model server does.
 */
export class Host {
  readonly source: Source;
  session: Session;
  /** Kernels are fused as was proposed. */
  fused = false;
  readonly #models = new Map<number, OnDevice>();
  #arrivals: Request[] = [];
  #given = 0;
  /** By number of the command. */
  readonly #inFlight = new Map<number, InFlight>();
  /** Tokens that were asked for and not submitted. */
  #tokensLeft = 0;
  readonly served: Served[] = [];
  trace: CommandRecorder;

  private constructor(source: Source, session: Session) {
    this.source = source;
    this.session = session;
    this.trace = this.#listen();
  }

  /** What the host can see is written down before the next token changes it. */
  #listen(): CommandRecorder {
    const recorder = new CommandRecorder(this.device, { mostBytes: MOST_TRACE_BYTES });
    this.device.onEvent(({ kind, seq }) => {
      if (kind === 'completed') this.#completed(seq);
      else if (kind === 'aborted') this.#aborted(seq);
    });
    return recorder;
  }

  #completed(seq: number): void {
    const pass = this.#inFlight.get(seq);
    this.#inFlight.delete(seq);
    if (!pass || --pass.left > 0 || pass.token + 1 >= pass.of.tokens) return;
    // Not within the event: the device is not done with the pass.
    this.#submit(pass.of, pass.token + 1, this.device.nowNs + 1);
  }

  /** A request that was ended asks for no more. */
  #aborted(seq: number): void {
    const pass = this.#inFlight.get(seq);
    this.#inFlight.delete(seq);
    if (!pass || pass.left === 0) return;
    pass.left = 0;
    this.#tokensLeft -= pass.of.tokens - pass.token - 1;
  }

  #submit(of: Request, token: number, atNs: number): void {
    const { session } = this;
    const { request, tenant, rows, provenance } = of;
    if (token === 0) {
      session.prepare(request, tenant);
      this.served.push({ request, rows });
    }
    const { commands } = this.#models.get(rows)!.pass({ request, tenant, token, firstSeq: session.nextSeq }, provenance);
    session.nextSeq += commands.length;
    session.ledger.add(commands);
    const pass: InFlight = { of, token, left: commands.length };
    for (const { seq } of commands) this.#inFlight.set(seq, pass);
    this.#tokensLeft--;
    session.device.submit(commands, { atNs });
  }

  static async start(source: Source, parameters: Partial<Parameters>): Promise<Host> {
    const host = new Host(source, new Session(parameters));
    await host.#ready(1);
    return host;
  }

  get device(): Device {
    return this.session.device;
  }

  /** The model with so many rows in the memory of the device. */
  async #ready(rows: number): Promise<OnDevice> {
    const known = this.#models.get(rows);
    if (known) return known;
    const made = new OnDevice(await this.source.sized(rows), this.device, this.session.hostKey, this.fused);
    this.#models.set(rows, made);
    return made;
  }

  /** Takes the requests of a form; they arrive in equal intervals from now on, behind those that are on their way. */
  async send(workload: Workload): Promise<void> {
    const { requests, tenants, tokens, perSecond, provenance, rows } = workload;
    await this.#ready(rows);
    const first = Math.max(this.device.nowNs, this.#arrivals.at(-1)?.atNs ?? 0);
    for (let at = 0; at < requests; at++) {
      const request = this.session.nextRequest++;
      const tenant = 1 + (at % tenants);
      const atNs = Math.ceil(first + (at * NS) / perSecond);
      this.#arrivals.push({ atNs, request, tenant, tokens, rows, provenance });
      this.#tokensLeft += tokens;
    }
    this.feed();
  }

  /** Gives the device what will arrive soon. */
  feed(): void {
    const { session } = this;
    session.ledger.update();
    while (this.#given < this.#arrivals.length && session.ledger.passes.submitted - session.ledger.passesEntered < AHEAD) {
      const next = this.#arrivals[this.#given++]!;
      this.#submit(next, 0, Math.max(next.atNs, session.device.nowNs));
    }
    if (this.#given === this.#arrivals.length) {
      this.#arrivals = [];
      this.#given = 0;
    }
  }

  /** Nothing is left to do. */
  get idle(): boolean {
    return this.#given === this.#arrivals.length && this.device.unfinished === 0;
  }

  /** Runs to a time of the device; true when nothing was left before. */
  advance(untilNs: number): boolean {
    this.feed();
    if (this.idle) return true;
    this.device.run(untilNs);
    return false;
  }

  step(): void {
    this.feed();
    this.device.step();
  }

  get model(): ModelInfo {
    const { onDevice, sized } = this.#models.get(1)!;
    const { plan } = onDevice;
    return {
      name: this.source.name,
      commands: plan.steps.length,
      layers: plan.layers.length,
      layerNames: plan.layers,
      inputs: sized.model.inputs.map(({ name, dims }) => `${name} [${dims.join(' × ')}]`),
      mostRows: this.source.mostRows,
      fused: plan.steps.filter(({ nodes }) => nodes.length > 1).length,
    };
  }

  get snapshot(): Snapshot {
    const snapshot = this.session.snapshot(this.model);
    return { ...snapshot, waiting: snapshot.waiting + this.#tokensLeft };
  }

  /** The model's commands as they are, without programs. */
  modelAt(rows: number): Promise<OnDevice> {
    return this.#ready(rows);
  }

  /** A new device with the same programs, loaded anew. */
  async restart(parameters: Partial<Parameters>, load: Load): Promise<void> {
    const { attached } = this.session;
    this.session = new Session(parameters);
    this.#arrivals = [];
    this.#given = 0;
    this.#inFlight.clear();
    this.#tokensLeft = 0;
    this.served.length = 0;
    this.#models.clear();
    this.source.keepOnly(1);
    this.trace = this.#listen();
    await this.#ready(1);
    this.#attachAgain(attached, load);
  }

  /** Attaches what is attached to another device. */
  takeOver({ session }: Host, load: Load): void {
    this.#attachAgain(session.attached, load);
  }

  #attachAgain(attached: readonly Attached[], load: Load): void {
    for (const hash of new Set(attached.map((each) => each.hash))) {
      const of = attached.filter((each) => each.hash === hash);
      const names = new Set(of.map(({ loaded }) => loaded.name));
      const { object, use, signedBy } = of[0]!;
      this.session.attach(
        load(hash).filter(({ name }) => names.has(name)),
        { object, hash, use, signedBy },
      );
    }
  }
}

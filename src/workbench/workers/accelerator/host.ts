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

/** Loads the programs of an object, by the hash of its bytes. */
type Load = (hash: string) => readonly LoadedProgram[];

interface Arrival {
  readonly atNs: number;
  readonly request: number;
  readonly tenant: number;
  readonly token: number;
  readonly rows: number;
  readonly provenance: Workload['provenance'];
}

/** The host: a driver with requests on their way, in front of one device. */
export class Host {
  readonly source: Source;
  session: Session;
  /** Kernels are fused as was proposed. */
  fused = false;
  readonly #models = new Map<number, OnDevice>();
  #arrivals: Arrival[] = [];
  #given = 0;
  /** Which tensors requests brought, to look for them later. */
  readonly passes: Arrival[] = [];

  private constructor(source: Source, session: Session) {
    this.source = source;
    this.session = session;
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
      for (let token = 0; token < tokens; token++) this.#arrivals.push({ atNs, request, tenant, token, rows, provenance });
    }
    this.feed();
  }

  /** Gives the device what will arrive soon. */
  feed(): void {
    const { session } = this;
    session.ledger.update();
    while (this.#given < this.#arrivals.length && session.ledger.passes.submitted - session.ledger.passesEntered < AHEAD) {
      const arrival = this.#arrivals[this.#given++]!;
      const { atNs, request, tenant, token, rows, provenance } = arrival;
      if (token === 0) session.prepare(request, tenant);
      const { commands } = this.#models.get(rows)!.pass({ request, tenant, token, firstSeq: session.nextSeq }, provenance);
      session.nextSeq += commands.length;
      session.ledger.add(commands);
      this.passes.push(arrival);
      session.device.submit(commands, { atNs: Math.max(atNs, session.device.nowNs) });
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
    return { ...snapshot, waiting: snapshot.waiting + this.#arrivals.length - this.#given };
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
    this.passes.length = 0;
    this.#models.clear();
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

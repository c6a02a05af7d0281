import { InputError } from '../../../base/errors.ts';
import type { AccelHook } from '../../../bpf/accelerator/hooks.ts';
import { Device } from '../../../hooks/accelerator/device.ts';
import type { Parameters } from '../../../hooks/accelerator/parameters.ts';
import type { LoadedProgram } from '../../../hooks/accelerator/program.ts';
import type { Snapshot, Throughput } from '../../accelerator-views.ts';
import { Ledger } from './ledger.ts';
import { type Attached, attachedView, CallNotes, watched } from './programs.ts';
import { DEVICE_KEY, HOST_KEY, setUp, setUpRequest } from './setup.ts';

/** In the order in which a command meets them. */
const MET: readonly AccelHook[] = ['submit', 'validate_tensor', 'token', 'dispatch', 'complete', 'telemetry'];
/** Commands of the queue that the diagram names. */
const QUEUE_SHOWN = 8;
const ORDER_STEP = 10;

/** One device with what is attached to it and what is known of its commands. A reset makes another. */
export class Session {
  device: Device;
  ledger: Ledger;
  notes = new CallNotes();
  readonly changes: { atNs: number; tenant: number; perSecond: number }[] = [];
  readonly parameters: Partial<Parameters>;
  /** Under which host and tenants vouch for tensors. */
  readonly hostKey = crypto.getRandomValues(new Uint8Array(32));
  attached: Attached[] = [];
  nextSeq = 0;
  nextRequest = 1;
  #nextId = 1;
  /** Counts what the user did: views are old when it, or an event, is new. */
  #acts = 0;

  constructor(parameters: Partial<Parameters>) {
    this.parameters = parameters;
    this.device = new Device(parameters);
    this.ledger = new Ledger(this.device.events, (seq) => this.device.command(seq));
    // The keys of a session: nobody outside of this worker has them.
    this.device.enclave.put(HOST_KEY, this.hostKey);
    this.device.enclave.put(DEVICE_KEY, crypto.getRandomValues(new Uint8Array(32)));
  }

  /** Attaches the programs of one object behind those that are there. */
  attach(
    loaded: readonly LoadedProgram[],
    from: { readonly object: string; readonly hash: string; readonly use: string | null; readonly signedBy: string | null },
  ): void {
    for (const program of loaded) {
      const order = this.#lastOrder(program.hook) + ORDER_STEP;
      const entry: Omit<Attached, 'link'> = { id: this.#nextId++, loaded: program, ...from, order, runs: 0, executed: 0, refused: 0 };
      this.attached.push(Object.assign(entry, { link: this.#link(entry) }));
    }
    const [first] = loaded;
    if (first && from.use) setUp(from.use, first.maps);
    this.#changed();
  }

  #lastOrder(hook: AccelHook): number {
    return Math.max(0, ...this.attached.filter(({ loaded }) => loaded.hook === hook).map(({ order }) => order));
  }

  #watched(entry: Omit<Attached, 'link'>) {
    return watched(entry.loaded, this.device, this.notes, ({ insns, returnValue }) => {
      entry.runs++;
      entry.executed += insns;
      if (returnValue < 0) entry.refused++;
    });
  }

  #link(entry: Omit<Attached, 'link'>) {
    return this.device.attach(this.#watched(entry), { order: entry.order });
  }

  find(id: number): Attached {
    const entry = this.attached.find((each) => each.id === id);
    if (!entry) throw new InputError('this program is no longer attached', '', 'Attach it again');
    return entry;
  }

  detach(id: number): void {
    this.find(id).link.detach();
    this.attached = this.attached.filter((each) => each.id !== id);
    this.#changed();
  }

  /** Puts another program of the same hook in the place of one, for commands that enter from now on. */
  replace(id: number, loaded: readonly LoadedProgram[], object: string, hash: string, signedBy: string | null): void {
    const entry = this.find(id);
    const program = loaded.find(({ hook }) => hook === entry.loaded.hook);
    if (!program) {
      const hooks = loaded.map(({ hook }) => hook).join(', ');
      throw new InputError(
        `it holds programs for ${hooks}, and none for ${entry.loaded.hook}`,
        object,
        'A program can be replaced by one of the same hook',
      );
    }
    Object.assign(entry, { loaded: program, object, hash, signedBy, use: null, runs: 0, executed: 0, refused: 0 });
    entry.link.replace(this.#watched(entry));
    this.#changed();
  }

  /** Changes places with the program before or behind on the same hook. No event of the device lies between: no command sees only one of them. */
  move(id: number, by: -1 | 1): void {
    const entry = this.find(id);
    const row = this.attached.filter(({ loaded }) => loaded.hook === entry.loaded.hook).sort((a, b) => a.order - b.order);
    const other = row[row.indexOf(entry) + by];
    if (!other) return;
    [entry.order, other.order] = [other.order, entry.order];
    for (const each of [entry, other]) {
      each.link.detach();
      each.link = this.#link(each);
    }
    this.#changed();
  }

  /** Programs of one use. */
  ofUse(use: string): Attached | undefined {
    return this.attached.find((each) => each.use === use);
  }

  /** What the attached uses need before a request of a tenant is submitted. */
  prepare(request: number, tenant: number): void {
    const done = new Set<string>();
    for (const { use, loaded } of this.attached) {
      if (!use || done.has(use)) continue;
      done.add(use);
      setUpRequest(use, loaded.maps, this.device, request, tenant);
    }
  }

  acted(): void {
    this.#changed();
  }

  #changed(): void {
    this.#acts++;
  }

  snapshot(model: Snapshot['model']): Snapshot {
    this.ledger.update();
    const { device, ledger } = this;
    const { parameters, nowNs, utilisation, memory } = device;
    const passes = ledger.passes;
    const began = ledger.passesEntered;
    const order = (hook: AccelHook) => MET.indexOf(hook);
    return {
      nowNs,
      version: device.events.length + this.#acts * 1e9,
      commands: ledger.commands,
      passes,
      queue: ledger.queue(QUEUE_SHOWN),
      queued: device.queueDepth,
      cores: { total: parameters.engineCores, busy: ledger.engineAt(nowNs), share: utilisation.engine },
      units: { total: parameters.units, atWork: device.unitsBusy, busy: ledger.onUnits, share: utilisation.units },
      memory: { total: memory.bytes, used: memory.used, sealed: ledger.sealed(memory), share: utilisation.memory },
      rows: ledger.rows,
      waiting: passes.submitted - began,
      model,
      hooks: this.attached.map(attachedView).sort((a, b) => order(a.hook) - order(b.hook) || a.order - b.order),
    };
  }

  /** Passes done over time, in `steps` equal steps of about a refill period or more. */
  throughput(stepNs: number): Throughput {
    this.ledger.update();
    const steps = Math.max(1, Math.ceil((this.device.nowNs + 1) / stepNs));
    const rows = new Map<number, number[]>();
    for (const { atNs, tenant } of this.ledger.ended) {
      const passes = rows.get(tenant) ?? new Array<number>(steps).fill(0);
      rows.set(tenant, passes);
      const at = Math.min(steps - 1, Math.floor(atNs / stepNs));
      passes[at] = passes[at]! + 1;
    }
    const tenants = [...rows].sort(([a], [b]) => a - b).map(([tenant, passes]) => ({ tenant, passes }));
    return { stepNs, tenants, changes: this.changes };
  }
}

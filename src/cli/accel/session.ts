import { InputError } from '../../base/errors.ts';
import { type Delivered, deliver, programFor } from '../../hooks/accelerator/apply.ts';
import { Device } from '../../hooks/accelerator/device.ts';
import {
  type BpfLink,
  type BpfMap,
  type BpfObject,
  bpf_link__destroy,
  bpf_link__update_program,
  bpf_object__find_map_by_name,
  bpf_object__load,
  bpf_object__open,
  bpf_program__attach,
} from '../../hooks/accelerator/libbpf.ts';
import type { Parameters } from '../../hooks/accelerator/parameters.ts';
import type { TraceRecord } from '../../hooks/accelerator/trace-buffer.ts';
import { accepted, type TrustStore } from '../../hooks/accelerator/trust.ts';
import { fromHex, toHex } from './bytes.ts';
import type { State, StateFolder, StoredObject, StoredRecord } from './state.ts';

/** Milliseconds are what UUIDs count: a device that goes on later begins a new one. */
const MS = 1_000_000;

export interface Attached {
  readonly id: number;
  readonly object: string;
  readonly order: number;
  readonly link: BpfLink;
}

/** A device as the last call left it. {@link Session.save} keeps what became of it. */
export class Session {
  readonly folder: StateFolder;
  readonly device: Device;
  trust: TrustStore;
  readonly #state: State;
  readonly #objects = new Map<string, { readonly object: BpfObject; readonly stored: StoredObject }>();
  #links: Attached[] = [];
  #nextLink: number;
  nextSeq: number;
  nextRequest: number;
  /** What this call has read out of the trace buffer. */
  #read: TraceRecord[] = [];
  #forgotten = false;

  constructor(folder: StateFolder, parameters: Partial<Parameters> = {}) {
    this.folder = folder;
    const state = folder.read();
    this.#state = state;
    this.#nextLink = state.nextLink;
    this.nextSeq = state.nextSeq;
    this.nextRequest = state.nextRequest;
    this.trust = folder.trust();
    this.device = new Device(parameters);
    this.device.run(state.nowNs);
    const { traceBuffer } = this.device;
    // As a reader on the host does: the buffer is emptied before it is full.
    this.device.onEvent(() => {
      if (traceBuffer.bytes > traceBuffer.capacity / 2) this.#read.push(...traceBuffer.drain());
    });
    for (const stored of state.objects) {
      const object = bpf_object__open(folder.object(stored.sha256), { object_name: stored.name });
      bpf_object__load(object);
      for (const [name, entries] of Object.entries(stored.maps)) {
        const map = bpf_object__find_map_by_name(object, name)?.map;
        for (const [key, value] of entries) map?.update(fromHex(key), fromHex(value));
      }
      this.#objects.set(stored.name, { object, stored });
    }
    for (const { id, object, program, hook, order } of state.links) {
      const link = bpf_program__attach(programFor(this.object(object), hook, program), this.device, { order });
      this.#links.push({ id, object, order, link });
    }
  }

  get links(): readonly Attached[] {
    return this.#links;
  }

  get objects(): readonly { readonly object: BpfObject; readonly stored: StoredObject }[] {
    return [...this.#objects.values()];
  }

  /** A loaded object by its name. Throws {@link InputError}. */
  object(name: string): BpfObject {
    const found = this.#objects.get(name);
    if (!found) {
      const names = [...this.#objects.keys()].join(', ');
      throw new InputError('the device has no such object', name, names ? `It has ${names}` : 'accel load brings one onto it');
    }
    return found.object;
  }

  has(name: string): boolean {
    return this.#objects.has(name);
  }

  map(object: string, name: string): BpfMap {
    const map = bpf_object__find_map_by_name(this.object(object), name);
    if (map?.map) return map;
    const names = this.object(object).maps.map(({ def }) => def.name);
    throw new InputError(`object ${object} has no map of this name`, name, names.length > 0 ? `It has ${names.join(', ')}` : '');
  }

  /** Checks, verifies and loads an object; one of the same name must not be there. Throws {@link InputError} as `deliver` does. */
  async load(bytes: Uint8Array, name: string, signature: string | null): Promise<Delivered> {
    if (this.#objects.has(name))
      throw new InputError('an object of this name is loaded', name, 'Give another with --name, or remove it with accel unload');
    const delivered = await deliver(bytes, name, signature, this.trust);
    this.keep(name, bytes, delivered);
    return delivered;
  }

  /** Keeps an object that was loaded onto the device. */
  keep(name: string, bytes: Uint8Array, { object, sha256, statement, signer }: Delivered): void {
    this.folder.keepObject(sha256, bytes);
    this.#objects.set(name, { object, stored: { name, sha256, version: statement?.version ?? null, signer, maps: {} } });
    if (statement) this.trust = accepted(this.trust, statement);
  }

  unload(name: string): void {
    this.object(name);
    const used = this.#links.filter(({ object }) => object === name);
    if (used.length > 0)
      throw new InputError(`it is attached as link ${used.map(({ id }) => id).join(', ')}`, name, 'accel detach comes first');
    this.#objects.delete(name);
  }

  attach(object: string, hook: string, program: string | null, order: number): Attached {
    return this.adopt(object, order, bpf_program__attach(programFor(this.object(object), hook, program), this.device, { order }));
  }

  /** Gives a link that was made elsewhere a number. */
  adopt(object: string, order: number, link: BpfLink): Attached {
    const attached = { id: this.#nextLink++, object, order, link };
    this.#links.push(attached);
    return attached;
  }

  link(id: number): Attached {
    const found = this.#links.find((each) => each.id === id);
    if (!found) throw new InputError('there is no such link', String(id), 'accel list names them');
    return found;
  }

  detach(id: number): Attached {
    const found = this.link(id);
    bpf_link__destroy(found.link);
    this.#links = this.#links.filter((each) => each !== found);
    return found;
  }

  /** Puts a program of another object in a link's place; the link keeps its number and its turn. */
  replace(id: number, object: string, program: string | null): Attached {
    const found = this.link(id);
    bpf_link__update_program(found.link, programFor(this.object(object), found.link.program.hook, program));
    const replaced = { ...found, object };
    this.#links = this.#links.map((each) => (each === found ? replaced : each));
    return replaced;
  }

  /** Records that programs wrote during this call. */
  get ownRecords(): readonly TraceRecord[] {
    return [...this.#read, ...this.device.traceBuffer.records];
  }

  /** Records of the trace buffer: what earlier calls left, then this one's. */
  get records(): readonly StoredRecord[] {
    const own = this.ownRecords.map(({ data, ...rest }) => ({ ...rest, data: toHex(data) }));
    return [...(this.#forgotten ? [] : this.#state.records), ...own];
  }

  /** Forgets the records. */
  takeRecords(): void {
    this.#forgotten = true;
    this.#read = [];
    this.device.traceBuffer.drain();
  }

  save(): void {
    const objects = this.objects.map(({ object, stored }): StoredObject => {
      const maps = object.maps.flatMap(({ def, map }) =>
        map && !def.frozen ? [[def.name, map.entries().map(({ key, value }) => [toHex(key), toHex(value)] as const)] as const] : [],
      );
      return { ...stored, maps: Object.fromEntries(maps) };
    });
    const { nowNs } = this.device;
    this.folder.write({
      format: 1,
      nextLink: this.#nextLink,
      nextSeq: this.nextSeq,
      nextRequest: this.nextRequest,
      nowNs: nowNs === this.#state.nowNs ? nowNs : (Math.floor(nowNs / MS) + 1) * MS,
      objects,
      links: this.#links.map(({ id, object, order, link: { program } }) => ({
        id,
        object,
        program: program.program.name,
        hook: program.hook,
        order,
      })),
      records: this.records,
    });
    // A root of trust comes into being by `accel trust`, never by loading.
    if (Object.keys(this.trust.keys).length > 0) this.folder.writeTrust(this.trust);
  }
}

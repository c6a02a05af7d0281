import { InputError } from '../base/errors.ts';
import type { Program } from '../bpf/program.ts';
import type { ProgramMeta } from '../compiler/api.ts';
import { CLOCK_MAP, clockValue } from '../hooks/clock.ts';
import { CONTROL_MAP, judgeAll } from '../hooks/production/binding.ts';
import { SCORE_MAP, scoreRead } from '../hooks/xdp.ts';
import type { Tensors } from '../reference/reference.ts';
import { readOutputs } from '../replay/runner.ts';
import { storeTensor } from '../replay/tensors.ts';
import type { CompanionClient } from './client.ts';
import { Blobs, type LoadReply, type MapReply, programMessage, type RunReply } from './protocol.ts';

/** Test runs want at least an Ethernet header. */
const TENSOR_PACKET = new Uint8Array(64);
/** Bytes of packets and of maps that a row of runs may take, and how many runs it has at most. */
const ROW_BYTES = 4 << 20;
const ROW_RUNS = 1024;

/** What a program said about one event in the kernel. */
export interface KernelSaid {
  /** r0 as u32. */
  readonly returnValue: number;
  /** As the kernel measured it. */
  readonly ns: number;
  /** Probability; NaN where no model ran. */
  readonly score: number;
  /** Outputs by name; null where no model ran, and for programs that say nothing of outputs. */
  readonly outputs: Readonly<Record<string, Float64Array>> | null;
  /** The packet or context afterwards, where it was asked for. */
  readonly data: Uint8Array | null;
}

export interface Line {
  readonly client: CompanionClient;
  readonly lease: string;
}

/** Asks the kernel for its verdict. The program stays loaded with `keep`, under the reply's handle. */
export async function loadRemote(
  { client, lease }: Line,
  program: Program,
  options: { readonly logLevel: number; readonly keep: boolean; readonly guest?: string; readonly object?: Uint8Array },
  signal?: AbortSignal,
): Promise<{ reply: LoadReply; log: Uint8Array }> {
  const blobs = new Blobs();
  const { object, guest, ...rest } = options;
  const message = programMessage(program, blobs, object);
  const head = { lease, program: message, ...rest, ...(guest === undefined ? {} : { guest }) };
  const answer = await client.ask('load', head, blobs.list, signal);
  return { reply: answer.head as unknown as LoadReply, log: answer.blobs[0]!.slice() };
}

/** A program that the companion holds in its kernel, run on events row by row. */
export class RemoteProgram {
  readonly #line: Line;
  readonly #handle: number;
  readonly #program: Program;
  readonly #meta: ProgramMeta | null;
  /** Maps whose entry 0 is read after each run. */
  readonly #read: readonly string[];
  /** Events that one request takes at most. */
  readonly row: number;

  constructor(line: Line, handle: number, program: Program, meta: ProgramMeta | null) {
    this.#line = line;
    this.#handle = handle;
    this.#program = program;
    this.#meta = meta;
    const read = new Set(meta?.outputs.map(({ map }) => map) ?? []);
    if (meta && this.#has(SCORE_MAP)) read.add(SCORE_MAP);
    this.#read = [...read];
    const bytes = [...this.#read, ...(meta?.inputs.map(({ map }) => map) ?? [])].reduce((sum, name) => sum + this.#sizeOf(name), 0);
    this.row = Math.max(1, Math.min(ROW_RUNS, Math.floor(ROW_BYTES / Math.max(1, bytes))));
  }

  /** Packets in order, each at its time. Maps go on from where the last row has left them. */
  packets(
    frames: readonly Uint8Array[],
    timeNs: (at: number) => number,
    options: { readonly repeat?: number; readonly wantData?: boolean } = {},
    signal?: AbortSignal,
  ): Promise<KernelSaid[]> {
    const set = new Map<string, Uint8Array[]>();
    if (this.#has(CLOCK_MAP))
      set.set(
        CLOCK_MAP,
        frames.map((_, at) => clockValue(timeNs(at))),
      );
    return this.#run('packet', frames, set, options, signal);
  }

  contexts(contexts: readonly Uint8Array[], signal?: AbortSignal): Promise<KernelSaid[]> {
    return this.#run('context', contexts, new Map(), { wantData: true }, signal);
  }

  /** Inferences on tensors, for programs whose inputs lie in maps. */
  tensors(inputs: readonly Tensors[], options: { readonly repeat?: number } = {}, signal?: AbortSignal): Promise<KernelSaid[]> {
    const slots = this.#meta?.inputs ?? [];
    const set = new Map<string, Uint8Array[]>();
    for (const name of new Set(slots.map(({ map }) => map))) {
      const own = slots.filter(({ map }) => map === name);
      const { data } = this.#program.maps.find((def) => def.name === name)!;
      set.set(
        name,
        inputs.map((tensors) => {
          const value = data ? data.slice() : new Uint8Array(this.#sizeOf(name));
          for (const slot of own) {
            const tensor = tensors[slot.name];
            if (!tensor) throw new InputError(`input \`${slot.name}\` is missing`, 'inputs');
            storeTensor(tensor, slot, value);
          }
          return value;
        }),
      );
    }
    return this.#run(
      'packet',
      inputs.map(() => TENSOR_PACKET),
      set,
      options,
      signal,
    );
  }

  /** Entries of a map from number `from` on, in the kernel's order; values of per-CPU maps are those of all processors. */
  async entries(map: string, from: number, most: number): Promise<{ entries: { key: Uint8Array; value: Uint8Array }[]; more: boolean }> {
    const { head, blobs } = await this.#line.client.ask('entries', { ...this.#here, map, from, most });
    const { entries, keySize, valueSize, more } = head as unknown as MapReply;
    const part = (at: number, size: number, i: number): Uint8Array => blobs[at]!.slice(i * size, (i + 1) * size);
    return { entries: Array.from({ length: entries }, (_, i) => ({ key: part(0, keySize, i), value: part(1, valueSize, i) })), more };
  }

  /** Writes an entry, if the user allows it in the companion's terminal. */
  async update(map: string, key: Uint8Array, value: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#line.client.ask('update', { ...this.#here, map, key: 0, value: 1 }, [key, value], signal);
  }

  /** The instructions as the verifier left them, or the machine's own. */
  async dump(what: 'xlated' | 'jited'): Promise<Uint8Array> {
    return (await this.#line.client.ask('dump', { ...this.#here, what })).blobs[0]!.slice();
  }

  /** Unloads the program. */
  async close(): Promise<void> {
    await this.#line.client.ask('drop', this.#here);
  }

  async #run(
    kind: 'packet' | 'context',
    inputs: readonly Uint8Array[],
    set: Map<string, Uint8Array[]>,
    { repeat = 1, wantData = false }: { readonly repeat?: number; readonly wantData?: boolean },
    signal?: AbortSignal,
  ): Promise<KernelSaid[]> {
    // A replay asks what the model says of every event, whatever share the program takes in production.
    if (this.#meta && this.#has(CONTROL_MAP))
      set.set(
        CONTROL_MAP,
        inputs.map(() => judgeAll()),
      );
    const blobs: Uint8Array[] = [joined(inputs), new Uint8Array(Uint32Array.from(inputs, ({ length }) => length).buffer)];
    const head = {
      ...this.#here,
      repeat,
      count: inputs.length,
      input: { kind, bytes: 0, lengths: 1 },
      set: [...set].map(([map, values]) => ({ map, values: blobs.push(joined(values)) - 1 })),
      read: this.#read,
      wantData,
    };
    const answer = await this.#line.client.ask('run', head, blobs, signal);
    const { done, errno } = answer.head as unknown as RunReply;
    if (done < inputs.length) throw new InputError(runRefusal(errno), `event ${done} of the row`);
    const words = (at: number): Uint32Array => new Uint32Array(answer.blobs[at]!.slice().buffer);
    const [values, times] = [words(0), words(1)];
    const mapAt = (name: string, run: number): Uint8Array => {
      const size = this.#sizeOf(name);
      return answer.blobs[2 + this.#read.indexOf(name)]!.subarray(run * size, (run + 1) * size);
    };
    const lengths = wantData ? words(3 + this.#read.length) : null;
    let from = 0;
    return inputs.map((_, run) => {
      const score = this.#read.includes(SCORE_MAP) ? scoreRead(mapAt(SCORE_MAP, run)) : null;
      const ran = this.#meta !== null && (score !== null || !this.#read.includes(SCORE_MAP));
      const data = lengths ? answer.blobs[2 + this.#read.length]!.slice(from, from + lengths[run]!) : null;
      from += lengths?.[run] ?? 0;
      return {
        returnValue: values[run]!,
        ns: times[run]!,
        score: score ?? Number.NaN,
        outputs: ran ? readOutputs(this.#meta!.outputs, (map) => mapAt(map, run).slice()) : null,
        data,
      };
    });
  }

  get #here(): { lease: string; handle: number } {
    return { lease: this.#line.lease, handle: this.#handle };
  }

  #has(name: string): boolean {
    return this.#program.maps.some((def) => def.name === name);
  }

  #sizeOf(name: string): number {
    return this.#program.maps.find((def) => def.name === name)!.valueSize;
  }
}

const [EINVAL, ENOTSUPP] = [22, 524];

function runRefusal(errno: number): string {
  if (errno === ENOTSUPP) return 'the kernel has no test run for programs of this type';
  if (errno === EINVAL) return 'the kernel does not take this input for a test run (errno 22)';
  return `the kernel's test run failed (errno ${errno})`;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

import { InputError } from '../../base/errors.ts';
import { ACCEL_HOOKS, type AccelHook } from '../../bpf/accelerator/hooks.ts';
import { ACCEL_OPS, ACCEL_ROLES, DIGEST_BYTES, MOST_DIMS } from '../../bpf/accelerator/layout.ts';
import type { Command, TensorDesc } from './command.ts';
import type { Device } from './device.ts';
import { tellProvenance } from './services.ts';

/** What one program answered for a command. */
export interface TracedVerdict {
  readonly hook: AccelHook;
  readonly program: string;
  readonly value: number;
  readonly insns: number;
  /** Modelled. */
  readonly timeNs: number;
  readonly durationNs: number;
}

export interface TracedTensor extends TensorDesc {
  /** As it lay in device memory when the command had ended, for the host to see; null where it was left out. */
  readonly data: Uint8Array | null;
}

/** A command as the host saw it come to an end. Times are modelled, -1 where it never came to that. */
export interface TracedCommand extends Omit<Command, 'tensors' | 'kernel'> {
  readonly tensors: readonly TracedTensor[];
  readonly enteredNs: number;
  readonly startedNs: number;
  readonly endedNs: number;
  /** 0, or the positive errno that it ended with. */
  readonly status: number;
  readonly verdicts: readonly TracedVerdict[];
}

const FORMAT = 'bpformer-commands';
const VERSION = 1;
/** Of one line of a file: a command with a thousand tensors has room. */
const MOST_LINE = 1 << 22;
const MOST_LIST = 1 << 16;

interface Drafted {
  enteredNs: number;
  startedNs: number;
  readonly verdicts: TracedVerdict[];
}

/**
 * Writes down what the host can see of a device's commands: from its start on, every command that comes to an end, the answers of programs, and the
 * bytes of its activations in device memory (sealed ones are ciphertext). Weights are left out unless `weights` is set. Bytes of an address that stay as they
 * were are held once; of what is beyond `mostBytes` in all, descriptors alone are kept.
 */
export class CommandRecorder {
  readonly #device: Device;
  readonly #weights: boolean;
  readonly #mostBytes: number;
  /** What was last seen at an address. */
  readonly #last = new Map<number, Uint8Array>();
  #bytes = 0;
  #leftOut = 0;
  readonly #drafts = new Map<number, Drafted>();
  readonly #commands: TracedCommand[] = [];
  readonly #stop: () => void;

  constructor(
    device: Device,
    { weights = false, mostBytes = Number.POSITIVE_INFINITY }: { readonly weights?: boolean; readonly mostBytes?: number } = {},
  ) {
    this.#device = device;
    this.#weights = weights;
    this.#mostBytes = mostBytes;
    this.#stop = device.onEvent(({ kind, seq, timeNs, hook, program, value, insns, durationNs }) => {
      if (seq < 0) return;
      if (kind === 'entered') this.#draft(seq).enteredNs = timeNs;
      else if (kind === 'started') this.#draft(seq).startedNs = timeNs;
      else if (kind === 'hook') this.#draft(seq).verdicts.push({ hook: hook!, program: program!, value, insns, timeNs, durationNs });
      else if (kind === 'completed' || kind === 'aborted') this.#end(seq, timeNs, -value);
    });
  }

  /** Commands that have ended, in the order in which they did. */
  get commands(): readonly TracedCommand[] {
    return this.#commands;
  }

  /** Of the tensors, equal ones once. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Tensors whose bytes found no room. */
  get leftOut(): number {
    return this.#leftOut;
  }

  stop(): void {
    this.#stop();
  }

  #look(addr: number, bytes: number): Uint8Array | null {
    const data = this.#device.memory.read(addr, bytes);
    const known = this.#last.get(addr);
    if (known && sameBytes(known, data)) return known;
    if (this.#bytes + bytes > this.#mostBytes) {
      this.#leftOut++;
      return null;
    }
    this.#bytes += bytes;
    this.#last.set(addr, data);
    return data;
  }

  #draft(seq: number): Drafted {
    let draft = this.#drafts.get(seq);
    if (!draft) {
      draft = { enteredNs: -1, startedNs: -1, verdicts: [] };
      this.#drafts.set(seq, draft);
    }
    return draft;
  }

  #end(seq: number, endedNs: number, status: number): void {
    const { kernel: _, tensors, ...command } = this.#device.command(seq)!;
    const { memory } = this.#device;
    const draft = this.#draft(seq);
    this.#drafts.delete(seq);
    const described = tensors.map((tensor) => ({ ...tensor }));
    tellProvenance(described, memory);
    this.#commands.push({
      ...command,
      ...draft,
      endedNs,
      status: Math.max(0, status),
      tensors: described.map((tensor) => ({
        ...tensor,
        data:
          (tensor.role === 'weight' && !this.#weights) || !memory.holds(tensor.addr, tensor.bytes)
            ? null
            : this.#look(tensor.addr, tensor.bytes),
      })),
    });
  }
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a === b || (a.length === b.length && a.every((byte, i) => byte === b[i]));
const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * A trace as a file: a line of JSON that names the format and counts, a line of JSON for each command, and then the bytes of all tensors in a row, which the
 * lines name by offset. Equal bytes of an address in succession are there once.
 */
export function writeCommandTrace(commands: readonly TracedCommand[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const last = new Map<number, { readonly at: number; readonly data: Uint8Array }>();
  const place = (addr: number, data: Uint8Array): number => {
    const known = last.get(addr);
    if (known && sameBytes(known.data, data)) return known.at;
    const at = size;
    parts.push(data);
    size += data.length;
    last.set(addr, { at, data });
    return at;
  };
  const lines = commands.map(({ tensors, ...command }) =>
    JSON.stringify({
      ...command,
      tensors: tensors.map(({ data, digest, ...tensor }) => ({
        ...tensor,
        digest: digest && hex(digest),
        data: data && place(tensor.addr, data),
      })),
    }),
  );
  const head = JSON.stringify({ format: FORMAT, version: VERSION, commands: commands.length, bytes: size });
  const text = new TextEncoder().encode(`${[head, ...lines].join('\n')}\n`);
  const out = new Uint8Array(text.length + size);
  out.set(text);
  let at = text.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Whether a file begins as {@link writeCommandTrace} begins one. */
export const isCommandTrace = (bytes: Uint8Array): boolean =>
  new TextDecoder().decode(bytes.subarray(0, FORMAT.length + 12)).startsWith(`{"format":"${FORMAT}"`);

/** Reads what {@link writeCommandTrace} wrote. Throws {@link InputError} with the line for anything else. */
export function readCommandTrace(bytes: Uint8Array, file = ''): TracedCommand[] {
  let at = 0;
  const line = (number: number): Record<string, unknown> => {
    const end = bytes.indexOf(10, at);
    const where = file ? `${file}: line ${number}` : `line ${number}`;
    if (end < 0 || end - at > MOST_LINE) throw new InputError(end < 0 ? 'the file ends before its end' : 'it is too long', where);
    const text = new TextDecoder().decode(bytes.subarray(at, end));
    at = end + 1;
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    } catch {
      // Said below: whatever is no object is refused alike.
    }
    throw new InputError('it is no object in JSON', where);
  };
  if (!isCommandTrace(bytes)) throw new InputError('this is no trace of tensor commands', file);
  const head = new Fields(line(1), file, 1);
  if (head.whole('version') !== VERSION) head.fail(`version ${head.whole('version')} of the format is unknown`);
  const [count, size] = [head.whole('commands'), head.whole('bytes')];
  const drafts: Fields[] = [];
  for (let i = 0; i < count; i++) drafts.push(new Fields(line(i + 2), file, i + 2));
  const blob = bytes.subarray(at);
  if (blob.length !== size) throw new InputError(`${blob.length} bytes follow its lines, and it names ${size}`, file);
  return drafts.map((draft) => commandOf(draft, blob));
}

function commandOf(line: Fields, blob: Uint8Array): TracedCommand {
  return {
    seq: line.whole('seq'),
    request: line.whole('request'),
    tenant: line.whole('tenant'),
    token: line.whole('token'),
    layer: line.whole('layer'),
    op: line.word('op', ACCEL_OPS),
    nodes: line.wholes('nodes', MOST_LIST),
    label: line.text('label'),
    flops: line.number('flops'),
    bytes: line.number('bytes'),
    ...(line.has('width') ? { width: line.number('width') } : {}),
    deadlineNs: line.number('deadlineNs'),
    priority: line.whole('priority'),
    key: line.whole('key'),
    enteredNs: line.number('enteredNs'),
    startedNs: line.number('startedNs'),
    endedNs: line.number('endedNs'),
    status: line.whole('status'),
    verdicts: line.list('verdicts').map((each) => ({
      hook: each.word('hook', ACCEL_HOOKS),
      program: each.text('program'),
      value: each.number('value'),
      insns: each.whole('insns'),
      timeNs: each.number('timeNs'),
      durationNs: each.number('durationNs'),
    })),
    tensors: line.list('tensors').map((each) => tensorOf(each, blob)),
  };
}

function tensorOf(line: Fields, blob: Uint8Array): TracedTensor {
  const size = line.whole('bytes');
  const from = line.has('data') ? line.whole('data') : null;
  if (from !== null && from + size > blob.length) line.fail(`it claims the bytes ${from} to ${from + size} of ${blob.length}`);
  const dims = line.wholes('dims', MOST_DIMS);
  const strides = line.wholes('strides', MOST_DIMS);
  if (dims.length !== strides.length) line.fail(`it has ${dims.length} dimensions and ${strides.length} strides`);
  return {
    name: line.text('name'),
    dims,
    strides,
    dtype: line.whole('dtype'),
    addr: line.whole('addr'),
    bytes: size,
    role: line.word('role', ACCEL_ROLES),
    digest: line.has('digest') ? line.digest('digest') : null,
    sealed: line.flag('sealed'),
    signed: line.flag('signed'),
    data: from === null ? null : blob.slice(from, from + size),
  };
}

/** One object of a line, read field by field. */
class Fields {
  readonly #value: Record<string, unknown>;
  readonly #file: string;
  readonly #line: number;

  constructor(value: Record<string, unknown>, file: string, line: number) {
    this.#value = value;
    this.#file = file;
    this.#line = line;
  }

  fail(what: string): never {
    throw new InputError(what, this.#file ? `${this.#file}: line ${this.#line}` : `line ${this.#line}`);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#value, name) && this.#value[name] !== null;
  }

  number(name: string): number {
    const value = this.#value[name];
    return typeof value === 'number' && Number.isFinite(value) ? value : this.fail(`\`${name}\` is no number`);
  }

  whole(name: string): number {
    const value = this.number(name);
    return Number.isSafeInteger(value) && value >= 0 ? value : this.fail(`\`${name}\` is no whole number from 0 on`);
  }

  wholes(name: string, most: number): number[] {
    const value = this.#value[name];
    const good = Array.isArray(value) && value.length <= most && value.every((each) => Number.isSafeInteger(each) && (each as number) >= 0);
    return good ? (value as number[]) : this.fail(`\`${name}\` is no list of at most ${most} whole numbers`);
  }

  text(name: string): string {
    const value = this.#value[name];
    return typeof value === 'string' ? value : this.fail(`\`${name}\` is no text`);
  }

  flag(name: string): boolean {
    const value = this.#value[name];
    return typeof value === 'boolean' ? value : this.fail(`\`${name}\` is neither true nor false`);
  }

  word<T extends string>(name: string, words: readonly T[]): T {
    const value = this.text(name);
    return words.find((word) => word === value) ?? this.fail(`\`${name}\` is none of ${words.join(', ')}`);
  }

  digest(name: string): Uint8Array {
    const value = this.text(name);
    if (!/^[0-9a-f]*$/.test(value) || value.length !== 2 * DIGEST_BYTES)
      this.fail(`\`${name}\` is not ${DIGEST_BYTES} bytes in hexadecimal`);
    return Uint8Array.from({ length: DIGEST_BYTES }, (_, i) => Number.parseInt(value.slice(2 * i, 2 * i + 2), 16));
  }

  list(name: string): Fields[] {
    const value = this.#value[name];
    if (!Array.isArray(value) || value.length > MOST_LIST) this.fail(`\`${name}\` is no list of at most ${MOST_LIST}`);
    return (value as unknown[]).map((each) =>
      typeof each === 'object' && each !== null && !Array.isArray(each)
        ? new Fields(each as Record<string, unknown>, this.#file, this.#line)
        : this.fail(`\`${name}\` holds something that is no object`),
    );
  }
}

/** A pass of a trace, to be submitted again. */
export interface TracedPass {
  readonly atNs: number;
  readonly commands: readonly Command[];
  /** Of what nobody in the pass writes before it is read: for the driver to put into memory first. */
  readonly writes: readonly { readonly addr: number; readonly data: Uint8Array }[];
}

/**
 * The passes of a trace as a driver submits them: commands in their order, numbered from `firstSeq`, with kernels that give back the bytes that the trace holds. What was
 * sealed is there as ciphertext, which is plain bytes to another device. Throws {@link InputError} where the commands of a pass do not enter in their order.
 */
export function passesOf(trace: readonly TracedCommand[], firstSeq = 0): TracedPass[] {
  const sorted = [...trace].sort((a, b) => a.seq - b.seq);
  const groups: TracedCommand[][] = [];
  let before: TracedCommand | undefined;
  for (const command of sorted) {
    if (before?.seq === command.seq) throw new InputError('it is there twice', `command ${command.seq}`);
    const together =
      before && before.request === command.request && before.token === command.token && before.enteredNs === command.enteredNs;
    if (together) groups.at(-1)!.push(command);
    else groups.push([command]);
    before = command;
  }
  const start = Math.min(...sorted.map(({ enteredNs }) => Math.max(0, enteredNs)), Number.POSITIVE_INFINITY);
  let seq = firstSeq;
  return groups.map((group) => {
    const written = new Set<number>();
    const writes = new Map<number, Uint8Array>();
    const commands = group.map(({ tensors, verdicts: _v, enteredNs: _e, startedNs: _s, endedNs: _d, status, ...command }): Command => {
      for (const { role, addr, data } of tensors)
        if (role !== 'output' && data && !written.has(addr) && !writes.has(addr)) writes.set(addr, data);
      const outputs = tensors.filter(({ role }) => role === 'output');
      for (const { addr } of outputs) written.add(addr);
      const made = outputs.map(({ data }) => data);
      const complete = status === 0 && made.every((data) => data !== null);
      return {
        ...command,
        seq: seq++,
        tensors: tensors.map(({ data: _data, ...tensor }) => ({ ...tensor, digest: tensor.digest?.slice() ?? null })),
        ...(complete ? { kernel: { how: 'recorded' as const, run: () => made as readonly Uint8Array[] } } : {}),
      };
    });
    return { atNs: Math.max(0, group[0]!.enteredNs - start), commands, writes: [...writes].map(([addr, data]) => ({ addr, data })) };
  });
}

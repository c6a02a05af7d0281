import { accessSync, constants, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { arch, release } from 'node:os';
import { InputError } from '../../base/errors.ts';
import { OP_CALL } from '../../bpf/insn.ts';
import { isPerCpu, MAP_TYPE_ARRAY } from '../../bpf/maps.ts';
import type { Program } from '../../bpf/program.ts';
import type { Envelope } from '../envelope.ts';
import type { Kernel, KernelMap, LoadResult, ProgramBtf } from '../kernel.ts';
import { attachBtfId } from '../kernel-btf.ts';
import { mapTypes } from '../map-types.ts';
import type { FeatureRow, Hello, LoadReply, LoadRequest, MapInfo, MapReply, RunReply, RunRequest } from '../protocol.ts';
import { decodeProgram } from './decode.ts';
import { type Desk, withFallback } from './desk.ts';
import { probe } from './features.ts';
import { Gone, type Held, type Lease, type Leases } from './leases.ts';
import { LIMITS } from './limits.ts';
import { HELPER_MASK, namesOf, needOf, RUN_MASK } from './privileges.ts';
import { blobOf } from './schema.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const ENTRY0 = new Uint8Array(4);
/** Test runs that are handed to the helper at once. */
const STRIDE = 64;

export interface Answer<T> {
  readonly head: T;
  readonly blobs: readonly Uint8Array[];
}

function readNumber(path: string): number | null {
  try {
    return Number(readFileSync(path, 'utf8').trim());
  } catch {
    return null;
  }
}

/** Facts about this machine that need no rights. */
export function machineFacts(): Pick<Hello, 'release' | 'arch' | 'jit' | 'btf' | 'unprivileged'> {
  const jit = readNumber('/proc/sys/net/core/bpf_jit_enable');
  let btf = true;
  try {
    accessSync(VMLINUX, constants.R_OK);
  } catch {
    btf = false;
  }
  return {
    release: release(),
    arch: arch(),
    jit: jit === null ? null : jit > 0,
    btf,
    unprivileged: readNumber('/proc/sys/kernel/unprivileged_bpf_disabled'),
  };
}

/** Answers the page's requests with the helper. */
export class KernelAnswers {
  readonly #desk: Desk;
  readonly #leases: Leases;

  constructor(desk: Desk, leases: Leases) {
    this.#desk = desk;
    this.#leases = leases;
  }

  hello(): Pick<Hello, 'backend' | 'limits' | 'cpus' | 'capabilities' | 'confined'> {
    const { cpus, confined } = this.#desk;
    return { backend: 'helper', limits: '', cpus, capabilities: namesOf(this.#desk.capabilities), confined };
  }

  async load(request: LoadRequest, envelope: Envelope, lease: Lease, signal: AbortSignal): Promise<Answer<LoadReply>> {
    if (request.keep && lease.programs.size >= LIMITS.programs)
      throw new InputError(`the page holds ${LIMITS.programs} programs already`, 'companion', 'Drop one of them');
    const { program, btf } = decodeProgram(request.program, envelope);
    const need = needOf(
      program.progType,
      program.maps.map(({ type }) => type),
    );
    return this.#desk.ask(withFallback(need, HELPER_MASK & this.#desk.capabilities), signal, async (kernel) => {
      const { result, xlatedBytes, jitedBytes, tag } = await loadOnce(kernel, program, btf, request.logLevel, attachBtfId(program));
      let handle: number | null = null;
      if (result.program && request.keep && !lease.ended.signal.aborted) {
        const held: Held = {
          program: result.program,
          progType: program.progType,
          helpers: helpersOf(program),
          generation: this.#desk.generation,
          name: program.name,
        };
        handle = this.#leases.keep(lease, held);
      } else await result.program?.closeAll();
      return { head: { ...replyOf(result, release()), xlatedBytes, jitedBytes, tag, handle }, blobs: [logBytes(result)] };
    });
  }

  /** The program that a handle names, and what its test run does outside of itself; '' for nothing. */
  held(lease: Lease, handle: number): Held {
    const held = lease.programs.get(handle);
    if (!held || held.generation !== this.#desk.generation) {
      lease.programs.delete(handle);
      throw new Gone('the program is no longer loaded');
    }
    return held;
  }

  async run(request: RunRequest, envelope: Envelope, lease: Lease, signal: AbortSignal): Promise<Answer<RunReply>> {
    const { program } = this.held(lease, request.handle);
    const { count, repeat, input, wantData } = request;
    if (count * repeat > LIMITS.allRuns) throw new InputError(`asks for more than ${LIMITS.allRuns} runs`, 'repeat');
    const inputs = cutInputs(envelope, request);
    const setting = request.set.map(({ map, values }, i) => {
      const into = mapOf(program.maps, map, `set[${i}].map`);
      const bytes = blobOf(envelope, values, `set[${i}].values`);
      const size = into.def.valueSize;
      if (bytes.length !== size * count)
        throw new InputError(`is ${bytes.length} bytes, not ${size} for each of ${count} runs`, `set[${i}].values`);
      return { into, at: (run: number) => bytes.subarray(run * size, (run + 1) * size) };
    });
    const reading = request.read.map((name, i) => mapOf(program.maps, name, `read[${i}]`));
    if (reading.reduce((sum, { def }) => sum + def.valueSize, 0) * count > LIMITS.runBytes)
      throw new InputError(`asks for more than ${LIMITS.runBytes} bytes of maps`, 'read');
    return this.#desk.ask(RUN_MASK, signal, async (kernel) => {
      // One processor, so that a per-CPU map is read where the run wrote it.
      await kernel.pin(0);
      const values = new Uint32Array(count);
      const times = new Uint32Array(count);
      const read = reading.map(({ def }) => new Uint8Array(def.valueSize * count));
      const data: Uint8Array[] = [];
      let [done, errno] = [0, 0];
      while (done < count && errno === 0 && !signal.aborted) {
        const some = Array.from({ length: Math.min(STRIDE, count - done) }, (_, i) => done + i);
        const runs = await Promise.all(
          some.map(async (at) => {
            const sets = setting.map(({ into, at: valueAt }) => into.tryUpdate(ENTRY0, valueAt(at)));
            const running =
              input.kind === 'packet' ? program.testRun(inputs[at]!, { repeat }) : program.testRun(new Uint8Array(0), { ctx: inputs[at]! });
            const reads = reading.map((map) => map.lookup(ENTRY0));
            const refused = (await Promise.all(sets)).find((status) => status !== 0) ?? 0;
            return { refused, run: await running, reads: await Promise.all(reads) };
          }),
        );
        for (const { refused, run, reads } of runs) {
          if (refused !== 0 || run.errno !== 0) {
            errno = refused || run.errno;
            break;
          }
          values[done] = run.returnValue;
          times[done] = Math.min(run.durationNs, 0xffffffff);
          for (const [i, value] of reads.entries())
            if (value) read[i]!.set(value.subarray(0, reading[i]!.def.valueSize), done * reading[i]!.def.valueSize);
          if (wantData) data.push(run.data);
          done++;
        }
      }
      const blobs: Uint8Array[] = [new Uint8Array(values.buffer), new Uint8Array(times.buffer), ...read];
      if (wantData) blobs.push(joined(data), new Uint8Array(Uint32Array.from(data, ({ length }) => length).buffer));
      return { head: { done, errno }, blobs };
    });
  }

  async drop(lease: Lease, handle: number): Promise<void> {
    const held = this.held(lease, handle);
    lease.programs.delete(handle);
    await this.#desk.ask(RUN_MASK, new AbortController().signal, () => held.program.closeAll());
  }

  /** Unloads what a page held whose connection has ended. */
  async free(held: readonly Held[]): Promise<void> {
    const mine = held.filter(({ generation }) => generation === this.#desk.generation);
    if (mine.length === 0) return;
    await this.#desk
      .ask(RUN_MASK, new AbortController().signal, () => Promise.all(mine.map(({ program }) => program.closeAll())))
      .catch(() => {});
  }

  async dump(lease: Lease, handle: number, what: 'xlated' | 'jited', signal: AbortSignal): Promise<Answer<object>> {
    const { program } = this.held(lease, handle);
    const bytes = await this.#desk.ask(needOf(0, []), signal, (kernel) => kernel.loader.dump(program.fd, what));
    if (typeof bytes === 'number') throw new InputError(`the kernel does not show them (errno ${-bytes})`, what);
    return { head: {}, blobs: [bytes] };
  }

  maps(lease: Lease, handle: number): { maps: MapInfo[] } {
    const { program } = this.held(lease, handle);
    return {
      maps: program.maps.map(({ def: { name, type, keySize, valueSize, maxEntries } }) => ({ name, type, keySize, valueSize, maxEntries })),
    };
  }

  async entries(
    lease: Lease,
    request: { handle: number; map: string; from: number; most: number },
    signal: AbortSignal,
  ): Promise<Answer<MapReply>> {
    const map = mapOf(this.held(lease, request.handle).program.maps, request.map, 'map');
    const { keySize } = map.def;
    const most = Math.min(request.most, Math.max(1, Math.floor(LIMITS.runBytes / (map.transferSize + keySize + 1))));
    return this.#desk.ask(RUN_MASK, signal, async () => {
      const { entries, more } = await entriesOf(map, request.from, most);
      const head = { entries: entries.length, keySize, valueSize: map.transferSize, more };
      return { head, blobs: [joined(entries.map(({ key }) => key)), joined(entries.map(({ value }) => value))] };
    });
  }

  /** Changes an entry. Whoever calls has asked the user. */
  async update(lease: Lease, handle: number, name: string, key: Uint8Array, value: Uint8Array, signal: AbortSignal): Promise<void> {
    const map = mapOf(this.held(lease, handle).program.maps, name, 'map');
    if (key.length !== map.def.keySize) throw new InputError(`is ${key.length} bytes, not ${map.def.keySize}`, 'key');
    if (value.length !== map.def.valueSize && value.length !== map.transferSize)
      throw new InputError(`is ${value.length} bytes, not ${map.def.valueSize}`, 'value');
    const errno = await this.#desk.ask(RUN_MASK, signal, () => map.tryUpdate(key, value));
    if (errno !== 0) throw new InputError(`the kernel refuses the entry (errno ${errno})`, `map ${name}`);
  }

  async btf(): Promise<Answer<object>> {
    try {
      return { head: {}, blobs: [new Uint8Array(await readFile(VMLINUX))] };
    } catch {
      throw new InputError('this kernel shows no types', VMLINUX, 'It was built without CONFIG_DEBUG_INFO_BTF');
    }
  }

  features(signal: AbortSignal): Promise<{ rows: FeatureRow[] }> {
    return this.#desk.ask(HELPER_MASK, signal, async (kernel) => ({ rows: await probe(kernel) }));
  }
}

/** Loads a program with maps of its own; none of them is left behind when it is refused. */
export async function loadOnce(
  kernel: Kernel,
  program: Program,
  btf: ProgramBtf | undefined,
  logLevel: number,
  attachId: number,
): Promise<{ result: LoadResult; xlatedBytes: number | null; jitedBytes: number | null; tag: string | null }> {
  const maps = new Map<string, KernelMap>();
  const twice = program.maps.find(({ name }, i) => program.maps.findIndex((other) => other.name === name) !== i);
  if (twice) throw new InputError('two maps have this name', `map ${twice.name}`);
  let result: LoadResult;
  try {
    for (const def of program.maps) {
      const map = await kernel.tryCreateMap(def, mapTypes(def));
      if (typeof map === 'number') throw new InputError(`the kernel refuses the map (type ${def.type}, errno ${map})`, `map ${def.name}`);
      maps.set(def.name, map);
    }
    result = await kernel.load(program, { logLevel, logSize: LIMITS.logBytes, ...(btf ? { btf } : {}), maps, attachBtfId: attachId });
  } catch (error) {
    await closeMaps(maps);
    throw error instanceof Error && !(error instanceof InputError) && error.message.startsWith('kernel refuses BTF')
      ? new InputError(error.message.split('\n')[0]!, 'program.btf')
      : error;
  }
  if (!result.program) {
    await closeMaps(maps);
    return { result, xlatedBytes: null, jitedBytes: null, tag: null };
  }
  const { xlatedBytes, jitedBytes, tag } = await result.program.info();
  return { result, xlatedBytes, jitedBytes, tag };
}

const closeMaps = (maps: ReadonlyMap<string, KernelMap>): Promise<unknown> => Promise.all([...maps.values()].map((map) => map.close()));

export function replyOf(result: LoadResult, from: string): Omit<LoadReply, 'xlatedBytes' | 'jitedBytes' | 'tag' | 'handle'> {
  const { accepted, errno, message, insnIdx, processed, totalStates, peakStates, stackDepth, verificationUsec, log } = result;
  return {
    accepted,
    errno,
    message,
    insn: insnIdx,
    processed,
    totalStates,
    peakStates,
    stackDepth,
    verificationUsec,
    release: from,
    cut: log.length >= LIMITS.logBytes - 1,
  };
}

/** The log's bytes; it was read as one letter a byte. */
export const logBytes = ({ log }: LoadResult): Uint8Array => new Uint8Array(Buffer.from(log, 'latin1'));

function helpersOf({ insns }: Program): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const { opcode, src, imm } of insns) if (opcode === OP_CALL && src === 0) ids.add(imm);
  return ids;
}

function mapOf(maps: readonly KernelMap[], name: string, at: string): KernelMap {
  const map = maps.find(({ def }) => def.name === name);
  if (!map) throw new InputError(`the program has no map ${name}`, at);
  return map;
}

/** The inputs of a row of runs. */
function cutInputs(envelope: Envelope, { count, input }: RunRequest): Uint8Array[] {
  const bytes = blobOf(envelope, input.bytes, 'input.bytes');
  const lengths = blobOf(envelope, input.lengths, 'input.lengths');
  if (lengths.length !== count * 4) throw new InputError(`must hold ${count} lengths`, 'input.lengths');
  const view = new DataView(lengths.buffer, lengths.byteOffset, lengths.byteLength);
  const inputs: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(i * 4, true);
    if (length > LIMITS.inputBytes) throw new InputError(`input ${i} is longer than ${LIMITS.inputBytes} bytes`, 'input.lengths');
    if (at + length > bytes.length) throw new InputError(`input ${i} is cut short`, 'input.bytes');
    inputs.push(bytes.subarray(at, at + length));
    at += length;
  }
  if (at !== bytes.length) throw new InputError('there are bytes behind the last input', 'input.bytes');
  return inputs;
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

/** Entries from number `from` on, in the kernel's order. Arrays are read by index. */
async function entriesOf(
  map: KernelMap,
  from: number,
  most: number,
): Promise<{ entries: { key: Uint8Array; value: Uint8Array }[]; more: boolean }> {
  const { type, maxEntries, keySize } = map.def;
  if (keySize === 0) throw new InputError('it has no keys', `map ${map.def.name}`);
  if (type !== MAP_TYPE_ARRAY && !(isPerCpu(type) && keySize === 4 && type === 6)) {
    const all = await map.dump();
    return { entries: all.slice(from, from + most), more: all.length > from + most };
  }
  const to = Math.min(maxEntries, from + most);
  const keys = Array.from({ length: Math.max(0, to - from) }, (_, i) => new Uint8Array(Uint32Array.of(from + i).buffer));
  const values = await Promise.all(keys.map((key) => map.lookup(key)));
  return { entries: keys.flatMap((key, i) => (values[i] ? [{ key, value: values[i] }] : [])), more: to < maxEntries };
}

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { InputError } from '../base/errors.ts';
import { encodeInsns, OP_LDDW, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE } from '../bpf/insn.ts';
import { isMapInMap, MAP_TYPE_ARRAY, MAP_TYPE_PERF_EVENT_ARRAY } from '../bpf/maps.ts';
import type { MapDef, Program } from '../bpf/program.ts';
import { Attr } from './attr.ts';
import { type BtfFuncInfo, type BtfLineInfo, encodeFuncInfo, encodeLineInfo, FUNC_INFO_SIZE, LINE_INFO_SIZE } from './btf-info.ts';
import { kernelFunctionIds } from './kernel-btf.ts';
import { KernelMap } from './kernel-map.ts';
import { KernelProgram } from './kernel-program.ts';
import { type CallBuffer, LoaderProcess } from './loader-process.ts';
import { type LogEnd, parseLogEnd } from './log-end.ts';
import type { MapTypes } from './map-types.ts';

// enum bpf_cmd of the uapi header.
const MAP_CREATE = 0;
const PROG_LOAD = 5;
const OBJ_GET = 7;
const PROG_GET_FD_BY_ID = 13;
const MAP_GET_FD_BY_ID = 14;
const OBJ_GET_INFO_BY_FD = 15;
const BTF_LOAD = 18;
const MAP_FREEZE = 22;

const F_SLEEPABLE = 1 << 4;
const DEFAULT_LOG_SIZE = 64 << 20;

/** The function and line information that makes global functions and source lines known to the kernel. */
export interface ProgramBtf {
  readonly btf: Uint8Array;
  readonly funcInfo: readonly BtfFuncInfo[];
  readonly lineInfo: readonly BtfLineInfo[];
}

export interface LoadOptions {
  /** The kernel's `log_level` bits: 1 paths, 2 every instruction, 4 statistics. Default 4. */
  readonly logLevel?: number;
  readonly logSize?: number;
  readonly btf?: ProgramBtf;
  /** Maps created before, by name: used in place of new ones. */
  readonly maps?: ReadonlyMap<string, KernelMap>;
  readonly attachBtfId?: number;
}

/** What the kernel said about a program; `program` is null when it was rejected. */
export interface LoadResult extends LogEnd {
  readonly accepted: boolean;
  /** 0, or a positive errno. */
  readonly errno: number;
  readonly log: string;
  readonly program: KernelProgram | null;
}

/** Why {@link openKernel} last returned null. */
let absence = '';
export function whyNoKernel(): string {
  return absence;
}

/** The kernel of this machine, or null when it cannot be asked; {@link whyNoKernel} then says why. */
export async function openKernel(): Promise<Kernel | null> {
  if (process.platform !== 'linux') {
    absence = `this is ${process.platform}, not Linux`;
    return null;
  }
  let loader: LoaderProcess;
  try {
    loader = await LoaderProcess.start();
  } catch (error) {
    absence = `the loader could not be compiled with cc (${String((error as Error).message).split('\n')[0]})`;
    return null;
  }
  const kernel = new Kernel(loader, await possibleCpus());
  // Root in a container may still lack the right to call bpf(2): a one-byte array asks.
  const probe = await kernel.tryCreateMap({ name: 'probe', type: MAP_TYPE_ARRAY, keySize: 4, valueSize: 1, maxEntries: 1, flags: 0 });
  if (typeof probe === 'number') {
    absence = `bpf(2) refuses to create a map (errno ${probe})`;
    kernel.close();
    return null;
  }
  await probe.close();
  return kernel;
}

async function possibleCpus(): Promise<number> {
  const text = await readFile('/sys/devices/system/cpu/possible', 'utf8');
  return Math.max(...text.trim().split(/[,-]/).map(Number)) + 1;
}

export type { ProgramInfo, TestRun, TestRunOptions } from './kernel-program.ts';
export { KernelMap, KernelProgram };

/** bpf(2) of this machine, typed. Everything it made is gone after {@link Kernel.close}. */
export class Kernel {
  readonly loader: LoaderProcess;
  /** Possible processors: how many values a per-CPU map holds for each key. */
  readonly cpus: number;

  constructor(loader: LoaderProcess, cpus: number) {
    this.loader = loader;
    this.cpus = cpus;
  }

  /** Creates a map; a map with `data` gets its contents, a frozen one is frozen. Throws {@link InputError} when the kernel refuses. */
  async createMap(def: MapDef): Promise<KernelMap> {
    const map = await this.tryCreateMap(def);
    if (typeof map === 'number') throw new InputError(`the kernel refuses the map (type ${def.type}, errno ${map})`, `map ${def.name}`);
    return map;
  }

  /** As {@link createMap}, but a refusal is returned as a positive errno. `types`: what the kernel is told of key and value. */
  async tryCreateMap(def: MapDef, types: MapTypes | null = null): Promise<KernelMap | number> {
    let innerFd = 0;
    let inner: KernelMap | null = null;
    if (isMapInMap(def.type) && def.inner) {
      inner = await this.createMap(def.inner);
      innerFd = inner.fd;
    }
    const attr = new Attr(80)
      .u32(0, def.type)
      .u32(4, def.keySize)
      .u32(8, def.valueSize)
      .u32(12, def.type === MAP_TYPE_PERF_EVENT_ARRAY && def.maxEntries === 0 ? this.cpus : def.maxEntries)
      .u32(16, def.flags)
      .u32(20, innerFd)
      .name(28, def.name);
    const btfFd = types ? await this.loadBtf(types.btf) : -1;
    if (types) attr.u32(48, btfFd).u32(52, types.key).u32(56, types.value);
    const { result } = await this.loader.bpf(MAP_CREATE, attr.bytes);
    await inner?.close();
    if (btfFd >= 0) await this.loader.closeFd(btfFd);
    if (result < 0) return -result;
    const map = new KernelMap(this, result, def);
    if (def.data) await map.update(new Uint8Array(def.keySize), def.data);
    if (def.frozen) await this.loader.bpf(MAP_FREEZE, new Attr(80).u32(0, result).bytes);
    return map;
  }

  /** Creates the program's maps and loads it. A rejection is a result, not an exception. */
  async load(program: Program, options: LoadOptions = {}): Promise<LoadResult> {
    const code = encodeInsns(program.insns);
    const view = new DataView(code.buffer);
    if (program.kfuncCalls.size > 0) {
      const ids = await kernelFunctionIds();
      for (const [insnIdx, name] of program.kfuncCalls) {
        const id = ids.get(name);
        if (id === undefined) throw new InputError(`this kernel has no function ${name}`, `insn ${insnIdx}`);
        view.setInt32(insnIdx * 8 + 4, id, true);
      }
    }
    const maps = await Promise.all(program.maps.map(async (def) => options.maps?.get(def.name) ?? (await this.createMap(def))));
    program.insns.forEach((insn, idx) => {
      const namesMap = insn.opcode === OP_LDDW && (insn.src === PSEUDO_MAP_FD || insn.src === PSEUDO_MAP_VALUE);
      if (namesMap && maps[insn.imm]) view.setInt32(idx * 8 + 4, maps[insn.imm].fd, true);
    });
    const flags = program.loadFlags | (program.sleepable ? F_SLEEPABLE : 0);
    const result = await this.loadRaw(code, { ...program, ...options, flags, maps });
    if (!result.accepted) {
      for (const map of maps) if (options.maps?.get(map.def.name) !== map) await map.close();
    }
    return result;
  }

  /** Loads encoded instructions whose map references are file descriptors already. */
  async loadRaw(
    code: Uint8Array,
    spec: {
      readonly name: string;
      readonly progType: number;
      readonly expectedAttachType: number;
      readonly flags: number;
      readonly license: string;
      readonly maps: readonly KernelMap[];
      readonly logLevel?: number;
      readonly logSize?: number;
      readonly btf?: ProgramBtf;
      readonly attachBtfId?: number;
    },
  ): Promise<LoadResult> {
    const logLevel = spec.logLevel ?? 4;
    const logSize = spec.logSize ?? DEFAULT_LOG_SIZE;
    const attr = new Attr(152)
      .u32(0, spec.progType)
      .u32(4, code.length / 8)
      .u32(24, logLevel)
      .u32(44, spec.flags)
      .name(48, spec.name)
      .u32(68, spec.expectedAttachType)
      .u32(108, spec.attachBtfId ?? 0);
    const buffers: CallBuffer[] = [
      { attrOff: 8, mode: 'in', bytes: code },
      { attrOff: 16, mode: 'in', bytes: new TextEncoder().encode(`${spec.license}\0`) },
    ];
    if (logLevel !== 0) {
      attr.u32(28, logSize);
      buffers.push({ attrOff: 32, mode: 'string', size: logSize });
    }
    let btfFd = -1;
    if (spec.btf) {
      btfFd = await this.loadBtf(spec.btf.btf);
      const { funcInfo, lineInfo } = spec.btf;
      attr.u32(72, btfFd).u32(76, FUNC_INFO_SIZE).u32(88, funcInfo.length).u32(92, LINE_INFO_SIZE).u32(104, lineInfo.length);
      buffers.push({ attrOff: 80, mode: 'in', bytes: encodeFuncInfo(funcInfo) });
      buffers.push({ attrOff: 96, mode: 'in', bytes: encodeLineInfo(lineInfo) });
    }
    const reply = await this.loader.bpf(PROG_LOAD, attr.bytes, buffers);
    if (btfFd >= 0) await this.loader.closeFd(btfFd);
    const log = logLevel !== 0 ? new TextDecoder('latin1').decode(reply.buffers[0]) : '';
    const accepted = reply.result >= 0;
    const end = parseLogEnd(log);
    return {
      ...end,
      message: accepted ? null : end.message,
      insnIdx: accepted ? null : end.insnIdx,
      accepted,
      errno: accepted ? 0 : -reply.result,
      log,
      program: accepted ? new KernelProgram(this, reply.result, spec.maps) : null,
    };
  }

  /** Loads a BTF blob and returns its descriptor; throws with the kernel's own complaint. */
  async loadBtf(btf: Uint8Array): Promise<number> {
    const size = 1 << 20;
    const attr = new Attr(40).u32(16, btf.length).u32(20, size).u32(24, 1);
    const reply = await this.loader.bpf(BTF_LOAD, attr.bytes, [
      { attrOff: 0, mode: 'in', bytes: btf },
      { attrOff: 8, mode: 'string', size },
    ]);
    if (reply.result < 0) {
      throw new Error(`kernel refuses BTF (errno ${-reply.result}): ${new TextDecoder().decode(reply.buffers[0]).trim()}`);
    }
    return reply.result;
  }

  /**
   * Loads an ELF object with bpftool, as a user would. `program` is the first one of the object; null and bpftool's output
   * (libbpf's messages and the verifier log) when it is refused.
   */
  async loadObject(object: Uint8Array): Promise<{ program: KernelProgram | null; output: string }> {
    const dir = await mkdtemp(join(tmpdir(), 'bpformer-'));
    const file = join(dir, 'object.o');
    const pin = `/sys/fs/bpf/bpformer_${process.pid}_${Math.floor(performance.now() * 1000)}`;
    const run = promisify(execFile);
    try {
      await writeFile(file, object);
      await mountBpfFs();
      const { stdout, stderr } = await run('bpftool', ['-d', 'prog', 'load', file, pin], { maxBuffer: 1 << 28 });
      return { program: await this.#openPinned(pin), output: stdout + stderr };
    } catch (error) {
      const failed = error as { stdout?: string; stderr?: string; message: string };
      if (failed.stderr === undefined) throw error;
      return { program: null, output: `${failed.stdout ?? ''}${failed.stderr}` };
    } finally {
      await rm(pin, { force: true });
      await rm(dir, { recursive: true, force: true });
    }
  }

  async #openPinned(path: string): Promise<KernelProgram> {
    const { stdout } = await promisify(execFile)('bpftool', ['-j', 'prog', 'show', 'pinned', path]);
    const reply = await this.loader.bpf(OBJ_GET, new Attr(16).bytes, [
      { attrOff: 0, mode: 'in', bytes: new TextEncoder().encode(`${path}\0`) },
    ]);
    if (reply.result < 0) throw new Error(`nothing can be opened at ${path}: errno ${-reply.result}`);
    const ids = (JSON.parse(stdout) as { map_ids?: number[] }).map_ids ?? [];
    return new KernelProgram(this, reply.result, await Promise.all(ids.map((id) => this.openMap(id))));
  }

  /** A program that is there already, by its id, without its maps. */
  async openProgram(id: number): Promise<KernelProgram> {
    const { result } = await this.loader.bpf(PROG_GET_FD_BY_ID, new Attr(16).u32(0, id).bytes);
    if (result < 0) throw new Error(`program ${id} cannot be opened: errno ${-result}`);
    return new KernelProgram(this, result, []);
  }

  /** A map that is there already, by its id. */
  async openMap(id: number): Promise<KernelMap> {
    const { result } = await this.loader.bpf(MAP_GET_FD_BY_ID, new Attr(16).u32(0, id).bytes);
    if (result < 0) throw new Error(`map ${id} cannot be opened: errno ${-result}`);
    // struct bpf_map_info: type, id, key_size, value_size, max_entries, map_flags, name.
    const view = await this.info(result, 88);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + 24, 16)).replace(/\0.*/s, '');
    const field = (index: number) => view.getUint32(index * 4, true);
    const def = { name, type: field(0), keySize: field(2), valueSize: field(3), maxEntries: field(4), flags: field(5) };
    return new KernelMap(this, result, def);
  }

  /** The kernel's `struct bpf_*_info` of a descriptor. */
  async info(fd: number, size: number): Promise<DataView> {
    const reply = await this.loader.bpf(OBJ_GET_INFO_BY_FD, new Attr(16).u32(0, fd).u32(4, size).bytes, [
      { attrOff: 8, mode: 'both', size },
    ]);
    if (reply.result < 0) throw new Error(`no information about descriptor ${fd}: errno ${-reply.result}`);
    const bytes = reply.buffers[0];
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Runs every following test run on one processor. */
  async pin(cpu: number): Promise<void> {
    const result = await this.loader.pin(cpu);
    if (result < 0) throw new Error(`cannot run on processor ${cpu}: errno ${-result}`);
  }

  /** Ends the loader; the kernel frees all that it made. */
  close(): void {
    this.loader.end();
  }
}

async function mountBpfFs(): Promise<void> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  if (!mounts.includes(' /sys/fs/bpf bpf ')) await promisify(execFile)('mount', ['-t', 'bpf', 'bpf', '/sys/fs/bpf']);
}

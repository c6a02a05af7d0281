import { disasmKernel } from '../bpf/disasm.ts';
import { PSEUDO_MAP_FD, PSEUDO_MAP_VALUE } from '../bpf/insn.ts';
import { isGplCompatible } from '../bpf/license.ts';
import type { Insn, MapDef, Program } from '../bpf/program.ts';
import type { Btf } from '../object/btf.ts';
import type { VerifyOptions } from './api.ts';
import { fieldOf, RES_LOCK } from './fields.ts';
import { type Names, stateText } from './format.ts';
import { type TypeReader, typeReader } from './kernel-types.ts';
import { Log } from './log.ts';
import { PROFILES, type Profile } from './profile.ts';
import type { Loops } from './prune.ts';
import type { Regs } from './reg.ts';
import { REG } from './reg.ts';
import { type Rules, rulesOf } from './rules.ts';
import type { StackLiveness } from './stacklive.ts';
import type { Explored, Frame, State } from './state.ts';
import type { Watcher } from './watch.ts';

export const EPERM = 1;
export const ENOENT = 2;
export const E2BIG = 7;
export const EACCES = 13;
export const EFAULT = 14;
export const EINVAL = 22;
export const ERANGE = 34;
export const ENOTSUPP = 524;

export const LIMIT_INSNS = 1000000;
export const LIMIT_JUMPS = 8192;
/** A number that no register has. */
export const NO_REG = 15;
/** Offsets of pointers stay below this (kernel BPF_MAX_VAR_OFF). */
export const MAX_VAR_OFF = 1 << 29;

/** cgroup/sock and sk_reuseport programs that name no attach type. */
const DEFAULT_ATTACH: Readonly<Record<number, number>> = { 9: 2, 21: 39 };

/** The program is refused; the reason was said with `Env.say`. */
export class Rejection extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super('program rejected');
    this.errno = errno;
  }
}

/** A function of the program during verification. */
export interface SubprogInfo {
  start: number;
  end: number;
  name: string;
  isGlobal: boolean;
  /** Index into `Program.subprogs`, -1 when only a call reveals the function. */
  declared: number;
  stackDepth: number;
  hasTailCall: boolean;
  hasLdAbs: boolean;
  changesPacket: boolean;
  mightSleep: boolean;
  isCallback: boolean;
  isAsyncCallback: boolean;
  /** Reached by a call from verified code; global functions that nobody calls are not verified. */
  called: boolean;
  verified: boolean;
  /** BTF arguments contradicted by a call: no longer trusted. */
  unreliable: boolean;
  fastcallStackOff: number;
  keepFastcallStack: boolean;
  /** Range in `Env.postorder`. */
  postStart: number;
  postEnd: number;
}

/** A path that waits to be explored. */
export interface Pending {
  readonly state: State;
  readonly insnIdx: number;
  readonly prevInsnIdx: number;
  readonly logPos: number;
}

/** Everything that one verification knows (kernel `bpf_verifier_env`). */
export class Env {
  readonly program: Program;
  readonly options: VerifyOptions;
  /** What the kernel and the privilege asked for change. */
  readonly rules: Rules;
  /** What the place that the program runs in changes, whatever kernel and privilege are asked for; null for the kernel. */
  readonly profile: Profile | null;
  readonly insns: readonly Insn[];
  readonly maps: readonly MapDef[];
  readonly log: Log;
  subprogs: SubprogInfo[] = [];

  // Per instruction, from the passes before exploration.
  readonly prunePoint: Uint8Array;
  readonly jmpPoint: Uint8Array;
  readonly forceCheckpoint: Uint8Array;
  readonly callsCallback: Uint8Array;
  readonly liveRegs: Uint16Array;
  readonly scc: Uint32Array;
  /** Instruction that follows, and target of a jump within the function; -1 where there is none. */
  readonly following: Int32Array;
  readonly target: Int32Array;
  /** Register that is all an arithmetic instruction or a load writes, `NO_REG` for jumps that read none; -1 for other instructions. */
  readonly writtenReg: Int8Array;
  readonly ptrType: Int32Array;
  readonly fastcallPattern: Uint8Array;
  readonly fastcallSpills: Uint8Array;
  postorder: Int32Array = new Int32Array(0);

  // The path under exploration.
  cur!: State;
  stackLive!: StackLiveness;
  /** `bpf_loop` calls: the callback that takes the call's place, or -1. */
  readonly loopInline = new Map<number, number>();
  loops!: Loops;
  /** Called before each instruction when states are recorded. */
  onVisit: ((insnIdx: number) => void) | null = null;
  watcher: Watcher | null = null;
  /** Exploration pauses every few milliseconds. */
  pauses = false;
  /** Some path throws an exception. */
  seenException = false;
  /** Function that is called for an exception, -1 for the kernel's own. */
  exceptionCallback = -1;
  private readonly askKernel: (() => Btf | null) | undefined;
  private kernel: TypeReader | null | undefined;
  readonly gplCompatible: boolean;
  /** A reachable call names no kernel function. */
  namelessCall = false;
  /** Cgroup storage that the program names: one of each kind. */
  readonly usedMaps = new Set<MapDef>();
  /** Functions that no path entered are gone. */
  deadRemoved = false;
  /** Exploration is over: what fails now has no instruction. */
  atEnd = false;
  /** How an instruction of pointer arithmetic is masked against speculation. */
  readonly aluMasks = new Map<number, { readonly state: number; readonly limit: number }>();
  /** Scalars count in full when states are compared: masks depend on them (kernel `explore_alu_limits`). */
  exploresLimits = false;
  /** Instructions behind a barrier that stops speculation, and writes followed by one. */
  readonly fences = new Set<number>();
  readonly writeFences = new Set<number>();
  private lastTick = 0;
  insnIdx = 0;
  prevInsnIdx = -1;
  pending: Pending[] = [];
  /** History entry of the current instruction, -1 when it has none. */
  step = -1;
  idGen = 0;

  // Counters.
  processed = 0;
  jumps = 0;
  prevProcessed = 0;
  prevJumps = 0;
  totalStates = 0;
  peakStates = 0;
  maxStatesPerInsn = 0;
  exploredSize = 0;
  freeListSize = 0;
  backedgeCount = 0;
  /** Kept states by where they stand, see `exploredAt`. */
  explored = new Map<number, Explored[]>();
  visits: Uint32Array;
  /** States kept at each instruction. */
  readonly kept: Uint32Array;

  // What changed since the last printed state.
  scratchedRegs = 0;
  scratchedLo = 0;
  scratchedHi = 0;
  scratchedDeep = false;
  prevLogPos = 0;
  prevInsnPrintPos = 0;
  prevLine = -1;

  /** Everything said as an error, for the final message. */
  said = '';
  readonly strictAlignment: boolean;
  readonly testStateFreq: boolean;
  readonly testRegInvariants: boolean;
  readonly names: Names;
  /** Expected attach type, with what the kernel takes for 0. */
  readonly attachType: number;
  readonly btfTypes: string[] = [];
  private readonly btfIds: number[] = [];
  /** Bytes of the structures in `btfTypes`, where they are known. */
  readonly btfSizes = new Map<number, number>();
  /** `nr_cpu_ids` of the machine that loads the program: an upper bound of the processor id. */
  readonly cpus: number;

  constructor(program: Program, options: VerifyOptions) {
    const n = program.insns.length;
    this.program = program;
    this.options = options;
    this.profile = PROFILES.get(program.progType) ?? null;
    this.rules = this.profile ? rulesOf('6.18', 'root') : rulesOf(options.kernel, options.privilege);
    // Instructions of one shape, whoever made them: the hot path reads them fastest so.
    this.insns = program.insns.map(({ opcode, dst, src, off, imm }) => ({ opcode, dst, src, off, imm }));
    this.maps = program.maps;
    this.log = new Log(options.logLevel);
    this.prunePoint = new Uint8Array(n + 1);
    this.jmpPoint = new Uint8Array(n + 1);
    this.forceCheckpoint = new Uint8Array(n + 1);
    this.callsCallback = new Uint8Array(n + 1);
    this.kept = new Uint32Array(n);
    this.liveRegs = new Uint16Array(n + 1);
    this.scc = new Uint32Array(n + 1);
    this.following = new Int32Array(n).fill(-1);
    this.target = new Int32Array(n).fill(-1);
    this.writtenReg = new Int8Array(n).fill(-1);
    this.ptrType = new Int32Array(n + 1);
    this.fastcallPattern = new Uint8Array(n + 1);
    this.fastcallSpills = new Uint8Array(n + 1);
    this.visits = new Uint32Array(n);
    this.cpus = options.cpus ?? 2;
    this.askKernel = options.kernelBtf;
    this.gplCompatible = isGplCompatible(program.license);
    this.strictAlignment = (program.loadFlags & 3) === 1;
    this.testStateFreq = (program.loadFlags & 8) !== 0;
    this.testRegInvariants = (program.loadFlags & 128) !== 0;
    this.attachType = program.expectedAttachType || (DEFAULT_ATTACH[program.progType] ?? 0);
    this.names = {
      map: (idx) => this.mapAt(idx),
      btfType: (idx) => this.btfTypes[idx] ?? '',
    };
  }

  /** A map by index; inner maps of map-in-map follow the program's own ones. */
  mapAt(idx: number): MapDef {
    return idx >= 0 ? this.maps[idx]! : { ...this.maps[~idx]!.inner!, name: '' };
  }

  /** A map's values hold a spin lock of either kind. */
  hasLock(mapIdx: number): boolean {
    const map = this.mapAt(mapIdx);
    return map.spinLockOff !== undefined || fieldOf(map, RES_LOCK) !== undefined;
  }

  /** Number for a structure, for the register field that names it; `id` where several of the kernel's bear the name. */
  btfTypeIndex(name: string, id = 0): number {
    const wanted = id || (this.kernel?.structNamed(name) ?? 0);
    for (let i = 0; i < this.btfTypes.length; i++)
      if (this.btfTypes[i] === name && (this.btfIds[i] === wanted || this.btfIds[i] === 0)) return i;
    this.btfIds.push(wanted);
    return this.btfTypes.push(name) - 1;
  }

  /** Types of the kernel that the program is loaded into, where they are at hand. */
  kernelTypes(): TypeReader | null {
    if (this.kernel === undefined) {
      const btf = this.askKernel?.() ?? null;
      this.kernel = btf && typeReader(btf);
    }
    return this.kernel;
  }

  /** The kernel's structure behind a register's number; 0 when it is not known. */
  btfStruct(index: number): number {
    const known = this.btfIds[index] ?? 0;
    if (known) return known;
    const id = this.kernelTypes()?.structNamed(this.btfTypes[index] ?? '') ?? 0;
    this.btfIds[index] = id;
    return id;
  }

  get regs(): Regs {
    return this.cur.frame.regs;
  }

  frameOf(r: Regs, b: number): Frame {
    return this.cur.frames[r[b + 22]!]!;
  }

  newId(): number {
    return ++this.idGen;
  }

  /** Part of a message that explains a refusal; always recorded, unlike what the log levels ask for. */
  say(text: string): void {
    this.said += text;
    this.log.write(text);
  }

  fail(errno: number, text: string): never {
    this.say(text);
    throw new Rejection(errno);
  }

  /** A refusal for which the kernel has no words: a message of our own, and none in the log. */
  refuse(errno: number, text: string): never {
    this.said += text;
    throw new Rejection(errno);
  }

  scratchReg(i: number): void {
    this.scratchedRegs |= 1 << i;
  }

  scratchSlot(spi: number): void {
    if (spi < 32) this.scratchedLo |= 1 << spi;
    else this.scratchedHi |= 1 << (spi - 32);
  }

  scratchAll(): void {
    this.scratchedRegs = -1;
    this.scratchedLo = -1;
    this.scratchedHi = -1;
    this.scratchedDeep = true;
  }

  get anyScratched(): boolean {
    return (this.scratchedRegs | this.scratchedLo | this.scratchedHi) !== 0 || this.scratchedDeep;
  }

  /** The whole state of the current function. */
  stateLine(state: State): string {
    const all = (): boolean => true;
    return stateText(this.names, state, state.curFrame, all, all);
  }

  /** A state's line; without `all`, only what changed since the last one. */
  printState(state: State, frameIdx: number, all: boolean): void {
    const reg = (i: number): boolean => all || (this.scratchedRegs & (1 << i)) !== 0;
    const slot = (i: number): boolean =>
      all || (i < 64 ? ((i < 32 ? this.scratchedLo >>> i : this.scratchedHi >>> (i - 32)) & 1) !== 0 : this.scratchedDeep);
    this.log.write(stateText(this.names, state, frameIdx, reg, slot));
    if (all) return;
    this.scratchedRegs = 0;
    this.scratchedLo = 0;
    this.scratchedHi = 0;
    this.scratchedDeep = false;
  }

  /** Appends the state to the line of the instruction just printed, in a column, or prints a line of its own. */
  printInsnState(state: State, frameIdx: number): void {
    if (this.prevLogPos !== 0 && this.prevLogPos === this.log.pos) {
      this.log.cut(this.prevLogPos - 1);
      this.log.write(`${' '.repeat(columnPad(this.prevInsnPrintPos))};`);
    } else {
      this.log.write(`${this.insnIdx}:`);
    }
    this.printState(state, frameIdx, false);
  }

  /** Source line of an instruction, once for a run of instructions with the same one (kernel `verbose_linfo`). */
  printLine(insnIdx: number, prefix: string): void {
    if (this.log.level === 0) return;
    const lines = this.program.lineInfo;
    if (lines.length === 0) return;
    let low = 0;
    let high = lines.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (lines[mid]!.insnIdx <= insnIdx) low = mid;
      else high = mid - 1;
    }
    const info = lines[low]!;
    const prev = lines[this.prevLine];
    if (prev === info || (prev && prev.file === info.file && prev.line === info.line)) return;
    this.log.write(`${prefix}${info.text.trimStart()} @ ${fileName(info.file)}:${info.line}\n`);
    this.prevLine = low;
  }

  /** Kernel text of an instruction with its opcode, line end included; maps stand by name where the kernel has addresses. */
  insnText(idx: number): string {
    return `${disasmKernel(this.insns, idx, {
      imm64: (insn) =>
        insn.src === PSEUDO_MAP_FD || insn.src === PSEUDO_MAP_VALUE ? `map[${this.maps[insn.imm]?.name ?? insn.imm}]` : undefined,
      kfuncName: (_insn, at) => this.program.kfuncCalls.get(at),
    })}\n`;
  }

  /** Tells the caller about progress at most every 10 ms; true when it wants to stop. */
  tick(): boolean {
    const now = Date.now();
    if (now - this.lastTick < 10) return false;
    this.lastTick = now;
    return this.options.onProgress!(this.processed);
  }

  /** Gives back a state that nothing refers to any more; who watches tells states apart by their identity. */
  release(state: State): void {
    state.release(this.watcher === null && this.onVisit === null);
  }

  updatePeak(): void {
    const now = this.exploredSize + this.freeListSize + this.backedgeCount;
    if (now > this.peakStates) this.peakStates = now;
  }
}

/** Blanks that align the state to the log's columns (kernel `vlog_alignment`: at least 40, then steps of 8). */
function columnPad(pos: number): number {
  const at = Math.max(pos + 4, 40);
  return Math.ceil(at / 8) * 8 - pos - 1;
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Base of register `i` in a frame's array. */
export const reg = (i: number): number => i * REG;

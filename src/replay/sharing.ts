import { helperName } from '../bpf/helper-names.ts';
import {
  ADD,
  ALU,
  ALU64,
  AND,
  ATOMIC,
  classOf,
  isJump,
  isPseudoCall,
  isUnconditional,
  jumpTarget,
  LD,
  LDX,
  MOV,
  modeOf,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  OR,
  opOf,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_VALUE,
  ST,
  STX,
  SUB,
  sizeOf,
  X,
  XOR,
} from '../bpf/insn.ts';
import { MAP_TYPE_ARRAY, MAP_TYPE_HASH, MAP_TYPE_LRU_HASH, MAP_TYPE_PERCPU_ARRAY, mapTypeName } from '../bpf/maps.ts';
import type { Insn, Program } from '../bpf/program.ts';

/**
 * Whether events may be shared among several machines, each with maps of its own: what a program says about an event must not depend on the
 * events before it. That holds where no map that the program writes decides anything: it is not written at all, or what is written is only counted
 * up (`*p += x`, atomic or not) or stored, and never looked at.
 */

/** Values of at most so many maps are told apart. */
const MOST_MAPS = 28;
/** Bit of pointers to the stack, where pointers may be put aside. */
const STACK = 1 << 29;
const ALL = (1 << MOST_MAPS) - 1;

const LOOKUP = 1;
const UPDATE = 2;
const DELETE = 3;
const LOOP = 181;
/**
 * Helpers that answer by their arguments and the event alone, and how many arguments they take; those that tell user space or a device something
 * may tell it in any order, since each machine says of which event it was. Numbers of uapi `enum bpf_func_id`.
 */
const BLAMELESS: ReadonlyMap<number, number> = new Map([
  [LOOKUP, 2],
  [UPDATE, 4],
  [5, 0], // ktime_get_ns: the time of the event
  [6, 5], // trace_printk
  [8, 0], // get_smp_processor_id
  [23, 2], // redirect
  [25, 5], // perf_event_output
  [28, 5], // csum_diff
  [44, 2], // xdp_adjust_head
  [51, 3], // redirect_map
  [54, 2], // xdp_adjust_meta
  [65, 2], // xdp_adjust_tail
  [125, 0], // ktime_get_boot_ns
  [130, 4], // ringbuf_output
  [131, 3], // ringbuf_reserve
  [132, 2], // ringbuf_submit
  [133, 2], // ringbuf_discard
  [160, 0], // ktime_get_coarse_ns
  [177, 4], // trace_vprintk
  [LOOP, 4],
  [182, 3], // strncmp
  [188, 1], // xdp_get_buff_len
  [189, 4], // xdp_load_bytes
  [190, 4], // xdp_store_bytes
  [208, 0], // ktime_get_tai_ns
]);
const MOST_ARGUMENTS = 5;

/** Why the program's events cannot be shared; '' where they can. `compiled`: it is what this compiler made of a model, as it made it. */
export function whyNotShared(program: Pick<Program, 'insns' | 'maps' | 'subprogs' | 'kfuncCalls'>, compiled: boolean): string {
  // Activations are written before they are read in each event; only flows go from one event to the next.
  if (compiled) {
    const flows = program.maps.find(({ type }) => type === MAP_TYPE_HASH || type === MAP_TYPE_LRU_HASH);
    return flows
      ? `the hash map \`${flows.name}\` carries each flow from packet to packet, and its room and expiry are those of all flows`
      : '';
  }
  if (program.maps.length > MOST_MAPS) return `it has more than ${MOST_MAPS} maps`;
  if (program.kfuncCalls.size > 0) return `it calls ${[...program.kfuncCalls.values()][0]}, which may remember events`;
  return new Analysis(program).verdict();
}

type Registers = Int32Array;

class Analysis {
  readonly #insns: readonly Insn[];
  readonly #maps: Program['maps'];
  readonly #starts: readonly number[];
  /** Before each instruction: maps whose values a register may point into, and maps that it may stand for. */
  readonly #values: (Registers | undefined)[] = [];
  readonly #handles: (Registers | undefined)[] = [];
  /** Pointers that were put aside on the stack, handed to functions, or returned. */
  #spilled = 0;
  #passed = 0;
  #returned = 0;
  #changed = true;

  constructor({ insns, maps, subprogs }: Pick<Program, 'insns' | 'maps' | 'subprogs'>) {
    this.#insns = insns;
    this.#maps = maps;
    this.#starts = [...new Set([0, ...subprogs.map(({ start }) => start)])].sort((a, b) => a - b);
  }

  verdict(): string {
    while (this.#changed) {
      this.#changed = false;
      for (const [at, start] of this.#starts.entries()) {
        const entry = new Int32Array(11);
        if (at > 0) entry.fill(this.#passed, 1, 6);
        entry[10] = STACK;
        this.#flow(start, entry);
      }
    }
    return this.#judge();
  }

  /** Follows all paths from `start`; a state that adds nothing ends its path. */
  #flow(start: number, entry: Registers): void {
    const work: [number, Registers, Registers][] = [[start, entry, new Int32Array(11)]];
    while (work.length > 0) {
      const [at, values, handles] = work.pop()!;
      if (at >= this.#insns.length || !this.#join(at, values, handles)) continue;
      const insn = this.#insns[at]!;
      const after = this.#step(insn, at, this.#values[at]!.slice(), this.#handles[at]!.slice());
      if (insn.opcode === OP_EXIT) continue;
      if (isJump(insn)) {
        work.push([jumpTarget(insn, at), ...copied(after)]);
        if (isUnconditional(insn)) continue;
      }
      work.push([at + (insn.opcode === OP_LDDW ? 2 : 1), ...copied(after)]);
    }
  }

  #join(at: number, values: Registers, handles: Registers): boolean {
    const known = this.#values[at];
    if (!known) {
      this.#values[at] = values.slice();
      this.#handles[at] = handles.slice();
      this.#changed = true;
      return true;
    }
    const own = this.#handles[at]!;
    let grew = false;
    for (let r = 0; r < 11; r++) {
      grew ||= (known[r]! | values[r]!) !== known[r] || (own[r]! | handles[r]!) !== own[r];
      known[r]! |= values[r]!;
      own[r]! |= handles[r]!;
    }
    this.#changed ||= grew;
    return grew;
  }

  #step(insn: Insn, at: number, values: Registers, handles: Registers): [Registers, Registers] {
    const { opcode, dst, src, imm } = insn;
    const set = (value: number, handle = 0) => {
      values[dst] = value;
      handles[dst] = handle;
    };
    const kind = classOf(insn);
    if (opcode === OP_LDDW) set(src === PSEUDO_MAP_VALUE ? 1 << imm : 0, src === PSEUDO_MAP_FD ? 1 << imm : 0);
    else if (kind === LD) values[0] = 0;
    else if (kind === LDX) set(values[src]! & STACK ? this.#spilled : 0, values[src]! & STACK ? ALL : 0);
    else if (kind === STX && modeOf(insn) !== ATOMIC) {
      if (values[dst]! & STACK) this.#grow('spilled', values[src]!);
    } else if (kind === ALU || kind === ALU64) {
      const added = opcode & X ? values[src]! : 0;
      if (opOf(insn) === MOV) set(added, opcode & X ? handles[src]! : 0);
      else values[dst]! |= added;
    } else if (opcode === OP_CALL) {
      for (let r = 1; r <= argumentsOf(insn); r++) this.#grow('passed', values[r]!);
      const found = isPseudoCall(insn) ? this.#returned : imm === LOOKUP ? this.#handleOf(at, 1) : 0;
      values.fill(0, 0, 6);
      handles.fill(0, 0, 6);
      values[0] = found;
    } else if (opcode === OP_EXIT) this.#grow('returned', values[0]!);
    return [values, handles];
  }

  /** Maps that an argument may stand for: all of them where that is not known. */
  #handleOf(at: number, register: number): number {
    return this.#handles[at]![register] || ALL & ((1 << this.#maps.length) - 1);
  }

  #grow(what: 'spilled' | 'passed' | 'returned', more: number): void {
    const before = what === 'spilled' ? this.#spilled : what === 'passed' ? this.#passed : this.#returned;
    const after = before | more;
    if (after === before) return;
    this.#changed = true;
    if (what === 'spilled') this.#spilled = after;
    else if (what === 'passed') this.#passed = after;
    else this.#returned = after;
  }

  #judge(): string {
    let written = 0;
    const reads: { readonly at: number; readonly maps: number }[] = [];
    const live = this.#liveness();
    for (const [at, insn] of this.#insns.entries()) {
      const values = this.#values[at];
      // Nothing leads there.
      if (!values) continue;
      const kind = classOf(insn);
      if (kind === LDX && !this.#counts(at, live)) reads.push({ at, maps: values[insn.src]! });
      else if (kind === ST || kind === STX) {
        written |= values[insn.dst]!;
        if (kind === STX && modeOf(insn) === ATOMIC && ![ADD, OR, AND, XOR].includes(insn.imm)) reads.push({ at, maps: values[insn.dst]! });
      } else if (insn.opcode === OP_CALL && !isPseudoCall(insn)) {
        const refused = this.#helper(insn, at);
        if (refused) return refused;
        let given = 0;
        for (let r = 1; r <= argumentsOf(insn); r++) given |= values[r]!;
        // What a helper is given it may read and write. A callback's context is looked at where it is used.
        if (insn.imm !== LOOP) {
          written |= given;
          reads.push({ at, maps: given });
        }
        if (insn.imm === UPDATE) written |= this.#handleOf(at, 1);
      }
    }
    const found = reads.find(({ maps }) => (maps & written & ALL) !== 0);
    if (!found) return '';
    const map = this.#maps[31 - Math.clz32(found.maps & written & ALL)]!;
    return `instruction ${found.at} reads map \`${map.name}\`, which the program writes: what it says of an event may depend on those before`;
  }

  #helper({ imm }: Insn, at: number): string {
    if (imm === UPDATE || imm === DELETE || imm === LOOKUP) {
      const maps = this.#maps.filter((_, map) => this.#handleOf(at, 1) & (1 << map));
      const odd = maps.find(({ type }) => type !== MAP_TYPE_ARRAY && type !== MAP_TYPE_PERCPU_ARRAY);
      if (imm !== LOOKUP && odd) {
        return `instruction ${at} changes which entries map \`${odd.name}\` (${mapTypeName(odd.type)}) has, and events after it may find them`;
      }
    }
    return BLAMELESS.has(imm)
      ? ''
      : `instruction ${at} calls bpf_${helperName(imm)?.replace(/^bpf_/, '') ?? imm}, whose answer may depend on the events before`;
  }

  /** Whether a load only serves to count: the value goes back to where it came from, and nothing else sees it. */
  #counts(at: number, live: Uint16Array): boolean {
    const load = this.#insns[at]!;
    if (load.dst === load.src) return false;
    for (let next = at + 1; next < this.#insns.length; next++) {
      const insn = this.#insns[next]!;
      const kind = classOf(insn);
      if (kind === STX && modeOf(insn) === modeOf(load) && insn.src === load.dst) {
        const back = insn.dst === load.src && insn.off === load.off && sizeOf(insn) === sizeOf(load);
        return back && (live[next + 1]! & (1 << load.dst)) === 0 && !this.#entered(at + 1, next);
      }
      if (isJump(insn) || insn.opcode === OP_CALL || insn.opcode === OP_EXIT) return false;
      const [uses, defs] = effects(insn);
      if (defs & (1 << load.src)) return false;
      const adds = (kind === ALU || kind === ALU64) && insn.dst === load.dst && [ADD, SUB, OR, AND, XOR].includes(opOf(insn));
      if (adds ? (insn.opcode & X) !== 0 && insn.src === load.dst : ((uses | defs) & (1 << load.dst)) !== 0) return false;
    }
    return false;
  }

  /** Whether a jump leads to one of instructions [from, to]. */
  #entered(from: number, to: number): boolean {
    return this.#insns.some((insn, at) => isJump(insn) && jumpTarget(insn, at) >= from && jumpTarget(insn, at) <= to);
  }

  /** Registers that are read behind each instruction before they are written, as bits. */
  #liveness(): Uint16Array {
    const live = new Uint16Array(this.#insns.length + 2);
    for (let changed = true; changed; ) {
      changed = false;
      for (let at = this.#insns.length - 1; at >= 0; at--) {
        const insn = this.#insns[at]!;
        let [uses, defs] = effects(insn);
        // A function reads of its arguments what it reads.
        if (isPseudoCall(insn)) uses = live[at + 1 + insn.imm]! & 0b111110;
        let after = insn.opcode === OP_EXIT || isUnconditional(insn) ? 0 : live[at + (insn.opcode === OP_LDDW ? 2 : 1)]!;
        if (isJump(insn)) after |= live[jumpTarget(insn, at)] ?? 0;
        const now = (after & ~defs) | uses;
        changed ||= now !== live[at];
        live[at] = now;
      }
    }
    return live;
  }
}

/** How many registers a call hands over, as far as that is known. */
const argumentsOf = (insn: Insn): number => (isPseudoCall(insn) ? MOST_ARGUMENTS : (BLAMELESS.get(insn.imm) ?? MOST_ARGUMENTS));

const copied = ([values, handles]: [Registers, Registers]): [Registers, Registers] => [values.slice(), handles.slice()];

/** Registers that an instruction reads and writes, as bits. */
function effects(insn: Insn): readonly [uses: number, defs: number] {
  const { opcode, dst, src } = insn;
  const [d, s] = [1 << dst, 1 << src];
  switch (classOf(insn)) {
    case LD:
      return opcode === OP_LDDW ? [0, d] : opcode === 0 ? [0, 0] : [s | (1 << 6), 0b111111];
    case LDX:
      return [s, d];
    case ST:
      return [d, 0];
    case STX:
      // What fetches writes its source, or r0.
      return [d | s | (modeOf(insn) === ATOMIC ? 1 : 0), 0];
    case ALU:
    case ALU64:
      return [(opcode & X ? s : 0) | (opOf(insn) === MOV ? 0 : d), d];
    default:
      if (opcode === OP_CALL) return [((1 << argumentsOf(insn)) - 1) << 1, 0b111111];
      if (opcode === OP_EXIT) return [1, 0];
      return [d | (opcode & X ? s : 0), 0];
  }
}

import { InputError } from '../../base/errors.ts';
import { secondSlots } from '../../bpf/functions.ts';
import { HELPERS } from '../../bpf/helpers.ts';
import {
  ADD,
  ALU,
  ALU64,
  AND,
  ARSH,
  ATOMIC,
  classOf,
  DIV,
  END,
  isFuncAddress,
  isJump,
  isPseudoCall,
  isUnconditional,
  JCOND,
  JEQ,
  JGE,
  JGT,
  JLE,
  JLT,
  JMP,
  JMP32,
  JNE,
  JSET,
  JSGE,
  JSGT,
  JSLE,
  JSLT,
  jumpTarget,
  LDX,
  LSH,
  MEMSX,
  MOD,
  MOV,
  MUL,
  modeOf,
  NEG,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  OR,
  opOf,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_VALUE,
  RSH,
  ST,
  STX,
  SUB,
  sizeOf,
  X,
  XOR,
} from '../../bpf/insn.ts';
import type { Insn, MapDef, Program } from '../../bpf/program.ts';
import { PROG_TYPE_XDP } from '../../bpf/progtypes.ts';
import type { ProgramMeta } from '../../compiler/api.ts';

/**
 * The program in C: a function for each of its functions, registers as variables, loops and branches where jumps nest, and the ONNX nodes
 * that lines serve as comments. clang compiles it to a program with the same results.
 */
export function cSource(program: Program, meta: ProgramMeta): string {
  const functions = program.subprogs.map((func, i) => {
    const end = program.subprogs[i + 1]?.start ?? program.insns.length;
    return new FunctionText(program, func.start, end, i === 0).lines();
  });
  const names = program.subprogs.map((_, i) => i).slice(1);
  const prototypes = names.map((i) => `${prototypeOf(program, i)};`);
  return [
    `/* ${meta.model.file}, compiled by BPFormer for Linux ${meta.kernel}. Build:`,
    '   clang -O2 -g -target bpf -mcpu=v3 -fno-unroll-loops -c THIS.c -o OUT.o',
    '   Values are 64-bit integers; the map .data.weights holds weights, multipliers and tables. */',
    '#include <linux/bpf.h>',
    '',
    ...MACROS,
    '',
    ...program.maps.flatMap(mapText),
    ...prototypes,
    '',
    ...functions.flatMap((lines) => [...lines, '']),
    `char _license[] SEC("license") = ${JSON.stringify(program.license)};`,
    '',
  ].join('\n');
}

const MACROS = [
  '#define SEC(name) __attribute__((section(name), used))',
  '#define NOINLINE __attribute__((noinline))',
  '#define __uint(name, val) int (*name)[val]',
  '#define KEEP(argument) asm volatile("" : "+r"(argument))',
  '/* Clamps without a branch stay so: each branch would double what the verifier walks. */',
  '#define SIGN(value) do { value = (__s64)value >> 63; KEEP(value); } while (0)',
  '#define BIT63(value) do { value >>= 63; KEEP(value); } while (0)',
  '/* Sums in long runs of code stay in their order: compilers else keep more products at once than the stack has room for. */',
  '#define SUM(sum, term) do { sum += term; asm volatile("" : "+r"(sum) : : "memory"); } while (0)',
  '#define S8(address) (*(__s8 *)(address))',
  '#define S16(address) (*(__s16 *)(address))',
  '#define S32(address) (*(__s32 *)(address))',
  '#define U8(address) (*(__u8 *)(address))',
  '#define U16(address) (*(__u16 *)(address))',
  '#define U32(address) (*(__u32 *)(address))',
  '#define U64(address) (*(__u64 *)(address))',
];

const identifier = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d|$)/, '_');
const mapName = (map: MapDef): string => (map.data ? identifier(map.name.replace(/^\.+/, '')) : identifier(map.name));

function mapText(map: MapDef): string[] {
  if (map.inner || map.spinLockOff !== undefined) throw new InputError(`map ${map.name} is of a kind that is not written in C`, 'export');
  if (map.data) {
    const lines: string[] = [];
    // Zeros behind the last byte need no writing.
    const used = map.data.findLastIndex((byte) => byte !== 0) + 1;
    for (let at = 0; at < used; at += 32) lines.push(`  ${[...map.data.subarray(at, Math.min(used, at + 32))].join(', ')},`);
    return [
      `__u8 ${mapName(map)}[${map.valueSize}] __attribute__((section("${map.section ?? map.name}"), used, aligned(8))) = {`,
      ...lines,
      '};',
      '',
    ];
  }
  const sizes = [
    `  __uint(type, ${map.type});`,
    `  __uint(key_size, ${map.keySize});`,
    `  __uint(value_size, ${map.valueSize});`,
    `  __uint(max_entries, ${map.maxEntries});`,
  ];
  return ['struct {', ...sizes, ...(map.flags ? [`  __uint(map_flags, ${map.flags});`] : []), `} ${mapName(map)} SEC(".maps");`, ''];
}

/** A helper's name and the number of its arguments, by what its prototype says. */
function helperById(id: number): { name: string; args: number } | undefined {
  const helper = HELPERS[id];
  const list = /\((.*)\)$/.exec(helper?.signature ?? '')?.[1];
  if (!helper || list === undefined || list.includes('...')) return undefined;
  return { name: helper.name, args: list === 'void' ? 0 : list.split(',').length };
}

/** Which of r1 to r5 a function reads before it writes them: its arguments. */
export function argumentsOf(program: Program, start: number, end: number): number {
  const { insns } = program;
  const second = secondSlots(insns);
  const live = new Uint16Array(end - start + 1);
  const calls = (insn: Insn, idx: number): number => {
    if (isPseudoCall(insn))
      return argumentCount(
        program,
        program.subprogs.findIndex((func) => func.start === idx + 1 + insn.imm),
      );
    return helperById(insn.imm)?.args ?? 5;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let idx = end - 1; idx >= start; idx--) {
      if (second[idx]) {
        live[idx - start] = live[idx - start + 1]!;
        continue;
      }
      const insn = insns[idx]!;
      const cls = classOf(insn);
      let out = insn.opcode === OP_EXIT || isUnconditional(insn) ? 0 : live[idx - start + (insn.opcode === OP_LDDW ? 2 : 1)]!;
      if (isJump(insn)) out |= live[jumpTarget(insn, idx) - start]!;
      const bit = (reg: number): number => 1 << reg;
      let uses = 0;
      let defs = 0;
      if (insn.opcode === OP_CALL) {
        for (let arg = 1; arg <= calls(insn, idx); arg++) uses |= bit(arg);
        defs = 0b111111;
      } else if (insn.opcode === OP_EXIT) uses = bit(0);
      else if (insn.opcode === OP_LDDW) defs = bit(insn.dst);
      else if (cls === LDX) [uses, defs] = [bit(insn.src), bit(insn.dst)];
      else if (cls === ST) uses = bit(insn.dst);
      else if (cls === STX) uses = bit(insn.dst) | bit(insn.src);
      else if (cls === ALU || cls === ALU64) {
        const reg = (insn.opcode & X) !== 0 && opOf(insn) !== END;
        uses = (reg ? bit(insn.src) : 0) | (opOf(insn) === MOV ? 0 : bit(insn.dst));
        defs = bit(insn.dst);
      } else if (isJump(insn) && !isUnconditional(insn)) uses = bit(insn.dst) | ((insn.opcode & X) !== 0 ? bit(insn.src) : 0);
      const now = (out & ~defs) | uses;
      if (now !== live[idx - start]) {
        live[idx - start] = now;
        changed = true;
      }
    }
  }
  let count = 0;
  for (let arg = 1; arg <= 5; arg++) if (live[0]! & (1 << arg)) count = arg;
  return count;
}

function argumentCount(program: Program, index: number): number {
  const func = program.subprogs[index]!;
  return func.args?.length ?? argumentsOf(program, func.start, program.subprogs[index + 1]?.start ?? program.insns.length);
}

/** The kernel knows the context by the name of its structure. */
const contextOf = ({ progType }: Program): string => (progType === PROG_TYPE_XDP ? 'struct xdp_md *' : 'void *');

function prototypeOf(program: Program, index: number): string {
  const func = program.subprogs[index]!;
  const count = argumentCount(program, index);
  const args = Array.from({ length: count }, (_, i) =>
    func.args?.[i]?.kind === 'ctx' ? `${contextOf(program)}a${i + 1}` : `__u64 a${i + 1}`,
  );
  return `${func.linkage === 'static' ? 'static ' : ''}NOINLINE __u64 ${identifier(func.name)}(${args.join(', ') || 'void'})`;
}

/** Instructions without a jump from which on sums keep their order. */
const LONG_RUN = 48;

const SIZES: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };
const COMPARE: Readonly<Record<number, readonly [string, boolean]>> = {
  [JEQ]: ['==', false],
  [JNE]: ['!=', false],
  [JGT]: ['>', false],
  [JGE]: ['>=', false],
  [JLT]: ['<', false],
  [JLE]: ['<=', false],
  [JSGT]: ['>', true],
  [JSGE]: ['>=', true],
  [JSLT]: ['<', true],
  [JSLE]: ['<=', true],
};
const OPPOSITE: Readonly<Record<string, string>> = { '==': '!=', '!=': '==', '>': '<=', '>=': '<', '<': '>=', '<=': '>' };
const OPERATORS: Readonly<Record<number, string>> = {
  [ADD]: '+',
  [SUB]: '-',
  [MUL]: '*',
  [DIV]: '/',
  [OR]: '|',
  [AND]: '&',
  [LSH]: '<<',
  [RSH]: '>>',
  [MOD]: '%',
  [XOR]: '^',
};

/** A jump that became a block: a loop ends at `last`, a branch skips `first … last`. */
interface Block {
  readonly first: number;
  readonly last: number;
  readonly jump: number;
  readonly loop: boolean;
}

class FunctionText {
  readonly #program: Program;
  readonly #start: number;
  readonly #end: number;
  readonly #isEntry: boolean;

  constructor(program: Program, start: number, end: number, isEntry: boolean) {
    this.#program = program;
    this.#start = start;
    this.#end = end;
    this.#isEntry = isEntry;
  }

  lines(): string[] {
    const program = this.#program;
    const index = program.subprogs.findIndex((func) => func.start === this.#start);
    const second = secondSlots(program.insns);
    const blocks = this.#blocks();
    const byJump = new Map(blocks.map((block) => [block.jump, block]));
    const opens = new Map<number, number>();
    const closes = new Map<number, number>();
    for (const { first, last, loop } of blocks) {
      if (loop) opens.set(first, (opens.get(first) ?? 0) + 1);
      else closes.set(last + 1, (closes.get(last + 1) ?? 0) + 1);
    }
    const targets = new Set<number>();
    for (let idx = this.#start; idx < this.#end; idx++) {
      const insn = program.insns[idx]!;
      if (!second[idx] && isJump(insn) && !byJump.has(idx)) targets.add(jumpTarget(insn, idx));
    }
    const stack = this.#stackBytes();
    const seesPackets = this.#isEntry || program.subprogs[index]!.args?.some(({ kind }) => kind === 'ctx');
    const lines: string[] = [];
    const head = this.#isEntry
      ? `SEC("${program.section}") int ${identifier(program.name)}(${contextOf(program)}a1)`
      : prototypeOf(program, index);
    lines.push(`${head} {`);
    const count = this.#isEntry ? 1 : argumentCount(program, index);
    // Arguments that nothing reads must be passed all the same: the kernel checks them.
    if (program.subprogs[index]!.linkage === 'global' && !this.#isEntry) for (let i = 1; i <= count; i++) lines.push(`  KEEP(a${i});`);
    const registers = Array.from({ length: 10 }, (_, r) => `r${r} = ${r >= 1 && r <= count ? `(__u64)a${r}` : '0'}`);
    lines.push(`  __u64 ${registers.join(', ')};`);
    if (stack > 0) lines.push(`  __u8 stack[${stack}] __attribute__((aligned(8)));`, `  __u64 r10 = (__u64)stack + ${stack};`);
    let depth = 1;
    const put = (text: string): void => void lines.push(`${'  '.repeat(depth)}${text}`);
    /** Registers that hold an offset that was just compared with its bound. */
    const bounded = new Set<number>();
    const texts = new Map(program.lineInfo.map((line) => [line.insnIdx, line.text]));
    for (let idx = this.#start; idx < this.#end; idx++) {
      if (second[idx]) continue;
      for (let n = closes.get(idx) ?? 0; n > 0; n--) {
        depth--;
        put('}');
      }
      if (targets.has(idx)) lines.push(`l${idx}:;`);
      for (let n = opens.get(idx) ?? 0; n > 0; n--) {
        put('do {');
        depth++;
      }
      const text = texts.get(idx);
      if (text) put(`/* ${text.replaceAll('*/', '* /')} */`);
      const block = byJump.get(idx);
      const insn = program.insns[idx]!;
      // The verifier takes bounds of a packet from this comparison as it stands: the compiler must not put another in its place.
      if (seesPackets && isJump(insn) && classOf(insn) === JMP && (insn.opcode & X) !== 0) put(`KEEP(r${insn.dst});`);
      // Offsets are compared with their bound right before they are added to an address. One value for both, and the address at once: kernels up to 6.6 forget the bound of what
      // went through the stack in between, and no pointer that moves beside a counter takes the counter's place.
      const compares = insn.opcode === (JMP | JGT);
      if (compares) put(`KEEP(r${insn.dst});`);
      if (!block) put(this.#statement(insn, idx));
      else if (block.loop) {
        depth--;
        put(`} while (${condition(insn, false)});`);
      } else {
        put(`if (${condition(insn, true)}) {`);
        depth++;
      }
      if (compares) bounded.add(insn.dst);
      else if (isJump(insn) || insn.opcode === OP_CALL) bounded.clear();
      else if (insn.opcode === (ALU64 | MOV | X) && bounded.has(insn.src)) bounded.add(insn.dst);
      else if (insn.opcode === (ALU64 | ADD | X) && (bounded.has(insn.src) || bounded.has(insn.dst))) {
        put(`KEEP(r${insn.dst});`);
        bounded.clear();
      } else bounded.delete(insn.dst);
    }
    lines.push('}');
    return lines;
  }

  /** Jumps that nest: conditional ones backward become loops, forward ones become branches. */
  #blocks(): Block[] {
    const { insns } = this.#program;
    const second = secondSlots(insns);
    const wanted: Block[] = [];
    for (let idx = this.#start; idx < this.#end; idx++) {
      const insn = insns[idx]!;
      if (second[idx] || !isJump(insn) || isUnconditional(insn) || opOf(insn) === JCOND) continue;
      const target = jumpTarget(insn, idx);
      if (target <= idx) wanted.push({ first: target, last: idx, jump: idx, loop: true });
      else if (target > idx + 1) wanted.push({ first: idx + 1, last: target - 1, jump: idx, loop: false });
    }
    // Long ones last: what crosses a shorter one stays a goto. Loops come first.
    const kept: Block[] = [];
    const from = (block: Block): number => (block.loop ? block.first : block.jump);
    // A branch inside a loop ends before the loop's own condition, and a loop inside a branch begins behind the branch's.
    const inside = (a: Block, b: Block): boolean =>
      (a.loop && !b.loop ? from(b) < from(a) : from(b) <= from(a)) && (b.loop && !a.loop ? a.last < b.last : a.last <= b.last);
    const nests = (a: Block, b: Block): boolean => a.last < from(b) || b.last < from(a) || inside(a, b) || inside(b, a);
    for (const block of wanted.sort((a, b) => Number(b.loop) - Number(a.loop) || a.last - a.first - (b.last - b.first)))
      if (kept.every((other) => nests(block, other))) kept.push(block);
    return kept;
  }

  /** Bytes below the frame pointer that the function touches. */
  #stackBytes(): number {
    const { insns } = this.#program;
    let low = 0;
    for (let idx = this.#start; idx < this.#end; idx++) {
      const insn = insns[idx]!;
      const cls = classOf(insn);
      if (cls === LDX && insn.src === 10) low = Math.min(low, insn.off);
      if ((cls === ST || cls === STX) && insn.dst === 10) low = Math.min(low, insn.off);
      const next = insns[idx + 1];
      if (insn.opcode === (ALU64 | MOV | X) && insn.src === 10 && next?.opcode === (ALU64 | ADD) && next.dst === insn.dst)
        low = Math.min(low, next.imm);
    }
    return Math.ceil(-low / 8) * 8;
  }

  #statement(insn: Insn, idx: number): string {
    const program = this.#program;
    const cls = classOf(insn);
    const dst = `r${insn.dst}`;
    const address = (reg: number): string => (insn.off === 0 ? `r${reg}` : `r${reg} ${insn.off < 0 ? '-' : '+'} ${Math.abs(insn.off)}`);
    const refuse = (what: string, advice = ''): never => {
      throw new InputError(`instruction ${idx} ${what}`, program.name, advice);
    };
    if (insn.opcode === OP_EXIT) return 'return r0;';
    if (insn.opcode === OP_LDDW) {
      if (isFuncAddress(insn)) return `${dst} = (__u64)${this.#nameAt(idx + 1 + insn.imm)};`;
      const map = program.maps[insn.imm];
      const high = program.insns[idx + 1]!.imm;
      if (insn.src === PSEUDO_MAP_FD && map) return `${dst} = (__u64)&${mapName(map)};`;
      if (insn.src === PSEUDO_MAP_VALUE && map) return `${dst} = (__u64)${mapName(map)}${high ? ` + ${high}` : ''};`;
      if (insn.src !== 0) refuse('loads an address that is not written in C');
      const value = BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt(insn.imm >>> 0));
      return `${dst} = ${value}ULL;`;
    }
    if (insn.opcode === OP_CALL) {
      const pass = (count: number): string[] => Array.from({ length: count }, (_, i) => `r${i + 1}`);
      if (isPseudoCall(insn)) {
        const callee = program.subprogs.findIndex((func) => func.start === idx + 1 + insn.imm);
        const args = pass(argumentCount(program, callee)).map((arg, i) =>
          program.subprogs[callee]!.args?.[i]?.kind === 'ctx' ? `(${contextOf(program).trim()})${arg}` : arg,
        );
        return `r0 = ${this.#nameAt(idx + 1 + insn.imm)}(${args.join(', ')});`;
      }
      const helper = helperById(insn.imm) ?? refuse(`calls helper ${insn.imm}, which is not written in C`);
      if (insn.src !== 0) refuse('calls a function of the kernel, which is not written in C');
      const types = Array.from({ length: helper.args }, () => '__u64').join(', ');
      return `r0 = ((__u64 (*)(${types || 'void'}))${insn.imm})(${pass(helper.args).join(', ')}); /* ${helper.name} */`;
    }
    if (isJump(insn)) {
      // The loops of compiled models count their rounds: without it they are bounded loops, which older kernels take too.
      if (opOf(insn) === JCOND) return '; /* may_goto */';
      const to = `goto l${jumpTarget(insn, idx)};`;
      return isUnconditional(insn) ? to : `if (${condition(insn, false)}) ${to}`;
    }
    if (cls === LDX) {
      const size = SIZES[sizeOf(insn)]! * 8;
      return `${dst} = ${modeOf(insn) === MEMSX ? `(__s64)S${size}` : `U${size}`}(${address(insn.src)});`;
    }
    if (cls === ST) return `U${SIZES[sizeOf(insn)]! * 8}(${address(insn.dst)}) = ${insn.imm};`;
    if (cls === STX) {
      const size = SIZES[sizeOf(insn)]! * 8;
      if (modeOf(insn) !== ATOMIC) return `U${size}(${address(insn.dst)}) = r${insn.src};`;
      if (insn.imm !== ADD) refuse('is an atomic operation that is not written in C');
      return `__sync_fetch_and_add((__u${size} *)(${address(insn.dst)}), r${insn.src});`;
    }
    return this.#arithmetic(insn, this.#isLong(idx), refuse);
  }

  #arithmetic(insn: Insn, long: boolean, refuse: (what: string) => never): string {
    const op = opOf(insn);
    const dst = `r${insn.dst}`;
    const narrow = classOf(insn) === ALU;
    const isReg = (insn.opcode & X) !== 0;
    const value = isReg ? `r${insn.src}` : `${insn.imm}`;
    if (op === END) {
      if (!narrow || isReg)
        return insn.imm === 16
          ? `${dst} = __builtin_bswap16(${dst});`
          : insn.imm === 32
            ? `${dst} = __builtin_bswap32(${dst});`
            : `${dst} = __builtin_bswap64(${dst});`;
      return insn.imm === 64 ? ';' : `${dst} = (__u${insn.imm})${dst};`;
    }
    if (op === NEG) return narrow ? `${dst} = (__u32)-${dst};` : `${dst} = -${dst};`;
    if (op === MOV) {
      if (insn.off !== 0) return narrow ? `${dst} = (__u32)(__s${insn.off})${value};` : `${dst} = (__s64)(__s${insn.off})${value};`;
      return narrow ? `${dst} = (__u32)${value};` : `${dst} = ${isReg ? value : `(__s64)${value}`};`;
    }
    const bits = narrow ? 32 : 64;
    if ((op === ARSH || op === RSH) && !narrow && !isReg && insn.imm === 63) return `${op === ARSH ? 'SIGN' : 'BIT63'}(${dst});`;
    if (op === ARSH) return `${dst} = ${narrow ? '(__u32)' : ''}((__s${bits})${dst} >> ${isReg ? `(${value} & ${bits - 1})` : value});`;
    const sign = OPERATORS[op] ?? refuse('has no form in C');
    const shift = op === LSH || op === RSH;
    const right = shift
      ? isReg
        ? `(${value} & ${bits - 1})`
        : value
      : isReg
        ? narrow
          ? `(__u32)${value}`
          : value
        : insn.imm < 0
          ? `(__s64)${value}`
          : value;
    if ((op === DIV || op === MOD) && insn.off === 1)
      return `${dst} = ${narrow ? '(__u32)' : ''}((__s${bits})${dst} ${sign} (__s${bits})${value});`;
    // The machine's own rule for zero divisors: a quotient of zero, the dividend as the rest.
    if ((op === DIV || op === MOD) && isReg)
      return `${dst} = ${right} ? ${narrow ? `(__u32)${dst}` : dst} ${sign} ${right} : ${op === DIV ? '0' : dst};`;
    if (narrow) return `${dst} = (__u32)((__u32)${dst} ${sign} ${right});`;
    if (op === ADD && isReg && long) return `SUM(${dst}, ${right});`;
    return `${dst} ${sign}= ${right};`;
  }

  /** Whether an instruction stands among many without a jump. */
  #isLong(idx: number): boolean {
    const { insns } = this.#program;
    let [from, to] = [idx, idx];
    while (from > this.#start && idx - from < LONG_RUN && !isJump(insns[from - 1]!)) from--;
    while (to < this.#end && to - idx < LONG_RUN && !isJump(insns[to]!)) to++;
    return to - from >= LONG_RUN;
  }

  #nameAt(start: number): string {
    const func = this.#program.subprogs.find((candidate) => candidate.start === start);
    if (!func) throw new InputError(`a call goes to instruction ${start}, where no function starts`, this.#program.name);
    return identifier(func.name);
  }
}

function condition(insn: Insn, opposite: boolean): string {
  const op = opOf(insn);
  const narrow = classOf(insn) === JMP32;
  const isReg = (insn.opcode & X) !== 0;
  const cast = (value: string, signed: boolean): string =>
    signed ? `(__s${narrow ? 32 : 64})${value}` : narrow ? `(__u32)${value}` : value;
  const [left, right] = [`r${insn.dst}`, isReg ? `r${insn.src}` : `${insn.imm}`];
  if (op === JSET) return `${opposite ? '!' : ''}(${cast(left, false)} & ${isReg ? cast(right, false) : right})`;
  const [sign, signed] = COMPARE[op]!;
  const other = isReg ? cast(right, signed) : signed || insn.imm >= 0 ? right : `(__u${narrow ? 32 : 64})(__s64)${right}`;
  return `${cast(left, signed)} ${opposite ? OPPOSITE[sign] : sign} ${other}`;
}

import { type DisasmOptions, formatKernel } from './disasm.ts';
import { secondSlots } from './functions.ts';
import { helperName } from './helper-names.ts';
import {
  CALL,
  isFuncAddress,
  isJump,
  isPseudoCall,
  JMP,
  jumpTarget,
  OP_CALL,
  OP_LDDW,
  PSEUDO_BTF_ID,
  PSEUDO_KFUNC_CALL,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_IDX,
  PSEUDO_MAP_IDX_VALUE,
  PSEUDO_MAP_VALUE,
  X,
} from './insn.ts';
import { formatLlvm } from './llvm.ts';
import { MAP_TYPE_NAMES } from './maps.ts';
import { encodingProblem } from './opcodes.ts';
import type { ArgType, Insn, InsnIdx, LineInfo, MapDef, Program, Subprog } from './program.ts';
import { progTypeName, sectionType } from './progtypes.ts';

export type Syntax = 'kernel' | 'llvm';

export interface ListingOptions {
  /** Default `kernel`. */
  readonly syntax?: Syntax;
  /** Labels in place of distances. Default: for LLVM's syntax. */
  readonly labels?: boolean;
  /** Source lines as comments, as the kernel's log has them. Default true. */
  readonly source?: boolean;
}

/** A line of a listing; `insnIdx` is -1 for directives, labels and comments. */
export interface ListingLine {
  readonly text: string;
  readonly insnIdx: InsnIdx;
}

const NAME = /^[A-Za-z_.$][\w.$]*$/;
// What a bare name would be taken for; those need quotes, which only functions and maps can have.
const quoteName = (name: string): string => (NAME.test(name) ? name : `"${name}"`);
const signedSuffix = (n: number): string => (n === 0 ? '' : n < 0 ? `${n}` : `+${n}`);
const hexBytes = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const argText = (arg: ArgType): string => (arg.kind === 'mem' ? `mem${arg.nonNull ? '' : '?'}:${arg.size}` : arg.kind);

function mapLines(map: MapDef): string[] {
  const line = (directive: string, m: MapDef): string => {
    const type = MAP_TYPE_NAMES[m.type] ?? `${m.type}`;
    const words = [directive, quoteName(m.name), type, m.keySize, m.valueSize, m.maxEntries];
    if (m.flags !== 0) words.push(`0x${(m.flags >>> 0).toString(16)}`);
    if (m.section !== undefined) words.push(`section=${m.section}`);
    if (m.spinLockOff !== undefined) words.push(`lock=${m.spinLockOff}`);
    if (m.frozen) words.push('frozen');
    if (m.pinByName) words.push('pin');
    return words.join(' ');
  };
  const lines = [line('.map', map)];
  if (map.inner) lines.push(line('.inner', map.inner));
  if (map.data) {
    for (let at = 0; at < map.data.length; at += 32) {
      const row = map.data.subarray(at, at + 32);
      if (row.some((byte) => byte !== 0)) lines.push(`  .data ${hexBytes(row)}`);
      else {
        let end = at + row.length;
        while (end < map.data.length && map.data[end] === 0) end++;
        // Rows stay multiples of 32 so that equal tables look equal.
        const whole = end === map.data.length ? end : end - ((end - at) % 32);
        lines.push(`  .zero ${whole - at}`);
        at = whole - 32;
      }
    }
  }
  return lines;
}

function headerLines(program: Program): string[] {
  const lines = [`.section ${quoteName(program.section)}`];
  const implied = sectionType(program.section);
  if (implied?.progType !== program.progType) lines.push(`.type ${progTypeNameOrNumber(program.progType)}`);
  const same = implied?.progType === program.progType;
  if ((same ? implied.expectedAttachType : 0) !== program.expectedAttachType) lines.push(`.attach ${program.expectedAttachType}`);
  if ((same && implied.sleepable) !== program.sleepable) lines.push(`.sleepable ${program.sleepable ? 'yes' : 'no'}`);
  if ((same ? implied.loadFlags : 0) !== program.loadFlags) lines.push(`.flags ${program.loadFlags}`);
  lines.push(program.license === '' ? '.license' : `.license ${program.license}`);
  if (program.name !== program.subprogs[0]?.name) lines.push(`.name ${quoteName(program.name)}`);
  for (const map of program.maps) lines.push(...mapLines(map));
  return lines;
}

const progTypeNameOrNumber = (type: number): string => (progTypeName(type).includes(' ') ? `${type}` : progTypeName(type));

function funcLine(func: Subprog): string {
  const args = func.args ? ` (${func.args.map(argText).join(', ')})` : '';
  return `.func ${quoteName(func.name)} ${func.linkage}${args}${func.returns ? ` -> ${func.returns}` : ''}`;
}

class Listing {
  private readonly program: Program;
  private readonly options: ListingOptions;
  private readonly funcAt: Map<InsnIdx, Subprog>;
  private readonly funcNames: Set<string>;
  private readonly labels = new Map<InsnIdx, string>();
  private readonly mapNamesUnique: boolean;

  constructor(program: Program, options: ListingOptions) {
    this.program = program;
    this.options = options;
    this.funcAt = new Map(program.subprogs.map((func) => [func.start, func]));
    this.funcNames = new Set(program.subprogs.map((func) => func.name));
    this.mapNamesUnique = new Set(program.maps.map((map) => map.name)).size === program.maps.length;
    if (options.labels ?? options.syntax === 'llvm') this.collectLabels();
  }

  /** `LBB<function>_<n>`, numbered in order of place as compilers do. */
  private collectLabels(): void {
    const { insns, subprogs } = this.program;
    const targets = new Set<InsnIdx>();
    const second = secondSlots(insns);
    for (let idx = 0; idx < insns.length; idx++) {
      if (insns[idx]!.opcode === OP_LDDW) idx++;
      else if (isJump(insns[idx]!)) targets.add(jumpTarget(insns[idx]!, idx));
    }
    let func = 0;
    let number = 0;
    for (const target of [...targets].sort((a, b) => a - b)) {
      // A target inside an lddw or outside the program has no line to stand on.
      if (target < 0 || target >= insns.length || second[target]) continue;
      while (func + 1 < subprogs.length && subprogs[func + 1]!.start <= target) {
        func++;
        number = 0;
      }
      this.labels.set(target, `LBB${func}_${++number}`);
    }
  }

  lines(): ListingLine[] {
    const { program } = this;
    const out: ListingLine[] = headerLines(program).map((text) => ({ text, insnIdx: -1 }));
    const directive = (text: string): number => out.push({ text, insnIdx: -1 });
    const sources = new Map(this.options.source === false ? [] : program.lineInfo.map((info) => [info.insnIdx, info]));
    let lastSource = '';
    for (let idx = 0; idx < program.insns.length; idx++) {
      const func = this.funcAt.get(idx);
      if (func) directive(funcLine(func));
      const label = this.labels.get(idx);
      if (label) directive(`${label}:`);
      const source = sources.get(idx);
      if (source) {
        const text = sourceComment(source);
        if (text !== lastSource) directive(`  ${text}`);
        lastSource = text;
      }
      const insn = program.insns[idx]!;
      if (insn.opcode === OP_LDDW && this.isPlainLddw(idx)) {
        out.push({ text: `  ${this.lddw(idx)}`, insnIdx: idx });
        idx++;
      } else out.push({ text: `  ${this.one(idx)}`, insnIdx: idx });
    }
    return out;
  }

  /** True when nothing but the fields that the syntax shows is set and no function or line starts in its middle. */
  private isPlainLddw(idx: InsnIdx): boolean {
    const first = this.program.insns[idx]!;
    const second = this.program.insns[idx + 1];
    if (!second || encodingProblem(first) || this.funcAt.has(idx + 1)) return false;
    if (second.opcode !== 0 || second.dst !== 0 || second.src !== 0 || second.off !== 0) return false;
    if ((first.src === PSEUDO_MAP_FD || first.src === PSEUDO_MAP_VALUE) && this.mapName(first.imm) === null) return false;
    return (first.src !== PSEUDO_MAP_FD && !isFuncAddress(first)) || second.imm === 0;
  }

  private mapName(index: number): string | null {
    const map = this.program.maps[index];
    return map && this.mapNamesUnique ? quoteName(map.name) : null;
  }

  private lddw(idx: InsnIdx): string {
    const { insns } = this.program;
    const insn = insns[idx]!;
    const high = insns[idx + 1]!.imm;
    const dst = `r${insn.dst} = `;
    if (insn.src === 0) return this.options.syntax === 'llvm' ? formatLlvm(insns, idx) : `${formatKernel(insns, idx)} ll`;
    if (insn.src === PSEUDO_BTF_ID) return `${dst}btf_id[${insn.imm}]${signedSuffix(high)}`;
    if (insn.src === PSEUDO_MAP_IDX) return `${dst}map_idx[${insn.imm}]${signedSuffix(high)}`;
    if (insn.src === PSEUDO_MAP_IDX_VALUE) return `${dst}map_idx_value[${insn.imm}]${signedSuffix(high)}`;
    if (isFuncAddress(insn)) {
      const func = this.funcAt.get(idx + 1 + insn.imm);
      return `${dst}func[${func ? quoteName(func.name) : `pc${insn.imm < 0 ? '' : '+'}${insn.imm}`}]`;
    }
    const map = this.mapName(insn.imm);
    return insn.src === PSEUDO_MAP_VALUE ? `${dst}map_value[${map}]${signedSuffix(high)}` : `${dst}map[${map}]`;
  }

  /** A slot that no syntax can say. */
  private raw(idx: InsnIdx): string {
    const { opcode, dst, src, off, imm } = this.program.insns[idx]!;
    return `.insn 0x${opcode.toString(16).padStart(2, '0')} ${dst} ${src} ${off} ${imm}`;
  }

  private one(idx: InsnIdx): string {
    const { insns } = this.program;
    const insn = insns[idx]!;
    if (insn.opcode === OP_LDDW || encodingProblem(insn)) return this.raw(idx);
    if (insn.opcode === (JMP | CALL | X)) return `callx r${insn.dst}`;
    if (insn.opcode === OP_CALL) return this.call(insn, idx);
    const text = this.options.syntax === 'llvm' ? formatLlvm(insns, idx) : formatKernel(insns, idx, KERNEL_OPTIONS);
    const label = isJump(insn) ? this.labels.get(jumpTarget(insn, idx)) : undefined;
    return label ? text.replace(/(pc)?[+-](0x)?[0-9a-f]+$/, label) : text;
  }

  private call(insn: Insn, idx: InsnIdx): string {
    if (isPseudoCall(insn)) {
      const func = this.funcAt.get(idx + 1 + insn.imm);
      return `call ${func ? quoteName(func.name) : `pc${insn.imm < 0 ? '' : '+'}${insn.imm}`}`;
    }
    if (insn.src === PSEUDO_KFUNC_CALL) {
      const name = this.program.kfuncCalls.get(idx);
      if (name === undefined) return this.raw(idx);
      return `call kfunc ${quoteName(name)}${insn.imm === 0 ? '' : `#${insn.imm}`}${insn.off === 0 ? '' : `@${insn.off}`}`;
    }
    const name = helperName(insn.imm);
    // A function may bear a helper's name; then only the number tells them apart.
    const isPlain = this.options.syntax === 'llvm' && name !== undefined && !this.funcNames.has(name);
    return isPlain ? `call ${name}` : `call ${name ?? 'unknown'}#${insn.imm}`;
  }
}

/** As the log has it: without indent and folder, and once for neighbours that differ only in their column. */
function sourceComment(info: LineInfo): string {
  return `; ${info.text.trimStart().replace(/[\r\n]/g, ' ')} @ ${info.file.replace(/^.*\//, '')}:${info.line}`;
}

const KERNEL_OPTIONS: DisasmOptions = {};

/** The program as a text that {@link assemble} turns back into the same program, line by line. */
export function listing(program: Program, options: ListingOptions = {}): ListingLine[] {
  return new Listing(program, options).lines();
}

/** The directives in front of a program's first function: section, type, licence, maps. */
export function headerText(program: Program): string {
  return headerLines(program).join('\n');
}

/** {@link listing} as one text. */
export function disassemble(program: Program, options: ListingOptions = {}): string {
  return `${listing(program, options)
    .map((line) => line.text)
    .join('\n')}\n`;
}

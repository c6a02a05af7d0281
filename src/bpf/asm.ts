import { parseInsn } from './asm-insn.ts';
import { MapDrafts, parseNumber, type Word, wordsOf } from './asm-maps.ts';
import type { Reference } from './asm-operands.ts';
import { calledTargets } from './functions.ts';
import { helperId } from './helper-names.ts';
import { OP_LDDW, PSEUDO_FUNC, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE } from './insn.ts';
import { SyntaxProblem, TokenReader, tokenize } from './lexer.ts';
import type { ArgType, Insn, InsnIdx, LineInfo, Program, Subprog } from './program.ts';
import { PROG_TYPE_XDP, progTypeByName, sectionFor, sectionType } from './progtypes.ts';

export interface Diagnostic {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface Assembly {
  /** null when there is at least one diagnostic. */
  readonly program: Program | null;
  readonly diagnostics: readonly Diagnostic[];
  /** Line (from 1) of each instruction slot, also when there are diagnostics. */
  readonly lineOfInsn: readonly number[];
}

/** A file that is no assembly at all has a mistake on every line; nobody reads more than these. */
const MAX_DIAGNOSTICS = 200;
const MAX_MESSAGE = 300;

/** `; softmax.0 @ model.onnx:13`, as log and listing have it: the source of the instruction that follows. */
const SOURCE_COMMENT = /^\s*; (.*) @ (\S+):(\d{1,7})\s*$/;

interface Pending {
  readonly reference: Reference;
  readonly insnIdx: InsnIdx;
  readonly line: number;
}

interface FuncDraft {
  readonly name: string;
  readonly start: InsnIdx;
  readonly linkage: 'static' | 'global';
  readonly args?: readonly ArgType[];
  readonly returns?: 'scalar' | 'void';
}

class Assembler {
  /** Where complaints about the whole program go. */
  private readonly firstLine: number;
  readonly diagnostics: Diagnostic[] = [];
  readonly lineOfInsn: number[] = [];
  private readonly insns: Insn[] = [];
  private readonly labels = new Map<string, InsnIdx>();
  private readonly pending: Pending[] = [];
  private readonly maps = new MapDrafts();
  private readonly funcs: FuncDraft[] = [];
  private readonly kfuncCalls = new Map<InsnIdx, string>();
  private readonly lineInfo: LineInfo[] = [];
  private source: Omit<LineInfo, 'insnIdx'> | null = null;
  private name: string | null = null;
  private section: string | null = null;
  private license = 'GPL';
  private progType: number | null = null;
  private attachType: number | null = null;
  private sleepable: boolean | null = null;
  private loadFlags: number | null = null;

  constructor(firstLine: number) {
    this.firstLine = firstLine;
  }

  complain(line: number, column: number, message: string): void {
    const short = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;
    if (this.diagnostics.length < MAX_DIAGNOSTICS) this.diagnostics.push({ line, column, message: short });
  }

  line(raw: string, line: number): void {
    const source = SOURCE_COMMENT.exec(raw);
    if (source) this.source = { text: source[1]!, file: source[2]!, line: Number(source[3]), column: 0 };
    this.attempt(line, () => this.statement(stripComment(raw), line));
  }

  private attempt(line: number, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error;
      this.complain(line, error.column, error.message);
    }
  }

  private statement(text: string, line: number): void {
    let rest = text;
    let column = 1;
    const skip = (pattern: RegExp): RegExpExecArray | null => {
      const match = pattern.exec(rest);
      if (match) {
        rest = rest.slice(match[0].length);
        column += match[0].length;
      }
      return match;
    };
    skip(/^\s+/);
    for (;;) {
      const at = column;
      const label = skip(/^([A-Za-z_.$][\w.$]*|"[^"]+"):\s*/);
      if (!label) break;
      this.label(label[1]!.replaceAll('"', ''), line, at);
    }
    if (rest === '') return;
    if (/^\.(?!insn\b)/.test(rest)) {
      this.directive(wordsOf(rest, column), line);
      return;
    }
    // A log line: its index, and the opcode in parentheses.
    skip(/^\d+:\s*/);
    const opcode = skip(/^\(([0-9a-f]{2})\)\s*/);
    const expected = opcode ? Number.parseInt(opcode[1]!, 16) : -1;
    const reader = new TokenReader(tokenize(rest, column));
    const statement = parseInsn(reader, expected === OP_LDDW);
    reader.end();
    const got = statement.slots[0]!.opcode;
    if (opcode && got !== expected) {
      throw new SyntaxProblem(`opcode ${opcode[1]} stands in front, but this is ${got.toString(16).padStart(2, '0')}`, column);
    }
    const insnIdx = this.insns.length;
    if (statement.reference) this.pending.push({ reference: statement.reference, insnIdx, line });
    if (statement.kfunc !== undefined) this.kfuncCalls.set(insnIdx, statement.kfunc);
    if (this.source) this.lineInfo.push({ insnIdx, ...this.source });
    this.source = null;
    for (const slot of statement.slots) {
      this.insns.push(slot);
      this.lineOfInsn.push(line);
    }
  }

  private label(name: string, line: number, column: number): void {
    if (this.labels.has(name)) this.complain(line, column, `label ${name} stands twice`);
    else this.labels.set(name, this.insns.length);
  }

  private directive(words: readonly Word[], line: number): void {
    const [directive, ...rest] = words;
    const first = rest[0]?.text ?? '';
    const column = (rest[0] ?? directive!).column;
    const need = (count: number): boolean => {
      if (rest.length >= count) return true;
      this.complain(line, directive!.column, `${directive!.text} needs ${count} ${count === 1 ? 'word' : 'words'} after it`);
      return false;
    };
    const number = (): number => {
      const value = parseNumber(first);
      if (Number.isNaN(value)) this.complain(line, column, `${directive!.text} needs a number`);
      return value | 0;
    };
    switch (directive!.text) {
      case '.section':
        if (need(1)) this.section = first;
        return;
      case '.license':
        // Licences have spaces: `.license Dual BSD/GPL`; a program without one has none behind the word.
        this.license = rest.map((word) => word.text).join(' ');
        return;
      case '.name':
        if (need(1)) this.name = first;
        return;
      case '.type':
      case '.prog':
        if (!need(1)) return;
        this.progType = progTypeByName(first) ?? sectionType(first)?.progType ?? (/^\d+$/.test(first) ? Number(first) : null);
        if (this.progType === null) this.complain(line, column, `unknown program type ${first}`);
        return;
      case '.attach':
        if (need(1)) this.attachType = number();
        return;
      case '.flags':
        if (need(1)) this.loadFlags = number();
        return;
      case '.sleepable':
        this.sleepable = first !== 'no';
        return;
      case '.map':
      case '.inner':
        if (need(5)) this.maps.declare(directive!.text === '.inner', rest);
        return;
      case '.data':
      case '.zero':
        this.maps.contents(directive!.text, rest, directive!.column);
        return;
      case '.func':
        if (need(1)) this.func(rest, line);
        return;
      default:
        this.complain(line, directive!.column, `unknown directive ${directive!.text}`);
    }
  }

  /** `name [static|global] [(scalar, ctx, mem:8, mem?:8)] [-> scalar|void]` */
  private func(words: readonly Word[], line: number): void {
    const name = words[0]!;
    // The main function is what the loader sees; all others are private unless the text says otherwise.
    let linkage: 'static' | 'global' = this.insns.length === 0 ? 'global' : 'static';
    let args: ArgType[] | undefined;
    let returns: 'scalar' | 'void' | undefined;
    for (const word of words.slice(1)) {
      if (word.text === 'static' || word.text === 'global') linkage = word.text;
      else if (word.text === 'scalar' || word.text === 'void') returns = word.text;
      else if (word.text.startsWith('(')) {
        args = [];
        for (const text of word.text.slice(1, -1).split(',')) {
          const trimmed = text.trim();
          if (trimmed === '') continue;
          const memory = /^mem(\?)?:(\d+)$/.exec(trimmed);
          if (trimmed === 'scalar' || trimmed === 'ctx') args.push({ kind: trimmed });
          else if (memory) args.push({ kind: 'mem', size: Number(memory[2]), nonNull: memory[1] === undefined });
          else this.complain(line, word.column, `unknown argument type ${trimmed}: scalar, ctx, mem:SIZE or mem?:SIZE`);
        }
      } else if (word.text !== '->') this.complain(line, word.column, `unexpected ${word.text}`);
    }
    this.label(name.text, line, name.column);
    this.funcs.push({ name: name.text, start: this.insns.length, linkage, ...(args ? { args } : {}), ...(returns ? { returns } : {}) });
  }

  finish(): Assembly {
    if (this.insns.length === 0) this.complain(this.firstLine, 1, 'there is no instruction in this text');
    for (const pending of this.pending) this.attempt(pending.line, () => this.resolve(pending));
    const subprogs = this.subprogs();
    const section = this.section ?? (this.progType === null ? 'xdp' : (sectionFor(this.progType) ?? 'xdp'));
    const type = sectionType(section);
    if (this.progType === null && !type) this.complain(this.firstLine, 1, `section ${section} names no program type: add .type`);
    const sameType = this.progType === null || this.progType === type?.progType;
    const program: Program = {
      name: this.name ?? subprogs[0]?.name ?? 'prog',
      section,
      progType: this.progType ?? type?.progType ?? PROG_TYPE_XDP,
      expectedAttachType: this.attachType ?? (sameType ? (type?.expectedAttachType ?? 0) : 0),
      sleepable: this.sleepable ?? (sameType && (type?.sleepable ?? false)),
      loadFlags: this.loadFlags ?? (sameType ? (type?.loadFlags ?? 0) : 0),
      license: this.license,
      insns: this.insns,
      subprogs,
      maps: this.maps.defs(),
      lineInfo: this.lineInfo,
      origins: [],
      insnOrigins: this.insns.map(() => []),
      kfuncCalls: this.kfuncCalls,
    };
    const diagnostics = this.diagnostics.sort((a, b) => a.line - b.line || a.column - b.column);
    return { program: diagnostics.length === 0 ? program : null, diagnostics, lineOfInsn: this.lineOfInsn };
  }

  private resolve({ reference, insnIdx }: Pending): void {
    const insn = this.insns[insnIdx]!;
    this.insns[insnIdx] = { ...insn, ...this.resolvedFields(reference, insn, insnIdx) };
  }

  private resolvedFields({ kind, name, column }: Reference, insn: Insn, insnIdx: InsnIdx): Partial<Insn> {
    const target = this.labels.get(name);
    const mapIdx = this.maps.indexOf(name);
    if (kind === 'map' || (kind === 'symbol' && mapIdx >= 0)) {
      if (mapIdx < 0) throw new SyntaxProblem(`no map is called ${name}: declare it with .map`, column);
      // LLVM writes `name ll` for a map and `.data ll` for a place in global data.
      const isData = kind === 'symbol' && this.maps.hasContents(mapIdx);
      return { src: kind === 'map' ? insn.src : isData ? PSEUDO_MAP_VALUE : PSEUDO_MAP_FD, imm: mapIdx };
    }
    const helper = kind === 'call' && target === undefined ? helperId(name) : undefined;
    if (helper !== undefined) return { src: 0, imm: helper };
    if (target === undefined) {
      const what = kind === 'call' ? 'function or helper' : kind === 'symbol' ? 'map or function' : kind === 'func' ? 'function' : 'label';
      throw new SyntaxProblem(`no ${what} is called ${name}`, column);
    }
    const distance = target - insnIdx - 1;
    if (kind === 'func' || kind === 'symbol') return { src: PSEUDO_FUNC, imm: distance };
    if (kind === 'jump32' || kind === 'call') return { imm: distance };
    if (distance < -32768 || distance > 32767) {
      throw new SyntaxProblem(`${name} is ${distance} instructions away, too far for 16 bits: use gotol`, column);
    }
    return { off: distance };
  }

  /** Functions declared with `.func`, and every place that is called. */
  private subprogs(): Subprog[] {
    const byStart = new Map<InsnIdx, Subprog>();
    for (const func of this.funcs) if (func.start < this.insns.length) byStart.set(func.start, func);
    const nameOf = new Map<InsnIdx, string>();
    for (const [name, at] of this.labels) if (!nameOf.has(at)) nameOf.set(at, name);
    const declare = (start: InsnIdx, fallback: string): void => {
      if (!byStart.has(start))
        byStart.set(start, { name: nameOf.get(start) ?? fallback, start, linkage: start === 0 ? 'global' : 'static' });
    };
    declare(0, this.name ?? 'prog');
    for (const target of calledTargets(this.insns)) declare(target, `func_${target}`);
    return [...byStart.values()].sort((a, b) => a.start - b.start);
  }
}

/** `//` and `;` end a line anywhere outside quotes; `#` does at its start or after a space (`call bpf_redirect#23` is a number). */
function stripComment(raw: string): string {
  let quoted = false;
  for (let at = 0; at < raw.length; at++) {
    const char = raw[at];
    if (char === '"') quoted = !quoted;
    if (quoted) continue;
    if (char === ';' || (char === '/' && raw[at + 1] === '/')) return raw.slice(0, at);
    if (char === '#' && (at === 0 || /\s/.test(raw[at - 1]!))) return raw.slice(0, at);
  }
  return raw;
}

/** A `.section` behind the first instruction begins another program. */
function splitPrograms(lines: readonly string[]): number[] {
  const starts = [0];
  let hasCode = false;
  lines.forEach((raw, at) => {
    const text = stripComment(raw).trim();
    if (/^\.section\b/.test(text)) {
      if (hasCode) starts.push(at);
      hasCode = false;
    } else if (text !== '' && !/^\.(?!insn\b)/.test(text)) hasCode = true;
  });
  return starts;
}

const linesOf = (text: string): string[] => text.split(/\r\n|\n|\r/);

function assembleLines(lines: readonly string[], from: number, to: number): Assembly {
  const assembler = new Assembler(from + 1);
  for (let at = from; at < to; at++) assembler.line(lines[at]!, at + 1);
  return assembler.finish();
}

/**
 * Assembles a text in the verifier log's syntax or LLVM's, mixed as the writer likes. All mistakes are reported, not only the first.
 *
 * Directives: `.section xdp`, `.type xdp`, `.attach N`, `.flags N`, `.sleepable`, `.name main`, `.license GPL`,
 * `.map name type keySize valueSize entries [flags] [section=.data.x] [lock=4] [frozen] [pin]` followed by `.data HEX…`, `.zero N` and `.inner …`,
 * `.func name [static|global] [(scalar, ctx, mem:8)] [-> scalar|void]`, `.insn opcode dst src off imm`. A comment `; text @ file:line` is
 * the source line of what follows.
 */
export function assemble(text: string): Assembly {
  const lines = linesOf(text);
  const second = splitPrograms(lines)[1];
  const assembly = assembleLines(lines, 0, second ?? lines.length);
  if (second === undefined) return assembly;
  const message = 'another program begins here, and only one can be taken';
  return { ...assembly, program: null, diagnostics: [...assembly.diagnostics, { line: second + 1, column: 1, message }] };
}

/** As {@link assemble} for a text of several programs, as `disassemble` writes them one after another for an object. */
export function assemblePrograms(text: string): { programs: readonly Program[] | null; diagnostics: readonly Diagnostic[] } {
  const lines = linesOf(text);
  const starts = splitPrograms(lines);
  const parts = starts.map((start, at) => assembleLines(lines, start, starts[at + 1] ?? lines.length));
  const programs = parts.flatMap((part) => part.program ?? []);
  return { programs: programs.length === parts.length ? programs : null, diagnostics: parts.flatMap((part) => part.diagnostics) };
}

import { InputError } from '../../base/errors.ts';
import { Lexer } from './lexer.ts';
import { type MetaId, type MetaNode, parseMetaNode } from './metadata.ts';
import type { Block, CallArg, Func, Global, Inst, Line, Linkage, Module, Param, Value } from './module.ts';
import { elementAt, intType, PTR, type Type, VOID } from './types.ts';

const BINARY = new Set(['add', 'sub', 'mul', 'udiv', 'sdiv', 'urem', 'srem', 'shl', 'lshr', 'ashr', 'and', 'or', 'xor']);
const CASTS = new Set(['trunc', 'zext', 'sext', 'ptrtoint', 'inttoptr', 'bitcast', 'addrspacecast', 'ptrtoaddr']);
const FLOAT_OPS = new Set(
  [
    'fneg fadd fsub fmul fdiv frem fcmp fptrunc fpext fptoui fptosi uitofp sitofp'.split(' '),
    'extractelement insertelement shufflevector va_arg landingpad resume invoke indirectbr'.split(' '),
  ].flat(),
);
/** Words that change nothing of what an instruction of BPF does. */
const FLAGS = new Set('nuw nsw exact nneg disjoint samesign inbounds nusw fast nnan ninf nsz arcp contract afn reassoc'.split(' '));
const FLOATS: Readonly<Record<string, number>> = { half: 2, bfloat: 2, float: 4, double: 8, x86_fp80: 16, fp128: 16, ppc_fp128: 16 };
const LINKAGES = new Set(
  'private internal available_externally linkonce weak common appending extern_weak linkonce_odr weak_odr external'.split(' '),
);
const SCOPES = new Set('dso_local dso_preemptable default hidden protected dllimport dllexport'.split(' '));
const NAMED_ADDRESSES = new Set(['unnamed_addr', 'local_unnamed_addr']);
const ORDERINGS = new Set(['unordered', 'monotonic', 'acquire', 'release', 'acq_rel', 'seq_cst']);

/** Reads a module in LLVM's textual form, as clang 22 writes it for the target bpf. Throws {@link InputError} with the line. */
export function parseModule(text: string): Module {
  return new Parser(text).module();
}

class Parser {
  private readonly lexer: Lexer;
  private readonly structs = new Map<string, Type>();
  private readonly globals: Global[] = [];
  private readonly funcs: Func[] = [];
  private readonly metadata = new Map<string, MetaNode>();
  /** Results and arguments without a name are numbered through a function. */
  private unnamed = 0;

  constructor(text: string) {
    this.lexer = new Lexer(text);
  }

  module(): Module {
    const { lexer } = this;
    for (;;) {
      const token = lexer.peek();
      if (token.kind === 'end') break;
      if (token.kind === 'local') this.namedType();
      else if (token.kind === 'global') this.global();
      else if (token.kind === 'meta') {
        const id = lexer.take().text;
        lexer.expect('=');
        this.metadata.set(id, parseMetaNode(lexer));
      } else if (lexer.accept('define')) this.define();
      else if (lexer.accept('declare')) this.declare();
      else if (lexer.accept('attributes')) {
        lexer.take();
        lexer.expect('=');
        this.skipBraces();
      } else if (lexer.accept('source_filename')) {
        lexer.expect('=');
        lexer.take();
      } else if (lexer.accept('target')) {
        lexer.take();
        lexer.expect('=');
        lexer.take();
      } else if (lexer.accept('module')) {
        throw new InputError('assembly at file scope is not supported', 'C source');
      } else lexer.fail('a definition expected');
    }
    return { globals: this.globals, funcs: this.funcs, metadata: this.metadata };
  }

  private skipBraces(): void {
    const { lexer } = this;
    lexer.expect('{');
    for (let depth = 1; depth > 0; ) {
      const token = lexer.take();
      if (token.kind === 'end') lexer.fail('"}" expected');
      if (token.kind === 'punct' && token.text === '{') depth++;
      if (token.kind === 'punct' && token.text === '}') depth--;
    }
  }

  private skipParens(): void {
    const { lexer } = this;
    if (!lexer.accept('(')) return;
    for (let depth = 1; depth > 0; ) {
      const token = lexer.take();
      if (token.kind === 'end') lexer.fail('")" expected');
      if (token.kind === 'punct' && token.text === '(') depth++;
      if (token.kind === 'punct' && token.text === ')') depth--;
    }
  }

  // Types

  private namedType(): void {
    const { lexer } = this;
    const name = lexer.take().text;
    lexer.expect('=');
    lexer.expect('type');
    const target = this.structs.get(name) as { -readonly [K in keyof Type]: Type[K] } | undefined;
    const type: Type = lexer.accept('opaque') ? { kind: 'opaque' } : this.type();
    if (target) Object.assign(target, type);
    else this.structs.set(name, type);
  }

  private type(): Type {
    return this.lexer.inside(() => this.anyType());
  }

  private count(): number {
    const { kind, text } = this.lexer.take();
    const count = Number(text);
    if (kind !== 'int' || !Number.isSafeInteger(count) || count < 0) this.lexer.fail('a number of elements expected');
    return count;
  }

  private anyType(): Type {
    const { lexer } = this;
    const token = lexer.take();
    let type: Type;
    if (token.kind === 'word') {
      const bits = /^i(\d+)$/.exec(token.text);
      if (bits) type = intType(Number(bits[1]));
      else if (token.text === 'ptr') {
        let space = 0;
        if (lexer.accept('addrspace')) {
          lexer.expect('(');
          space = Number(lexer.take().text);
          lexer.expect(')');
        }
        type = space === 0 ? PTR : { kind: 'ptr', space };
      } else if (token.text === 'void') type = VOID;
      else if (token.text === 'label' || token.text === 'metadata') type = { kind: token.text };
      else if (token.text === 'opaque') type = { kind: 'opaque' };
      else if (token.text in FLOATS) type = { kind: 'float', name: token.text, size: FLOATS[token.text]! };
      else return lexer.fail(`unknown type ${token.text}; a type expected`);
    } else if (token.kind === 'local') {
      let known = this.structs.get(token.text);
      if (!known) {
        // Types are listed in the order of their use; a later one is filled in.
        known = { kind: 'opaque' };
        this.structs.set(token.text, known);
      }
      type = known;
    } else if (token.text === '[') {
      const count = this.count();
      lexer.expect('x');
      type = { kind: 'array', count, element: this.type() };
      lexer.expect(']');
    } else if (token.text === '<') {
      if (lexer.is('{')) {
        type = { ...(this.type() as Extract<Type, { kind: 'struct' }>), packed: true };
      } else {
        lexer.accept('vscale');
        const count = this.count();
        lexer.expect('x');
        type = { kind: 'vector', count, element: this.type() };
      }
      lexer.expect('>');
    } else if (token.text === '{') {
      const members: Type[] = [];
      while (!lexer.accept('}')) {
        members.push(this.type());
        lexer.accept(',');
      }
      type = { kind: 'struct', members, packed: false };
    } else return lexer.fail('a type expected');
    while (lexer.is('(')) {
      // Arguments of a function's type: what a variadic call is written with.
      this.skipParens();
      type = { kind: 'function', returns: type };
    }
    return type;
  }

  // Values

  private typed(): Value {
    const type = this.type();
    return this.value(type);
  }

  private value(type: Type): Value {
    return this.lexer.inside(() => this.anyValue(type));
  }

  private anyValue(type: Type): Value {
    const { lexer } = this;
    const token = lexer.take();
    switch (token.kind) {
      case 'local':
        return { kind: 'local', name: token.text, type };
      case 'global':
        return { kind: 'global', name: token.text, type };
      case 'int':
        return { kind: 'int', value: BigInt(token.text), type };
      case 'float':
        return { kind: 'float', text: token.text, type };
      case 'bytes': {
        const bytes = Uint8Array.from(token.text, (char) => char.charCodeAt(0));
        return { kind: 'bytes', bytes, type };
      }
      case 'meta':
        if (lexer.is('(')) {
          this.skipParens();
          return { kind: 'metadata', id: null, type };
        }
        return { kind: 'metadata', id: token.text, type };
      default:
    }
    if (token.text === '[' || token.text === '{' || token.text === '<') {
      const elements: Value[] = [];
      const packed = token.text === '<' && lexer.accept('{');
      const end = token.text === '[' ? ']' : token.text === '{' || packed ? '}' : '>';
      while (!lexer.accept(end)) {
        elements.push(this.typed());
        lexer.accept(',');
      }
      if (packed) lexer.expect('>');
      return { kind: 'aggregate', elements, type };
    }
    if (token.text === '!') {
      if (lexer.is('{')) this.skipBraces();
      else lexer.take();
      return { kind: 'metadata', id: null, type };
    }
    if (token.kind !== 'word') return lexer.fail('a value expected');
    switch (token.text) {
      case 'true':
        return { kind: 'int', value: 1n, type };
      case 'false':
        return { kind: 'int', value: 0n, type };
      case 'null':
      case 'zeroinitializer':
      case 'none':
        return { kind: 'zero', type };
      case 'undef':
      case 'poison':
        return { kind: 'undef', type };
      case 'splat':
        lexer.expect('(');
        this.typed();
        lexer.expect(')');
        return { kind: 'undef', type };
      case 'dso_local_equivalent':
      case 'no_cfi':
        return this.value(type);
      case 'asm': {
        while (lexer.peek().kind === 'word') lexer.take();
        const template = lexer.take().text;
        lexer.expect(',');
        return { kind: 'asm', template, constraints: lexer.take().text, type };
      }
      default:
        return { kind: 'expr', inst: this.constantExpression(token.text), type };
    }
  }

  private constantExpression(code: string): Inst {
    const { lexer } = this;
    while (FLAGS.has(lexer.peek().text)) lexer.take();
    if (code === 'getelementptr') {
      if (lexer.accept('inrange')) this.skipParens();
      lexer.expect('(');
      const gep = this.gep();
      lexer.expect(')');
      return gep;
    }
    lexer.expect('(');
    if (CASTS.has(code)) {
      const value = this.typed();
      lexer.expect('to');
      this.type();
      lexer.expect(')');
      return { op: 'cast', code, value };
    }
    if (BINARY.has(code)) {
      const a = this.typed();
      lexer.expect(',');
      const b = this.typed();
      lexer.expect(')');
      return { op: 'binary', code, a, b };
    }
    return lexer.fail(`constant expression ${code} is not known; another value expected`);
  }

  // Globals and functions

  private prefix(): { linkage: Linkage; hidden: boolean; isWeak: boolean; isPrivate: boolean; words: Set<string> } {
    const { lexer } = this;
    const words = new Set<string>();
    for (;;) {
      const { kind, text } = lexer.peek();
      if (kind !== 'word') break;
      if (LINKAGES.has(text) || SCOPES.has(text) || NAMED_ADDRESSES.has(text) || text === 'externally_initialized') words.add(text);
      else if (text === 'thread_local') throw new InputError('thread-local variables are not supported', 'C source');
      else if (/cc$|^cc$/.test(text)) words.add(text);
      else break;
      lexer.take();
      if (text === 'cc' && lexer.peek().kind === 'int') lexer.take();
    }
    const isWeak = [...words].some((word) => /^(weak|linkonce|common|extern_weak)/.test(word));
    const isPrivate = words.has('private');
    const isExternal = words.has('external') || words.has('extern_weak');
    const linkage: Linkage = isPrivate || words.has('internal') ? 'internal' : isExternal ? 'external' : isWeak ? 'weak' : 'global';
    return { linkage, hidden: words.has('hidden'), isWeak, isPrivate, words };
  }

  private global(): void {
    const { lexer } = this;
    const name = lexer.take().text;
    lexer.expect('=');
    const { linkage, hidden, isWeak, isPrivate, words } = this.prefix();
    if (lexer.accept('addrspace')) this.skipParens();
    while (lexer.is('externally_initialized')) lexer.take();
    const kind = lexer.word();
    if (kind !== 'global' && kind !== 'constant') lexer.fail('global or constant expected');
    const type = this.type();
    const isDeclared = words.has('external') || words.has('extern_weak');
    const init = isDeclared ? null : this.value(type);
    let section: string | null = null;
    let align = 1;
    let dbg: MetaId | null = null;
    while (lexer.accept(',')) {
      const token = lexer.take();
      if (token.text === 'section') section = lexer.take().text;
      else if (token.text === 'align') align = Number(lexer.take().text);
      else if (token.kind === 'meta') {
        const id = lexer.take();
        if (token.text === 'dbg') dbg = id.text;
      } else if (lexer.is('(')) this.skipParens();
    }
    while (lexer.peek().kind === 'attr') lexer.take();
    this.globals.push({ name, linkage, hidden, isWeak, constant: kind === 'constant', isPrivate, type, init, section, align, dbg });
  }

  /** `zeroext`, `align 8`, `dereferenceable(4)`, `captures(none)` …; gives what matters. */
  private attributes(): { extend: 'sign' | 'zero' | null; element: Type | null; align: number } {
    const { lexer } = this;
    let extend: 'sign' | 'zero' | null = null;
    let element: Type | null = null;
    let align = 1;
    for (;;) {
      const token = lexer.peek();
      if (token.kind === 'attr') {
        lexer.take();
        continue;
      }
      if (token.kind === 'string') {
        lexer.take();
        if (lexer.accept('=')) lexer.take();
        continue;
      }
      if (token.kind !== 'word' || !ATTRIBUTE.test(token.text)) return { extend, element, align };
      lexer.take();
      if (token.text === 'signext') extend = 'sign';
      if (token.text === 'zeroext') extend = 'zero';
      if (token.text === 'elementtype') {
        lexer.expect('(');
        element = this.type();
        lexer.expect(')');
      } else if (token.text === 'align') {
        if (lexer.is('(')) this.skipParens();
        else align = Number(lexer.take().text);
      } else this.skipParens();
    }
  }

  private header(): Omit<Func, 'blocks' | 'dbg'> & { dbg: MetaId | null } {
    const { lexer } = this;
    this.unnamed = 0;
    const { linkage, hidden, isWeak } = this.prefix();
    const { extend } = this.attributes();
    const returns = this.type();
    if (lexer.peek().kind !== 'global') lexer.fail('a function name expected');
    const name = lexer.take().text;
    lexer.expect('(');
    const params: Param[] = [];
    while (!lexer.accept(')')) {
      if (lexer.accept('...')) continue;
      const type = this.type();
      this.attributes();
      const written = lexer.peek().kind === 'local' ? lexer.take().text : null;
      // Numbers go on where arguments without a name end.
      if (written === null || written === String(this.unnamed)) params.push({ type, name: String(this.unnamed++) });
      else params.push({ type, name: written });
      lexer.accept(',');
    }
    let section: string | null = null;
    let dbg: MetaId | null = null;
    for (;;) {
      const token = lexer.peek();
      if (token.kind === 'meta') {
        lexer.take();
        const id = lexer.take();
        if (token.text === 'dbg') dbg = id.text;
      } else if (token.kind === 'word' && token.text === 'section') {
        lexer.take();
        section = lexer.take().text;
      } else if (token.kind === 'attr') lexer.take();
      else if (token.kind === 'string') {
        lexer.take();
        if (lexer.accept('=')) lexer.take();
      } else if (
        token.kind === 'word' &&
        (NAMED_ADDRESSES.has(token.text) || /^(align|gc|prefix|comdat|partition|personality)$/.test(token.text))
      ) {
        lexer.take();
        if (token.text === 'align') lexer.take();
        else this.skipParens();
      } else if (token.kind === 'word' && ATTRIBUTE.test(token.text)) {
        this.attributes();
      } else break;
    }
    return { name, linkage, hidden, isWeak, section, params, returns, returnExtend: extend, dbg };
  }

  private declare(): void {
    const { lexer } = this;
    // `declare !dbg !5 i32 @f(…)`
    let dbg: MetaId | null = null;
    while (lexer.peek().kind === 'meta') {
      const name = lexer.take().text;
      const id = lexer.take().text;
      if (name === 'dbg') dbg = id;
    }
    const header = this.header();
    this.funcs.push({ ...header, linkage: 'external', dbg: header.dbg ?? dbg, blocks: [] });
  }

  private define(): void {
    const { lexer } = this;
    const header = this.header();
    lexer.expect('{');
    const blocks: { name: string; lines: Line[] }[] = [];
    while (!lexer.accept('}')) {
      const label = this.label();
      if (label !== null || blocks.length === 0) blocks.push({ name: label ?? String(this.unnamed++), lines: [] });
      if (!lexer.is('}')) blocks.at(-1)!.lines.push(this.line());
    }
    this.funcs.push({ ...header, blocks: blocks as Block[] });
  }

  /** Takes the name of a block that begins here; null when an instruction follows. */
  private label(): string | null {
    const { lexer } = this;
    const token = lexer.peek();
    if (!token.first || !['word', 'int', 'string'].includes(token.kind)) return null;
    const state = lexer.mark();
    lexer.take();
    if (lexer.accept(':')) return token.text;
    lexer.reset(state);
    return null;
  }

  // Instructions

  private line(): Line {
    const { lexer } = this;
    let name: string | null = null;
    if (lexer.peek().kind === 'local') {
      name = lexer.take().text;
      lexer.expect('=');
    }
    const code = lexer.word();
    const { inst, type } = this.instruction(code);
    let dbg: MetaId | null = null;
    let access: MetaId | null = null;
    while (lexer.accept(',')) {
      const token = lexer.take();
      if (token.kind === 'meta') {
        const id = lexer.take();
        if (token.text === 'dbg') dbg = id.text;
        if (token.text === 'llvm.preserve.access.index') access = id.text;
      } else if (token.text === 'align') lexer.take();
      else lexer.fail('metadata expected');
    }
    return { inst, name: type.kind === 'void' ? null : name, type, dbg, access };
  }

  private flags(): void {
    while (FLAGS.has(this.lexer.peek().text)) this.lexer.take();
    // `trunc nuw`, `range(i64 0, 65)` and the like.
    if (this.lexer.is('range')) {
      this.lexer.take();
      this.skipParens();
    }
  }

  private instruction(code: string): { inst: Inst; type: Type } {
    const { lexer } = this;
    if (BINARY.has(code)) {
      this.flags();
      const a = this.typed();
      lexer.expect(',');
      return { inst: { op: 'binary', code, a, b: this.value(a.type) }, type: a.type };
    }
    if (CASTS.has(code)) {
      this.flags();
      const value = this.typed();
      lexer.expect('to');
      return { inst: { op: 'cast', code, value }, type: this.type() };
    }
    switch (code) {
      case 'icmp': {
        this.flags();
        const pred = lexer.word();
        const a = this.typed();
        lexer.expect(',');
        return { inst: { op: 'icmp', code: pred, a, b: this.value(a.type) }, type: intType(1) };
      }
      case 'freeze': {
        const value = this.typed();
        return { inst: { op: 'cast', code, value }, type: value.type };
      }
      case 'select': {
        this.flags();
        const cond = this.typed();
        lexer.expect(',');
        const a = this.typed();
        lexer.expect(',');
        return { inst: { op: 'select', cond, a, b: this.typed() }, type: a.type };
      }
      case 'phi': {
        this.flags();
        const type = this.type();
        const incoming: [Value, string][] = [];
        do {
          if (lexer.peek().text !== '[') break;
          lexer.expect('[');
          const value = this.value(type);
          lexer.expect(',');
          incoming.push([value, lexer.take().text]);
          lexer.expect(']');
        } while (this.commaBefore('['));
        return { inst: { op: 'phi', incoming }, type };
      }
      case 'alloca': {
        lexer.accept('inalloca');
        const of = this.type();
        let count: Value | null = null;
        let align = 8;
        while (this.commaBeforePlain()) {
          if (lexer.accept('align')) align = Number(lexer.take().text);
          else if (lexer.accept('addrspace')) this.skipParens();
          else count = this.typed();
        }
        return { inst: { op: 'alloca', of, count, align }, type: PTR };
      }
      case 'load': {
        const words = this.words('atomic', 'volatile');
        const type = this.type();
        lexer.expect(',');
        const ptr = this.typed();
        return { inst: { op: 'load', ptr, volatile: words.has('volatile'), ...this.memory() }, type };
      }
      case 'store': {
        const words = this.words('atomic', 'volatile');
        const value = this.typed();
        lexer.expect(',');
        const ptr = this.typed();
        return { inst: { op: 'store', value, ptr, volatile: words.has('volatile'), ...this.memory() }, type: VOID };
      }
      case 'getelementptr':
        this.flags();
        if (lexer.accept('inrange')) this.skipParens();
        return { inst: this.gep(), type: PTR };
      case 'extractvalue': {
        const value = this.typed();
        const path = this.path();
        return { inst: { op: 'extractvalue', value, path }, type: path.reduce((type, index) => elementAt(type, index).type, value.type) };
      }
      case 'insertvalue': {
        const value = this.typed();
        lexer.expect(',');
        const element = this.typed();
        return { inst: { op: 'insertvalue', value, element, path: this.path() }, type: value.type };
      }
      case 'atomicrmw': {
        lexer.accept('volatile');
        const operation = lexer.word();
        const ptr = this.typed();
        lexer.expect(',');
        const value = this.typed();
        const { ordering } = this.memory();
        return { inst: { op: 'atomicrmw', code: operation, ptr, value, ordering }, type: value.type };
      }
      case 'cmpxchg': {
        this.words('weak', 'volatile');
        const ptr = this.typed();
        lexer.expect(',');
        const expected = this.typed();
        lexer.expect(',');
        const value = this.typed();
        this.memory();
        return {
          inst: { op: 'cmpxchg', ptr, expected, value },
          type: { kind: 'struct', members: [value.type, intType(1)], packed: false },
        };
      }
      case 'fence': {
        // One of a single thread keeps the compiler from moving accesses, and nothing else.
        const single = lexer.is('syncscope');
        this.memory();
        return { inst: { op: 'fence', single }, type: VOID };
      }
      case 'tail':
      case 'musttail':
      case 'notail':
        lexer.expect('call');
        return this.call(false);
      case 'call':
        return this.call(false);
      case 'callbr':
        return this.call(true);
      case 'br': {
        if (lexer.is('label')) return { inst: { op: 'br', cond: null, targets: [this.target()] }, type: VOID };
        const cond = this.typed();
        lexer.expect(',');
        const first = this.target();
        lexer.expect(',');
        return { inst: { op: 'br', cond, targets: [first, this.target()] }, type: VOID };
      }
      case 'switch': {
        const value = this.typed();
        lexer.expect(',');
        const other = this.target();
        lexer.expect('[');
        const cases: [bigint, string][] = [];
        while (!lexer.accept(']')) {
          const constant = this.typed();
          lexer.expect(',');
          cases.push([constant.kind === 'int' ? constant.value : 0n, this.target()]);
        }
        return { inst: { op: 'switch', value, other, cases }, type: VOID };
      }
      case 'ret': {
        if (lexer.accept('void')) return { inst: { op: 'ret', value: null }, type: VOID };
        return { inst: { op: 'ret', value: this.typed() }, type: VOID };
      }
      case 'unreachable':
        return { inst: { op: 'unreachable' }, type: VOID };
      default:
        if (FLOAT_OPS.has(code)) return this.unsupported(code);
        return lexer.fail(`instruction ${code} is not known; another expected`);
    }
  }

  /** What BPF has no instruction for; the lowering says where it stands. */
  private unsupported(what: string): { inst: Inst; type: Type } {
    const { lexer } = this;
    // Operands end with the line; the metadata behind them is the caller's.
    while (!lexer.peek().first) {
      if (lexer.is(',') && !this.commaBeforePlain()) break;
      lexer.take();
    }
    return { inst: { op: 'unsupported', what }, type: { kind: 'opaque' } };
  }

  /** Takes a comma when `text` follows. */
  private commaBefore(text: string): boolean {
    const { lexer } = this;
    if (!lexer.is(',')) return false;
    const state = lexer.mark();
    lexer.take();
    if (lexer.is(text)) return true;
    lexer.reset(state);
    return false;
  }

  /** Takes a comma unless metadata follows. */
  private commaBeforePlain(): boolean {
    const { lexer } = this;
    if (!lexer.is(',')) return false;
    const state = lexer.mark();
    lexer.take();
    if (lexer.peek().kind !== 'meta') return true;
    lexer.reset(state);
    return false;
  }

  private words(...known: string[]): Set<string> {
    const found = new Set<string>();
    while (known.includes(this.lexer.peek().text)) found.add(this.lexer.take().text);
    return found;
  }

  /** `syncscope("…") seq_cst, align 8` behind the operands of a memory access. */
  private memory(): { align: number; ordering: string } {
    const { lexer } = this;
    let align = 0;
    let ordering = '';
    if (lexer.accept('syncscope')) this.skipParens();
    if (ORDERINGS.has(lexer.peek().text)) ordering = lexer.take().text;
    // What holds when an exchange fails.
    if (ORDERINGS.has(lexer.peek().text)) lexer.take();
    while (this.commaBeforePlain()) {
      lexer.expect('align');
      align = Number(lexer.take().text);
    }
    return { align, ordering };
  }

  private gep(): Extract<Inst, { op: 'gep' }> {
    const { lexer } = this;
    const of = this.type();
    lexer.expect(',');
    const base = this.typed();
    const indices: Value[] = [];
    while (this.commaBeforePlain()) {
      lexer.accept('inrange');
      indices.push(this.typed());
    }
    return { op: 'gep', of, base, indices };
  }

  private path(): number[] {
    const path: number[] = [];
    while (this.commaBeforePlain()) path.push(Number(this.lexer.take().text));
    return path;
  }

  private target(): string {
    this.lexer.expect('label');
    return this.lexer.take().text;
  }

  private call(isBranch: boolean): { inst: Inst; type: Type } {
    const { lexer } = this;
    this.flags();
    while (lexer.peek().kind === 'word' && lexer.peek().text.endsWith('cc')) {
      lexer.take();
      if (lexer.peek().kind === 'int') lexer.take();
    }
    this.attributes();
    const written = this.type();
    const type = written.kind === 'function' ? written.returns : written;
    const callee = this.value(PTR);
    lexer.expect('(');
    const args: CallArg[] = [];
    while (!lexer.accept(')')) {
      const argType = this.type();
      const attributes = this.attributes();
      args.push({ value: this.value(argType), ...attributes });
      lexer.accept(',');
    }
    this.attributes();
    if (lexer.accept('[')) {
      // Operand bundles (assumptions) say nothing that BPF code could use.
      while (!lexer.accept(']')) lexer.take();
    }
    if (callee.kind === 'global' && callee.name.startsWith('llvm.bpf.compare')) {
      // A comparison that clang's BPF passes keep apart from others; its kind is numbered as LLVM's CmpInst::Predicate.
      const [kind, a, b] = args.map((arg) => arg.value);
      const code = kind?.kind === 'int' ? COMPARISONS[Number(kind.value) - FIRST_COMPARISON] : undefined;
      if (code && a && b) return { inst: { op: 'icmp', code, a, b }, type };
    }
    let next: string | null = null;
    const indirect: string[] = [];
    if (isBranch) {
      lexer.expect('to');
      next = this.target();
      lexer.expect('[');
      while (!lexer.accept(']')) {
        indirect.push(this.target());
        lexer.accept(',');
      }
    }
    return { inst: { op: 'call', callee, args, indirect, next }, type };
  }
}

const FIRST_COMPARISON = 32;
const COMPARISONS = ['eq', 'ne', 'ugt', 'uge', 'ult', 'ule', 'sgt', 'sge', 'slt', 'sle'];

/** Attributes of parameters, results, calls and functions. */
const ATTRIBUTE = new RegExp(
  `^(${[
    'zeroext|signext|noext|inreg|byval|byref|preallocated|inalloca|sret|elementtype|align|noalias|captures|nocapture|nofree|nest|returned|nonnull',
    'dereferenceable|dereferenceable_or_null|swiftself|swiftasync|swifterror|immarg|noundef|nofpclass|alignstack|allocalign|allocptr|readnone',
    'readonly|writeonly|writable|initializes|dead_on_unwind|dead_on_return|range|noreturn|nounwind|memory|willreturn|nosync|norecurse|cold|hot',
    'alwaysinline|noinline|optnone|optsize|minsize|naked|nobuiltin|builtin|convergent|mustprogress|nomerge|returns_twice|speculatable|uwtable',
    'allockind|allocsize|nocallback|nocreateundeforpoison|null_pointer_is_valid|strictfp|vscale_range|inlinehint|noredzone|noduplicate',
    'errnomem|nosanitize_.*|sanitize_.*|ssp|sspreq|sspstrong|willreturn|skipprofile|noprofile|jumptable|fn_ret_thunk_extern|no_caller_saved_registers',
  ].join('|')})$`,
);

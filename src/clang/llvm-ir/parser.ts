import { InputError } from '../../base/errors.ts';
import { InstructionParser } from './instructions.ts';
import { type MetaId, type MetaNode, parseMetaNode } from './metadata.ts';
import type { Block, Func, Global, Line, Linkage, Module, Param } from './module.ts';
import type { Type } from './types.ts';
import { ATTRIBUTE } from './values.ts';

const LINKAGES = new Set(
  'private internal available_externally linkonce weak common appending extern_weak linkonce_odr weak_odr external'.split(' '),
);
const SCOPES = new Set('dso_local dso_preemptable default hidden protected dllimport dllexport'.split(' '));
const NAMED_ADDRESSES = new Set(['unnamed_addr', 'local_unnamed_addr']);

/** Reads a module in LLVM's textual form, as clang 22 writes it for the target bpf. Throws {@link InputError} with the line. */
export function parseModule(text: string): Module {
  return new Parser(text).module();
}

class Parser extends InstructionParser {
  private readonly globals: Global[] = [];
  private readonly funcs: Func[] = [];
  private readonly metadata = new Map<string, MetaNode>();
  /** Results and arguments without a name are numbered through a function. */
  private unnamed = 0;

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

  private namedType(): void {
    const { lexer } = this;
    const name = lexer.take().text;
    lexer.expect('=');
    lexer.expect('type');
    const type: Type = lexer.accept('opaque') ? { kind: 'opaque' } : this.type();
    const target = this.structs.get(name) as { -readonly [K in keyof Type]: Type[K] } | undefined;
    if (target) Object.assign(target, type);
    else this.structs.set(name, type);
  }

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
      else if (token.text === 'align') align = lexer.alignment();
      else if (token.kind === 'meta') {
        const id = lexer.take();
        if (token.text === 'dbg') dbg = id.text;
      } else if (lexer.is('(')) this.skipParens();
    }
    while (lexer.peek().kind === 'attr') lexer.take();
    this.globals.push({ name, linkage, hidden, isWeak, constant: kind === 'constant', isPrivate, type, init, section, align, dbg });
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
}

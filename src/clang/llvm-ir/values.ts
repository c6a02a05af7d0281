import { Lexer } from './lexer.ts';
import type { Inst, Value } from './module.ts';
import { intType, PTR, type Type, VOID } from './types.ts';

export const BINARY = new Set(['add', 'sub', 'mul', 'udiv', 'sdiv', 'urem', 'srem', 'shl', 'lshr', 'ashr', 'and', 'or', 'xor']);
export const CASTS = new Set(['trunc', 'zext', 'sext', 'ptrtoint', 'inttoptr', 'bitcast', 'addrspacecast', 'ptrtoaddr']);
/** Words that change nothing of what an instruction of BPF does. */
export const FLAGS = new Set('nuw nsw exact nneg disjoint samesign inbounds nusw fast nnan ninf nsz arcp contract afn reassoc'.split(' '));
const FLOATS: Readonly<Record<string, number>> = { half: 2, bfloat: 2, float: 4, double: 8, x86_fp80: 16, fp128: 16, ppc_fp128: 16 };
/** Attributes of parameters, results, calls and functions. */
export const ATTRIBUTE = new RegExp(
  `^(${[
    'zeroext|signext|noext|inreg|byval|byref|preallocated|inalloca|sret|elementtype|align|noalias|captures|nocapture|nofree|nest|returned|nonnull',
    'dereferenceable|dereferenceable_or_null|swiftself|swiftasync|swifterror|immarg|noundef|nofpclass|alignstack|allocalign|allocptr|readnone',
    'readonly|writeonly|writable|initializes|dead_on_unwind|dead_on_return|range|noreturn|nounwind|memory|willreturn|nosync|norecurse|cold|hot',
    'alwaysinline|noinline|optnone|optsize|minsize|naked|nobuiltin|builtin|convergent|mustprogress|nomerge|returns_twice|speculatable|uwtable',
    'allockind|allocsize|nocallback|nocreateundeforpoison|null_pointer_is_valid|strictfp|vscale_range|inlinehint|noredzone|noduplicate',
    'errnomem|nosanitize_.*|sanitize_.*|ssp|sspreq|sspstrong|willreturn|skipprofile|noprofile|jumptable|fn_ret_thunk_extern|no_caller_saved_registers',
  ].join('|')})$`,
);

/** Reads types and values of LLVM's textual form. */
export class ValueParser {
  protected readonly lexer: Lexer;
  protected readonly structs = new Map<string, Type>();

  constructor(text: string) {
    this.lexer = new Lexer(text);
  }

  protected skipBraces(): void {
    this.lexer.expect('{');
    this.#skipTo('{', '}');
  }

  protected skipParens(): void {
    if (this.lexer.accept('(')) this.#skipTo('(', ')');
  }

  /** Goes behind the bracket that closes the one just taken. */
  #skipTo(open: string, close: string): void {
    const { lexer } = this;
    for (let depth = 1; depth > 0; ) {
      const token = lexer.take();
      if (token.kind === 'end') lexer.fail(`"${close}" expected`);
      if (token.kind === 'punct' && token.text === open) depth++;
      if (token.kind === 'punct' && token.text === close) depth--;
    }
  }

  protected type(): Type {
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
      else if (Object.hasOwn(FLOATS, token.text)) type = { kind: 'float', name: token.text, size: FLOATS[token.text]! };
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

  protected typed(): Value {
    const type = this.type();
    return this.value(type);
  }

  protected value(type: Type): Value {
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

  protected gep(): Extract<Inst, { op: 'gep' }> {
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

  /** Takes a comma unless metadata follows. */
  protected commaBeforePlain(): boolean {
    const { lexer } = this;
    if (!lexer.is(',')) return false;
    const state = lexer.mark();
    lexer.take();
    if (lexer.peek().kind !== 'meta') return true;
    lexer.reset(state);
    return false;
  }

  /** `zeroext`, `align 8`, `dereferenceable(4)`, `captures(none)` …; gives what matters. */
  protected attributes(): { extend: 'sign' | 'zero' | null; element: Type | null; align: number } {
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
        else align = lexer.alignment();
      } else this.skipParens();
    }
  }
}

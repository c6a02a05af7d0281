import type { MetaId } from './metadata.ts';
import type { CallArg, Inst, Line, Value } from './module.ts';
import { elementAt, intType, PTR, type Type, VOID } from './types.ts';
import { BINARY, CASTS, FLAGS, ValueParser } from './values.ts';

const FLOAT_OPS = new Set(
  [
    'fneg fadd fsub fmul fdiv frem fcmp fptrunc fpext fptoui fptosi uitofp sitofp'.split(' '),
    'extractelement insertelement shufflevector va_arg landingpad resume invoke indirectbr'.split(' '),
  ].flat(),
);
const ORDERINGS = new Set(['unordered', 'monotonic', 'acquire', 'release', 'acq_rel', 'seq_cst']);
const FIRST_COMPARISON = 32;
const COMPARISONS = ['eq', 'ne', 'ugt', 'uge', 'ult', 'ule', 'sgt', 'sge', 'slt', 'sle'];

/** Reads instructions, a line each. */
export class InstructionParser extends ValueParser {
  protected line(): Line {
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
        if (!COMPARISONS.includes(pred)) lexer.fail(`there is no comparison ${pred}`);
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
          if (lexer.accept('align')) align = lexer.alignment();
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
      align = lexer.alignment();
    }
    return { align, ordering };
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

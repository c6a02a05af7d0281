import {
  imm32,
  insn,
  offset16,
  one,
  pointerType,
  type Reference,
  type Register,
  register,
  registerOf,
  S32_MAX,
  S32_MIN,
  type Statement,
  skipSymbolHint,
  target,
  typedPlace,
  U32_MAX,
  wideRegister,
} from './asm-operands.ts';
import { ALU_SYMBOLS, ATOMIC_NAMES, JMP_SYMBOLS } from './disasm.ts';
import { helperId } from './helper-names.ts';
import {
  ABS,
  ADDR_SPACE_CAST,
  ALU,
  ALU64,
  ARSH,
  ATOMIC,
  CALL,
  CMPXCHG,
  DIV,
  DW,
  END,
  FETCH,
  IND,
  JA,
  JCOND,
  JMP,
  JMP32,
  LD,
  LDX,
  LOAD_ACQ,
  MEM,
  MEMSX,
  MOD,
  MOV,
  NEG,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  PSEUDO_BTF_ID,
  PSEUDO_CALL,
  PSEUDO_FUNC,
  PSEUDO_KFUNC_CALL,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_IDX,
  PSEUDO_MAP_IDX_VALUE,
  PSEUDO_MAP_VALUE,
  ST,
  STORE_REL,
  STX,
  W,
  X,
  XCHG,
} from './insn.ts';
import { SyntaxProblem, type TokenReader } from './lexer.ts';
import type { Insn } from './program.ts';

/** The listing's symbols back to operations: what one prints, the other reads. */
const ALU_ASSIGN: ReadonlyMap<string, number> = new Map([
  ...ALU_SYMBOLS.flatMap((symbol, code) => (symbol !== '=' && symbol.endsWith('=') ? [[symbol, code << 4] as const] : [])),
  ['s/=', DIV],
  ['s%=', MOD],
]);
const COMPARISONS: ReadonlyMap<string, number> = new Map(Object.entries(JMP_SYMBOLS).map(([code, symbol]) => [symbol, Number(code) << 4]));
const FETCH_OPS: ReadonlyMap<string, number> = new Map(Object.entries(ATOMIC_NAMES).map(([op, name]) => [name, Number(op)]));
const LOCK_OPS: ReadonlyMap<string, number> = new Map([...FETCH_OPS.values()].map((op) => [ALU_SYMBOLS[op >> 4]!, op]));
const NUMBERED_ADDRESSES: ReadonlyMap<string, number> = new Map([
  ['btf_id', PSEUDO_BTF_ID],
  ['map_idx', PSEUDO_MAP_IDX],
  ['map_idx_value', PSEUDO_MAP_IDX_VALUE],
]);

function jumpStatement(reader: TokenReader, opcode: number, fields: Partial<Insn>, kind: 'jump16' | 'jump32'): Statement {
  const to = target(reader, kind);
  if ('reference' in to) return { slots: [insn(opcode, fields)], reference: to.reference };
  return one(opcode, { ...fields, ...(kind === 'jump16' ? { off: to.distance } : { imm: to.distance }) });
}

function condition(reader: TokenReader): Statement {
  const left = register(reader);
  const comparison = COMPARISONS.get(reader.peek().text);
  if (comparison === undefined) reader.fail('expected a comparison (==, !=, >, >=, <, <=, s>, s>=, s<, s<=, &)');
  reader.next();
  const cls = left.wide ? JMP : JMP32;
  const { column } = reader.peek();
  const right = registerOf(reader.peek().text);
  if (right) {
    reader.next();
    if (right.wide !== left.wide) throw new SyntaxProblem('both sides must be r registers or both w registers', column);
  }
  // The kernel prints immediates of comparisons as unsigned 32-bit numbers even where they are sign-extended.
  const imm = right ? 0 : imm32(reader, false);
  reader.expect('goto');
  const opcode = cls | comparison | (right ? X : 0);
  return jumpStatement(reader, opcode, { dst: left.number, src: right?.number ?? 0, imm }, 'jump16');
}

function callStatement(reader: TokenReader): Statement {
  const token = reader.peek();
  if (token.text === 'pc') {
    reader.next();
    const imm = reader.integerWithin(S32_MIN, S32_MAX, 'distance');
    skipSymbolHint(reader);
    return one(OP_CALL, { src: PSEUDO_CALL, imm });
  }
  if (token.kind !== 'ident') {
    reader.accept('#');
    return one(OP_CALL, { imm: reader.integerWithin(S32_MIN, S32_MAX, 'helper number') });
  }
  reader.next();
  if (token.text === 'kfunc' && reader.peek().kind === 'ident') {
    const name = reader.next().text;
    const imm = reader.accept('#') ? reader.integerWithin(S32_MIN, S32_MAX, 'BTF id') : 0;
    const off = reader.accept('@') ? reader.integerWithin(-32768n, 32767n, 'module') : 0;
    return { slots: [insn(OP_CALL, { src: PSEUDO_KFUNC_CALL, imm, off })], kfunc: name };
  }
  if (reader.accept('#')) {
    const { column } = reader.peek();
    const imm = reader.integerWithin(S32_MIN, S32_MAX, 'helper number');
    const known = helperId(token.text);
    if (token.text !== 'unknown' && known !== imm) {
      const problem = known === undefined ? `no helper is called ${token.text}` : `${token.text} is helper ${known}, not ${imm}`;
      throw new SyntaxProblem(problem, known === undefined ? token.column : column);
    }
    return one(OP_CALL, { imm });
  }
  return { slots: [insn(OP_CALL, { src: PSEUDO_CALL })], reference: { kind: 'call', name: token.text, column: token.column } };
}

const lddw = (dst: number, src: number, low: number, high: number, reference?: Reference): Statement => ({
  slots: [insn(OP_LDDW, { dst, src, imm: low }), insn(0, { imm: high })],
  ...(reference ? { reference } : {}),
});

const optionalOffset = (reader: TokenReader): number =>
  reader.peek().text === '+' || reader.peek().text === '-' ? reader.integerWithin(S32_MIN, U32_MAX, 'offset') | 0 : 0;

/** `map[name]`, `map_value[name]+8`, `func[name]`, `btf_id[7]`, `map_idx[0]`…; null when it is none of them. */
function symbolic(reader: TokenReader, dst: number): Statement | null {
  const kind = reader.peek().text;
  if (reader.peek(1).text !== '[') return null;
  const numbered = NUMBERED_ADDRESSES.get(kind);
  if (numbered !== undefined) {
    reader.next();
    reader.next();
    const low = reader.integerWithin(S32_MIN, U32_MAX, 'number') | 0;
    reader.expect(']');
    return lddw(dst, numbered, low, optionalOffset(reader));
  }
  if (kind !== 'map' && kind !== 'map_value' && kind !== 'func') return null;
  reader.next();
  reader.next();
  const name = reader.next();
  if (kind === 'func' && name.text === 'pc') {
    const distance = reader.integerWithin(S32_MIN, S32_MAX, 'distance');
    reader.expect(']');
    return lddw(dst, PSEUDO_FUNC, distance, 0);
  }
  if (name.kind !== 'ident') throw new SyntaxProblem('expected a name', name.column);
  reader.expect(']');
  if (kind === 'func') return lddw(dst, PSEUDO_FUNC, 0, 0, { kind: 'func', name: name.text, column: name.column });
  const reference: Reference = { kind: 'map', name: name.text, column: name.column };
  return kind === 'map' ? lddw(dst, PSEUDO_MAP_FD, 0, 0, reference) : lddw(dst, PSEUDO_MAP_VALUE, 0, optionalOffset(reader), reference);
}

/** `atomic64_fetch_add((u64 *)(r1 +0), r2)` and its kin, after the name. */
function atomicCall(reader: TokenReader, dst: Register, name: string, column: number): Statement {
  if (name === 'load_acquire') {
    reader.expect('(');
    const place = typedPlace(reader);
    reader.expect(')');
    return one(STX | ATOMIC | place.size, { dst: dst.number, src: place.base, off: place.off, imm: LOAD_ACQ });
  }
  const llvm = /^(cmpxchg|xchg)(32_32|_64)$/.exec(name);
  const kernel = /^atomic(?:64)?_(?:fetch_(add|or|and|xor)|(cmpxchg)|(xchg))$/.exec(name);
  if (!llvm && !kernel) throw new SyntaxProblem(`unknown operation ${name}`, column);
  reader.expect('(');
  let place: { size: number; base: number; off: number };
  if (llvm) {
    const base = wideRegister(reader);
    place = { size: llvm[2] === '_64' ? DW : W, base, off: offset16(reader) };
  } else place = typedPlace(reader);
  reader.expect(',');
  const isCmpxchg = (llvm?.[1] ?? kernel?.[2]) === 'cmpxchg';
  if (isCmpxchg) {
    const at = reader.peek().column;
    if (register(reader).number !== 0) throw new SyntaxProblem('the expected value of cmpxchg is always r0', at);
    reader.expect(',');
    if (dst.number !== 0) throw new SyntaxProblem('the result of cmpxchg is always r0', column);
  }
  const at = reader.peek().column;
  const value = register(reader);
  reader.expect(')');
  if (!isCmpxchg && value.number !== dst.number) throw new SyntaxProblem(`the result replaces the operand: write r${dst.number}`, at);
  const fetched = kernel?.[1];
  const imm = fetched ? FETCH_OPS.get(fetched)! | FETCH : isCmpxchg ? CMPXCHG : XCHG;
  return one(STX | ATOMIC | place.size, { dst: place.base, src: value.number, off: place.off, imm });
}

/** What may follow `rN =`. */
function assignment(reader: TokenReader, dst: Register, isLddw: boolean): Statement {
  const token = reader.peek();
  const cls = dst.wide ? ALU64 : ALU;
  const source = registerOf(token.text);
  if (source) {
    reader.next();
    if (source.wide !== dst.wide) throw new SyntaxProblem('both sides must be r registers or both w registers', token.column);
    return one(cls | MOV | X, { dst: dst.number, src: source.number });
  }
  const bits = /^s(8|16|32)$/.exec(reader.peek(1).text);
  if (token.text === '(' && bits) {
    reader.next();
    reader.next();
    reader.expect(')');
    const at = reader.peek().column;
    const value = register(reader);
    if (value.wide !== dst.wide) throw new SyntaxProblem('both sides must be r registers or both w registers', at);
    if (bits[1] === '32' && !dst.wide) throw new SyntaxProblem('sign-extending 32 bits needs r registers', at);
    return one(cls | MOV | X, { dst: dst.number, src: value.number, off: Number(bits[1]) });
  }
  const negated = registerOf(reader.peek(1).text);
  if (token.text === '-' && negated) {
    reader.next();
    reader.next();
    if (negated.number !== dst.number || negated.wide !== dst.wide)
      throw new SyntaxProblem('negation is in place: both registers must be the same', token.column);
    return one(cls | NEG, { dst: dst.number });
  }
  if (token.text === '*') return load(reader, dst);
  if (token.kind === 'ident') return named(reader, dst);
  const { column } = token;
  const value = reader.integer();
  if (reader.accept('ll') || isLddw || (dst.wide && (value < S32_MIN || value > S32_MAX))) {
    if (!dst.wide) throw new SyntaxProblem('a 64-bit immediate needs an r register', column);
    if (value < -(1n << 63n) || value >= 1n << 64n) throw new SyntaxProblem(`${value} does not fit in 64 bits`, column);
    return lddw(dst.number, 0, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  }
  if (value < S32_MIN || value > U32_MAX) throw new SyntaxProblem(`${value} does not fit in 32 bits`, column);
  return one(cls | MOV, { dst: dst.number, imm: Number(BigInt.asIntN(32, value)) });
}

function load(reader: TokenReader, dst: Register): Statement {
  reader.expect('*');
  const skb = reader.peek(4).text === 'skb';
  if (skb) {
    reader.expect('(');
    const { size, isSigned } = pointerType(reader);
    reader.expect(')');
    reader.next();
    const { column } = reader.peek();
    reader.expect('[');
    if (dst.number !== 0 || isSigned || size === DW) throw new SyntaxProblem('packet loads put u8, u16 or u32 into r0', column);
    const base = registerOf(reader.peek().text);
    if (base) reader.next();
    const imm = base && reader.peek().text === ']' ? 0 : imm32(reader, false);
    reader.expect(']');
    return one(LD | size | (base ? IND : ABS), { src: base?.number ?? 0, imm });
  }
  const { column } = reader.peek();
  const place = typedPlace(reader);
  if (place.isSigned && place.size === DW) throw new SyntaxProblem('there is no s64 load: write u64', column);
  return one(LDX | place.size | (place.isSigned ? MEMSX : MEM), { dst: dst.number, src: place.base, off: place.off });
}

/** `rN = name …`: byte swaps, casts, atomics, addresses of maps and functions. */
function named(reader: TokenReader, dst: Register): Statement {
  const token = reader.peek();
  const swap = /^(be|le|bswap)(16|32|64)$/.exec(token.text);
  if (swap && registerOf(reader.peek(1).text)) {
    reader.next();
    const at = reader.peek().column;
    if (register(reader).number !== dst.number) throw new SyntaxProblem('byte swaps are in place: both registers must be the same', at);
    const opcode = swap[1] === 'bswap' ? ALU64 | END : ALU | END | (swap[1] === 'be' ? X : 0);
    return one(opcode, { dst: dst.number, imm: Number(swap[2]) });
  }
  if (token.text === 'addr_space_cast') {
    reader.next();
    reader.expect('(');
    const src = wideRegister(reader);
    reader.expect(',');
    const from = reader.integerWithin(0n, 0xffffn, 'address space');
    reader.expect(',');
    const to = reader.integerWithin(0n, 0xffffn, 'address space');
    reader.expect(')');
    return one(ALU64 | MOV | X, { dst: dst.number, src, off: ADDR_SPACE_CAST, imm: (from << 16) | to });
  }
  if (reader.peek(1).text === '(') {
    reader.next();
    return atomicCall(reader, dst, token.text, token.column);
  }
  const address = symbolic(reader, dst.number);
  if (address) return address;
  reader.next();
  const high = optionalOffset(reader);
  if (!reader.accept('ll')) throw new SyntaxProblem(`unknown operand ${token.text}`, token.column);
  return lddw(dst.number, 0, 0, high, { kind: 'symbol', name: token.text, column: token.column });
}

function store(reader: TokenReader): Statement {
  const place = typedPlace(reader);
  reader.expect('=');
  const value = registerOf(reader.peek().text);
  if (value) {
    reader.next();
    return one(STX | MEM | place.size, { dst: place.base, src: value.number, off: place.off });
  }
  return one(ST | MEM | place.size, { dst: place.base, off: place.off, imm: imm32(reader, place.size === DW) });
}

function rawInsn(reader: TokenReader): Statement {
  const opcode = reader.integerWithin(0n, 255n, 'opcode');
  const dst = reader.integerWithin(0n, 15n, 'register');
  const src = reader.integerWithin(0n, 15n, 'register');
  const off = reader.integerWithin(-32768n, 32767n, 'offset');
  return one(opcode, { dst, src, off, imm: reader.integerWithin(S32_MIN, U32_MAX, 'immediate') | 0 });
}

/**
 * One instruction in the kernel's or LLVM's syntax. `isLddw` resolves what the log leaves open: `(18) r1 = 0x5` and `(b7) r1 = 5`
 * differ only in the opcode in front.
 */
export function parseInsn(reader: TokenReader, isLddw = false): Statement {
  const token = reader.peek();
  const reg = registerOf(token.text);
  if (reg) {
    reader.next();
    if (reader.accept('=')) return assignment(reader, reg, isLddw);
    const op = ALU_ASSIGN.get(reader.peek().text);
    if (op === undefined) reader.fail('expected =, +=, -=, *=, /=, s/=, %=, s%=, &=, |=, ^=, <<=, >>= or s>>=');
    const isSigned = reader.next().text.startsWith('s') && op !== ARSH;
    const cls = reg.wide ? ALU64 : ALU;
    const fields = { dst: reg.number, off: isSigned ? 1 : 0 };
    const { column } = reader.peek();
    const source = registerOf(reader.peek().text);
    if (!source) return one(cls | op, { ...fields, imm: imm32(reader, reg.wide) });
    reader.next();
    if (source.wide !== reg.wide) throw new SyntaxProblem('both sides must be r registers or both w registers', column);
    return one(cls | op | X, { ...fields, src: source.number });
  }
  reader.next();
  switch (token.text) {
    case '*':
      return store(reader);
    case 'lock': {
      reader.expect('*');
      const place = typedPlace(reader);
      const op = LOCK_OPS.get(reader.peek().text);
      if (op === undefined) reader.fail('expected +=, |=, &= or ^=');
      reader.next();
      return one(STX | ATOMIC | place.size, { dst: place.base, src: register(reader).number, off: place.off, imm: op });
    }
    case 'store_release': {
      reader.expect('(');
      const place = typedPlace(reader);
      reader.expect(',');
      const value = register(reader);
      reader.expect(')');
      return one(STX | ATOMIC | place.size, { dst: place.base, src: value.number, off: place.off, imm: STORE_REL });
    }
    case 'if':
      return condition(reader);
    case 'goto':
      return jumpStatement(reader, JMP | JA, {}, 'jump16');
    case 'gotol':
      return jumpStatement(reader, JMP32 | JA, {}, 'jump32');
    case 'may_goto':
      return jumpStatement(reader, JMP | JCOND, {}, 'jump16');
    case 'call': {
      const statement = callStatement(reader);
      skipSymbolHint(reader);
      return statement;
    }
    case 'callx':
      return one(JMP | CALL | X, { dst: register(reader).number });
    case 'exit':
      return one(OP_EXIT);
    case '.insn':
      return rawInsn(reader);
    default:
      throw new SyntaxProblem(`unknown instruction ${JSON.stringify(token.text)}`, token.column);
  }
}

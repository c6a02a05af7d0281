import { B, DW, H, W } from './insn.ts';
import { SyntaxProblem, type TokenReader } from './lexer.ts';
import type { Insn } from './program.ts';

/** A place that an instruction names and that is known only after the whole text was read. */
export type Reference =
  | { readonly kind: 'jump16' | 'jump32' | 'call' | 'func'; readonly name: string; readonly column: number }
  | { readonly kind: 'map' | 'symbol'; readonly name: string; readonly column: number };

/** One statement: one slot, or two for `lddw`; `kfunc` names the kernel function that it calls. */
export interface Statement {
  readonly slots: readonly Insn[];
  readonly reference?: Reference;
  readonly kfunc?: string;
}

export const SIZES: Readonly<Record<string, number>> = { '8': B, '16': H, '32': W, '64': DW };
export const S32_MIN = -0x80000000n;
export const S32_MAX = 0x7fffffffn;
export const U32_MAX = 0xffffffffn;

export const insn = (opcode: number, fields: Partial<Insn> = {}): Insn => ({ opcode, dst: 0, src: 0, off: 0, imm: 0, ...fields });
export const one = (opcode: number, fields: Partial<Insn> = {}): Statement => ({ slots: [insn(opcode, fields)] });

export interface Register {
  readonly number: number;
  readonly wide: boolean;
}

/** The register that `text` names, or null. r11 and above do not exist for programs. */
export function registerOf(text: string): Register | null {
  const match = /^([rw])(\d{1,2})$/.exec(text);
  if (!match || Number(match[2]) > 10) return null;
  return { number: Number(match[2]), wide: match[1] === 'r' };
}

export function register(reader: TokenReader): Register {
  const found = registerOf(reader.peek().text);
  if (!found) reader.fail('expected a register (r0–r10, w0–w10)');
  reader.next();
  return found;
}

export function wideRegister(reader: TokenReader): number {
  const { column } = reader.peek();
  const reg = register(reader);
  if (!reg.wide) throw new SyntaxProblem(`an address is a whole register: write r${reg.number}`, column);
  return reg.number;
}

/** 32-bit immediate. Operations of 64 bits sign-extend it, so 0x80000000 and above would silently become negative. */
export function imm32(reader: TokenReader, signExtended: boolean): number {
  const { column } = reader.peek();
  const value = reader.integer();
  if (value < S32_MIN || value > U32_MAX) throw new SyntaxProblem(`${value} does not fit in 32 bits`, column);
  if (signExtended && value > S32_MAX) {
    throw new SyntaxProblem(`${value} does not fit in a signed 32-bit immediate: load it with "rN = ${value} ll" first`, column);
  }
  return Number(BigInt.asIntN(32, value));
}

export const offset16 = (reader: TokenReader): number =>
  reader.peek().text === '+' || reader.peek().text === '-' ? reader.integerWithin(-32768n, 32767n, 'offset') : 0;

/** `u32 *` after its opening parenthesis; returns size bits and sign. */
export function pointerType(reader: TokenReader): { size: number; isSigned: boolean } {
  const match = /^([us])(8|16|32|64)$/.exec(reader.peek().text);
  if (!match) reader.fail('expected a type (u8, u16, u32, u64, s8, s16, s32)');
  reader.next();
  reader.expect('*');
  return { size: SIZES[match[2]!]!, isSigned: match[1] === 's' };
}

/** `(u32 *)(r1 +4)` */
export function typedPlace(reader: TokenReader): { size: number; isSigned: boolean; base: number; off: number } {
  reader.expect('(');
  const type = pointerType(reader);
  reader.expect(')');
  reader.expect('(');
  const base = wideRegister(reader);
  const off = offset16(reader);
  reader.expect(')');
  return { ...type, base, off };
}

export function target(reader: TokenReader, kind: 'jump16' | 'jump32'): { distance: number } | { reference: Reference } {
  const token = reader.peek();
  if (token.kind === 'ident' && token.text !== 'pc') {
    reader.next();
    return { reference: { kind, name: token.text, column: token.column } };
  }
  reader.accept('pc');
  if (reader.peek().text !== '+' && reader.peek().text !== '-') reader.fail('expected a label or a distance such as pc+3');
  const [min, max] = kind === 'jump16' ? [-32768n, 32767n] : [S32_MIN, S32_MAX];
  const distance = reader.integerWithin(min, max, 'distance');
  skipSymbolHint(reader);
  return { distance };
}

/** llvm-objdump prints `<main+0x40>` after distances. */
export function skipSymbolHint(reader: TokenReader): void {
  if (!reader.accept('<')) return;
  while (!reader.accept('>')) {
    if (reader.peek().kind === 'end') reader.fail('expected ">"');
    reader.next();
  }
}

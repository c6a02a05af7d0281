import { describe, expect, it } from 'vitest';
import { InputError } from '../../base/errors.ts';
import { moduleToObject } from '../object/write.ts';
import { parseModule } from './parser.ts';

const made = (text: string) => () => moduleToObject(parseModule(text), { cpu: 'v3', source: () => undefined });
const body = (lines: string): string => `define i32 @f(ptr %0) section "xdp" {\n${lines}\n}\n`;

// Found by `npm run long mutate`.
describe('IR that does not hold together is refused with a place', () => {
  it.each([
    ['types nested without end', `@x = global ${'[2 x '.repeat(20_000)}i8`, /LLVM IR, line 1: nested too deep/],
    ['metadata nested without end', `!0 = !{${'!{'.repeat(20_000)}`, /LLVM IR, line 1: nested too deep/],
    ['half an element', '@x = global [2.5 x i8] zeroinitializer', /LLVM IR, line 1/],
    ['a variable of gigabytes', '@x = global [3000000000 x i8] zeroinitializer, align 1', /variable x: it has 3000000000 bytes/],
    ['contents longer than their type', '@x = global [2 x i8] c"abcdef", align 1', /variable x: its contents are longer than its type/],
    ['an alignment that is no power of two', '@x = global i8 0, align 513', /LLVM IR, line 1: an alignment is a power of two/],
    ['an alignment beyond any memory', '@x = global i8 0, align 18446744073709551616', /LLVM IR, line 1: an alignment is a power of two/],
    ['a comparison that there is not', body('  %a = icmp uxx i32 1, 2\n  ret i32 0'), /LLVM IR, line 2: there is no comparison uxx/],
    ['a jump to nowhere', body('  br label %nowhere'), /there is no block nowhere/],
  ])('%s', (_, text, message) => {
    expect(made(text)).toThrow(InputError);
    expect(made(text)).toThrow(message);
  });
});

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
    ['an alignment that no loader gives', '@x = global i8 0, align 4294967296', /variable x: it is aligned to 4294967296 bytes/],
    [
      'variables of gigabytes together',
      Array.from({ length: 40 }, (_, i) => `@x${i} = global [67108864 x i8] zeroinitializer, align 1`).join('\n'),
      /variable x1: with it all variables have 134217728 bytes/,
    ],
    [
      'a value of more parts than there are numbers',
      `define i32 @f(ptr %0, ${'[2 x '.repeat(100)}i8${']'.repeat(100)} %1) section "xdp" {\n  ret i32 0\n}\n`,
      /C source: a value of more than 1024 parts is not supported/,
    ],
    [
      'an address within more bytes than there are numbers',
      body(
        `  %2 = getelementptr ${'[1000000000000 x '.repeat(40)}i8${']'.repeat(40)}, ptr %0, i64 0, i64 1\n  %3 = load i8, ptr %2\n  ret i32 0`,
      ),
      /a type has more bytes than any memory/,
    ],
    [
      'a type called as what every object has',
      body('  %2 = getelementptr constructor, ptr %0, i64 12\n  ret i32 0'),
      /unknown type constructor/,
    ],
    ['a value that is given twice', body('  %0 = getelementptr i8, ptr %0, i64 4\n  ret i32 0'), /the value %0 is given twice/],
    [
      'a value that is computed from itself',
      body('  %2 = getelementptr i8, ptr %3, i64 4\n  %3 = bitcast ptr %2 to ptr\n  ret i32 0'),
      /the value %\d is computed from itself/,
    ],
    [
      'addresses that are each made of the one before, without end',
      body(
        `${Array.from({ length: 20_000 }, (_, i) => `  %a${i + 1} = getelementptr i8, ptr %${i === 0 ? '0' : `a${i}`}, i64 4`).join('\n')}\n  %b = load i8, ptr %a20000\n  ret i32 0`,
      ),
      /more than 1000 addresses or conditions/,
    ],
    ['a type that is a part of itself', '%a = type { i8, %a }\n@x = global %a zeroinitializer, align 1', /a type is a part of itself/],
    [
      'types that each hold the one before twice',
      `%a0 = type { i8, i16 }\n${Array.from({ length: 90 }, (_, i) => `%a${i + 1} = type { %a${i}, %a${i} }`).join('\n')}\n@x = global %a90 zeroinitializer, align 1`,
      /a type has more bytes than any memory/,
    ],
    [
      'types that each hold the one before, without end',
      `%a0 = type { i8, i16 }\n${Array.from({ length: 20_000 }, (_, i) => `%a${i + 1} = type { %a${i} }`).join('\n')}\n@x = global %a20000 zeroinitializer, align 1`,
      /types are nested too deep/,
    ],
    ['a comparison that there is not', body('  %a = icmp uxx i32 1, 2\n  ret i32 0'), /LLVM IR, line 2: there is no comparison uxx/],
    ['a jump to nowhere', body('  br label %nowhere'), /there is no block nowhere/],
  ])('%s', (_, text, message) => {
    expect(made(text)).toThrow(InputError);
    expect(made(text)).toThrow(message);
  });
});

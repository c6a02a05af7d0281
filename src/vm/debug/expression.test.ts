import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../base/errors.ts';
import { parseExpression, type Scope } from './expression.ts';

const MEMORY = Uint8Array.from({ length: 64 }, (_, i) => i * 91);

const scope = (registers: Record<number, bigint> = {}): Scope => ({
  register: (index) => BigInt.asUintN(64, registers[index] ?? 0n),
  memory: (address, size) => {
    const at = Number(address) - 1000;
    if (at < 0 || at + size > MEMORY.length) return null;
    return MEMORY.slice(at, at + size).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  },
  mapValue: (name, key) => (name === 'counts' || name === '.bss' ? (key < 2n ? MEMORY.slice(Number(key) * 8) : null) : undefined),
  number: (name) => ({ step: 12, depth: 1, insn: 34, hits: 5 })[name],
});

const value = (text: string, registers: Record<number, bigint> = {}): bigint => parseExpression(text).evaluate(scope(registers));

function refusal(text: string): string {
  try {
    value(text);
  } catch (error) {
    if (error instanceof InputError) return error.message;
  }
  return 'accepted';
}

describe('conditions', () => {
  it.each([
    ['r1 == 5', 1n],
    ['r1 + 2 * 3 == 11 && !(r1 < 5)', 1n],
    ['r2 < 0', 0n],
    ['s(r2) < 0', 1n],
    ['r2 < -0', 1n],
    ['r2 == -2', 1n],
    ['i32(r3) == -1 && u32(r3) == 0xffffffff && w3 == 0xffffffff', 1n],
    ['s(r2) >> 1', 0xffff_ffff_ffff_ffffn],
    ['r2 >> 60', 15n],
    ['1 << 63 >> 63', 1n],
    ['s(r2) / 2 == -1', 1n],
    ['r1 / 0', 0n],
    ['r1 % 0', 5n],
    ['*(u8 *)(r10 + 1)', 91n],
    ['*(u16*)(r10+1) == 91 + (182 << 8)', 1n],
    ['*(i8 *)(r10 + 2) < 0', 1n],
    ['map.counts.u8(2)', 182n],
    ['map.counts[1].u16', 216n + (51n << 8n)],
    ['map.".bss"[r1]', 0n],
    ['map.counts[1]', 1n],
    ['hits % 5 == 0 && step > 10 && depth == 1 && insn == 34', 1n],
    ['~0 == 0xffffffffffffffff', 1n],
    ['1 | 2 ^ 3 & 1', 3n],
  ])('%s', (text, expected) => {
    expect(value(text, { 1: 5n, 2: -2n, 3: 0xaaaa_ffff_ffffn, 10: 1000n })).toBe(expected);
  });

  it.each([
    ['', 'at the end: a value is missing'],
    ['r1 ==', 'at the end: a value is missing'],
    ['r11 == 1', 'at character 1: `r11` is no register, name or type'],
    ['r1 = 1', 'at character 4: `=` means nothing here'],
    ['r1 == 1 r2', 'at character 9: `r2` stands where an operator should'],
    ['(r1 == 1', 'at the end: `)` is missing'],
    ['*(u33 *)(r1)', 'at character 3: `u33` stands where a type such as `u32` or `i64` should'],
    ['r1 > 0x1ffffffffffffffff', 'at character 6: 0x1ffffffffffffffff does not fit into 64 bits'],
    ['map.none[1]', 'at character 5: the program has no map `none`'],
    ['map.counts[9].u8', 'at character 1: map `counts` has no value at this key'],
    ['map.counts[1].u64(60)', 'at character 1: values of map `counts` have 56 bytes'],
    ['*(u64 *)(r10)', '8 bytes at 0x0 cannot be read'],
    ['12ab', 'at character 1: `12ab` means nothing here'],
    ['constructor', 'at character 1: `constructor` is no register, name or type'],
    ['('.repeat(500), 'a condition nests at most 100 deep'],
    ['1+'.repeat(600), 'a condition has at most 1000 characters'],
  ])('refuses `%s` and says where', (text, message) => {
    expect(refusal(text)).toBe(message);
  });

  it('says whether hits must be counted', () => {
    expect([parseExpression('hits > 1').usesHits, parseExpression('r1 > 1').usesHits]).toEqual([true, false]);
  });

  it('computes as JavaScript does on 64 bits, with the precedence of C', () => {
    const operators = ['+', '-', '*', '&', '|', '^', '<<', '>>', '<', '>', '<=', '>=', '==', '!='];
    const small = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
    fc.assert(
      fc.property(fc.array(fc.tuple(small, fc.constantFrom(...operators)), { minLength: 2, maxLength: 6 }), (parts) => {
        const text = parts.map(([number, operator], i) => `${number}${i + 1 < parts.length ? ` ${operator} ` : ''}`).join('');
        const PRECEDENCE: Record<string, number> = { '*': 8, '+': 7, '-': 7, '<<': 6, '>>': 6, '&': 3, '^': 2, '|': 1, '==': 4, '!=': 4 };
        const apply = (a: bigint, operator: string, b: bigint): bigint => {
          const wide = BigInt.asUintN(64, a);
          switch (operator) {
            case '+':
              return wide + b;
            case '-':
              return wide - b;
            case '*':
              return wide * b;
            case '&':
              return wide & b;
            case '|':
              return wide | b;
            case '^':
              return wide ^ b;
            case '<<':
              return wide << (b & 63n);
            case '>>':
              return wide >> (b & 63n);
            case '<':
              return wide < b ? 1n : 0n;
            case '>':
              return wide > b ? 1n : 0n;
            case '<=':
              return wide <= b ? 1n : 0n;
            case '>=':
              return wide >= b ? 1n : 0n;
            case '==':
              return wide === b ? 1n : 0n;
            default:
              return wide !== b ? 1n : 0n;
          }
        };
        // Precedence climbing over the list, apart from the parser's own way.
        const numbers = parts.map(([number]) => number);
        const signs = parts.slice(0, -1).map(([, sign]) => sign);
        while (signs.length > 0) {
          let best = 0;
          signs.forEach((sign, i) => {
            if ((PRECEDENCE[sign] ?? 5) > (PRECEDENCE[signs[best]!] ?? 5)) best = i;
          });
          numbers.splice(best, 2, BigInt.asUintN(64, apply(numbers[best]!, signs[best]!, numbers[best + 1]!)));
          signs.splice(best, 1);
        }
        expect(value(text), text).toBe(numbers[0]);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from './asm.ts';
import { disasmKernel } from './disasm.ts';
import { decodeInsns, encodeInsns } from './insn.ts';
import { describeInsn, encodingProblem } from './opcodes.ts';

const hexOf = (text: string): string => {
  const { program, diagnostics } = assemble(text);
  if (!program) throw new Error(JSON.stringify(diagnostics));
  return [...encodeInsns(program.insns)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
};

// [text, bytes]: the bytes were taken from llvm-mc-19 or from programs whose text is the log of Linux 6.18.
const CASES: readonly (readonly [string, string])[] = [
  ['r0 = 1', 'b700000001000000'],
  ['w0 = -1', 'b4000000ffffffff'],
  ['r1 = *(u32 *)(r1 +4)', '6111040000000000'],
  ['r1 = *(u32 *)(r1 + 0x4)', '6111040000000000'],
  ['w1 = *(u8 *)(r2 - 1)', '7121ffff00000000'],
  ['r4 = *(s8 *)(r1 + 0)', '9114000000000000'],
  ['*(u16 *)(r10 -8) = r1', '6b1af8ff00000000'],
  ['*(u8 *)(r10 -1) = -1', '720affffffffffff'],
  ['goto pc+16', '0500100000000000'],
  ['goto +0x10', '0500100000000000'],
  ['gotol pc-2', '06000000feffffff'],
  ['may_goto pc+3', 'e500030000000000'],
  ['if r1 > 0x5 goto pc+3', '2501030005000000'],
  ['if w1 s<= w2 goto -0x1', 'de21ffff00000000'],
  ['if r1 & 1 goto pc+0', '4501000001000000'],
  ['r1 s>>= 5', 'c701000005000000'],
  ['w1 s/= w2', '3c21010000000000'],
  ['r1 = (s16)r2', 'bf21100000000000'],
  ['r1 = bswap64 r1', 'd701000040000000'],
  ['r1 = be16 r1', 'dc01000010000000'],
  ['w1 = -w1', '8401000000000000'],
  ['r1 = 1 ll', '18010000010000000000000000000000'],
  ['r1 = 0xffff888300000001', '180100000100000000000000 8388ffff'.replace(' ', '')],
  ['3: (18) r1 = 0x5', '18010000050000000000000000000000'],
  ['lock *(u32 *)(r10 -4) += r1', 'c31afcff00000000'],
  ['r1 = atomic64_fetch_add((u64 *)(r2 +8), r1)', 'db12080001000000'],
  ['w0 = cmpxchg32_32(r1 + 16, w0, w5)', 'c3511000f1000000'],
  ['r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r5)', 'db510000f1000000'],
  ['r1 = load_acquire((u32 *)(r2 +0))', 'c321000000010000'],
  ['store_release((u8 *)(r1 -1), r2)', 'd321ffff10010000'],
  ['r1 = addr_space_cast(r2, 0, 1)', 'bf21010001000000'],
  ['r0 = *(u16 *)skb[12]', '280000000c000000'],
  ['r0 = *(u8 *)skb[r1 + 5]', '5010000005000000'],
  ['call bpf_map_lookup_elem#1', '8500000001000000'],
  ['call bpf_map_lookup_elem', '8500000001000000'],
  ['call unknown#9999', '850000000f270000'],
  ['call 0x1', '8500000001000000'],
  ['callx r3', '8d03000000000000'],
  ['12: (b7) r0 = 1                        ; R0_w=1', 'b700000001000000'],
  ['exit // done', '9500000000000000'],
  ['exit # done', '9500000000000000'],
];

describe('assemble', () => {
  it.each(CASES)('%s', (text, hex) => {
    expect(hexOf(text)).toBe(hex);
  });

  it('resolves labels, functions, callbacks and maps by name', () => {
    const { program, lineOfInsn } = assemble(`
      .section xdp
      .license Dual MIT/GPL
      .map hits hash 4 8 64
      .map .data.w array 4 16 1 section=.data.w
        .data 0102
      .func main global (ctx) -> scalar
      start:
        r1 = map[hits]
        r2 = map_value[.data.w]+8
        r3 = hits ll
        r4 = func[callback]
        if r0 == 0 goto LBB0_2
        call sub
        call bpf_ktime_get_ns
      LBB0_2: exit
      callback:
        goto start2
      start2:
        exit
      sub:
        exit`);
    expect(program).toMatchObject({ name: 'main', license: 'Dual MIT/GPL', progType: 6, expectedAttachType: 37 });
    expect(program!.insns.map((insn) => [insn.opcode, insn.src, insn.off, insn.imm])).toEqual([
      [0x18, 1, 0, 0],
      [0, 0, 0, 0],
      [0x18, 2, 0, 1],
      [0, 0, 0, 8],
      [0x18, 1, 0, 0],
      [0, 0, 0, 0],
      [0x18, 4, 0, 5],
      [0, 0, 0, 0],
      [0x15, 0, 2, 0],
      [0x85, 1, 0, 4],
      [0x85, 0, 0, 5],
      [0x95, 0, 0, 0],
      [0x05, 0, 0, 0],
      [0x95, 0, 0, 0],
      [0x95, 0, 0, 0],
    ]);
    expect(program!.subprogs).toEqual([
      { name: 'main', start: 0, linkage: 'global', args: [{ kind: 'ctx' }], returns: 'scalar' },
      { name: 'callback', start: 12, linkage: 'static' },
      { name: 'sub', start: 14, linkage: 'static' },
    ]);
    expect(program!.maps[1]!.data).toEqual(Uint8Array.of(1, 2, ...Array(14).fill(0)));
    expect(lineOfInsn.slice(0, 4)).toEqual([9, 9, 10, 10]);
  });

  it('reports every mistake with its line and column', () => {
    const { program, diagnostics } = assemble(`r0 = 1
r11 = 2
r1 += w2
goto nowhere
  call bpf_map_lookup_elem#2
r1 = map[none]
.map x triangle 4 4 1
if r1 = 2 goto pc+1
r0 = -r1
(07) r0 = 1
r1 += 0xffffffff
.nothing
exit exit`);
    expect(program).toBeNull();
    expect(diagnostics).toEqual([
      { line: 2, column: 1, message: 'unknown instruction "r11"' },
      { line: 3, column: 7, message: 'both sides must be r registers or both w registers' },
      { line: 4, column: 6, message: 'no label is called nowhere' },
      { line: 5, column: 28, message: 'bpf_map_lookup_elem is helper 1, not 2' },
      { line: 6, column: 10, message: 'no map is called none: declare it with .map' },
      { line: 7, column: 8, message: 'unknown map type triangle' },
      { line: 8, column: 7, message: 'expected a comparison (==, !=, >, >=, <, <=, s>, s>=, s<, s<=, &), found "="' },
      { line: 9, column: 6, message: 'negation is in place: both registers must be the same' },
      { line: 10, column: 6, message: 'opcode 07 stands in front, but this is b7' },
      { line: 11, column: 7, message: '4294967295 does not fit in a signed 32-bit immediate: load it with "rN = 4294967295 ll" first' },
      { line: 12, column: 1, message: 'unknown directive .nothing' },
      { line: 13, column: 6, message: 'expected nothing more, found "exit"' },
    ]);
  });

  it('says that a text without instructions has none', () => {
    expect(assemble('; nothing\n').diagnostics).toEqual([{ line: 1, column: 1, message: 'there is no instruction in this text' }]);
    expect(assemble('\u0000\u0001ELF').program).toBeNull();
  });

  it('answers every text with a program or a complaint', () => {
    const words = [
      'r1',
      'w2',
      '=',
      '+=',
      's>>=',
      '*(u32 *)(r1 +4)',
      'if',
      'goto',
      'pc+1',
      'L:',
      'L',
      'call',
      '.map',
      '.data',
      '.func',
      'x',
      '0x10',
      '5',
      '#',
      ';',
      '"',
      '(',
      ')',
      '[',
      'll',
      'exit',
      '\n',
      '\n',
      'map[x]',
      'lock',
      '-',
    ];
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...words)).map((list) => list.join(' ')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const { program, diagnostics } = assemble(text);
        expect(program === null).toBe(diagnostics.length > 0);
        for (const { line, column } of diagnostics) expect(Math.min(line, column)).toBeGreaterThan(0);
      }),
      { seed: 1, numRuns: 600 },
    );
    for (const text of ['r1 constructor 5', 'if r1 toString 5 goto pc+1', 'r1 = valueOf[5]', 'lock *(u32 *)(r1 +0) toString r2']) {
      expect(assemble(text).program).toBeNull();
    }
    const shortest = (text: string) => assemble(text).diagnostics[0]!.message.length;
    expect(shortest(`r1 = ${'9'.repeat(100_000)}`)).toBeLessThan(400);
    expect(shortest('x'.repeat(100_000))).toBeLessThan(400);
    expect(shortest('a:'.repeat(20_000))).toBeLessThan(400);
  });
});

describe('opcode tables', () => {
  const at = (hex: string) => decodeInsns(Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16)))[0]!;

  it('names instructions with their section of RFC 9669', () => {
    expect(describeInsn(at('b700000001000000'))).toMatchObject({ mnemonic: 'mov64', rfc: '4.1', cpu: 1 });
    expect(describeInsn(at('3c21010000000000'))).toMatchObject({ mnemonic: 'sdiv32', cpu: 4 });
    expect(describeInsn(at('db510000f1000000'))).toMatchObject({ mnemonic: 'cmpxchg64', rfc: '5.3', cpu: 3 });
    expect(describeInsn(at('ff00000000000000'))).toBeNull();
  });

  it('judges encodings by machine version', () => {
    expect(encodingProblem(at('a501010000000000'), 1)).toBe('jlt needs -mcpu=v2');
    expect(encodingProblem(at('a501010000000000'), 2)).toBeNull();
    expect(encodingProblem(at('b710000001000000'))).toBe('mov64 uses reserved fields');
    expect(encodingProblem(at('b70b000001000000'))).toBe('r11 is no register');
  });

  it('prints what only the kernel sees', () => {
    const lddw = decodeInsns(Uint8Array.from('18110000070000000000000000000000'.match(/../g)!, (byte) => Number.parseInt(byte, 16)));
    expect(disasmKernel(lddw, 0)).toBe('(18) r1 = 0x7');
    expect(disasmKernel(lddw, 0, { allowPtrLeaks: false })).toBe('(18) r1 = 0x0');
    expect(disasmKernel(lddw, 0, { imm64: () => '0xffff888300000000' })).toBe('(18) r1 = 0xffff888300000000');
    expect(disasmKernel([at('8520000007000000')], 0)).toBe('(85) call kernel-function#7');
    expect(disasmKernel([at('8510000003000000')], 0)).toBe('(85) call pc+3');
  });
});

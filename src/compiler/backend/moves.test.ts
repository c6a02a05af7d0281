import fc from 'fast-check';
import { expect, test } from 'vitest';
import { orderMoves } from './moves.ts';

test('moves in sequence leave what they would leave at once, from any registers into the arguments', () => {
  const source = fc.oneof(
    fc.integer({ min: 0, max: 9 }).map((reg) => ({ reg })),
    fc.integer().map((imm) => ({ imm })),
  );
  fc.assert(
    fc.property(fc.array(source, { maxLength: 5 }), (sources) => {
      const moves = sources.map((src, i) => ({ dst: i + 1, src }));
      const registers = Array.from({ length: 10 }, (_, i) => `r${i}`);
      const read = (at: readonly string[], src: (typeof moves)[number]['src']): string => ('reg' in src ? at[src.reg]! : String(src.imm));
      const wanted = moves.map(({ src }) => read(registers, src));
      for (const { dst, src } of orderMoves(moves)) registers[dst] = read(registers, src as (typeof moves)[number]['src']);
      expect(registers.slice(1, moves.length + 1)).toEqual(wanted);
      // Callee-saved registers stay.
      expect(registers.slice(6)).toEqual(['r6', 'r7', 'r8', 'r9']);
    }),
    { seed: 1, numRuns: 5000 },
  );
});

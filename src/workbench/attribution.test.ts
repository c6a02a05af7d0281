import fc from 'fast-check';
import { expect, it } from 'vitest';
import { attributeVisits, processedByNode } from './attribution.ts';
import { programWith } from './testing/views.ts';

it('divides the visits of shared instructions evenly', () => {
  const program = programWith('p', [[0], [0, 1], []]);
  expect(attributeVisits(program, Uint32Array.of(4, 6, 5))).toEqual({ byOrigin: Float64Array.of(7, 3), unclaimed: 5 });
  expect([...processedByNode(program, Uint32Array.of(4, 6, 5))]).toEqual([
    [0, 7],
    [1, 3],
  ]);
});

it('adds up to what was processed', () => {
  const insn = fc.record({ nodes: fc.uniqueArray(fc.nat(5), { maxLength: 4 }), visits: fc.nat(1000) });
  fc.assert(
    fc.property(fc.array(insn, { minLength: 1, maxLength: 40 }), (insns) => {
      const program = programWith(
        'p',
        insns.map(({ nodes }) => nodes),
      );
      const { byOrigin, unclaimed } = attributeVisits(
        program,
        Uint32Array.from(insns, ({ visits }) => visits),
      );
      const total = insns.reduce((sum, { visits }) => sum + visits, 0);
      expect(byOrigin.reduce((sum, share) => sum + share, unclaimed)).toBeCloseTo(total, 6);
    }),
    { seed: 1 },
  );
});

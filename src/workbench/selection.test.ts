import fc from 'fast-check';
import { expect, it } from 'vitest';
import { partId, splitPart } from './selection.ts';

it('takes ids of parts apart again, whatever the name of the whole', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), (whole, part) => {
      expect(splitPart(partId(whole, part))).toEqual({ whole, part });
    }),
  );
});

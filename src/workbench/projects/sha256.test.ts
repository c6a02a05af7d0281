import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256Digest } from './sha256.ts';

describe('SHA-256 without crypto.subtle', () => {
  it('is that of the standard', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(Buffer.from(sha256Digest(bytes)).toString('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

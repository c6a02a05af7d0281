import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { opsDocument } from './ops-doc.ts';

test('docs/ops.md is what scripts/gen-ops.ts writes', async () => {
  expect(readFileSync(new URL('../../docs/ops.md', import.meta.url), 'utf8')).toBe(await opsDocument());
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { accelTables } from './doc.ts';

test('docs/accelerator.md holds the tables that scripts/gen-accelerator.ts writes', () => {
  const text = readFileSync(new URL('../../../docs/accelerator.md', import.meta.url), 'utf8');
  for (const [name, table] of Object.entries(accelTables())) expect(text).toContain(`<!-- table ${name} -->\n${table}\n<!-- end -->`);
});

/** Writes docs/ops.md from the compiler's table: `node --import tsx scripts/gen-ops.ts`. */
import { writeFileSync } from 'node:fs';
import { opsDocument } from '../src/compiler/ops-doc.ts';

writeFileSync(new URL('../docs/ops.md', import.meta.url), await opsDocument());

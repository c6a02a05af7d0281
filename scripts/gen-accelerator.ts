/** `node --import tsx scripts/gen-accelerator.ts`: puts the tables of src/bpf/accelerator into docs/accelerator.md, between `<!-- table NAME -->` and `<!-- end -->`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { accelTables } from '../src/bpf/accelerator/doc.ts';

const path = fileURLToPath(new URL('../docs/accelerator.md', import.meta.url));
const tables = accelTables();
const text = readFileSync(path, 'utf8').replace(
  /(<!-- table (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
  (_, before: string, name: string, after: string) => {
    const table = tables[name];
    if (table === undefined) throw new Error(`no table is called ${name}`);
    return `${before}${table}\n${after}`;
  },
);
writeFileSync(path, text);

/**
 * `node --import tsx scripts/catalogue.ts CORPUS`: writes src/verifier/catalogue/pages.json, the index of the catalogue: a page for each template of the messages of
 * CORPUS/messages-6.18.tsv and for each that an example gives, with the example's number. The words of a page are the rule's (rule-texts.ts); programs stand in examples.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runningKernel } from '../src/companion/kernel-target.ts';
import { exampleMessages } from '../src/verifier/catalogue/build.ts';
import { idOf, templateOf } from '../src/verifier/catalogue/template.ts';
import { ruleOf } from '../src/verifier/explain/rule-texts.ts';

const [folder] = process.argv.slice(2);
if (!folder) throw new Error('say where the corpus is');
const messages = readFileSync(join(folder, 'messages-6.18.tsv'), 'utf8')
  .split('\n')
  .slice(1)
  .flatMap((line) => line.split('\t')[2] ?? [])
  .filter((message) => message !== '' && message.trim() !== '(no message)');
const pages = new Map<string, { id: string; template: string; message: string; example: number }>();
const add = (message: string, example: number): void => {
  const template = templateOf(message);
  const known = pages.get(template);
  if (known && (known.example >= 0 || example < 0)) return;
  // A message that the verifier here does not word itself still has its rule, or the class of it.
  pages.set(template, { id: idOf(template), template, message, example });
};
for (const message of messages) add(message, -1);
for (const [example, message] of exampleMessages(runningKernel()).entries()) add(message, example);
const ids = new Map<string, number>();
const rows = [...pages.values()].map((page) => {
  const count = ids.get(page.id) ?? 0;
  ids.set(page.id, count + 1);
  return { ...page, id: count === 0 ? page.id : `${page.id}-${count + 1}` };
});
const without = rows.filter(({ message }) => ruleOf(message) === null);
for (const { message } of without) console.error(`no rule: ${message}`);
writeFileSync(
  fileURLToPath(new URL('../src/verifier/catalogue/pages.json', import.meta.url)),
  `[\n${rows.map((row) => ` ${JSON.stringify(row)}`).join(',\n')}\n]\n`,
);
console.log(`${rows.length} pages, ${rows.filter(({ example }) => example >= 0).length} with an example`);

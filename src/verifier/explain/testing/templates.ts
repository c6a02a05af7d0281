import { readdirSync, readFileSync } from 'node:fs';

const OPEN = '({[';
const CLOSE = ')}]';

/** The text of a string that begins at `at`; what stands in `${…}` becomes the first string in it, or `7`. */
function literal(source: string, at: number): { readonly text: string; readonly end: number } {
  const quote = source[at]!;
  let text = '';
  let i = at + 1;
  while (source[i] !== quote) {
    if (source[i] === '\\') {
      text += source[i + 1] === 'n' ? '\n' : source[i + 1]!;
      i += 2;
    } else if (quote === '`' && source.startsWith('${', i)) {
      let depth = 1;
      const from = i + 2;
      for (i = from; depth > 0; i++) depth += source[i] === '{' ? 1 : source[i] === '}' ? -1 : 0;
      text += /'([^']+)'/.exec(source.slice(from, i - 1))?.[1] ?? '7';
    } else text += source[i++]!;
  }
  return { text, end: i };
}

/** Every message that the verifier's source can end with: the strings that are handed to `fail`, `say` and `refuse`, one value in each gap. */
export function messageTemplates(folder: string): { readonly file: string; readonly message: string }[] {
  const found: { file: string; message: string }[] = [];
  for (const file of readdirSync(folder)) {
    if (!file.endsWith('.ts') || file.includes('.test.')) continue;
    const source = readFileSync(`${folder}/${file}`, 'utf8');
    for (const call of source.matchAll(/\.(?:fail|say|refuse)\(/g)) {
      let depth = 1;
      for (let i = call.index + call[0].length; depth > 0 && i < source.length; i++) {
        const c = source[i]!;
        if (OPEN.includes(c)) depth++;
        else if (CLOSE.includes(c)) depth--;
        else if (c === "'" || c === '"' || c === '`') {
          const { text, end } = literal(source, i);
          i = end;
          const message = text.replace(/\s+/g, ' ').trim();
          if (/\w.* \S*\w/.test(message)) found.push({ file, message });
        }
      }
    }
  }
  return found;
}

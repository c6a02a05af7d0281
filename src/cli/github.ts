import type { Against } from '../verifier/against.ts';
import type { Source } from '../verifier/explain/explain.ts';

const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** A workflow command of GitHub's runners: an annotation at a line of a file. */
export function annotation(
  level: 'error' | 'warning' | 'notice',
  at: { readonly file: string; readonly line: number },
  title: string,
  text: string,
): string {
  const place = [`file=${property(at.file)}`, ...(at.line > 0 ? [`line=${at.line}`] : []), `title=${property(title)}`];
  return `::${level} ${place.join(',')}::${data(text)}`;
}

/** Where a rejection is shown: at its source line, else at the file that was verified. */
export const placeOfSource = ({ line }: Source, file: string): { file: string; line: number } =>
  line && line.file !== '' ? { file: line.file, line: line.line } : { file, line: 0 };

/** A share by which a budget must grow to be told. */
const WORTH_TELLING = 0.05;

/** What a comparison has to say to a reviewer; null where nothing changed that matters. */
export function changeAnnotation(file: string, { name, change, was, now, budget }: Against): string | null {
  const at = { file, line: 0 };
  if (change === 'broken') return null; // The rejection itself is an error already.
  if (change === 'fixed') return annotation('notice', at, `${name} is accepted now`, `It was rejected: ${was!.message}`);
  if (change !== 'counts' || now!.processed <= was!.processed * (1 + WORTH_TELLING)) return null;
  const [most] = budget;
  const where = most ? { file: most.file || file, line: most.file ? most.line : 0 } : at;
  const text = `${was!.processed} instructions were processed before and ${now!.processed} now.${most ? ` Most of it: ${most.text} (${most.was} before, ${most.now} now).` : ''}`;
  return annotation('warning', where, `${name} costs the verifier more`, text);
}

import { InputError } from '../../src/base/errors.ts';
import { FilterError } from '../../src/traces/filter/error.ts';

/** What came of one input. A finding says what is wrong with what we did. */
export type Outcome = { readonly kind: 'read' } | { readonly kind: 'refused' } | { readonly kind: 'finding'; readonly what: string };

/** Words of JavaScript and of our own insides that no message holds. */
const OURS =
  /\bundefined\b|\[object |(?<!is )\bNaN\b|Cannot read prop|is not a function(?! or function pointer)|Maximum call stack|Invalid typed array|Invalid array|out of bounds|Out of bounds|BigInt/;

/** A message in our words, on one line, that names the place. */
export function badMessage(what: string, where: string): string | null {
  if (what.trim() === '') return 'an empty message';
  if (where.trim() === '') return `no place: ${what}`;
  if (/[\n\r]/.test(what) || /[\n\r]/.test(where)) return `more than one line: ${where}: ${what}`;
  if (what.length + where.length > 2000) return `a message of ${what.length + where.length} characters: ${what.slice(0, 120)}`;
  // What the file says is quoted; only our own words are looked at.
  const own = what.replace(/`[^`]*`|"(?:[^"\\]|\\.)*"|'[^']*'|“[^”]*”/g, '');
  return OURS.test(own) ? `words of ours: ${where}: ${what}` : null;
}

export function judgeError(error: unknown): Outcome {
  if (error instanceof InputError) {
    const bad = badMessage(error.what, error.where);
    return bad ? { kind: 'finding', what: bad } : { kind: 'refused' };
  }
  if (error instanceof FilterError) {
    const bad = badMessage(error.what, `${error.from}–${error.to}`);
    return bad ? { kind: 'finding', what: bad } : { kind: 'refused' };
  }
  const { stack = String(error) } = error as Error;
  // The place in our code tells one defect from another.
  const place = /\(?(?:file:\/\/)?[^\s(]*?((?:src|bench|node_modules)\/[^\s)]+)\)?/.exec(stack.slice(stack.indexOf('\n')))?.[1] ?? '';
  return { kind: 'finding', what: `${stack.split('\n')[0]} at ${place}` };
}

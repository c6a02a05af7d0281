import { CLASS_TEXTS, classOfMessage, type ExplanationClass } from '../explain/classes.ts';
import { ruleOf } from '../explain/rule-texts.ts';
import { EXAMPLES } from './examples.ts';
import rows from './pages.json' with { type: 'json' };
import { type ExamplePair, pairOf } from './pair.ts';
import { templateOf } from './template.ts';

/** What the catalogue says of a message of the verifier. */
export interface CataloguePage {
  /** Its name in links. */
  readonly id: string;
  /** The message with R# for registers and N for numbers. */
  readonly template: string;
  /** One message of this form. */
  readonly message: string;
  readonly class: ExplanationClass;
  readonly title: string;
  readonly allowed: string;
  readonly why: string;
  readonly change: string;
  /** A minimal rejected program and its repair; null where none can be given without the types of a kernel or a module. */
  readonly example: ExamplePair | null;
  /** Its lines as they differ: `-` rejected, `+` repaired. */
  readonly lines: readonly string[];
}

function pageOf({ id, template, message, example }: (typeof rows)[number]): CataloguePage {
  const rule = ruleOf(message);
  const cls = rule?.class ?? classOfMessage(message);
  const { title, allowed, why, change } = CLASS_TEXTS[cls];
  return {
    id,
    template,
    message,
    class: cls,
    title,
    allowed: rule?.allowed ?? allowed,
    why: rule?.why ?? why,
    change: rule?.change ?? change,
    example: example < 0 ? null : pairOf(EXAMPLES[example]!),
    lines: example < 0 ? [] : EXAMPLES[example]!.split('\n'),
  };
}

/** Every page, by class and template. */
export const PAGES: readonly CataloguePage[] = rows
  .map(pageOf)
  .sort((a, b) => a.title.localeCompare(b.title) || a.template.localeCompare(b.template));

export const pageById = (id: string): CataloguePage | null => PAGES.find((page) => page.id === id) ?? null;

/** The page of a message; null where the catalogue has none. */
export function pageFor(message: string): CataloguePage | null {
  const template = templateOf(message);
  return PAGES.find((page) => page.template === template) ?? null;
}

/** Pages in which all words of the query stand, in the message, title or texts. */
export function searchPages(query: string): readonly CataloguePage[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return PAGES;
  const exact = query.trim() === '' ? null : pageFor(query.trim());
  const found = PAGES.filter((page) => {
    const text = `${page.template} ${page.message} ${page.title} ${page.class} ${page.why} ${page.change}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return exact && !found.includes(exact) ? [exact, ...found] : found;
}

import { InputError } from '../base/errors.ts';

/** Lessons in the order in which a class takes them. */
export interface CoursePath {
  readonly title: string;
  /** Lessons by their names. */
  readonly lessons: readonly string[];
}

const FORMAT = 'bpformer-path';
const VERSION = 1;
const MOST_LESSONS = 200;
const LONGEST_TITLE = 120;
const ID = /^[a-z0-9][a-z0-9-]{0,60}$/;

function checked(title: unknown, lessons: unknown, where: string): CoursePath {
  if (typeof title !== 'string' || title.trim() === '' || title.length > LONGEST_TITLE)
    throw new InputError(`a path needs a title of at most ${LONGEST_TITLE} characters`, where);
  if (!Array.isArray(lessons) || lessons.length === 0 || lessons.length > MOST_LESSONS)
    throw new InputError(`a path lists 1 to ${MOST_LESSONS} lessons`, where);
  for (const one of lessons)
    if (typeof one !== 'string' || !ID.test(one))
      throw new InputError(`a path names lessons by small letters, digits and hyphens, not by ${JSON.stringify(one)?.slice(0, 40)}`, where);
  return { title: title.trim(), lessons: [...new Set(lessons as string[])] };
}

/** A path from its file: `{"format": "bpformer-path", "version": 1, "title", "lessons": [names]}`. */
export function readPath(text: string, where: string): CoursePath {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError((error as Error).message, where, 'A path is JSON');
  }
  const { format, version, title, lessons } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (format !== FORMAT) throw new InputError(`this is no path: it needs "format": "${FORMAT}"`, where);
  if (version !== VERSION)
    throw new InputError(`this path is of version ${JSON.stringify(version)}, and this page reads ${VERSION}`, where);
  return checked(title, lessons, where);
}

/** The file of a path. */
export const writePath = ({ title, lessons }: CoursePath): string =>
  `${JSON.stringify({ format: FORMAT, version: VERSION, title, lessons }, null, 2)}\n`;

/** A path from the query of a page's address: `?path=registers,packets&title=Class`; null where it has none. */
export function pathOfQuery(query: URLSearchParams): CoursePath | null {
  const names = query.get('path');
  return names === null ? null : checked(query.get('title') ?? 'A path', names.split(',').filter(Boolean), '?path');
}

/** The query that {@link pathOfQuery} reads. */
export const queryOfPath = ({ title, lessons }: CoursePath): string =>
  `?path=${lessons.join(',')}&title=${encodeURIComponent(title).replace(/%20/g, '+')}`;

/** What is in neither place comes last: lessons in the order of a path, then all others by name. */
export function ordered<T extends { readonly id: string }>(lessons: readonly T[], path: CoursePath): readonly T[] {
  const place = (id: string) => {
    const at = path.lessons.indexOf(id);
    return at < 0 ? path.lessons.length : at;
  };
  return lessons.toSorted((a, b) => place(a.id) - place(b.id) || a.id.localeCompare(b.id));
}

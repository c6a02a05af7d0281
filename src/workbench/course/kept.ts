import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

/** What a learner has done of a lesson; kept in this browser. */
export interface LessonRecord {
  /** The lesson's name; with a `~` before it where it is not of the course. */
  readonly key: string;
  /** The step at which it was left, from 0. */
  readonly step: number;
  /** Steps that were opened. */
  readonly seen: readonly number[];
  /** Exercises that passed. */
  readonly passed: readonly string[];
  /** Exercises whose solution was looked at before they passed. */
  readonly shown: readonly string[];
  /** How often each exercise was checked. */
  readonly tries: Readonly<Record<string, number>>;
  /** Hints that were opened, by exercise. */
  readonly hints: Readonly<Record<string, number>>;
  /** The learner's texts, by exercise. */
  readonly answers: Readonly<Record<string, string>>;
  /** Tasks that were done: `STEP.BLOCK`. */
  readonly tasks: readonly string[];
  /** The file of a lesson that is not of the course. */
  readonly file?: { readonly name: string; readonly text: string; readonly title: string };
}

interface Schema extends DBSchema {
  lessons: { key: string; value: LessonRecord };
}

const empty = new Map<string, LessonRecord>();

/** A lesson of which nothing was done. The same object each time: React takes another one for a change, and asks again without end. */
export function emptyRecord(key: string): LessonRecord {
  const known = empty.get(key);
  if (known) return known;
  const record: LessonRecord = { key, step: 0, seen: [], passed: [], shown: [], tries: {}, hints: {}, answers: {}, tasks: [] };
  empty.set(key, record);
  return record;
}

const texts = (value: unknown): value is string[] => Array.isArray(value) && value.every((one) => typeof one === 'string');
const mapOf = (value: unknown, type: 'string' | 'number'): boolean =>
  typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === type);

/** A record as it came from storage; null for what is none: another version wrote it, or it is damaged. */
export function asRecord(value: unknown): LessonRecord | null {
  if (typeof value !== 'object' || value === null) return null;
  const { key, step, seen, passed, shown, tries, hints, answers, tasks, file } = value as Record<string, unknown>;
  const counts = Array.isArray(seen) && seen.every((one) => Number.isSafeInteger(one));
  const ok =
    typeof key === 'string' &&
    Number.isSafeInteger(step) &&
    counts &&
    [passed, shown, tasks].every(texts) &&
    mapOf(tries, 'number') &&
    mapOf(hints, 'number') &&
    mapOf(answers, 'string') &&
    (file === undefined || mapOf(file, 'string'));
  return ok ? (value as LessonRecord) : null;
}

let database: Promise<IDBPDatabase<Schema> | null> | null = null;

/** A database of its own: projects and their sweeping know nothing of lessons. Null where storage is forbidden; then progress lasts as long as the tab. */
function open(): Promise<IDBPDatabase<Schema> | null> {
  database ??= openDB<Schema>('bpformer-course', 1, {
    upgrade: (db) => void db.createObjectStore('lessons', { keyPath: 'key' }),
    blocking: (_from, _to, event) => {
      (event.target as IDBDatabase).close();
      database = null;
    },
  }).catch(() => null);
  return database;
}

export async function keptRecords(): Promise<readonly LessonRecord[]> {
  const values: unknown[] = (await (await open())?.getAll('lessons')) ?? [];
  return values.flatMap((value) => asRecord(value) ?? []);
}

/** Keeps a record; false where that is not possible. What another tab has passed meanwhile stays passed. */
export async function keepRecord(record: LessonRecord): Promise<boolean> {
  try {
    const db = await open();
    if (!db) return false;
    const tx = db.transaction('lessons', 'readwrite');
    const before = asRecord(await tx.store.get(record.key));
    const union = <T>(a: readonly T[], b: readonly T[]): readonly T[] => [...new Set([...a, ...b])];
    await tx.store.put(
      before && record.seen.length > 0
        ? {
            ...record,
            seen: union(before.seen, record.seen),
            passed: union(before.passed, record.passed),
            tasks: union(before.tasks, record.tasks),
          }
        : record,
    );
    await tx.done;
    return true;
  } catch {
    return false;
  }
}

export async function dropRecord(key: string): Promise<void> {
  await (await open())?.delete('lessons', key).catch(() => {});
}

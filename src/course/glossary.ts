import { ACCEL_FUNCTIONS } from '../bpf/accelerator/functions.ts';
import { ACCEL_HOOK_DEFS } from '../bpf/accelerator/hooks.ts';
import { type Entry, helperEntries, instructionEntries, wordEntries } from './reference.ts';

/** Names and what they mean, from the tables that assembler, verifier, engine and simulator use. */
export type Glossary = ReadonlyMap<string, Entry>;

let made: Glossary | null = null;

/** By name, in small letters; the field's words go before names of the tables. */
export function glossary(): Glossary {
  if (made) return made;
  const entries: Entry[] = [
    ...wordEntries(),
    ...helperEntries(),
    ...instructionEntries(),
    ...[...ACCEL_FUNCTIONS.values()].map(({ name, doc }) => ({ name, text: doc, source: 'accelerator (simulated)' })),
    ...Object.values(ACCEL_HOOK_DEFS).map(({ name, when }) => ({
      name: `accelerator/${name}`,
      text: `A hook of the simulated accelerator: ${when}.`,
      source: 'accelerator (simulated)',
    })),
  ];
  const found = new Map<string, Entry>();
  for (const entry of entries) if (!found.has(entry.name.toLowerCase())) found.set(entry.name.toLowerCase(), entry);
  made = found;
  return found;
}

/** The entry of a term; null where there is none. Case is passed over, and the plural of a word is the word. */
export function lookUp(term: string): Entry | null {
  const name = term.trim().toLowerCase();
  return glossary().get(name) ?? (name.endsWith('s') ? (glossary().get(name.slice(0, -1)) ?? null) : null);
}

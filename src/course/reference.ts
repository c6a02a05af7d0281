import { HELPERS } from '../bpf/helpers.ts';
import { describeInsn } from '../bpf/opcodes.ts';
import { WORDS } from './words.ts';

/** One line of the reference: what a name means. */
export interface Entry {
  readonly name: string;
  readonly text: string;
  /** Where it comes from: a section of RFC 9669, the least `-mcpu`, a helper's number. */
  readonly source: string;
}

/** Fields by which encodings of one opcode byte differ; each known instruction appears with the first that yields it. */
const SOURCES = [0, 1, 2, 3, 4, 5, 6];
const OFFSETS = [0, 1, 8, 16, 32];
const IMMEDIATES = [0, 0x01, 0x10, 0x20, 0x21, 0x40, 0x41, 0x50, 0x51, 0x64, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110, 16, 32, 64];

let insns: readonly Entry[] | null = null;

/** Every instruction that the tables know, found by asking them about every encoding. */
export function instructionEntries(): readonly Entry[] {
  if (insns) return insns;
  const found = new Map<string, Entry>();
  for (let opcode = 0; opcode < 256; opcode++) {
    for (const src of SOURCES) {
      for (const off of OFFSETS) {
        for (const imm of IMMEDIATES) {
          const info = describeInsn({ opcode, dst: 0, src, off, imm });
          if (!info) continue;
          const key = `${info.mnemonic} ${info.description}`;
          if (found.has(key)) continue;
          const source = [info.rfc ? `RFC 9669 §${info.rfc}` : '', info.cpu > 1 ? `v${info.cpu}` : ''].filter(Boolean).join(' · ');
          found.set(key, { name: info.mnemonic, text: info.description, source });
        }
      }
    }
  }
  insns = [...found.values()].sort((a, b) => a.name.localeCompare(b.name) || a.text.localeCompare(b.text));
  return insns;
}

export function helperEntries(): readonly Entry[] {
  return HELPERS.slice(1).map(({ id, name, signature, description }) => ({
    name,
    text: description ? `${signature}. ${description}` : signature,
    source: `#${id}`,
  }));
}

export const wordEntries = (): readonly Entry[] => WORDS.map(([name, text]) => ({ name, text, source: '' }));

/** Entries that hold every word of a query. */
export function matching(entries: readonly Entry[], query: string): readonly Entry[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return entries;
  return entries.filter(({ name, text }) => {
    const all = `${name} ${text}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

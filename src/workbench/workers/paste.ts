import { assemble } from '../../bpf/asm.ts';
import { programOfLog } from '../../verifier/logfile/program.ts';
import { readLog } from '../../verifier/logfile/reader.ts';
import { looksLikeListing, looksLikeLog } from '../../verifier/logfile/recognise.ts';

/** What a pasted text is, and what opening it would show. */
export type PasteView =
  | {
      readonly kind: 'log';
      /** Null where only its end was read. */
      readonly lines: number | null;
      readonly verdict: 'accepted' | 'rejected' | 'unknown';
      readonly message: string | null;
      readonly insnIdx: number | null;
      readonly runs: number;
    }
  | { readonly kind: 'assembly'; readonly insns: number; readonly section: string; readonly maps: number }
  | { readonly kind: 'mistakes'; readonly mistakes: number; readonly line: number; readonly message: string }
  | { readonly kind: 'c'; readonly lines: number }
  | { readonly kind: 'unknown' };

/** The end of a longer text tells the verdict. */
const MOST_CHARS = 1_000_000;
const END_CHARS = 200_000;

const C = /^[ \t]*#\s*include\s*[<"]|\bSEC\s*\(\s*"|\bstruct\s+\w+\s*\{/m;

/** Tells a log from assembly, by its words; numbered instructions alone are assembly where they are a whole program. */
export function inspectPaste({ text }: { text: string }): PasteView {
  const sample = text.length > 2 * END_CHARS ? `${text.slice(0, END_CHARS)}\n${text.slice(-END_CHARS)}` : text;
  if (looksLikeLog(sample)) return inspectLog(text);
  if (text.length <= MOST_CHARS) {
    const assembly = inspectAssembly(text);
    if (looksLikeListing(sample)) return assembly.kind === 'assembly' && isWhole(text) ? assembly : inspectLog(text);
    if (assembly.kind !== 'unknown') return assembly;
  }
  return C.test(sample) ? { kind: 'c', lines: text.trimEnd().split('\n').length } : { kind: 'unknown' };
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;

function inspectLog(text: string): PasteView {
  const whole = text.length <= MOST_CHARS;
  const { columns } = readLog(bytesOf(whole ? text : text.slice(-END_CHARS)));
  const { verdict, message, insnIdx } = columns.runs[columns.run]!;
  return { kind: 'log', lines: whole ? columns.lines : null, verdict, message, insnIdx, runs: whole ? columns.runs.length : 1 };
}

/** Whether numbered instructions begin at 0 and leave none out. */
function isWhole(text: string): boolean {
  const { bytes, columns } = readLog(bytesOf(text));
  return programOfLog(bytes, columns).missing === 0;
}

function inspectAssembly(text: string): PasteView {
  const { program, diagnostics, lineOfInsn } = assemble(text);
  if (program) return { kind: 'assembly', insns: program.insns.length, section: program.section, maps: program.maps.length };
  const lines = new Set(lineOfInsn).size;
  const [first] = diagnostics;
  // Mistakes in assembly are mistakes; a text of which next to nothing assembles is something else.
  if (!first || lines < 1 || diagnostics.length > lines * 2) return { kind: 'unknown' };
  return { kind: 'mistakes', mistakes: diagnostics.length, line: first.line, message: first.message };
}

import { joined } from './clean.ts';
import { recordField, textOfRecord } from './json-records.ts';
import { decodeLog, type LogEncoding } from './lines.ts';
import { logSample } from './recognise.ts';

/** A loader's word for lines that it left out. */
export const GAP =
  /^(?:[[(]?\s*(?:\.{3}|…)\s*[\])]?|[[(<]?\s*(?:snip|snipped|truncated|output truncated)\s*[\])>]?|.{0,40}\b\d[\d,]* (?:more )?lines?(?:\(s\))? (?:omitted|skipped|truncated|hidden|elided|removed|left out).{0,40}|\(truncated.*|Skipped \d+ bytes,.*)$/i;

const LF = 10;
/** Text that is decoded at once; whole lines. */
const PIECE_BYTES = 4 * 1024 * 1024;

const INSN = String.raw`(?<!\d)\d+: \([0-9a-f]{2}\) `;
const ENTITY = /&(?:lt|gt|amp|quot|apos|nbsp|#39|#x27|#34|#60|#62|#38|#160);/;
const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  '#39': "'",
  '#x27': "'",
  '#34': '"',
  '#60': '<',
  '#62': '>',
  '#38': '&',
  '#160': ' ',
};
const TAG = /<\/?(?:br|p|pre|code|span|div|tr|td|b|i|strong|em|li)\b[^<>]{0,200}>/gi;
const BREAK = /<br\b[^<>]{0,40}>|<\/(?:p|div|tr|li)>/gi;
/** Colours that a logger has printed as text. */
const SPELT_ESCAPE = /(?:\\x1b|\\u001b|\\033|\\e|#033|\^\[)\[[0-9;]{0,12}[mK]/gi;
/** Blanks that a web page or an editor has made hard. */
const HARD_BLANK = /(?<!\d)\d+:[ \u00a0]\([0-9a-f]{2}\)\u00a0|\u00a0insns[ \u00a0]\(limit/;
/** Lines of a log that stand in one string: `…\n12: (b7) r0 = 0\n…`. */
const SPELT_BREAK = new RegExp(String.raw`\\n(?:${INSN}|(?<!\d)\d+: R\d|func#\d|processed \d+ insns|from \d+ to \d+|R\d+ )`);
/** The first line of a log that stands behind a loader's words. */
const BEHIND_WORDS =
  /(\b(?:Verifier output|verifier output|verifier log|VerifierError|verifier error|Kernel error log)\b:?) +(?=\d+: |func#\d|R\d|; |unknown |arg#|last insn)/;
/** What stands before the first line in such a string. */
const BEFORE_STRING = new RegExp(String.raw`^[^\n]*?[:"] ?(?=func#\d+ @\d|${INSN}|(?<!\d)\d+: R\d|; |Verification failed: )`);

/** The first line of a log that stands in a string, put on a line of its own. */
function freeFirstLine(line: string): string {
  const before = BEFORE_STRING.exec(line)?.[0];
  return before !== undefined && line.includes('\\n', before.length) ? `${before}\n${line.slice(before.length)}` : line;
}
/** cilium/ebpf in one line: `load program: permission denied: 3: (71) r0 = *(u8 *)(r2 +0): R2 offset is … (12 line(s) omitted)`. */
const ONE_LINE = /\bload program: [^(]*\(.*lines?(?:\(s\))? omitted\)/;

interface Work {
  /** Each line is a JSON document that holds a piece of the log in this member. */
  readonly field: readonly string[] | null;
  readonly entities: boolean;
  readonly escapes: boolean;
  readonly breaks: boolean;
  readonly spaces: boolean;
  readonly words: boolean;
  readonly oneLine: boolean;
  readonly suffix: RegExp | null;
}

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Lines of which nearly all end in the same words, digits aside: what a logger's record has behind its message. */
function findSuffix(sample: string): RegExp | null {
  const ends = new Map<string, number>();
  let seen = 0;
  const line = new RegExp(String.raw`(?:^|["\s])${INSN}[^"\n]*("[^\n]{0,200})$`);
  for (const text of sample.split('\n')) {
    if (!new RegExp(INSN).test(text)) continue;
    seen++;
    const match = line.exec(text);
    if (!match) continue;
    const key = match[1]!.replace(/\d+/g, '0');
    ends.set(key, (ends.get(key) ?? 0) + 1);
  }
  const [best] = [...ends].sort((a, b) => b[1] - a[1]);
  if (!best || best[1] < Math.max(2, seen * 0.8)) return null;
  return new RegExp(`${quoted(best[0]).replace(/0/g, String.raw`\d+`)}$`);
}

/** Longest line of which words are looked for: on longer ones a pattern could go back and forth for minutes. */
const LONGEST_WORDS = 4096;

function workFor(whole: string): Work | null {
  const sample = whole
    .split('\n')
    .map((line) => line.slice(0, LONGEST_WORDS))
    .join('\n');
  const field = recordField(whole);
  // What a record has around its text is gone with the record.
  if (field) return { field, entities: false, escapes: false, breaks: false, spaces: false, words: false, oneLine: false, suffix: null };
  const work: Work = {
    field,
    entities: ENTITY.test(sample),
    escapes: new RegExp(SPELT_ESCAPE.source, 'i').test(sample),
    breaks: SPELT_BREAK.test(whole),
    spaces: HARD_BLANK.test(sample),
    words: BEHIND_WORDS.test(sample),
    oneLine: ONE_LINE.test(sample),
    suffix: findSuffix(sample),
  };
  const any = work.entities || work.escapes || work.breaks || work.spaces || work.words || work.oneLine || work.suffix !== null;
  return any ? work : null;
}

/** `load program: E: 3: (71) … : R2 … (12 line(s) omitted)` as the lines that it was made of. */
function splitOneLine(line: string): string {
  if (line.length > LONGEST_WORDS || !ONE_LINE.test(line)) return line;
  const omitted = /^(.*?)\(((?:truncated, )?\d+ lines?(?:\(s\))? omitted)\)(.*)$/.exec(line);
  if (!omitted) return line;
  const head = omitted[1]!.trimEnd();
  const left = omitted[2]!;
  const rest = /\w/.test(omitted[3]!) ? omitted[3] : '';
  const insn = new RegExp(`^(.*?load program: [^:]*): (${INSN}.*)$`).exec(head);
  const plain = /^(.*?load program: [^:]*): (.*)$/.exec(head);
  const [, words, said] = insn ?? plain ?? [];
  if (words === undefined || said === undefined) return `${head}\n(${left})${rest ? `\n${rest.trim()}` : ''}`;
  // An instruction holds no `: ` but the one behind its number; the reason follows the next.
  const reason = insn ? /^(\d+: .*?)(?:: ?(?=[A-Za-z]))(?!R\d+(?:_\w+)?=)(.*)$/.exec(said) : null;
  const body = reason ? `${reason[1]}\n${reason[2]}` : said;
  return `${words}:\n(${left})\n${body}${rest?.trim() ? `\n${rest.trim()}` : ''}`;
}

function unwrapText(text: string, work: Work): string {
  let out = text;
  if (work.field) {
    const { field } = work;
    out = out
      .split('\n')
      .map((line) => textOfRecord(line, field))
      .join('\n');
  }
  if (work.entities) {
    out = out.replace(BREAK, '\n').replace(TAG, '');
    out = out.replace(new RegExp(ENTITY.source, 'g'), (entity) => ENTITIES[entity.slice(1, -1)] ?? entity);
    // A text that was escaped twice.
    if (ENTITY.test(out)) out = out.replace(new RegExp(ENTITY.source, 'g'), (entity) => ENTITIES[entity.slice(1, -1)] ?? entity);
  }
  if (work.escapes) out = out.replace(SPELT_ESCAPE, '');
  if (work.spaces) out = out.replaceAll('\u00a0', ' ');
  if (work.breaks)
    out = out
      .split('\n')
      .map(freeFirstLine)
      .join('\n')
      .replaceAll('\\r\\n', '\n')
      .replaceAll('\\n', '\n')
      .replaceAll('\\t', '\t')
      .replaceAll('\\"', '"');
  if (work.suffix) {
    const { suffix } = work;
    out = out
      .split('\n')
      .map((line) => line.replace(suffix, ''))
      .join('\n');
  }
  if (work.words) out = out.replace(new RegExp(BEHIND_WORDS.source, 'g'), '$1\n');
  if (work.oneLine) out = out.split('\n').map(splitOneLine).join('\n');
  return out;
}

/**
 * The bytes without what carried them: entities and tags of a web page, line breaks and colours that a logger has spelt out, ends of a
 * logger's records, hard blanks, and the first line freed from the words that stand before it. The given ones where there is nothing to do.
 */
export function unwrapLog(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: LogEncoding,
): { bytes: Uint8Array<ArrayBuffer>; encoding: LogEncoding } {
  const work = workFor(logSample(bytes, encoding));
  if (!work) return { bytes, encoding };
  const encoder = new TextEncoder();
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; ) {
    let to = Math.min(bytes.length, from + PIECE_BYTES);
    if (to < bytes.length) {
      const end = bytes.lastIndexOf(LF, to);
      if (end > from) to = end + 1;
    }
    const piece = encoder.encode(unwrapText(decodeLog(bytes.subarray(from, to), encoding), work));
    pieces.push(piece);
    from = to;
  }
  return { bytes: joined(pieces), encoding: 'utf-8' };
}

/** Words that stand in no other kind of text; one is enough. */
const MARKS: readonly RegExp[] = [
  /^.{0,200}?\bprocessed \d+ insns \(limit \d+\)/m,
  /^.{0,200}?-- BEGIN PROG LOAD LOG --/m,
  /^.{0,200}?\bfunc#\d+ @\d+\s*$/m,
  /^.{0,200}?\bR\d+(?:_[a-zA-Z]+)?=(?:ctx|fp|inv|scalar|pkt|map_ptr|map_value|P?-?\d)/m,
  /^.{0,200}?\bfrom \d+ to \d+: (?:safe|R\d|frame)/m,
  /^.{0,200}?\bmark_precise: frame\d/m,
  /^[ \t]{0,80}Verification failed: \S/m,
  /^.{0,200}?\bload program: .{1,400}?lines?(?:\(s\))? omitted\)/m,
];

/** `12: (b7) r0 = 0`: so begin the lines of logs, and those of a disassembly too. */
const NUMBERED = /^.{0,200}?\b\d+: \([0-9a-f]{2}\) /m;

const SAMPLE_BYTES = 64 * 1024;
/** Text that is searched at once for a log that begins far inside of a file. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** What stands in nearly every log, and is quickly looked for. */
const WORDS = ['insns (limit ', 'BEGIN PROG LOAD LOG', 'R10=fp', 'Verification failed: ', ' omitted)'];

const decoders = new Map<string, TextDecoder>();
function decode(bytes: Uint8Array, label: string): string {
  let decoder = decoders.get(label);
  if (!decoder) {
    decoder = new TextDecoder(label);
    decoders.set(label, decoder);
  }
  return decoder.decode(bytes);
}

/**
 * `utf-16le` or `utf-16be` for a text of two bytes a letter, with its mark or without: PowerShell's `>` writes such. Null for any other.
 */
export function utf16Of(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const pairs = Math.min(bytes.length, 512) >> 1;
  if (pairs < 8) return null;
  const zeros = [0, 0];
  for (let i = 0; i < pairs * 2; i++) if (bytes[i] === 0) zeros[i & 1]!++;
  // Letters of a log have one byte that is not zero.
  if (zeros[1]! > pairs * 0.9 && zeros[0]! < pairs * 0.1) return 'utf-16le';
  return zeros[0]! > pairs * 0.9 && zeros[1]! < pairs * 0.1 ? 'utf-16be' : null;
}

/** Byte near which a log's own words stand; -1 where none do. */
function findWords(bytes: Uint8Array): number {
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    const piece = decode(bytes.subarray(from, from + PIECE_BYTES + 64), 'windows-1252');
    for (const word of WORDS) {
      const at = piece.indexOf(word);
      if (at >= 0) return from + at;
    }
  }
  return -1;
}

/** What of a file tells a log from other texts: its beginning and its end, and where neither says so, what lies around the first words of a log. */
export function logSample(bytes: Uint8Array, encoding = 'windows-1252'): string {
  const wide = utf16Of(bytes);
  const text = (from: number, to: number): string => decode(bytes.subarray(from & ~1, to), wide ?? encoding);
  const { length } = bytes;
  if (length <= 2 * SAMPLE_BYTES) return text(0, length);
  const ends = `${text(0, SAMPLE_BYTES)}\n${text(length - SAMPLE_BYTES, length)}`;
  if (wide || looksLikeLog(ends)) return ends;
  const at = findWords(bytes);
  return at < 0 ? ends : `${ends}\n${text(Math.max(0, at - SAMPLE_BYTES), at + SAMPLE_BYTES)}`;
}

/** Whether a text is a verifier log, by what only logs say. */
export function looksLikeLog(sample: string): boolean {
  return MARKS.some((mark) => mark.test(sample));
}

/** Whether a text holds numbered instructions, as logs and disassemblies do. */
export function looksLikeListing(sample: string): boolean {
  return NUMBERED.test(sample);
}

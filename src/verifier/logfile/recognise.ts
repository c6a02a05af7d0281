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

/** What of a file tells a log from other texts: its beginning and its end. */
export function logSample(bytes: Uint8Array): string {
  const decoder = new TextDecoder('windows-1252');
  if (bytes.length <= 2 * SAMPLE_BYTES) return decoder.decode(bytes);
  return `${decoder.decode(bytes.subarray(0, SAMPLE_BYTES))}\n${decoder.decode(bytes.subarray(-SAMPLE_BYTES))}`;
}

/** Whether a text is a verifier log, by what only logs say. */
export function looksLikeLog(sample: string): boolean {
  return MARKS.some((mark) => mark.test(sample));
}

/** Whether a text holds numbered instructions, as logs and disassemblies do. */
export function looksLikeListing(sample: string): boolean {
  return NUMBERED.test(sample);
}

/** What a line of a verifier log is. */
export const LINE = {
  /** The verifier's own words: reasons, and whatever is not known to be something else. */
  message: 0,
  /** `12: (b7) r0 = 0 ; R0=0` */
  insn: 1,
  /** A state on a line of its own: `0: R1=ctx() R10=fp0`, ` frame1: R1=…`. */
  state: 2,
  /** `; text @ file.c:5` */
  source: 3,
  /** `from 5 to 18: R0=…`, `from 5 to 18: safe`: another path begins, or is cut short. */
  path: 4,
  /** What `mark_precise` and its kin say while they walk back. */
  precision: 5,
  /** Tables and notes of live registers and stack slots. */
  liveness: 6,
  /** `func#1 @22`, `caller:`, `18: safe`, `stack depth 8`. */
  note: 7,
  /** `processed 21 insns (limit 1000000) …` */
  summary: 8,
  /** What loaders print around the log, and whatever stands before it begins or after it ends. */
  loader: 9,
  blank: 10,
  /** The report of Linux 7.3: `Verification failed: …` and its sections. */
  report: 11,
  /** A loader's word for lines that it left out: `… 120 lines omitted`. */
  gap: 12,
} as const;

export type LineKind = (typeof LINE)[keyof typeof LINE];

export type LogEncoding = 'utf-8' | 'windows-1252';

export type LogVerdict = 'accepted' | 'rejected' | 'unknown';

/** The numbers of the last line; null where the log does not give one. */
export interface LogCounters {
  readonly processed: number | null;
  readonly limit: number | null;
  readonly maxStatesPerInsn: number | null;
  readonly totalStates: number | null;
  readonly peakStates: number | null;
  readonly stackDepth: string | null;
  readonly verificationUsec: number | null;
}

/** One run of the verifier: a file holds several when a loader tried again or loaded several programs. */
export interface LogRun {
  /** Lines of the run: from its first to before its last. */
  readonly from: number;
  readonly to: number;
  /** What the loader calls the program; '' where it does not say. */
  readonly program: string;
  readonly verdict: LogVerdict;
  /** The last reason of a rejection, and its line; -1 without one. */
  readonly message: string | null;
  readonly messageLine: number;
  /** First line of the report that Linux 7.3 writes; -1 without one. */
  readonly reportLine: number;
  /** The report's own words for the problem; null without one. */
  readonly report: string | null;
  /** Places where lines were left out. */
  readonly gaps: number;
  /** Instruction at fault, or the last one that was printed. */
  readonly insnIdx: number | null;
  /** Whether the run ends with its counters: the log was neither cut nor still being written. */
  readonly complete: boolean;
  readonly counters: LogCounters;
  /** Lines that show an instruction being processed. */
  readonly insnLines: number;
}

export interface LogFunction {
  readonly name: string;
  /** First instruction. */
  readonly start: number;
  /** The first line inside it; -1 where the log never enters it. */
  readonly line: number;
}

/** A log as columns over its bytes: nothing is decoded before it is shown. */
export interface LogColumns {
  readonly encoding: LogEncoding;
  readonly lines: number;
  /** Byte at which each line begins; one more at the end. A line includes its line feed. */
  readonly lineStart: Uint32Array<ArrayBuffer>;
  readonly kind: Uint8Array<ArrayBuffer>;
  /** Instruction that the line is about; -1 without one. */
  readonly insn: Int32Array<ArrayBuffer>;
  /** Call depth that the line speaks of. */
  readonly frame: Uint8Array<ArrayBuffer>;
  /** Bytes of a logger's prefix (a time, `libbpf:`) before the log's own text. */
  readonly prefix: Uint8Array<ArrayBuffer>;
  /** Lines of instruction i in the run on show, in order: `visitLine[visitStart[i] … visitStart[i + 1])`. */
  readonly visitStart: Uint32Array<ArrayBuffer>;
  readonly visitLine: Uint32Array<ArrayBuffer>;
  readonly runs: readonly LogRun[];
  /** The run that selections, jumps and the program refer to: the last one that was rejected, else the last with instructions. */
  readonly run: number;
  readonly functions: readonly LogFunction[];
  /** What was left out or looks odd, in sentences. */
  readonly warnings: readonly string[];
}

const decoders = new Map<LogEncoding, TextDecoder>();

/** Text of bytes of a log; never fails. */
export function decodeLog(bytes: Uint8Array, encoding: LogEncoding): string {
  let decoder = decoders.get(encoding);
  if (!decoder) {
    decoder = new TextDecoder(encoding);
    decoders.set(encoding, decoder);
  }
  return decoder.decode(bytes);
}

/** A line of the log without its line feed and without a logger's prefix. */
export function lineText(bytes: Uint8Array, columns: LogColumns, line: number): string {
  const from = columns.lineStart[line]! + columns.prefix[line]!;
  return decodeLog(bytes.subarray(from, lineEnd(bytes, columns, line)), columns.encoding);
}

/** What stands before the first semicolon, without blanks at its end. No pattern: one that looks for blanks before a semicolon tries a long run of them from each of its places. */
export function beforeComment(text: string): string {
  const at = text.indexOf(';');
  return (at < 0 ? text : text.slice(0, at)).trimEnd();
}

/** Byte behind the last character of a line. */
export function lineEnd(bytes: Uint8Array, columns: Pick<LogColumns, 'lineStart'>, line: number): number {
  const end = columns.lineStart[line + 1]!;
  return end > columns.lineStart[line]! && bytes[end - 1] === 10 ? end - 1 : end;
}

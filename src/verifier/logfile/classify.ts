import { LINE, type LineKind } from './lines.ts';

const LF = 10;
const BLANK = 32;
const TAB = 9;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const SEMICOLON = 59;
const EQUALS = 61;
const OPEN = 40;
const CLOSE = 41;
const DOT = 46;
const UNDERSCORE = 95;
const UPPER_R = 82;

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= NINE;
const isHex = (byte: number | undefined): boolean => isDigit(byte) || (byte !== undefined && byte >= 97 && byte <= 102);
const isLetter = (byte: number | undefined): boolean => byte !== undefined && (byte | 32) >= 97 && (byte | 32) <= 122;

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Largest instruction index that is believed: the kernel takes a million instructions. */
const MOST_INSNS = 1_000_000;

/** Lines that begin with these words are of this kind. */
const HEADS: readonly (readonly [Uint8Array, LineKind])[] = (
  [
    ['mark_precise:', LINE.precision],
    ['force_precise:', LINE.precision],
    ['regs=', LINE.precision],
    ['last_idx ', LINE.precision],
    ['parent didn', LINE.precision],
    ['parent already had', LINE.precision],
    ['propagating ', LINE.precision],
    ['Live regs before insn:', LINE.liveness],
    ['caller:', LINE.note],
    ['callee:', LINE.note],
    ['returning from callee:', LINE.note],
    ['to caller at ', LINE.note],
    ['cur state:', LINE.note],
    ['old state:', LINE.note],
    ['Func#', LINE.note],
    ['Validating ', LINE.note],
    ['verification time ', LINE.note],
    ['stack depth ', LINE.note],
    ['SCC ', LINE.note],
    ['frame0 bpf_loop iteration', LINE.note],
    ['propagate_backedges', LINE.note],
    ['libbpf:', LINE.loader],
    ['-- BEGIN PROG LOAD LOG --', LINE.loader],
    ['-- END PROG LOAD LOG --', LINE.loader],
  ] as const
).map(([text, kind]) => [ascii(text), kind]);

const FRAME = ascii('frame');
const PROPAGATING = ascii(': propagating ');
const FROM = ascii('from ');
const TO = ascii(' to ');
/** Between a path's target and its colon: what a processor may do that guesses a branch. */
const SPECULATIVE = ascii(' (speculative execution)');
const FUNC = ascii('func#');
const PROCESSED = ascii('processed ');
const INSNS = ascii(' insns');
const SAFE = ascii('safe');
const LIVE = ascii('live ');
const BEFORE = ascii('before ');

function startsWith(bytes: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

/** Reads lines one by one; what it found of the last one stands in its fields, so that a million lines make no objects. */
export class Classifier {
  kind: LineKind = LINE.message;
  /** Instruction that the line names; -1 without one. */
  insn = -1;
  /** Frame that the line's state belongs to; -1 where it shows none. */
  frame = -1;
  /** Where reading of a number ended. */
  private next = 0;

  /** A number at `at`; -1 where none stands or it is beyond belief. */
  private number(bytes: Uint8Array, at: number, end: number): number {
    let value = 0;
    let next = at;
    while (next < end && isDigit(bytes[next])) {
      value = value * 10 + bytes[next]! - ZERO;
      next++;
      if (value > MOST_INSNS) return -1;
    }
    this.next = next;
    return next === at ? -1 : value;
  }

  /** Decides what `bytes[from, to)` is; `to` excludes the line feed. */
  read(bytes: Uint8Array, from: number, to: number): void {
    this.insn = -1;
    this.frame = -1;
    let at = from;
    while (at < to && (bytes[at] === BLANK || bytes[at] === TAB)) at++;
    let end = to;
    if (end > at && bytes[end - 1] === LF) end--;
    this.kind = at === end ? LINE.blank : this.kindAt(bytes, at, end);
  }

  private kindAt(bytes: Uint8Array, at: number, end: number): LineKind {
    const first = bytes[at]!;
    if (isDigit(first)) return this.numbered(bytes, at, end);
    if (first === SEMICOLON) return LINE.source;
    if (first === OPEN) return this.parenthesis(bytes, at, end);
    if (this.isState(bytes, at, end)) return LINE.state;
    if (startsWith(bytes, at, end, FROM)) return this.path(bytes, at, end);
    if (startsWith(bytes, at, end, FUNC)) {
      const index = this.number(bytes, at + FUNC.length, end);
      return index >= 0 && bytes[this.next] === BLANK && bytes[this.next + 1] === 64 ? LINE.note : LINE.message;
    }
    if (startsWith(bytes, at, end, PROCESSED)) {
      const count = this.number(bytes, at + PROCESSED.length, end);
      const digits = count >= 0 || this.isLong(bytes, at + PROCESSED.length, end);
      return digits && startsWith(bytes, this.next, end, INSNS) ? LINE.summary : LINE.message;
    }
    if (startsWith(bytes, at, end, FRAME) && bytes[at + FRAME.length] === BLANK) {
      const frame = this.number(bytes, at + FRAME.length + 1, end);
      return frame >= 0 && startsWith(bytes, this.next, end, PROPAGATING) ? LINE.precision : LINE.message;
    }
    for (const [text, kind] of HEADS) {
      if (!startsWith(bytes, at, end, text)) continue;
      if (kind === LINE.precision) this.insn = this.before(bytes, at, end);
      return kind;
    }
    return LINE.message;
  }

  /** Counters may exceed what an index may. */
  private isLong(bytes: Uint8Array, at: number, end: number): boolean {
    let next = at;
    while (next < end && isDigit(bytes[next])) next++;
    this.next = next;
    return next > at;
  }

  /** `12: (b7) r0 = 0`, `12: R0=0`, `12: safe`, `12: .1........ (b7) r0 = 0` (a row of the table of live registers). */
  private numbered(bytes: Uint8Array, start: number, end: number): LineKind {
    let insn = this.number(bytes, start, end);
    let at = this.next;
    if (insn >= 0 && bytes[at] === BLANK) {
      // In the table of live registers the number of a loop may stand in front.
      while (at < end && bytes[at] === BLANK) at++;
      insn = this.number(bytes, at, end);
      at = this.next + 2;
      if (insn < 0 || bytes[this.next] !== COLON || !this.isLiveRow(bytes, at, end)) return LINE.message;
      this.insn = insn;
      return LINE.liveness;
    }
    if (insn < 0 || bytes[at] !== COLON) return LINE.message;
    at++;
    while (at < end && bytes[at] === BLANK) at++;
    if (at === end) {
      this.insn = insn;
      return LINE.state;
    }
    if (bytes[at] === OPEN && isHex(bytes[at + 1]) && isHex(bytes[at + 2]) && bytes[at + 3] === CLOSE && at + 4 <= end) {
      this.insn = insn;
      let text = at + 4;
      while (text < end && bytes[text] !== SEMICOLON) text++;
      text++;
      while (text < end && bytes[text] === BLANK) text++;
      if (text < end) this.isState(bytes, text, end);
      return LINE.insn;
    }
    if (this.isState(bytes, at, end)) {
      this.insn = insn;
      return LINE.state;
    }
    if (startsWith(bytes, at, end, SAFE)) {
      this.insn = insn;
      return LINE.note;
    }
    if (this.isLiveRow(bytes, at, end)) {
      this.insn = insn;
      return LINE.liveness;
    }
    return LINE.message;
  }

  private isLiveRow(bytes: Uint8Array, at: number, end: number): boolean {
    if (at + 15 > end || bytes[at + 10] !== BLANK || bytes[at + 11] !== OPEN || bytes[at + 14] !== CLOSE) return false;
    for (let i = 0; i < 10; i++) if (bytes[at + i] !== DOT && bytes[at + i] !== ZERO + i) return false;
    return true;
  }

  /** `R0=…`, `R0_w=…`, `fp-8=…`, each perhaps behind `frame1:`; or a frame without registers. */
  private isState(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    let frame = 0;
    let named = false;
    if (startsWith(bytes, at, end, FRAME) && isDigit(bytes[at + FRAME.length])) {
      frame = this.number(bytes, at + FRAME.length, end);
      if (frame < 0 || frame > 255 || bytes[this.next] !== COLON) return false;
      at = this.next + 1;
      while (at < end && bytes[at] === BLANK) at++;
      named = true;
    }
    const isReg = bytes[at] === UPPER_R && isDigit(bytes[at + 1]);
    const isSlot = bytes[at] === 102 && bytes[at + 1] === 112 && bytes[at + 2] === 45 && isDigit(bytes[at + 3]);
    if (isReg || isSlot) {
      at += isReg ? 1 : 3;
      while (at < end && isDigit(bytes[at])) at++;
      if (bytes[at] === UNDERSCORE) {
        at++;
        while (at < end && isLetter(bytes[at])) at++;
      }
      if (at >= end || bytes[at] !== EQUALS) return false;
    } else if (!named || at !== end) return false;
    this.frame = frame;
    return true;
  }

  /** `(0) frame 0 insn 5 +live -8`, `(0,5) live stack update done in 2 iterations`, `(b7) r0 = 0`. */
  private parenthesis(bytes: Uint8Array, start: number, end: number): LineKind {
    let at = start + 1;
    while (at < end && (isDigit(bytes[at]) || bytes[at] === 44)) at++;
    const words = bytes[at] === CLOSE && (startsWith(bytes, at + 2, end, FRAME) || startsWith(bytes, at + 2, end, LIVE));
    return words ? LINE.liveness : LINE.message;
  }

  private path(bytes: Uint8Array, start: number, end: number): LineKind {
    const from = this.number(bytes, start + FROM.length, end);
    if (from < 0 || !startsWith(bytes, this.next, end, TO)) return LINE.message;
    const target = this.number(bytes, this.next + TO.length, end);
    if (target < 0) return LINE.message;
    const colon = startsWith(bytes, this.next, end, SPECULATIVE) ? this.next + SPECULATIVE.length : this.next;
    if (bytes[colon] !== COLON) return LINE.message;
    let at = colon + 1;
    while (at < end && bytes[at] === BLANK) at++;
    this.insn = target;
    this.isState(bytes, at, end);
    return LINE.path;
  }

  /** `… before 12: (bf) r4 = r10` */
  private before(bytes: Uint8Array, start: number, end: number): number {
    for (let at = start; at + BEFORE.length < end; at++) {
      if (bytes[at] === BEFORE[0] && startsWith(bytes, at, end, BEFORE)) return this.number(bytes, at + BEFORE.length, end);
    }
    return -1;
  }
}

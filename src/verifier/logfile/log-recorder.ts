import { CELLS, FRAME_CELL, PLACES, regPlace, STATE_CELL, slotPlace } from '../query/cells.ts';
import { bytes as byteColumn, shorts, words } from '../query/columns.ts';
import { type Columns, END, NONE } from '../query/exploration.ts';
import { MAX_FRAMES } from '../state.ts';
import { LINE, type LogColumns, lineText } from './lines.ts';
import { codeOf } from './reason.ts';
import { type LineState, lineState, withoutTies } from './states.ts';

/** A whole state is written down this often, so that any other one is near. */
const WHOLE_EVERY = 256;
/** Visits of a branch that may have put a path aside, of which the likeliest is chosen. */
const MOST_CANDIDATES = 64;
/** States are kept until they take about so many bytes. */
const STATE_BYTES = 200e6;

const PATH = /^\s*from (-?\d+) to (\d+)(?: \([^)]*\))?:/;
const SAFE = /: safe\s*$/;
const HELPER_CALL = /^\s*\d+: (?:[.0-9]{10} )?\(85\) call (?!pc)/;
/** Legacy loads of packet bytes take r1 to r5, too. */
const PACKET_LOAD = /^\s*\d+: (?:[.0-9]{10} )?\([234][08]\) r0 = \*\(u(?:8|16|32) \*\)skb\[/;
const BRANCH = /^(?:if |may_goto)/;
const CALLS_BACK = /^call (?:bpf_loop|bpf_for_each_map_elem|bpf_find_vma|bpf_user_ringbuf_drain|bpf_rbtree_add)/;
const TARGET = /goto pc([+-]\d+)/;
const REGS = /\b[rw](\d+)\b/g;
const TOO_MUCH = /too large|too complex|too many/;
const ENDLESS = /infinite loop detected at insn (\d+)/;

/** What is known of an instruction from its first line. */
interface Known {
  readonly branch: boolean;
  readonly callsBack: boolean;
  /** A call or an exit. */
  readonly leads: boolean;
  readonly exits: boolean;
  /** Where a branch leads, and the registers that it tests; -1 for no branch. */
  readonly target: number;
  readonly tested: readonly number[];
}

/**
 * Writes down the exploration that a log shows, as the recorder of our own verifier does: steps, the runs that they belong to, and the registers and slots that each
 * changed, in the log's words. Slice by slice: a log may have millions of lines.
 */
export class LogRecorder implements Columns {
  readonly insn = words();
  readonly depth = byteColumn();
  readonly runFirst = words();
  readonly runParent = words();
  readonly runEnd = byteColumn();
  readonly changeStart = words();
  readonly changePlace = shorts();
  readonly changeId = words();
  readonly whole = words();
  refusedOnArrival = false;

  /** Line of each step. */
  readonly line = words();
  /** Texts of registers and slots by their number; 0 is for nothing. */
  readonly texts: string[] = [''];
  private readonly ids = new Map<string, number>();
  readonly known: (Known | undefined)[] = [];

  private readonly bytes: Uint8Array;
  private readonly log: LogColumns;
  private at: number;
  private readonly to: number;
  /** The state so far, what of it was written down, and the places that may differ. */
  private readonly state = new Uint32Array(PLACES);
  private readonly written = new Uint32Array(PLACES);
  private readonly touched = new Set<number>();
  /** Where the next step's run hangs; null while a run goes on. */
  private beginsAfter: number | null = NONE;
  /** Steps by instruction, and those from which a path was taken up already. */
  private readonly visits: number[][] = [];
  private readonly taken = new Set<number>();
  private full = false;
  private textBytes = 0;
  /** States that are shown side by side at the end are no steps. */
  private comparing = false;

  constructor(bytes: Uint8Array, log: LogColumns) {
    this.bytes = bytes;
    this.log = log;
    const run = log.runs[log.run]!;
    this.at = run.from;
    this.to = run.to;
    this.set(FRAME_CELL, this.id('-1'));
  }

  /** Lines of the run that were looked at, and how many there are. */
  get done(): number {
    return this.at - this.log.runs[this.log.run]!.from;
  }

  get total(): number {
    return this.to - this.log.runs[this.log.run]!.from;
  }

  get stateBytes(): number {
    return this.textBytes + this.changePlace.bytes + this.changeId.bytes;
  }

  /** Looks at so many lines more; true once all are seen. */
  advance(lines: number): boolean {
    const { log, bytes } = this;
    const stop = Math.min(this.to, this.at + lines);
    for (; this.at < stop; this.at++) {
      const kind = log.kind[this.at]!;
      if (kind === LINE.insn || kind === LINE.state || kind === LINE.path || kind === LINE.note || kind === LINE.gap)
        this.look(this.at, kind, lineText(bytes, log, this.at));
    }
    if (this.at < this.to) return false;
    this.finish();
    return true;
  }

  private look(line: number, kind: number, text: string): void {
    switch (kind) {
      case LINE.insn:
        this.insnLine(line, text);
        break;
      case LINE.path:
        this.pathLine(line, text);
        break;
      case LINE.state:
        if (!this.comparing) this.apply(lineState(text, kind));
        break;
      case LINE.note:
        this.note(line, text);
        break;
      default:
        // What was known before lines that were left out is not known behind them.
        this.endRun(END.stopped);
        this.state.fill(0);
        this.touchAll();
        this.beginsAfter = NONE;
    }
  }

  private note(line: number, words: string): void {
    const text = words.trimStart();
    if (SAFE.test(text)) {
      this.step(this.log.insn[line]!, this.log.frame[line]!, line);
      this.endRun(END.pruned);
    } else if (/^(?:cur|old) state:/.test(text)) this.comparing = true;
    else if (text.startsWith('to caller at ')) {
      const frame = Math.max(0, this.log.frame[line]! - 1);
      for (let f = frame + 1; f < MAX_FRAMES; f++) this.clear(f);
    } else if (text.startsWith('Validating ')) {
      // Global functions are verified each by itself.
      this.endRun(END.exit);
      this.state.fill(0);
      this.set(FRAME_CELL, this.id('-1'));
      this.touchAll();
      this.beginsAfter = NONE;
    }
  }

  private insnLine(line: number, text: string): void {
    const insn = this.log.insn[line]!;
    this.known[insn] ??= knownOf(insn, codeOf(text));
    const state = lineState(text, LINE.insn);
    // A state at the end of the line is that behind it, perhaps of another function.
    const isFirst = line === this.log.runs[this.log.run]!.from;
    const frame = this.log.frame[isFirst || !state ? line : line - 1]!;
    this.step(insn, frame, line);
    if (HELPER_CALL.test(text) || PACKET_LOAD.test(text)) for (let reg = 1; reg <= 5; reg++) this.set(regPlace(frame, reg), 0);
    this.apply(state);
  }

  private pathLine(line: number, text: string): void {
    const match = PATH.exec(text);
    if (!match) return;
    const from = Number(match[1]);
    const to = Number(match[2]);
    const state = SAFE.test(text) ? null : lineState(text, LINE.path);
    const last = this.insn.length - 1;
    // Into a function and out of it the path goes on.
    const goesOn = last >= 0 && this.beginsAfter === null && !this.hasEnded && this.insn.at(last) === from && !!this.known[from]?.leads;
    const parent = goesOn ? last : this.parentOf(from, to, state);
    if (!goesOn) {
      if (last >= 0) this.endRun(END.exit);
      if (parent !== NONE) this.taken.add(parent);
      this.beginsAfter = parent;
    }
    const inherited = parent === NONE ? null : this.stateAt(parent);
    this.state.fill(0);
    if (inherited) this.state.set(inherited);
    this.touchAll();
    if (state) {
      const before = parent === NONE ? 0 : this.depth.at(parent) - 1;
      for (let f = state.frame; f < MAX_FRAMES; f++) this.clear(f, f > before || f !== state.frame);
      if (state.frame > before) this.set(state.frame * CELLS + FRAME_CELL, this.id(String(from)));
      this.apply(state);
    } else {
      const frame = parent === NONE ? 0 : this.depth.at(parent) - 1;
      // An exit arrives in the caller, a call in the function.
      const into = !this.known[from]?.leads ? 0 : this.known[from]!.exits ? -1 : to !== from + 1 ? 1 : 0;
      this.step(to, Math.max(0, frame + into), line);
      this.endRun(END.pruned);
    }
  }

  /**
   * The step after which a path was put aside. Those put aside later are taken up first; where several visits of the branch could have done it, the one whose registers
   * are those of the path, but for what the branch tests.
   */
  private parentOf(from: number, to: number, state: LineState | null): number {
    const visits = this.visits[from];
    if (!visits) return NONE;
    const known = this.known[from];
    let best = NONE;
    let fewest = Number.POSITIVE_INFINITY;
    let looked = 0;
    for (let i = visits.length - 1; i >= 0 && looked < MOST_CANDIDATES; i--) {
      const step = visits[i]!;
      if (this.taken.has(step)) continue;
      // A branch that is known to be taken puts nothing aside: the other side is what waits.
      const next = step + 1 < this.insn.length && this.runFirst.at(this.runFirst.length - 1) !== step + 1 ? this.insn.at(step + 1) : -1;
      if (known?.branch && known.target === to && next === to && to !== from + 1) continue;
      looked++;
      const differ = state ? this.differences(step, state, known?.tested ?? []) : 0;
      if (differ >= fewest) continue;
      fewest = differ;
      best = step;
      if (differ === 0) break;
    }
    return best === NONE ? (visits.at(-1) ?? NONE) : best;
  }

  private differences(step: number, state: LineState, tested: readonly number[]): number {
    if (this.depth.at(step) - 1 !== state.frame) return 0;
    const ids = this.stateAt(step);
    if (!ids) return 0;
    let differ = 0;
    for (const { name, text } of state.entries) {
      const place = placeOfName(state.frame, name);
      if (place < 0 || (name[0] === 'r' && tested.includes(Number(name.slice(1))))) continue;
      const before = this.texts[ids[place]!]!;
      if (before !== text && withoutTies(before) !== withoutTies(text)) differ++;
    }
    return differ;
  }

  /** Takes over what a line says of a frame. */
  private apply(state: LineState | null): void {
    if (!state || state.frame >= MAX_FRAMES) return;
    const { frame } = state;
    const cell = frame * CELLS + FRAME_CELL;
    if (frame > 0 && this.state[cell] === 0)
      this.set(cell, this.id(String(this.insn.length > 0 ? this.insn.at(this.insn.length - 1) : -1)));
    if (state.full) this.clear(frame, false);
    for (const { name, text } of state.entries) {
      const place = placeOfName(frame, name);
      if (place >= 0) this.set(place, this.id(text));
    }
    if (state.refs !== undefined || state.full) this.set(STATE_CELL, this.id(state.refs ?? ''));
  }

  private step(insn: number, frame: number, line: number): void {
    const step = this.insn.length;
    this.insn.push(insn);
    const deep = Math.min(frame, MAX_FRAMES - 1);
    this.depth.push(deep + 1);
    this.line.push(line);
    let visits = this.visits[insn];
    if (!visits) {
      visits = [];
      this.visits[insn] = visits;
    }
    visits.push(step);
    const begins = this.beginsAfter;
    if (begins !== null) {
      this.runFirst.push(step);
      this.runParent.push(begins);
      this.beginsAfter = null;
    }
    if (this.full) return;
    this.changeStart.push(this.changePlace.length);
    if (begins !== null || (step & (WHOLE_EVERY - 1)) === 0) {
      this.whole.push(step);
      this.written.fill(0);
      this.touchAll();
    }
    for (const place of this.touched) {
      const id = this.state[place]!;
      if (id === this.written[place]) continue;
      this.written[place] = id;
      this.changePlace.push(place);
      this.changeId.push(id);
    }
    this.touched.clear();
    if ((step & 1023) === 0 && this.stateBytes > STATE_BYTES) this.full = true;
  }

  private get hasEnded(): boolean {
    return this.runEnd.length === this.runFirst.length;
  }

  private endRun(end: number): void {
    if (!this.hasEnded) this.runEnd.push(end);
  }

  private finish(): void {
    const run = this.log.runs[this.log.run]!;
    const endless = ENDLESS.exec(run.message ?? '');
    if (endless && run.counters.processed === this.insn.length + 1) {
      // Refused on arrival, before the instruction was looked at.
      this.step(Number(endless[1]), this.insn.length > 0 ? this.depth.at(this.insn.length - 1) - 1 : 0, run.messageLine);
      this.refusedOnArrival = true;
    }
    const refused = run.verdict === 'rejected' ? (TOO_MUCH.test(run.message ?? '') ? END.limit : END.rejected) : END.exit;
    this.endRun(run.complete || run.verdict === 'rejected' ? refused : END.stopped);
  }

  /** The state before a step that was written down; null where it was not. */
  private stateAt(step: number): Uint32Array | null {
    if (step >= this.changeStart.length) return null;
    const ids = new Uint32Array(PLACES);
    for (let at = this.whole.at(this.whole.lastAtMost(step)); at <= step; at++) {
      const end = at + 1 < this.changeStart.length ? this.changeStart.at(at + 1) : this.changePlace.length;
      for (let i = this.changeStart.at(at); i < end; i++) ids[this.changePlace.at(i)] = this.changeId.at(i);
    }
    return ids;
  }

  private clear(frame: number, withCall = true): void {
    for (let place = frame * CELLS; place < frame * CELLS + STATE_CELL; place++)
      if (withCall || place !== frame * CELLS + FRAME_CELL) this.set(place, 0);
  }

  private touchAll(): void {
    for (let place = 0; place < PLACES; place++) if (this.state[place] !== this.written[place]) this.touched.add(place);
  }

  private set(place: number, id: number): void {
    if (this.state[place] === id) return;
    this.state[place] = id;
    this.touched.add(place);
  }

  private id(text: string): number {
    if (text === '') return 0;
    let id = this.ids.get(text);
    if (id === undefined) {
      id = this.texts.push(text) - 1;
      this.ids.set(text, id);
      this.textBytes += 2 * text.length + 64;
    }
    return id;
  }
}

/** Place of `r3` or `fp-16` in a frame; -1 for a name that no state of a program has. */
function placeOfName(frame: number, name: string): number {
  if (frame >= MAX_FRAMES) return -1;
  if (name[0] === 'r') {
    const reg = Number(name.slice(1));
    return reg <= 10 ? regPlace(frame, reg) : -1;
  }
  const slot = Math.ceil(Number(name.slice(3)) / 8) - 1;
  return slot >= 0 && slot < 64 ? slotPlace(frame, slot) : -1;
}

function knownOf(insn: number, code: string): Known {
  const branch = BRANCH.test(code);
  const target = TARGET.exec(code);
  return {
    branch,
    callsBack: CALLS_BACK.test(code),
    leads: code.startsWith('call ') || code.startsWith('exit'),
    exits: code.startsWith('exit'),
    target: branch && target ? insn + 1 + Number(target[1]) : -1,
    tested: branch ? [...code.matchAll(REGS)].map((match) => Number(match[1])) : [],
  };
}

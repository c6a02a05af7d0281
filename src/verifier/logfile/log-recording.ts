import { CELLS, FRAME_CELL, isRegPlace, isSlotPlace, PLACES, placeName, STATE_CELL } from '../query/cells.ts';
import type { ComparedStates } from '../query/compare.ts';
import { Exploration, HOLDS } from '../query/exploration.ts';
import type { HeldRow, StateTold, ValueRow } from '../query/told.ts';
import { MAX_FRAMES } from '../state.ts';
import type { LogColumns } from './lines.ts';
import { LogRecorder } from './log-recorder.ts';
import { boundsOf, withoutTies } from './states.ts';

const NUMBER = /^P?(?:scalar|inv|unknown|-?\d|0x)/;
/** What the bytes of a slot are, a letter each: no value. */
const BYTES = /^[mr0?]{8}$/;

/** The exploration that a log shows, with states in the log's words. What the log does not print is not known here. */
export class LogRecording extends Exploration {
  readonly accepted: boolean;
  readonly waiting = 0;
  readonly insns: number;
  private readonly recorder: LogRecorder;
  private readonly withoutTies = new Map<number, string>();

  constructor(recorder: LogRecorder, log: LogColumns) {
    super(recorder, 0, PLACES);
    this.recorder = recorder;
    this.accepted = log.runs[log.run]!.verdict === 'accepted';
    let last = 0;
    for (let step = 0; step < this.steps; step++) last = Math.max(last, this.insnAt(step));
    this.insns = this.steps > 0 ? last + 1 : 0;
  }

  get bytes(): number {
    return this.columnBytes + this.recorder.stateBytes;
  }

  /** Line of the log that shows a step. */
  lineOf(step: number): number {
    return this.recorder.line.at(step);
  }

  /** The step that a line shows, or the last one above it; -1 above the first. */
  stepAtLine(line: number): number {
    return this.recorder.line.lastAtMost(line);
  }

  isBranch(insn: number): boolean {
    return this.recorder.known[insn]?.branch ?? false;
  }

  callsBack(insn: number): boolean {
    return this.recorder.known[insn]?.callsBack ?? false;
  }

  holds(place: number, id: number): number {
    const text = this.recorder.texts[id]!;
    if (text === '' || (!isRegPlace(place) && !isSlotPlace(place)) || (isSlotPlace(place) && BYTES.test(text))) return HOLDS.nothing;
    return NUMBER.test(text) ? HOLDS.number : HOLDS.pointer;
  }

  bounds(_place: number, id: number): readonly [number, number] {
    const { smin, smax } = boundsOf(this.recorder.texts[id]!);
    return [Number(smin ?? -(2n ** 63n)), Number(smax ?? 2n ** 63n - 1n)];
  }

  alike(place: number, a: number, b: number): boolean {
    if (a === b || (!isRegPlace(place) && !isSlotPlace(place))) return true;
    return this.plain(a) === this.plain(b);
  }

  private plain(id: number): string {
    let text = this.withoutTies.get(id);
    if (text === undefined) {
      text = withoutTies(this.recorder.texts[id]!);
      this.withoutTies.set(id, text);
    }
    return text;
  }

  told(step: number): StateTold {
    const ids = this.idsAtStep(step);
    const { texts } = this.recorder;
    const frame = this.depthAt(step) - 1;
    const rows: ValueRow[] = [];
    const calls: number[] = [];
    for (let f = 0; f <= Math.min(frame, MAX_FRAMES - 1); f++) {
      calls.push(Number(texts[ids[f * CELLS + FRAME_CELL]!] || -1));
      for (let place = f * CELLS; place < f * CELLS + FRAME_CELL; place++) {
        const text = texts[ids[place]!]!;
        if (text !== '') rows.push({ frame: f, name: placeName(place), text, ...boundsOf(text) });
      }
    }
    const refs = texts[ids[STATE_CELL]!]!;
    const held: HeldRow[] = refs
      .split(',')
      .filter(Boolean)
      .map((id) => ({ kind: 'reference', id: Number(id), insnIdx: -1 }));
    return { frame, calls, rows, held };
  }

  /** A log does not show the states that were kept. */
  why(): ComparedStates[] {
    return [];
  }
}

/** The recording of a whole log at once. */
export function recordLog(bytes: Uint8Array, log: LogColumns): LogRecording {
  const recorder = new LogRecorder(bytes, log);
  while (!recorder.advance(1 << 16));
  return new LogRecording(recorder, log);
}

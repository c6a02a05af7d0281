import type { InsnIdx } from '../../base/units.ts';
import {
  ALU,
  ALU64,
  ATOMIC,
  CALL,
  CMPXCHG,
  classOf,
  EXIT,
  FETCH,
  isJump,
  JA,
  JMP,
  JMP32,
  jumpTarget,
  LD,
  LDX,
  LOAD_ACQ,
  MOV,
  modeOf,
  opOf,
  PSEUDO_CALL,
  ST,
  STX,
  X,
} from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import { regText } from '../format.ts';
import {
  FRAMENO,
  NOT_INIT,
  OFF,
  PRECISE,
  REG,
  type Regs,
  SCALAR,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  STACK,
  TYPE,
  VALUE_LO,
} from '../reg.ts';
import { FP, type Frame, isSpilled, SLOT_DYNPTR } from '../state.ts';
import { toBigSigned } from '../w64.ts';
import type { Trace, TraceStep } from './trace.ts';

/** A register, or a stack slot of eight bytes, of one frame. */
export interface Place {
  readonly frameno: number;
  /** 0…10 for a register, -1 for a slot. */
  readonly reg: number;
  /** Slot 0 is fp-8. */
  readonly slot: number;
}

export type EventKind = 'made' | 'moved' | 'decision' | 'clobbered' | 'changed' | 'never' | 'given';

/** What happened to one place on the failing path; `stepIdx` counts in `Trace.steps`. */
export interface SliceEvent {
  readonly stepIdx: number;
  readonly insnIdx: InsnIdx;
  readonly place: Place;
  readonly kind: EventKind;
  /** The place in words of the log, before and after; '' for nothing there. */
  readonly before: string;
  readonly after: string;
  /** The step made less known than before it: a wider range, or no pointer any more. */
  readonly lost: boolean;
  /** The step made more known: a comparison that narrowed the range or gave a pointer its proof. */
  readonly proved: boolean;
  /** How often the instruction did the same on earlier rounds of its loop. */
  repeats: number;
}

/** Steps of a slice; what lies further back is left out. */
export const MAX_EVENTS = 24;
/** Rounds of a loop that are told one by one. */
const TOLD_ROUNDS = 2;

export const placeName = (place: Place): string => (place.reg >= 0 ? `r${place.reg}` : `fp${-(place.slot + 1) * 8}`);

function heldIn(frame: Frame, place: Place): { readonly regs: Regs; readonly base: number } | null {
  if (place.reg >= 0) return { regs: frame.regs, base: place.reg * REG };
  if (place.slot < 0 || place.slot >= frame.slots || !isSpilled(frame, place.slot)) return null;
  return { regs: frame.spills, base: place.slot * REG };
}

const isDynptr = (frame: Frame, place: Place): boolean =>
  place.reg < 0 && place.slot < frame.slots && frame.types[place.slot * 8] === SLOT_DYNPTR;

/** The place as the log writes it; '' when it holds nothing. */
export function placeText(trace: Trace, frame: Frame, place: Place): string {
  const value = heldIn(frame, place);
  if (!value || value.regs[value.base + TYPE] === NOT_INIT) {
    if (place.reg >= 0 || place.slot < 0 || place.slot >= frame.slots) return '';
    if (isDynptr(frame, place)) return 'a dynptr';
    return frame.types.subarray(place.slot * 8, place.slot * 8 + 8).some((t) => t !== 0) ? 'bytes' : '';
  }
  return regText(trace.env.names, frame.frameno, value.regs, value.base).replace(/^P/, '');
}

function width(frame: Frame, place: Place): bigint {
  const value = heldIn(frame, place);
  if (!value || value.regs[value.base + TYPE] === NOT_INIT) return -1n;
  const { regs: r, base: b } = value;
  return toBigSigned(r[b + SMAX_LO]!, r[b + SMAX_HI]!) - toBigSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!);
}

function isPointer(frame: Frame, place: Place): boolean {
  const value = heldIn(frame, place);
  const type = value ? value.regs[value.base + TYPE]! : NOT_INIT;
  return type !== NOT_INIT && type !== SCALAR;
}

function sameValue(a: Frame, b: Frame, place: Place): boolean {
  const x = heldIn(a, place);
  const y = heldIn(b, place);
  if (!x && !y && place.reg < 0) return isDynptr(a, place) === isDynptr(b, place);
  if (!x || !y) return x === y;
  for (let i = 0; i < REG; i++) if (i !== PRECISE && i !== 20 && x.regs[x.base + i] !== y.regs[y.base + i]) return false;
  return true;
}

/** The slot of the frame's own stack that a load or store touches, or null. */
export function slotOf(frame: Frame, baseReg: number, off: number): { readonly frameno: number; readonly slot: number } | null {
  const b = baseReg * REG;
  if (frame.regs[b + TYPE] !== STACK) return null;
  const at = frame.regs[b + OFF]! + frame.regs[b + VALUE_LO]! + off;
  if (at >= 0 || at < -512) return null;
  return { frameno: frame.regs[b + FRAMENO]!, slot: (-at - 1) >> 3 };
}

/** Does the instruction give register `reg` a new value, and from which places? null when it does not. */
function sources(step: TraceStep, insn: Insn, reg: number): { readonly kind: EventKind; readonly from: readonly Place[] } | null {
  const { frameno, frame } = step;
  const place = (r: number): Place => ({ frameno, reg: r, slot: -1 });
  const cls = classOf(insn);
  const op = opOf(insn);
  if (cls === ALU || cls === ALU64) {
    if (insn.dst !== reg) return null;
    const byReg = (insn.opcode & X) !== 0;
    if (op === MOV) return { kind: 'moved', from: byReg && insn.src !== FP ? [place(insn.src)] : [] };
    return { kind: 'made', from: byReg && insn.src !== FP ? [place(reg), place(insn.src)] : [place(reg)] };
  }
  if (cls === LDX || (cls === STX && modeOf(insn) === ATOMIC && insn.imm === LOAD_ACQ)) {
    if (insn.dst !== reg) return null;
    const slot = slotOf(frame, insn.src, insn.off);
    return { kind: 'moved', from: slot ? [{ frameno: slot.frameno, reg: -1, slot: slot.slot }] : [] };
  }
  if (cls === STX && modeOf(insn) === ATOMIC) {
    if (insn.imm === CMPXCHG) return reg === 0 ? { kind: 'made', from: [] } : null;
    return insn.imm & FETCH && insn.src === reg ? { kind: 'made', from: [] } : null;
  }
  if (cls === LD) {
    if (modeOf(insn) !== 0) return reg <= 5 ? { kind: reg === 0 ? 'made' : 'clobbered', from: [] } : null;
    return insn.dst === reg ? { kind: 'made', from: [] } : null;
  }
  if ((cls === JMP || cls === JMP32) && op === CALL && reg <= 5) return { kind: reg === 0 ? 'made' : 'clobbered', from: [] };
  return null;
}

/** What the instruction writes to stack slot `place`, or null. */
function stored(step: TraceStep, insn: Insn, place: Place): { readonly kind: EventKind; readonly from: readonly Place[] } | null {
  const cls = classOf(insn);
  if (cls !== ST && cls !== STX) return null;
  const slot = slotOf(step.frame, insn.dst, insn.off);
  if (!slot || slot.slot !== place.slot || slot.frameno !== place.frameno) return null;
  const whole = cls === STX && modeOf(insn) !== ATOMIC;
  return { kind: whole ? 'moved' : 'made', from: whole ? [{ frameno: step.frameno, reg: insn.src, slot: -1 }] : [] };
}

/** The next step in the same frame: the state after the instruction, for what stays in this frame. */
function after(trace: Trace, stepIdx: number): Frame | null {
  const { frameno } = trace.steps[stepIdx]!;
  for (let j = stepIdx + 1; j < trace.steps.length; j++) {
    const step = trace.steps[j]!;
    if (step.frameno === frameno) return step.frame;
    if (step.frameno < frameno) return null;
  }
  return trace.state?.frames[frameno] ?? null;
}

/**
 * The instructions of the failing path that made the value in `start` what it is before step `end`, oldest first: definitions, copies
 * through registers and stack, and branches whose outcome changed what is known about it.
 */
export function slice(trace: Trace, start: Place, end: number): SliceEvent[] {
  const events = new Map<number, SliceEvent>();
  const rounds = new Map<string, SliceEvent[]>();
  const work: { readonly place: Place; readonly from: number }[] = [{ place: start, from: end - 1 }];
  while (work.length > 0 && events.size < MAX_EVENTS) {
    const { place, from } = work.shift()!;
    followBack(trace, place, from, events, rounds, work);
  }
  return [...events.values()].sort((a, b) => a.stepIdx - b.stepIdx);
}

/** The step takes away what was known: an operation on the value itself, or a side effect of a call. */
function loses(trace: Trace, stepIdx: number, kind: EventKind, at: Place, next: Frame): boolean {
  const { frame, insnIdx } = trace.steps[stepIdx]!;
  // A store over a part of a kept pointer, or over all of it, leaves bytes there.
  if (kind === 'moved' && at.reg < 0 && isPointer(frame, at) && !isPointer(next, at)) return true;
  // So does a 32-bit copy of a pointer: half of it is a number.
  const insn = trace.program.insns[insnIdx]!;
  if (kind === 'moved' && classOf(insn) === ALU && (insn.opcode & X) !== 0 && !isPointer(next, at))
    return isPointer(frame, { ...at, reg: insn.src });
  if (kind === 'decision' || kind === 'moved' || kind === 'never' || placeText(trace, frame, at) === '') return false;
  const cls = classOf(trace.program.insns[insnIdx]!);
  if (kind === 'made' && at.reg >= 0 && cls !== ALU && cls !== ALU64) return false;
  if (isPointer(frame, at) !== isPointer(next, at) && !isPointer(next, at)) return true;
  const old = width(frame, at);
  return old > 0n && width(next, at) > old;
}

function followBack(
  trace: Trace,
  start: Place,
  from: number,
  events: Map<number, SliceEvent>,
  rounds: Map<string, SliceEvent[]>,
  work: { readonly place: Place; readonly from: number }[],
): void {
  let place = start;
  let changed = false;
  const add = (stepIdx: number, kind: EventKind, at: Place): void => {
    const step = trace.steps[stepIdx]!;
    const next = step.frameno === at.frameno ? after(trace, stepIdx) : null;
    const before = step.frameno === at.frameno ? placeText(trace, step.frame, at) : '';
    const written = at.reg < 0 && classOf(trace.program.insns[step.insnIdx]!) === STX ? trace.program.insns[step.insnIdx]!.src : -1;
    // A slot of another frame is written through a pointer: the value is the register's.
    const now = next
      ? placeText(trace, next, at)
      : written >= 0
        ? placeText(trace, step.frame, { frameno: step.frameno, reg: written, slot: -1 })
        : '';
    const narrowed = next !== null && kind === 'decision';
    const lost = next !== null && loses(trace, stepIdx, kind, at, next);
    if (events.has(stepIdx)) return;
    const event: SliceEvent = { stepIdx, insnIdx: step.insnIdx, place: at, kind, before, after: now, lost, proved: narrowed, repeats: 0 };
    // Of a loop that did the same in every round two rounds are told, and the others counted.
    const key = `${kind} ${step.insnIdx} ${at.frameno} ${at.reg} ${at.slot} ${lost}`;
    const same = rounds.get(key) ?? [];
    rounds.set(key, same);
    if (kind === 'made' && same.length === TOLD_ROUNDS) {
      same.at(-1)!.repeats++;
      return;
    }
    same.push(event);
    events.set(stepIdx, event);
  };
  for (let j = from; j >= 0 && events.size < MAX_EVENTS; j--) {
    const step = trace.steps[j]!;
    const insn = trace.program.insns[step.insnIdx]!;
    const inner = trace.steps[j + 1];
    const calls = insn.opcode === (JMP | CALL) && insn.src === PSEUDO_CALL && inner !== undefined && inner.frameno === step.frameno + 1;
    if (step.frameno === place.frameno - 1 && calls) {
      // The function was entered here: its arguments are registers of the caller.
      if (place.reg < 1 || place.reg > 5) {
        if (place.reg !== FP) add(j, 'never', place);
        return;
      }
      place = { ...place, frameno: step.frameno };
      continue;
    }
    if (step.frameno !== place.frameno) {
      const write = place.reg < 0 ? stored(step, insn, place) : null;
      if (!write) continue;
      add(j, write.kind, place);
      for (const source of write.from) work.push({ place: source, from: j - 1 });
      return;
    }
    const found = place.reg >= 0 ? sources(step, insn, place.reg) : stored(step, insn, place);
    if (found) {
      if (calls && place.reg === 0) {
        // A function returned it: follow r0 from its exit.
        for (let k = j + 1; k < trace.steps.length; k++) {
          if (trace.steps[k]!.frameno > step.frameno) continue;
          work.push({ place: { frameno: step.frameno + 1, reg: 0, slot: -1 }, from: k - 2 });
          break;
        }
      }
      add(j, found.kind, place);
      for (const source of found.from) work.push({ place: source, from: j - 1 });
      return;
    }
    const next = after(trace, j);
    if (!next || sameValue(step.frame, next, place)) continue;
    if (isJump(insn) && opOf(insn) !== JA) add(j, 'decision', place);
    else if (opOf(insn) === EXIT && classOf(insn) === JMP) continue;
    else {
      add(j, 'changed', place);
      changed = true;
    }
  }
  // Nothing on the path made it: it is as the function was entered with.
  const first = trace.steps[0];
  if (!first || trace.path.length > trace.steps.length || first.frameno !== place.frameno || place.reg === FP) return;
  const value = placeText(trace, first.frame, place);
  // What a call has put there was nothing before.
  if (!events.has(-1) && (value !== '' || !changed))
    events.set(-1, {
      stepIdx: 0,
      insnIdx: first.insnIdx,
      place,
      kind: value ? 'given' : 'never',
      before: '',
      after: value,
      lost: false,
      proved: false,
      repeats: 0,
    });
}

/** Whether the branch at `stepIdx` was taken on the failing path. */
export function wasTaken(trace: Trace, stepIdx: number): boolean {
  const step = trace.steps[stepIdx]!;
  const next = trace.steps[stepIdx + 1]?.insnIdx ?? trace.insnIdx;
  return next !== step.insnIdx + 1;
}

/**
 * Branches without whose outcome the path would not have come to the failing instruction, or not in this state: those of the failing function
 * whose other side never gets there, and the last one that decided which way led there.
 */
export function decisiveBranches(trace: Trace, most: number): number[] {
  const found: number[] = [];
  const { insnIdx, state } = trace;
  if (insnIdx === null || !state) return found;
  for (let i = trace.steps.length - 2; i >= 0 && found.length < most; i--) {
    const step = trace.steps[i]!;
    const insn = trace.program.insns[step.insnIdx]!;
    if (step.frameno !== state.curFrame || !isJump(insn) || opOf(insn) === JA) continue;
    const other = wasTaken(trace, i) ? step.insnIdx + 1 : jumpTarget(insn, step.insnIdx);
    const target = wasTaken(trace, i) ? jumpTarget(insn, step.insnIdx) : step.insnIdx + 1;
    if (other !== target && (found.length === 0 || !leadsTo(trace, other, insnIdx))) found.push(i);
  }
  return found;
}

/** Whether code at `from` can get to `to` inside of its function. */
function leadsTo(trace: Trace, from: InsnIdx, to: InsnIdx): boolean {
  const { insns } = trace.program;
  const seen = new Set<InsnIdx>();
  const work = [from];
  while (work.length > 0) {
    const at = work.pop()!;
    const insn = insns[at];
    if (!insn || seen.has(at)) continue;
    if (at === to) return true;
    seen.add(at);
    if (classOf(insn) === JMP && opOf(insn) === EXIT) continue;
    if (isJump(insn)) work.push(jumpTarget(insn, at));
    if (!isJump(insn) || opOf(insn) !== JA) work.push(at + 1);
  }
  return false;
}

/** Step of the last conditional branch of the failing function on the path, or -1. */
export function lastBranch(trace: Trace): number {
  return trace.steps.findLastIndex(({ insnIdx, frameno }, i) => {
    const insn = trace.program.insns[insnIdx]!;
    return i < trace.steps.length - 1 && frameno === trace.state?.curFrame && isJump(insn) && opOf(insn) !== JA;
  });
}

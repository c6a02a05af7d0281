import { ADD, ALU, ALU64, classOf, OP_CALL, opOf, SUB, X } from '../../bpf/insn.ts';
import type { Insn, Program } from '../../bpf/program.ts';
import type { VerifyOptions } from '../api.ts';
import { isConst, isNull, REF, REG, SCALAR, TYPE } from '../reg.ts';
import { isSpilled } from '../state.ts';
import { classOfMessage, type ExplanationClass, registerOfMessage } from './classes.ts';
import { addressReg } from './facts.ts';
import { decisiveBranches, type Place, placeText, type SliceEvent, slice, slotOf } from './slice.ts';
import { type Trace, traceRejection } from './trace.ts';

/** What is wrong and with what: the base of the explanation and of the search for edits. */
export interface Diagnosis {
  readonly class: ExplanationClass;
  readonly message: string;
  readonly trace: Trace;
  /** Register or stack slot at fault. */
  readonly place: Place | null;
  /** What made its value, oldest first. */
  readonly events: readonly SliceEvent[];
  /** The failing instruction was walked on a path, so that its registers are known. */
  readonly walked: boolean;
}

/** The register that the message names, else the address or operand of the instruction, else a stack slot. */
function placeAtFault(trace: Trace, cls: ExplanationClass, message: string): Place | null {
  const { state, insnIdx } = trace;
  const insn = insnIdx === null ? undefined : trace.program.insns[insnIdx];
  if (!state || !insn) return null;
  const frameno = state.curFrame;
  const place = (reg: number): Place => ({ frameno, reg, slot: -1 });
  const unread = /invalid read from stack (?:R\d+ )?off (-?\d+)\+(\d+)/.exec(message);
  if (unread) return { frameno, reg: -1, slot: (-(Number(unread[1]) + Number(unread[2])) - 1) >> 3 };
  if (/math between|pointer be out of bounds/.test(message)) {
    const byReg = (insn.opcode & X) !== 0;
    return place(byReg && state.frame.regs[insn.src * REG + TYPE] === SCALAR ? insn.src : insn.dst);
  }
  // A part of a pointer is stored: the pointer is at fault, not the slot.
  if (/invalid size of register spill/.test(message)) return place(insn.src);
  const argument = /passed to trusted arg(\d)|^arg#(\d)/.exec(message);
  if (argument) return place(Number(argument[1] ?? argument[2]) + 1);
  if (/cannot overwrite referenced dynptr/.test(message)) {
    const slot = slotOf(state.frame, insn.dst, insn.off);
    if (slot) return { frameno: slot.frameno, reg: -1, slot: slot.slot };
  }
  const named = registerOfMessage(message);
  if (named >= 0 && named <= 10) return place(named);
  if (cls === 'return-range') return place(0);
  const address = addressReg(insn);
  if (address >= 0 && address <= 10) return place(address);
  return (classOf(insn) === ALU || classOf(insn) === ALU64) && insn.dst <= 10 ? place(insn.dst) : null;
}

/** The register or slot that still holds the reference which an exit would leak; null where the path has lost it. */
function heldAtExit(trace: Trace, cls: ExplanationClass): Place | null {
  const id = /Unreleased reference id=(\d+)/.exec(trace.said);
  const frame = trace.state?.frame;
  if (cls !== 'reference' || !id || !frame) return null;
  const frameno = trace.state!.curFrame;
  const reg = [6, 7, 8, 9, 0, 1, 2, 3, 4, 5].find((r) => frame.regs[r * REG + REF] === Number(id[1]));
  if (reg !== undefined) return { frameno, reg, slot: -1 };
  for (let slot = 0; slot < frame.slots; slot++)
    if (isSpilled(frame, slot) && frame.spills[slot * REG + REF] === Number(id[1])) return { frameno, reg: -1, slot };
  return null;
}

/** Follows a rejected program's failing path. */
export function diagnose(program: Program, options: VerifyOptions, message: string): Diagnosis {
  const trace = traceRejection(program, options);
  const base = classOfMessage(trace.said.includes('infinite loop') ? 'infinite loop' : message);
  const last = trace.steps.length - 1;
  const walked = last >= 0 && trace.insnIdx !== null && trace.steps[last]!.insnIdx === trace.path[trace.path.length - 1];
  const place = walked ? (heldAtExit(trace, base) ?? placeAtFault(trace, base, message)) : null;
  const events = place ? slice(trace, place, last) : [];
  const nothing = base === 'provenance' && place ? nullBranch(trace, events) : null;
  if (nothing) return { class: 'null-check', message, trace, place, events: [...nothing, ...events], walked };
  return { class: refine(base, trace, place, events), message, trace, place, events, walked };
}

/**
 * What made the pointer that a branch found to be null, where that branch alone leads to the access of a number: the compiler has put 0 in place of the pointer there.
 * Null where it is otherwise.
 */
function nullBranch(trace: Trace, events: readonly SliceEvent[]): readonly SliceEvent[] | null {
  if (!/mem access/.test(trace.said) || events.some((e) => POINTER.test(e.before) || POINTER.test(e.after))) return null;
  const [at] = decisiveBranches(trace, 1);
  const step = at === undefined ? undefined : trace.steps[at];
  if (at === undefined || !step) return null;
  const place: Place = { frameno: step.frameno, reg: trace.program.insns[step.insnIdx]!.dst, slot: -1 };
  const next = trace.steps[at + 1];
  const after = next?.frameno === step.frameno ? placeText(trace, next.frame, place) : '';
  if (!/_or_null/.test(placeText(trace, step.frame, place)) || after !== '0') return null;
  const made = slice(trace, place, at + 1);
  return made.length > 0 ? made.filter((event) => !events.some(({ stepIdx }) => stepIdx === event.stepIdx)) : null;
}

/** What the path adds to the message. */
function refine(cls: ExplanationClass, trace: Trace, place: Place | null, events: readonly SliceEvent[]): ExplanationClass {
  if (cls === 'uninitialised' && events.some((e) => e.kind === 'clobbered')) return 'clobbered';
  if (cls === 'provenance' && /mem access/.test(trace.said)) {
    // The branch on which a lookup has failed leads to the access.
    const wasMaybe = events.some((e) => /_or_null/.test(e.before) || /_or_null/.test(e.after));
    const r = trace.state?.frame.regs;
    if (wasMaybe && place && r && isNull(r, place.reg * REG)) return 'null-check';
    if (!events.some((e) => POINTER.test(e.before) || POINTER.test(e.after))) return 'wrong-type';
  }
  const regs = trace.state?.frame.regs;
  if (cls === 'index' && regs && place && place.reg >= 0 && regs[place.reg * REG + TYPE] !== SCALAR) {
    const moved = events.some((e) => isSum(trace.program.insns[e.insnIdx]!));
    if (isConst(regs, place.reg * REG) && !moved && trace.program.insns[trace.insnIdx!]!.opcode !== OP_CALL) return 'fixed-offset';
  }
  return cls;
}

const POINTER = /^(?!scalar)[a-z_]+/;
const isSum = (insn: Insn): boolean => classOf(insn) === ALU64 && (opOf(insn) === ADD || opOf(insn) === SUB) && (insn.opcode & X) !== 0;

import type { InsnIdx } from '../../base/units.ts';
import { disasmKernel } from '../../bpf/disasm.ts';
import { ALU, ALU64, classOf, X } from '../../bpf/insn.ts';
import type { LineInfo, Program } from '../../bpf/program.ts';
import type { VerifyOptions, VerifyResult } from '../api.ts';
import { NOT_INIT, REG, SCALAR, TYPE } from '../reg.ts';
import { CLASS_TEXTS, classOfMessage, type ExplanationClass, registerOfMessage } from './classes.ts';
import { addressReg, allowedFact, type Fact, knownFact } from './facts.ts';
import { type Fix, findFixes } from './fixes.ts';
import { type Place, placeName, type SliceEvent, slice, wasTaken } from './slice.ts';
import { type Trace, traceRejection } from './trace.ts';

export type { ExplanationClass, Fact, Fix };

/** Where an instruction comes from. */
export interface Source {
  readonly line: LineInfo | null;
  readonly labels: readonly string[];
}

export type StoryRole = 'made' | 'moved' | 'decision' | 'proof' | 'lost' | 'fault';

/** One step of the story, oldest first; `insns` are the instructions to mark when it is chosen. */
export interface StoryStep {
  readonly role: StoryRole;
  readonly insnIdx: InsnIdx;
  readonly insns: readonly InsnIdx[];
  /** Register or slot that the step is about: `r2`, `fp-8`. */
  readonly subject: string;
  readonly code: string;
  readonly text: string;
  /** The value before and after in the log's notation; '' for nothing. */
  readonly before: string;
  readonly after: string;
  /** For a decision: which way this path went. */
  readonly taken: boolean | null;
}

export interface Explanation {
  readonly class: ExplanationClass;
  readonly title: string;
  /** The kernel's final message. */
  readonly message: string;
  readonly insnIdx: InsnIdx | null;
  readonly code: string;
  readonly source: Source;
  /** Register or slot at fault, or ''. */
  readonly subject: string;
  readonly known: Fact | null;
  readonly allowed: Fact | null;
  readonly story: readonly StoryStep[];
  /** Instruction where the proof was established, and where it was lost; null where that is not the matter. */
  readonly provedAt: InsnIdx | null;
  readonly lostAt: InsnIdx | null;
  readonly why: string;
  readonly change: string;
  /** Edits that the verifier accepts, best first. */
  readonly fixes: readonly Fix[];
  /** Instructions of the whole failing path. */
  readonly path: readonly InsnIdx[];
}

export interface ExplainOptions {
  readonly verify: VerifyOptions;
  /** Verifications that the search for edits may use; 0 for none. Default 60. */
  readonly maxTries?: number;
  /** Instructions that all these verifications may process together. Default 2,000,000. */
  readonly maxProcessed?: number;
}

/** The source line and the origins of an instruction. */
export function sourceOf(program: Program, insnIdx: InsnIdx | null): Source {
  if (insnIdx === null) return { line: null, labels: [] };
  let line: LineInfo | null = null;
  for (const info of program.lineInfo) if (info.insnIdx <= insnIdx) line = info;
  const labels = (program.insnOrigins[insnIdx] ?? []).map((i) => program.origins[i]?.label ?? '').filter((l) => l !== '');
  return { line, labels };
}

/** The place at fault: the register that the message names, else the address or operand of the instruction, else a stack slot. */
function placeAtFault(trace: Trace, cls: ExplanationClass, message: string): Place | null {
  const { state, insnIdx } = trace;
  if (!state || insnIdx === null) return null;
  const frameno = state.curFrame;
  const insn = trace.program.insns[insnIdx];
  if (!insn) return null;
  const place = (reg: number): Place => ({ frameno, reg, slot: -1 });
  const unread = /invalid read from stack (?:R\d+ )?off (-?\d+)\+(\d+)/.exec(message);
  if (unread) return { frameno, reg: -1, slot: (-(Number(unread[1]) + Number(unread[2])) - 1) >> 3 };
  const named = registerOfMessage(message);
  if (named >= 0 && named <= 10 && /math between/.test(message) === false) return place(named);
  if (cls === 'return-range') return place(0);
  if (/math between|pointer be out of bounds/.test(message)) {
    const r = state.frame.regs;
    const byReg = (insn.opcode & X) !== 0;
    return place(byReg && r[insn.src * REG + TYPE] === SCALAR ? insn.src : insn.dst);
  }
  const address = addressReg(insn);
  if (address >= 0) return place(address);
  return classOf(insn) === ALU || classOf(insn) === ALU64 ? place(insn.dst) : null;
}

/** What the path adds to the message: who overwrote the register, whether the number was a pointer before. */
function refine(trace: Trace, cls: ExplanationClass, events: readonly SliceEvent[]): ExplanationClass {
  if (cls === 'uninitialised' && events.some((e) => e.kind === 'clobbered')) return 'clobbered';
  if (cls !== 'provenance' || trace.insnIdx === null) return cls;
  return cls;
}

const code = (program: Program, insnIdx: InsnIdx | null): string =>
  insnIdx !== null && program.insns[insnIdx] ? disasmKernel(program.insns, insnIdx).replace(/^\([0-9a-f]{2}\) /, '') : '';

function storyStep(trace: Trace, event: SliceEvent): StoryStep {
  const subject = placeName(event.place);
  const taken = event.kind === 'decision' ? wasTaken(trace, event.stepIdx) : null;
  const role: StoryRole = event.lost || event.kind === 'clobbered' ? 'lost' : event.proved ? 'proof' : event.kind === 'never' || event.kind === 'changed' ? 'made' : event.kind;
  const { before, after } = event;
  const is = after === '' ? 'holds nothing that may be read' : `is ${after}`;
  const text =
    event.kind === 'decision'
      ? `the branch is ${taken ? 'taken' : 'not taken'}: ${subject} ${is}`
      : event.kind === 'clobbered'
        ? `the call overwrites ${subject}${before ? `, which was ${before}` : ''}`
        : event.kind === 'never'
          ? `the function is entered without a value in ${subject}`
          : event.lost
            ? `${subject} was ${before} and now ${is}`
            : `${subject} ${is}`;
  return { role, insnIdx: event.insnIdx, insns: [event.insnIdx], subject, code: code(trace.program, event.insnIdx), text, before, after, taken };
}

/** Explains a rejection: class, values, the chain of instructions that led to it, and edits that are verified before they are offered. */
export function explain(program: Program, result: VerifyResult, options: ExplainOptions): Explanation {
  const message = result.message ?? '';
  const trace = traceRejection(program, options.verify);
  const { insnIdx } = result;
  let cls = classOfMessage(trace.said.includes('infinite loop') ? 'infinite loop' : message);
  const place = placeAtFault(trace, cls, message);
  const walked = insnIdx !== null && trace.steps.length > 0 && trace.steps[trace.steps.length - 1]!.insnIdx === insnIdx;
  const events = place && walked ? slice(trace, place, trace.steps.length - 1) : [];
  cls = refine(trace, cls, events);
  const story = events.map((event) => storyStep(trace, event));
  const subject = place ? placeName(place) : '';
  const reg = place?.reg ?? -1;
  const known = walked ? knownFact(trace, reg) : null;
  const allowed = walked ? allowedFact(trace, cls, message, reg) : null;
  if (insnIdx !== null) {
    const held = known ? `${subject}: ${known.text}` : '';
    story.push({
      role: 'fault',
      insnIdx,
      insns: [insnIdx],
      subject,
      code: code(program, insnIdx),
      text: message,
      before: held ? known!.text : '',
      after: '',
      taken: null,
    });
  }
  const last = (role: StoryRole): InsnIdx | null => story.filter((s) => s.role === role).at(-1)?.insnIdx ?? null;
  const texts = CLASS_TEXTS[cls];
  const tries = options.maxTries ?? 60;
  const fixes = tries > 0 && !result.accepted ? findFixes(program, options.verify, { tries, processed: options.maxProcessed ?? 2_000_000 }) : [];
  return {
    class: cls,
    title: texts.title,
    message,
    insnIdx,
    code: code(program, insnIdx),
    source: sourceOf(program, insnIdx),
    subject,
    known,
    allowed,
    story,
    provedAt: last('proof'),
    lostAt: last('lost'),
    why: texts.why,
    change: texts.change,
    fixes,
    path: trace.path,
  };
}

/** Class, place and slice of a rejection, for the search of edits. */
export function diagnose(
  program: Program,
  verify: VerifyOptions,
  message: string,
): { readonly class: ExplanationClass; readonly trace: Trace; readonly place: Place | null; readonly events: readonly SliceEvent[] } {
  const trace = traceRejection(program, verify);
  const base = classOfMessage(trace.said.includes('infinite loop') ? 'infinite loop' : message);
  const place = placeAtFault(trace, base, message);
  const events = place && trace.steps.length > 0 ? slice(trace, place, trace.steps.length - 1) : [];
  return { class: refine(trace, base, events), trace, place, events };
}

/** Whether a register of the failing frame holds anything. */
export const isSet = (trace: Trace, reg: number): boolean => (trace.state?.frame.regs[reg * REG + TYPE] ?? NOT_INIT) !== NOT_INIT;

import type { InsnIdx } from '../../base/units.ts';
import { disasmKernel } from '../../bpf/disasm.ts';
import { classOf, isJump, isPseudoCall, JA, jumpTarget, LD, opOf } from '../../bpf/insn.ts';
import type { LineInfo, Program } from '../../bpf/program.ts';
import type { VerifyOptions, VerifyResult } from '../api.ts';
import { CLASS_TEXTS, type ExplanationClass, NUMBER_AS_ADDRESS } from './classes.ts';
import { type Diagnosis, diagnose } from './diagnose.ts';
import { allowedFact, type Fact, knownFact } from './facts.ts';
import { type Fix, findFixes } from './fixes.ts';
import { ruleOf } from './rule-texts.ts';
import { decisiveBranches, MAX_EVENTS, placeName, placeText, type SliceEvent, wasTaken } from './slice.ts';
import type { Trace } from './trace.ts';

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
  /** Which visit of the instruction it was, counted from 0; null where no path was walked. */
  readonly visit: number | null;
  /** Registers before the instruction that hold something, in the log's notation. */
  readonly registers: readonly { readonly name: string; readonly text: string }[];
}

/** A step before it is placed on the path. */
type Draft = Omit<StoryStep, 'visit' | 'registers'>;

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
  /** Earlier steps were left out of the story. */
  readonly cut: boolean;
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
  /** Verifications that the search for edits may use; 0 for none. Default 120. */
  readonly maxTries?: number;
  /** Instructions that all these verifications may process together. Default 500,000. */
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

function code(program: Program, insnIdx: InsnIdx | null): string {
  if (insnIdx === null || !program.insns[insnIdx]) return '';
  const kfunc = program.kfuncCalls.get(insnIdx);
  return kfunc === undefined ? disasmKernel(program.insns, insnIdx).replace(/^\([0-9a-f]{2}\) /, '') : `call ${kfunc}`;
}

function storyStep(trace: Trace, event: SliceEvent): Draft {
  const subject = placeName(event.place);
  const taken = event.kind === 'decision' ? wasTaken(trace, event.stepIdx) : null;
  const role: StoryRole =
    event.lost || event.kind === 'clobbered'
      ? 'lost'
      : event.proved
        ? 'proof'
        : event.kind === 'never' || event.kind === 'changed' || event.kind === 'given'
          ? 'made'
          : event.kind;
  const { before, after } = event;
  const is = after === '' ? 'holds nothing that may be read' : `is ${after}`;
  const text =
    event.kind === 'decision'
      ? `the branch is ${taken ? 'taken' : 'not taken'}: ${subject} ${is}`
      : event.kind === 'clobbered'
        ? `the ${classOf(trace.program.insns[event.insnIdx]!) === LD ? 'load' : 'call'} overwrites ${subject}${before ? `, which was ${before}` : ''}`
        : event.kind === 'never'
          ? event.place.reg < 0
            ? `nothing was written to ${subject} when the function began`
            : `the function is entered without a value in ${subject}`
          : event.kind === 'given'
            ? `the function is entered with ${subject}: ${after}`
            : event.lost
              ? `${subject} was ${before} and now ${is}`
              : `${subject} ${is}${event.repeats > 0 ? `; so it was made in ${event.repeats.toLocaleString('en')} earlier rounds` : ''}`;
  return {
    role,
    insnIdx: event.insnIdx,
    insns: [event.insnIdx],
    subject,
    code: code(trace.program, event.insnIdx),
    text,
    before,
    after,
    taken,
  };
}

/** A step with the registers as they were before it. */
function onPath(trace: Trace, at: number, step: Draft): StoryStep {
  const moment = trace.steps[at];
  if (moment?.insnIdx !== step.insnIdx) return { ...step, visit: null, registers: [] };
  const { frame, frameno, visit } = moment;
  const registers = Array.from({ length: 10 }, (_, reg) => ({
    name: `r${reg}`,
    text: placeText(trace, frame, { frameno, reg, slot: -1 }),
  })).filter(({ text }) => text !== '');
  return { ...step, visit, registers };
}

/** The branches that led the path to the failing instruction, where the slice does not have them. */
function turns(found: Diagnosis): { readonly at: number; readonly step: Draft }[] {
  const { trace, events } = found;
  if (!found.walked) return [];
  return decisiveBranches(trace, 3)
    .filter((stepIdx) => !events.some((event) => event.stepIdx === stepIdx))
    .map((stepIdx) => {
      const { insnIdx, frame, frameno } = trace.steps[stepIdx]!;
      const place = { frameno, reg: trace.program.insns[insnIdx]!.dst, slot: -1 };
      const taken = wasTaken(trace, stepIdx);
      const value = placeText(trace, frame, place);
      const text = `the branch is ${taken ? 'taken' : 'not taken'}, and the path goes on to instruction ${trace.steps[stepIdx + 1]?.insnIdx ?? trace.insnIdx}`;
      const step = { role: 'decision' as const, insnIdx, insns: [insnIdx], subject: placeName(place), code: code(trace.program, insnIdx) };
      return { at: stepIdx, step: { ...step, text, before: value, after: value, taken } };
    });
}

/** The call that took what is not given back. */
function taking(found: Diagnosis): { readonly at: number; readonly step: Draft }[] {
  const { trace, events } = found;
  const alloc = /Unreleased reference id=(\d+) alloc_insn=(\d+)/.exec(trace.said);
  const insnIdx = alloc ? Number(alloc[2]) : -1;
  if (!alloc || events.some((event) => event.insnIdx === insnIdx)) return [];
  const at = trace.steps.findLastIndex((step) => step.insnIdx === insnIdx);
  const text = `the call takes reference ${alloc[1]}, and no register holds it when the program ends`;
  const step = { role: 'made' as const, insnIdx, insns: [insnIdx], subject: 'r0', code: code(trace.program, insnIdx) };
  return [{ at, step: { ...step, text, before: '', after: '', taken: null } }];
}

/** The call that entered the section which the program is still in. */
function entering(found: Diagnosis): { readonly at: number; readonly step: Draft }[] {
  const section = /inside bpf_(\w+)-ed region|while holding a (lock)|(?:within|in) (?:(non-preemptible)|(IRQ-disabled)|(\w+)) region/.exec(
    found.message,
  );
  const { trace } = found;
  if (found.class !== 'section' || !section) return [];
  const [, ended, lock, preempt, irq, named] = section;
  const name = lock ? 'bpf_spin_lock' : preempt ? 'bpf_preempt_disable' : irq ? 'bpf_local_irq_save' : `bpf_${ended ?? named}`;
  const at = trace.steps.findLastIndex(
    ({ insnIdx }) => code(trace.program, insnIdx).includes(`call ${name}`) || trace.program.kfuncCalls.get(insnIdx) === name,
  );
  if (at < 0) return [];
  const { insnIdx } = trace.steps[at]!;
  const step = { role: 'made' as const, insnIdx, insns: [insnIdx], subject: '', code: code(trace.program, insnIdx) };
  return [{ at, step: { ...step, text: 'the section begins here, and nothing on this path ends it', before: '', after: '', taken: null } }];
}

/** Where no path is walked because frames do not fit: the calls of the chain that takes most stack, and what each function takes. */
function chain(found: Diagnosis): { readonly at: number; readonly step: Draft }[] {
  const { trace, message } = found;
  if (!/combined stack size|the call stack of/.test(message)) return [];
  const { insns } = trace.program;
  const { subprogs } = trace.env;
  const depths = subprogs.map(({ stackDepth }) => stackDepth);
  const owner = (idx: number): number => subprogs.findLastIndex(({ start }) => start <= idx);
  const calls = insns.flatMap((insn, idx) => (isPseudoCall(insn) ? [{ idx, from: owner(idx), to: owner(idx + insn.imm + 1) }] : []));
  interface Chain {
    readonly size: number;
    readonly path: readonly { idx: number; to: number }[];
  }
  const known = new Map<number, Chain>();
  const heaviest = (func: number): Chain => {
    const before = known.get(func);
    if (before) return before;
    let best: Chain = { size: 0, path: [] };
    // A function that calls itself comes back to this.
    known.set(func, best);
    for (const { idx, from, to } of calls) {
      if (from !== func) continue;
      const rest = heaviest(to);
      const size = rest.size + (depths[to] ?? 0);
      if (size > best.size || best.path.length === 0) best = { size, path: [{ idx, to }, ...rest.path] };
    }
    known.set(func, best);
    return best;
  };
  let sum = depths[0] ?? 0;
  return heaviest(0).path.map(({ idx, to }, at) => {
    sum += depths[to] ?? 0;
    const name =
      trace.program.subprogs.find(({ start }) => start === subprogs[to]?.start)?.name ?? `the function at ${subprogs[to]?.start}`;
    const text = `${name} is called with a frame of ${depths[to]} bytes: ${sum} bytes with the frames above it`;
    const step = { role: 'made' as const, insnIdx: idx, insns: [idx], subject: '', code: code(trace.program, idx) };
    return { at, step: { ...step, text, before: '', after: '', taken: null } };
  });
}

/** The branches of the round after which nothing had changed: what each of them tested, and which way it went. */
function round(found: Diagnosis): { readonly at: number; readonly step: Draft }[] {
  const { trace } = found;
  if (found.class !== 'complexity' || found.walked) return [];
  const endless = trace.said.includes('infinite loop');
  const steps: { at: number; step: Draft }[] = [];
  for (const insnIdx of lastRound(trace.path)) {
    const insn = trace.program.insns[insnIdx]!;
    const at = trace.steps.findLastIndex((step) => step.insnIdx === insnIdx);
    if (at < 0 || !isJump(insn)) continue;
    const { frame, frameno } = trace.steps[at]!;
    const place = { frameno, reg: insn.dst, slot: -1 };
    const always = opOf(insn) === JA;
    const value = always ? '' : placeText(trace, frame, place);
    const taken = always ? true : wasTaken(trace, at);
    const text = always
      ? `the loop goes on at instruction ${jumpTarget(insn, insnIdx)}, whatever has happened`
      : `the branch is ${taken ? 'taken' : 'not taken'}: ${placeName(place)} is ${value}${endless ? ', and no instruction of the loop changes how it ends' : ', and the loop goes round again'}`;
    const step = {
      role: 'decision' as const,
      insnIdx,
      insns: [insnIdx],
      subject: always ? '' : placeName(place),
      code: code(trace.program, insnIdx),
    };
    steps.push({ at, step: { ...step, text, before: value, after: value, taken } });
  }
  return steps.slice(-6);
}

/** What was found where no register says it: what the message states, or how the instruction is written. */
function statedFact(found: Diagnosis, stated: string | undefined): Fact | null {
  if (stated) return { text: stated };
  const { insnIdx, program, said } = found.trace;
  const alloc = /Unreleased reference id=(\d+) alloc_insn=(\d+)/.exec(said);
  if (alloc) return { text: `reference ${alloc[1]}, taken by the call at instruction ${alloc[2]}, is still held` };
  const insn = insnIdx === null ? undefined : program.insns[insnIdx];
  if (!insn) return null;
  const { opcode, dst, src, off, imm } = insn;
  if (found.class === 'encoding')
    return { text: `opcode 0x${opcode.toString(16).padStart(2, '0')}, dst ${dst}, src ${src}, off ${off}, imm ${imm}` };
  return { text: code(program, insnIdx) };
}

/** The loop that the path was in: its instructions since the last one was met before. */
function lastRound(path: readonly InsnIdx[]): readonly InsnIdx[] {
  const end = path.length - 1;
  const start = path.lastIndexOf(path[end] ?? -1, end - 1);
  return start < 0 || end - start > 1000 ? path.slice(-1) : [...new Set(path.slice(start, end))].sort((a, b) => a - b);
}

/** Explains a rejection: class, values, the chain of instructions that led to it, and edits that are verified before they are offered. */
export function explain(program: Program, result: VerifyResult, options: ExplainOptions): Explanation {
  const message = result.message ?? '';
  const found = diagnose(program, options.verify, message);
  const { class: cls, trace, place, events, walked } = found;
  const { insnIdx } = result;
  const rule = ruleOf(message);
  const story = [
    ...events.map((event) => ({
      at: event.kind === 'given' || event.kind === 'never' ? event.stepIdx - 1 : event.stepIdx,
      step: storyStep(trace, event),
    })),
    ...turns(found),
    ...taking(found),
    ...entering(found),
    ...round(found),
    ...chain(found),
  ]
    .sort((a, b) => a.at - b.at)
    .map(({ at, step }) => onPath(trace, Math.max(at, 0), step));
  const subject = place ? placeName(place) : '';
  const reg = place?.reg ?? -1;
  const facts = cls === 'wrong-type' && rule?.class === 'provenance' ? NUMBER_AS_ADDRESS : CLASS_TEXTS[cls];
  // What the path adds can make another rule of it than the message names.
  const same = rule?.class === cls ? rule : null;
  const known = (walked ? knownFact(trace, reg) : null) ?? statedFact(found, same?.known);
  const allowed = (walked ? allowedFact(trace, cls, message, reg) : null) ?? { text: same?.allowed ?? facts.allowed };
  if (insnIdx !== null) {
    const fault: Draft = {
      role: 'fault',
      insnIdx,
      insns: cls === 'complexity' ? lastRound(trace.path) : [insnIdx],
      subject,
      code: code(program, insnIdx),
      text: /infinite loop detected at insn \d+/.exec(trace.said)?.[0] ?? message,
      before: known?.text ?? '',
      after: '',
      taken: null,
    };
    story.push(onPath(trace, walked ? trace.steps.length - 1 : -1, fault));
  }
  const last = (role: StoryRole): InsnIdx | null => story.filter((s) => s.role === role).at(-1)?.insnIdx ?? null;
  const fixes = findFixes({ program, result, found }, options.verify, {
    tries: options.maxTries ?? 120,
    processed: options.maxProcessed ?? 500_000,
  });
  return {
    class: cls,
    title: facts.title,
    message,
    insnIdx,
    code: code(program, insnIdx),
    source: sourceOf(program, insnIdx ?? (cls === 'call-stack' ? (story.at(-1)?.insnIdx ?? null) : null)),
    subject,
    known,
    allowed,
    story,
    cut: events.length >= MAX_EVENTS,
    provedAt: last('proof'),
    lostAt: last('lost'),
    why: (same ?? facts).why,
    change: (same ?? facts).change,
    fixes,
    path: trace.path,
  };
}

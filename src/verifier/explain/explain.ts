import type { InsnIdx } from '../../base/units.ts';
import { disasmKernel } from '../../bpf/disasm.ts';
import type { LineInfo, Program } from '../../bpf/program.ts';
import type { VerifyOptions, VerifyResult } from '../api.ts';
import { CLASS_TEXTS, type ExplanationClass } from './classes.ts';
import { diagnose } from './diagnose.ts';
import { allowedFact, type Fact, knownFact } from './facts.ts';
import { type Fix, findFixes } from './fixes.ts';
import { placeName, type SliceEvent, wasTaken } from './slice.ts';
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

const code = (program: Program, insnIdx: InsnIdx | null): string =>
  insnIdx !== null && program.insns[insnIdx] ? disasmKernel(program.insns, insnIdx).replace(/^\([0-9a-f]{2}\) /, '') : '';

function storyStep(trace: Trace, event: SliceEvent): StoryStep {
  const subject = placeName(event.place);
  const taken = event.kind === 'decision' ? wasTaken(trace, event.stepIdx) : null;
  const role: StoryRole =
    event.lost || event.kind === 'clobbered'
      ? 'lost'
      : event.proved
        ? 'proof'
        : event.kind === 'never' || event.kind === 'changed'
          ? 'made'
          : event.kind;
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
  const story = events.map((event) => storyStep(trace, event));
  const subject = place ? placeName(place) : '';
  const reg = place?.reg ?? -1;
  const known = walked ? knownFact(trace, reg) : null;
  const allowed = walked ? allowedFact(trace, cls, message, reg) : null;
  if (insnIdx !== null) {
    story.push({
      role: 'fault',
      insnIdx,
      insns: cls === 'complexity' ? lastRound(trace.path) : [insnIdx],
      subject,
      code: code(program, insnIdx),
      text: message,
      before: known?.text ?? '',
      after: '',
      taken: null,
    });
  }
  const last = (role: StoryRole): InsnIdx | null => story.filter((s) => s.role === role).at(-1)?.insnIdx ?? null;
  const texts = CLASS_TEXTS[cls];
  const fixes = findFixes({ program, result, found }, options.verify, {
    tries: options.maxTries ?? 120,
    processed: options.maxProcessed ?? 500_000,
  });
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

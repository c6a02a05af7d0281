import { LINE, type LogColumns, lineText } from './lines.ts';

/** One place that a report of Linux 7.3 shows: of the failure, or of a step of its causal path. */
export interface ReportPlace {
  /** `error`, `branch`, `update`, `spilled`, `invalidated`, `acquired`, `released`, `context`. */
  readonly label: string;
  readonly text: string;
  /** -1 where the report does not show the instruction. */
  readonly insn: number;
  readonly code: string;
  readonly source: { readonly func: string; readonly file: string; readonly line: number; readonly text: string } | null;
  /** Line of the log at which it begins. */
  readonly line: number;
}

/** The report that Linux 7.3 and later write behind the reason of a rejection (kernel/bpf/diagnostics.c). */
export interface LogReport {
  /** `Memory Safety`, `Register Type Safety`, … */
  readonly category: string;
  readonly problem: string;
  readonly reason: string;
  readonly at: ReportPlace | null;
  readonly path: readonly ReportPlace[];
  /** What the causal path says of itself: events left out, none kept. */
  readonly notes: readonly string[];
  readonly suggestion: string;
}

export const REPORT_HEAD = /^Verification failed: ([^:]*)(?:: (.*))?$/;
const SECTION = /^([A-Z][a-z]+(?: [a-z]+){0,3}):$/;
const PLACE = /^(?:(.+) @ )?(\S+):(\d+):(\d+)$/;
const BARE_PLACE = /^insn (\d+)$/;
const NOTE = /^(\d+\s)?\|\s*\^-- ([a-z]+): (.*)$/;
const NOTE_GOES_ON = /^\|\s+(\S.*)$/;
const FOCUS = /^>>> *(\d+) \| (.*)$/;

/** Whether a line heads a section of a report. */
export const isSection = (text: string): boolean => SECTION.test(text);

interface PlaceDraft {
  label: string;
  text: string;
  insn: number;
  code: string;
  func: string;
  file: string;
  sourceLine: number;
  sourceText: string;
  line: number;
}

/** Reads the places of a section: each begins with its position or instruction, and holds an annotation and two windows of context. */
function places(lines: readonly { readonly line: number; readonly text: string }[]): { found: ReportPlace[]; notes: string[] } {
  const found: PlaceDraft[] = [];
  const notes: string[] = [];
  let inCode = false;
  for (const { line, text } of lines) {
    const place = PLACE.exec(text);
    const bare = BARE_PLACE.exec(text);
    const last = found.at(-1);
    if (place || bare) {
      inCode = false;
      found.push({
        label: '',
        text: '',
        insn: bare ? Number(bare[1]) : -1,
        code: '',
        func: place?.[1] ?? '',
        file: place?.[2] ?? '',
        sourceLine: place ? Number(place[3]) : 0,
        sourceText: '',
        line,
      });
      continue;
    }
    if (text === 'Source context:' || text === 'Instruction context:') {
      inCode = text.startsWith('Instruction');
      continue;
    }
    if (!last) {
      if (text !== '') notes.push(text);
      continue;
    }
    const note = NOTE.exec(text);
    const focus = FOCUS.exec(text);
    if (note) {
      last.label = note[2]!;
      last.text = note[3]!;
    } else if (focus && inCode) {
      last.insn = Number(focus[1]);
      last.code = focus[2]!.replace(/^\([0-9a-f]{2}\) /, '');
    } else if (focus) last.sourceText = focus[2]!.trim();
    else if (NOTE_GOES_ON.test(text) && !inCode && last.text !== '') last.text += ` ${NOTE_GOES_ON.exec(text)![1]}`;
    else if (/omitted|not retained|no retained/.test(text)) notes.push(text);
  }
  return {
    found: found.map(({ label, text, insn, code, func, file, sourceLine, sourceText, line }) => ({
      label,
      text,
      insn,
      code,
      source: file === '' ? null : { func, file, line: sourceLine, text: sourceText },
      line,
    })),
    notes,
  };
}

/** The report of the run on show; null where the log has none. */
export function logReport(bytes: Uint8Array, log: LogColumns): LogReport | null {
  const run = log.runs[log.run];
  if (!run || run.reportLine < 0) return null;
  const head = REPORT_HEAD.exec(lineText(bytes, log, run.reportLine).trim());
  const sections = new Map<string, { line: number; text: string }[]>();
  let current: { line: number; text: string }[] | null = null;
  for (let line = run.reportLine + 1; line < run.to; line++) {
    const kind = log.kind[line]!;
    if (kind !== LINE.report && kind !== LINE.blank) break;
    const text = lineText(bytes, log, line).trim();
    const name = SECTION.exec(text)?.[1];
    if (name !== undefined && name !== 'Source context' && name !== 'Instruction context') {
      current = sections.get(name) ?? [];
      sections.set(name, current);
    } else current?.push({ line, text });
  }
  const words = (name: string): string =>
    (sections.get(name) ?? [])
      .map(({ text }) => text)
      .join(' ')
      .trim();
  const path = places(sections.get('Causal path') ?? []);
  return {
    category: head?.[1] ?? '',
    problem: head?.[2] ?? '',
    reason: words('Reason'),
    at: places(sections.get('At') ?? []).found[0] ?? null,
    path: path.found,
    notes: path.notes,
    suggestion: words('Suggestion'),
  };
}

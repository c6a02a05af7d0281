import { beforeComment, LINE, type LogColumns, lineText } from './lines.ts';
import { logStateAt } from './states.ts';

/** One step by which a log's register got its value, oldest first. */
export interface LogStep {
  readonly kind: 'made' | 'moved' | 'called' | 'branch';
  readonly line: number;
  readonly insn: number;
  /** Register or slot that the step is about. */
  readonly name: string;
  /** It behind the step, as the log knows it; '' where it does not say. */
  readonly value: string;
  readonly code: string;
  readonly taken: boolean | null;
  /** Its line of C as the log shows it, with file and line; '' where it shows none. */
  readonly source: string;
}

const MOST_STEPS = 24;
/** Lines that are looked at: level 2 prints one for each instruction. */
const MOST_LINES = 20_000;

const INSN = /^\s*(\d+): (?:[.0-9]{10} )?\([0-9a-f]{2}\) (.*)$/;
const FROM = /^\s*from (\d+) to (\d+)/;
const WRITES = /^(?:lock )?[rw](\d+) (?:[-+*/|&^%]|<<|>>|s>>|s[/%])?= (.*)$/;
const STORES = /^\*\([us]\d+ \*\)\([rw]10 ([-+]\d+)\) = [rw](\d+)/;
const LOADS = /^\*\([us]\d+ \*\)\([rw]10 ([-+]\d+)\)/;
const TESTS = /^if [rw](\d+) .* goto pc([-+]\d+)/;
const CALLS = /^call /;

interface PathLine {
  readonly line: number;
  readonly insn: number;
  readonly code: string;
  readonly frame: number;
}

/** The instructions that the log shows on the path to a line, newest first: where a path begins it goes on at the branch that it left. */
function* pathBack(bytes: Uint8Array, log: LogColumns, line: number): Generator<PathLine> {
  const from = log.runs[log.run]?.from ?? 0;
  for (let at = line, seen = 0; at >= from && seen < MOST_LINES; at--, seen++) {
    const kind = log.kind[at];
    // What stands above left-out lines may be another path.
    if (kind === LINE.gap) return;
    if (kind === LINE.path) {
      const branch = FROM.exec(lineText(bytes, log, at));
      if (!branch) continue;
      const insn = Number(branch[1]);
      // The state that waited was put aside where the branch was last shown before.
      while (at > from && !(log.kind[at - 1] === LINE.insn && log.insn[at - 1] === insn)) at--;
      continue;
    }
    if (kind !== LINE.insn) continue;
    const text = INSN.exec(lineText(bytes, log, at));
    if (text) yield { line: at, insn: Number(text[1]), code: beforeComment(text[2]!), frame: log.frame[at] ?? 0 };
  }
}

/** The line that shows the state behind an instruction: its own, or the one that follows what the kernel says while it walks back. */
function shownAt(log: LogColumns, line: number): number {
  for (let at = line + 1; at < Math.min(log.lines, line + 500) && log.kind[at] !== LINE.insn && log.kind[at] !== LINE.path; at++)
    if (log.kind[at] === LINE.state) return at;
  return line;
}

/** How far up the source of an instruction is looked for: it is printed where it changes. */
const MOST_UP = 400;

/** The line of C that an instruction's line belongs to: the last one printed above it; '' where the log has none. */
export function sourceAbove(bytes: Uint8Array, log: LogColumns, line: number): string {
  const first = Math.max(log.runs[log.run]!.from, line - MOST_UP);
  for (let at = line - 1; at >= first; at--) {
    if (log.kind[at] === LINE.source) return lineText(bytes, log, at).trim().replace(/^;\s*/, '');
    // Another path has a source of its own.
    if (log.kind[at] === LINE.gap) return '';
  }
  return '';
}

/**
 * Where the value of register `name` at `line` came from, as far as the log shows it: definitions, copies through registers and stack, and branches that
 * tested it. Nothing is computed that the log does not print.
 */
export function logStory(bytes: Uint8Array, log: LogColumns, line: number, name: string): LogStep[] {
  const steps: LogStep[] = [];
  const wanted = new Set([name]);
  let next = -1;
  let frame = -1;
  for (const { line: at, insn, code, frame: depth } of pathBack(bytes, log, line)) {
    if (frame < 0) frame = depth;
    if (at === line || wanted.size === 0 || steps.length >= MOST_STEPS || depth !== frame) {
      if (depth === frame) next = insn;
      continue;
    }
    const known = (of: string): string => logStateAt(bytes, log, shownAt(log, at)).rows.find((row) => row.name === of)?.text ?? '';
    const add = (kind: LogStep['kind'], of: string, taken: boolean | null = null): void => {
      // A line shows the state behind its instruction: of a branch the side that goes on, of a call into the program the start of its function.
      const elsewhere = taken === true || (kind === 'called' && (of !== 'r0' || code.startsWith('call pc')));
      steps.push({ kind, line: at, insn, name: of, value: elsewhere ? '' : known(of), code, taken, source: sourceAbove(bytes, log, at) });
    };
    const writes = WRITES.exec(code);
    const stores = STORES.exec(code);
    const tests = TESTS.exec(code);
    const written = writes ? `r${writes[1]}` : stores ? `fp${Number(stores[1])}` : '';
    if (written && wanted.has(written)) {
      const loads = writes ? LOADS.exec(writes[2]!) : null;
      const source = writes ? /^[rw](\d+)$/.exec(writes[2]!) : null;
      const replaces = stores !== null || /^\S+ = /.test(code.replace(/^lock /, ''));
      add(replaces && (stores || loads || source) ? 'moved' : 'made', written);
      if (replaces) wanted.delete(written);
      if (stores) wanted.add(`r${stores[2]}`);
      else if (loads) wanted.add(`fp${Number(loads[1])}`);
      else if (source && source[1] !== '10') wanted.add(`r${source[1]}`);
    } else if (CALLS.test(code)) {
      for (const of of [...wanted].filter((of) => /^r[0-5]$/.test(of))) {
        add('called', of);
        wanted.delete(of);
      }
    } else if (tests && wanted.has(`r${tests[1]}`) && next >= 0) add('branch', `r${tests[1]}`, next === insn + 1 + Number(tests[2]));
    next = insn;
  }
  return steps.reverse();
}

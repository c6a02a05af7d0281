import type { Program } from '../../bpf/program.ts';
import type { VerifyOptions, VerifyResult } from '../api.ts';
import { verify } from '../verify.ts';
import { LINE, type LogColumns, lineText } from './lines.ts';
import { readLog } from './reader.ts';
import { codeOf } from './reason.ts';

/** A line of either log. */
export interface SideLine {
  /** From 0. */
  readonly line: number;
  readonly text: string;
}

/** Where a log and our verifier's of the same program part first. */
export interface FirstDifference {
  /** Other instructions, another way, other values, another reason, or one log ends before the other. */
  readonly what: 'code' | 'path' | 'state' | 'reason' | 'end';
  readonly theirs: SideLine | null;
  readonly ours: SideLine | null;
}

export interface Beside {
  readonly level: number;
  readonly result: VerifyResult;
  /** Lines that were found equal before the first difference. */
  readonly same: number;
  readonly difference: FirstDifference | null;
  /** Whether values were compared: they are written alike only where the log is of the kernel whose rules are asked. */
  readonly values: boolean;
}

/** The level at which a log was written, from what it shows. */
export function levelOf(log: LogColumns): number {
  const { from, to, insnLines } = log.runs[log.run]!;
  for (let line = from; line < Math.min(to, from + 2_000_000); line++) if (log.kind[line] === LINE.liveness) return 2;
  return insnLines > 0 ? 1 : 4;
}

interface Event {
  readonly line: number;
  readonly kind: number;
  readonly insn: number;
  readonly code: string;
  readonly state: string;
}

const STATE = /;\s*(?=(?:frame\d+: *)?(?:R\d+|fp-\d+)(?:_\w+)?=)/;

/** Addresses of maps are another number on every machine, and ours have names; numbers of helpers and functions follow their names. */
const normal = (text: string): string =>
  text
    .replace(/(r\d+ = )(?:0x[0-9a-f]{6,}|map\[[^\]]*\](?:\[\d+\])?(?:\+\d+)?)/g, '$1MAP')
    .replace(/(call \w+)#-?\d+/g, '$1')
    .replace(/map=\w*,/g, '')
    .replace(/\s+/g, ' ')
    .trim();

/** What both logs must agree on, in order: instructions with their states, paths and reasons. */
function* events(bytes: Uint8Array, log: LogColumns): Generator<Event> {
  const run = log.runs[log.run]!;
  for (let line = run.from; line < run.to; line++) {
    const kind = log.kind[line]!;
    if (kind !== LINE.insn && kind !== LINE.path && kind !== LINE.message && kind !== LINE.gap) continue;
    const text = lineText(bytes, log, line);
    if (kind === LINE.message && line !== run.messageLine) continue;
    const at = kind === LINE.insn ? STATE.exec(text) : null;
    const code = kind === LINE.insn ? codeOf(at ? text.slice(0, at.index) : text).replace(/ \d+: (?:frame\d+: )?R\d.*$/, '') : text;
    const state = at ? text.slice(at.index + at[0].length) : '';
    const shown =
      kind === LINE.path
        ? code.replace(/^(\s*from \d+ to \d+)(?!\d)[^:]*:(?: safe)?.*$/, (all, head: string) =>
            /: safe/.test(all) ? `${head}: safe` : head,
          )
        : code;
    yield { line, kind, insn: log.insn[line]!, code: normal(shown.replace(/processed \d+ insns.*$/, '')), state: normal(state) };
  }
}

/** Verifies the program at the level of a log and finds where the two part. `values`: whether states must be equal, too. */
export function verifyBeside(bytes: Uint8Array, log: LogColumns, program: Program, options: Omit<VerifyOptions, 'logLevel'>): Beside {
  const level = levelOf(log);
  const result = verify(program, { ...options, logLevel: level });
  const own = readLog(result.logBytes());
  // Up to 6.6 states carry marks and names that ours do not have.
  let values = true;
  for (const { state } of events(bytes, log)) if (/_[rw]+=|off=0,imm=0|=inv|P?scalar\(id=0/.test(state)) values = false;
  const theirs = events(bytes, log);
  const ours = events(own.bytes, own.columns);
  const told = (event: Event, of: 'log' | 'own'): SideLine => ({
    line: event.line,
    text: of === 'log' ? lineText(bytes, log, event.line) : lineText(own.bytes, own.columns, event.line),
  });
  let same = 0;
  const ended = !log.runs[log.run]!.complete;
  for (;;) {
    const a = theirs.next();
    const b = ours.next();
    const part = (what: FirstDifference['what']): Beside => ({
      level,
      result,
      same,
      values,
      difference: { what, theirs: a.done ? null : told(a.value, 'log'), ours: b.done ? null : told(b.value, 'own') },
    });
    // Behind left-out lines, or where the log was cut, nothing can be compared.
    if ((a.done && ended) || (!a.done && a.value.kind === LINE.gap)) return { level, result, same, values, difference: null };
    if (a.done && b.done) return { level, result, same, values, difference: null };
    if (a.done || b.done) return part([a, b].some(({ done, value }) => !done && value?.kind === LINE.message) ? 'reason' : 'end');
    if (a.value.kind === LINE.message || b.value.kind === LINE.message) {
      if (a.value.kind !== b.value.kind || a.value.code !== b.value.code) return part('reason');
    } else if (a.value.kind !== b.value.kind || a.value.insn !== b.value.insn) return part('path');
    else if (a.value.code !== b.value.code) return part(a.value.kind === LINE.insn ? 'code' : 'path');
    else if (values && a.value.state !== b.value.state) return part('state');
    same++;
  }
}

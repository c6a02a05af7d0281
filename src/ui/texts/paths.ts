import type { CellVerdict } from '../../verifier/query/compare.ts';
import type { EndName } from '../../verifier/query/exploration.ts';
import type { Edge } from '../../verifier/query/outline.ts';

/** Texts of the Paths panel and of the state at the cursor. */
const count = (value: number): string => Math.round(value).toLocaleString('en');
const many = (value: number, one: string, more: string): string => `${count(value)} ${value === 1 ? one : more}`;

const ENDS: { readonly [Name in EndName]: string } = {
  exit: 'exit',
  pruned: 'pruned',
  rejected: 'refused',
  limit: 'limit reached',
  stopped: 'stopped',
};

const EDGES: { readonly [Name in Edge]: string } = {
  start: 'from its start',
  taken: 'branch taken',
  'not taken': 'branch not taken',
  callback: 'callback',
  other: 'other outcome',
};

export const paths = {
  views: 'Views of the exploration',
  tabs: { tree: 'Paths', rounds: 'Rounds', range: 'Range' },
  summary: (ends: number, steps: number, waiting: number) =>
    `${many(ends, 'path', 'paths')} · ${many(steps, 'instruction', 'instructions')} processed${waiting > 0 ? ` · ${many(waiting, 'branch', 'branches')} never followed` : ''}`,
  empty: {
    title: 'No exploration yet.',
    text: 'Here stand all paths that the verifier walked: where they part, where they end, and which state made it stop following one.',
  },
  ofLog: {
    title: 'This log shows no instruction.',
    text: 'Paths are followed line by line: load the program with log level 1 or 2 to see them.',
  },
  following: 'Following the paths of the log',
  recording: 'Recording the verification',
  stopped: 'Stopped recording',
  again: 'Record again',
  failing: 'To the refusal',
  failingAbout: 'Go to the instruction at which the program was refused',
  refused: 'No instruction was processed: the program was refused before its first path.',
  tree: 'Tree of paths',
  function: (name: string) => name,
  edges: EDGES,
  to: (insn: number) => ` ${count(insn)}`,
  stretch: (from: number, to: number) => (from === to ? count(from) : `${count(from)} … ${count(to)}`),
  steps: (steps: number) => count(steps),
  stepsAbout: 'Instructions processed here and below',
  loop: (head: number, rounds: number) => `loop at ${count(head)}, ${many(rounds, 'round', 'rounds')}`,
  round: (round: number) => `round ${count(round + 1)}`,
  end: (end: EndName, insn: number) => `${ENDS[end]} at ${count(insn)}`,
  ends: (ends: number) => (ends === 1 ? '' : `${count(ends)} paths`),
  loading: 'loading …',
  row: (text: string, steps: number) => `${text}, ${many(steps, 'instruction', 'instructions')}`,
  why: {
    ofLog: 'A log does not show the states that were kept, so that it cannot say which of them covers this one.',
    none: 'No state was kept for this instruction, so that nothing was compared.',
    pick: 'Choose the end of a path, or an instruction at which paths meet, to see what it was compared with.',
    pruned: 'Pruned: a kept state covers this one',
    endless: 'Refused: this state was here before',
    missed: 'Not pruned: this kept state does not cover it',
    refused: 'Refused here',
    kept: (step: number) => `kept at step ${count(step)}`,
    early: 'kept before the states that are held',
    step: (step: number) => `step ${count(step)}`,
    rules: {
      covered: 'Numbers on which no decision depended may differ.',
      within: 'In a loop that is not done every range counts.',
      exact: 'An endless loop is one that comes back to exactly the same state.',
    },
    whole: {
      calls: 'The functions on the call stack differ.',
      held: 'References, locks or sections that are held differ.',
      ids: 'The same ids do not tie the same registers together.',
    },
    columns: { name: 'Register', kept: 'Kept state', now: 'This state', verdict: 'Says' },
    verdicts: {
      same: 'same',
      within: 'within',
      imprecise: 'no decision',
      unread: 'not read again',
      type: 'other type',
      range: 'range too wide',
      bits: 'other bits',
      ties: 'other ties',
    } satisfies { readonly [Name in CellVerdict]: string },
    marks: { covered: '✓', differs: '✕' },
    coveredMark: 'covered',
    differsMark: 'differs',
    others: (others: number) => `${many(others, 'other is', 'others are')} the same or never read again`,
    hide: 'Hide what is the same',
    frame: (frame: number, name: string) => (frame === 0 ? name : `${name} (frame ${frame})`),
  },
  rounds: {
    none: 'This path goes round no loop.',
    loop: 'Loop',
    option: (head: number, depth: number, arrivals: number) =>
      `${count(head)}${depth > 1 ? ` (in a call)` : ''}: ${many(arrivals, 'arrival', 'arrivals')}`,
    shown: (from: number, to: number, of: number) => `rounds ${count(from + 1)} … ${count(to)} of ${count(of)}`,
    round: (round: number) => count(round + 1),
    roundAbout: (round: number, step: number) => `Round ${count(round + 1)}: go to step ${count(step)}`,
    earlier: 'Earlier rounds',
    later: 'Later rounds',
    first: 'First',
    last: 'Last',
    same: (same: number) => `${many(same, 'other register or slot is', 'other registers and slots are')} the same in every round.`,
    allSame: 'Every register and slot is the same in all rounds.',
    compared: (compared: number, of: number) => `Of ${count(of)} rounds the states of ${count(compared)} are held and compared.`,
    absent: '–',
    any: 'any',
    between: (low: string, high: string) => `${low} … ${high}`,
    changed: 'changed since the round before: ',
    name: 'Register',
  },
  range: {
    register: 'Register',
    whole: 'Whole path',
    in: 'Zoom in',
    out: 'Zoom out',
    about: 'Ticks mark branches, a bar at the bottom a pointer. Drag to look closer, click to go there, arrow keys to step.',
    plot: (name: string) => `Range of ${name} along the path`,
    at: (pos: number, of: number, insn: number) => `${count(pos + 1)} of ${count(of)} · insn ${count(insn)}`,
    value: (name: string, text: string) => ` · ${text === '' ? `${name} holds nothing` : `${name}=${text}`}`,
    wide: (changes: number) => `${count(changes)} changes; each column shows the widest range`,
    tick: (power: number, negative: boolean) => {
      if (power === 0) return '0';
      const text = power <= 16 ? count(2 ** power) : `2${[...String(power)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')}`;
      return `${negative ? '−' : ''}${text}`;
    },
  },
} as const;

export const step = {
  recording: 'Recording the verification',
  stopped: 'Stopped recording',
  again: 'Record again',
  insn: (insn: number) => `${insn}: `,
  before: 'Before',
  after: 'After',
  side: 'Which side of the instruction',
  visit: (visit: number, visits: number) => `visit ${count(visit + 1)} of ${count(visits)}`,
  arrival: (end: EndName) => `path ${ENDS[end]} here`,
  position: (pos: number, length: number) => `${count(pos + 1)} of ${count(length)} on its path`,
  back: 'One instruction back on the path',
  forward: 'One instruction forward on the path',
  earlier: 'The visit before',
  later: 'The visit after',
  bits: 'Bits',
  bitsAbout: 'Show known bits and all ranges of every number',
  unreached: 'The verifier never reached this instruction.',
  endsHere: (end: EndName) =>
    end === 'exit'
      ? 'The path leaves the program here.'
      : end === 'pruned'
        ? 'The path was pruned before this instruction.'
        : 'The path ends here.',
  changed: 'changes here',
  changedBy: 'changed by this instruction',
  changes: 'changed by it',
  caller: (call: number) => `Caller, at the call ${count(call)}`,
  held: {
    reference: (id: number, insn: number) => `reference ${id}, taken at ${count(insn)}`,
    lock: (id: number, insn: number) => `lock ${id}, taken at ${count(insn)}`,
    irq: (id: number, insn: number) => `interrupts saved (${id}) at ${count(insn)}`,
    rcu: () => 'RCU read section',
    preempt: () => 'preemption disabled',
    speculative: () => 'only speculation comes here',
    may_goto: (id: number) => `may_goto round ${id}`,
  },
  holds: 'Held',
  mark: '●',
  ranges: { s64: 's64', u64: 'u64', s32: 's32', u32: 'u32', bits: 'bits', hex: 'known' },
  between: (low: string, high: string) => (low === high ? low : `${low} … ${high}`),
  bit: { zero: '0', one: '1', unknown: 'x' },
  bitsOf: (name: string, unknown: number) => `Bits of ${name}: ${unknown} of 64 unknown`,
  halves: ['63 … 32', '31 … 0'],
  hex: (value: string, mask: string) => `value ${value}, unknown ${mask}`,
  register: 'Register',
  state: 'State',
  range: 'Range',
  details: (name: string) => `Bits and ranges of ${name}`,
} as const;

/** Texts of the explanation of a rejection, of a program and of a log. */
const count = (value: number): string => Math.round(value).toLocaleString('en');
const insns = (value: number): string => `${count(value)} ${value === 1 ? 'instruction' : 'instructions'}`;

export const why = {
  waiting: 'Following the failing path',
  stopped: 'The search was stopped.',
  again: 'Search again',
  at: (insn: number) => `insn ${count(insn)}`,
  whole: 'the program as a whole',
  serves: (labels: readonly string[]) => `serves ${labels.join(', ')}`,
  known: 'found',
  knownOf: (subject: string) => `known of ${subject}`,
  allowed: 'allowed',
  range: (min: string, max: string) => (min === max ? min : `${min} … ${max}`),
  rangeOf: (what: string, range: string) => `${what}: from ${range.replace(' … ', ' to ')}`,
  story: 'How it came to this',
  storyCut: 'How it came to this: the last steps of many',
  step: (at: number, total: number) => `step ${at} of ${total}`,
  previous: 'Previous step',
  next: 'Next step',
  steps: 'Steps of the story',
  /** What a step does to the proof: a mark and a word. */
  roles: {
    made: ['○', 'made'],
    moved: ['→', 'moved'],
    decision: ['◇', 'branch'],
    proof: ['✓', 'proved'],
    lost: ['▲', 'lost'],
    fault: ['✕', 'refused'],
  },
  before: 'before',
  after: 'after',
  nothing: 'nothing readable',
  registers: (visit: number) => `Registers before it, on visit ${count(visit + 1)}`,
  rule: 'Why the rule exists',
  change: 'What to change',
  toFixes: (edits: number) => (edits === 1 ? '1 edit mends it ↓' : `${count(edits)} edits mend it ↓`),
  fixes: 'Edits that the verifier accepts',
  verified: (processed: number) => `accepted · ${insns(processed)} processed`,
  size: (size: number) => `${insns(size)} changed`,
  diff: 'Lines of the edit',
  removed: 'removed',
  added: 'added',
  apply: 'Apply',
  applyTitle: (title: string) => `Apply: ${title}`,
  none: 'None was found: no edit of at most six instructions keeps the refused instruction and is accepted.',
  looking: 'Looking for edits: each is verified before it is offered',
  mend: 'mend: ',
  applied: 'Edit applied',
  undo: 'Undo',
  log: {
    accepted: 'The log ends with its counters and no reason: the program was accepted.',
    unknown: (complete: boolean) =>
      complete
        ? 'The log holds counters alone. At level 4 the kernel gives no verdict; at level 1 or 2 it does.'
        : 'The log ends before the verdict. What it holds is shown.',
    notVerified:
      'Read from the log. It is not verified here, since a log shows neither the maps nor the type of its program: open the object or the assembly for reasons and edits.',
    unruled: 'No rule is known for this message.',
    story: 'How the log came to it',
    none: 'The log shows no line in which this register got its value. At level 2 the kernel writes every instruction.',
    line: (line: number) => `line ${count(line + 1)}`,
    says: 'The verifier’s own words',
    registers: (line: number) => `Registers behind line ${count(line + 1)}`,
    made: (name: string, value: string) => (value ? `${name} is ${value}` : `${name} gets its value`),
    copied: (name: string, value: string) => (value ? `copied: ${name} is ${value}` : `copied to ${name}`),
    called: (name: string) => (name === 'r0' ? 'the call returns r0' : `the call overwrites ${name}`),
    branch: (taken: boolean, name: string, value: string) =>
      `the branch is ${taken ? 'taken' : 'not taken'}${value ? `: ${name} is ${value}` : ''}`,
  },
} as const;

/** Texts of the Loops panel: what loops become, and what that costs the verifier. */
const count = (value: number): string => Math.round(value).toLocaleString('en');

export const loops = {
  empty: {
    title: 'No program yet.',
    text: 'Here a model’s loop strategies stand side by side, and a loop of any program can be tried in another form.',
  },
  ofLog: {
    title: 'Loops that the log goes round',
    about:
      'Counted on all paths that the log shows, with the functions called inside. A loop can be tried in another form where its program is open: a log shows neither its maps nor its type.',
    following: 'Following the paths of the log',
    none: 'No path of this log comes back to an instruction.',
    columns: { head: 'Instructions', code: 'Begins with', rounds: 'Arrivals', processed: 'Processed' },
    range: (head: number, end: number) => `${count(head)} … ${count(end)}`,
  },
  model: 'The model, compiled with each strategy',
  compare: 'Compare the strategies',
  again: 'Compare again',
  comparing: 'comparing',
  strategies: {
    global: ['global', 'bounded loops in global functions, each walked once'],
    bounded: ['bounded', 'bounded loops in static functions, walked at every call'],
    may_goto: ['may_goto', 'loops that may end early, walked once or twice'],
    bpf_loop: ['bpf_loop', 'bodies as callbacks, walked once or twice'],
    unrolled: ['unrolled', 'loops repeated in code, as far as they stay short'],
  },
  columns: {
    strategy: 'Strategy',
    verdict: 'Verdict',
    insns: 'Insns',
    processed: 'Processed',
    states: 'States / peak',
    stack: 'Stack',
    engine: 'Engine',
    form: 'Form',
  },
  engineAbout:
    'One run in this browser’s WebAssembly engine, measured now: best of three batches. A kernel’s own times are in the documentation.',
  stackAbout: 'Largest frame of a function',
  accepted: '✓ accepted',
  rejected: '✕ rejected',
  refused: '▲ not possible',
  waiting: '…',
  now: 'in use',
  choose: 'Use',
  chooseAbout: (name: string) => `Compile the model with ${name}`,
  bytes: (value: number) => `${count(value)} B`,
  us: (ns: number) => (ns < 10_000 ? `${(ns / 1000).toFixed(1)} µs` : `${count(ns / 1000)} µs`),
  pair: (a: number, b: number) => `${count(a)} / ${count(b)}`,
  loop: 'The loop around the selected instruction',
  loopAt: (head: number, latch: number, rounds: number | null) =>
    `Insns ${count(head)}–${count(latch)}, ${rounds === null ? 'rounds not known from the code' : `${count(rounds)} rounds`}`,
  noLoop: 'No loop in one piece goes round the selected instruction. Select one inside of a loop that a single jump closes.',
  tryForms: 'What if it were another loop',
  forms: { '': 'as it is', may_goto: 'may_goto', bpf_loop: 'bpf_loop', unrolled: 'unrolled' },
  apply: 'Apply',
  applyAbout: (form: string) => `Edit the program: ${form} in place of the loop`,
  fork: 'The model’s program was edited by hand; the strategies are those of the compiled one.',
} as const;

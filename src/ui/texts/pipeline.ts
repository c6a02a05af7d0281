import type { FactKey, PassId } from '../../compiler/passes/pass.ts';

/** Texts of the Pipeline panel: the passes of the compiler and what they change. */
const count = (value: number): string => Math.round(value).toLocaleString('en');
const micros = (ns: number): string => (ns < 10_000 ? `${(ns / 1000).toFixed(2)} µs` : `${(ns / 1000).toFixed(1)} µs`);
const signed = (value: number, format: (value: number) => string): string =>
  value === 0 ? '±0' : `${value < 0 ? '−' : '+'}${format(Math.abs(value))}`;
const real = (value: number): string => (value === 0 ? '0' : value.toPrecision(3));

/** A step of the view: a pass, or the choice of a loop strategy, which changes no rows. */
export type StepId = PassId | 'loops';

const FACTS: Readonly<Record<FactKey, string>> = {
  serves: 'serves',
  reads: 'reads',
  sum: 'sums',
  precision: 'precision',
  bias: 'bias',
  relu: 'clamped',
  residual: 'plus',
  detail: '',
  stage: 'stage',
  kernel: 'kernel',
  loops: 'loops',
  scale: 'scale',
  width: 'width',
  place: 'place',
  role: 'role',
  ops: 'operations',
  blocks: 'blocks',
  walked: 'walked a call',
  executed: 'executed a call',
  stack: 'stack bytes',
  insns: 'instructions',
  own: 'from operations',
  spills: 'spills',
};

export const pipeline = {
  empty: {
    title: 'No model yet.',
    text: 'Here the compiler’s passes stand one after the other: what each removes, joins or makes constant, from the graph to the bytecode.',
    other: 'Only models are compiled here. This project holds a program as it came.',
  },
  waiting: 'waiting for the model',
  recording: 'recording the passes',
  passes: 'Pass',
  back: 'Pass before',
  next: 'Next pass',
  position: (at: number, of: number, name: string, rows: string) => `${at} of ${of}: ${name}, ${rows}`,
  steps: {
    file: { short: 'Graph', name: 'The graph as imported', about: 'Every node of the file, in its order.' },
    folded: {
      short: 'Constants',
      name: 'Constants folded',
      about: 'What does not depend on the input is computed now; nodes that do nothing or that nobody reads go.',
    },
    recognised: {
      short: 'Recognise',
      name: 'Recognised',
      about:
        'Nodes become ops that have an integer kernel each. Shape changes become index maps, elementwise chains one table, biases part of their product.',
    },
    precision: { short: 'Precision', name: 'Precision given', about: 'Each product with weights gets its widths.' },
    specialised: {
      short: 'Specialise',
      name: 'Specialised',
      about: 'What follows from the values of the weights: constants fold through, and what no result depends on goes.',
    },
    unread: {
      short: 'Unread',
      name: 'Unread rows dropped',
      about: 'Elements that no result depends on are not computed, such as all rows of a last layer but the one that a classifier reads.',
    },
    split: {
      short: 'Split',
      name: 'Wide values split',
      about: 'A value that fits no per-CPU entry becomes parts, where its readers look at parts.',
    },
    linears: {
      short: 'Products',
      name: 'Products merged',
      about: 'A product of a product becomes one, where that multiplies less.',
    },
    embeddings: {
      short: 'Tables',
      name: 'Embeddings folded',
      about: 'Linear layers over an embedding become tables: their products are gone.',
    },
    attention: { short: 'Attention', name: 'Attention joined', about: 'Scores, softmax and the mean of the values become one kernel.' },
    residuals: { short: 'Residuals', name: 'Residuals joined', about: 'What a product is added to goes into the product.' },
    norms: {
      short: 'Norms',
      name: 'Normalisations folded',
      about: 'Factors and offsets of a normalisation go into the products that read it.',
    },
    plan: {
      short: 'Plan',
      name: 'Planned in integers',
      about: 'Each value gets a scale, a width and a place; steps over the same rows share a stage.',
    },
    loops: {
      short: 'Loops',
      name: 'Loop strategy chosen',
      about: 'What the cost model expects of each strategy that the target kernel takes, before registers are given.',
    },
    ir: { short: 'IR', name: 'Lowered to IR', about: 'Functions in the low-level IR: one for each distinct kernel, one for each stage.' },
    bytecode: {
      short: 'Bytecode',
      name: 'Emitted',
      about: 'The same functions as instructions, beside the operations that they came from.',
    },
  } satisfies Readonly<Record<StepId, { readonly short: string; readonly name: string; readonly about: string }>>,
  rows: {
    nodes: (n: number) => `${count(n)} ${n === 1 ? 'node' : 'nodes'}`,
    ops: (n: number) => `${count(n)} ${n === 1 ? 'op' : 'ops'}`,
    steps: (n: number) => `${count(n)} ${n === 1 ? 'step' : 'steps'}`,
    functions: (n: number) => `${count(n)} ${n === 1 ? 'function' : 'functions'}`,
    code: (n: number) => `${count(n)} ${n === 1 ? 'function' : 'functions'}`,
  },
  against: 'Compared with',
  againstBefore: 'the pass before',
  againstTry: 'the options tried',
  onlyChanges: 'Only differences',
  nothing: 'This pass changes nothing in this model.',
  nothingTried: 'The options tried change nothing in this pass.',
  incomparable: 'Rows of another kind than those of the pass before.',
  counts: (changed: number, added: number, removed: number) =>
    [
      changed > 0 ? `~ ${count(changed)} changed` : '',
      added > 0 ? `+ ${count(added)} new` : '',
      removed > 0 ? `− ${count(removed)} gone` : '',
    ]
      .filter(Boolean)
      .join(' · '),
  deltas: (changed: number, added: number, removed: number) =>
    [removed > 0 ? `−${count(removed)}` : '', added > 0 ? `+${count(added)}` : '', changed > 0 ? `~${count(changed)}` : '']
      .filter(Boolean)
      .join(' '),
  none: '·',
  list: (name: string) => `Rows of ${name}`,
  marks: ['', '~', '+', '−'],
  states: ['', 'changed', 'new', 'gone'],
  fates: {
    into: (op: string, name: string) => `→ part of ${op} ${name}`,
    view: (op: string, name: string) => `→ read from ${op} ${name}, costs nothing`,
    constant: '→ constant, computed now',
    shape: '→ constant, the shape is known',
    identity: '→ nothing, passes its input on',
    dead: '→ nothing, nobody reads it',
    function: '→ its body, unfolded',
    unread: '→ nothing, nobody reads it',
    uncalled: '→ nothing, nobody calls it',
  },
  details: 'The chosen row',
  choose: 'Choose a row to see all that is known of it, and its part in every panel.',
  column: 'Value',
  factName: (key: FactKey) => FACTS[key],
  fact: (key: FactKey, text: string) => (FACTS[key] === '' ? text : `${FACTS[key]} ${text}`),
  was: (before: string, now: string) => (before === '' ? `+ ${now}` : now === '' ? `− ${before}` : `${before} → ${now}`),
  refused: 'The compiler went no further',
  fork: 'The program was edited by hand; the passes are those of the compiled one.',
  stale: 'The passes of the program before',
  loops: {
    label: 'Estimated cost by loop strategy',
    columns: {
      strategy: 'Strategy',
      fits: 'Fits',
      processed: 'Processed',
      insns: 'Operations',
      executed: 'Executed',
      callbacks: 'Callbacks',
      time: 'Time',
    },
    estimating: 'estimating',
    chosen: 'chosen',
    pinned: 'chosen by you',
    yes: '✓ fits the verifier’s budget',
    no: '✕ over the verifier’s budget',
    note: (auto: boolean) =>
      auto
        ? 'Estimates. The usual strategy is taken where it fits the verifier’s budget, else the fastest that fits. The Loops panel compiles and measures all of them.'
        : 'Estimates. The strategy is pinned. The Loops panel compiles and measures all of them.',
    estimate: (ns: number) => `≈ ${micros(ns)}`,
    count,
  },
  code: {
    label: (name: string) => `Code of ${name}`,
    operations: 'IR',
    instructions: 'Bytecode',
    loading: 'loading the code',
    none: 'The code of this function is not in the program.',
    prologue: 'prologue',
    spill: 'spill',
    none1: 'no instruction of its own',
    functions: 'Functions',
  },
  tries: {
    title: 'What if',
    toggle: 'What if',
    toggleHint: 'Try another precision, other loops, another kernel or specialised weights before taking it (w)',
    scope: 'Precision of',
    all: 'all products',
    use: 'Use these',
    reset: 'Reset',
    same: 'Change something to see what it costs.',
    running: 'trying',
    columns: { figure: '', now: 'Now', tried: 'Tried', change: 'Change' },
    figures: {
      strategy: 'Loops',
      verdict: 'Verifier',
      insns: 'Instructions',
      processed: 'Processed',
      executed: 'Executed',
      time: 'Engine time',
      weights: 'Weights',
      error: 'Max |Δ|',
      agreement: 'Same class',
    },
    engineAbout:
      'One run in this browser’s WebAssembly engine; both programs run in turns on an event of the trace, and the best round of each counts. Not the kernel’s time.',
    executedAbout: 'Instructions of one event, on average',
    errorAbout: (events: number) => `Against ONNX Runtime on the first ${count(events)} events that the model sees`,
    accepted: '✓ accepted',
    rejected: '✕ rejected',
    refused: (why: string) => `Not possible: ${why}`,
    noTrace: 'Open a trace to see error and time.',
    none: '–',
    waiting: '…',
    count,
    bytes: (value: number) => `${count(value)} B`,
    micros,
    share: (value: number) => `${(100 * value).toFixed(2)} %`,
    real,
    change: (now: number, then: number, format: (value: number) => string) => signed(then - now, format),
    relative: (now: number, then: number) =>
      now === 0 ? '' : `${then >= now ? '+' : '−'}${Math.abs(100 * (then / now - 1)).toFixed(1)} %`,
    took: (ms: number) => `in ${ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`}`,
  },
} as const;

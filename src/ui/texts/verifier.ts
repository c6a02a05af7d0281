/** Texts of the Verifier panel. */
const count = (value: number): string => Math.round(value).toLocaleString('en');

export const verifier = {
  title: 'Verifier',
  about: 'Verdict, reasons, states and the budget by node',
  empty: {
    title: 'Nothing to verify yet.',
    text: 'Here stands whether the kernel would load the program, why not, and how much of the verifier’s budget each operator takes.',
  },
  views: 'Verifier views',
  tabs: { why: 'Why', budget: 'Budget', state: 'State at cursor', log: 'Log' },
  /** The same, of a log that is open. */
  logTabs: { why: 'What the log says', budget: '', state: 'State at line', log: 'Log' },
  accepted: '✓ accepted',
  rejected: '✕ rejected',
  unknown: '● no verdict',
  fromLog: ' · from the log',
  mark: '✕',
  of: (label: string) => ` · ${label}`,
  fromLogAbout: 'Read from the log that is open, not computed here',
  insn: (insn: number) => `insn ${count(insn)}`,
  processed: (limit: number) => `of ${count(limit)} instructions processed`,
  budget: 'Share of the verifier’s budget',
  stackDepth: (depth: string) => `stack depth ${depth}`,
  states: (total: number, peak: number) => `${count(total)} ${total === 1 ? 'state' : 'states'}, peak ${count(peak)}`,
  frame: (bytes: number) => `largest frame ${count(bytes)} B`,
  kernel: (kernel: string) => `kernel ${kernel}`,
  /** Some kernels could not be asked: their rules come from their sources. */
  uncheckedKernel: (kernel: string) => `kernel ${kernel}, whose rules were not checked against a real one`,
  usec: (usec: number) => `verified in ${usec < 1000 ? `${usec} µs` : `${count(usec / 1000)} ms`} there`,
  insnLines: (lines: number) => `${count(lines)} lines show instructions`,
  commands: {
    why: 'Verifier: why',
    next: 'Verifier: next step of the story',
    previous: 'Verifier: previous step of the story',
    budget: 'Verifier: budget',
    state: 'Verifier: state at the cursor',
    log: 'Verifier: log',
    side: 'Verifier: state before or after',
    nextVisit: 'Verifier: next visit of this instruction',
    previousVisit: 'Verifier: visit before of this instruction',
    forward: 'Verifier: one instruction forward on the path',
    back: 'Verifier: one instruction back on the path',
  },
};

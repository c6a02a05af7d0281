const count = (value: number, one: string, many = `${one}s`): string => `${value.toLocaleString('en')} ${value === 1 ? one : many}`;

/** Texts of the panel that compares codes. */
export const codes = {
  emptyTitle: 'Two programs side by side',
  empty:
    'Drop an object here, such as what native clang makes of the C that is open. Functions are paired by name, instructions by source line and content; both are verified.',
  add: 'Add an object …',
  addLabel: 'Add an object or assembly to compare with',
  left: 'Program at the left',
  right: 'Program at the right',
  open: (name: string) => `${name} (open here)`,
  ofFile: (name: string, file: string) => `${name} · ${file}`,
  choose: 'choose a program',
  swap: 'Swap the two sides',
  comparing: 'Comparing the programs',
  reading: (file: string) => `Reading ${file}`,
  accepted: 'accepted',
  rejected: (insn: number | null, message: string) => `${insn === null ? '' : `insn ${insn}: `}${message}`,
  figures: {
    program: 'Program',
    verdict: 'Verdict',
    insns: 'Instructions',
    processed: 'Processed',
    frame: 'Frame, bytes',
    functions: 'Functions',
  },
  change: (a: number, b: number) =>
    a === b ? 'equal' : `${b > a ? '+' : '−'}${Math.abs(b - a).toLocaleString('en')}${a > 0 ? ` (${(b / a).toFixed(2)} ×)` : ''}`,
  table: 'Verdicts and counts of both programs',
  difference: 'Difference',
  list: 'Instructions of both programs',
  kinds: ['the same', 'other registers', 'another operation', 'only at the left', 'only at the right'],
  same: 'The programs are the same.',
  summary: (differing: number, registers: number) =>
    differing + registers === 0
      ? 'no difference'
      : [differing > 0 ? count(differing, 'difference') : '', registers > 0 ? `${count(registers, 'row')} with other registers` : '']
          .filter(Boolean)
          .join(' · '),
  func: (a: string | null, b: string | null) => (a === b || b === null ? (a ?? '') : a === null ? b : `${a} / ${b}`),
  funcAbout: (a: number, b: number, differing: number, registers: number) =>
    `${a === b ? count(a, 'instruction') : `${a.toLocaleString('en')} against ${count(b, 'instruction')}`} · ${codes.summary(differing, registers)}`,
  aloneLeft: 'only at the left',
  aloneRight: 'only at the right',
  next: 'Next difference',
  previous: 'Previous difference',
} as const;

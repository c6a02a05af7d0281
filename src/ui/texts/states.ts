const count = (value: number): string => Math.round(value).toLocaleString('en');

/** Texts of the state at the cursor. */
export const states = {
  mark: '●',
  before: (insn: number) => `before ${insn}: `,
  bits: 'Bits',
  unreached: 'The verifier never reached this instruction.',
  register: 'Register',
  state: 'State',
  range: 'Range',
  changed: 'changed',
  changedSince: { insn: 'changed since the instruction before', visit: 'changed since the visit before' },
  visit: (at: number, of: number) => `visit ${count(at + 1)} of ${count(of)}`,
  visits: 'Visits of this instruction',
  earlier: 'The visit before',
  later: 'The visit after',
  last: 'The last visit',
  kept: (kept: number) => `the first ${count(kept)} and the last are kept`,
  comparedWith: { insn: 'against the instruction before', visit: 'against the visit before' },
} as const;

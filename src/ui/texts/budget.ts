/** Texts of the budget: what the verifier's million goes to. */
const count = (value: number): string => Math.round(value).toLocaleString('en');
const percent = (part: number): string => (part > 0 && part < 0.001 ? '< 0.1 %' : `${(part * 100).toFixed(1)} %`);

export const budget = {
  label: 'Budget',
  views: 'How the budget is drawn',
  view: { flame: 'Flame', treemap: 'Treemap', bars: 'Bars' },
  group: 'Group by',
  groups: { node: 'Node', function: 'Function', line: 'Line' },
  size: 'Size by',
  sizes: { processed: 'Processed', states: 'States kept', insns: 'Instructions' },
  words: { hand: 'hand-written or unknown', noLine: 'no source line', pruned: 'known states found' },
  whole: 'whole program',
  path: 'Where in the budget',
  insns: (from: number, to: number) => (to - from === 1 ? `insn ${from}` : `insns ${from}–${to - 1}`),
  free: (used: number, limit: number) => `${count(Math.max(0, limit - used))} of ${count(limit)} free`,
  usedAll: (limit: number) => `All ${count(limit)} used: the verifier gave up here`,
  unit: { processed: 'processed', states: 'states', insns: 'insns' },
  value: (value: number, unit: string) => `${count(value)} ${unit}`,
  share: (part: number) => percent(part),
  figures: (item: { processed: number; states: number; insns: number }, hasStates: boolean) =>
    `${count(item.processed)} processed${hasStates ? `, ${count(item.states)} states` : ''}, ${count(item.insns)} instructions`,
  perInsn: (times: number) => `${times < 10 ? times.toFixed(1) : count(times)} × each`,
  shared: 'Instructions that serve several nodes count for each by an even share.',
  prunedAbout: 'Arrivals at a state that was known already. The kernel counts them; nothing is looked at there.',
  none: 'Nothing here takes any.',
  help: 'Arrow keys move, Enter opens a part, Backspace goes back.',
  row: (label: string, value: number, unit: string, share: number) => `${label}, ${count(value)} ${unit}, ${percent(share)}`,
} as const;

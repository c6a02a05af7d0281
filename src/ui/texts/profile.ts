const count = (value: number): string => Math.round(value).toLocaleString('en');
const share = (value: number): string => `${(value * 100).toFixed(value < 0.0995 ? 1 : 0)} %`;

/** Texts of the Profile panel, which load with it. */
export const profile = {
  event: 'This event',
  trace: 'Whole trace',
  eventAbout: 'Count what the selected event executes (E)',
  traceAbout: 'Count what every event of the trace executes (A)',
  working: 'counting',
  emptyTitle: 'Nothing is counted yet.',
  empty:
    'Count one event or the whole trace: then executed instructions stand here by operator, function, line and loop, with the branches that never went one way, and heat in the listing.',
  stale: 'This profile is of the program before the last change.',
  summary: (events: number, executed: number) => (events === 1 ? `${count(executed)} instructions` : `${count(events)} events`),
  facts: (events: number, from: number, executed: number) =>
    events === 1
      ? `${count(executed)} instructions executed${from < 0 ? '' : ` by event ${count(from + 1)}`}.`
      : `${count(executed)} instructions executed by ${count(events)} events, ${count(executed / events)} each.`,
  faults: (n: number) => `▲ ${count(n)} of them ended in a fault.`,
  time: (ns: string, runs: number, engine: 'wasm' | 'interp') =>
    `Time: ${ns} an event, measured over ${count(runs)} runs ${engine === 'wasm' ? 'in WebAssembly' : 'in the interpreter'}. Times of parts are apportioned by executed instructions, not measured.`,
  noTime: 'No time was measured.',
  growing: 'Counting goes on.',
  divided: (n: number) => `${share(n)} of the instructions serve several operators at once and are divided evenly among them.`,
  views: 'By what',
  tabs: { nodes: 'Operators', functions: 'Functions', lines: 'Lines', loops: 'Loops', branches: 'Branches' },
  name: 'Name',
  executed: 'Executed',
  share: 'Share',
  timeHead: 'Time, apportioned',
  calls: 'Calls',
  entries: 'Entries',
  iterations: 'Rounds',
  perEntry: 'Rounds an entry',
  taken: 'Jumped',
  fell: 'Went on',
  unclaimed: 'hand-written or unknown',
  loop: (name: string, from: number, to: number) => `${name}: insns ${count(from)} to ${count(to)}`,
  branch: (insn: number) => `insn ${count(insn)}`,
  coverage: (both: number, one: number, never: number) =>
    `${count(both)} branches went both ways, ${count(one)} only one way, ${count(never)} were never reached.`,
  onlyOne: 'Only those that went one way',
  number: count,
  percent: share,
  listing: 'Heat in the listing (H)',
  csv: 'CSV',
  json: 'JSON',
  exportAs: (kind: string) => `Save the profile as ${kind}`,
  noLoops: 'No loop ran.',
  noLines: 'The program carries no lines of source.',
} as const;

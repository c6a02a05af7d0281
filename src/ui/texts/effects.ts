const count = (value: number): string => value.toLocaleString('en');

/** Texts of the Effects panel. */
export const effects = {
  record: 'Record',
  again: 'Record again',
  recordAbout: 'Run the whole trace once more and note what the program does beside deciding',
  working: 'recording',
  summary: (events: number) => `over ${count(events)} packets`,
  empty: {
    title: 'Nothing is recorded yet.',
    text: 'A program may rewrite packets, send them back or elsewhere, write to ring buffers and keep maps. Record a trace, and all of it stands here, packet by packet.',
    needs: 'It takes a capture and a program that the verifier accepts.',
  },
  views: { sent: 'Packets', messages: 'Messages', maps: 'Maps', cost: 'Cost' },
  count: (value: number) => count(Math.round(value)),
  cost: {
    caption: 'What an event costs in this engine, by verdict',
    verdict: 'verdict',
    events: 'events',
    insns: ['insns p50', 'insns p99', 'insns max'],
    times: ['ns p50', 'ns p99'],
    timed: 'timed',
    note: (runMs: number, stepMs: number) =>
      `Instructions are counted exactly, of every event. Times are of WebAssembly in this browser, not of a kernel: of each verdict up to 100 events, from the cheapest to the dearest, each run again and again for ${runMs} ms, the best of three times, on the maps as they are at the end, because the clock of the browser goes in steps of ${stepMs < 0.01 ? stepMs.toPrecision(1) : stepMs.toFixed(2)} ms.`,
  },
  counted: (name: string, n: number) => `${name} ${count(n)}`,
  noSent: 'No packet was rewritten, sent back or redirected.',
  noMessages: 'Nothing was printed, and nothing written to a ring buffer or perf events.',
  noMaps: 'The program has no map of small values.',
  save: 'Save as pcap',
  sentList: 'Packets that were sent on',
  messageList: 'Messages to user space',
  left: (n: number) => `${count(n)} more are not kept`,
  packet: (event: number) => `packet ${count(event + 1)}`,
  bytes: (n: number) => `${count(n)} B`,
  rewritten: 'rewritten',
  metadata: (n: number) => `+ ${n} B metadata`,
  after: 'After packet',
  afterIs: (events: number) => count(events),
  entries: (name: string, n: number, left: number) =>
    left > 0 ? `${name}, ${count(n)} of ${count(n + left)} entries` : `${name}, ${count(n)} ${n === 1 ? 'entry' : 'entries'}`,
  key: 'key',
  value: 'value',
  number: 'as one integer',
  changed: '● changed',
  fresh: '● new',
  noEntries: 'no entries',
};

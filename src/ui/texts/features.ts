/** Texts of the Features panel. */
export const features = {
  summary: (packet: number, numbers: string) => `packet ${packet + 1} · ${numbers} numbers`,
  working: 'counting for flows',
  columns: { name: 'number of the input', value: 'integer', program: 'program', number: 'model', says: 'what it is' },
  list: 'Features of the packet',
  row: (name: string, value: string, program: string) => `${name}: ${value}, in the program ${program}`,
  filter: 'Find a feature',
  equal: (packets: string, numbers: string) => `✓ equal to the program’s map in all ${numbers} numbers of the first ${packets} packets`,
  differ: (count: string, packets: string) => `✕ ${count} numbers of the first ${packets} packets differ from the program’s map`,
  noLayer: (packet: number, verdict: string) =>
    `Packet ${packet + 1} has no such layer: the model does not run, and the verdict is ${verdict}.`,
  empty: {
    title: 'The binding takes no features.',
    text: 'With an input of kind fields, flow, sequence or concat, the numbers of the selected packet stand here. The sample flows has such a binding, and Binding in the Trace panel writes one.',
    trace: 'Open a capture: features are of packets.',
    program: 'They appear when the program is compiled.',
  },
} as const;

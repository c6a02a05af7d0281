/** Texts of the Numbers panel: precision, scales, accuracy by node, and new weights. */
const count = (value: number): string => Math.round(value).toLocaleString('en');
const real = (value: number): string => (value === 0 ? '0' : value.toPrecision(3));

export const numbers = {
  empty: {
    title: 'No model yet.',
    text: 'Here the precision of a model is chosen, by hand or by a search, and the error of every node is measured against ONNX Runtime.',
  },
  precision: {
    title: 'Precision',
    all: 'All products',
    scales: 'Scales by',
    percent: 'Percentile',
    names: {
      w16a16: 'w16a16',
      w8a16: 'w8a16',
      w8a8: 'w8a8',
      w4a16: 'w4a16',
      w2a16: 'w2a16, ternary',
      w2a8: 'w2a8, ternary',
      w1a16: 'w1a16, binary',
      w1a8: 'w1a8, binary',
    },
    methods: { minmax: 'largest magnitude', percentile: 'percentile', mse: 'least square error' },
    as: (base: string) => `as all (${base})`,
    own: (node: string) => `Precision of ${node}`,
    products: 'By product, largest first',
    clear: 'All the same',
  },
  accuracy: {
    title: 'Error by node',
    measure: 'Measure',
    again: 'Measure again',
    measuring: 'comparing values',
    about: (events: number) =>
      `Over ${count(events)} ${events === 1 ? 'event' : 'events'} of the trace, against ONNX Runtime’s values. Nodes that became part of a neighbour’s kernel have none.`,
    needs: 'Open a trace: the values of its events are compared.',
    columns: { node: 'Node', max: 'Max |Δ|', mean: 'Mean |Δ|', sqnr: 'SQNR', saturated: 'Saturated', used: 'Range used' },
    sqnrAbout: 'Signal to quantisation noise: higher is better. 6 dB are one bit',
    db: (value: number) => (Number.isFinite(value) ? `${value.toFixed(1)} dB` : 'exact'),
    saturated: (part: number, of: number) => (part === 0 ? '0' : `▲ ${count(part)} of ${count(of)}`),
    real,
    percent: (share: number) => `${Math.round(share * 100)} %`,
  },
  search: {
    title: 'Cheapest precision that agrees',
    least: 'Agreement, at least',
    unit: '%',
    cost: 'Spare',
    costs: { insns: 'instructions', bytes: 'bytes of weights' },
    start: 'Search',
    searching: 'trying precisions',
    bad: 'Give a percentage from 0 to 100',
    columns: { quant: 'Precision', agreement: 'Agreement', insns: 'Insns an event', bytes: 'Weights' },
    kept: 'kept',
    dropped: 'tried',
    found: (quant: string) => `Cheapest: ${quant}`,
    unmet: 'No precision agrees so often. The finest one is offered.',
    apply: 'Use',
    agreement: (share: number) => `${(share * 100).toFixed(2)} %`,
    count,
    bytes: (value: number) => `${count(value)} B`,
  },
  swap: {
    title: 'New weights while it runs',
    about:
      'Another training of the same model replaces the weights from one event on, as a loader does in the kernel. ONNX Runtime runs the new model from there too.',
    from: 'From event',
    choose: 'Choose a model…',
    judging: 'ONNX Runtime still scores the trace',
    putting: 'putting in new weights',
    back: 'Old weights again',
    done: (name: string, from: number, changed: number, of: number) =>
      `${name} decides from event ${count(from)} on: ${count(changed)} of ${count(of)} verdicts changed`,
  },
} as const;

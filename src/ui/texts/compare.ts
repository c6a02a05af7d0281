const count = (value: number): string => Math.round(value).toLocaleString('en');

/** Texts of the Compare panel. */
export const compare = {
  title: 'Compare',
  about: 'Agreement with ONNX Runtime, event by event',
  with: 'with ONNX Runtime',
  summary: (events: number, of: number) =>
    events === of ? `with ONNX Runtime on ${count(events)} events` : `with ONNX Runtime on ${count(events)} of ${count(of)} events`,
  swapped: (name: string, from: number) => ({ what: `From event ${count(from)} on both sides run ${name}`, where: '', advice: '' }),
  loading: 'loading ONNX Runtime',
  generated: {
    what: 'The scales come from generated inputs, so accuracy on real traffic may be lower',
    where: '',
    advice: 'Calibrate on a trace in the binding form',
  },
  empty: {
    unmeasured: 'Accuracy is unmeasured.',
    nothing: 'Nothing to compare yet.',
    waiting: 'Scores of ONNX Runtime on the same events will stand here beside those of the program.',
    foreign: 'ONNX Runtime runs models, and this program is none. A/B sets it beside another program.',
    needs:
      'Open a capture (.pcap) or tensors (.npy): the program and ONNX Runtime then score the same events, and what they disagree about stands here.',
  },
  views: { agreement: 'Agreement', detection: 'Detection', errors: 'Errors', tensors: 'Tensors', ab: 'A/B', runs: 'Runs' },
  viewsAbout: {
    agreement: 'How often program and ONNX Runtime decide alike',
    detection: 'Precision, recall and cost of every threshold, against the labels',
    errors: 'How large the differences are, where in the trace, and which events are worst',
    tensors: 'Where between the operators program and ONNX Runtime part, over many events',
    ab: 'Two programs on this trace, event by event',
    runs: 'Replays of late with their settings and figures, and what accuracy costs',
  },
  agreement: 'agreement',
  share: (share: number) => `${(share * 100).toFixed(2)} %`,
  leftOut: (points: string) => `${points} more that agree have no point in the picture.`,
  allAgree: 'no event differs',
  differ: (events: number, of: number) => `${count(events)} of ${count(of)} differ`,
  maxError: (tensors: boolean) => `max |Δ| ${tensors ? 'output' : 'score'}`,
  notKept: 'too many outputs to keep of every event',
  mean: (mean: number) => `mean ${mean.toFixed(4)}`,
  outputs: (most: number) => `outputs ${most.toFixed(4)}`,
  near: (tensors: boolean) => (tensors ? 'near ties' : 'near threshold'),
  within: (margin: number, differ: number) => `within ${margin}, ${count(differ)} differ`,
  labels: 'Against the labels',
  class: 'class',
  events: 'events',
  program: 'program',
  reference: 'reference',
  confusion: 'Reference ↓ program →',
  agreed: 'agreed',
  part: (part: number, of: number) => (of === 0 ? '–' : `${((part / of) * 100).toFixed(1)} %`),
  axis: 'ONNX Runtime',
  scatter: (points: number, quantity: string, differ: number) =>
    `Scatter of ${points} ${quantity}, program against ONNX Runtime; ${differ} lie on events where they decide differently`,
  scatterQuantity: { score: 'scores', output: 'outputs' },
};

const count = (value: number): string => Math.round(value).toLocaleString('en');

/** Texts of the view Tensors of the Compare panel. */
export const errorMap = {
  needs: {
    title: 'There is nothing to measure yet.',
    foreign: 'Where this program keeps its tensors is known only of programs that were compiled here from a model.',
    waiting: 'The program and ONNX Runtime must have run the whole trace first.',
  },
  which: 'Events to look at',
  whichIs: { spaced: 'Along the trace', farthest: 'Largest differences' },
  most: 'events',
  measure: 'Measure',
  again: 'Measure again',
  working: 'reading tensors on both sides',
  quantity: 'What the colour means',
  quantities: { error: 'Error', own: 'Added by the step' },
  quantitiesAbout: {
    error: 'Largest difference of each tensor, relative to its range',
    own: 'What the step that makes the tensor adds, from the program’s own inputs',
  },
  stale: { what: 'This was measured on another program or trace', where: '', advice: 'Measure again' },
  edits: { what: 'Packets are measured as they came: edits are left out', where: '', advice: '' },
  stopped: { what: 'Measuring was stopped', where: '', advice: 'What was measured until then stands here' },
  none: { title: 'No event of the trace reaches the model.', text: 'The program decides all of them before it.' },
  allNear: (tensors: number, events: number, limit: string) =>
    `None of ${count(tensors)} tensors parts from ONNX Runtime by more than ${limit} of its range, in ${count(events)} events.`,
  first: (op: string, events: number, of: number) => `First to part: ${op}, in ${count(events)} of ${count(of)} events.`,
  adds: (op: string, events: number) => ` Most is added by ${op}, in ${count(events)}.`,
  worst: (op: string, percent: string, event: number, source: string | null) =>
    ` Worst: ${op}, ${percent} at event ${count(event + 1)}${source === null ? '' : source === op ? ', most of it its own' : `, most of it brought in by ${source}`}.`,
  map: (tensors: number, events: number) => `Error of ${count(tensors)} tensors at ${count(events)} events; arrow keys move`,
  cell: (tensor: string, event: number, error: string, own: string) =>
    `${tensor} at event ${count(event + 1)}: error ${error}, of which its step adds ${own}`,
  unknown: 'not known',
  nothing: 'Click a cell, or move with the arrow keys. Enter shows the tensor.',
  show: 'Show its tensors',
  legend: (low: string, high: string) => `${low} to ${high} of the range, logarithmic`,
  table: 'By tensor',
  heads: { tensor: 'tensor', worst: 'worst', at: 'at event', over: 'parts in', first: 'first in', adds: 'adds most in' },
  about: {
    worst: 'Largest error relative to the tensor’s range',
    over: 'Events at which it parts from ONNX Runtime',
    first: 'Events at which it is the first tensor that parts',
    adds: 'Events at which its step adds more than any other',
  },
  event: (at: number) => count(at + 1),
  atEvent: (at: number) => `event ${count(at + 1)}`,
  count,
};

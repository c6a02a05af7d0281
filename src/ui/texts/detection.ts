const count = (value: number): string => Math.round(value).toLocaleString('en');
/** A cost may be a fraction where a mistake's is. */
const cost = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 2 });
const percent = (share: number | null): string => (share === null ? '–' : `${(share * 100).toFixed(2)} %`);

/** Texts of the views Detection and Errors of the Compare panel. */
export const detection = {
  noLabels: {
    title: 'This trace has no labels.',
    text: 'With a class for every event, precision, recall and the cost of each threshold stand here.',
    files: 'An .npy of whole numbers, a text with one a line, or JSON with packets that have a label each.',
    open: 'Open labels',
  },
  noScores: 'The outputs of this model are not kept for every event, so there is no score to draw a curve of.',
  class: 'Class to detect',
  className: (at: number) => `class ${at}`,
  events: (positives: number, negatives: number) => `${count(positives)} events of the class, ${count(negatives)} others`,
  curve: (area: string, reference: string) =>
    `Share of the class that is found against share of the others that is flagged. Area under the curve: program ${area}, ONNX Runtime ${reference}`,
  found: 'found',
  flagged: 'others flagged',
  area: (value: number | null) => (value === null ? '–' : value.toFixed(4)),
  threshold: 'Threshold',
  thresholdIs: (value: number) => value.toFixed(4),
  lead: 'Lead over the best other output',
  take: 'Put it into the binding',
  taken: 'The binding has this threshold',
  side: { program: 'program', reference: 'ONNX Runtime' },
  heads: {
    precision: 'precision',
    recall: 'recall',
    f1: 'F1',
    alarms: 'false alarms',
    misses: 'missed',
    cost: 'cost',
    area: 'area under the curve',
  },
  counts: 'at this threshold',
  percent,
  count,
  costs: 'Cost of a mistake',
  alarmCost: 'False alarm',
  missCost: 'Missed',
  cost,
  cheapest: (threshold: string, least: number) => `Least cost ${cost(least)} at ${threshold}`,
  cheapestNone: (least: number) => `Least cost ${cost(least)}: to flag no event`,
  goCheapest: 'Go there',
  costAxis: (threshold: number) => threshold.toLocaleString('en', { maximumFractionDigits: 2 }),
  costCurve: (low: number, high: number) => `Cost by threshold, from ${cost(low)} to ${cost(high)}`,
  spread: 'Events by the size of their difference |Δ|',
  spreadBin: (from: string, to: string, events: number) => `${from} to ${to}: ${count(events)}`,
  spreadLabel: (values: number, none: number) => `Distribution of ${count(values)} differences; ${count(none)} smaller than the first bin`,
  none: (low: string, events: number, most: number) => `${count(most)} in the highest bar, ${count(events)} below ${low}`,
  time: 'Events that differ, along the trace',
  eventIs: (at: number) => `event ${count(at + 1)}`,
  timeLabel: (stretches: number, differ: number) => `${count(stretches)} stretches of the trace; ${count(differ)} hold events that differ`,
  stretch: (from: number, to: number, differ: number) =>
    `events ${count(from + 1)} to ${count(to)}: ${differ === 0 ? 'all agree' : `${count(differ)} differ`}`,
  worst: 'Largest differences',
  worstHeads: { event: 'event', program: 'program', reference: 'ONNX Runtime', error: '|Δ|', agrees: 'decides' },
  agrees: (yes: boolean) => (yes ? 'alike' : '✕ otherwise'),
  tensors: 'Show its tensors',
  allEqual: 'No event differs by any amount.',
};

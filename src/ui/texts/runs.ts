/** Texts of the view Runs of the Compare panel. */
export const runs = {
  none: {
    title: 'No run is noted yet.',
    text: 'Each replay that is complete on both sides is noted here with its settings and figures. Change the precision, the loops or the binding, and compare.',
  },
  caption: 'Runs, latest first',
  settings: 'settings',
  figures: {
    agreement: 'agrees',
    maxError: 'max |Δ|',
    precision: 'precision',
    recall: 'recall',
    insns: 'insns',
    processed: 'processed',
    ns: 'ns an event',
  },
  figuresAbout: {
    agreement: 'Share of events that program and ONNX Runtime decide alike',
    maxError: 'Largest difference of a score, or of an output where there is none',
    precision: 'Against the labels',
    recall: 'Against the labels',
    insns: 'Instructions of the program',
    processed: 'Instructions that the verifier processed',
    ns: 'Time of the program in the engine of this browser, with what else ran beside it',
  },
  worse: '▲ ',
  of: (precision: string, loops: string, kernel: string) => {
    const [base, ...own] = precision.split(',');
    return `${base}${own.length > 0 ? ` +${own.length}` : ''} · ${loops} · ${kernel}`;
  },
  choice: (name: string | undefined, model: string, settings: string, at: number) =>
    `${name ?? `${model} · ${settings}`} · ${new Date(at).toLocaleString('en', { hour12: false, dateStyle: 'short', timeStyle: 'short' })}`,
  title: (model: string, trace: string, events: number, settings: string) =>
    `${settings}\n${model} on ${trace}, ${events.toLocaleString('en')} events`,
  pin: 'Make it the baseline',
  unpin: 'No baseline',
  pinAbout: 'The other runs then tell how they differ from this one',
  baseline: '● baseline',
  take: 'Take settings',
  takeAbout: 'Make its settings and binding those of the project',
  otherFile: 'It is of another model or trace than the open ones',
  html: 'Save as HTML',
  htmlAbout: 'A report as one page, beside the baseline',
  json: 'Save as JSON',
  jsonAbout: 'The run as JSON; `replay --baseline` takes it',
  forget: 'Forget',
  fileName: (model: string, at: number, kind: string) =>
    `${model.replace(/\.onnx$/, '')}-${new Date(at).toISOString().slice(0, 19).replaceAll(':', '')}.${kind}`,
  pareto: 'What accuracy costs',
  across: 'Across',
  up: 'Up',
  ups: { maxError: 'largest difference', disagreement: 'share that differs', misses: 'share that is missed' },
  acrosses: { insns: 'instructions', processed: 'processed', ns: 'ns an event' },
  paretoLabel: (runs: number, front: number) => `${runs} runs, of which no other beats ${front}`,
  point: (settings: string, x: string, y: string) => `${settings}: ${x}, ${y}`,
  few: 'Two runs of this model and trace make a picture.',
};

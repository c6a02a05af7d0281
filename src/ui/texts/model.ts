/** Texts of the Model panel. */
export const model = {
  title: 'Model',
  about: 'The ONNX graph, its groups, tensors and weights',
};

/** Texts of the graph. */
export const graph = {
  name: (operators: number) => `Model graph, ${operators} operators`,
  tools: 'Tools of the graph',
  crumbs: 'Groups around the selected operator',
  foldUp: 'Fold up (C folds the innermost)',
  layingOut: 'laying out the graph',
  layingOutShort: 'laying out',
  layoutFailed: (why: string) => `The graph could not be laid out: ${why}`,
  layoutAdvice: 'The list shows the same operators',
};

/** What the graph can show on every operator. */
export const overlays = {
  chooser: 'Overlay',
  chooserHint: 'What colours the operators (O for the next)',
  none: 'No overlay',
  next: 'Next overlay of the graph',
  choose: (title: string) => `Overlay: ${title.toLowerCase()}`,
  without: (title: string, missing: string) => `${title} (${missing})`,
  instructions: {
    title: 'Instructions',
    unit: 'instructions',
    about: 'Instructions that serve each operator; one that several share counts for each of them',
    missing: 'once compiled',
  },
  processed: {
    title: 'Processed',
    unit: 'processed',
    about: 'What the verifier processes for each operator; visits of a shared instruction are divided evenly',
    missing: 'once verified',
  },
  bytes: {
    title: 'Output bytes',
    unit: '',
    about: "Bytes of each operator's output in the ONNX file's types",
    missing: 'no model',
  },
  weights: {
    title: 'Weight bytes',
    unit: 'of weights',
    about: "Bytes of each operator's weights in the ONNX file's types",
    missing: 'no model',
  },
  foldSum: 'folded groups: sum',
  foldMax: 'folded groups: largest',
  log: 'logarithmic',
  legend: (title: string) => `Legend of heat: ${title.toLowerCase()}`,
  absent: (title: string, missing: string) => `${title}: ${missing}`,
};

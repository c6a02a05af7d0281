/** Texts of the Model panel. */
export const model = {
  title: 'Model',
  about: 'The ONNX graph, its groups, tensors and weights',
  summary: (operators: string, parameters: string, opset: number) => `${operators} operators · ${parameters} parameters · opset ${opset}`,
  views: 'View of the model',
  graph: 'Graph',
  list: 'List',
  families: 'Colours of operator families',
  empty: {
    title: 'No model is open.',
    text: 'The operators of an ONNX model appear here with their shapes and what each costs in instructions. Open an .onnx file, or drop one anywhere.',
  },
};

/** Texts of the form for open dimensions. */
export const dims = {
  why: 'This model leaves dimensions open. A program in the kernel needs each as a number.',
  open: 'Open with these',
};

/** Texts of the list of operators. */
export const list = {
  title: 'Operators of the model',
  row: (name: string, op: string, shape: string, insns: number) => `${name}, ${op}, ${shape}, ${insns} instructions`,
};

/** Texts of the area below the graph. */
export const details = {
  title: 'Details of what is selected in the model',
  size: 'Size of the details',
  insns: (count: string) => `${count} instructions`,
  domain: 'domain',
  inputs: 'Inputs',
  weights: 'Weights',
  outputs: 'Outputs',
  folded: 'folded away',
  range: (min: string, max: string) => `calibrated ${min} … ${max}`,
  kinds: { input: 'Input', weight: 'Weights', value: 'Tensor' },
  shape: 'shape',
  bytes: 'bytes',
  inTheFile: "in the file's type",
  integers: 'integers',
  holds: 'holds',
  calibrated: 'calibrated',
  madeBy: 'Made by',
  readBy: 'Read by',
};

/** Texts about weights. */
export const weights = {
  title: 'Contents of the weights',
  choose: 'Initializer',
  reading: 'reading weights',
  map: (name: string, rows: number, columns: number) => `Entries of ${name}, ${rows} rows, ${columns} columns`,
  howToRead: 'Point at an entry, or use the arrow keys; Enter selects its row',
  selected: (name: string, row: number) => `Row ${row} of ${name} selected`,
  shared: (rows: number, columns: number) =>
    `Each cell shows the entry of largest magnitude among ${rows} × ${columns}; the cursor reads single entries.`,
  notFinite: (count: number) => `▲ ${count.toLocaleString('en')} entries are no finite numbers.`,
  stats: (count: string, min: string, max: string, mean: string, std: string) =>
    `${count} entries · ${min} … ${max} · mean ${mean} · sd ${std}`,
  bin: (count: string, from: string, to: string) => `${count} from ${from} to ${to}`,
  logScale: 'logarithmic counts',
};

/** Texts of the comparison of two models, and of exports. */
export const compare = {
  start: 'Compare with another model…',
  leave: 'Leave the comparison',
  next: 'Next difference',
  before: 'Difference before',
  title: (other: string) => `Compared with ${other}`,
  list: 'Differences between the two models',
  none: 'No node differs.',
  running: 'comparing the models',
  sides: 'Model on show',
  open: 'open',
  other: 'other',
  graphOf: (file: string, operators: number) => `Other model graph, ${file}, ${operators} operators`,
  states: { added: 'added', removed: 'removed', changed: 'changed', same: 'same' },
  spoken: (state: string, count: number) => (count === 1 ? state : `${state}, ${count} operators differ`),
  counts: (same: string) => `${same} same`,
  renamed: (before: string, after: string) => `renamed from ${before} to ${after}`,
  kinds: { attribute: 'attribute', output: 'output', weights: 'weights', inputs: 'reads' },
  contents: 'other contents',
  absent: 'none',
  onlyIn: { added: 'only in the other model', removed: 'only in the open model' },
  weightsDiffer: 'weights differ',
  opening: (file: string) => `Comparing with ${file}`,
};

export const exports = {
  svg: 'Export the graph as SVG',
  png: 'Export the graph as PNG…',
  pngTitle: 'Export the graph as PNG',
  scale: 'Scale',
  size: (width: string, height: string) => `${width} × ${height} pixels`,
  tooLarge: (side: string) => `too large: browsers draw up to ${side} pixels a side`,
  hint: (scale: string) =>
    `The largest scale that fits this graph is ${scale}. Fold groups to make the picture smaller, or export SVG, which has no limit.`,
  write: 'Export',
  cancel: 'Cancel',
  done: (file: string, bytes: string) => `${file} written, ${bytes} bytes`,
  failed: 'Exporting the graph',
  refused: 'The browser could not make a picture of this size',
  refusedAdvice: 'Choose a smaller scale, fold groups, or export SVG',
  writing: 'writing the graph',
};

/** Texts of the graph. */
export const graph = {
  name: (operators: number) => `Model graph, ${operators} operators`,
  tools: 'Tools of the graph',
  crumbs: 'Groups around the selected operator',
  foldUp: 'Fold up (C folds the innermost)',
  keys: 'Arrows walk along tensors, Enter opens a group, C folds the innermost, T walks the tensors of the selected operator',
  openGroup: (label: string, operators: number) => `${label}, group of ${operators} operators, open`,
  openIt: (label: string) => `${label}: open`,
  range: (min: string, max: string) => `calibrated ${min} … ${max}`,
  moreTensors: (count: number) => `and ${count} more tensors`,
  tensors: (count: number) => `${count} tensors`,
  sizeUnknown: 'size not known',
  bytes: (count: string) => `${count} bytes`,
  walked: (role: string, name: string, facts: string) => `${role} ${name}, ${facts}`,
  input: 'Reads',
  output: 'Makes',
  find: 'Find in the graph',
  findHint: 'Operators by kind, name or shape (F)',
  findShort: 'Find…',
  noHits: 'none',
  found: (count: number) => `${count} found`,
  hit: (at: number, count: number) => `${at} of ${count}`,
  hitBefore: 'Hit before',
  hitNext: 'Next hit',
  paths: 'Trace paths',
  openAll: 'Open all groups',
  foldAll: 'Fold all groups',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  whole: 'Show the whole model',
  more: 'Export and compare',
  commands: {
    find: 'Find in the graph',
    paths: 'Trace what the selected operator reads and feeds',
    openAll: 'Open all groups of the graph',
    foldAll: 'Fold all groups of the graph',
    fold: 'Fold the innermost group around the selected operator',
    zoomIn: 'Zoom into the graph',
    zoomOut: 'Zoom out of the graph',
    whole: 'Show the whole graph',
    tensor: 'Next tensor of the selected operator',
    list: 'Graph or list of operators',
  },
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

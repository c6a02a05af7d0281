/** What the page knows of the Tensors panel before it loads. */
export const tensorsPanel = {
  title: 'Tensors',
  about: 'Every tensor of one event, in the program and in ONNX Runtime, and where they part',
  commands: {
    program: 'Tensors: show the program',
    reference: 'Tensors: show the reference',
    difference: 'Tensors: show the difference',
    zoomIn: 'Tensors: larger cells, with values',
    zoomOut: 'Tensors: smaller cells',
    first: 'Tensors: go to where the program first parts from the reference',
    source: 'Tensors: go to the operator that adds the most error by itself',
    worst: 'Tensors: go to the element with the largest difference',
  },
  overlay: {
    title: 'Error %',
    unit: '% of the tensor’s range',
    about: 'Largest difference from ONNX Runtime on the event at the cursor, relative to the range of the tensor',
    missing: 'needs a trace and a verified program',
  },
} as const;

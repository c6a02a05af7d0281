/** Texts of the panel Tensor files. */
export const tensorFiles = {
  pictures: {
    title: 'Pictures',
    empty: 'Drop PNG, JPEG, WebP, GIF or BMP files for a model of pictures: they become its inputs, as set here.',
    open: 'Open pictures',
    files: (count: number, first: string) => (count === 1 ? first : `${count} pictures, ${first} …`),
    taken: (width: number, height: number, channels: number, layout: string | null) =>
      `The model takes ${width} × ${height}, ${channels} ${channels === 1 ? 'channel' : 'channels'}${layout ? `, ${layout}` : ''}.`,
    sizes: (sizes: string) => `They came as ${sizes}.`,
    made: (shape: string, min: string, max: string) => `The trace is [${shape}], numbers from ${min} to ${max}.`,
    rule: 'number = (sample / 255 − mean) / deviation',
    mean: 'mean',
    std: 'deviation',
    list: 'One number, or one for each channel, with commas',
    resize: 'stretch to the size of the model',
    layout: 'layout',
    layouts: { auto: 'by the shape of the input', NCHW: 'NCHW: channels first', NHWC: 'NHWC: channels last' },
    apply: 'Apply',
    wrong: 'Numbers with commas between them; a deviation is not 0.',
    elsewhere: 'Another trace is open now. Apply opens the pictures again.',
  },
  recording: {
    title: 'Recordings',
    about:
      'What ONNX Runtime computes between the operators, event by event, as a file: to be opened again and compared, here, on the command line or in Python.',
    events: 'events from the selected one on',
    record: 'Record',
    format: 'as',
    working: 'recording',
    done: (events: number) => `${events} ${events === 1 ? 'event' : 'events'} recorded.`,
    needs: 'A model and a trace are needed.',
    open: 'Compare with a file',
    opened: (name: string, tensors: number, events: number) => `${name} · ${tensors} tensors of ${events} events`,
    notHeld: (event: number, held: string) => `Event ${event + 1} is not in it: it holds the events ${held}.`,
    waiting: 'The tensors of the selected event are being read.',
    columns: { name: 'tensor', reference: 'ONNX Runtime, max |Δ|', program: 'program, max |Δ|', range: 'recorded |max|' },
    list: 'Tensors against the recording',
    same: (tensors: number) => `✓ ONNX Runtime gives all ${tensors} tensors as they were recorded`,
    differ: (count: number, tensors: number) =>
      `✕ ONNX Runtime gives ${count} of ${tensors} tensors otherwise by more than 0.1 % of their range`,
    none: 'No tensor of it has a name and a size that this model has.',
  },
} as const;

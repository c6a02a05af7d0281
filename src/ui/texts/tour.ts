/** Texts of the tour, step by step. */
export const tour = {
  label: 'Tour',
  back: 'Back',
  next: 'Next',
  done: 'Done',
  leave: 'Leave the tour',
  at: (step: number, all: number) => `${step} of ${all}`,
  steps: {
    model: {
      title: 'A Transformer, as ONNX has it',
      text: 'Each card is an operator with its output shape; the thin bar is what it costs. Click one, or walk with the arrow keys: every other panel shows its part.',
    },
    program: {
      title: 'The same model, as eBPF instructions',
      text: 'The softmax is selected, so its instructions are tinted. The stripe on the left has the colour of the operator that a line serves; shared kernels serve several.',
    },
    verifier: {
      title: 'What the kernel’s verifier would say',
      text: 'Computed in this tab by the rules of Linux 6.18: the verdict, how many instructions were walked of the million allowed, and which operators they went to.',
    },
    trace: {
      title: 'Packets through the program',
      text: 'Each row was run in WebAssembly: its score, its verdict, and ONNX Runtime’s score beside it. Type over a tinted byte of the payload and the score follows at once.',
    },
    compare: {
      title: 'Is it right?',
      text: 'How often the verdicts of program and reference agree, and how far the scores are apart. A point off the diagonal is an event to look at: click it.',
    },
    debug: {
      title: 'A desk for programs that were refused',
      text: 'Paste a verifier log, assembly or C, or drop an object. The verifier says why it refuses, where the proof was lost, and offers edits that it has checked.',
    },
    palette: {
      title: 'Everything has a name',
      text: 'Ctrl+K finds every command, panel, operator and instruction. The question mark lists the keys. Drop your own model anywhere to begin: nothing leaves this tab.',
    },
  },
};

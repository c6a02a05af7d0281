/** What the page knows of the Text panel before it loads. */
export const textPanel = {
  title: 'Text',
  about: 'A language model as an eBPF program: give it a beginning and watch it write, token by token',
  commands: { write: 'Write on from the prompt', stop: 'Stop writing' },
} as const;

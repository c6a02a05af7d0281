/** What the palette and the tabs say of the Pipeline panel before it loads. */
export const pipelinePanel = {
  title: 'Pipeline',
  about: 'The compiler pass by pass, what each changed, and what other options would cost',
  overlay: {
    title: 'Engine µs',
    unit: 'µs in this browser’s engine',
    about:
      'Measured in this browser’s WebAssembly engine, not in a kernel: stage by stage on the packet at the cursor. Operators of one stage share its time by executed instructions',
    missing: 'measured once chosen, of a verified model',
  },
  commands: { back: 'Pipeline: pass before', next: 'Pipeline: next pass', tryOptions: 'Pipeline: try other options' },
} as const;

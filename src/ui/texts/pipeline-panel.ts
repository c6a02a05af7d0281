/** What the palette and the tabs say of the Pipeline panel before it loads. */
export const pipelinePanel = {
  title: 'Pipeline',
  about: 'The compiler pass by pass, what each changed, and what other options would cost',
  overlay: {
    title: 'Engine µs',
    unit: 'µs in this browser',
    about: 'Measured stage by stage in this browser, not in a kernel; operators of one stage share by executed instructions',
    missing: 'measured once chosen',
  },
  commands: { back: 'Pipeline: pass before', next: 'Pipeline: next pass', tryOptions: 'Pipeline: try other options' },
} as const;

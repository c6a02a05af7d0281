/** What the palette and the tabs say of the Pipeline panel before it loads. */
export const pipelinePanel = {
  title: 'Pipeline',
  about: 'The compiler pass by pass, what each changed, and what other options would cost',
  commands: { back: 'Pipeline: pass before', next: 'Pipeline: next pass', tryOptions: 'Pipeline: try other options' },
} as const;

/** What the palette and the tabs say of the panel before it loads. */
export const tensorFilesPanel = {
  title: 'Tensor files',
  about: 'Pictures as inputs of a model, and recordings of its tensors to compare with',
} as const;

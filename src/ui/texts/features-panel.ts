/** What the palette and the tabs say of the panel before it loads. */
export const featuresPanel = {
  title: 'Features',
  about: 'The numbers that the selected packet gives the model, and where each comes from',
} as const;

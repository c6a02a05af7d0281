/** What the palette and the tabs say of the Numbers panel before it loads. */
export const numbersPanel = {
  title: 'Numbers',
  about: 'Precision and scales of the model, what they cost each node, a search for the cheapest, and new weights in a running replay',
} as const;

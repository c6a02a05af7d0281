/** What the palette and the tabs say of the Learn panel before it loads. */
export const learnPanel = {
  title: 'Learn',
  about: 'The tour, the words of the field, and every instruction and helper',
} as const;

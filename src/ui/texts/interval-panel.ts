/** What the palette and the tabs say of the Interval panel before it loads. */
export const intervalPanel = {
  title: 'Interval',
  about: 'Drag the range of a register and watch what the verifier knows of it, beside numbers that were computed',
} as const;

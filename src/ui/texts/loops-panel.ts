/** What the palette and the tabs say of the Loops panel before it loads. */
export const loopsPanel = {
  title: 'Loops',
  about: 'Other forms of the program’s loops: how many states and instructions each costs the verifier',
} as const;

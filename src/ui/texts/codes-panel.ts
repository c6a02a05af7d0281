/** What the page knows of the panel before it loads. */
export const codesPanel = {
  title: 'Compare code',
  about: 'Two programs side by side, instruction by instruction: ours beside clang’s, or any two of one object or of two',
  commands: { next: 'Next difference of the codes', previous: 'Previous difference of the codes' },
} as const;

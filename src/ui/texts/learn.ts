/** Texts of the Learn panel, and the words of the field. */
export const learn = {
  tourTitle: 'A tour of two minutes',
  tourText: 'From the model to the instructions, to what the verifier proves, to packets and their scores. Escape leaves it at any step.',
  startTour: 'Start the tour',
  atCursor: 'At the cursor',
  nothingAtCursor: 'Select an instruction in the Program panel and it is explained here.',
  search: 'Find in the reference',
  none: 'Nothing in this part of the reference holds these words.',
  count: (shown: number, all: number) => (shown === all ? `${all}` : `${shown} of ${all}`),
  tabs: { words: 'Words', insns: 'Instructions', helpers: 'Helpers' },
  parts: 'Parts of the reference',
};

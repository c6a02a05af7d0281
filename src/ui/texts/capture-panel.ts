/** Of the Capture panel, what the shell shows before it opens. */
export const capturePanel = {
  title: 'Capture',
  about: 'Any capture: packets, their fields and bytes, display filters, flows',
};

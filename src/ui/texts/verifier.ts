/** Texts of the Verifier panel. */
export const verifier = {
  title: 'Verifier',
  about: 'Verdict, reasons, states and the budget by node',
};

/** Texts of the Trace panel. */
export const trace = {
  title: 'Trace',
  about: 'Packets or tensors of the trace, with verdicts and bytes',
};

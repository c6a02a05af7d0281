/** Texts of the Program panel. */
export const program = {
  title: 'Program',
  about: 'The instructions, as a listing, as IR and as a control-flow graph',
};

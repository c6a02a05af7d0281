/** What the Paths panel is called before it is opened: loaded with the page. */
export const pathsPanel = {
  title: 'Paths',
  about: 'Every path that the verifier walked, why it ended, loops round by round, and the range of a register',
  commands: {
    tree: 'Paths: tree of paths',
    rounds: 'Paths: rounds of the loop',
    range: 'Paths: range along the path',
    forward: 'Paths: one instruction forward on the path',
    back: 'Paths: one instruction back on the path',
    failing: 'Paths: to the refusal',
  },
} as const;

/** What the page knows of the C panel before it loads. */
export const cPanel = {
  title: 'C',
  about: 'C compiled in this tab: clang reads and optimises it, the verifier and both engines take what comes out',
  commands: {
    build: 'Compile the C and show the result',
    call: 'Call the open model from C',
    line: 'Show the instructions of the line at the cursor',
  },
} as const;

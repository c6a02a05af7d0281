/** What the palette and the tabs say of the Log panel before it loads. */
export const logPanel = {
  title: 'Log',
  about: 'The verifier’s log, of this program or of any kernel: search, visits, and the state at each line',
  commands: {
    find: 'Find in the log',
    next: 'Next match',
    previous: 'Previous match',
    only: 'Show only matching lines, or all',
    failure: 'Go to the reason of the rejection',
    insn: 'Go to an instruction in the log',
    nextVisit: 'Next visit of this instruction',
    previousVisit: 'Previous visit of this instruction',
    pathNext: 'Next on this path',
    pathPrevious: 'Previous on this path',
    fold: 'Fold notes about precision, or show them',
    state: 'Show the registers at the chosen line, or hide them',
    download: 'Download the log',
    copy: 'Copy the log',
  },
} as const;

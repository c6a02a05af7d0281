/** What the palette and the tabs say of the Machine panel before it loads. */
export const machinePanel = {
  title: 'Machine',
  about: 'Step through one event in both directions: registers, stack, memory, maps and tensors',
  commands: {
    continue: 'Machine: continue, or pause',
    reverse: 'Machine: run back to the breakpoint before',
    into: 'Machine: step into',
    over: 'Machine: step over',
    out: 'Machine: step out',
    back: 'Machine: step back',
    restart: 'Machine: start over',
    runTo: 'Machine: run to what is selected',
    follow: 'Machine: let the listing follow, or not',
    breakpoint: 'Machine: set or remove a breakpoint at the selected instruction',
  },
} as const;

/** What the palette and the tabs say of the accelerator's panels before they load. */
export const acceleratorPanels = {
  device: { title: 'Device', about: 'A simulated accelerator: requests, queue, eBPF engine, matrix units and memory' },
  timeline: { title: 'Commands', about: 'Every tensor command with the time of its hooks beside that of the units' },
  hooks: { title: 'Hooks', about: 'Programs on the accelerator’s hooks, their maps, and signed delivery' },
  measures: { title: 'Measures', about: 'Layers, tenants, audit log, exported trace, fusion and the cost of hooks' },
  commands: {
    run: 'Run or pause the accelerator',
    step: 'Step the accelerator by one event',
    reset: 'Reset the accelerator: its programs stay attached',
    fit: 'Show the whole timeline',
  },
} as const;

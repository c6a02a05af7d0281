/** What the palette and the tabs say of the panel before it loads. */
export const effectsPanel = {
  title: 'Effects',
  about: 'Packets that a program rewrites or sends on, what it tells user space, and its maps along a trace',
} as const;

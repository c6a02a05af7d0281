/** What the palette, the tabs and the graph say of the profile before it loads. */
export const profilePanel = {
  title: 'Profile',
  about: 'Executed instructions by operator, function, line and loop, and which way branches went, over one event or a replay',
  commands: {
    event: 'Profile: count the selected event',
    trace: 'Profile: count the whole trace',
    listing: 'Profile: show it in the listing, or not',
  },
  overlay: {
    title: 'Executed',
    unit: 'instructions an event',
    about: 'Instructions that each operator executed in one event, on average',
    missing: 'Count an event in the Profile panel first',
  },
} as const;

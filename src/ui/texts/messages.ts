/** Texts of the Messages panel. */
export const messages = {
  search: 'Find a message, or paste one',
  list: 'Messages of the verifier',
  count: (shown: number, all: number) => (shown === all ? `${all} messages` : `${shown} of ${all} messages`),
  none: 'No page has all of these words.',
  notation: 'R# stands for a register, N for a number.',
  allowed: 'allowed',
  why: 'Why the rule exists',
  change: 'What to change',
  example: 'The smallest program that gets it, and its repair',
  exampleHint:
    'Lines with − are in the rejected program alone, lines with + in the repaired one. Linux 6.18 and the verifier here agree on both.',
  removed: 'rejected program',
  added: 'repaired program',
  noExample: 'There is no program here: it would need types or maps that only a kernel module, C with types, or another kernel has.',
  openRejected: 'Open the rejected program',
  openRepaired: 'Open the repaired one',
  link: 'Copy the link to this page',
  copied: 'Link copied',
  notCopied: 'The browser did not allow copying',
  about: 'About this message',
  noPage: (message: string) => `The catalogue has no page for “${message}”`,
} as const;

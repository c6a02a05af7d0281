/** What the page knows of the panel before it loads. */
export const kernelPanel = {
  title: 'Kernel',
  about: 'What your own kernel says: verdict and log beside ours, test runs, a whole replay there',
  commands: { ask: 'Ask the kernel', next: 'Next line that differs from the kernel’s' },
} as const;

/** Names of what a model can be compiled with. */
export const compileOptions = {
  precision: 'Precision',
  strategy: 'Loops',
  kernel: 'Kernel',
  specialise: 'Specialise',
  specialiseHint: 'Weights of small and sparse matrices stand in the code: no other weights can be put in',
} as const;

import type { ThresholdOutput } from '../binding.ts';
import type { FittedBinding } from '../fit.ts';
import type { SyscallInput } from '../syscalls/binding.ts';

/** A binding of system calls as if a model of two classes had been found for it. */
export function fittedCalls(input: SyscallInput): FittedBinding {
  const output: ThresholdOutput = { kind: 'threshold', class: 1, threshold: 0.5, above: 'TAG', below: 'PASS' };
  return {
    binding: { hook: 'tracepoint', input, output },
    input,
    output,
    inputName: 'tokens',
    outputName: 'logits',
    classes: 2,
    meaning: 'logits',
  };
}

import { InputError } from '../../base/errors.ts';
import type { Binding } from '../../hooks/binding.ts';
import { checkAnyBinding } from '../../hooks/features/fit.ts';
import type { Model } from '../../onnx/model.ts';
import { elementCount } from '../../onnx/tensor.ts';

/** Calls between two verdicts on a process, where nothing else is asked for. */
const EVERY = 8;

/** A binding under which a model of tokens watches system calls; throws why there is none. */
export function callBinding(model: Model, where: string): Binding {
  const [input] = model.inputs;
  const [output] = model.outputs;
  const classes = output ? elementCount(output.dims) : 0;
  const binding: Binding = {
    hook: 'tracepoint',
    input: { kind: 'syscalls', length: input ? elementCount(input.dims) : 0, every: EVERY },
    output:
      classes <= 2
        ? { kind: 'threshold', class: 1, threshold: 0.5, above: 'TAG', below: 'PASS' }
        : { kind: 'argmax', verdicts: Array.from({ length: classes }, (_, at) => (at === 0 ? ('PASS' as const) : ('TAG' as const))) },
  };
  try {
    checkAnyBinding(binding, model);
  } catch (error) {
    const why = error instanceof InputError ? error.message : String(error);
    throw new InputError(
      `system calls become tokens, and the open model does not take them: ${why}`,
      where,
      'Open a model of call sequences, or a binding for it',
    );
  }
  return binding;
}

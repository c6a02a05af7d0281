import { InputError } from '../../base/errors.ts';
import type { Binding } from '../../hooks/binding.ts';
import { checkBinding, embeddingRows } from '../../hooks/fit.ts';
import { TENSOR_BINDING } from '../../hooks/tensor.ts';
import type { Model } from '../../onnx/model.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import type { BlobRef } from '../document.ts';
import { modelOf } from './models.ts';
import { beginningOf } from './traces.ts';

export interface OpenModel {
  readonly blob: BlobRef;
  readonly dims: Readonly<Record<string, number>>;
}

const count = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);

/** Payload bytes as tokens and a threshold or argmax for verdicts, where the model takes them; null where it does not. */
function payloadBinding(model: Model): Binding | null {
  const [input] = model.inputs;
  const [output] = model.outputs;
  if (!input || !output) return null;
  const rows = embeddingRows(model, input.name) ?? 0;
  const classes = count(output.dims);
  const binding: Binding = {
    hook: 'xdp',
    input: {
      kind: 'payload',
      tensor: input.name,
      layer: 'l4_payload',
      length: count(input.dims),
      pad: rows > 256 ? 256 : 0,
      otherwise: 'PASS',
    },
    output:
      classes <= 2
        ? { kind: 'threshold', tensor: output.name, class: 1, threshold: 0.5, above: 'DROP', below: 'PASS' }
        : {
            kind: 'argmax',
            tensor: output.name,
            verdicts: Array.from({ length: classes }, (_, at) => (at === 0 ? ('PASS' as const) : ('DROP' as const))),
          },
  };
  try {
    checkBinding(binding, model);
    return binding;
  } catch {
    return null;
  }
}

/** The binding that a model opens with: packets where it can read them, else tensors. */
export async function defaultBinding({ blob, dims }: OpenModel): Promise<Binding> {
  return payloadBinding(await modelOf(blob, dims)) ?? TENSOR_BINDING;
}

/** The binding under which a trace and the open model fit, or why there is none; null: the present one stays. */
export async function bindingFor(args: { trace: BlobRef; model: OpenModel | null; binding: Binding | null }): Promise<Binding | null> {
  const held = await beginningOf(args.trace);
  if (!args.model) {
    if (held.kind === 'packets') return null;
    const what = held.kind === 'tensors' ? 'tensors' : 'system calls';
    throw new InputError(`${what} go to a model, and no model is open`, args.trace.name, 'Open an .onnx file first');
  }
  const model = await modelOf(args.model.blob, args.model.dims);
  if (held.kind === 'tensors') {
    tensorInputs(model, held.arrays);
    return args.binding?.input.kind === 'tensor' ? null : TENSOR_BINDING;
  }
  if (held.kind === 'calls')
    return args.binding?.input.kind === 'syscalls' ? null : (await import('./call-binding.ts')).callBinding(model, args.trace.name);
  if (args.binding && args.binding.input.kind !== 'tensor' && args.binding.input.kind !== 'syscalls') return null;
  const binding = payloadBinding(model);
  if (binding) return binding;
  const inputs = model.inputs.map(({ name, dtype }) => `\`${name}\` (${dtype})`).join(', ');
  throw new InputError(
    `packets become tokens, but the open model takes ${inputs}`,
    args.trace.name,
    'Give its inputs as .npy, or open a model that begins with an embedding',
  );
}

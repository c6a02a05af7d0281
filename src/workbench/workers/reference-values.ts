import { InputError } from '../../base/errors.ts';
import type { Binding } from '../../hooks/binding.ts';
import { checkBinding } from '../../hooks/fit.ts';
import { createReference, type Reference, type Tensors } from '../../reference/reference.ts';
import { type ValueError, valueError } from '../../reference/value-error.ts';
import { packetInputs, tensorInputs } from '../../replay/inputs.ts';
import type { ModelSpec } from '../clients.ts';
import type { CallContext } from '../rpc.ts';
import type { EventSpec, ProgramValueView, ReferenceValueView } from '../value-views.ts';
import { bytesOf, Recent } from './blobs.ts';
import { modelOf } from './models.ts';
import { heldTrace } from './traces.ts';

interface ValuesArgs {
  readonly model: ModelSpec;
  readonly binding: Binding;
  readonly event: EventSpec;
  /** Identifies model, binding and event. */
  readonly key: string;
}

let open: { readonly key: string; readonly reference: Promise<Reference> } | null = null;
const results = new Recent<readonly ReferenceValueView[] | null>(4);

/** A session with every intermediate value among its outputs; the replay's own session keeps its optimisations. */
function sessionOf(spec: ModelSpec): Promise<Reference> {
  if (open?.key !== spec.key) {
    void open?.reference.then((reference) => reference.release()).catch(() => {});
    open = { key: spec.key, reference: createReference(bytesOf(spec.model), { outputs: 'all', fileName: spec.model.name }) };
  }
  return open.reference;
}

/** All values of the model for one event, as ONNX Runtime computes them; null for a packet that the model does not see. */
export async function referenceValues(args: ValuesArgs, context: CallContext): Promise<readonly ReferenceValueView[] | null> {
  const known = results.get(args.key);
  if (known !== undefined) return known;
  const inputs = await inputsOf(args);
  if (!inputs) return null;
  context.progress('running ONNX Runtime', 0, 0);
  const outputs = await (await sessionOf(args.model)).run(inputs);
  const values = Object.entries({ ...inputs, ...outputs }).map(([name, { dims, data }]): ReferenceValueView => {
    const floats = data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number | bigint>, Number);
    return { name, dims, data: floats };
  });
  return results.set(args.key, values);
}

async function inputsOf({ model: spec, binding, event }: ValuesArgs): Promise<Tensors | null> {
  const model = await modelOf(spec.model, spec.dims);
  if (event.kind === 'tensors') {
    const held = heldTrace(event.trace);
    if (held.kind !== 'tensors') throw new InputError('the trace holds packets, the model takes tensors', event.trace.name);
    return tensorInputs(model, [{ tensor: held.tensor, where: held.where }])[event.index] ?? null;
  }
  const fitted = checkBinding(binding, model);
  const input = fitted && model.inputs.find(({ name }) => name === fitted.inputName);
  if (!fitted || !input) throw new InputError('a tensor binding takes no packets', 'binding');
  return packetInputs(event.bytes, fitted.binding, input);
}

/** How far each of the program's values is from the reference's. */
export async function compareValues(
  args: ValuesArgs & { readonly values: readonly Pick<ProgramValueView, 'name' | 'data' | 'scale' | 'max' | 'masks'>[] },
  context: CallContext,
): Promise<readonly (readonly [name: string, error: ValueError])[]> {
  const reference = new Map((await referenceValues(args, context))?.map(({ name, data }) => [name, data]));
  return args.values.flatMap((value) => {
    const expected = reference.get(value.name);
    return expected && expected.length === value.data.length ? [[value.name, valueError(value, expected)] as const] : [];
  });
}

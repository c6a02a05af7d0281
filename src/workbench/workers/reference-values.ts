import { InputError } from '../../base/errors.ts';
import type { Binding } from '../../hooks/binding.ts';
import { type Held, OwnErrors } from '../../reference/own-error.ts';
import { createReference, type Reference, type Tensors } from '../../reference/reference.ts';
import { valueError } from '../../reference/value-error.ts';
import { tensorInputs } from '../../replay/inputs.ts';
import type { ModelSpec } from '../clients.ts';
import type { CallContext } from '../rpc.ts';
import type { EventSpec, NamedErrors, ReferenceValueView } from '../value-views.ts';
import { bytesOf, Recent } from './blobs.ts';
import { fitted } from './bound.ts';
import { inputsAfter } from './events.ts';
import { modelOf } from './models.ts';
import { heldTensors } from './traces.ts';

interface ValuesArgs {
  readonly model: ModelSpec;
  readonly binding: Binding;
  readonly event: EventSpec;
  /** Identifies model, binding and event. */
  readonly key: string;
}

let open: { readonly key: string; readonly reference: Promise<Reference> } | null = null;
let isolated: { readonly key: string; readonly errors: Promise<OwnErrors> } | null = null;
const results = new Recent<Event | null>(4);

interface Event {
  readonly inputs: Tensors;
  /** Inputs and everything that nodes make. */
  readonly values: Tensors;
}

/** A session with every intermediate value among its outputs; the replay's own session keeps its optimisations. */
export function sessionOf(spec: ModelSpec): Promise<Reference> {
  if (open?.key !== spec.key) {
    void open?.reference.then((reference) => reference.release()).catch(() => {});
    open = { key: spec.key, reference: createReference(bytesOf(spec.model), { outputs: 'all', fileName: spec.model.name }) };
  }
  return open.reference;
}

/** One event in ONNX Runtime; null for a packet that the model does not see. */
async function eventOf(args: ValuesArgs, context: CallContext): Promise<Event | null> {
  const known = results.get(args.key);
  if (known !== undefined) return known;
  const inputs = await inputsOf(args);
  if (!inputs) return null;
  context.progress('running ONNX Runtime', 0, 0);
  const outputs = await (await sessionOf(args.model)).run(inputs);
  return results.set(args.key, { inputs, values: { ...inputs, ...outputs } });
}

/** All values of the model for one event, as ONNX Runtime computes them; null for a packet that the model does not see. */
export async function referenceValues(args: ValuesArgs, context: CallContext): Promise<readonly ReferenceValueView[] | null> {
  const event = await eventOf(args, context);
  return event && Object.entries(event.values).map(([name, { dims, data }]) => ({ name, dims, data: floatsOf(data) }));
}

export const floatsOf = (data: Tensors[string]['data']): Float32Array =>
  data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number | bigint>, Number);

async function inputsOf({ model: spec, binding, event }: ValuesArgs): Promise<Tensors | null> {
  const model = await modelOf(spec.model, spec.dims);
  if (event.kind === 'tensors') return tensorInputs(model, await heldTensors(event.trace))[event.index] ?? null;
  const fit = await fitted(binding, model);
  if (!fit) throw new InputError('a tensor binding takes no packets', 'binding');
  return inputsAfter(event, fit, model);
}

interface HeldArgs extends ValuesArgs {
  readonly values: readonly Held[];
}

/** How far each of the program's values is from the reference's. */
export async function compareValues(args: HeldArgs, context: CallContext): Promise<NamedErrors> {
  const event = await eventOf(args, context);
  return args.values.flatMap((value) => {
    const expected = event?.values[value.name];
    return expected && expected.data.length === value.data.length
      ? [[value.name, valueError(value, floatsOf(expected.data))] as const]
      : [];
  });
}

/** The steps of a program with these values, each by itself; `expected` is an event as ONNX Runtime computes it. */
export function ownErrorsOf({ key: modelKey, model }: ModelSpec, values: readonly Held[], expected: Tensors): Promise<OwnErrors> {
  const key = JSON.stringify([modelKey, values.map(({ name, data }) => [name, data.length])]);
  if (isolated?.key !== key) {
    void isolated?.errors.then((errors) => errors.release()).catch(() => {});
    isolated = { key, errors: OwnErrors.open(bytesOf(model), model.name, values, expected) };
  }
  return isolated.errors;
}

/** What each step of the program adds to the error by itself. */
export async function ownErrors(args: HeldArgs, context: CallContext): Promise<NamedErrors> {
  const event = await eventOf(args, context);
  if (!event) return [];
  context.progress('running each step by itself', 0, 0);
  return [...(await (await ownErrorsOf(args.model, args.values, event.values)).run(event.inputs, args.values, event.values))];
}

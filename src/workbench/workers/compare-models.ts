import type { Model, Tensor } from '../../onnx/model.ts';
import type { ModelSpec } from '../clients.ts';
import { diffModels, type ModelDifference } from '../model-diff.ts';
import type { CallContext } from '../rpc.ts';
import type { ModelView } from '../views.ts';
import { modelOf, modelView } from './models.ts';
import { inSlices } from './weights.ts';

export interface ComparedModels {
  readonly other: ModelView;
  readonly difference: ModelDifference;
}

/** The open model beside another one: which nodes correspond, and in what they differ. */
export async function compareModels(
  { model, other }: { model: ModelSpec; other: ModelSpec },
  context: CallContext,
): Promise<ComparedModels> {
  const sides = [];
  for (const spec of [model, other]) {
    const nodes = (await modelView(spec)).nodes.filter((node) => node.folded === undefined);
    sides.push({ nodes, hashes: await hashesOf(await modelOf(spec.model, spec.dims), context) });
  }
  return { other: await modelView(other), difference: diffModels(sides[0]!, sides[1]!) };
}

const known = new WeakMap<Model, ReadonlyMap<string, string>>();

async function hashesOf(model: Model, context: CallContext): Promise<ReadonlyMap<string, string>> {
  const found = known.get(model);
  if (found) return found;
  const hashes = new Map<string, string>();
  for (const [name, tensor] of model.initializers) hashes.set(name, await hashOf(tensor, context));
  known.set(model, hashes);
  return hashes;
}

/** A hash of dtype, shape and all entries: 64 bits in two halves, which tells weights apart but withstands nobody who forges them. */
async function hashOf({ dtype, dims, data }: Tensor, context: CallContext): Promise<string> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let [h1, h2] = [0x811c9dc5, 0x9747b28c];
  await inSlices(bytes.length, context, 'comparing weights', (from, to) => {
    for (let at = from; at < to; at++) {
      h1 = Math.imul(h1 ^ bytes[at]!, 0x01000193);
      h2 = Math.imul(h2 ^ bytes[at]!, 0x5bd1e995) ^ (h2 >>> 15);
    }
  });
  return `${dtype} ${dims.join('x')} ${(h1 >>> 0).toString(16)}${(h2 >>> 0).toString(16)}`;
}

import type { Binding } from '../../hooks/binding.ts';
import { parseAnyBinding } from '../../hooks/features/parse.ts';
import type { BlobRef } from '../document.ts';
import type { OpenModel } from './bindings.ts';
import { bytesOf } from './blobs.ts';
import { fitted } from './bound.ts';
import { modelOf } from './models.ts';

export function readBinding({ blob }: { blob: BlobRef }): Binding {
  return parseAnyBinding(new TextDecoder().decode(bytesOf(blob)), blob.name);
}

/** Fails with both sides of the misfit where a binding does not fit the model. */
export async function fitBinding({ model, binding }: { model: OpenModel; binding: Binding }): Promise<void> {
  await fitted(parseAnyBinding(binding, 'binding'), await modelOf(model.blob, model.dims));
}

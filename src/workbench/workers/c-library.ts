import type { Calibration } from '../../compiler/api.ts';
import { TENSOR_BINDING } from '../../hooks/tensor.ts';
import { type CLibrary, modelCLibrary, objectCLibrary } from '../../replay/c-library.ts';
import type { CLink } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { bytesOf } from './blobs.ts';
import { compileModel } from './build.ts';

/** What a link of a C program brings: the functions of a model and their header, or an object. */
export async function cLibrary(
  { link, calibration }: { link: CLink; calibration: Calibration | null },
  context: CallContext,
): Promise<CLibrary> {
  const { blob } = link;
  if (link.kind === 'object') return objectCLibrary(blob.name, bytesOf(blob));
  const model = { key: blob.hash, model: blob, dims: link.options.dims };
  const { program, meta } = await compileModel(
    { kind: 'model', model, calibration: calibration!, binding: TENSOR_BINDING },
    link.options,
    context,
  );
  return modelCLibrary(blob.name, program, meta);
}

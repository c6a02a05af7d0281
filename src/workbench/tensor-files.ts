import { create } from 'zustand';
import type { PictureScaling } from '../replay/pictures.ts';
import { NO_SCALING } from '../replay/pictures.ts';
import { openTrace } from './actions.ts';
import { putBlob } from './blobs.ts';
import { compileWorker, hold } from './clients.ts';
import type { BlobRef } from './document.ts';
import { toUserError, type UserError } from './errors.ts';
import { RemoteError } from './rpc.ts';
import { currentDoc } from './store.ts';
import type { ArchiveView } from './tensor-file-views.ts';

/** Files that no program reads as they are: they become an .npz archive for the open model, which is the trace. */

interface PicturesState {
  /** The pictures that were opened last; they stay for other settings. */
  readonly files: readonly BlobRef[];
  readonly scaling: PictureScaling;
  readonly made: Omit<ArchiveView, 'bytes'> | null;
  /** The trace that was made of them. */
  readonly trace: string;
  readonly error: UserError | null;
}

export const usePictures = create<PicturesState>()(() => ({
  files: [],
  scaling: { ...NO_SCALING, resize: true },
  made: null,
  trace: '',
  error: null,
}));

function archive(files: readonly BlobRef[], scaling: PictureScaling | null): Promise<ArchiveView> {
  const { source, options } = currentDoc();
  if (source?.kind !== 'model')
    return Promise.reject(
      new RemoteError({ what: 'Tensors go to a model, and no model is open', where: files[0]!.name, advice: 'Open an .onnx file first' }),
    );
  hold(compileWorker, source.blob, ...files);
  return compileWorker.call<ArchiveView>('tensorArchive', { files, model: { blob: source.blob, dims: options.dims }, scaling });
}

/** A file of tensors as an archive for the open model. */
export async function asArchive(file: BlobRef): Promise<BlobRef> {
  const { bytes } = await archive([file], null);
  return putBlob(`${file.name}.npz`, bytes);
}

/** Opens pictures as the trace, scaled as the last ones were. */
export function openPictures(files: readonly BlobRef[]): Promise<void> {
  usePictures.setState({ files, made: null, error: null });
  return scalePictures(usePictures.getState().scaling);
}

/** Makes the trace of the open pictures anew. */
export async function scalePictures(scaling: PictureScaling): Promise<void> {
  const { files } = usePictures.getState();
  usePictures.setState({ scaling });
  try {
    const { bytes, ...made } = await archive(files, scaling);
    const name = files.length === 1 ? files[0]!.name : `${files.length} pictures`;
    const ref = await putBlob(`${name}.npz`, bytes);
    await openTrace(ref);
    usePictures.setState({ made, trace: ref.hash, error: null });
  } catch (error) {
    const said = error instanceof RemoteError ? error.error : toUserError(error, 'Reading the pictures');
    usePictures.setState({ error: said });
    throw error;
  }
}

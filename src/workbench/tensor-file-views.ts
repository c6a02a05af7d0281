import type { PictureShape } from '../replay/pictures.ts';

/** Arrays for the open model as one .npz file. */
export interface ArchiveView {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of each array: its name (the model's input) and shape, inputs first. */
  readonly arrays: readonly { readonly name: string; readonly shape: readonly number[]; readonly min: number; readonly max: number }[];
  /** What the model takes of a picture; null where the file held none. */
  readonly taken: PictureShape | null;
  /** Sizes of the pictures as they came. */
  readonly sizes: readonly { readonly width: number; readonly height: number }[];
}
